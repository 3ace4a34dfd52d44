//! Normals for shading: smooth, but for edges that are sharp.

use std::collections::HashMap;

use crate::mesh::{Mesh, number};
use crate::vector::{Vector, add, area_normal, dot, unit};

/// Faces that meet at less than 40 degrees look like one surface.
const SMOOTH: f64 = 0.766;
/// Of so many faces at one place the angles are not compared.
const MAX_FAN: usize = 128;

/// A mesh whose vertices have a normal each.
pub(super) struct Shaded {
    pub(super) mesh: Mesh,
    pub(super) normals: Vec<[f32; 3]>,
}

/// Gives each corner of each face the mean of the normals of the faces around that it goes smoothly
/// over into, by area; corners that differ in it become vertices of their own.
pub(super) fn shade(mesh: &Mesh) -> Shaded {
    let (place, places) = mesh.places();
    let of = |&face: &[u32; 3]| area_normal(mesh.corners(face));
    let normals: Vec<Vector> = mesh.faces.iter().map(of).collect();
    let mut around = vec![Vec::new(); places];
    for (at, face) in mesh.faces.iter().enumerate() {
        for &vertex in face {
            around[place[vertex as usize] as usize].push(at);
        }
    }
    let mut made = Shaded {
        mesh: Mesh {
            uvs: mesh.uvs.as_ref().map(|_| Vec::new()),
            colors: mesh.colors.as_ref().map(|_| Vec::new()),
            ..Mesh::default()
        },
        normals: Vec::new(),
    };
    let mut known = HashMap::new();
    for (at, face) in mesh.faces.iter().enumerate() {
        // A triangle of no area has no side to show.
        let Some(own) = unit(normals[at]) else {
            continue;
        };
        let corners = face.map(|vertex| {
            let faces = &around[place[vertex as usize] as usize];
            let smooth = faces.iter().filter(|&&other| {
                faces.len() > MAX_FAN
                    || unit(normals[other]).is_some_and(|other| dot(own, other) >= SMOOTH)
            });
            let sum = smooth.fold([0.0; 3], |sum, &other| add(sum, normals[other], 1.0));
            let normal = unit(sum).unwrap_or(own).map(|x| x as f32);
            *known
                .entry((vertex, normal.map(f32::to_bits)))
                .or_insert_with(|| made.push(mesh, vertex as usize, normal))
        });
        made.mesh.faces.push(corners);
    }
    made
}

impl Shaded {
    fn push(&mut self, mesh: &Mesh, vertex: usize, normal: [f32; 3]) -> u32 {
        self.mesh.positions.push(mesh.positions[vertex]);
        if let (Some(uvs), Some(from)) = (&mut self.mesh.uvs, &mesh.uvs) {
            uvs.push(from[vertex]);
        }
        if let (Some(colors), Some(from)) = (&mut self.mesh.colors, &mesh.colors) {
            colors.push(from[vertex]);
        }
        self.normals.push(normal);
        number(self.normals.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::tests::ball;

    #[test]
    fn a_ball_is_smooth_and_a_box_has_edges() {
        let ball = ball(10);
        let shaded = shade(&ball);
        assert_eq!(shaded.normals.len(), ball.positions.len());
        for (normal, position) in shaded.normals.iter().zip(&shaded.mesh.positions) {
            let along: f32 = normal.iter().zip(position).map(|(n, p)| n * p).sum();
            assert!(along > 0.98, "{along}");
        }
        let corners = (0..8_u8).map(|n| [0, 1, 2].map(|axis| f32::from(n >> axis & 1)));
        let sides = [
            [0, 2, 3, 1],
            [4, 5, 7, 6],
            [0, 1, 5, 4],
            [2, 6, 7, 3],
            [0, 4, 6, 2],
            [1, 3, 7, 5],
        ];
        let cube = Mesh {
            positions: corners.collect(),
            faces: sides
                .iter()
                .flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]])
                .collect(),
            ..Mesh::default()
        };
        assert_eq!(shade(&cube).normals.len(), 24);
    }
}
