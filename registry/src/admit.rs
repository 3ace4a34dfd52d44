//! What is let in: a component whose binary and manifest agree.

use alcove_policies::Policy;
use alcove_policies::inspect::{self, Class, Inspection, inspect};
use alcove_policies::manifest::Manifest;
use alcove_policies::typed::{self, GenerateError, Generated};

use crate::{InstallError, MAX_COMPONENT_BYTES};

/// A component that may be installed.
pub(crate) struct Admitted {
    pub(crate) inspection: Inspection,
    pub(crate) manifest: Manifest,
    /// Whether the manifest was made from types, and has to be kept beside the component.
    pub(crate) is_generated: bool,
}

/// What to do with a component that has typed exports and no manifest.
pub(crate) struct Typed<'a> {
    /// What it is to be called.
    pub(crate) name: &'a str,
    /// Whether an admin took the manifest that is made from its types.
    pub(crate) accepted: bool,
}

/// Checks a component's bytes.
pub(crate) fn admit(wasm: &[u8], typed: &Typed<'_>) -> Result<Admitted, InstallError> {
    check_size(u64::try_from(wasm.len()).unwrap_or(u64::MAX))?;
    let inspection = inspect(wasm)?;
    let Some(manifest) = inspection.manifest.clone() else {
        return admit_typed(wasm, inspection, typed);
    };
    if !inspection.has_handler() {
        return Err(InstallError::NoHandler);
    }
    check_requests(&inspection, &manifest)?;
    Ok(Admitted {
        inspection,
        manifest,
        is_generated: false,
    })
}

/// A component without a manifest gets one from its types, where an admin has seen and taken it.
/// It requests nothing: what it imports stays refused until a policy names it.
fn admit_typed(
    wasm: &[u8],
    inspection: Inspection,
    typed: &Typed<'_>,
) -> Result<Admitted, InstallError> {
    if inspection.has_handler() {
        return Err(InstallError::NoManifest);
    }
    let generated = typed::generate(wasm, typed.name).map_err(|error| match error {
        GenerateError::Inspect(error) => InstallError::Unfit(error),
        error => InstallError::NoTypes(error.to_string()),
    })?;
    let ungrantable = inspection.imports.iter().find(|import| {
        import.class == Class::Authority && inspect::capability(&import.name) != Some("http")
    });
    if let Some(import) = ungrantable {
        return Err(InstallError::NotGrantable {
            import: import.name.clone(),
        });
    }
    if !typed.accepted {
        return Err(InstallError::NotAccepted(summary(&generated)));
    }
    Ok(Admitted {
        inspection,
        manifest: generated.manifest,
        is_generated: true,
    })
}

/// What an admin reads before they take it: every word that a model would read.
fn summary(generated: &Generated) -> String {
    let mut text = String::new();
    for tool in &generated.manifest.tools {
        text.push_str(&format!("\n{}: {}\n", tool.name, tool.description));
        text.push_str(&format!("  takes {}\n", tool.input));
        if let Some(output) = &tool.output {
            text.push_str(&format!("  gives {output}\n"));
        }
    }
    for (name, reason) in &generated.left_out {
        text.push_str(&format!("\n{name} is left out: it {reason}\n"));
    }
    text
}

pub(crate) fn check_size(bytes: u64) -> Result<(), InstallError> {
    if bytes > MAX_COMPONENT_BYTES {
        return Err(InstallError::TooLarge { bytes });
    }
    Ok(())
}

/// Every import that is authority must be requested: an admin reads the requests, not the binary.
fn check_requests(inspection: &Inspection, manifest: &Manifest) -> Result<(), InstallError> {
    // `Manifest::parse` has read the requests once, so they are a policy or empty.
    let requested = manifest.requested_policy().ok().flatten();
    for import in &inspection.imports {
        if import.class != Class::Authority {
            continue;
        }
        // What is authority belongs to a capability.
        let capability = inspect::capability(&import.name).unwrap_or_default();
        match requests(requested.as_ref(), capability) {
            Some(true) => {}
            Some(false) => {
                return Err(InstallError::NotRequested {
                    import: import.name.clone(),
                    capability: capability.to_owned(),
                });
            }
            None => {
                return Err(InstallError::NotGrantable {
                    import: import.name.clone(),
                });
            }
        }
    }
    Ok(())
}

/// Whether the requests ask for a capability; nothing for one that no policy grants.
fn requests(policy: Option<&Policy>, capability: &str) -> Option<bool> {
    let asks: fn(&Policy) -> bool = match capability {
        "http" => Policy::has_http,
        "state" => |policy| policy.state().is_some(),
        "assets" => |policy| policy.assets().is_some(),
        "inference" => |policy| policy.inference().is_some(),
        "delegate" => |policy| policy.delegate().is_some(),
        _ => return None,
    };
    Some(policy.is_some_and(asks))
}
