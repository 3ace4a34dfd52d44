//! Fewer triangles for nearly the same shape.
//!
//! Edges are collapsed by quadric error (`quadric`), cheapest first, in passes: within one pass no
//! place takes part in two collapses, so that nothing has to be kept in order between them. A
//! border moves along itself alone, and so does a seam between texture coordinates or colours;
//! where several meet, nothing moves.

use crate::fans::{Corner, EdgeKind, Fans, Kind};
use crate::mesh::{Mesh, number};
use crate::quadric::Quadric;
use crate::vector::{Vector, add, area_normal, cross, dot, length, sub, unit};

/// How much more a border's shape weighs than a surface's, and a seam's.
const BORDER_WEIGHT: f64 = 10.0;
const SEAM_WEIGHT: f64 = 1.0;
/// What a pass may do, from careful to whatever still goes: as a cosine how far a triangle's normal
/// may turn in one collapse, and by how much a collapse may cost more than the last one that would
/// be needed if all went.
const STAGES: [(f64, f32); 3] = [(0.5, 2.0), (0.5, f32::INFINITY), (0.05, f32::INFINITY)];
/// Passes, at most; each takes a good part of the triangles or is the last.
const MAX_PASSES: usize = 500;

/// A collapse that may be done: `from` becomes `to`.
#[derive(Clone, Copy)]
struct Collapse {
    cost: f32,
    from: u32,
    to: u32,
    /// Whether both go to where it costs least, rather than `from` to `to`.
    is_free: bool,
}

/// A mesh of about `target` triangles, or more where no more may go. `progress` is told the part
/// that is done.
pub fn simplify(mesh: &Mesh, target: usize, progress: &mut dyn FnMut(f64)) -> Mesh {
    let (place, places) = mesh.places();
    let mut work = Work::new(mesh, place, places);
    let begun = work.mesh.faces.len();
    let mut stages = STAGES.into_iter();
    let mut stage = stages.next();
    for _ in 0..MAX_PASSES {
        let before = work.mesh.faces.len();
        let Some((turn, slack)) = stage.filter(|_| before > target) else {
            break;
        };
        progress((begun - before) as f64 / (begun - target) as f64);
        work.pass(target, turn, slack);
        if (before - work.mesh.faces.len()) * 20 < before - target {
            stage = stages.next();
        }
    }
    work.finish()
}

struct Work {
    mesh: Mesh,
    /// The place of each vertex.
    place: Vec<u32>,
    /// Where each place is, in a box of size 1 about the origin.
    points: Vec<Vector>,
    has_moved: Vec<bool>,
    quadrics: Vec<Quadric>,
    centre: Vector,
    scale: f64,
}

impl Work {
    fn new(mesh: &Mesh, place: Vec<u32>, places: usize) -> Self {
        let bounds = mesh.bounds();
        let scale = bounds.size().into_iter().fold(f64::MIN_POSITIVE, f64::max);
        let centre = add(bounds.low, bounds.size(), 0.5);
        let mut points = vec![[0.0; 3]; places];
        for (vertex, &place) in (0..).zip(&place) {
            points[place as usize] = sub(mesh.point(vertex), centre).map(|x| x / scale);
        }
        let mut mesh = mesh.clone();
        // A triangle without three corners is in the way, and nobody sees it.
        mesh.faces
            .retain(|face| has_three(face.map(|v| place[v as usize])));
        let mut work = Self {
            mesh,
            place,
            points,
            has_moved: vec![false; places],
            quadrics: vec![Quadric::default(); places],
            centre,
            scale,
        };
        work.weigh();
        work
    }

    fn point(&self, vertex: u32) -> Vector {
        self.points[self.place[vertex as usize] as usize]
    }

    /// Adds up the planes of triangles, and those that stand on borders and seams.
    fn weigh(&mut self) {
        let fans = Fans::new(&self.mesh.faces, &self.place, self.points.len());
        for &face in &self.mesh.faces {
            let corners = face.map(|vertex| self.point(vertex));
            let normal = area_normal(corners);
            let area = length(normal) / 2.0;
            let Some(normal) = unit(normal) else { continue };
            let plane = Quadric::of_plane(normal, corners[0], area / 3.0);
            for vertex in face {
                self.quadrics[self.place[vertex as usize] as usize].add(&plane);
            }
            for side in 0..3 {
                let (from, to) = (face[side], face[(side + 1) % 3]);
                let weight = match fans.edge(from, to) {
                    EdgeKind::Inner => continue,
                    EdgeKind::Open => BORDER_WEIGHT,
                    EdgeKind::Seam => SEAM_WEIGHT,
                };
                let (a, b) = (self.point(from), self.point(to));
                let along = sub(b, a);
                let Some(across) = unit(cross(along, normal)) else {
                    continue;
                };
                let wall = Quadric::of_plane(across, a, weight * dot(along, along));
                for vertex in [from, to] {
                    self.quadrics[self.place[vertex as usize] as usize].add(&wall);
                }
            }
        }
    }

