//! What a component can ask for, read from its binary without compiling or running it.

mod badges;
mod table;

use sha2::{Digest, Sha256};
use wasmparser::types::Types;
use wasmparser::{
    ComponentTypeRef, Encoding, Parser, Payload, ValidPayload, Validator, WasmFeatures,
};

use crate::manifest::{self, Manifest, ManifestError, SECTION};

pub use badges::{Badge, BadgeKind, badges};
pub use table::{Class, capability, classify};

/// More imports or exports than this is no plugin.
const MAX_NAMES: usize = 1_000;
/// The section in which tools keep the WIT's comments.
const DOCS: &str = "package-docs";
/// A name in an error is cut to this many characters.
const MAX_SHOWN_CHARS: usize = 120;

/// The interface that every tool exports, without its version.
pub const HANDLER: &str = "alcove:tool/handler";

/// What a component is.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Its manifest, where it has one.
    pub manifest: Option<Manifest>,
    /// What it imports, in its order.
    pub imports: Vec<Import>,
    /// What it exports, in its order.
    pub exports: Vec<String>,
    /// sha256 of its bytes, in hex.
    pub digest: String,
}

impl Inspection {
    /// Whether it imports an interface, by its name without the version.
    #[must_use]
    pub fn imports_interface(&self, interface: &str) -> bool {
        self.imports
            .iter()
            .any(|import| without_version(&import.name) == interface)
    }

    /// Whether it exports the handler of `alcove:tool`.
    #[must_use]
    pub fn has_handler(&self) -> bool {
        self.exports
            .iter()
            .any(|export| without_version(export) == HANDLER)
    }
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The interface, with its version: `wasi:http/outgoing-handler@0.2.9`.
    pub name: String,
    /// What it means that it is there.
    pub class: Class,
}

/// Why a component was refused.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Something else altogether.
    #[error("not WebAssembly: a component begins with the bytes \"\\0asm\"")]
    NotWasm,
    /// A core module: what a compiler for `wasm32-unknown-unknown` writes.
    #[error(
        "a core WebAssembly module, not a component; turn it into one with `wasm-tools component \
         new`, or build it with the Alcove SDK"
    )]
    CoreModule,
    /// Damaged or cut off.
    #[error("not a valid component: {message} (at byte {offset})")]
    Invalid {
        /// What is wrong.
        message: String,
        /// Where.
        offset: usize,
    },
    /// More names than a plugin has.
    #[error("more than {MAX_NAMES} imports or exports")]
    TooManyNames,
    /// An import that is not in the table.
    #[error(
        "imports `{name}`, which this host does not know; build the component against the \
         interfaces of this version of Alcove"
    )]
    UnknownImport {
        /// The import.
        name: String,
    },
    /// Two manifests.
    #[error("has more than one `{SECTION}` section")]
    SeveralManifests,
    /// The manifest is not valid.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Built for another version of the contract.
    #[error("the plugin speaks alcove:tool {plugin}, this host speaks {host}; {}", remedy(.plugin, .host))]
    Contract {
        /// What the plugin was built for.
        plugin: semver::Version,
        /// What this host speaks.
        host: semver::Version,
    },
}

fn remedy(plugin: &semver::Version, host: &semver::Version) -> &'static str {
    if plugin > host {
        "upgrade Alcove, or use an older version of the plugin"
    } else {
        "use a newer version of the plugin"
    }
}

/// Reads a component. The bytes may be hostile: nothing of them is compiled or run. Function
/// bodies are left to the compiler, everything else is validated.
///
/// # Errors
/// What is not a component, an invalid manifest, another contract, or an import that is not in the
/// closed table.
pub fn inspect(wasm: &[u8]) -> Result<Inspection, InspectError> {
    inspect_types(wasm).map(|(inspection, _, _)| inspection)
}

