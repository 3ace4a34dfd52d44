//! GLB: glTF 2.0 as one binary file
//! (<https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html#glb-file-format-specification>).

use alcove_sdk::Failure;
use serde_json::{Value, json};

use super::words::Bytes;
use super::{damaged, gltf, normals};
use crate::mesh::{Mesh, number};

const MAGIC: &[u8; 4] = b"glTF";
const VERSION: u32 = 2;
const JSON: &[u8; 4] = b"JSON";
const BIN: &[u8; 4] = b"BIN\0";

const FLOAT: u32 = 5126;
const UNSIGNED_SHORT: u32 = 5123;
const UNSIGNED_INT: u32 = 5125;
const ARRAY_BUFFER: u32 = 34962;
const ELEMENT_ARRAY_BUFFER: u32 = 34963;

pub(super) fn read(bytes: &[u8]) -> Result<(Mesh, Vec<&'static str>), Failure> {
    let mut bytes = Bytes(bytes);
    if bytes.take(MAGIC.len())? != MAGIC || bytes.u32()? != VERSION {
        return Err(Failure::invalid_input("only version 2 of glTF is read"));
    }
    bytes.u32()?;
    let (mut json, mut binary) = (None, None);
    while !bytes.0.is_empty() && (json.is_none() || binary.is_none()) {
        let length = bytes.u32()? as usize;
        let kind: [u8; 4] = bytes.array()?;
        let data = bytes.take(length)?;
        match &kind {
            JSON => json = Some(data),
            BIN => binary = Some(data),
            _ => {}
        }
    }
    gltf::read(json.ok_or_else(|| damaged("it has no JSON"))?, binary)
}

/// One mesh in one scene, with normals that were made for it.
pub(super) fn write(mesh: &Mesh) -> Vec<u8> {
    let shaded = normals::shade(mesh);
    let mesh = &shaded.mesh;
    let mut file = File::default();
    let many = mesh.positions.len();
    let floats = |values: &mut dyn Iterator<Item = f32>| -> Vec<u8> {
        values.flat_map(f32::to_le_bytes).collect()
    };
    let positions = floats(&mut mesh.positions.iter().flatten().copied());
    let ends = |pick: fn(f32, f32) -> f32| {
        let points = mesh.positions.iter().copied();
        points.reduce(|a, b| [0, 1, 2].map(|axis| pick(a[axis], b[axis])))
    };
    let at = file.push(&positions, ARRAY_BUFFER, FLOAT, "VEC3", many);
    file.accessors[at]["min"] = json!(ends(f32::min));
    file.accessors[at]["max"] = json!(ends(f32::max));
    let mut attributes = json!({"POSITION": at});
    let normals = floats(&mut shaded.normals.iter().flatten().copied());
    attributes["NORMAL"] = json!(file.push(&normals, ARRAY_BUFFER, FLOAT, "VEC3", many));
    if let Some(uvs) = &mesh.uvs {
        let uvs = floats(&mut uvs.iter().flatten().copied());
        attributes["TEXCOORD_0"] = json!(file.push(&uvs, ARRAY_BUFFER, FLOAT, "VEC2", many));
    }
    if let Some(colors) = &mesh.colors {
        let colors = colors.iter().flat_map(|&color| gltf::linear(color));
        let colors: Vec<u8> = colors.flat_map(u16::to_le_bytes).collect();
        let at = file.push(&colors, ARRAY_BUFFER, UNSIGNED_SHORT, "VEC4", many);
        file.accessors[at]["normalized"] = json!(true);
        attributes["COLOR_0"] = json!(at);
    }
    let corners = mesh.faces.iter().flatten();
    let (kind, indices): (_, Vec<u8>) = if many < usize::from(u16::MAX) {
        let short = |&at: &u32| (at as u16).to_le_bytes();
        (UNSIGNED_SHORT, corners.flat_map(short).collect())
    } else {
        (
            UNSIGNED_INT,
            corners.flat_map(|at| at.to_le_bytes()).collect(),
        )
    };
    let indices = file.push(
        &indices,
        ELEMENT_ARRAY_BUFFER,
        kind,
        "SCALAR",
        mesh.faces.len() * 3,
    );
    let json = json!({
        "asset": {"version": "2.0", "generator": concat!("alcove-mesh ", env!("CARGO_PKG_VERSION"))},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": indices, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 0.8}}],
        "accessors": file.accessors,
        "bufferViews": file.views,
        "buffers": [{"byteLength": file.bytes.len()}],
    });
    file.finish(&json)
}

#[derive(Default)]
struct File {
    bytes: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
}

impl File {
    /// Adds an accessor over bytes of its own; its number.
    fn push(
        &mut self,
        bytes: &[u8],
        target: u32,
        component: u32,
        kind: &str,
        many: usize,
    ) -> usize {
        self.views.push(json!({
            "buffer": 0,
            "byteOffset": self.bytes.len(),
            "byteLength": bytes.len(),
            "target": target,
        }));
        self.bytes.extend_from_slice(bytes);
        pad(&mut self.bytes, 0);
        self.accessors.push(json!({
            "bufferView": self.views.len() - 1,
            "componentType": component,
            "count": many,
            "type": kind,
        }));
        self.accessors.len() - 1
    }

    fn finish(mut self, json: &Value) -> Vec<u8> {
        let mut text = json.to_string().into_bytes();
        pad(&mut text, b' ');
        pad(&mut self.bytes, 0);
        let length = 12 + 8 + text.len() + 8 + self.bytes.len();
        let mut file = Vec::with_capacity(length);
        file.extend(MAGIC);
        file.extend(VERSION.to_le_bytes());
        file.extend(number(length).to_le_bytes());
        for (kind, data) in [(JSON, text), (BIN, self.bytes)] {
            file.extend(number(data.len()).to_le_bytes());
            file.extend(kind);
            file.extend(data);
        }
        file
    }
}

/// Chunks and accessors begin at multiples of four bytes.
fn pad(bytes: &mut Vec<u8>, with: u8) {
    bytes.resize(bytes.len().next_multiple_of(4), with);
}
