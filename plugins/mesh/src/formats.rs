//! Files of meshes.

mod glb;
mod gltf;
mod normals;
mod obj;
mod ply;
mod stl;
mod words;

use alcove_sdk::Failure;

use crate::mesh::Mesh;

/// A kind of file that is read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// glTF as one binary file; glTF as text is read too.
    Glb,
    /// Triangles and nothing else.
    Stl,
    /// Wavefront OBJ.
    Obj,
    /// PLY.
    Ply,
}

impl Format {
    /// The format that a name ends in, or that is named.
    pub fn named(name: &str) -> Option<Self> {
        let end = name.rsplit('.').next()?.to_ascii_lowercase();
        Some(match end.as_str() {
            "glb" | "gltf" => Self::Glb,
            "stl" => Self::Stl,
            "obj" => Self::Obj,
            "ply" => Self::Ply,
            _ => return None,
        })
    }

    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Glb => "glb",
            Self::Stl => "stl",
            Self::Obj => "obj",
            Self::Ply => "ply",
        }
    }

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Glb => "model/gltf-binary",
            Self::Stl => "model/stl",
            Self::Obj => "model/obj",
            Self::Ply => "model/ply",
        }
    }
}

/// A mesh as a file holds it, and what of the file is not in it.
#[derive(Debug)]
pub struct Read {
    pub mesh: Mesh,
    pub notes: Vec<&'static str>,
}

/// Reads a file: what it is tells its content, and where that says nothing its name.
///
/// # Errors
/// `invalid-input` for a file that is none of these or damaged, `too-large` above the limits.
pub fn read(name: &str, bytes: &[u8]) -> Result<Read, Failure> {
    let text = bytes.trim_ascii_start();
    let (mesh, notes) = if bytes.starts_with(b"glTF") {
        glb::read(bytes)?
    } else if text.starts_with(b"{") {
        gltf::read(text, None)?
    } else if bytes.starts_with(b"ply") {
        (ply::read(bytes)?, Vec::new())
    } else {
        match Format::named(name) {
            Some(Format::Obj) => obj::read(bytes)?,
            Some(Format::Stl) => (stl::read(bytes)?, Vec::new()),
            _ => {
                return Err(Failure::invalid_input(format!(
                    "{name} is none of glTF, GLB, STL, OBJ and PLY"
                )));
            }
        }
    };
    let mesh = mesh.checked()?;
    Ok(Read { mesh, notes })
}

/// A mesh as a file.
pub fn write(mesh: &Mesh, format: Format) -> Vec<u8> {
    match format {
        Format::Glb => glb::write(mesh),
        Format::Stl => stl::write(mesh),
        Format::Obj => obj::write(mesh),
        Format::Ply => ply::write(mesh),
    }
}

/// A file that is not what its format asks for.
fn damaged(what: &str) -> Failure {
    Failure::invalid_input(format!("the file is damaged: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::measure;
    use crate::mesh::tests::{ball, sheet};

    const ALL: [Format; 4] = [Format::Glb, Format::Stl, Format::Obj, Format::Ply];

    #[test]
    fn what_is_written_is_read_again() {
        for format in ALL {
            let name = format!("a.{}", format.extension());
            let ball = ball(6);
            let again = read(&name, &write(&ball, format)).unwrap();
            assert_eq!(
                measure(&again.mesh).vertices,
                measure(&ball).vertices,
                "{format:?}"
            );
            assert!(measure(&again.mesh).is_watertight(), "{format:?}");
            assert!((measure(&again.mesh).volume - measure(&ball).volume).abs() < 1e-5);
            assert!(again.notes.is_empty());
            let sheet = sheet(5);
            let again = read(&name, &write(&sheet, format)).unwrap().mesh;
            assert_eq!(again.faces.len(), sheet.faces.len());
            if format != Format::Stl {
                let same = |mesh: &Mesh| {
                    let (uvs, colors) = (mesh.uvs.clone().unwrap(), mesh.colors.clone().unwrap());
                    let mut all: Vec<_> = (mesh.positions.iter().zip(uvs).zip(colors))
                        .map(|((p, uv), color)| {
                            format!("{p:?} {:.4} {:.4} {color:?}", uv[0], uv[1])
                        })
                        .collect();
                    all.sort();
                    all.dedup();
                    all
                };
                assert_eq!(same(&again), same(&sheet), "{format:?}");
            }
        }
    }

    #[test]
    fn damaged_files_end_in_a_failure() {
        for format in ALL {
            let name = format!("a.{}", format.extension());
            let whole = write(&sheet(3), format);
            let mut failed = 0;
            for at in 0..whole.len() {
                failed += usize::from(read(&name, &whole[..at]).is_err());
                let mut damaged = whole.clone();
                damaged[at] ^= 0xff;
                let _ = read(&name, &damaged);
            }
            // A text that ends after some triangle is a mesh too.
            assert!(failed > 100, "{format:?} {failed}");
        }
        for junk in [
            &b""[..],
            b"glTF",
            b"{}",
            b"ply\n",
            b"solid",
            b"\0\0\0\0",
            b"{\"meshes\":[{}]}",
        ] {
            for name in ["a.stl", "a.obj", "a.ply", "a.glb", "a.txt"] {
                assert!(read(name, junk).is_err(), "{name} {junk:?}");
            }
        }
    }
}
