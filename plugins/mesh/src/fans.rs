//! The triangles around each place, and what may be done there.

use crate::mesh::number;

/// More triangles around one place than any mesh worth the name has; such a place stays.
const MAX_FAN: usize = 128;

/// One triangle at a place: the vertices of its corner there, of the next and of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Corner {
    pub(crate) vertex: u32,
    pub(crate) next: u32,
    pub(crate) previous: u32,
}

/// What a place is to its surroundings, and so where it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Surrounded by triangles: anywhere.
    Inner,
    /// On one border: along it.
    Border,
    /// On one seam between texture coordinates or colours: along it.
    Seam,
    /// Where borders or seams meet or end: nowhere.
    Fixed,
}

/// What an edge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EdgeKind {
    /// Between two triangles that share both vertices.
    Inner,
    /// With one triangle.
    Open,
    /// Between two triangles that differ in texture coordinates or colours.
    Seam,
}

/// For each place the faces around it.
pub(crate) struct Fans<'f> {
    faces: &'f [[u32; 3]],
    place: &'f [u32],
    begins: Vec<u32>,
    /// Three times the face, and which corner of it.
    corners: Vec<u32>,
}

impl<'f> Fans<'f> {
    pub(crate) fn new(faces: &'f [[u32; 3]], place: &'f [u32], places: usize) -> Self {
        let mut begins = vec![0_u32; places + 1];
        for &vertex in faces.iter().flatten() {
            begins[place[vertex as usize] as usize + 1] += 1;
        }
        for at in 0..places {
            begins[at + 1] += begins[at];
        }
        let mut next = begins.clone();
        let mut corners = vec![0; faces.len() * 3];
        for (corner, &vertex) in faces.iter().flatten().enumerate() {
            let slot = &mut next[place[vertex as usize] as usize];
            corners[*slot as usize] = number(corner);
            *slot += 1;
        }
        Self {
            faces,
            place,
            begins,
            corners,
        }
    }

    /// How many faces are around a place.
    pub(crate) fn size(&self, place: u32) -> usize {
        (self.begins[place as usize + 1] - self.begins[place as usize]) as usize
    }

    pub(crate) fn of(&self, place: u32) -> impl Iterator<Item = Corner> + Clone + '_ {
        let (begin, end) = (
            self.begins[place as usize] as usize,
            self.begins[place as usize + 1] as usize,
        );
        self.corners[begin..end].iter().map(|&corner| {
            let face = self.faces[corner as usize / 3];
            let at = corner as usize % 3;
            Corner {
                vertex: face[at],
                next: face[(at + 1) % 3],
                previous: face[(at + 2) % 3],
            }
        })
    }

    /// What the edge is that a face goes along from `from` to `to`, two vertices.
    pub(crate) fn edge(&self, from: u32, to: u32) -> EdgeKind {
        let (there, here) = (self.place[to as usize], self.place[from as usize]);
        if self.size(there) > MAX_FAN {
            return EdgeKind::Open;
        }
        let other = self
            .of(there)
            .find(|corner| self.place[corner.next as usize] == here);
        match other {
            None => EdgeKind::Open,
            Some(corner) if corner.vertex == to && corner.next == from => EdgeKind::Inner,
            Some(_) => EdgeKind::Seam,
        }
    }

    pub(crate) fn kind(&self, place: u32) -> Kind {
        let size = self.size(place);
        if size == 0 || size > MAX_FAN {
            return Kind::Fixed;
        }
        let mut corners = [Corner {
            vertex: 0,
            next: 0,
            previous: 0,
        }; MAX_FAN];
        // Places of the neighbours, looked up once: each is compared with all others.
        let (mut nexts, mut previous) = ([0; MAX_FAN], [0; MAX_FAN]);
        for (at, corner) in self.of(place).enumerate() {
            corners[at] = corner;
            nexts[at] = self.place[corner.next as usize];
            previous[at] = self.place[corner.previous as usize];
        }
        let (corners, nexts, previous) = (&corners[..size], &nexts[..size], &previous[..size]);
        // From each triangle to the one beyond the edge to its next corner.
        let mut beyond = [usize::MAX; MAX_FAN];
        let mut has_before = [false; MAX_FAN];
        let (mut open, mut seams) = (0, 0);
        for (at, corner) in corners.iter().enumerate() {
            let next = nexts[at];
            if nexts[at + 1..].contains(&next) {
                return Kind::Fixed;
            }
            match previous.iter().position(|&other| other == next) {
                None => open += 1,
                Some(other) if !previous[other + 1..].contains(&next) => {
                    beyond[at] = other;
                    has_before[other] = true;
                    let is_same = corners[other].vertex == corner.vertex
                        && corners[other].previous == corner.next;
                    seams += usize::from(!is_same);
                }
                _ => return Kind::Fixed,
            }
        }
        // All are met on one walk around, or the surface touches itself here.
        let first = (0..size).find(|&at| !has_before[at]).unwrap_or(0);
        let mut at = first;
        let mut met = 1;
        while beyond[at] != usize::MAX && beyond[at] != first && met <= size {
            at = beyond[at];
            met += 1;
        }
        match (met == size, open, seams) {
            (true, 0, 0) => Kind::Inner,
            (true, 1, 0) => Kind::Border,
            (true, 0, 2) => Kind::Seam,
            _ => Kind::Fixed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::Mesh;
    use crate::mesh::tests::{ball, sheet};

    fn kinds(mesh: &Mesh) -> [usize; 4] {
        let (place, places) = mesh.places();
        let fans = Fans::new(&mesh.faces, &place, places);
        let mut counts = [0; 4];
        for place in 0..number(places) {
            counts[fans.kind(place) as usize] += 1;
        }
        counts
    }

    #[test]
    fn places_are_told_apart() {
        assert_eq!(kinds(&ball(4)), [66, 0, 0, 0]);
        assert_eq!(kinds(&sheet(10)), [81, 40, 0, 0]);
        // Texture coordinates that jump in the middle: the seam's two ends are at borders.
        let mut torn = sheet(10);
        let mut uvs = torn.uvs.take().unwrap();
        for face in &mut torn.faces {
            let is_right = face.iter().any(|&v| torn.positions[v as usize][0] > 0.51);
            for vertex in face {
                let position = torn.positions[*vertex as usize];
                if is_right && (position[0] - 0.5).abs() < 0.01 {
                    torn.positions.push(position);
                    let color = torn.colors.as_ref().unwrap()[*vertex as usize];
                    torn.colors.as_mut().unwrap().push(color);
                    uvs.push([9.0, position[1]]);
                    *vertex = number(uvs.len() - 1);
                }
            }
        }
        torn.uvs = Some(uvs);
        assert_eq!(kinds(&torn.checked().unwrap()), [72, 38, 9, 2]);
    }

    #[test]
    fn where_a_surface_touches_itself_it_stays() {
        // Two tetrahedra that share one corner.
        let mut mesh = Mesh {
            positions: vec![
                [0.0; 3],
                [1.0, 0.0, 0.0],
                [0.0, 1.0, 0.0],
                [0.0, 0.0, 1.0],
                [-1.0, 0.0, 0.0],
                [0.0, -1.0, 0.0],
                [0.0, 0.0, -1.0],
            ],
            ..Mesh::default()
        };
        for [b, c, d] in [[1, 2, 3], [4, 5, 6]] {
            mesh.faces
                .extend([[0, c, b], [0, b, d], [0, d, c], [b, c, d]]);
        }
        assert_eq!(kinds(&mesh.checked().unwrap()), [6, 0, 0, 1]);
    }
}
