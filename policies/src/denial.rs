//! A refusal that says how it could be lifted.

use crate::Policy;

/// What a policy refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Which capability was asked for: `http`, `files`, …
    pub capability: &'static str,
    /// What was asked for and why it is refused, citing the policy's line where one is nearest.
    pub detail: String,
    /// The lines of TOML that would grant it; empty where no policy can.
    pub grant: String,
}

/// A path, name or URL in a message is cut to this many characters.
const MAX_SHOWN_CHARS: usize = 200;

/// What calls are told that want what the policy does not have.
impl Policy {
    /// What a call that wants files is told when the policy has none.
    #[must_use]
    pub fn files_denial(&self) -> Denial {
        self.nothing_of(
            "files",
            "files",
            "[[files]]\nmount = \"/workspace\"\nsource = \"conversation-workspace\"\n\
             access = \"read-write\"\n",
        )
    }

    /// What a call that wants to keep something is told when the policy has no `[state]`.
    #[must_use]
    pub fn state_denial(&self) -> Denial {
        self.nothing_of("state", "state", "[state]\n")
    }

    /// What a call that wants assets is told when the policy has no `[assets]`.
    #[must_use]
    pub fn assets_denial(&self) -> Denial {
        self.nothing_of("assets", "assets", "[assets]\n")
    }

    /// What a call that wants to ask `model` is told when the policy does not name it.
    #[must_use]
    pub fn inference_denial(&self, model: &str) -> Denial {
        let model = shown(model);
        let Some(grant) = self.inference() else {
            let lines = format!("[inference]\nmodels = [\"{model}\"]\n");
            return self.nothing_of("inference", "models", &lines);
        };
        Denial {
            capability: "inference",
            detail: format!(
                "line {} of the policy of {} grants the models {}, not {model}",
                grant.line,
                self.plugin(),
                grant.models.join(", ")
            ),
            grant: format!(
                "[inference]\nmodels = [{}, \"{model}\"]\n",
                quoted(&grant.models)
            ),
        }
    }

    /// What a call that wants to call `tool` (`publisher/name:tool`) is told when the policy does
    /// not name it.
    #[must_use]
    pub fn delegate_denial(&self, tool: &str) -> Denial {
        let tool = shown(tool);
        let Some(grant) = self.delegate() else {
            let lines = format!("[delegate]\ntools = [\"{tool}\"]\n");
            return self.nothing_of("delegate", "calls of other tools", &lines);
        };
        let tools: Vec<String> = grant.tools.iter().map(ToString::to_string).collect();
        Denial {
            capability: "delegate",
            detail: format!(
                "line {} of the policy of {} grants calls of {}, not of {tool}",
                grant.line,
                self.plugin(),
                tools.join(", ")
            ),
            grant: format!("[delegate]\ntools = [{}, \"{tool}\"]\n", quoted(&tools)),
        }
    }

    fn nothing_of(&self, capability: &'static str, what: &str, lines: &str) -> Denial {
        Denial {
            capability,
            detail: format!("the policy of {} grants no {what}", self.plugin()),
            grant: lines.to_owned(),
        }
    }
}

/// What a guest named, as it may stand in a message and between quotes.
fn shown(text: &str) -> String {
    let cut: String = text.chars().take(MAX_SHOWN_CHARS).collect();
    cut.escape_default().to_string()
}

fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect::<Vec<_>>()
        .join(", ")
}
