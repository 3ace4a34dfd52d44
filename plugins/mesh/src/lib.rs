//! Tools for meshes: measure, simplify, repair, convert.
//!
//! A mesh is a file that the call's arguments name, and what is made of it an asset: the component
//! imports nothing else, so a file that leads a reader astray can reach nothing.

mod deviation;
mod fans;
mod formats;
mod measure;
mod mesh;
mod quadric;
mod repair;
mod simplify;
mod vector;
mod work;

/// What is measured outside the sandbox, by `examples/compare.rs`.
#[doc(hidden)]
pub mod measured {
    pub use crate::deviation::deviation;
    pub use crate::formats::{Format, read, write};
    pub use crate::mesh::Mesh;
    pub use crate::simplify::simplify;
}

/// What to measure.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct MeasureArguments {
    /// The mesh: a file such as /workspace/part.stl, or the id of an asset.
    #[input(min_length = 1, max_length = 600)]
    pub file: String,
}

/// What to simplify, and how far.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct SimplifyArguments {
    /// The mesh: a file such as /workspace/part.stl, or the id of an asset.
    #[input(min_length = 1, max_length = 600)]
    pub file: String,
    /// How much of it to keep: a number of triangles such as 2000, or a share such as 0.1.
    #[input(min = 0, max = 2_000_000)]
    pub keep: f64,
    /// The format of the result; glb where it is left out.
    #[input(choices = ["glb", "stl", "obj", "ply"])]
    pub to: Option<String>,
}

/// What to repair.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct RepairArguments {
    /// The mesh: a file such as /workspace/part.stl, or the id of an asset.
    #[input(min_length = 1, max_length = 600)]
    pub file: String,
    /// Holes with up to so many edges are filled; 100 where it is left out, 0 for none.
    #[input(min = 0, max = 2_000)]
    pub hole_edges: Option<u32>,
    /// The format of the result; glb where it is left out.
    #[input(choices = ["glb", "stl", "obj", "ply"])]
    pub to: Option<String>,
}

/// What to convert.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct ConvertArguments {
    /// The mesh: a file such as /workspace/part.stl, or the id of an asset.
    #[input(min_length = 1, max_length = 600)]
    pub file: String,
    /// The format of the result.
    #[input(choices = ["glb", "stl", "obj", "ply"])]
    pub to: String,
}

#[alcove_sdk::plugin(id = "alcove/mesh", requests = "requests.toml")]
mod tools {
    use super::{ConvertArguments, MeasureArguments, RepairArguments, SimplifyArguments, work};
    use alcove_sdk::Outcome;

    /// Measures a 3D mesh (STL, OBJ, PLY, glTF, GLB): size, volume, triangles, whether it is watertight.
    #[tool(
        title = "Measure a mesh",
        effects = ["read-files"],
        files = ["*.stl", "*.obj", "*.ply", "*.glb", "*.gltf"],
        example("How big is this part? Attached: /workspace/part.stl (84384 bytes)", r#"{"file":"/workspace/part.stl"}"#),
        example("Can I print /workspace/vase.obj, is it watertight?", r#"{"file":"/workspace/vase.obj"}"#)
    )]
    pub(crate) fn mesh_measure(arguments: MeasureArguments) -> Outcome {
        work::measure(&arguments)
    }

    /// Reduces the triangles of a 3D mesh and keeps its shape, borders, texture coordinates and colours.
    #[tool(
        title = "Simplify a mesh",
        effects = ["read-files"],
        files = ["*.stl", "*.obj", "*.ply", "*.glb", "*.gltf"],
        example("Reduce /workspace/bunny.ply to 2000 triangles", r#"{"file":"/workspace/bunny.ply","keep":2000}"#),
        example("Make scan.glb a tenth as heavy. Attached: /workspace/scan.glb (9120411 bytes)", r#"{"file":"/workspace/scan.glb","keep":0.1}"#)
    )]
    pub(crate) fn mesh_simplify(arguments: SimplifyArguments) -> Outcome {
        work::simplify(&arguments)
    }

    /// Repairs a 3D mesh: joins doubled vertices, turns flipped triangles, fills holes.
    #[tool(
        title = "Repair a mesh",
        effects = ["read-files"],
        files = ["*.stl", "*.obj", "*.ply", "*.glb", "*.gltf"],
        example("Mend the holes in /workspace/scan.stl so that I can print it", r#"{"file":"/workspace/scan.stl","to":"stl"}"#)
    )]
    pub(crate) fn mesh_repair(arguments: RepairArguments) -> Outcome {
        work::repair(&arguments)
    }

    /// Converts a 3D mesh between GLB, STL, OBJ and PLY; glTF is read too.
    #[tool(
        title = "Convert a mesh",
        effects = ["read-files"],
        files = ["*.stl", "*.obj", "*.ply", "*.glb", "*.gltf"],
        example("I need part.stl as glTF. Attached: /workspace/part.stl (84384 bytes)", r#"{"file":"/workspace/part.stl","to":"glb"}"#)
    )]
    pub(crate) fn mesh_convert(arguments: ConvertArguments) -> Outcome {
        work::convert(&arguments)
    }
}
