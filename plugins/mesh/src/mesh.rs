//! Triangle meshes.

use std::collections::HashMap;

use alcove_sdk::Failure;

use crate::vector::{Vector, sub, wide};

/// A mesh has at most so many triangles and vertices, which fit the memory that the policy gives.
pub(crate) const MAX_FACES: usize = 2_000_000;
pub(crate) const MAX_VERTICES: usize = 2_000_000;

/// Triangles over vertices with, where there are any, texture coordinates and colours. Two vertices
/// may lie at one place where these differ. Normals are made anew where a file wants them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Mesh {
    /// Where each vertex is.
    pub positions: Vec<[f32; 3]>,
    /// As many as positions.
    pub uvs: Option<Vec<[f32; 2]>>,
    /// Red, green, blue and alpha in sRGB, as many as positions.
    pub colors: Option<Vec<[u8; 4]>>,
    /// Indices of vertices, counter-clockwise seen from outside.
    pub faces: Vec<[u32; 3]>,
}

/// The box around a mesh.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    pub low: Vector,
    pub high: Vector,
}

impl Bounds {
    pub(crate) fn size(&self) -> Vector {
        sub(self.high, self.low)
    }

    pub fn diagonal(&self) -> f64 {
        crate::vector::length(self.size())
    }

    pub(crate) fn of(points: impl Iterator<Item = Vector>) -> Self {
        let nothing = Self {
            low: [f64::INFINITY; 3],
            high: [f64::NEG_INFINITY; 3],
        };
        points.fold(nothing, |mut bounds, point| {
            bounds.low = std::array::from_fn(|axis| bounds.low[axis].min(point[axis]));
            bounds.high = std::array::from_fn(|axis| bounds.high[axis].max(point[axis]));
            bounds
        })
    }

    /// Whether the other one lies within it, and is not the same.
    pub(crate) fn is_around(&self, inner: &Self) -> bool {
        (0..3).all(|axis| self.low[axis] < inner.low[axis] && inner.high[axis] < self.high[axis])
    }
}

impl Mesh {
    /// Checks what a reader made of a file, and joins vertices that are the same in all.
    ///
    /// # Errors
    /// Where there is no triangle, too many, an index that leads nowhere or a number that is none.
    pub(crate) fn checked(mut self) -> Result<Self, Failure> {
        let vertices = self.positions.len();
        if self.faces.is_empty() {
            return Err(Failure::invalid_input("the file has no triangles"));
        }
        too_many(self.faces.len(), vertices)?;
        if self
            .faces
            .iter()
            .flatten()
            .any(|&at| at as usize >= vertices)
        {
            return Err(Failure::invalid_input(
                "a face of the file names a vertex that is not there",
            ));
        }
        let is_finite = |p: &[f32; 3]| p.iter().all(|x| x.is_finite() && x.abs() < 1e18);
        if !self.positions.iter().all(is_finite) {
            return Err(Failure::invalid_input(
                "a vertex of the file is at no place: its coordinates are not finite",
            ));
        }
        self.uvs = self.uvs.filter(|uvs| uvs.len() == vertices);
        self.colors = self.colors.filter(|colors| colors.len() == vertices);
        for x in self.positions.iter_mut().flatten() {
            // One zero is enough.
            *x += 0.0;
        }
        for x in self.uvs.iter_mut().flatten().flatten() {
            *x = if x.is_finite() { *x } else { 0.0 };
        }
        self.join_same();
        Ok(self)
    }

    /// Joins vertices that are the same in all, and drops those that no face names.
    pub fn join_same(&mut self) {
        let mut numbers = HashMap::with_capacity(self.positions.len() / 2);
        let mut chosen = Vec::new();
        let mut faces = std::mem::take(&mut self.faces);
        for at in faces.iter_mut().flatten() {
            let old = *at as usize;
            let uv = self.uvs.as_ref().map(|uvs| uvs[old].map(bits));
            let color = self.colors.as_ref().map(|colors| colors[old]);
            let key = (self.positions[old].map(bits), uv, color);
            *at = *numbers.entry(key).or_insert_with(|| {
                chosen.push(old);
                number(chosen.len() - 1)
            });
        }
        self.faces = faces;
        self.choose(&chosen);
    }

    /// Drops vertices that no face names.
    pub(crate) fn drop_unused(&mut self) {
        const NONE: u32 = u32::MAX;
        let mut numbers = vec![NONE; self.positions.len()];
        let mut chosen = Vec::new();
        for at in self.faces.iter_mut().flatten() {
            let number = &mut numbers[*at as usize];
            if *number == NONE {
                *number = self::number(chosen.len());
                chosen.push(*at as usize);
            }
            *at = *number;
        }
        self.choose(&chosen);
    }

    /// Keeps these vertices in this order.
    fn choose(&mut self, chosen: &[usize]) {
        self.positions = chosen.iter().map(|&old| self.positions[old]).collect();
        self.uvs = (self.uvs.take()).map(|uvs| chosen.iter().map(|&old| uvs[old]).collect());
        let colors = self.colors.take();
        self.colors = colors.map(|colors| chosen.iter().map(|&old| colors[old]).collect());
    }

