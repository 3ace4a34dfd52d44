//! The weight formats and how a tile of each is laid out.
//!
//! A tile is 16 output rows over all of `k`. It is a run of groups; a group covers 32 values of `k`
//! (or 256 for the K formats, as a header and eight groups). Within a group, four consecutive values
//! of `k` of one row lie together as the bytes of one 32-bit lane, and the 16 rows are the 16 lanes:
//! one vector multiplies with four broadcast activations.

use candle_core::quantized::GgmlDType;

/// Output rows of a tile.
pub(crate) const ROWS: usize = 16;
/// Values of `k` in a group.
pub(crate) const GROUP: usize = 32;
/// Values of `k` in a superblock of the K formats.
pub(crate) const SUPER: usize = 256;
/// Vectors of four values in a group.
pub(crate) const QUADS: usize = GROUP / 4;

/// A weight format that the kernels multiply with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q4K,
    Q5K,
    Q6K,
}

impl Format {
    /// The format for a tensor of this type, if the kernels have it and the row length fits.
    pub(crate) fn of(dtype: GgmlDType, k: usize) -> Option<Format> {
        let format = match dtype {
            GgmlDType::Q4_0 => Format::Q4_0,
            GgmlDType::Q4_1 => Format::Q4_1,
            GgmlDType::Q5_0 => Format::Q5_0,
            GgmlDType::Q5_1 => Format::Q5_1,
            GgmlDType::Q8_0 => Format::Q8_0,
            GgmlDType::Q4K => Format::Q4K,
            GgmlDType::Q5K => Format::Q5K,
            GgmlDType::Q6K => Format::Q6K,
            _ => return None,
        };
        (k > 0 && k.is_multiple_of(format.source_values())).then_some(format)
    }

    /// Values in one block of the file.
    pub(crate) const fn source_values(self) -> usize {
        if self.is_k() { SUPER } else { GROUP }
    }

    /// Bytes of one block of the file.
    pub(crate) const fn source_bytes(self) -> usize {
        match self {
            Format::Q4_0 => 18,
            Format::Q4_1 => 20,
            Format::Q5_0 => 22,
            Format::Q5_1 => 24,
            Format::Q8_0 => 34,
            Format::Q4K => 144,
            Format::Q5K => 176,
            Format::Q6K => 210,
        }
    }

    /// Whether blocks are 256 values with scales of their own inside.
    pub(crate) const fn is_k(self) -> bool {
        matches!(self, Format::Q4K | Format::Q5K | Format::Q6K)
    }

    /// Whether a value is `d * q + m` (or `d * q - m`), rather than `d * (q - offset)`.
    pub(crate) const fn has_min(self) -> bool {
        matches!(
            self,
            Format::Q4_1 | Format::Q5_1 | Format::Q4K | Format::Q5K
        )
    }

    /// What is taken from the stored unsigned integer.
    pub(crate) const fn offset(self) -> i32 {
        match self {
            Format::Q4_0 => 8,
            Format::Q5_0 => 16,
            Format::Q8_0 => 128,
            Format::Q6K => 32,
            Format::Q4_1 | Format::Q5_1 | Format::Q4K | Format::Q5K => 0,
        }
    }

    /// Bytes before the groups of a superblock: the 16-bit scales of the 16 rows.
    pub(crate) const fn header_bytes(self) -> usize {
        match self {
            Format::Q4K | Format::Q5K => 4 * ROWS,
            Format::Q6K => 2 * ROWS,
            _ => 0,
        }
    }

    /// Bytes of scales at the start of a group.
    pub(crate) const fn scale_bytes(self) -> usize {
        match self {
            Format::Q4_0 | Format::Q5_0 | Format::Q8_0 => 2 * ROWS,
            Format::Q4_1 | Format::Q5_1 => 4 * ROWS,
            Format::Q4K | Format::Q5K | Format::Q6K => 2 * ROWS,
        }
    }

    /// Bytes of the low bits in a group: halves of a byte, or whole bytes for `Q8_0`.
    pub(crate) const fn low_bytes(self) -> usize {
        match self {
            Format::Q8_0 => ROWS * GROUP,
            _ => ROWS * GROUP / 2,
        }
    }

    /// Bytes of the bits above the fourth in a group.
    pub(crate) const fn high_bytes(self) -> usize {
        match self {
            Format::Q5_0 | Format::Q5_1 | Format::Q5K => ROWS * GROUP / 8,
            Format::Q6K => ROWS * GROUP / 4,
            _ => 0,
        }
    }

    /// Bytes of a group.
    pub(crate) const fn group_bytes(self) -> usize {
        self.scale_bytes() + self.low_bytes() + self.high_bytes()
    }

    /// Bytes of a tile for rows of `k` values.
    pub(crate) const fn tile_bytes(self, k: usize) -> usize {
        k / GROUP * self.group_bytes() + k / SUPER * self.header_bytes()
    }
}
