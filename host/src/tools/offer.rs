//! What a person may use.

use std::collections::HashSet;
use std::sync::Arc;

use alcove_api_types::{Badge, BadgeKind};
use alcove_policies::inspect::{self, Inspection, badges};
use alcove_policies::{Authority, FileSource};

use crate::accounts::Principal;

use super::in_force::InForce;
use super::standing::Person;
use super::{OfferedTool, Tools, ToolsError};

/// First-party plugins come first, so that their tools keep their plain names.
const FIRST_PARTY: &str = "alcove/";
/// The subject of the badge of plugins that stand for a process.
const NOT_SANDBOXED: &str = "sandbox";

impl Tools {
    /// The tools that a person may use, always in the same order: it is part of the prompt, and
    /// the prompt's stable part is what the prefix cache lives on.
    pub async fn offered(&self, principal: &Principal) -> Result<Arc<[OfferedTool]>, ToolsError> {
        let (person, _) = self.standing(principal).await?;
        if let Some(offered) = person.offered.get() {
            return Ok(Arc::clone(offered));
        }
        let (offered, is_whole) = self.list_offered(&person).await;
        let offered: Arc<[OfferedTool]> = offered.into();
        if is_whole {
            // Whoever was first has listed the same.
            let _ = person.offered.set(Arc::clone(&offered));
        }
        Ok(offered)
    }

    /// The tools of what is in force, and whether every component could be read.
    async fn list_offered(&self, person: &Person) -> (Vec<OfferedTool>, bool) {
        let mut bounds: Vec<&Arc<InForce>> = person.in_force.iter().collect();
        // Stable: within each, by the plugin's name.
        bounds.sort_by_key(|bound| !bound.plugin.starts_with(FIRST_PARTY));
        let mut is_whole = true;
        let mut names = HashSet::new();
        let mut offered = Vec::new();
        for bound in bounds {
            let inspection = match self.inner.inspections.of(&bound.digest).await {
                Ok(inspection) => inspection,
                Err(error) => {
                    // One damaged plugin takes no other away.
                    tracing::error!(plugin = bound.plugin, digest = bound.digest, %error, "a granted component can't be read");
                    is_whole = false;
                    continue;
                }
            };
            let Some(manifest) = &inspection.manifest else {
                continue;
            };
            let badges: Arc<[Badge]> = self
                .badges(&bound.plugin, &inspection, Some(&bound.authority))
                .into();
            let Some(binding) = bound.bindings.first().copied() else {
                continue;
            };
            let mut files = bound.authority.files().iter();
            let has_folder = files.any(|grant| matches!(grant.source, FileSource::Folder(_)));
            for tool in &manifest.tools {
                let mut named = tool.clone();
                named.name = free_name(&mut names, &bound.plugin, &tool.name);
                offered.push(OfferedTool {
                    plugin: bound.plugin.clone(),
                    digest: bound.digest.clone(),
                    tool: tool.name.clone(),
                    manifest: Arc::new(named),
                    badges: Arc::clone(&badges),
                    session: manifest.session,
                    has_folder,
                    binding,
                    bindings: bound.bindings.clone(),
                    grant: bound.grant(),
                });
            }
        }
        (offered, is_whole)
    }

    /// What is to be said of a plugin. Of one that stands for a process, what its component can't
    /// do says nothing about what the process can.
    pub(super) fn badges(
        &self,
        plugin: &str,
        inspection: &Inspection,
        policy: Option<&Authority>,
    ) -> Vec<Badge> {
        match self.inner.mcp_stdio.describe(plugin) {
            Some(text) => vec![Badge {
                subject: NOT_SANDBOXED.to_owned(),
                kind: BadgeKind::Granted,
                text,
            }],
            None => badges_of(inspection, policy),
        }
    }
}

/// The tool's own name, or one that also names its plugin where that is taken.
fn free_name(taken: &mut HashSet<String>, plugin: &str, tool: &str) -> String {
    let mut name = tool.to_owned();
    let mut count = 1;
    while !taken.insert(name.clone()) {
        name = format!("{}_{tool}", plugin.replace(['/', '-', '.'], "_"));
        if count > 1 {
            name = format!("{name}_{count}");
        }
        count += 1;
    }
    name
}

/// What holds for a component under a policy, as clients see it.
fn badges_of(inspection: &Inspection, policy: Option<&Authority>) -> Vec<Badge> {
    badges(inspection, policy)
        .into_iter()
        .map(|badge| Badge {
            subject: badge.subject,
            kind: match badge.kind {
                inspect::BadgeKind::CannotAsk => BadgeKind::CannotAsk,
                inspect::BadgeKind::Refused => BadgeKind::Refused,
                inspect::BadgeKind::Granted => BadgeKind::Granted,
            },
            text: badge.text,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_is_made_free() {
        let mut taken = HashSet::new();
        assert_eq!(free_name(&mut taken, "alcove/python", "python"), "python");
        assert_eq!(
            free_name(&mut taken, "local/my-py", "python"),
            "local_my_py_python"
        );
        assert_eq!(
            free_name(&mut taken, "local/my.py", "python"),
            "local_my_py_python_2"
        );
    }
}
