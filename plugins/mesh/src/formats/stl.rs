//! STL: triangles and nothing else, as bytes or as text.

use alcove_sdk::Failure;

use super::damaged;
use super::words::{Bytes, numbers};
use crate::mesh::{Mesh, number, too_many};
use crate::vector::{area_normal, unit};

const HEADER_BYTES: usize = 80;
const TRIANGLE_BYTES: u64 = 50;

pub(super) fn read(bytes: &[u8]) -> Result<Mesh, Failure> {
    // Some programs begin binary files with "solid" too; their length tells.
    let count = bytes
        .get(HEADER_BYTES..HEADER_BYTES + 4)
        .and_then(|count| count.try_into().ok())
        .map(u32::from_le_bytes);
    // In 64 bits, whatever the machine has: a text's count is as large as any.
    let is_whole = |count: u32| {
        let needed = u64::from(count) * TRIANGLE_BYTES + HEADER_BYTES as u64 + 4;
        bytes.len() as u64 >= needed && count > 0
    };
    match count {
        Some(count) if is_whole(count) => read_binary(&bytes[HEADER_BYTES + 4..], count as usize),
        _ if bytes.trim_ascii_start().starts_with(b"solid") => read_text(bytes),
        _ => Err(damaged("it is no STL, or ends too early")),
    }
}

fn read_binary(bytes: &[u8], count: usize) -> Result<Mesh, Failure> {
    too_many(count, 0)?;
    let mut bytes = Bytes(bytes);
    let mut mesh = Mesh::default();
    for _ in 0..count {
        bytes.point()?;
        for _ in 0..3 {
            mesh.positions.push(bytes.point()?);
        }
        bytes.take(2)?;
        push_last(&mut mesh);
    }
    Ok(mesh)
}

fn read_text(bytes: &[u8]) -> Result<Mesh, Failure> {
    let text = String::from_utf8_lossy(bytes);
    let mut mesh = Mesh::default();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("vertex") => mesh.positions.push(numbers(&mut words)?),
            Some("endloop") if mesh.positions.len() == mesh.faces.len() * 3 + 3 => {
                push_last(&mut mesh);
                too_many(mesh.faces.len(), 0)?;
            }
            Some("endloop") => return Err(damaged("a face of an STL has three vertices")),
            _ => {}
        }
    }
    Ok(mesh)
}

/// A triangle of the last three vertices.
fn push_last(mesh: &mut Mesh) {
    let end = number(mesh.positions.len());
    mesh.faces.push([end - 3, end - 2, end - 1]);
}

pub(super) fn write(mesh: &Mesh) -> Vec<u8> {
    let mut bytes = b"STL of triangles".to_vec();
    bytes.resize(HEADER_BYTES, 0);
    bytes.extend(number(mesh.faces.len()).to_le_bytes());
    for &face in &mesh.faces {
        let normal = unit(area_normal(mesh.corners(face))).unwrap_or_default();
        let corners = face.map(|vertex| mesh.positions[vertex as usize]);
        for x in normal
            .map(|x| x as f32)
            .iter()
            .chain(corners.iter().flatten())
        {
            bytes.extend(x.to_le_bytes());
        }
        bytes.extend([0; 2]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_and_a_face_of_two_vertices_is_not() {
        let text = "solid a\n facet normal 0 0 1\n  outer loop\n   vertex 0 0 0\n   vertex 1e0 0 0\n   vertex 0 1 0\n  endloop\n endfacet\nendsolid";
        assert_eq!(read(text.as_bytes()).unwrap().faces, [[0, 1, 2]]);
        let broken = text.replace("   vertex 0 1 0\n", "");
        assert!(read(broken.as_bytes()).is_err());
    }
}
