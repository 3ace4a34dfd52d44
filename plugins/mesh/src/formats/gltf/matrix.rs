//! Where nodes put what they hold.

use super::Node;
use crate::vector::{Vector, add, cross, dot};

/// A matrix of 4 by 4, column after column.
pub(super) type Matrix = [f64; 16];
pub(super) const IDENTITY: Matrix = [
    1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0,
];

/// What a node does with what it holds.
pub(super) fn local(node: &Node) -> Matrix {
    if let Some(matrix) = node.matrix {
        return matrix;
    }
    let [x, y, z, w] = node.rotation.unwrap_or([0.0, 0.0, 0.0, 1.0]);
    let [sx, sy, sz] = node.scale.unwrap_or([1.0; 3]);
    let [tx, ty, tz] = node.translation.unwrap_or_default();
    [
        (1.0 - 2.0 * (y * y + z * z)) * sx,
        2.0 * (x * y + z * w) * sx,
        2.0 * (x * z - y * w) * sx,
        0.0,
        2.0 * (x * y - z * w) * sy,
        (1.0 - 2.0 * (x * x + z * z)) * sy,
        2.0 * (y * z + x * w) * sy,
        0.0,
        2.0 * (x * z + y * w) * sz,
        2.0 * (y * z - x * w) * sz,
        (1.0 - 2.0 * (x * x + y * y)) * sz,
        0.0,
        tx,
        ty,
        tz,
        1.0,
    ]
}

pub(super) fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|at| (0..4).map(|k| a[k * 4 + at % 4] * b[at / 4 * 4 + k]).sum())
}

fn column(matrix: &Matrix, at: usize) -> Vector {
    [matrix[at * 4], matrix[at * 4 + 1], matrix[at * 4 + 2]]
}

/// A direction through the matrix, without its translation.
fn along(matrix: &Matrix, [x, y, z]: Vector) -> Vector {
    let moved = add(column(matrix, 0).map(|v| v * x), column(matrix, 1), y);
    add(moved, column(matrix, 2), z)
}

pub(super) fn determinant(matrix: &Matrix) -> f64 {
    dot(
        column(matrix, 0),
        cross(column(matrix, 1), column(matrix, 2)),
    )
}

/// Where a point goes.
pub(super) fn moved(matrix: &Matrix, point: Vector) -> Vector {
    add(along(matrix, point), column(matrix, 3), 1.0)
}