    /// Collapses some of the cheapest edges.
    fn pass(&mut self, target: usize, turn: f64, slack: f32) {
        let faces = std::mem::take(&mut self.mesh.faces);
        let place = std::mem::take(&mut self.place);
        let fans = Fans::new(&faces, &place, self.points.len());
        let collapses = self.cheapest(&faces, &place, &fans, target);
        let mut moved: Vec<u32> = (0..number(place.len())).collect();
        let mut is_taken = vec![false; self.points.len()];
        let mut left = faces.len();
        // Each takes two triangles away, or one at a border.
        let needed = collapses.get((left - target) / 2);
        let limit = needed.map_or(f32::INFINITY, |last| last.cost * slack);
        for collapse in collapses {
            if left <= target || collapse.cost > limit {
                break;
            }
            let (from, to) = (collapse.from as usize, collapse.to as usize);
            if is_taken[from] || is_taken[to] {
                continue;
            }
            let gone = self.collapse(&collapse, &fans, &place, &mut moved, turn);
            if gone > 0 {
                left = left.saturating_sub(gone);
                is_taken[from] = true;
                is_taken[to] = true;
            }
        }
        let faces = faces.iter().map(|face| face.map(|v| moved[v as usize]));
        self.mesh.faces = faces
            .filter(|face| has_three(face.map(|v| place[v as usize])))
            .collect();
        self.place = place;
    }

    /// The collapses that cost least, about as many as this pass can do, cheapest first.
    fn cheapest(
        &self,
        faces: &[[u32; 3]],
        place: &[u32],
        fans: &Fans<'_>,
        target: usize,
    ) -> Vec<Collapse> {
        let kinds: Vec<Kind> = (0..number(self.points.len()))
            .map(|place| fans.kind(place))
            .collect();
        let mut found = Vec::with_capacity(faces.len() * 3 / 2);
        for face in faces {
            for side in 0..3 {
                let (from, to) = (face[side], face[(side + 1) % 3]);
                let (a, b) = (place[from as usize], place[to as usize]);
                let ends = (kinds[a as usize], kinds[b as usize]);
                found.extend(match ends {
                    // Both triangles of such an edge come by; one is enough.
                    (Kind::Inner, Kind::Inner) if a < b => Some(self.free(a, b)),
                    (Kind::Inner, Kind::Inner) => None,
                    (Kind::Inner, _) => Some(self.onto(a, b)),
                    (_, Kind::Inner) => None,
                    _ => {
                        let along = match fans.edge(from, to) {
                            EdgeKind::Open => Kind::Border,
                            EdgeKind::Seam => Kind::Seam,
                            EdgeKind::Inner => continue,
                        };
                        let there = (ends.0 == along).then(|| self.onto(a, b));
                        let back = (ends.1 == along).then(|| self.onto(b, a));
                        match (there, back) {
                            (Some(there), Some(back)) if back.cost < there.cost => Some(back),
                            (there, back) => there.or(back),
                        }
                    }
                });
            }
        }
        let wanted = (faces.len() - target) + 64;
        let many = (found.len() / 2 + 1).min(wanted).min(found.len());
        if many < found.len() {
            found.select_nth_unstable_by(many, by_cost);
            found.truncate(many);
        }
        found.sort_unstable_by(by_cost);
        found
    }

    fn free(&self, a: u32, b: u32) -> Collapse {
        let both = self.quadrics[a as usize].plus(&self.quadrics[b as usize]);
        let (from, to) = (self.points[a as usize], self.points[b as usize]);
        let middle = add(from, sub(to, from), 0.5);
        let cost = both.at(from).min(both.at(to)).min(both.at(middle));
        Collapse {
            cost: cost as f32,
            from: a,
            to: b,
            is_free: true,
        }
    }

    fn onto(&self, from: u32, to: u32) -> Collapse {
        let both = self.quadrics[from as usize].plus(&self.quadrics[to as usize]);
        Collapse {
            cost: both.at(self.points[to as usize]) as f32,
            from,
            to,
            is_free: false,
        }
    }

