//! Deltas of packs: an object as copies from another and bytes of its own
//! (git's Documentation/gitformat-pack, "Deltified representation").

/// The object that a delta makes of its base; nothing where the delta is damaged or what it makes
/// is above `max` bytes.
pub(crate) fn apply(base: &[u8], delta: &[u8], max: usize) -> Option<Vec<u8>> {
    let mut rest = delta;
    if length(&mut rest)? != base.len() {
        return None;
    }
    let length = length(&mut rest)?;
    if length > max {
        return None;
    }
    let mut made = Vec::with_capacity(length);
    while let Some(op) = take(&mut rest) {
        let piece = if op & 0x80 != 0 {
            let offset = number(&mut rest, op & 0x0f, 4)?;
            let size = match number(&mut rest, op >> 4 & 0x07, 3)? {
                0 => 0x10000,
                size => size,
            };
            base.get(offset..offset.checked_add(size)?)?
        } else {
            // Zero is reserved.
            let (piece, after) = rest.split_at_checked(usize::from(op)).filter(|_| op != 0)?;
            rest = after;
            piece
        };
        if made.len() + piece.len() > length {
            return None;
        }
        made.extend_from_slice(piece);
    }
    (made.len() == length).then_some(made)
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (&first, after) = rest.split_first()?;
    *rest = after;
    Some(first)
}

fn length(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0_u64;
    for shift in (0..63).step_by(7) {
        let byte = take(rest)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
    None
}

/// A number of whose bytes only those are there that have a bit in `mask`.
fn number(rest: &mut &[u8], mask: u8, bytes: u32) -> Option<usize> {
    let mut value = 0_usize;
    for index in 0..bytes {
        if mask >> index & 1 == 1 {
            value |= usize::from(take(rest)?) << (8 * index);
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::apply;

    #[test]
    fn copies_and_own_bytes_make_an_object() {
        let delta = [5, 7, 0x91, 1, 3, 4, b'1', b'2', b'3', b'4'];
        assert_eq!(apply(b"hello", &delta, 100).unwrap(), b"ell1234");
        assert_eq!(apply(b"hello", &delta, 6), None, "above the limit");
    }

    #[test]
    fn a_damaged_delta_makes_nothing() {
        for delta in [
            &[][..],
            &[4, 1, 1, b'x'],       // another base
            &[5, 4, 0x91, 3, 4],    // copies past the base's end
            &[5, 2, 1, b'x'],       // too short
            &[5, 1, 2, b'x', b'y'], // too long
            &[5, 1, 0, 1, b'x'],    // the reserved op
            &[5, 9, 9, b'x'],       // bytes missing
            &[0xff; 12],            // a length without end
        ] {
            assert_eq!(apply(b"hello", delta, 100), None, "{delta:?}");
        }
    }
}
