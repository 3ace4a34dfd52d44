//! Information flow: what a conversation holds, which addresses it knows, and what may leave.
//!
//! Every request is a write: a GET tells its address to somebody. So while a conversation holds
//! private items, a tool with an open network may go silently only where the person or the web
//! itself has pointed: to an address that was typed, or that a result brought. Any other is shown
//! to the person first. SECURITY.md says what still leaks.

use std::collections::HashSet;
use std::sync::Arc;

use alcove_api_types::{Label, ToolCall, ToolOutcome};
use alcove_policies::{Authority, FILES_SOURCE};
use alcove_sandbox::{Outbound, Passage};
use serde_json::Value;
use url::{Position, Url};

use super::{OfferedTool, ToolRequest, urls};

/// The most addresses that a conversation knows; what comes beyond asks.
const MAX_KNOWN: usize = 100_000;

/// What the host knows of a conversation up to a call. The default is that of callers without
/// one: nothing private, nothing known.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    private: bool,
    known: Arc<HashSet<String>>,
}

impl Flow {
    /// Takes in what a person or the application said.
    pub fn said(&mut self, text: &str) {
        self.learn(urls::typed(text));
    }

    /// Takes in a person's answer to a tool.
    pub(super) fn answered(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.said(text),
            Value::Object(fields) => fields.values().for_each(|value| self.answered(value)),
            Value::Array(values) => values.iter().for_each(|value| self.answered(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Takes in that a tool which may have read what counts as this is about to call another.
    pub(super) fn held(&mut self, label: Label) {
        self.private |= label == Label::Private;
    }

    /// Takes in a call that ended: what it counts as, and the addresses that it brought.
    ///
    /// Only a call that was answered over the network brings addresses. What a calculation printed
    /// was made of what the model wrote, and so could be made of what is private; for the same
    /// reason an address that was in the arguments is not brought by the result that repeats it.
    pub fn returned(&mut self, call: &ToolCall) {
        self.private |= call.label == Some(Label::Private);
        if !call.fetched || call.outcome != Some(ToolOutcome::Ok) {
            return;
        }
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        let own: HashSet<Url> = urls::in_value(&arguments).into_iter().collect();
        for part in &call.output {
            let found = match part.kind.as_str() {
                "json" => {
                    let value: Value = serde_json::from_str(&part.value).unwrap_or_default();
                    urls::in_value(&value)
                }
                // One address and nothing else: a dot at its end is part of it.
                "link" => urls::in_value(&Value::String(part.value.clone())),
                _ => urls::in_text(&part.value),
            };
            self.learn(found.into_iter().filter(|url| !own.contains(url)).collect());
        }
    }

    /// Whether something private is in it.
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// Whether somebody typed that address, or a result brought it.
    pub fn knows(&self, url: &Url) -> bool {
        self.known.contains(urls::sent_form(url).as_str())
    }

    /// Whether a request may go there: to what is known, and to what its site asks of readers.
    fn admits(&self, url: &Url) -> bool {
        self.knows(url) || is_rules_of(url, self.known.iter().map(String::as_str))
    }

    fn learn(&mut self, found: Vec<Url>) {
        if found.is_empty() {
            return;
        }
        let known = Arc::make_mut(&mut self.known);
        for url in found {
            if known.len() >= MAX_KNOWN {
                return;
            }
            known.insert(url.into());
        }
    }
}

/// What leaves a call that has an open network while something private is around.
#[derive(Debug)]
struct Watched {
    flow: Flow,
    approved: Approved,
}

/// What the person allowed beyond what is known.
#[derive(Debug)]
enum Approved {
    Nothing,
    /// These addresses, with whatever the tool sends to them.
    These(HashSet<Url>),
    /// The arguments name no address, and the person let the tool choose.
    Anywhere,
}

impl Outbound for Watched {
    fn passage(&self, url: &Url) -> Passage {
        match &self.approved {
            Approved::Anywhere => Passage::AsIs,
            Approved::These(named) if named.contains(&urls::sent_form(url)) => Passage::AsIs,
            Approved::These(named) if is_rules_of(url, named.iter().map(Url::as_str)) => {
                Passage::Bare
            }
            Approved::These(_) | Approved::Nothing if self.flow.admits(url) => Passage::Bare,
            Approved::These(_) | Approved::Nothing => Passage::Refused,
        }
    }
}

/// Whether an address is the `/robots.txt` of a site that has one of these addresses. It tells the
/// site nothing that the address itself would not.
fn is_rules_of<'a>(url: &Url, mut known: impl Iterator<Item = &'a str>) -> bool {
    let is_rules = url.path() == "/robots.txt" && url.query().is_none();
    let site = &url[..Position::BeforePath];
    // What is known is written in one form, which has a path.
    let belongs = |known: &str| {
        known
            .strip_prefix(site)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    is_rules && known.any(belongs)
}

/// What a call may tell the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Leaving {
    /// Nothing private is around, or nothing of it can leave by an open network.
    Unwatched,
    /// Every address in the arguments is known.
    Known,
    /// These are not.
    Unknown(Vec<String>),
    /// The arguments name no address, so the tool would choose.
    Anywhere,
}

impl Leaving {
    pub(super) fn of(request: &ToolRequest, policy: &Authority) -> Leaving {
        let flow = &request.consent.flow;
        let is_private = flow.is_private() || label(policy) == Label::Private;
        if !(policy.is_open() && is_private) {
            return Leaving::Unwatched;
        }
        let named = urls::in_value(&request.arguments);
        if named.is_empty() {
            return Leaving::Anywhere;
        }
        let mut unknown: Vec<String> = named
            .into_iter()
            .filter(|url| !flow.knows(url))
            .map(String::from)
            .collect();
        unknown.dedup();
        if unknown.is_empty() {
            Leaving::Known
        } else {
            Leaving::Unknown(unknown)
        }
    }

    /// Whether somebody has to see it first.
    pub(super) fn asks(&self) -> bool {
        matches!(self, Leaving::Unknown(_) | Leaving::Anywhere)
    }

    /// Why, in words.
    pub(super) fn reason(&self, tool: &OfferedTool) -> Option<String> {
        let title = &tool.manifest.title;
        match self {
            Leaving::Unwatched | Leaving::Known => None,
            Leaving::Unknown(_) => Some(format!(
                "something private is in this conversation, and “{title}” is to send to an address that neither you nor a result brought"
            )),
            Leaving::Anywhere => Some(format!(
                "something private is in this conversation, and “{title}” may send what stands in its arguments to any public address"
            )),
        }
    }

    pub(super) fn into_unknown(self) -> Vec<String> {
        match self {
            Leaving::Unknown(unknown) => unknown,
            Leaving::Unwatched | Leaving::Known | Leaving::Anywhere => Vec::new(),
        }
    }

    /// What watches the call's requests; it is to run, so what had to be asked was allowed.
    pub(super) fn watch(&self, request: &ToolRequest) -> Option<Arc<dyn Outbound>> {
        let mut flow = request.consent.flow.clone();
        if let Some(answer) = &request.consent.answer {
            flow.answered(answer);
        }
        let approved = match self {
            Leaving::Unwatched => return None,
            Leaving::Known => Approved::Nothing,
            Leaving::Unknown(_) => {
                Approved::These(urls::in_value(&request.arguments).into_iter().collect())
            }
            Leaving::Anywhere => Approved::Anywhere,
        };
        Some(Arc::new(Watched { flow, approved }))
    }
}

/// What a tool's results count as under a policy: what the admin says, or else private where it
/// may read what is.
pub(super) fn label(policy: &Authority) -> Label {
    match policy.labels().map(|labels| labels.output) {
        Some(alcove_policies::Label::Private) => Label::Private,
        Some(alcove_policies::Label::Public) => Label::Public,
        None if policy.private_sources().is_empty() => Label::Public,
        None => Label::Private,
    }
}

/// What the results of a call count as that ended: private where it read what is. Of files it is
/// known whether it did; with any other private source it is presumed.
pub(super) fn label_of_use(policy: &Authority, read_files: bool) -> Label {
    let only_files = || {
        let sources = policy.private_sources();
        sources.iter().all(|source| *source == FILES_SOURCE)
    };
    if !read_files && policy.labels().is_none() && only_files() {
        return Label::Public;
    }
    label(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    use alcove_api_types::{Audience, ItemStatus, ToolPart};
    use serde_json::json;

    fn call(fetched: bool, label: Label, arguments: Value, parts: &[(&str, &str)]) -> ToolCall {
        ToolCall {
            id: "item_1".into(),
            status: ItemStatus::Completed,
            plugin: "local/x".into(),
            digest: String::new(),
            tool: "x".into(),
            title: "X".into(),
            arguments: arguments.to_string(),
            badges: Vec::new(),
            outcome: Some(ToolOutcome::Ok),
            output: parts
                .iter()
                .map(|(kind, value)| ToolPart {
                    audience: Audience::Both,
                    kind: (*kind).into(),
                    value: (*value).into(),
                    title: None,
                    passage: None,
                })
                .collect(),
            usage: None,
            awaiting: None,
            answered: None,
            label: Some(label),
            fetched,
        }
    }

    fn knows(flow: &Flow, url: &str) -> bool {
        flow.knows(&url.parse().unwrap())
    }

    #[test]
    fn what_was_typed_or_brought_is_known() {
        let mut flow = Flow::default();
        flow.said("Summarise https://a.example/news and b.example/about.");
        let hit = call(
            true,
            Label::Public,
            json!({"query": "tides"}),
            &[
                ("link", "https://c.example/hit#top"),
                ("link", "https://c.example/(a."),
                ("text", "See [this](https://d.example/x?y=1)."),
                ("json", r#"{"next":"https:\/\/e.example\/2"}"#),
            ],
        );
        flow.returned(&hit);
        for url in [
            "https://a.example/news",
            "https://a.example/news#part",
            "http://b.example/about",
            "https://c.example/hit",
            "https://c.example/(a.",
            "https://d.example/x?y=1",
            "https://e.example/2",
        ] {
            assert!(knows(&flow, url), "{url}");
        }
        for url in [
            "https://a.example/new",
            "https://a.example/news?q=secret",
            "https://d.example/x",
            "https://f.example/",
        ] {
            assert!(!knows(&flow, url), "{url}");
        }
        assert!(!flow.is_private());
    }

    #[test]
    fn what_a_calculation_or_an_echo_made_is_not_brought() {
        let mut flow = Flow::default();
        let url = "https://evil.example/?q=secret";
        flow.returned(&call(false, Label::Public, json!({}), &[("text", url)]));
        assert!(!knows(&flow, url));
        let echo = json!({"query": format!("x {url}")});
        flow.returned(&call(true, Label::Public, echo, &[("text", url)]));
        assert!(!knows(&flow, url));
        let failed = ToolCall {
            outcome: Some(ToolOutcome::Trapped {
                message: url.into(),
            }),
            ..call(true, Label::Private, json!({}), &[("text", url)])
        };
        flow.returned(&failed);
        assert!(!knows(&flow, url));
        assert!(
            flow.is_private(),
            "a call that failed has read all the same"
        );
    }

    #[test]
    fn what_leaves_goes_where_it_may() {
        let mut flow = Flow::default();
        flow.said("https://a.example/");
        let passage = |approved, url: &str| {
            let watched = Watched {
                flow: flow.clone(),
                approved,
            };
            watched.passage(&url.parse().unwrap())
        };
        let these = || Approved::These(["https://b.example/?q=1".parse().unwrap()].into());
        assert_eq!(
            passage(Approved::Nothing, "https://a.example/#x"),
            Passage::Bare
        );
        assert_eq!(
            passage(Approved::Nothing, "https://b.example/?q=1"),
            Passage::Refused
        );
        assert_eq!(passage(these(), "https://b.example/?q=1"), Passage::AsIs);
        assert_eq!(passage(these(), "https://b.example/?q=2"), Passage::Refused);
        assert_eq!(passage(these(), "https://a.example/"), Passage::Bare);
        // What a site asks of readers may be read where the site may be.
        for (url, expected) in [
            ("https://a.example/robots.txt", Passage::Bare),
            ("https://b.example/robots.txt", Passage::Bare),
            ("https://a.example/robots.txt?q=secret", Passage::Refused),
            ("https://a.example/x/robots.txt", Passage::Refused),
            ("http://a.example/robots.txt", Passage::Refused),
            ("https://a.example:8443/robots.txt", Passage::Refused),
            ("https://secret@a.example/robots.txt", Passage::Refused),
            ("https://c.example/robots.txt", Passage::Refused),
            (
                "https://a.example.evil.example/robots.txt",
                Passage::Refused,
            ),
        ] {
            assert_eq!(passage(these(), url), expected, "{url}");
        }
        assert_eq!(
            passage(Approved::Anywhere, "https://c.example/"),
            Passage::AsIs
        );
    }
}
