//! What flows: where a plugin reads what is private, and whether it may send to just anybody.

use crate::Policy;
use crate::http::HttpRule;

/// What `[[files]]` opens, among [`Policy::private_sources`].
pub const FILES_SOURCE: &str = "files of the conversation";

impl Policy {
    /// Whether it may send to any public host. Such a plugin is watched while something private
    /// is around; one that may only send to origins that the grant names is trusted by it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.http_rules().iter().any(HttpRule::is_open)
    }

    /// What it may read that is private, in words; empty where that is nothing.
    #[must_use]
    pub fn private_sources(&self) -> Vec<&'static str> {
        let mut sources = Vec::new();
        if !self.files().is_empty() {
            sources.push(FILES_SOURCE);
        }
        if self.state().is_some() {
            sources.push("what it kept for the person");
        }
        if self.delegate().is_some() {
            sources.push("results of other tools");
        }
        for source in self
            .http_rules()
            .iter()
            .filter_map(HttpRule::private_source)
        {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
        sources
    }

    /// What is to be thought of before this is granted: both a private source and an open network.
    #[must_use]
    pub fn flow_warning(&self) -> Option<String> {
        let sources = self.private_sources();
        let is_risky = self.is_open() && !sources.is_empty();
        is_risky.then(|| {
            format!(
                "{} may read {} and send to any public address: what it sends there is asked about call by call",
                self.plugin(),
                sources.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> Policy {
        Policy::parse(&format!("version = 1\nplugin = \"a/b\"\n{text}")).unwrap()
    }

    const OPEN: &str = "[[http]]\nnetwork = \"public\"\n";
    const FILES: &str = "[[files]]\nmount = \"/workspace\"\nsource = \"conversation-workspace\"\naccess = \"read-only\"\n";

    #[test]
    fn sources_and_sinks_are_read_from_the_grant() {
        let fixed = policy("[[http]]\norigin = \"https://a.example\"\n");
        assert!(!fixed.is_open() && fixed.private_sources().is_empty());
        let near =
            policy("[[http]]\norigin = \"http://lan.example\"\naddresses = [\"10.0.0.5/32\"]\n");
        assert_eq!(near.private_sources(), ["servers on private addresses"]);
        let secret = policy(
            "[[http]]\norigin = \"https://a.example\"\ninject = { header = \"X-K\", value = \"{secret:k}\" }\n",
        );
        assert_eq!(secret.private_sources(), ["what a secret opens"]);
        let open = policy(OPEN);
        assert!(open.is_open() && open.flow_warning().is_none());
        let both = policy(&format!("{OPEN}{FILES}"));
        assert!(
            both.flow_warning()
                .unwrap()
                .contains("files of the conversation")
        );
        assert_eq!(policy("").private_sources(), [""; 0]);
    }

    #[test]
    fn an_origin_that_a_rule_names_is_no_open_one() {
        use crate::HttpDecision;
        let both = policy(&format!("{OPEN}[[http]]\norigin = \"https://a.example\"\n"));
        let is_open = |url: &str| match both.http("GET", &url.parse().unwrap()) {
            HttpDecision::Allow { open, .. } => open,
            HttpDecision::Deny(denial) => panic!("{denial:?}"),
        };
        assert!(!is_open("https://a.example/x"));
        assert!(is_open("https://b.example/x"));
    }
}