    /// Where two places cost least together, and how much.
    fn best(&self, a: u32, b: u32) -> (Vector, f64) {
        let both = self.quadrics[a as usize].plus(&self.quadrics[b as usize]);
        let (from, to) = (self.points[a as usize], self.points[b as usize]);
        let along = sub(to, from);
        let middle = add(from, along, 0.5);
        let reach = length(along);
        let least = both.least(middle);
        let least = least.filter(|&point| length(sub(point, middle)) <= 2.0 * reach);
        [Some(middle), Some(from), Some(to)]
            .into_iter()
            .chain([least])
            .flatten()
            .map(|point| (point, both.at(point)))
            .min_by(|one, other| one.1.total_cmp(&other.1))
            .unwrap_or((middle, both.at(middle)))
    }

    /// Does one collapse where the surface stays one; how many triangles it took away.
    fn collapse(
        &mut self,
        collapse: &Collapse,
        fans: &Fans<'_>,
        place: &[u32],
        moved: &mut [u32],
        turn: f64,
    ) -> usize {
        let &Collapse { from, to, .. } = collapse;
        let now = |corner: Corner, moved: &[u32]| Corner {
            vertex: moved[corner.vertex as usize],
            next: moved[corner.next as usize],
            previous: moved[corner.previous as usize],
        };
        let of = |vertex: u32| place[vertex as usize];
        let is_left =
            |corner: &Corner| has_three([of(corner.vertex), of(corner.next), of(corner.previous)]);
        let around = |center: u32, moved: &[u32]| -> Vec<Corner> {
            let corners = fans.of(center).map(|corner| now(corner, moved));
            corners.filter(is_left).collect()
        };
        let (here, there) = (around(from, moved), around(to, moved));
        let has =
            |corner: &Corner, other: u32| of(corner.next) == other || of(corner.previous) == other;
        let between = here.iter().filter(|corner| has(corner, to)).count();
        if between == 0 || between > 2 || here.len() + there.len() - 2 * between < between + 1 {
            return 0;
        }
        if shared(&here, &there, place, from, to) != between {
            return 0;
        }
        let point = if collapse.is_free {
            self.best(from, to).0
        } else {
            self.points[to as usize]
        };
        let is_kept = |corner: &&Corner, other: u32| !has(corner, other);
        let mut turned = here.iter().filter(|corner| is_kept(corner, to));
        if turned.any(|corner| self.turns(corner, place, point, turn)) {
            return 0;
        }
        let mut turned = there.iter().filter(|corner| is_kept(corner, from));
        if collapse.is_free && turned.any(|corner| self.turns(corner, place, point, turn)) {
            return 0;
        }
        // Each vertex at `from` becomes the one at `to` that shares a triangle with it.
        let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(2);
        for corner in here.iter().filter(|corner| has(corner, to)) {
            let other = if of(corner.next) == to {
                corner.next
            } else {
                corner.previous
            };
            match pairs.iter().find(|pair| pair.0 == corner.vertex) {
                None => pairs.push((corner.vertex, other)),
                Some(pair) if pair.1 == other => {}
                Some(_) => return 0,
            }
        }
        if !here
            .iter()
            .all(|corner| pairs.iter().any(|pair| pair.0 == corner.vertex))
        {
            return 0;
        }
        if collapse.is_free {
            for &(old, kept) in &pairs {
                self.blend(
                    old,
                    kept,
                    self.points[from as usize],
                    self.points[to as usize],
                    point,
                );
            }
            self.points[to as usize] = point;
            self.has_moved[to as usize] = true;
        }
        for (old, kept) in pairs {
            moved[old as usize] = kept;
        }
        let gone = self.quadrics[from as usize];
        self.quadrics[to as usize].add(&gone);
        between
    }

    /// Whether a triangle's normal turns too far when its corner goes to `point`.
    fn turns(&self, corner: &Corner, place: &[u32], point: Vector, turn: f64) -> bool {
        let at = |vertex: u32| self.points[place[vertex as usize] as usize];
        let (next, previous) = (at(corner.next), at(corner.previous));
        let before = area_normal([at(corner.vertex), next, previous]);
        let after = area_normal([point, next, previous]);
        let both = length(before) * length(after);
        // A sliver has no normal to keep.
        length(before) > 0.0 && dot(before, after) <= turn * both
    }

    /// What lies between two vertices where `point` does.
    fn blend(&mut self, old: u32, kept: u32, from: Vector, to: Vector, point: Vector) {
        let along = sub(to, from);
        let share = dot(sub(point, from), along) / dot(along, along).max(f64::MIN_POSITIVE);
        let share = share.clamp(0.0, 1.0) as f32;
        let (old, kept) = (old as usize, kept as usize);
        if let Some(uvs) = &mut self.mesh.uvs {
            uvs[kept] = [0, 1].map(|at| uvs[old][at] + (uvs[kept][at] - uvs[old][at]) * share);
        }
        if let Some(colors) = &mut self.mesh.colors {
            colors[kept] = [0, 1, 2, 3].map(|at| {
                let (one, other) = (f32::from(colors[old][at]), f32::from(colors[kept][at]));
                (one + (other - one) * share).round() as u8
            });
        }
    }

