//! Questions to people: asked, answered once, and never answered by themselves.

use alcove_core::ids::{ApprovalId, ConversationId, ItemId, OrganisationId, ResponseId, UserId};
use alcove_core::item::AnswerKind;
use serde_json::json;

use super::{AuditEntry, ItemLog, LogError};
use crate::accounts::Principal;
use crate::store::{AllowedCall, ApprovalRow, Text, now_ms};

/// The one use of this name: see `Vault::derive`.
const CALL_HASH: &str = "alcove 2026 approvals call hash v1";

/// A question that is to be asked.
#[derive(Debug, Clone)]
pub struct NewApproval<'a> {
    /// The conversation; absent where nothing is stored.
    pub conversation: Option<ConversationId>,
    /// The run that waits.
    pub response: ResponseId,
    /// The call's item.
    pub item: ItemId,
    /// `policy`, `flow` or `input`.
    pub kind: &'static str,
    /// The plugin, tool, digest and grant.
    pub call: AllowedCall<'a>,
    /// What the answer is bound to: see [`ItemLog::call_hash`].
    pub hash: [u8; 32],
}

/// A question as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// The run that asks.
    pub response: ResponseId,
    /// How it ended, and when; absent while it waits.
    pub ended: Option<(AnswerKind, i64)>,
}

impl ItemLog {
    /// A hash of exactly one call: its plugin, digest, tool, grant and canonical arguments.
    /// Keyed, since arguments can be so few that a plain hash would tell them.
    pub fn call_hash(&self, call: &AllowedCall<'_>, arguments: &str) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.vault.derive(CALL_HASH));
        for part in [call.plugin, call.digest, call.tool, call.grant, arguments] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().into()
    }

    /// Writes down that a question waits.
    pub async fn ask(
        &self,
        principal: &Principal,
        new: NewApproval<'_>,
    ) -> Result<ApprovalId, LogError> {
        let id = ApprovalId::generate();
        let row = ApprovalRow {
            id: Text(id),
            organisation_id: Text(principal.organisation),
            user_id: Text(principal.user),
            conversation_id: new.conversation.map(Text),
            response_id: Text(new.response),
            item_id: Text(new.item),
            kind: new.kind.to_owned(),
            plugin: new.call.plugin.to_owned(),
            digest: new.call.digest.to_owned(),
            tool: new.call.tool.to_owned(),
            grant_id: new.call.grant.to_owned(),
            call_hash: new.hash.to_vec(),
            asked_at_ms: now_ms(),
            answer: None,
            answered_by_id: None,
            answered_at_ms: None,
        };
        self.store.insert_approval(&row).await?;
        Ok(id)
    }

    /// A question to this person.
    pub async fn approval(
        &self,
        principal: &Principal,
        id: ApprovalId,
    ) -> Result<Approval, LogError> {
        Ok(state(&self.approval_row(principal.user, id).await?))
    }

    /// Ends a question. `None` where it had ended before: the first answer counts. The audit log
    /// says who answered what; `words` are the person's own, sealed there.
    pub async fn end_approval(
        &self,
        principal: &Principal,
        id: ApprovalId,
        answer: AnswerKind,
        words: Option<&str>,
    ) -> Result<Option<i64>, LogError> {
        let row = self.approval_row(principal.user, id).await?;
        self.end_row_of(&row, answer, words).await
    }

    /// Whether the person allowed this tool, at this digest and under this grant, for the rest
    /// of the conversation.
    pub async fn allowed_in_conversation(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        call: &AllowedCall<'_>,
    ) -> Result<bool, LogError> {
        Ok(self
            .store
            .allowed_in_conversation(principal.user, conversation, call)
            .await?)
    }

    /// Ends what this server's runs were asking when it was killed: nobody answered that.
    pub(super) async fn recover_approvals(&self) -> Result<(), LogError> {
        for row in self.store.waiting_of(self.vault.writer()).await? {
            self.end_row_of(&row, AnswerKind::Interrupted, None).await?;
        }
        Ok(())
    }

    async fn approval_row(&self, user: UserId, id: ApprovalId) -> Result<ApprovalRow, LogError> {
        let row = self.store.approval(user, id).await?;
        row.ok_or(LogError::NotFound { what: "approval" })
    }

    async fn end_row_of(
        &self,
        row: &ApprovalRow,
        answer: AnswerKind,
        words: Option<&str>,
    ) -> Result<Option<i64>, LogError> {
        let Text(user): Text<UserId> = row.user_id;
        let Text(organisation): Text<OrganisationId> = row.organisation_id;
        let by_a_person = matches!(
            answer,
            AnswerKind::Once | AnswerKind::Conversation | AnswerKind::Denied | AnswerKind::Input
        );
        let now_ms = now_ms();
        let ended = self
            .store
            .end_approval(row.id.0, answer.name(), by_a_person.then_some(user), now_ms)
            .await?;
        if !ended {
            return Ok(None);
        }
        let detail = json!({
            "approval": row.id.0.to_string(),
            "kind": row.kind,
            "tool": row.tool,
            "digest": row.digest,
            "grant": row.grant_id,
            "call_hash": hex::encode(&row.call_hash),
            "asked_at_ms": row.asked_at_ms,
            "words": words,
        });
        self.audit(AuditEntry {
            organisation,
            user,
            action: "approval",
            subject: row.plugin.clone(),
            outcome: answer.name().to_owned(),
            conversation: row.conversation_id.map(|id| id.0),
            item: row.conversation_id.map(|_| row.item_id.0),
            detail,
        })
        .await?;
        Ok(Some(now_ms))
    }
}

fn state(row: &ApprovalRow) -> Approval {
    let kind = |name: &str| AnswerKind::ALL.into_iter().find(|kind| kind.name() == name);
    // A name that this version does not know ended the question all the same.
    let answer = row
        .answer
        .as_deref()
        .map(|name| kind(name).unwrap_or(AnswerKind::Interrupted));
    Approval {
        id: row.id.0,
        response: row.response_id.0,
        ended: answer.map(|answer| (answer, row.answered_at_ms.unwrap_or(row.asked_at_ms))),
    }
}
