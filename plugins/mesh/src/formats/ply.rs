//! PLY: a header that says what is in it, and then that, as text or as bytes of either order.

use alcove_sdk::Failure;

use super::damaged;
use super::words::Bytes;
use crate::mesh::{MAX_VERTICES, Mesh, number, too_many};

/// Lines of a header, elements of a file, and corners of a face, at most.
const MAX_HEADER_LINES: usize = 1_000;
const MAX_CORNERS: f64 = 10_000.0;

#[derive(Clone, Copy, PartialEq)]
enum Order {
    Text,
    Little,
    Big,
}

#[derive(Clone, Copy)]
enum Scalar {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

impl Scalar {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "char" | "int8" => Self::I8,
            "uchar" | "uint8" => Self::U8,
            "short" | "int16" => Self::I16,
            "ushort" | "uint16" => Self::U16,
            "int" | "int32" => Self::I32,
            "uint" | "uint32" => Self::U32,
            "float" | "float32" => Self::F32,
            "double" | "float64" => Self::F64,
            _ => return None,
        })
    }
}

struct Property {
    name: String,
    scalar: Scalar,
    /// The type of the count, for a list.
    count: Option<Scalar>,
}

struct Element {
    name: String,
    many: usize,
    properties: Vec<Property>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Mesh, Failure> {
    let (order, elements, body) = header(bytes)?;
    let mut values = Values {
        order,
        bytes: Bytes(body),
    };
    let mut mesh = Mesh::default();
    for element in &elements {
        match element.name.as_str() {
            "vertex" => vertices(element, &mut values, &mut mesh)?,
            "face" => faces(element, &mut values, &mut mesh)?,
            _ => {
                for _ in 0..element.many {
                    row(element, &mut values, |_, _| {})?;
                }
            }
        }
    }
    Ok(mesh)
}

fn header(bytes: &[u8]) -> Result<(Order, Vec<Element>, &[u8]), Failure> {
    let wrong = || damaged("its header is none of a PLY");
    let mut order = None;
    let mut elements: Vec<Element> = Vec::new();
    let mut rest = bytes;
    for _ in 0..MAX_HEADER_LINES {
        let end = rest.iter().position(|&b| b == b'\n').ok_or_else(wrong)?;
        let line = std::str::from_utf8(&rest[..end]).map_err(|_| wrong())?;
        rest = &rest[end + 1..];
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["format", name, _] => {
                order = match name {
                    "ascii" => Some(Order::Text),
                    "binary_little_endian" => Some(Order::Little),
                    "binary_big_endian" => Some(Order::Big),
                    _ => return Err(wrong()),
                }
            }
            ["element", name, many] => elements.push(Element {
                name: name.to_owned(),
                many: many.parse().map_err(|_| wrong())?,
                properties: Vec::new(),
            }),
            ["property", "list", count, scalar, name] => {
                let property = Property {
                    name: name.to_owned(),
                    scalar: Scalar::named(scalar).ok_or_else(wrong)?,
                    count: Some(Scalar::named(count).ok_or_else(wrong)?),
                };
                elements
                    .last_mut()
                    .ok_or_else(wrong)?
                    .properties
                    .push(property);
            }
            ["property", scalar, name] => {
                let property = Property {
                    name: name.to_owned(),
                    scalar: Scalar::named(scalar).ok_or_else(wrong)?,
                    count: None,
                };
                elements
                    .last_mut()
                    .ok_or_else(wrong)?
                    .properties
                    .push(property);
            }
            ["end_header"] => return Ok((order.ok_or_else(wrong)?, elements, rest)),
            _ => {}
        }
    }
    Err(wrong())
}

