//! Wavefront OBJ: vertices, texture coordinates and faces, with colours behind the coordinates as
//! many programs write them.

use std::collections::HashMap;
use std::fmt::Write as _;

use alcove_sdk::Failure;

use super::damaged;
use super::words::numbers;
use crate::mesh::{Mesh, number, too_many};

/// A face of more corners is damage.
const MAX_CORNERS: usize = 10_000;

type Told = (Mesh, Vec<&'static str>);

pub(super) fn read(bytes: &[u8]) -> Result<Told, Failure> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::default();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("v") => {
                reader.points.push(numbers(&mut words)?);
                // A single number more is a weight.
                let is_colored = words.clone().count() >= 3;
                let color = is_colored.then(|| numbers(&mut words)).transpose()?;
                reader.colors.push(color);
            }
            Some("vt") => reader.uvs.push(numbers(&mut words)?),
            Some("f") => reader.face(words)?,
            Some("usemtl") => reader.has_material = true,
            _ => {}
        }
    }
    Ok(reader.finish())
}

#[derive(Default)]
struct Reader {
    points: Vec<[f32; 3]>,
    colors: Vec<Option<[f32; 3]>>,
    uvs: Vec<[f32; 2]>,
    vertices: HashMap<(usize, Option<usize>), u32>,
    /// Point and texture coordinate of each vertex, in order.
    chosen: Vec<(usize, Option<usize>)>,
    faces: Vec<[u32; 3]>,
    has_material: bool,
}

impl Reader {
    fn face<'l>(&mut self, words: impl Iterator<Item = &'l str>) -> Result<(), Failure> {
        let mut corners = Vec::with_capacity(4);
        for word in words.take(MAX_CORNERS) {
            let mut parts = word.split('/');
            let point = index(parts.next(), self.points.len())?;
            let point = point.ok_or_else(|| damaged("a corner of a face names no vertex"))?;
            let key = (point, index(parts.next(), self.uvs.len())?);
            let next = number(self.chosen.len());
            let vertex = *self.vertices.entry(key).or_insert(next);
            if vertex == next {
                self.chosen.push(key);
            }
            corners.push(vertex);
        }
        for at in 2..corners.len() {
            self.faces.push([corners[0], corners[at - 1], corners[at]]);
        }
        too_many(self.faces.len(), self.chosen.len())
    }

    fn finish(self) -> Told {
        let all_have_uvs = self.chosen.iter().all(|(_, uv)| uv.is_some());
        let all_have_colors = self.chosen.iter().all(|&(at, _)| self.colors[at].is_some());
        let uvs = self.chosen.iter().filter_map(|&(_, uv)| {
            // From the lower left here, from the upper left elsewhere.
            uv.map(|at| [self.uvs[at][0], 1.0 - self.uvs[at][1]])
        });
        let colors = self.chosen.iter().filter_map(|&(at, _)| {
            self.colors[at].map(|[r, g, b]| {
                let [r, g, b] = [r, g, b].map(|x| (x.clamp(0.0, 1.0) * 255.0).round() as u8);
                [r, g, b, 255]
            })
        });
        let mesh = Mesh {
            uvs: all_have_uvs.then(|| uvs.collect()),
            colors: all_have_colors.then(|| colors.collect()),
            positions: self.chosen.iter().map(|&(at, _)| self.points[at]).collect(),
            faces: self.faces,
        };
        let notes = self.has_material.then_some("its materials are not kept");
        (mesh, notes.into_iter().collect())
    }
}

/// The index that a face names: from 1, or backwards from the end.
fn index(word: Option<&str>, many: usize) -> Result<Option<usize>, Failure> {
    let Some(word) = word.filter(|word| !word.is_empty()) else {
        return Ok(None);
    };
    let wrong = || damaged("a face names a vertex that is not there");
    let at: i64 = word.parse().map_err(|_| wrong())?;
    let many = many as i64;
    let at = if at < 0 { many + at } else { at - 1 };
    if !(0..many).contains(&at) {
        return Err(wrong());
    }
    usize::try_from(at).map(Some).map_err(|_| wrong())
}

pub(super) fn write(mesh: &Mesh) -> Vec<u8> {
    let mut text = String::new();
    // Writing to a text cannot fail.
    for (at, [x, y, z]) in mesh.positions.iter().enumerate() {
        let _ = match mesh.colors.as_ref().map(|colors| colors[at]) {
            None => writeln!(text, "v {x} {y} {z}"),
            Some(color) => {
                let [r, g, b, _] = color.map(|x| f32::from(x) / 255.0);
                writeln!(text, "v {x} {y} {z} {r:.4} {g:.4} {b:.4}")
            }
        };
    }
    for [u, v] in mesh.uvs.iter().flatten() {
        let _ = writeln!(text, "vt {u} {}", 1.0 - v);
    }
    for face in &mesh.faces {
        let [a, b, c] = face.map(|vertex| vertex + 1);
        let _ = match mesh.uvs {
            None => writeln!(text, "f {a} {b} {c}"),
            Some(_) => writeln!(text, "f {a}/{a} {b}/{b} {c}/{c}"),
        };
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polygons_and_numbers_from_the_end_are_read() {
        let text = "# a quad\nusemtl wood\nv 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\nf -4/1/1 2/1 3//5 4\n";
        let (mesh, notes) = read(text.as_bytes()).unwrap();
        assert_eq!(mesh.faces, [[0, 1, 2], [0, 2, 3]]);
        assert_eq!((mesh.uvs, notes.len()), (None, 1));
        for wrong in ["f 0 1 2", "f 1 2 5", "f -5 1 2", "f a b c", "f 1/2 2 3"] {
            assert!(
                read(format!("{text}{wrong}\n").as_bytes()).is_err(),
                "{wrong}"
            );
        }
    }
}
