//! The tile product in plain code, and the unpacking that the kernels without wide vectors share.

use half::f16;

use super::activations::Activations;
use super::format::{Format, GROUP, QUADS, ROWS};
use super::matrix::Kind;

/// One group of a tile, unpacked.
pub(super) struct Unpacked {
    /// Integers: quad by quad, row by row, four of `k`.
    pub(super) q: [u8; ROWS * GROUP],
    /// Value = scale * q + min, for each half group and row.
    pub(super) scale: [[f32; ROWS]; 2],
    pub(super) min: [[f32; ROWS]; 2],
}

/// The 16-bit floats at the start of a superblock.
pub(super) fn header<K: Kind>(bytes: &[u8]) -> [[f32; ROWS]; 2] {
    let second = if K::FORMAT.has_min() {
        halves(&bytes[2 * ROWS..])
    } else {
        [0.0; ROWS]
    };
    [halves(bytes), second]
}

fn halves(bytes: &[u8]) -> [f32; ROWS] {
    std::array::from_fn(|row| f16::from_le_bytes([bytes[2 * row], bytes[2 * row + 1]]).to_f32())
}

#[inline(always)]
pub(super) fn unpack<K: Kind>(group: &[u8], header: &[[f32; ROWS]; 2]) -> Unpacked {
    let (scales, bits) = group.split_at(K::FORMAT.scale_bytes());
    let (low, high) = bits.split_at(K::FORMAT.low_bytes());
    let offset = K::FORMAT.offset() as f32;
    let mut out = Unpacked {
        q: [0; ROWS * GROUP],
        scale: [[0.0; ROWS]; 2],
        min: [[0.0; ROWS]; 2],
    };
    match K::FORMAT {
        Format::Q4_0 | Format::Q5_0 | Format::Q8_0 => {
            out.scale = [halves(scales); 2];
            out.min = out.scale.map(|scale| scale.map(|s| -offset * s));
        }
        Format::Q4_1 | Format::Q5_1 => {
            out.scale = [halves(scales); 2];
            out.min = [halves(&scales[2 * ROWS..]); 2];
        }
        Format::Q4K | Format::Q5K => {
            let scale = std::array::from_fn(|row| header[0][row] * f32::from(scales[row]));
            let min = std::array::from_fn(|row| -(header[1][row] * f32::from(scales[ROWS + row])));
            (out.scale, out.min) = ([scale; 2], [min; 2]);
        }
        Format::Q6K => {
            out.scale = std::array::from_fn(|half| {
                std::array::from_fn(|row| {
                    header[0][row] * f32::from(scales[half * ROWS + row] as i8)
                })
            });
            out.min = out.scale.map(|scale| scale.map(|s| -offset * s));
        }
    }
    if matches!(K::FORMAT, Format::Q8_0) {
        out.q.copy_from_slice(low);
        return out;
    }
    let (first, second) = out.q.split_at_mut(low.len());
    for ((first, second), byte) in first.iter_mut().zip(second).zip(low) {
        *first = byte & 15;
        *second = byte >> 4;
    }
    match K::FORMAT {
        Format::Q5_0 | Format::Q5_1 | Format::Q5K => {
            for (index, q) in out.q.iter_mut().enumerate() {
                *q |= ((high[index / 8] >> (index % 8)) & 1) << 4;
            }
        }
        Format::Q6K => {
            for quad in 0..QUADS {
                let high = &high[quad / 4 * 64..][..64];
                for (q, byte) in out.q[quad * 64..][..64].iter_mut().zip(high) {
                    *q |= ((byte >> (2 * (quad % 4))) & 3) << 4;
                }
            }
        }
        _ => {}
    }
    out
}

/// Multiplies one tile with `M` rows of activations from `row` on.
pub(super) fn tile<K: Kind, const M: usize>(
    weights: &[u8],
    acts: &Activations,
    row: usize,
    out: &mut [[f32; ROWS]; M],
) {
    let groups = acts.k / GROUP;
    let mut at = 0;
    let mut super_header = [[0.0; ROWS]; 2];
    *out = [[0.0; ROWS]; M];
    for group in 0..groups {
        if K::FORMAT.is_k() && group.is_multiple_of(8) {
            super_header = header::<K>(&weights[at..]);
            at += K::FORMAT.header_bytes();
        }
        let bytes = &weights[at..at + K::FORMAT.group_bytes()];
        let unpacked = unpack::<K>(bytes, &super_header);
        at += bytes.len();
        for (m, out) in out.iter_mut().enumerate() {
            let index = (row + m) * groups + group;
            let x = &acts.q[index * GROUP..][..GROUP];
            let mut dots = [[0i32; ROWS]; 2];
            for quad in 0..QUADS {
                let x = &x[quad * 4..][..4];
                let q = &unpacked.q[quad * 64..][..64];
                let dots = &mut dots[quad / (QUADS / 2)];
                for (dot, q) in dots.iter_mut().zip(q.chunks_exact(4)) {
                    for (q, x) in q.iter().zip(x) {
                        *dot += i32::from(*q) * i32::from(*x);
                    }
                }
            }
            let scale = acts.groups[index];
            for (half, dots) in dots.iter().enumerate() {
                for (lane, out) in out.iter_mut().enumerate() {
                    *out += dots[lane] as f32 * (unpacked.scale[half][lane] * scale.scale)
                        + unpacked.min[half][lane] * scale.halves[half];
                }
            }
        }
    }
}
