//! What is known of a component by its digest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alcove_policies::inspect::{Inspection, inspect};
use alcove_registry::ComponentStore;

use super::ToolsError;

/// How many inspections are kept. Each is a few kilobytes; there are as many as components in
/// use, so the limit is only a guard.
const MAX_INSPECTIONS: usize = 512;

/// Inspections, read once for each digest.
pub(super) struct Inspections {
    components: ComponentStore,
    known: Mutex<HashMap<String, Arc<Inspection>>>,
}

impl Inspections {
    pub(super) fn new(components: ComponentStore) -> Inspections {
        Inspections {
            components,
            known: Mutex::new(HashMap::new()),
        }
    }

    /// What the component with this digest is.
    pub(super) async fn of(&self, digest: &str) -> Result<Arc<Inspection>, ToolsError> {
        if let Some(known) = self.lock().get(digest) {
            return Ok(Arc::clone(known));
        }
        let path = self.components.path_of(digest);
        let broken =
            |detail: String| ToolsError::Components(format!("{}: {detail}", path.display()));
        let read = {
            let (path, components) = (path.clone(), self.components.clone());
            tokio::task::spawn_blocking(move || {
                let bytes = std::fs::read(&path).map_err(|error| error.to_string())?;
                let mut inspection = inspect(&bytes).map_err(|error| error.to_string())?;
                if inspection.manifest.is_none() {
                    // What was made from its types, and accepted.
                    inspection.manifest = components.generated(&inspection.digest);
                }
                Ok(inspection)
            })
        };
        let inspection = read
            .await
            .map_err(|error| broken(error.to_string()))?
            .map_err(|error: String| broken(error))?;
        if inspection.digest != digest {
            return Err(broken(format!("its sha256 is {}", inspection.digest)));
        }
        let inspection = Arc::new(inspection);
        let mut known = self.lock();
        if known.len() >= MAX_INSPECTIONS {
            known.clear();
        }
        known.insert(digest.to_owned(), Arc::clone(&inspection));
        Ok(inspection)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Inspection>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
