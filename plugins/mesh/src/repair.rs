//! Mends what keeps a mesh from being printed or computed with.

use std::collections::{HashMap, HashSet};

use crate::measure::{Edges, Parts};
use crate::mesh::{Bounds, Mesh, number};
use crate::vector::{Vector, add, area_normal, cross, dot, length, sub, wide};

/// Vertices nearer than this part of the mesh's diagonal are at one place.
const SAME: f64 = 1e-6;
/// A hole with more edges than anybody asks for; ears are looked for in all of them each time.
const MAX_HOLE_EDGES: usize = 2_000;

/// What was mended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Repaired {
    /// Vertices that were moved to the place of one next to them.
    pub(crate) joined: usize,
    /// Triangles without an area, and such as were there twice.
    pub(crate) dropped: usize,
    /// Triangles that were turned around.
    pub(crate) turned: usize,
    /// Holes that were filled, and with how many triangles.
    pub(crate) holes: usize,
    pub(crate) filled: usize,
    /// Holes that were left, since they have more edges than asked for or no simple border.
    pub(crate) left: usize,
}

/// The mesh without what is wrong with it. Holes of up to `hole_edges` edges are filled.
pub(crate) fn repair(mesh: &Mesh, hole_edges: usize) -> (Mesh, Repaired) {
    let mut mesh = mesh.clone();
    let joined = join(&mut mesh);
    // Nothing below moves a vertex or changes which edges there are.
    let (place, _) = mesh.places();
    let dropped = drop_needless(&mut mesh, &place);
    let edges = Edges::new(&mesh, &place);
    let mut repaired = Repaired {
        joined,
        dropped,
        turned: turn(&mut mesh, &edges),
        ..Repaired::default()
    };
    let hole_edges = hole_edges.min(MAX_HOLE_EDGES);
    fill(&mut mesh, &place, &edges, hole_edges, &mut repaired);
    (mesh, repaired)
}

/// Moves vertices to the place of an earlier one nearby; how many.
fn join(mesh: &mut Mesh) -> usize {
    let near = mesh.bounds().diagonal() * SAME;
    if near <= 0.0 {
        return 0;
    }
    // Cells as wide as that: who is near is in the same one or in one beside it.
    let cell = |p: [f32; 3]| wide(p).map(|x| (x / near).floor() as i64);
    let mut kept: HashMap<[i64; 3], Vec<[f32; 3]>> = HashMap::new();
    let mut joined = 0;
    for position in &mut mesh.positions {
        let here = cell(*position);
        let mut beside = (0..27_i64).map(|n| {
            let step = [n % 3 - 1, n / 3 % 3 - 1, n / 9 - 1];
            [0, 1, 2].map(|axis| here[axis].saturating_add(step[axis]))
        });
        let found = beside.find_map(|cell| {
            let others = kept.get(&cell)?;
            let is_near = |other: &&[f32; 3]| length(sub(wide(**other), wide(*position))) <= near;
            others.iter().find(is_near).copied()
        });
        match found {
            Some(other) => {
                joined += usize::from(other != *position);
                *position = other;
            }
            None => kept.entry(here).or_default().push(*position),
        }
    }
    mesh.join_same();
    joined
}

/// Drops triangles with fewer than three corners, and all but one of those with the same three.
fn drop_needless(mesh: &mut Mesh, place: &[u32]) -> usize {
    let before = mesh.faces.len();
    let mut seen = HashSet::with_capacity(before);
    mesh.faces.retain(|face| {
        let mut corners = face.map(|vertex| place[vertex as usize]);
        corners.sort_unstable();
        let [a, b, c] = corners;
        a != b && b != c && seen.insert(corners)
    });
    before - mesh.faces.len()
}

