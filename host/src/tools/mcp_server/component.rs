//! The component that speaks to a server, made for one server.

use std::collections::BTreeMap;

use alcove_policies::manifest::{Manifest, embed};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::tools::ToolsError;

/// File names and components, from `plugins/dist/sources` when the program was built.
static SOURCES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/plugin_sources.rs"));
/// What stands in the component before the room for its configuration.
const MARK: &[u8; 32] = b"alcove:mcp:configuration:0.1.0\0\0";
/// The mark and the room after it.
const SPACE: usize = 64 << 10;

/// What is written there.
#[derive(Serialize)]
pub(super) struct Configuration<'a> {
    pub(super) url: &'a str,
    pub(super) version: Option<&'a str>,
    /// The name here, the name there.
    pub(super) tools: BTreeMap<String, String>,
}

/// The component with this configuration and this manifest. The same of both give the same bytes.
pub(super) fn make(
    configuration: &Configuration<'_>,
    manifest: &Manifest,
) -> Result<Vec<u8>, ToolsError> {
    let broken = |text: &str| ToolsError::Components(text.to_owned());
    let source = SOURCES.iter().find(|(name, _)| *name == "mcp.wasm");
    let (_, source) = source.ok_or_else(|| ToolsError::Conflict {
        message: "this program was built without its MCP client: `cargo xtask build` builds it"
            .to_owned(),
    })?;
    let mut bytes = source.to_vec();
    let mut places = bytes
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, window)| window == MARK)
        .map(|(at, _)| at + MARK.len());
    let (Some(start), None) = (places.next(), places.next()) else {
        return Err(broken(
            "the MCP client has no single place for its configuration",
        ));
    };
    let json = serde_json::to_vec(configuration).map_err(|error| broken(&error.to_string()))?;
    // The zero byte after it ends it.
    let room = bytes.get_mut(start..start + SPACE - MARK.len());
    let room = room.ok_or_else(|| broken("the MCP client is cut off"))?;
    if json.len() >= room.len() {
        return Err(ToolsError::Invalid {
            param: "url",
            message: "the server's tools have names that are too long together".to_owned(),
        });
    }
    if room.iter().any(|byte| *byte != 0) {
        return Err(broken("the MCP client was configured before"));
    }
    room[..json.len()].copy_from_slice(&json);
    embed(&bytes, manifest).map_err(|error| broken(&error.to_string()))
}

/// Writes it where the sandbox can load it from; the name is its digest.
pub(super) fn write(bytes: &[u8]) -> std::io::Result<(TempDir, String)> {
    let digest = hex::encode(Sha256::digest(bytes));
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join(&digest), bytes)?;
    Ok((folder, digest))
}
