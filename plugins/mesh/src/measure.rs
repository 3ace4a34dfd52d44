//! What a mesh is: its size, and whether it is closed.

use crate::mesh::{Bounds, Mesh};
use crate::vector::{area_normal, cross, dot, length};

/// What was measured of a mesh, in the units of its file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measures {
    pub(crate) faces: usize,
    /// Places of vertices: those that differ in texture coordinates or colour alone count once.
    pub(crate) vertices: usize,
    pub(crate) bounds: Bounds,
    pub(crate) area: f64,
    /// What it encloses; means something only where it is watertight.
    pub(crate) volume: f64,
    /// Edges with a triangle on one side alone.
    pub(crate) open_edges: usize,
    /// Edges with more than two triangles.
    pub(crate) crowded_edges: usize,
    /// Edges whose two triangles do not agree on which side is outside.
    pub(crate) flipped_edges: usize,
    /// Parts that hang together by edges.
    pub(crate) parts: usize,
}

impl Measures {
    /// Whether each edge has two triangles, which agree on which side is outside.
    pub(crate) fn is_watertight(&self) -> bool {
        self.open_edges + self.crowded_edges + self.flipped_edges == 0
    }
}

pub(crate) fn measure(mesh: &Mesh) -> Measures {
    let (place, vertices) = mesh.places();
    let mut area = 0.0;
    let mut volume = 0.0;
    for &face in &mesh.faces {
        let corners = mesh.corners(face);
        area += length(area_normal(corners)) / 2.0;
        volume += dot(corners[0], cross(corners[1], corners[2])) / 6.0;
    }
    let mut measures = Measures {
        faces: mesh.faces.len(),
        vertices,
        bounds: mesh.bounds(),
        area,
        volume,
        open_edges: 0,
        crowded_edges: 0,
        flipped_edges: 0,
        parts: 0,
    };
    let mut parts = Parts::new(mesh.faces.len());
    for edge in Edges::new(mesh, &place).each() {
        match edge {
            [_] => measures.open_edges += 1,
            [one, other] => {
                measures.flipped_edges += usize::from(one.is_forwards == other.is_forwards);
            }
            _ => measures.crowded_edges += 1,
        }
        for pair in edge.windows(2) {
            parts.join(pair[0].face, pair[1].face);
        }
    }
    measures.parts = parts.count();
    measures
}

/// One side of an edge: the face that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Side {
    /// The places of its ends, the smaller number first.
    pub(crate) ends: (u32, u32),
    pub(crate) face: u32,
    /// Whether the face goes from the first end to the second.
    pub(crate) is_forwards: bool,
}

/// The edges of a mesh between places.
pub(crate) struct Edges(Vec<Side>);

impl Edges {
    pub(crate) fn new(mesh: &Mesh, place: &[u32]) -> Self {
        let mut sides = Vec::with_capacity(mesh.faces.len() * 3);
        for (face, corners) in (0..).zip(&mesh.faces) {
            let [a, b, c] = corners.map(|vertex| place[vertex as usize]);
            for (from, to) in [(a, b), (b, c), (c, a)] {
                if from != to {
                    sides.push(Side {
                        ends: (from.min(to), from.max(to)),
                        face,
                        is_forwards: from < to,
                    });
                }
            }
        }
        sides.sort_unstable();
        Self(sides)
    }

    /// The sides of each edge.
    pub(crate) fn each(&self) -> impl Iterator<Item = &[Side]> {
        self.0.chunk_by(|one, other| one.ends == other.ends)
    }
}

/// Faces that hang together, by union and find.
pub(crate) struct Parts(Vec<u32>);

impl Parts {
    pub(crate) fn new(faces: usize) -> Self {
        Self((0..crate::mesh::number(faces)).collect())
    }

    pub(crate) fn of(&mut self, face: u32) -> u32 {
        let mut at = face;
        while self.0[at as usize] != at {
            let above = self.0[self.0[at as usize] as usize];
            self.0[at as usize] = above;
            at = above;
        }
        at
    }

    pub(crate) fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.of(one), self.of(other));
        self.0[one.max(other) as usize] = one.min(other);
    }

    fn count(&self) -> usize {
        (0..).zip(&self.0).filter(|&(at, &of)| at == of).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::tests::{ball, sheet};

    #[test]
    fn a_ball_is_watertight_and_has_the_volume_of_one() {
        let measures = measure(&ball(40));
        assert!(measures.is_watertight());
        assert_eq!((measures.faces, measures.parts), (12_800, 1));
        let expected = 4.0 / 3.0 * std::f64::consts::PI;
        assert!(
            (measures.volume / expected - 1.0).abs() < 2e-3,
            "{measures:?}"
        );
        assert!((measures.area / (3.0 * expected) - 1.0).abs() < 2e-3);
        assert!((measures.bounds.diagonal() - 12_f64.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn what_is_wrong_with_a_mesh_is_counted() {
        assert_eq!(measure(&sheet(10)).open_edges, 40);
        let mut flipped = ball(4);
        flipped.faces[0].swap(0, 1);
        assert_eq!(measure(&flipped).flipped_edges, 3);
        let mut crowded = ball(4);
        crowded.faces.push(crowded.faces[0]);
        let measures = measure(&crowded);
        assert_eq!(
            (measures.crowded_edges, measures.is_watertight()),
            (3, false)
        );
    }
}