/// Turns triangles so that neighbours agree, and closed parts face outwards; how many.
fn turn(mesh: &mut Mesh, edges: &Edges) -> usize {
    let mut neighbours: Vec<Vec<(u32, bool)>> = vec![Vec::new(); mesh.faces.len()];
    let mut parts = Parts::new(mesh.faces.len());
    let mut is_open = vec![false; mesh.faces.len()];
    for edge in edges.each() {
        if let [one, other] = edge {
            let agree = one.is_forwards != other.is_forwards;
            neighbours[one.face as usize].push((other.face, agree));
            neighbours[other.face as usize].push((one.face, agree));
            parts.join(one.face, other.face);
        } else {
            for side in edge {
                is_open[side.face as usize] = true;
            }
        }
    }
    // From one triangle of each part to all others.
    let mut turned: Vec<Option<bool>> = vec![None; mesh.faces.len()];
    let mut members: Vec<Vec<u32>> = Vec::new();
    for first in 0..number(mesh.faces.len()) {
        if turned[first as usize].is_some() {
            continue;
        }
        turned[first as usize] = Some(false);
        let mut part = vec![first];
        let mut at = 0;
        while let Some(&face) = part.get(at) {
            let is_turned = turned[face as usize] == Some(true);
            for &(next, agree) in &neighbours[face as usize] {
                if turned[next as usize].is_none() {
                    turned[next as usize] = Some(is_turned == agree);
                    part.push(next);
                }
            }
            at += 1;
        }
        members.push(part);
    }
    let mut turned: Vec<bool> = turned.into_iter().map(|t| t == Some(true)).collect();
    for part in &members {
        // Nothing says which side of an open part is outside: as most of its triangles have it.
        let ones = part.iter().filter(|&&face| turned[face as usize]).count();
        if ones * 2 > part.len() {
            flip(part, &mut turned);
        }
    }
    let closed: Vec<(&[u32], Bounds)> = members
        .iter()
        .filter(|part| !part.iter().any(|&face| is_open[face as usize]))
        .map(|part| (part.as_slice(), bounds(mesh, part)))
        .collect();
    for (at, (part, own)) in closed.iter().enumerate() {
        if volume(mesh, part, &turned) >= 0.0 {
            continue;
        }
        // Inside out, unless it is the wall of a cavity.
        let inside = mesh.point(mesh.faces[part[0] as usize][0]);
        let around = closed.iter().enumerate();
        let around = around.filter(|(other, (part, bounds))| {
            *other != at && bounds.is_around(own) && is_within(mesh, part, inside)
        });
        if around.count() % 2 == 0 {
            flip(part, &mut turned);
        }
    }
    for (face, is_turned) in mesh.faces.iter_mut().zip(&turned) {
        if *is_turned {
            face.swap(1, 2);
        }
    }
    turned.into_iter().filter(|&is_turned| is_turned).count()
}

fn flip(part: &[u32], turned: &mut [bool]) {
    for &face in part {
        turned[face as usize] = !turned[face as usize];
    }
}

/// Whether a point is within a closed part: whether a ray from it leaves the part an odd number of
/// times (Möller and Trumbore's test of each triangle).
fn is_within(mesh: &Mesh, part: &[u32], point: Vector) -> bool {
    // Along no axis, so that it meets no edge of what people build.
    const RAY: Vector = [0.577_21, 0.314_15, 0.753_93];
    let meets = |&&face: &&u32| {
        let [a, b, c] = mesh.corners(mesh.faces[face as usize]);
        let (one, other) = (sub(b, a), sub(c, a));
        let across = cross(RAY, other);
        let scale = dot(one, across);
        let from = sub(point, a);
        let u = dot(from, across) / scale;
        let over = cross(from, one);
        let v = dot(RAY, over) / scale;
        // A triangle along the ray divides by nothing, and is met by no comparison.
        u >= 0.0 && v >= 0.0 && u + v <= 1.0 && dot(other, over) / scale > 0.0
    };
    part.iter().filter(meets).count() % 2 == 1
}

fn bounds(mesh: &Mesh, part: &[u32]) -> Bounds {
    let vertices = part.iter().flat_map(|&face| mesh.faces[face as usize]);
    Bounds::of(vertices.map(|vertex| mesh.point(vertex)))
}

