//! Repacking: blocks as they lie in a file into tiles.

use super::format::{Format, GROUP, QUADS, ROWS, SUPER};

/// The lower half of each byte.
const NIBBLES: u32 = 0x0F0F_0F0F;

/// One group of one row, unpacked: integers as stored (unsigned) and the bytes of its scales.
struct Group {
    q: [u8; GROUP],
    /// Two 8-bit scales (K formats) or two 16-bit ones.
    scales: [u8; 4],
}

/// Packs rows `tile * 16 ..` of a matrix of `n` rows into `out`, `format.tile_bytes(k)` zero bytes.
/// Rows past `n` are zero in every bit, so they multiply to zero.
pub(crate) fn pack_tile(
    format: Format,
    source: &[u8],
    n: usize,
    k: usize,
    tile: usize,
    out: &mut [u8],
) {
    let row_bytes = k / format.source_values() * format.source_bytes();
    for lane in 0..ROWS {
        let row = tile * ROWS + lane;
        if row >= n {
            break;
        }
        let blocks = &source[row * row_bytes..(row + 1) * row_bytes];
        let mut at = 0;
        for block in blocks.chunks_exact(format.source_bytes()) {
            put_header(format, block, lane, &mut out[at..]);
            at += format.header_bytes();
            for sub in 0..format.source_values() / GROUP {
                let group = unpack(format, block, sub);
                put_group(
                    format,
                    &group,
                    lane,
                    &mut out[at..at + format.group_bytes()],
                );
                at += format.group_bytes();
            }
        }
    }
}

fn put_header(format: Format, block: &[u8], lane: usize, out: &mut [u8]) {
    match format {
        Format::Q4K | Format::Q5K => {
            out[2 * lane..2 * lane + 2].copy_from_slice(&block[0..2]);
            out[2 * ROWS + 2 * lane..2 * ROWS + 2 * lane + 2].copy_from_slice(&block[2..4]);
        }
        Format::Q6K => out[2 * lane..2 * lane + 2].copy_from_slice(&block[208..210]),
        _ => {}
    }
}

fn put_group(format: Format, group: &Group, lane: usize, out: &mut [u8]) {
    if format.is_k() {
        out[lane] = group.scales[0];
        out[ROWS + lane] = group.scales[1];
    } else {
        out[2 * lane..2 * lane + 2].copy_from_slice(&group.scales[0..2]);
        if format.has_min() {
            let at = 2 * ROWS + 2 * lane;
            out[at..at + 2].copy_from_slice(&group.scales[2..4]);
        }
    }
    let (low, high) = out[format.scale_bytes()..].split_at_mut(format.low_bytes());
    // Four values at a time: one lane of a vector.
    let words: [u32; QUADS] = std::array::from_fn(|quad| {
        let q = &group.q[quad * 4..];
        u32::from_le_bytes([q[0], q[1], q[2], q[3]])
    });
    let mut put = |quad: usize, word: u32| {
        low[quad * 64 + lane * 4..][..4].copy_from_slice(&word.to_le_bytes());
    };
    if format == Format::Q8_0 {
        words
            .iter()
            .enumerate()
            .for_each(|(quad, word)| put(quad, *word));
        return;
    }
    for quad in 0..QUADS / 2 {
        put(
            quad,
            words[quad] & NIBBLES | (words[quad + QUADS / 2] & NIBBLES) << 4,
        );
    }
    match format {
        Format::Q5_0 | Format::Q5_1 | Format::Q5K => {
            for (quad, word) in words.iter().enumerate() {
                // The product brings the lowest bits of the four bytes together at the top.
                let bits = ((word >> 4) & 0x0101_0101).wrapping_mul(0x1020_4080) >> 28;
                high[quad * 8 + lane / 2] |= (bits as u8) << (4 * (lane % 2));
            }
        }
        Format::Q6K => {
            for (half, words) in words.chunks_exact(4).enumerate() {
                let bits =
                    |(place, word): (usize, &u32)| ((word >> 4) & 0x0303_0303) << (2 * place);
                let word = words
                    .iter()
                    .enumerate()
                    .map(bits)
                    .fold(0, |all, bits| all | bits);
                high[half * 64 + lane * 4..][..4].copy_from_slice(&word.to_le_bytes());
            }
        }
        _ => {}
    }
}

/// The layouts of llama.cpp's blocks, as the GGUF format stores them.
fn unpack(format: Format, block: &[u8], sub: usize) -> Group {
    let mut group = Group {
        q: [0; GROUP],
        scales: [0; 4],
    };
    match format {
        Format::Q8_0 => {
            group.scales[..2].copy_from_slice(&block[..2]);
            for (q, &byte) in group.q.iter_mut().zip(&block[2..]) {
                *q = byte ^ 0x80;
            }
        }
        Format::Q4_0 | Format::Q4_1 | Format::Q5_0 | Format::Q5_1 => {
            let scale_bytes = if format.has_min() { 4 } else { 2 };
            group.scales[..scale_bytes].copy_from_slice(&block[..scale_bytes]);
            let mut rest = &block[scale_bytes..];
            let mut high = 0u32;
            if format.high_bytes() > 0 {
                high = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]);
                rest = &rest[4..];
            }
            for (index, &byte) in rest.iter().enumerate() {
                group.q[index] = (byte & 15) | (((high >> index) & 1) << 4) as u8;
                group.q[index + 16] = (byte >> 4) | (((high >> (index + 16)) & 1) << 4) as u8;
            }
        }
        Format::Q4K | Format::Q5K => {
            let (scale, min) = k_scale_min(&block[4..16], sub);
            group.scales = [scale, min, 0, 0];
            let (high, low) = match format {
                Format::Q5K => (&block[16..48], &block[48..176]),
                _ => (&[0u8; 32][..], &block[16..144]),
            };
            for index in 0..GROUP {
                let byte = low[sub / 2 * 32 + index];
                let nibble = if sub.is_multiple_of(2) {
                    byte & 15
                } else {
                    byte >> 4
                };
                group.q[index] = nibble | ((high[index] >> sub) & 1) << 4;
            }
        }
        Format::Q6K => {
            let (low, rest) = block.split_at(SUPER / 2);
            let (high, scales) = rest.split_at(SUPER / 4);
            group.scales = [scales[2 * sub], scales[2 * sub + 1], 0, 0];
            let (half, quarter) = (sub / 4, sub % 4);
            for index in 0..GROUP {
                let byte = low[half * 64 + (quarter % 2) * 32 + index];
                let nibble = if quarter < 2 { byte & 15 } else { byte >> 4 };
                let bits = (high[half * 32 + index] >> (2 * quarter)) & 3;
                group.q[index] = nibble | bits << 4;
            }
        }
    }
    group
}

/// The 6-bit scale and minimum number `sub` of eight, packed in 12 bytes.
fn k_scale_min(packed: &[u8], sub: usize) -> (u8, u8) {
    if sub < 4 {
        (packed[sub] & 63, packed[sub + 4] & 63)
    } else {
        (
            (packed[sub + 4] & 15) | (packed[sub - 4] >> 6) << 4,
            (packed[sub + 4] >> 4) | (packed[sub] >> 6) << 4,
        )
    }
}
