//! Components with typed exports and no manifest: what other hosts run, and what `wit-bindgen`,
//! `componentize-py` or `jco` make of a world of one's own.
//!
//! Each exported function becomes a tool. Its name, schemas and description are made from the
//! binary alone, so the same bytes always give the same manifest, which an admin accepts before it
//! counts.
//!
//! | WIT | JSON |
//! |---|---|
//! | integers, floats, `bool`, `string`, `char` | number, boolean, string |
//! | `record` | object; a field that is an `option` may be left out |
//! | `tuple` | object with the members `"0"`, `"1"`, … |
//! | `list` | array |
//! | `enum` | string |
//! | `flags` | object of booleans; one that is left out is false |
//! | `variant` | object with one member, the case; `{}` stands for no payload |
//! | `option` elsewhere | `{"some": …}` or `{}` |
//! | `result` elsewhere | `{"ok": …}` or `{"err": …}` |
//!
//! A function answers `{"result": …}`; one that returns a `result` fails with its error.

mod docs;
mod names;
mod schema;

use wasmparser::component_types::{ComponentEntityType, ComponentFuncType};
use wasmparser::types::Types;

use crate::inspect::{self, Class, InspectError, Inspection};
use crate::manifest::{CONTRACT, Manifest, ManifestError, Tool};

use docs::Docs;
pub use names::{Function, tool_names};

/// A word, as the name of a plugin may be.
const PUBLISHER: &str = "local";

/// A manifest that was made from types, and what could not be put into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The manifest.
    pub manifest: Manifest,
    /// Functions that are no tools here, each with the reason.
    pub left_out: Vec<(String, String)>,
}

/// Why no manifest could be made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// Not a component that this host takes.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// It says itself what it is.
    #[error("the component has a manifest of its own")]
    HasManifest,
    /// Nothing that could be called.
    #[error("the component exports no function that can be a tool{}", because(.0))]
    NoTools(Vec<(String, String)>),
    /// What was made is not valid: too many tools, or a name that is none.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

fn because(left_out: &[(String, String)]) -> String {
    match left_out {
        [] => String::new(),
        [(name, reason), ..] => format!("; `{name}` is left out, since it {reason}"),
    }
}

/// Makes the manifest of a component with typed exports. `name` is what it is to be called: types
/// have no name of their own, so it comes from the file.
///
/// # Errors
/// A component that cannot run here or offers nothing.
pub fn generate(wasm: &[u8], name: &str) -> Result<Generated, GenerateError> {
    let (inspection, types, docs) = inspect::inspect_types(wasm)?;
    if inspection.manifest.is_some() || inspection.has_handler() {
        return Err(GenerateError::HasManifest);
    }
    let docs = Docs::parse(docs);
    let functions = functions(&inspection, &types);
    let plain: Vec<Function> = functions.iter().map(|(name, _)| name.clone()).collect();
    let effects = effects(&inspection);
    let mut tools = Vec::new();
    let mut left_out = Vec::new();
    for ((function, ty), tool) in functions.iter().zip(tool_names(&plain)) {
        let made = tool
            .ok_or_else(|| "has a name that no tool can have".to_owned())
            .and_then(|tool| describe(tool, function, ty, &types, &docs));
        match made {
            Ok(tool) => tools.push(Tool {
                effects: effects.clone(),
                ..tool
            }),
            Err(reason) => left_out.push((function.to_string(), reason)),
        }
    }
    if tools.is_empty() {
        return Err(GenerateError::NoTools(left_out));
    }
    let manifest = Manifest {
        id: format!("{PUBLISHER}/{name}"),
        version: semver::Version::new(0, 0, 0),
        contract: CONTRACT,
        session: false,
        requests: String::new(),
        tools,
    };
    let manifest = Manifest::parse(&manifest.to_json())?;
    Ok(Generated { manifest, left_out })
}

/// Every function that stands at the top level or in an exported interface.
fn functions<'a>(
    inspection: &Inspection,
    types: &'a Types,
) -> Vec<(Function, &'a ComponentFuncType)> {
    let mut found = Vec::new();
    for export in &inspection.exports {
        match types.component_item_for_export(export).map(|item| item.ty) {
            Some(ComponentEntityType::Func(id)) => {
                found.push((Function::new(None, export), &types[id]));
            }
            Some(ComponentEntityType::Instance(id)) => {
                for (name, item) in &types[id].exports {
                    if let ComponentEntityType::Func(id) = item.ty {
                        found.push((Function::new(Some(export), name), &types[id]));
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn describe(
    name: String,
    function: &Function,
    ty: &ComponentFuncType,
    types: &Types,
    docs: &Docs,
) -> Result<Tool, String> {
    if ty.async_ {
        return Err("is asynchronous".to_owned());
    }
    let input = schema::input(types, ty)?;
    crate::schema::check(&input).map_err(|error| format!("takes what no schema says: {error}"))?;
    let output = schema::output(types, ty)?;
    crate::schema::check(&output)
        .map_err(|error| format!("returns what no schema says: {error}"))?;
    let tool = Tool {
        title: title(&name),
        description: docs.of(function),
        name,
        input,
        output: Some(output),
        effects: Vec::new(),
        examples: Vec::new(),
        files: Vec::new(),
        code: None,
    };
    if tool.check_words().is_ok() {
        return Ok(tool);
    }
    // Docs that hide something are no docs.
    Ok(Tool {
        description: Docs::default().of(function),
        ..tool
    })
}

fn title(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut chars = words.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_ascii_uppercase().to_string() + chars.as_str()
    })
}

/// What it may do to the world, from what it imports: nobody says more about it.
fn effects(inspection: &Inspection) -> Vec<String> {
    let asks = |wanted: &str| {
        inspection.imports.iter().any(|import| {
            import.class != Class::Inert && inspect::capability(&import.name) == Some(wanted)
        })
    };
    let mut effects = vec!["compute"];
    if asks("files") {
        effects.extend(["read-files", "write-files"]);
    }
    if asks("http") {
        effects.extend(["read-web", "write-web"]);
    }
    effects.into_iter().map(str::to_owned).collect()
}
