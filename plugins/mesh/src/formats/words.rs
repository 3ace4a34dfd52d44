//! Numbers in texts and in bytes.

use alcove_sdk::Failure;

use super::damaged;

/// The next words of a line as numbers.
pub(super) fn numbers<'l, const N: usize>(
    words: &mut impl Iterator<Item = &'l str>,
) -> Result<[f32; N], Failure> {
    let mut found = [0.0; N];
    for number in &mut found {
        let word = words.next().ok_or_else(|| damaged("a line is too short"))?;
        *number = word
            .parse()
            .map_err(|_| damaged("a number of a line is none"))?;
    }
    Ok(found)
}

/// Bytes that are read from their beginning.
pub(super) struct Bytes<'b>(pub(super) &'b [u8]);

impl<'b> Bytes<'b> {
    pub(super) fn take(&mut self, many: usize) -> Result<&'b [u8], Failure> {
        let (taken, rest) = self
            .0
            .split_at_checked(many)
            .ok_or_else(|| damaged("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| damaged("it ends too early"))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Failure> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn point(&mut self) -> Result<[f32; 3], Failure> {
        let mut point = [0.0; 3];
        for number in &mut point {
            *number = self.array().map(f32::from_le_bytes)?;
        }
        Ok(point)
    }
}
