//! Whether a call may run without asking, and what a person said who was asked.
//!
//! A yes is bound to exactly one call: plugin, digest, tool, grant and canonical arguments. A yes
//! for the conversation is bound to all of these but the arguments, and is there only where the
//! policy says `first-use`: what an admin wants to be asked for always is asked always.

use alcove_api_types::{BadgeKind, Choice, ToolOutcome};
use alcove_policies::ApprovalMode;
use serde_json::Value;

use crate::store::AllowedCall;

use super::call::unfit;
use super::flow::{Flow, Leaving};
use super::in_force::InForce;
use super::{OfferedTool, ToolRequest, Tools};

/// The capability of a denial that says: somebody had to allow it, and did not.
pub(super) const APPROVAL: &str = "approval";

/// What a call brings along of its person. The default is that of callers with nobody to ask: API
/// keys, MCP, jobs, other tools. What needs an approval is denied to them.
#[derive(Debug, Clone, Default)]
pub struct Consent {
    /// A yes to this very call.
    pub allowance: Option<Allowance>,
    /// Why there is no yes, where somebody was asked.
    pub refusal: Option<String>,
    /// What the person answered to the tool's own question.
    pub answer: Option<Value>,
    /// What the conversation holds, and which addresses it knows.
    pub flow: Flow,
}

/// A yes to exactly one call. Only a [`Question`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    hash: [u8; 32],
}

/// Whether a call may run.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// Nobody needs to be asked.
    Free,
    /// Somebody has to say yes first.
    Ask(Box<Question>),
    /// It can't run at all.
    Refused(ToolOutcome),
}

/// What a person is asked before a call.
#[derive(Debug, Clone)]
pub struct Question {
    /// `policy` or `flow`, as rows have it.
    pub kind: &'static str,
    /// Why, in words.
    pub reason: String,
    /// Addresses in the arguments that nothing in the conversation brought.
    pub urls: Vec<String>,
    /// What the call may reach, in words.
    pub reaches: Vec<String>,
    /// What may be answered beside no.
    pub choices: Vec<Choice>,
    /// The grant that the call would run under.
    pub grant: String,
    /// What an answer is bound to.
    pub hash: [u8; 32],
}

impl Question {
    /// A yes to it.
    pub fn allow(&self) -> Allowance {
        Allowance { hash: self.hash }
    }

    /// How the call ends without a yes.
    pub(super) fn denial(&self, consent: &Consent) -> ToolOutcome {
        let message = match &consent.refusal {
            Some(refusal) => refusal.clone(),
            None => format!(
                "{}, and nobody can be asked here: call it in a chat, or by an MCP client that asks its person (`elicitation`)",
                self.reason
            ),
        };
        ToolOutcome::Denied {
            capability: APPROVAL.to_owned(),
            message,
        }
    }
}

/// What a yes for the conversation is bound to.
pub fn allowed_call<'a>(tool: &'a OfferedTool, grant: &'a str) -> AllowedCall<'a> {
    AllowedCall {
        plugin: &tool.plugin,
        digest: &tool.digest,
        tool: &tool.tool,
        grant,
    }
}

impl Tools {
    /// A hash of exactly this call, under the grant that its tool was offered with.
    pub fn call_hash(&self, request: &ToolRequest) -> [u8; 32] {
        let call = allowed_call(&request.tool, &request.tool.grant);
        let arguments = alcove_policies::schema::canonical(&request.arguments);
        self.inner.log.call_hash(&call, &arguments)
    }

    /// Whether a call may run as things stand. [`Tools::call`] looks again: this is for whoever
    /// has somebody to ask.
    pub async fn verdict(&self, request: &ToolRequest) -> Verdict {
        if let Some(outcome) = unfit(request) {
            return Verdict::Refused(outcome);
        }
        match self.found(request).await {
            Ok((found, _)) => self.verdict_under(request, &found).await,
            Err(outcome) => Verdict::Refused(outcome),
        }
    }

    /// The verdict under the grants that the call runs under.
    pub(super) async fn verdict_under(&self, request: &ToolRequest, found: &InForce) -> Verdict {
        let tool = &request.tool;
        let leaving = Leaving::of(request, &found.authority);
        let mode = found.authority.approval(&tool.tool).mode;
        if mode == ApprovalMode::Never && !leaving.asks() {
            return Verdict::Free;
        }
        let grant = found.grant();
        let call = allowed_call(tool, &grant);
        let arguments = alcove_policies::schema::canonical(&request.arguments);
        let hash = self.inner.log.call_hash(&call, &arguments);
        let is_allowed = |allowance: &Allowance| allowance.hash == hash;
        if request.consent.allowance.as_ref().is_some_and(is_allowed) {
            return Verdict::Free;
        }
        let by_policy = self.asked_by_policy(request, found, &call).await;
        if by_policy.is_none() && !leaving.asks() {
            return Verdict::Free;
        }
        let kind = if leaving.asks() { "flow" } else { "policy" };
        let reasons = [
            leaving.reason(tool),
            by_policy.as_ref().map(|(reason, _)| reason.clone()),
        ];
        // What leaves is looked at call by call: a yes for the conversation would be one to
        // every address that the model can think of.
        let choices = match by_policy {
            Some((_, choices)) if !leaving.asks() => choices,
            _ => vec![Choice::Once],
        };
        Verdict::Ask(Box::new(Question {
            kind,
            reason: reasons.into_iter().flatten().collect::<Vec<_>>().join("; "),
            urls: leaving.into_unknown(),
            reaches: reaches(tool),
            choices,
            hash,
            grant,
        }))
    }

    /// Why the policy wants somebody asked, and what may be answered.
    async fn asked_by_policy(
        &self,
        request: &ToolRequest,
        found: &InForce,
        call: &AllowedCall<'_>,
    ) -> Option<(String, Vec<Choice>)> {
        let tool = &request.tool;
        let approval = found.authority.approval(&tool.tool);
        let by = found.authority.approval_narrowed_by(&tool.tool);
        let by = by.map_or_else(String::new, |by| format!(" of {by}"));
        let line = approval
            .line
            .map_or_else(String::new, |line| format!(" (line {line}{by})"));
        let reason = |when: &str| format!("the policy of {} asks {when}{line}", tool.plugin);
        match (approval.mode, request.conversation()) {
            (ApprovalMode::Never, _) => None,
            (ApprovalMode::Always, _) => Some((reason("before every call"), vec![Choice::Once])),
            (ApprovalMode::FirstUse, None) => {
                Some((reason("before the first call"), vec![Choice::Once]))
            }
            (ApprovalMode::FirstUse, Some(conversation)) => {
                let allowed = self
                    .inner
                    .log
                    .allowed_in_conversation(&request.principal, conversation, call)
                    .await;
                let choices = match allowed {
                    Ok(true) => return None,
                    Ok(false) => vec![Choice::Once, Choice::Conversation],
                    Err(error) => {
                        // Asking once too often is the safe way to be wrong.
                        tracing::error!(plugin = tool.plugin, %error, "earlier approvals could not be read");
                        vec![Choice::Once]
                    }
                };
                Some((reason("before the first call in a conversation"), choices))
            }
        }
    }
}

/// What the grant opens, as the badges say it.
fn reaches(tool: &OfferedTool) -> Vec<String> {
    tool.badges
        .iter()
        .filter(|badge| matches!(badge.kind, BadgeKind::Granted))
        .map(|badge| badge.text.clone())
        .collect()
}