fn volume(mesh: &Mesh, part: &[u32], turned: &[bool]) -> f64 {
    let of = |&face: &u32| {
        let [a, b, c] = mesh.corners(mesh.faces[face as usize]);
        let volume = dot(a, cross(b, c));
        if turned[face as usize] {
            -volume
        } else {
            volume
        }
    };
    part.iter().map(of).sum()
}

/// Fills holes with triangles between the vertices of their borders.
fn fill(mesh: &mut Mesh, place: &[u32], edges: &Edges, hole_edges: usize, repaired: &mut Repaired) {
    let mut known: HashSet<(u32, u32)> = edges.each().map(|edge| edge[0].ends).collect();
    // Along a border, from each place to the next: against the way of the triangles there.
    let mut next: HashMap<u32, Vec<(u32, u32)>> = HashMap::new();
    for edge in edges.each() {
        let [side] = edge else { continue };
        let face = mesh.faces[side.face as usize];
        for at in 0..3 {
            let (from, to) = (face[at], face[(at + 1) % 3]);
            let ends = (place[from as usize], place[to as usize]);
            if (ends.0.min(ends.1), ends.0.max(ends.1)) == side.ends {
                next.entry(ends.1).or_default().push((ends.0, to));
            }
        }
    }
    let mut begins: Vec<u32> = next.keys().copied().collect();
    begins.sort_unstable();
    for begin in begins {
        let mut border = Vec::new();
        let mut at = begin;
        // Where borders touch, which of them goes on is not known: that hole is left.
        while let Some([(to, vertex)]) = next.get(&at).map(Vec::as_slice) {
            let (to, vertex) = (*to, *vertex);
            next.remove(&at);
            border.push(vertex);
            at = to;
        }
        if border.is_empty() {
            continue;
        }
        if at != begin || border.len() < 3 || border.len() > hole_edges {
            repaired.left += 1;
            continue;
        }
        match ears(mesh, place, &border, &mut known) {
            Some(faces) => {
                repaired.holes += 1;
                repaired.filled += faces.len();
                mesh.faces.extend(faces);
            }
            None => repaired.left += 1,
        }
    }
    repaired.left += usize::from(!next.is_empty());
}

/// Cuts a border into triangles, the sharpest corner first. No edge is made that is there already.
fn ears(
    mesh: &Mesh,
    place: &[u32],
    border: &[u32],
    known: &mut HashSet<(u32, u32)>,
) -> Option<Vec<[u32; 3]>> {
    let mut left = border.to_vec();
    let mut faces = Vec::with_capacity(border.len() - 2);
    let mut made = Vec::new();
    let across = newell(left.iter().map(|&vertex| mesh.point(vertex)));
    let edge = |one: u32, other: u32| {
        let (one, other) = (place[one as usize], place[other as usize]);
        (one.min(other), one.max(other))
    };
    while left.len() > 3 {
        let many = left.len();
        let ear = |at: usize| {
            [
                left[(at + many - 1) % many],
                left[at],
                left[(at + 1) % many],
            ]
        };
        let best = (0..many)
            .filter(|&at| {
                let [before, _, after] = ear(at);
                !known.contains(&edge(before, after)) && !made.contains(&edge(before, after))
            })
            .map(|at| {
                let [a, b, c] = mesh.corners(ear(at));
                let is_outward = dot(area_normal([a, b, c]), across) > 0.0;
                let (one, other) = (sub(a, b), sub(c, b));
                let cosine = dot(one, other) / (length(one) * length(other)).max(f64::MIN_POSITIVE);
                (at, !is_outward, -cosine)
            })
            .min_by(|one, other| one.1.cmp(&other.1).then(one.2.total_cmp(&other.2)));
        let (at, ..) = best?;
        let [before, middle, after] = ear(at);
        made.push(edge(before, after));
        faces.push([before, middle, after]);
        left.remove(at);
    }
    faces.push([left[0], left[1], left[2]]);
    known.extend(made);
    Some(faces)
}

