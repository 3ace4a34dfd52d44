//! What is let in: a component whose binary and manifest agree.

use alcove_policies::inspect::{self, Class, Inspection, inspect};
use alcove_policies::manifest::Manifest;

use crate::{InstallError, MAX_COMPONENT_BYTES};

/// A component that may be installed.
pub(crate) struct Admitted {
    pub(crate) inspection: Inspection,
    pub(crate) manifest: Manifest,
}

/// Checks a component's bytes.
pub(crate) fn admit(wasm: &[u8]) -> Result<Admitted, InstallError> {
    check_size(u64::try_from(wasm.len()).unwrap_or(u64::MAX))?;
    let inspection = inspect(wasm)?;
    let Some(manifest) = inspection.manifest.clone() else {
        return Err(InstallError::NoManifest);
    };
    if !inspection.has_handler() {
        return Err(InstallError::NoHandler);
    }
    check_requests(&inspection, &manifest)?;
    Ok(Admitted {
        inspection,
        manifest,
    })
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
        match inspect::capability(&import.name) {
            Some("http") if requested.as_ref().is_some_and(|policy| policy.has_http()) => {}
            Some("http") => {
                return Err(InstallError::NotRequested {
                    import: import.name.clone(),
                    capability: "http".to_owned(),
                });
            }
            _ => {
                return Err(InstallError::NotGrantable {
                    import: import.name.clone(),
                });
            }
        }
    }
    Ok(())
}
