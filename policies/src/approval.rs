//! `[approval]` and `[labels]`: when a person is asked, and what results count as.

use crate::PolicyError;
use crate::manifest::is_tool_name;
use crate::section::{Entry, Section};

/// When a person is asked before a tool runs. The later, the stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum ApprovalMode {
    /// `never`
    #[default]
    Never,
    /// `first-use`: once for a conversation and a tool.
    FirstUse,
    /// `always`: before every call.
    Always,
}

impl ApprovalMode {
    /// As the language writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::FirstUse => "first-use",
            Self::Always => "always",
        }
    }
}

/// What a policy says about asking before a tool runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Approval {
    /// When somebody is asked.
    pub mode: ApprovalMode,
    /// The line that says so; none where the policy says nothing.
    pub line: Option<u32>,
}

/// `[approval]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Approvals {
    default: Approval,
    tools: Vec<(String, Approval)>,
}

/// At most this many tools are named.
const MAX_TOOLS: usize = 64;

impl Approvals {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self, PolicyError> {
        section.only_known()?;
        let default = match section.get("default") {
            Some(entry) => read_approval(&entry)?,
            None => Approval::default(),
        };
        let mut tools = Vec::new();
        if let Some(entry) = section.get("tools") {
            for entry in entry.table("[approval] tools")?.entries(MAX_TOOLS)? {
                if !is_tool_name(entry.key()) {
                    return Err(entry.error("is no tool's name"));
                }
                tools.push((entry.key().to_owned(), read_approval(&entry)?));
            }
        }
        Ok(Self { default, tools })
    }

    /// The tools that it names.
    pub(crate) fn tools(&self) -> impl Iterator<Item = &str> {
        self.tools.iter().map(|(tool, _)| tool.as_str())
    }

    pub(crate) fn of(&self, tool: &str) -> Approval {
        self.tools
            .iter()
            .find(|(name, _)| name == tool)
            .map_or(self.default, |(_, approval)| *approval)
    }
}

fn read_approval(entry: &Entry<'_>) -> Result<Approval, PolicyError> {
    let mode = match entry.text()? {
        "never" => ApprovalMode::Never,
        "first-use" => ApprovalMode::FirstUse,
        "always" => ApprovalMode::Always,
        _ => return Err(entry.error("must be \"never\", \"first-use\" or \"always\"")),
    };
    Ok(Approval {
        mode,
        line: Some(entry.line()),
    })
}

/// What something counts as when it flows on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// `public`
    Public,
    /// `private`: it must not leave unseen.
    Private,
}

/// `[labels]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Labels {
    /// `output`: what results count as, whatever the tool used.
    pub output: Label,
    /// The line that says so.
    pub line: u32,
}

impl Labels {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self, PolicyError> {
        section.only_known()?;
        let entry = section.require("output")?;
        let output = match entry.text()? {
            "private" => Label::Private,
            "public" => Label::Public,
            _ => return Err(entry.error("must be \"private\" or \"public\"")),
        };
        Ok(Self {
            output,
            line: entry.line(),
        })
    }
}