    /// The mesh at its own size again. What has not moved is where it was, to the bit.
    fn finish(mut self) -> Mesh {
        for (vertex, &place) in self.place.iter().enumerate() {
            if self.has_moved[place as usize] {
                let point = add(self.centre, self.points[place as usize], self.scale);
                self.mesh.positions[vertex] = point.map(|x| x as f32);
            }
        }
        self.mesh.drop_unused();
        self.mesh
    }
}

/// How many neighbours two places have in common.
fn shared(here: &[Corner], there: &[Corner], place: &[u32], from: u32, to: u32) -> usize {
    let neighbours = |corners: &[Corner], but: u32| {
        let mut found: Vec<u32> = corners
            .iter()
            .flat_map(|corner| [corner.next, corner.previous])
            .map(|vertex| place[vertex as usize])
            .filter(|&other| other != but)
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    };
    let (here, there) = (neighbours(here, to), neighbours(there, from));
    here.iter()
        .filter(|one| there.binary_search(one).is_ok())
        .count()
}

fn has_three([a, b, c]: [u32; 3]) -> bool {
    a != b && b != c && c != a
}

/// Equal costs are ordered by place, so that the same mesh always gives the same one.
fn by_cost(one: &Collapse, other: &Collapse) -> std::cmp::Ordering {
    let key = |c: &Collapse| (c.from, c.to);
    one.cost
        .total_cmp(&other.cost)
        .then_with(|| key(one).cmp(&key(other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deviation::deviation;
    use crate::measure::measure;
    use crate::mesh::tests::{ball, sheet};

    fn simplified(mesh: &Mesh, target: usize) -> Mesh {
        let mut told = Vec::new();
        let made = simplify(mesh, target, &mut |part| told.push(part));
        assert!(told.is_sorted() && told.iter().all(|part| (0.0..=1.0).contains(part)));
        made.checked().unwrap()
    }

    #[test]
    fn a_ball_stays_a_ball() {
        let ball = ball(50);
        let made = simplified(&ball, 1_000);
        let measures = measure(&made);
        assert!(
            (998..=1_000).contains(&measures.faces),
            "{}",
            measures.faces
        );
        assert!(measures.is_watertight(), "{measures:?}");
        assert!((measures.volume / measure(&ball).volume - 1.0).abs() < 1e-2);
        let error = deviation(&ball, &made);
        assert!(error.largest < 0.02, "{error:?}");
        assert_eq!(made, simplified(&ball, 1_000), "the same again");
    }

    #[test]
    fn borders_coordinates_and_colours_stay() {
        let sheet = sheet(60);
        let made = simplified(&sheet, 800);
        let measures = measure(&made);
        assert!(measures.faces <= 800, "{}", measures.faces);
        let (was, is) = (sheet.bounds(), made.bounds());
        assert_eq!(was.low[..2], is.low[..2]);
        assert_eq!(was.high[..2], is.high[..2]);
        assert_eq!((measures.parts, measures.crowded_edges), (1, 0));
        let (uvs, colors) = (made.uvs.unwrap(), made.colors.unwrap());
        for ((position, uv), color) in made.positions.iter().zip(uvs).zip(colors) {
            assert!((position[0] - uv[0]).abs() < 0.02, "{position:?} {uv:?}");
            assert!((position[1] * 255.0 - f32::from(color[1])).abs() < 6.0);
        }
    }

    #[test]
    fn a_flat_sheet_needs_few_triangles() {
        let mut flat = sheet(30);
        (flat.uvs, flat.colors) = (None, None);
        for position in &mut flat.positions {
            position[2] = 0.0;
        }
        let made = simplified(&flat, 2);
        assert!(made.faces.len() <= 4, "{}", made.faces.len());
        assert!((measure(&made).area - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_tetrahedron_and_degenerate_triangles_do_no_harm() {
        let mut tetrahedron = Mesh {
            positions: vec![[0.0; 3], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            faces: vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]],
            ..Mesh::default()
        };
        assert_eq!(simplified(&tetrahedron, 1).faces.len(), 4);
        tetrahedron.faces.push([0, 0, 1]);
        tetrahedron.faces.push([0, 1, 1]);
        assert_eq!(simplified(&tetrahedron, 1).faces.len(), 4);
    }
}