fn vertices(element: &Element, values: &mut Values<'_>, mesh: &mut Mesh) -> Result<(), Failure> {
    if element.many > MAX_VERTICES {
        return Err(Failure::too_large("the mesh has too many vertices"));
    }
    let has = |name: &str| element.properties.iter().any(|p| p.name == name);
    let colored = has("red") && has("green") && has("blue");
    let textured = (has("s") && has("t")) || (has("u") && has("v"));
    let is_real = |name: &str| {
        let mut found = element.properties.iter().filter(|p| p.name == name);
        found.any(|p| matches!(p.scalar, Scalar::F32 | Scalar::F64))
    };
    let scale = if is_real("red") { 255.0 } else { 1.0 };
    let (mut uvs, mut colors) = (Vec::new(), Vec::new());
    for _ in 0..element.many {
        let mut position = [0.0; 3];
        let mut uv = [0.0; 2];
        let mut color = [0, 0, 0, 255];
        row(element, values, |name, list| {
            let Some(&value) = list.first() else { return };
            let real = value as f32;
            let byte = (value * scale).round() as u8;
            match name {
                "x" => position[0] = real,
                "y" => position[1] = real,
                "z" => position[2] = real,
                "s" | "u" => uv[0] = real,
                "t" | "v" => uv[1] = 1.0 - real,
                "red" => color[0] = byte,
                "green" => color[1] = byte,
                "blue" => color[2] = byte,
                "alpha" => color[3] = byte,
                _ => {}
            }
        })?;
        mesh.positions.push(position);
        uvs.push(uv);
        colors.push(color);
    }
    mesh.uvs = textured.then_some(uvs);
    mesh.colors = colored.then_some(colors);
    Ok(())
}

fn faces(element: &Element, values: &mut Values<'_>, mesh: &mut Mesh) -> Result<(), Failure> {
    for _ in 0..element.many {
        row(element, values, |name, list| {
            if !["vertex_indices", "vertex_index"].contains(&name) {
                return;
            }
            // A negative one leads nowhere, as one above the vertices does.
            let corner = |at: usize| {
                if list[at] < 0.0 {
                    u32::MAX
                } else {
                    list[at] as u32
                }
            };
            for at in 2..list.len() {
                mesh.faces.push([corner(0), corner(at - 1), corner(at)]);
            }
        })?;
        too_many(mesh.faces.len(), 0)?;
    }
    Ok(())
}

/// Gives each property of the next row to `each`.
fn row(
    element: &Element,
    values: &mut Values<'_>,
    mut each: impl FnMut(&str, &[f64]),
) -> Result<(), Failure> {
    for property in &element.properties {
        let many = match property.count {
            None => 1.0,
            Some(count) => values.next(count)?,
        };
        if !(0.0..=MAX_CORNERS).contains(&many) {
            return Err(damaged("a list of it is too long"));
        }
        let mut list = Vec::new();
        for _ in 0..many as usize {
            list.push(values.next(property.scalar)?);
        }
        each(&property.name, &list);
    }
    if element.properties.is_empty() {
        return Err(damaged("an element of it has no properties"));
    }
    Ok(())
}

struct Values<'b> {
    order: Order,
    bytes: Bytes<'b>,
}

impl Values<'_> {
    fn next(&mut self, scalar: Scalar) -> Result<f64, Failure> {
        if self.order == Order::Text {
            let text = self.bytes.0.trim_ascii_start();
            let end = text.iter().position(u8::is_ascii_whitespace);
            let (word, rest) = text.split_at(end.unwrap_or(text.len()));
            self.bytes.0 = rest;
            let word = std::str::from_utf8(word)
                .ok()
                .and_then(|word| word.parse().ok());
            return word.ok_or_else(|| damaged("a number of it is none"));
        }
        Ok(match scalar {
            Scalar::I8 => f64::from(i8::from_le_bytes(self.array()?)),
            Scalar::U8 => f64::from(u8::from_le_bytes(self.array()?)),
            Scalar::I16 => f64::from(i16::from_le_bytes(self.array()?)),
            Scalar::U16 => f64::from(u16::from_le_bytes(self.array()?)),
            Scalar::I32 => f64::from(i32::from_le_bytes(self.array()?)),
            Scalar::U32 => f64::from(u32::from_le_bytes(self.array()?)),
            Scalar::F32 => f64::from(f32::from_le_bytes(self.array()?)),
            Scalar::F64 => f64::from_le_bytes(self.array()?),
        })
    }

    /// The next bytes, the least first.
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Failure> {
        let mut bytes = self.bytes.array()?;
        if self.order == Order::Big {
            bytes.reverse();
        }
        Ok(bytes)
    }
}

