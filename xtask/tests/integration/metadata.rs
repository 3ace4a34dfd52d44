//! `cargo metadata` of the three workspaces.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask lies in the project's folder")
}

/// A package of a workspace's lock file.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) licence: Option<String>,
    /// Folder below the project's, for what is ours.
    pub(crate) folder: Option<String>,
    /// Names of normal and build dependencies, as written in the manifest.
    pub(crate) dependencies: Vec<String>,
}

/// All packages that the workspace at `manifest` can draw in, by id.
pub(crate) fn packages(manifest: &str) -> BTreeMap<String, Package> {
    let output = Command::new("cargo")
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
        ])
        .arg(root().join(manifest))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let list = metadata["packages"].as_array().expect("packages");
    list.iter()
        .map(|package| (text(&package["id"]), read(package)))
        .collect()
}

fn read(package: &Value) -> Package {
    let manifest = text(&package["manifest_path"]);
    let folder = Path::new(&manifest)
        .parent()
        .and_then(|folder| folder.strip_prefix(root()).ok());
    let dependencies = package["dependencies"].as_array().expect("dependencies");
    Package {
        name: text(&package["name"]),
        licence: package["license"].as_str().map(str::to_owned),
        folder: folder.map(|folder| folder.to_string_lossy().into_owned()),
        dependencies: dependencies
            .iter()
            .filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| text(&dependency["name"]))
            .collect(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
