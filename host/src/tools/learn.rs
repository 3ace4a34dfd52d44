//! Learning a policy: the author's examples run through the real sandbox, what is denied is written
//! down and granted for the next round, until nothing new is denied. The result is a text for an
//! admin to read; nothing is granted by it.

use std::sync::Arc;

use alcove_api_types::Learned;
use alcove_policies::{Authority, Policy};
use alcove_sandbox::{Call, Grant, Invocation, Outcome};
use tokio_util::sync::CancellationToken;

use crate::accounts::Principal;

use super::workspace::Mounts;
use super::{Tools, ToolsError};

/// At most so many rounds: each but the last grants one thing more.
const MAX_ROUNDS: usize = 64;
/// The limits that are doubled when an example hits them, until it does not or they are what the
/// language allows at most.
const GROWING: &[&str] = &["memory", "cpu", "wall", "output"];

/// The policy so far.
struct Draft {
    plugin: String,
    /// Multiples of the language's defaults.
    limits: Vec<(&'static str, u32)>,
    rules: Vec<String>,
}

impl Draft {
    fn text(&self) -> String {
        let mut text = format!("version = 1\nplugin  = \"{}\"\n", self.plugin);
        if !self.limits.is_empty() {
            text.push_str("\n[limits]\n");
        }
        for (name, factor) in &self.limits {
            let value = match *name {
                "memory" => format!("{} MiB", 64 * factor),
                "cpu" => format!("{} s", 2 * factor),
                "wall" => format!("{} s", 20 * factor),
                _ => format!("{} KiB", 256 * factor),
            };
            text.push_str(&format!("{name} = \"{value}\"\n"));
        }
        for rule in &self.rules {
            text.push('\n');
            text.push_str(rule);
        }
        text
    }

    /// Twice as much of a limit; whether there is such a limit and the language allows it.
    fn grow(&mut self, limit: &str) -> bool {
        let Some(name) = GROWING.iter().find(|name| **name == limit) else {
            return false;
        };
        let before = self.limits.clone();
        match self.limits.iter_mut().find(|(own, _)| own == name) {
            Some((_, factor)) => *factor *= 2,
            None => self.limits.push((name, 2)),
        }
        let is_allowed = Policy::parse(&self.text()).is_ok();
        if !is_allowed {
            self.limits = before;
        }
        is_allowed
    }

    /// The lines of a denial; whether they say something new that can be read.
    fn add(&mut self, lines: &str) -> bool {
        if lines.trim().is_empty() || self.rules.iter().any(|own| own == lines) {
            return false;
        }
        self.rules.push(lines.to_owned());
        if Policy::parse(&self.text()).is_ok() {
            return true;
        }
        self.rules.pop();
        false
    }
}

impl Tools {
    /// Runs the examples of every tool of a plugin, and writes the smallest policy under which they
    /// were denied nothing.
    pub async fn learn(&self, plugin: &str, by: &Principal) -> Result<Learned, ToolsError> {
        let installed = self.installed(plugin).await?;
        let path = self.inner.components.path_of(&installed.digest);
        let component = self
            .inner
            .sandbox
            .load(&path, &installed.digest)
            .await
            .map_err(|error| ToolsError::Components(error.to_string()))?;
        let mut draft = Draft {
            plugin: installed.id.clone(),
            limits: Vec::new(),
            rules: Vec::new(),
        };
        let mut notes = Vec::new();
        let mut examples = 0;
        for tool in &installed.manifest.tools {
            for example in &tool.examples {
                examples += 1;
                let arguments = alcove_policies::schema::canonical(&example.arguments);
                let title = format!("{}: {}", tool.name, example.title);
                let mut settled = false;
                for _ in 0..MAX_ROUNDS {
                    let invocation = Invocation::new(tool.name.as_str(), arguments.as_str());
                    let outcome = self.try_example(&component, &draft, invocation).await?;
                    match outcome {
                        Outcome::Denied(denial) => {
                            if !draft.add(&denial.grant) {
                                notes.push(format!("{title}: denied, {}", denial.detail));
                                settled = true;
                            }
                        }
                        Outcome::Limit(hit) => {
                            if !draft.grow(hit.name) {
                                notes.push(format!("{title}: limit {}", hit.name));
                                settled = true;
                            }
                        }
                        Outcome::Failed(failure) => {
                            notes.push(format!("{title}: failed, {}", failure.kind));
                            settled = true;
                        }
                        Outcome::Trapped(_) => {
                            notes.push(format!("{title}: crashed"));
                            settled = true;
                        }
                        Outcome::Ok(_) => settled = true,
                    }
                    if settled {
                        break;
                    }
                }
                if !settled {
                    notes.push(format!("{title}: asks for more after {MAX_ROUNDS} rounds"));
                }
            }
        }
        tracing::info!(
            plugin = installed.id,
            examples,
            by = by.username,
            "a policy was learnt"
        );
        Ok(Learned {
            policy: draft.text(),
            examples,
            notes,
        })
    }

    async fn try_example(
        &self,
        component: &alcove_sandbox::Component,
        draft: &Draft,
        invocation: Invocation,
    ) -> Result<Outcome, ToolsError> {
        let text = draft.text();
        let policy = Policy::parse(&text).map_err(|error| ToolsError::Invalid {
            param: "policy",
            message: error.to_string(),
        })?;
        let organisation = self.inner.local.organisation;
        let source = alcove_policies::Source {
            name: Arc::from(""),
            rank: 0,
            policy: Arc::new(policy),
        };
        // What the ceiling denies is not learnt.
        let ceiling = self.ceiling_in_force(organisation).await?;
        let authority =
            Authority::join(&draft.plugin, vec![source], ceiling).map_err(|denial| {
                ToolsError::Conflict {
                    message: denial.detail,
                }
            })?;
        let mounts = Mounts::prepare(&self.inner.workspaces, &authority, None)
            .map_err(|error| ToolsError::Components(error.to_string()))?;
        let call = Call {
            invocation,
            grant: Grant {
                plugin: draft.plugin.clone(),
                policy: Arc::new(authority),
                mounts: mounts.mounts().to_vec(),
                // What they are for is not what is learnt.
                secrets: alcove_sandbox::Secrets::default(),
                lease: CancellationToken::new(),
            },
        };
        Ok(self.inner.sandbox.call(component, call).await.outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_grows_by_what_was_denied() {
        let mut draft = Draft {
            plugin: "local/x".to_owned(),
            limits: Vec::new(),
            rules: Vec::new(),
        };
        assert!(draft.add("[[http]]\norigin = \"https://a.example\"\n"));
        assert!(
            !draft.add("[[http]]\norigin = \"https://a.example\"\n"),
            "again"
        );
        assert!(!draft.add(""), "what no policy can grant");
        assert!(!draft.add("[[files]]\nmount = \"/w\"\n"), "half a rule");
        assert!(draft.grow("memory") && draft.grow("memory"));
        assert!(!draft.grow("calls"));
        let policy = Policy::parse(&draft.text()).unwrap();
        assert_eq!(policy.limits().memory_bytes, 256 << 20);
        assert!((0..64).any(|_| !draft.grow("memory")), "it ends");
    }
}