/// The same, with the types of its exports and what its `package-docs` section holds.
pub(crate) fn inspect_types(
    wasm: &[u8],
) -> Result<(Inspection, Types, Option<&[u8]>), InspectError> {
    if manifest::is_core_module(wasm) {
        return Err(InspectError::CoreModule);
    }
    if !manifest::is_component(wasm) {
        return Err(if wasm.starts_with(b"\0asm") {
            invalid("an unknown WebAssembly version", 4)
        } else {
            InspectError::NotWasm
        });
    }
    let found = walk(wasm)?;

    let manifest = found.manifest.map(Manifest::parse).transpose()?;
    // Before the imports: a plugin of another contract imports interfaces of that contract.
    if let Some(manifest) = &manifest
        && !manifest.speaks(&manifest::CONTRACT)
    {
        return Err(InspectError::Contract {
            plugin: manifest.contract.clone(),
            host: manifest::CONTRACT,
        });
    }
    let imports = found
        .imports
        .into_iter()
        .map(|(name, is_instance)| match classify(&name) {
            Some(class) if is_instance => Ok(Import { name, class }),
            _ => Err(InspectError::UnknownImport { name: shown(&name) }),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let inspection = Inspection {
        manifest,
        imports,
        exports: found.exports,
        digest: hex::encode(Sha256::digest(wasm)),
    };
    let types = found
        .types
        .ok_or_else(|| invalid("it does not end", wasm.len()))?;
    Ok((inspection, types, found.docs))
}

/// What stands at a component's top level.
#[derive(Default)]
struct Found<'a> {
    manifest: Option<&'a [u8]>,
    /// Name, and whether an instance of an interface is imported (and not a function or a type).
    imports: Vec<(String, bool)>,
    exports: Vec<String>,
    docs: Option<&'a [u8]>,
    types: Option<Types>,
}

impl<'a> Found<'a> {
    fn take_manifest(&mut self, bytes: &'a [u8]) -> Result<(), InspectError> {
        match self.manifest.replace(bytes) {
            Some(_) => Err(InspectError::SeveralManifests),
            None => Ok(()),
        }
    }
}

fn walk(wasm: &[u8]) -> Result<Found<'_>, InspectError> {
    let mut found = Found::default();
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    // How many modules and components we are inside of; a nested component's imports are given to
    // it by the outer one, so only the top level can ask the host for anything.
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        // Inner modules and components end before the outermost does, so the last types are its own.
        if let ValidPayload::End(types) = validator.payload(&payload)? {
            found.types = Some(types);
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::Version { encoding, .. } if depth == 0 && encoding == Encoding::Module => {
                return Err(InspectError::CoreModule);
            }
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import?;
                    let is_instance = matches!(import.ty, ComponentTypeRef::Instance(_))
                        && import.name.implements.is_none()
                        && import.name.version_suffix.is_none();
                    found
                        .imports
                        .push((import.name.name.to_owned(), is_instance));
                    bounded(found.imports.len())?;
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    found.exports.push(export?.name.name.to_owned());
                    bounded(found.exports.len())?;
                }
            }
            Payload::CustomSection(section) if depth == 0 && section.name() == SECTION => {
                found.take_manifest(section.data())?;
            }
            Payload::CustomSection(section) if depth == 0 && section.name() == DOCS => {
                found.docs = Some(section.data());
            }
            _ => {}
        }
    }
    Ok(found)
}

fn bounded(names: usize) -> Result<(), InspectError> {
    if names > MAX_NAMES {
        return Err(InspectError::TooManyNames);
    }
    Ok(())
}

impl From<wasmparser::Error> for InspectError {
    fn from(error: wasmparser::Error) -> Self {
        invalid(&shown(error.message()), error.offset())
    }
}

fn invalid(message: &str, offset: usize) -> InspectError {
    InspectError::Invalid {
        message: message.to_owned(),
        offset,
    }
}

fn shown(text: &str) -> String {
    text.chars()
        .take(MAX_SHOWN_CHARS)
        .collect::<String>()
        .escape_debug()
        .to_string()
}

/// `wasi:io/poll` of `wasi:io/poll@0.2.9`.
fn without_version(name: &str) -> &str {
    name.split_once('@')
        .map_or(name, |(interface, _)| interface)
}
