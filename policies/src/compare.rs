//! Whether one policy asks for more than another.

use crate::Policy;
use crate::files::Access;
use crate::quantity::show_bytes;

impl Policy {
    /// Whether everything that this policy grants is granted by `other` too. Where that can't be
    /// told, as of two patterns that overlap, the answer is no.
    #[must_use]
    pub fn asks_no_more_than(&self, other: &Policy) -> bool {
        self.more_than(other).is_empty()
    }

    /// What this policy grants and `other` does not, a phrase each.
    #[must_use]
    pub fn more_than(&self, other: &Policy) -> Vec<String> {
        let mut more = self.limits().above(other.limits());
        more.extend(self.http_more_than(other));
        self.files_more(other, &mut more);
        self.capabilities_more(other, &mut more);
        for own in self.env() {
            let same = other
                .env()
                .iter()
                .any(|theirs| theirs.name == own.name && theirs.value == own.value);
            if !same {
                more.push(format!("env.{}: line {}", own.name, own.line));
            }
        }
        for tool in self
            .approval_tools()
            .chain(other.approval_tools())
            .chain([""])
        {
            let (own, theirs) = (self.approval(tool).mode, other.approval(tool).mode);
            let what = match tool {
                "" => "approval.default".to_owned(),
                tool => format!("approval.tools.{tool}"),
            };
            let line = format!("{what}: {} instead of {}", own.as_str(), theirs.as_str());
            if own < theirs && !more.contains(&line) {
                more.push(line);
            }
        }
        let private = |policy: &Policy| policy.labels().map(|labels| labels.output);
        if let Some(theirs) = private(other)
            && private(self) != Some(theirs)
        {
            more.push("labels.output: results may count as less private".to_owned());
        } else if private(other).is_none() && private(self) == Some(crate::Label::Public) {
            more.push("labels.output: results count as public".to_owned());
        }
        more
    }

    fn files_more(&self, other: &Policy, more: &mut Vec<String>) {
        for own in self.files() {
            if !other.files().iter().any(|theirs| theirs.covers(own)) {
                let access = match own.access {
                    Access::ReadOnly => "read",
                    Access::ReadWrite => "read and write",
                };
                let quota = own.quota_bytes.map(show_bytes).unwrap_or_default();
                let quota = match own.access {
                    Access::ReadWrite if !quota.is_empty() => format!(", {quota}"),
                    Access::ReadWrite | Access::ReadOnly => String::new(),
                };
                more.push(format!(
                    "files: {access} {} at {}{quota} (line {})",
                    own.source, own.mount, own.line
                ));
            }
        }
    }

    fn capabilities_more(&self, other: &Policy, more: &mut Vec<String>) {
        if let Some(own) = self.state()
            && other
                .state()
                .is_none_or(|theirs| own.quota_bytes > theirs.quota_bytes)
        {
            more.push(format!("state: {}", show_bytes(own.quota_bytes)));
        }
        if let Some(own) = self.assets()
            && other
                .assets()
                .is_none_or(|theirs| own.quota_bytes > theirs.quota_bytes)
        {
            more.push(format!("assets: {}", show_bytes(own.quota_bytes)));
        }
        if let Some(own) = self.inference() {
            let covered = other.inference().is_some_and(|theirs| {
                own.models.iter().all(|model| theirs.covers(model))
                    && own.tokens_per_call <= theirs.tokens_per_call
                    && own.tokens_per_day <= theirs.tokens_per_day
            });
            if !covered {
                more.push(format!(
                    "inference: {} tokens a call and {} a day of {}",
                    own.tokens_per_call,
                    own.tokens_per_day,
                    own.models.join(", ")
                ));
            }
        }
        if let Some(own) = self.delegate() {
            let covered = other.delegate().is_some_and(|theirs| {
                own.depth <= theirs.depth
                    && own
                        .tools
                        .iter()
                        .all(|tool| theirs.covers(&tool.plugin, &tool.tool))
            });
            if !covered {
                let tools: Vec<String> = own.tools.iter().map(ToString::to_string).collect();
                more.push(format!(
                    "delegate: {} to depth {}",
                    tools.join(", "),
                    own.depth
                ));
            }
        }
    }
}