/// The normal of a border that need not be flat: Newell's.
fn newell(points: impl Iterator<Item = Vector> + Clone) -> Vector {
    let mut normal = [0.0; 3];
    let mut following = points.clone().cycle();
    following.next();
    for (a, b) in points.zip(following) {
        normal = add(normal, cross(a, b), 1.0);
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::measure;
    use crate::mesh::tests::{ball, sheet};

    #[test]
    fn a_sound_mesh_stays_as_it_is() {
        let ball = ball(10);
        let (made, repaired) = repair(&ball, 100);
        assert_eq!((made, repaired), (ball, Repaired::default()));
    }

    #[test]
    fn a_broken_ball_becomes_watertight() {
        let ball = ball(10);
        let mut broken = ball.clone();
        // Each triangle for itself, with corners a little off; some turned, one twice, two missing.
        broken.positions.clear();
        for (at, face) in ball.faces.iter().enumerate().skip(2) {
            let first = number(broken.positions.len());
            for (corner, &vertex) in face.iter().enumerate() {
                let mut position = ball.positions[vertex as usize];
                position[0] += 2e-7 * corner as f32;
                broken.positions.push(position);
            }
            broken.faces[at] = if at % 5 == 0 {
                [first, first + 2, first + 1]
            } else {
                [first, first + 1, first + 2]
            };
        }
        broken.faces.drain(..2);
        broken.faces.push(broken.faces[7]);
        let (made, repaired) = repair(&broken.checked().unwrap(), 100);
        let measures = measure(&made);
        assert!(measures.is_watertight(), "{repaired:?} {measures:?}");
        assert!(measures.volume > 0.0);
        assert_eq!((repaired.holes, repaired.dropped), (1, 1), "{repaired:?}");
        assert!(
            repaired.turned >= 150 && repaired.joined > 100,
            "{repaired:?}"
        );
    }

    #[test]
    fn a_closed_part_faces_outwards_and_a_cavity_inwards() {
        let outer = ball(6);
        let whole = measure(&outer).volume;
        let with = |scale: f32, at: f32, outer_is_wrong: bool, inner_is_wrong: bool| {
            let mut both = outer.clone();
            let inner = ball(5);
            let first = number(both.positions.len());
            let moved = inner.positions.iter().map(|p| p.map(|x| x * scale + at));
            both.positions.extend(moved);
            if outer_is_wrong {
                both.faces.iter_mut().for_each(|face| face.swap(1, 2));
            }
            for [a, b, c] in inner.faces {
                let face = if inner_is_wrong { [a, c, b] } else { [a, b, c] };
                both.faces.push(face.map(|v| v + first));
            }
            let (made, repaired) = repair(&both, 0);
            (measure(&made).volume - whole, repaired.turned)
        };
        let (all, inner) = (outer.faces.len(), ball(5).faces.len());
        let small = measure(&ball(5)).volume / 8.0;
        let check = |(volume, turned): (f64, usize), expected: (f64, usize)| {
            assert!((volume - expected.0).abs() < 1e-6, "{volume} {expected:?}");
            assert_eq!(turned, expected.1);
        };
        // The wall of a cavity stays, and so does a part of its own within.
        check(with(0.5, 0.0, true, true), (-small, all));
        check(with(0.5, 0.0, false, false), (small, 0));
        // Beside the ball, though within the box around it: inside out.
        let tiny = small / 1e3;
        check(with(0.05, 0.9, false, true), (tiny, inner));
    }

    #[test]
    fn only_holes_as_small_as_asked_for_are_filled() {
        let sheet = sheet(10);
        let (made, repaired) = repair(&sheet, 39);
        assert_eq!((made.faces.len(), repaired.left), (sheet.faces.len(), 1));
        let (made, repaired) = repair(&sheet, 40);
        assert_eq!((repaired.holes, repaired.filled), (1, 38));
        assert!(measure(&made).is_watertight());
    }
}
