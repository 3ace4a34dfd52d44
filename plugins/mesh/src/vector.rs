//! Points and directions in space.

pub(crate) type Vector = [f64; 3];

pub(crate) fn wide(p: [f32; 3]) -> Vector {
    p.map(f64::from)
}

pub(crate) fn sub(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

/// `a + b * factor`.
pub(crate) fn add(a: Vector, b: Vector, factor: f64) -> Vector {
    [
        a[0] + b[0] * factor,
        a[1] + b[1] * factor,
        a[2] + b[2] * factor,
    ]
}

pub(crate) fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn cross(a: Vector, b: Vector) -> Vector {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

pub(crate) fn length(a: Vector) -> f64 {
    dot(a, a).sqrt()
}

/// The direction of `a`; nothing for a vector of no length.
pub(crate) fn unit(a: Vector) -> Option<Vector> {
    let length = length(a);
    (length > 0.0).then(|| a.map(|x| x / length))
}

/// The cross product of two sides of a triangle: its normal, as long as twice its area.
pub(crate) fn area_normal([a, b, c]: [Vector; 3]) -> Vector {
    cross(sub(b, a), sub(c, a))
}