    /// The place of each vertex, as a number, and how many places there are: vertices at one place
    /// have one number.
    pub(crate) fn places(&self) -> (Vec<u32>, usize) {
        let mut numbers = HashMap::with_capacity(self.positions.len());
        let of = self.positions.iter().map(|position| {
            let next = number(numbers.len());
            *numbers.entry(position.map(bits)).or_insert(next)
        });
        let of = of.collect();
        (of, numbers.len())
    }

    pub(crate) fn point(&self, vertex: u32) -> Vector {
        wide(self.positions[vertex as usize])
    }

    pub(crate) fn corners(&self, face: [u32; 3]) -> [Vector; 3] {
        face.map(|vertex| self.point(vertex))
    }

    /// The box around it.
    pub fn bounds(&self) -> Bounds {
        Bounds::of(self.positions.iter().map(|&p| wide(p)))
    }
}

/// # Errors
/// Where a mesh of that size is more than is taken.
pub(crate) fn too_many(faces: usize, vertices: usize) -> Result<(), Failure> {
    if faces > MAX_FACES || vertices > MAX_VERTICES.saturating_mul(3) {
        return Err(Failure::too_large(format!(
            "the mesh has more than {MAX_FACES} triangles or {MAX_VERTICES} vertices"
        )));
    }
    Ok(())
}

/// An index; what is read is bounded far below its end.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The bits of a number, one for both zeros.
fn bits(x: f32) -> u32 {
    (x + 0.0).to_bits()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A closed ball of `8 * n * n` triangles, as an octahedron whose faces are divided.
    pub(crate) fn ball(n: u32) -> Mesh {
        let mut mesh = Mesh::default();
        for signs in 0..8_u32 {
            let sign = |axis: u32| {
                if signs >> axis & 1 == 0 {
                    1.0
                } else {
                    -1.0_f64
                }
            };
            let corner = |i: u32, j: u32| {
                let (x, y) = (f64::from(i), f64::from(j));
                let z = f64::from(n) - x - y;
                let p = [x * sign(0), y * sign(1), z * sign(2)];
                let length = crate::vector::length(p);
                p.map(|x| (x / length) as f32)
            };
            let is_mirrored = signs.count_ones() % 2 == 1;
            let mut face = |a, b, c| {
                let first = number(mesh.positions.len());
                mesh.positions.extend([a, b, c]);
                mesh.faces.push(if is_mirrored {
                    [first, first + 2, first + 1]
                } else {
                    [first, first + 1, first + 2]
                });
            };
            for i in 0..n {
                for j in 0..n - i {
                    face(corner(i, j), corner(i + 1, j), corner(i, j + 1));
                    if i + j + 1 < n {
                        face(corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1));
                    }
                }
            }
        }
        mesh.checked().unwrap()
    }

    /// A wavy sheet of `2 * n * n` triangles over the unit square, with texture coordinates and
    /// colours.
    pub(crate) fn sheet(n: u16) -> Mesh {
        let mut mesh = Mesh::default();
        let (mut uvs, mut colors) = (Vec::new(), Vec::new());
        for j in 0..=n {
            for i in 0..=n {
                let (x, y) = (f32::from(i) / f32::from(n), f32::from(j) / f32::from(n));
                mesh.positions
                    .push([x, y, 0.05 * (x * 9.0).sin() * (y * 7.0).cos()]);
                uvs.push([x, y]);
                colors.push([(x * 255.0) as u8, (y * 255.0) as u8, 0, 255]);
            }
        }
        let n = u32::from(n);
        for j in 0..n {
            for i in 0..n {
                let at = j * (n + 1) + i;
                mesh.faces.push([at, at + 1, at + n + 2]);
                mesh.faces.push([at, at + n + 2, at + n + 1]);
            }
        }
        mesh.uvs = Some(uvs);
        mesh.colors = Some(colors);
        mesh.checked().unwrap()
    }

    #[test]
    fn what_makes_no_mesh_is_refused() {
        let triangle = Mesh {
            positions: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            faces: vec![[0, 1, 2]],
            ..Mesh::default()
        };
        assert!(triangle.clone().checked().is_ok());
        assert!(Mesh::default().checked().is_err());
        let mut outside = triangle.clone();
        outside.faces[0][1] = 3;
        assert!(outside.checked().is_err());
        let mut nowhere = triangle;
        nowhere.positions[0][0] = f32::NAN;
        assert!(nowhere.checked().is_err());
    }

    #[test]
    fn vertices_that_are_the_same_are_one() {
        let ball = ball(4);
        assert_eq!(ball.faces.len(), 8 * 16);
        assert_eq!(ball.positions.len(), 4 * 16 + 2);
        assert_eq!(ball.places().1, 4 * 16 + 2);
    }
}
