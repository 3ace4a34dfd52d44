//! glTF 2.0: the triangles of a scene, put where its nodes put them
//! (<https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html>).

mod matrix;
mod numbers;

use alcove_sdk::Failure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::damaged;
use crate::mesh::{Mesh, number, too_many};
use crate::vector::Vector;
use matrix::{IDENTITY, Matrix, determinant, local, moved, multiply};
use numbers::numbers;

/// Nodes within nodes, and nodes that are visited, at most.
const MAX_DEPTH: usize = 64;
const MAX_NODES: usize = 100_000;
const DATA: &str = ";base64,";

const TRIANGLES: u32 = 4;
const TRIANGLE_STRIP: u32 = 5;
const TRIANGLE_FAN: u32 = 6;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Document {
    extensions_required: Vec<String>,
    scene: Option<usize>,
    scenes: Vec<Scene>,
    nodes: Vec<Node>,
    meshes: Vec<MeshOf>,
    materials: Vec<Material>,
    accessors: Vec<Accessor>,
    buffer_views: Vec<View>,
    buffers: Vec<Buffer>,
    skins: Vec<serde_json::Value>,
    animations: Vec<serde_json::Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Scene {
    nodes: Vec<usize>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Node {
    children: Vec<usize>,
    mesh: Option<usize>,
    matrix: Option<Matrix>,
    translation: Option<Vector>,
    rotation: Option<[f64; 4]>,
    scale: Option<Vector>,
}

#[derive(Deserialize)]
struct MeshOf {
    primitives: Vec<Primitive>,
}

#[derive(Deserialize)]
struct Primitive {
    attributes: Attributes,
    indices: Option<usize>,
    material: Option<usize>,
    #[serde(default = "triangles")]
    mode: u32,
}

fn triangles() -> u32 {
    TRIANGLES
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct Attributes {
    position: Option<usize>,
    texcoord_0: Option<usize>,
    color_0: Option<usize>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Material {
    pbr_metallic_roughness: Surface,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Surface {
    base_color_factor: [f64; 4],
    base_color_texture: Option<serde_json::Value>,
}

impl Default for Surface {
    fn default() -> Self {
        Self {
            base_color_factor: [1.0; 4],
            base_color_texture: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accessor {
    buffer_view: Option<usize>,
    #[serde(default)]
    byte_offset: usize,
    component_type: u32,
    #[serde(default)]
    normalized: bool,
    count: usize,
    #[serde(rename = "type")]
    kind: String,
    sparse: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct View {
    buffer: usize,
    #[serde(default)]
    byte_offset: usize,
    byte_length: usize,
    byte_stride: Option<usize>,
}

#[derive(Deserialize)]
struct Buffer {
    uri: Option<String>,
}

/// The mesh of a document, whose first buffer is `binary` where it names no other.
pub(super) fn read(
    json: &[u8],
    binary: Option<&[u8]>,
) -> Result<(Mesh, Vec<&'static str>), Failure> {
    let document: Document = serde_json::from_slice(json)
        .map_err(|error| damaged(&format!("its JSON is none of a glTF: {error}")))?;
    // Numbers in fewer bits are read like others; everything else says that a part cannot be.
    const READ: [&str; 1] = ["KHR_mesh_quantization"];
    let mut required = document.extensions_required.iter();
    if let Some(name) = required.find(|name| !READ.contains(&name.as_str())) {
        return Err(Failure::invalid_input(format!(
            "the file needs the extension {name}, which is not read: export it without compression"
        )));
    }
    let buffers = document.buffers.iter().map(|buffer| bytes(buffer, binary));
    let mut scene = SceneReader {
        document: &document,
        buffers: buffers.collect::<Result<_, _>>()?,
        mesh: Mesh::default(),
        uvs: Vec::new(),
        colors: Vec::new(),
        all_have_uvs: true,
        any_has_color: false,
        has_texture: false,
        visited: 0,
    };
    scene.read()?;
    let mut notes = Vec::new();
    if scene.has_texture {
        notes.push("its textures are not kept");
    }
    if !document.skins.is_empty() || !document.animations.is_empty() {
        notes.push("its skeletons and animations are not kept");
    }
    let mut mesh = scene.mesh;
    mesh.uvs = scene.all_have_uvs.then_some(scene.uvs);
    mesh.colors = scene.any_has_color.then_some(scene.colors);
    Ok((mesh, notes))
}

fn bytes(buffer: &Buffer, binary: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
    match &buffer.uri {
        None => Ok(binary.unwrap_or_default().to_vec()),
        Some(uri) => match uri.split_once(DATA) {
            Some((head, data)) if head.starts_with("data:") => STANDARD
                .decode(data)
                .map_err(|_| damaged("a buffer of it is no base64")),
            _ => Err(Failure::invalid_input(
                "the glTF keeps its data in files of its own: export it as one file, as GLB",
            )),
        },
    }
}

struct SceneReader<'d> {
    document: &'d Document,
    buffers: Vec<Vec<u8>>,
    mesh: Mesh,
    uvs: Vec<[f32; 2]>,
    colors: Vec<[u8; 4]>,
    all_have_uvs: bool,
    any_has_color: bool,
    has_texture: bool,
    visited: usize,
}

impl SceneReader<'_> {
    fn read(&mut self) -> Result<(), Failure> {
        let document = self.document;
        match document.scenes.get(document.scene.unwrap_or(0)) {
            Some(scene) => {
                for &node in &scene.nodes {
                    self.node(node, &IDENTITY, 0)?;
                }
            }
            // A library of meshes that stand nowhere.
            None => {
                for mesh in 0..document.meshes.len() {
                    self.mesh(mesh, &IDENTITY)?;
                }
            }
        }
        Ok(())
    }

    fn node(&mut self, at: usize, above: &Matrix, depth: usize) -> Result<(), Failure> {
        self.visited += 1;
        if depth > MAX_DEPTH || self.visited > MAX_NODES {
            return Err(damaged("its nodes go too deep, or in circles"));
        }
        let node = self.document.nodes.get(at);
        let node = node.ok_or_else(|| damaged("it names a node that is not there"))?;
        let matrix = multiply(above, &local(node));
        if let Some(mesh) = node.mesh {
            self.mesh(mesh, &matrix)?;
        }
        for &child in &node.children {
            self.node(child, &matrix, depth + 1)?;
        }
        Ok(())
    }

    fn mesh(&mut self, at: usize, matrix: &Matrix) -> Result<(), Failure> {
        let mesh = self.document.meshes.get(at);
        let mesh = mesh.ok_or_else(|| damaged("it names a mesh that is not there"))?;
        for primitive in &mesh.primitives {
            // Points and lines have no surface.
            if [TRIANGLES, TRIANGLE_STRIP, TRIANGLE_FAN].contains(&primitive.mode) {
                self.primitive(primitive, matrix)?;
            }
        }
        Ok(())
    }

    fn primitive(&mut self, primitive: &Primitive, matrix: &Matrix) -> Result<(), Failure> {
        let Some(positions) = primitive.attributes.position else {
            return Ok(());
        };
        let first = number(self.mesh.positions.len());
        let positions = self.numbers::<3>(positions)?;
        let many = positions.len();
        let corners = match primitive.indices {
            Some(indices) => self
                .numbers::<1>(indices)?
                .iter()
                .map(|at| at[0] as u32)
                .collect(),
            None => (0..number(many)).collect::<Vec<_>>(),
        };
        too_many(
            self.mesh.faces.len() + corners.len() / 3,
            first as usize + many,
        )?;
        if corners.iter().any(|&at| at as usize >= many) {
            return Err(damaged("an index of it leads nowhere"));
        }
        for point in positions {
            let point = moved(matrix, point).map(|x| x as f32);
            self.mesh.positions.push(point);
        }
        match primitive.attributes.texcoord_0 {
            Some(at) => {
                let uvs = self.numbers::<2>(at)?;
                self.uvs.extend(uvs.iter().map(|uv| uv.map(|x| x as f32)));
            }
            None => self.all_have_uvs = false,
        }
        self.uvs.resize(self.mesh.positions.len(), [0.0; 2]);
        self.color(primitive)?;
        let is_mirrored = determinant(matrix) < 0.0;
        let mut face = |[a, b, c]: [u32; 3]| {
            let face = if is_mirrored { [a, c, b] } else { [a, b, c] };
            self.mesh.faces.push(face.map(|at| at + first));
        };
        match primitive.mode {
            TRIANGLES => corners
                .chunks_exact(3)
                .for_each(|c| face([c[0], c[1], c[2]])),
            TRIANGLE_STRIP => {
                for (at, c) in corners.windows(3).enumerate() {
                    let even = at % 2 == 0;
                    face(if even {
                        [c[0], c[1], c[2]]
                    } else {
                        [c[1], c[0], c[2]]
                    });
                }
            }
            _ => {
                for c in corners.get(1..).unwrap_or_default().windows(2) {
                    face([corners[0], c[0], c[1]]);
                }
            }
        }
        Ok(())
    }

    /// The vertices' own colours, or their material's.
    fn color(&mut self, primitive: &Primitive) -> Result<(), Failure> {
        let default = Surface::default();
        let material = primitive
            .material
            .and_then(|at| self.document.materials.get(at));
        let surface = material.map_or(&default, |m| &m.pbr_metallic_roughness);
        self.has_texture |= surface.base_color_texture.is_some();
        let factor = surface.base_color_factor;
        let mut color = |values: [f64; 4]| {
            let values = [0, 1, 2, 3].map(|at| values[at] * factor[at]);
            self.any_has_color |= values != [1.0; 4];
            self.colors.push(display(values));
        };
        if let Some(at) = primitive.attributes.color_0 {
            let accessor = self.document.accessors.get(at);
            if accessor.is_some_and(|accessor| accessor.kind == "VEC3") {
                let values = numbers::<3>(self.document, &self.buffers, at)?;
                values.iter().for_each(|&[r, g, b]| color([r, g, b, 1.0]));
            } else {
                let values = numbers::<4>(self.document, &self.buffers, at)?;
                values.iter().for_each(|&values| color(values));
            }
        }
        while self.colors.len() < self.mesh.positions.len() {
            self.any_has_color |= factor != [1.0; 4];
            self.colors.push(display(factor));
        }
        self.colors.truncate(self.mesh.positions.len());
        Ok(())
    }

    fn numbers<const N: usize>(&self, accessor: usize) -> Result<Vec<[f64; N]>, Failure> {
        numbers(self.document, &self.buffers, accessor)
    }
}

/// A colour in sRGB as glTF has it: linear light, with enough digits to be the same again.
pub(super) fn linear([r, g, b, a]: [u8; 4]) -> [u16; 4] {
    let part = |x: u8| f64::from(x) / 255.0;
    let word = |x: f64| (x * 65_535.0).round() as u16;
    let curve = |x: f64| {
        if x <= 0.040_45 {
            x / 12.92
        } else {
            ((x + 0.055) / 1.055).powf(2.4)
        }
    };
    [
        word(curve(part(r))),
        word(curve(part(g))),
        word(curve(part(b))),
        word(part(a)),
    ]
}

/// Linear light from 0 to 1, as glTF has it, in the sRGB of screens and the other formats.
fn display([r, g, b, a]: [f64; 4]) -> [u8; 4] {
    let byte = |x: f64| (x.clamp(0.0, 1.0) * 255.0).round() as u8;
    let curve = |x: f64| {
        if x <= 0.003_130_8 {
            x * 12.92
        } else {
            1.055 * x.powf(1.0 / 2.4) - 0.055
        }
    };
    [byte(curve(r)), byte(curve(g)), byte(curve(b)), byte(a)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// One triangle, whose data is a text within the document.
    fn document() -> Value {
        let numbers = [[0.0_f32, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
        let bytes: Vec<u8> = numbers
            .iter()
            .flatten()
            .flat_map(|x| x.to_le_bytes())
            .collect();
        json!({
            "asset": {"version": "2.0"},
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
            "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
            "bufferViews": [{"buffer": 0, "byteLength": 36}],
            "buffers": [{"byteLength": 36, "uri": format!("data:application/octet-stream;base64,{}", STANDARD.encode(bytes))}],
        })
    }

    fn read_it(document: &Value) -> Result<(Mesh, Vec<&'static str>), Failure> {
        read(document.to_string().as_bytes(), None)
    }

    #[test]
    fn nodes_move_turn_and_mirror() {
        let mut moved = document();
        moved["nodes"] = json!([
            {"children": [1], "translation": [10.0, 0.0, 0.0], "scale": [2.0, 2.0, 2.0]},
            {"mesh": 0, "rotation": [0.0, 0.0, 0.707_106_781_186_547_5, 0.707_106_781_186_547_5]},
        ]);
        let (mesh, _) = read_it(&moved).unwrap();
        let rounded: Vec<_> = mesh
            .positions
            .iter()
            .map(|p| p.map(|x| x.round() as i32))
            .collect();
        assert_eq!(rounded, [[10, 0, 0], [10, 2, 0], [8, 0, 0]]);
        assert_eq!(mesh.faces, [[0, 1, 2]]);
        moved["nodes"] = json!([{"mesh": 0, "scale": [-1.0, 1.0, 1.0]}]);
        assert_eq!(read_it(&moved).unwrap().0.faces, [[0, 2, 1]]);
    }

    #[test]
    fn a_materials_colour_becomes_the_vertices_and_what_is_lost_is_said() {
        let mut painted = document();
        painted["meshes"][0]["primitives"][0]["material"] = json!(0);
        painted["materials"] = json!([{"pbrMetallicRoughness": {
            "baseColorFactor": [1.0, 0.0, 0.214, 1.0], "baseColorTexture": {"index": 0},
        }}]);
        painted["animations"] = json!([{}]);
        let (mesh, notes) = read_it(&painted).unwrap();
        assert_eq!(mesh.colors.unwrap(), [[255, 0, 127, 255]; 3]);
        assert_eq!(notes.len(), 2);
    }

    #[test]
    fn strips_fans_and_small_numbers_are_read() {
        for (mode, expected) in [
            (5, vec![[0, 1, 2], [2, 1, 1]]),
            (6, vec![[0, 1, 2], [0, 2, 1]]),
            (1, vec![]),
        ] {
            let mut strip = document();
            let primitive = &mut strip["meshes"][0]["primitives"][0];
            primitive["mode"] = json!(mode);
            primitive["indices"] = json!(1);
            strip["accessors"].as_array_mut().unwrap().push(
                json!({"bufferView": 1, "byteOffset": 1, "componentType": 5121, "count": 4, "type": "SCALAR"}),
            );
            strip["bufferViews"]
                .as_array_mut()
                .unwrap()
                .push(json!({"buffer": 1, "byteLength": 5}));
            strip["buffers"].as_array_mut().unwrap().push(
                json!({"byteLength": 5, "uri": format!("data:;base64,{}", STANDARD.encode([9, 0, 1, 2, 1]))}),
            );
            assert_eq!(read_it(&strip).unwrap().0.faces, expected, "mode {mode}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let refused = |change: fn(&mut Value)| {
            let mut document = document();
            change(&mut document);
            read_it(&document).unwrap_err().message
        };
        let draco = refused(|d| d["extensionsRequired"] = json!(["KHR_draco_mesh_compression"]));
        assert!(draco.contains("KHR_draco_mesh_compression"));
        let apart = refused(|d| d["buffers"][0]["uri"] = json!("scene.bin"));
        assert!(apart.contains("as GLB"));
        assert!(refused(|d| d["accessors"][0]["sparse"] = json!({})).contains("sparse"));
        for change in [
            (|d| d["nodes"][0] = json!({"children": [0]})) as fn(&mut Value),
            |d| d["accessors"][0]["count"] = json!(4),
            |d| d["accessors"][0]["count"] = json!(u64::MAX),
            |d| d["accessors"][0]["byteOffset"] = json!(u64::MAX),
            |d| d["accessors"][0]["type"] = json!("VEC2"),
            |d| d["bufferViews"][0]["byteStride"] = json!(0),
            |d| d["bufferViews"][0]["byteLength"] = json!(37),
            |d| d["buffers"][0]["uri"] = json!("data:;base64,!"),
            |d| d["scenes"][0]["nodes"] = json!([7]),
            |d| d["meshes"] = json!(7),
        ] {
            assert!(refused(change).contains("damaged"));
        }
    }
}
