//! How far two surfaces are from each other.

use crate::mesh::{Bounds, Mesh};
use crate::vector::{Vector, add, dot, length, sub};

/// Triangles in a leaf of the tree.
const LEAF: usize = 8;
/// Points that are taken from each surface.
const POINTS: usize = 50_000;

/// Distances from points of each surface to the other one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deviation {
    /// The largest: the Hausdorff distance, as far as the points tell.
    pub largest: f64,
    /// The mean.
    pub mean: f64,
}

/// How far two surfaces are from each other, from vertices and points spread over both.
pub fn deviation(one: &Mesh, other: &Mesh) -> Deviation {
    let there = distances(one, &Tree::new(other));
    let back = distances(other, &Tree::new(one));
    let count = (there.len() + back.len()).max(1);
    let (mut largest, mut sum) = (0.0_f64, 0.0);
    for distance in there.into_iter().chain(back) {
        largest = largest.max(distance);
        sum += distance;
    }
    Deviation {
        largest,
        mean: sum / count as f64,
    }
}

/// The distance of points of a mesh to the triangles of a tree: half of them vertices, half
/// middles of triangles.
fn distances(mesh: &Mesh, tree: &Tree) -> Vec<f64> {
    let vertices = mesh.positions.len();
    let step = vertices.div_ceil(POINTS / 2).max(1);
    let corners = (0..vertices).step_by(step).map(|at| mesh.point(at as u32));
    let step = mesh.faces.len().div_ceil(POINTS / 2).max(1);
    let middles = mesh.faces.iter().step_by(step).map(|&face| {
        let [a, b, c] = mesh.corners(face);
        add(add(a, b, 1.0), c, 1.0).map(|x| x / 3.0)
    });
    corners
        .chain(middles)
        .map(|point| tree.distance(point))
        .collect()
}

/// Triangles in boxes within boxes.
struct Tree {
    triangles: Vec<[Vector; 3]>,
    nodes: Vec<Node>,
}

struct Node {
    bounds: Bounds,
    /// The triangles of a leaf; those of others are below.
    triangles: std::ops::Range<usize>,
    /// The second child; the first one follows its parent.
    second: usize,
}

impl Tree {
    fn new(mesh: &Mesh) -> Self {
        let mut tree = Self {
            triangles: mesh.faces.iter().map(|&face| mesh.corners(face)).collect(),
            nodes: Vec::new(),
        };
        let mut triangles = std::mem::take(&mut tree.triangles);
        tree.build(&mut triangles, 0);
        tree.triangles = triangles;
        tree
    }

    /// The node over some triangles, whose first is number `first`. Halves go down, so it is as
    /// deep as the number of triangles has binary digits.
    fn build(&mut self, triangles: &mut [[Vector; 3]], first: usize) {
        let bounds = Bounds::of(triangles.iter().flatten().copied());
        let at = self.nodes.len();
        self.nodes.push(Node {
            bounds,
            triangles: first..first + triangles.len(),
            second: 0,
        });
        if triangles.len() <= LEAF {
            return;
        }
        let size = bounds.size();
        let axis = (0..3)
            .max_by(|&a, &b| size[a].total_cmp(&size[b]))
            .unwrap_or(0);
        let middle = triangles.len() / 2;
        let key = |t: &[Vector; 3]| t[0][axis] + t[1][axis] + t[2][axis];
        triangles.select_nth_unstable_by(middle, |a, b| key(a).total_cmp(&key(b)));
        let (one, other) = triangles.split_at_mut(middle);
        self.build(one, first);
        self.nodes[at].second = self.nodes.len();
        self.build(other, first + middle);
    }

    fn distance(&self, point: Vector) -> f64 {
        let mut nearest = f64::INFINITY;
        let mut left = vec![(self.away(0, point), 0)];
        while let Some((away, at)) = left.pop() {
            if away >= nearest {
                continue;
            }
            let node = &self.nodes[at];
            if node.second == 0 {
                for triangle in &self.triangles[node.triangles.clone()] {
                    let offset = sub(closest(triangle, point), point);
                    nearest = nearest.min(dot(offset, offset));
                }
                continue;
            }
            let mut below = [at + 1, node.second].map(|at| (self.away(at, point), at));
            // The nearer one is taken first.
            below.sort_by(|one, other| other.0.total_cmp(&one.0));
            left.extend(below);
        }
        nearest.sqrt()
    }

    /// The square of the distance to a node's box.
    fn away(&self, node: usize, point: Vector) -> f64 {
        let bounds = &self.nodes[node].bounds;
        let offset = [0, 1, 2].map(|axis| {
            let outside = (bounds.low[axis] - point[axis]).max(point[axis] - bounds.high[axis]);
            outside.max(0.0)
        });
        dot(offset, offset)
    }
}

/// The point of a triangle nearest to another one: Ericson, "Real-Time Collision Detection",
/// section 5.1.5.
fn closest(&[a, b, c]: &[Vector; 3], point: Vector) -> Vector {
    let (ab, ac) = (sub(b, a), sub(c, a));
    let from_a = sub(point, a);
    let (d1, d2) = (dot(ab, from_a), dot(ac, from_a));
    if d1 <= 0.0 && d2 <= 0.0 {
        return a;
    }
    let from_b = sub(point, b);
    let (d3, d4) = (dot(ab, from_b), dot(ac, from_b));
    if d3 >= 0.0 && d4 <= d3 {
        return b;
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        return add(a, ab, share(d1, d1 - d3));
    }
    let from_c = sub(point, c);
    let (d5, d6) = (dot(ab, from_c), dot(ac, from_c));
    if d6 >= 0.0 && d5 <= d6 {
        return c;
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        return add(a, ac, share(d2, d2 - d6));
    }
    let va = d3 * d6 - d5 * d4;
    if va <= 0.0 && d4 - d3 >= 0.0 && d5 - d6 >= 0.0 {
        return add(b, sub(c, b), share(d4 - d3, (d4 - d3) + (d5 - d6)));
    }
    let all = va + vb + vc;
    add(add(a, ab, share(vb, all)), ac, share(vc, all))
}

fn share(part: f64, whole: f64) -> f64 {
    if length([whole, 0.0, 0.0]) > 0.0 {
        part / whole
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::tests::ball;

    #[test]
    fn the_nearest_point_is_on_a_face_an_edge_or_a_corner() {
        let triangle = [[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
        for (point, expected) in [
            ([0.2, 0.2, 5.0], [0.2, 0.2, 0.0]),
            ([0.5, -3.0, 1.0], [0.5, 0.0, 0.0]),
            ([1.0, 1.0, 0.0], [0.5, 0.5, 0.0]),
            ([-1.0, -1.0, -1.0], [0.0; 3]),
            ([9.0, 1.0, 0.0], [1.0, 0.0, 0.0]),
        ] {
            assert!(length(sub(closest(&triangle, point), expected)) < 1e-12);
        }
    }

    #[test]
    fn a_ball_moved_aside_deviates_by_as_much() {
        let ball = ball(20);
        assert!(deviation(&ball, &ball).largest < 1e-9);
        let mut moved = ball.clone();
        for position in &mut moved.positions {
            position[0] += 0.25;
        }
        let found = deviation(&ball, &moved);
        assert!((found.largest - 0.25).abs() < 1e-3, "{found:?}");
        assert!(found.mean > 0.05 && found.mean < 0.25);
    }
}