pub(super) fn write(mesh: &Mesh) -> Vec<u8> {
    let mut header = format!(
        "ply\nformat binary_little_endian 1.0\nelement vertex {}\n",
        mesh.positions.len()
    );
    header.push_str("property float x\nproperty float y\nproperty float z\n");
    if mesh.uvs.is_some() {
        header.push_str("property float s\nproperty float t\n");
    }
    if mesh.colors.is_some() {
        for name in ["red", "green", "blue", "alpha"] {
            header.push_str(&format!("property uchar {name}\n"));
        }
    }
    header.push_str(&format!(
        "element face {}\nproperty list uchar uint vertex_indices\nend_header\n",
        number(mesh.faces.len())
    ));
    let mut bytes = header.into_bytes();
    for (at, position) in mesh.positions.iter().enumerate() {
        let uv = mesh.uvs.as_ref().map(|uvs| [uvs[at][0], 1.0 - uvs[at][1]]);
        for x in position.iter().chain(uv.iter().flatten()) {
            bytes.extend(x.to_le_bytes());
        }
        bytes.extend(mesh.colors.iter().flat_map(|colors| colors[at]));
    }
    for face in &mesh.faces {
        bytes.push(3);
        bytes.extend(face.iter().flat_map(|vertex| vertex.to_le_bytes()));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ply\nformat ascii 1.0\ncomment made by hand\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\nproperty float red\nproperty float green\nproperty float blue\nelement note 1\nproperty int x\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0 1 0 0\n1 0 0 0 1 0\n1 1 0 0 0 0.5\n0 1 0 1 1 1\n7\n4 0 1 2 3\n";

    #[test]
    fn a_text_is_read_and_what_is_wrong_in_it_is_refused() {
        let mesh = read(TEXT.as_bytes()).unwrap();
        assert_eq!(mesh.faces, [[0, 1, 2], [0, 2, 3]]);
        assert_eq!(mesh.colors.unwrap()[2], [0, 0, 128, 255]);
        for (from, to) in [
            ("vertex 4", "vertex 99999999999"),
            ("4 0 1", "99999999 0 1"),
            ("0 0 0 1", "a b c d"),
            ("ascii", "morse"),
            ("uchar int", "uchar word"),
        ] {
            assert!(read(TEXT.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
        }
        let negative = read(TEXT.replace("4 0 1 2 3", "4 0 -1 2 3").as_bytes()).unwrap();
        assert!(negative.checked().is_err());
    }

    #[test]
    fn bytes_of_the_other_order_are_read() {
        let mut bytes = b"ply\nformat binary_big_endian 1.0\nelement vertex 3\nproperty double x\nproperty short y\nproperty float z\nelement face 1\nproperty list uchar ushort vertex_index\nend_header\n".to_vec();
        for x in [0_i16, 1, 2] {
            bytes.extend(f64::from(x).to_be_bytes());
            bytes.extend((x * x).to_be_bytes());
            bytes.extend(0.5_f32.to_be_bytes());
        }
        bytes.push(3);
        bytes.extend([0_u16, 1, 2].iter().flat_map(|at| at.to_be_bytes()));
        let mesh = read(&bytes).unwrap();
        assert_eq!(mesh.positions[2], [2.0, 4.0, 0.5]);
        assert_eq!(mesh.faces, [[0, 1, 2]]);
    }
}
