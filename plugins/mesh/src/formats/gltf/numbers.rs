//! Accessors: the numbers that a document points to.

use alcove_sdk::Failure;

use super::Document;
use crate::formats::damaged;

/// The values of an accessor of `N` components.
pub(super) fn numbers<const N: usize>(
    document: &Document,
    buffers: &[Vec<u8>],
    accessor: usize,
) -> Result<Vec<[f64; N]>, Failure> {
    let missing = || damaged("it names data that is not there");
    let accessor = document.accessors.get(accessor).ok_or_else(missing)?;
    let wanted = ["SCALAR", "VEC2", "VEC3", "VEC4"];
    if wanted.get(N - 1) != Some(&accessor.kind.as_str()) {
        return Err(damaged("its data has another shape than it should"));
    }
    if accessor.sparse.is_some() {
        return Err(Failure::invalid_input(
            "the file has sparse accessors, which are not read: export it without morph targets",
        ));
    }
    let view = accessor.buffer_view.ok_or_else(missing)?;
    let view = document.buffer_views.get(view).ok_or_else(missing)?;
    let buffer = buffers.get(view.buffer).ok_or_else(missing)?;
    let end = view
        .byte_offset
        .checked_add(view.byte_length)
        .ok_or_else(missing)?;
    let bytes = buffer.get(view.byte_offset..end).ok_or_else(missing)?;
    let component = Component::of(accessor.component_type, accessor.normalized)
        .ok_or_else(|| damaged("a component type of it is none"))?;
    let stride = view.byte_stride.unwrap_or(N * component.bytes);
    let last = accessor.count.checked_sub(1).ok_or_else(missing)?;
    let end = last
        .checked_mul(stride)
        .and_then(|end| end.checked_add(accessor.byte_offset))
        .and_then(|end| end.checked_add(N * component.bytes));
    // An accessor is never longer than what it looks at, whatever its stride says.
    if stride == 0 || end.is_none_or(|end| end > bytes.len()) {
        return Err(missing());
    }
    let rows = (0..accessor.count).map(|row| {
        let begin = accessor.byte_offset + row * stride;
        std::array::from_fn(|at| component.read(&bytes[begin + at * component.bytes..]))
    });
    Ok(rows.collect())
}

struct Component {
    bytes: usize,
    read: fn(&[u8]) -> f64,
    /// What 1 is written as, for whole numbers that stand for parts of 1.
    one: f64,
}

impl Component {
    fn of(kind: u32, is_normalized: bool) -> Option<Self> {
        fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
            std::array::from_fn(|at| bytes.get(at).copied().unwrap_or_default())
        }
        let (bytes, read, one): (_, fn(&[u8]) -> f64, f64) = match kind {
            5120 => (1, |b| f64::from(i8::from_le_bytes(array(b))), 127.0),
            5121 => (1, |b| f64::from(u8::from_le_bytes(array(b))), 255.0),
            5122 => (2, |b| f64::from(i16::from_le_bytes(array(b))), 32_767.0),
            5123 => (2, |b| f64::from(u16::from_le_bytes(array(b))), 65_535.0),
            5125 => (4, |b| f64::from(u32::from_le_bytes(array(b))), 1.0),
            5126 => (4, |b| f64::from(f32::from_le_bytes(array(b))), 1.0),
            _ => return None,
        };
        let one = if is_normalized { one } else { 1.0 };
        Some(Self { bytes, read, one })
    }

    fn read(&self, bytes: &[u8]) -> f64 {
        ((self.read)(bytes) / self.one).max(if self.one > 1.0 { -1.0 } else { f64::MIN })
    }
}
