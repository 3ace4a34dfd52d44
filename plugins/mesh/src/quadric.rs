//! Error quadrics: squared distances to planes, added up. Garland and Heckbert, "Surface
//! Simplification Using Quadric Error Metrics", SIGGRAPH 1997.

use crate::vector::{Vector, dot};

/// `pᵀAp + 2bᵀp + c`, the sum of weighted squared distances of `p` to planes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quadric {
    /// A's upper half: xx, xy, xz, yy, yz, zz.
    a: [f64; 6],
    b: Vector,
    c: f64,
}

impl Quadric {
    /// Of the plane through `point` with a normal of length 1.
    pub(crate) fn of_plane(normal: Vector, point: Vector, weight: f64) -> Self {
        let [x, y, z] = normal;
        let d = -dot(normal, point);
        Self {
            a: [x * x, x * y, x * z, y * y, y * z, z * z].map(|value| value * weight),
            b: normal.map(|value| value * d * weight),
            c: d * d * weight,
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (one, other) in self.a.iter_mut().zip(other.a) {
            *one += other;
        }
        for (one, other) in self.b.iter_mut().zip(other.b) {
            *one += other;
        }
        self.c += other.c;
    }

    pub(crate) fn plus(mut self, other: &Self) -> Self {
        self.add(other);
        self
    }

    pub(crate) fn at(&self, p: Vector) -> f64 {
        let [xx, xy, xz, yy, yz, zz] = self.a;
        let ap = [
            xx * p[0] + xy * p[1] + xz * p[2],
            xy * p[0] + yy * p[1] + yz * p[2],
            xz * p[0] + yz * p[1] + zz * p[2],
        ];
        (dot(ap, p) + 2.0 * dot(self.b, p) + self.c).max(0.0)
    }

    /// Where it is least; in directions in which it says little, near `near`.
    pub(crate) fn least(&self, near: Vector) -> Option<Vector> {
        /// How much a step away from `near` costs, of what the planes cost.
        const PULL: f64 = 1e-3;
        let [xx, xy, xz, yy, yz, zz] = self.a;
        let pull = (xx + yy + zz) * PULL;
        let (xx, yy, zz) = (xx + pull, yy + pull, zz + pull);
        let right = [0, 1, 2].map(|axis| near[axis] * pull - self.b[axis]);
        // The inverse of a symmetric matrix by its cofactors.
        let cofactors = [
            yy * zz - yz * yz,
            xz * yz - xy * zz,
            xy * yz - xz * yy,
            xx * zz - xz * xz,
            xy * xz - xx * yz,
            xx * yy - xy * xy,
        ];
        let determinant = xx * cofactors[0] + xy * cofactors[1] + xz * cofactors[2];
        if determinant <= f64::MIN_POSITIVE {
            return None;
        }
        let [c0, c1, c2, c3, c4, c5] = cofactors;
        let found = [
            dot([c0, c1, c2], right),
            dot([c1, c3, c4], right),
            dot([c2, c4, c5], right),
        ]
        .map(|value| value / determinant);
        found.iter().all(|x| x.is_finite()).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_least_where_its_planes_meet() {
        let corner = [1.0, 2.0, 3.0];
        let mut quadric = Quadric::default();
        for normal in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]] {
            quadric.add(&Quadric::of_plane(normal, corner, 2.0));
        }
        let least = quadric.least(corner).unwrap();
        assert!(quadric.at(least) < 1e-9);
        assert!((quadric.at([2.0, 2.0, 3.0]) - 2.0).abs() < 1e-9);
        let flat = Quadric::of_plane([0.0, 0.0, 1.0], [0.0; 3], 1.0);
        let least = flat.least([5.0, 6.0, 7.0]).unwrap();
        assert!(
            (least[0] - 5.0).abs() < 1e-6 && least[2].abs() < 0.1,
            "{least:?}"
        );
    }
}
