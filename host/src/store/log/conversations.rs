//! Conversations and branches: making, listing, renaming, deleting.

use alcove_core::ids::{BranchId, ConversationId, ItemId, ResponseId};

use super::{ATTEMPTS, ItemLog, LogError, MAX_PAGE, MAX_TITLE_CHARACTERS, Owner};
use crate::accounts::Principal;
use crate::store::{
    BranchRow, ConversationRow, NewConversation, StoreError, Text, WrappedRowKey, now_ms,
};
use crate::vault::UserKey;

/// The name of a conversation's first branch.
const FIRST_BRANCH: &str = "main";
/// The title of a conversation whose title is empty.
const UNTITLED: &str = "New conversation";

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: ConversationId,
    /// Its title.
    pub title: String,
    /// When it began.
    pub created_at_ms: i64,
    /// When it last grew.
    pub updated_at_ms: i64,
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The conversation that grew last comes first.
    pub conversations: Vec<Summary>,
    /// Where the next page begins; absent on the last.
    pub next_cursor: Option<String>,
}

/// A conversation with the place where it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationView {
    /// What it is.
    pub summary: Summary,
    /// The branch that last grew.
    pub branch: Branch,
    /// The response that the branch's last item is part of.
    pub last_response: Option<ResponseId>,
}

/// A branch: a named head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its id.
    pub id: BranchId,
    /// Its name.
    pub name: String,
    /// Its last item.
    pub head: Option<ItemId>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it last grew.
    pub updated_at_ms: i64,
}

impl From<BranchRow> for Branch {
    fn from(row: BranchRow) -> Branch {
        let BranchRow {
            id,
            organisation_id: _,
            user_id: _,
            conversation_id: _,
            name,
            head_item_id,
            created_at_ms,
            updated_at_ms,
        } = row;
        Branch {
            id: id.0,
            name,
            head: head_item_id.map(|id| id.0),
            created_at_ms,
            updated_at_ms,
        }
    }
}

impl ItemLog {
    /// Makes an empty conversation. A long title is cut.
    pub async fn create_conversation(
        &self,
        principal: &Principal,
        title: &str,
    ) -> Result<ConversationId, LogError> {
        let owner = Owner::from(principal);
        let id = ConversationId::generate();
        let key = self.user_key(owner.user).await?;
        let new = new_conversation(owner, &key, id, title)?;
        self.store.insert_conversation(&new).await?;
        Ok(id)
    }

    /// A conversation with the place where it goes on.
    pub async fn conversation(
        &self,
        principal: &Principal,
        conversation: ConversationId,
    ) -> Result<ConversationView, LogError> {
        let owner = Owner::from(principal);
        let row = self.conversation_row(owner, conversation).await?;
        let branch = self
            .branch_row(owner, conversation, row.current_branch_id.0)
            .await?;
        let last = match branch.head {
            Some(head) => self.store.item(owner.user, head).await?,
            None => None,
        };
        let key = self.user_key(owner.user).await?;
        Ok(ConversationView {
            summary: open_summary(&key, &row)?,
            branch,
            last_response: last.and_then(|last| last.row.response_id).map(|id| id.0),
        })
    }

    /// A page of conversations, the one that grew last first.
    pub async fn list(
        &self,
        principal: &Principal,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page, LogError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let after = cursor.map(parse_cursor).transpose()?;
        // One more than wanted says whether there is a next page.
        let mut rows = self
            .store
            .conversations(principal.user, after, limit + 1)
            .await?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_cursor = match rows.last() {
            Some(last) if more => Some(format!("{}-{}", last.updated_at_ms, last.id.0)),
            _ => None,
        };
        let conversations = match self.existing_user_key(principal.user).await? {
            Some(key) => rows
                .iter()
                .map(|row| open_summary(&key, row))
                .collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        Ok(Page {
            conversations,
            next_cursor,
        })
    }

    /// Renames a conversation.
    pub async fn rename(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        title: &str,
    ) -> Result<(), LogError> {
        if title.chars().count() > MAX_TITLE_CHARACTERS {
            return Err(LogError::TooLong {
                what: "title",
                max: format!("{MAX_TITLE_CHARACTERS} characters"),
            });
        }
        let owner = Owner::from(principal);
        let row = self.conversation_row(owner, conversation).await?;
        let key = self.user_key(owner.user).await?;
        let sealed = key
            .open_row_key(&conversation.to_string(), &row.wrapped)
            .map_err(|_| tampered(&row))?
            .seal("title", title_or_default(title).as_bytes())?;
        match self
            .store
            .set_title(owner.user, conversation, &sealed)
            .await?
        {
            true => Ok(()),
            false => Err(no_conversation()),
        }
    }

    /// Deletes a conversation: its keys are destroyed, then its rows.
    pub async fn delete(
        &self,
        principal: &Principal,
        conversation: ConversationId,
    ) -> Result<(), LogError> {
        match self
            .store
            .delete_conversation(principal.user, conversation)
            .await?
        {
            true => Ok(()),
            false => Err(no_conversation()),
        }
    }

    /// A conversation's branches, oldest first.
    pub async fn branches(
        &self,
        principal: &Principal,
        conversation: ConversationId,
    ) -> Result<Vec<Branch>, LogError> {
        let owner = Owner::from(principal);
        self.conversation_row(owner, conversation).await?;
        let rows = self.store.branches(owner.user, conversation).await?;
        Ok(rows.into_iter().map(Branch::from).collect())
    }

    /// Makes a branch with that id whose head is an item, or an empty one: what is appended to it becomes a
    /// sibling of what followed.
    pub async fn fork(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        id: BranchId,
        at: Option<ItemId>,
    ) -> Result<Branch, LogError> {
        let owner = Owner::from(principal);
        self.conversation_row(owner, conversation).await?;
        if let Some(item) = at {
            let stored = self.store.item(owner.user, item).await?;
            if stored.is_none_or(|stored| stored.row.conversation_id.0 != conversation) {
                return Err(LogError::NotFound { what: "item" });
            }
        }
        for _ in 0..ATTEMPTS {
            let branch = self.new_fork(owner, conversation, id, at).await?;
            match self.store.insert_branch(&branch).await {
                // Another fork took the name.
                Err(StoreError::Conflict(_)) => {}
                result => {
                    result?;
                    return Ok(branch.into());
                }
            }
        }
        Err(LogError::BranchMoved)
    }

    /// A branch with the next free name, not stored yet.
    pub(super) async fn new_fork(
        &self,
        owner: Owner,
        conversation: ConversationId,
        id: BranchId,
        head: Option<ItemId>,
    ) -> Result<BranchRow, LogError> {
        let branches = self.store.branches(owner.user, conversation).await?;
        let name = format!("branch-{}", branches.len() + 1);
        let mut branch = new_branch(owner, conversation, id, &name);
        branch.head_item_id = head.map(Text);
        Ok(branch)
    }

    pub(super) async fn conversation_row(
        &self,
        owner: Owner,
        conversation: ConversationId,
    ) -> Result<ConversationRow, LogError> {
        self.store
            .conversation(owner.user, conversation)
            .await?
            .ok_or_else(no_conversation)
    }

    pub(super) async fn branch_row(
        &self,
        owner: Owner,
        conversation: ConversationId,
        branch: BranchId,
    ) -> Result<Branch, LogError> {
        match self.store.branch(owner.user, branch).await? {
            Some(row) if row.conversation_id.0 == conversation => Ok(row.into()),
            _ => Err(LogError::NotFound { what: "branch" }),
        }
    }
}

/// A conversation to be stored, with its first branch and a key of its own.
pub(super) fn new_conversation(
    owner: Owner,
    key: &UserKey,
    id: ConversationId,
    title: &str,
) -> Result<NewConversation, LogError> {
    let row = id.to_string();
    let (row_key, wrapped) = key.new_row_key(&row)?;
    let title: String = title_or_default(title)
        .chars()
        .take(MAX_TITLE_CHARACTERS)
        .collect();
    Ok(NewConversation {
        id,
        title: row_key.seal("title", title.as_bytes())?,
        key: WrappedRowKey {
            row,
            user: owner.user,
            wrapped,
        },
        branch: new_branch(owner, id, BranchId::generate(), FIRST_BRANCH),
    })
}

fn new_branch(owner: Owner, conversation: ConversationId, id: BranchId, name: &str) -> BranchRow {
    let now = now_ms();
    BranchRow {
        id: Text(id),
        organisation_id: Text(owner.organisation),
        user_id: Text(owner.user),
        conversation_id: Text(conversation),
        name: name.to_owned(),
        head_item_id: None,
        created_at_ms: now,
        updated_at_ms: now,
    }
}

fn title_or_default(title: &str) -> &str {
    match title.trim() {
        "" => UNTITLED,
        title => title,
    }
}

fn open_summary(key: &UserKey, row: &ConversationRow) -> Result<Summary, LogError> {
    let id = row.id.0;
    let plain = key
        .open_row_key(&id.to_string(), &row.wrapped)
        .and_then(|key| key.open("title", &row.title))
        .map_err(|_| tampered(row))?;
    Ok(Summary {
        id,
        title: String::from_utf8(plain).map_err(|_| tampered(row))?,
        created_at_ms: row.created_at_ms,
        updated_at_ms: row.updated_at_ms,
    })
}

fn parse_cursor(cursor: &str) -> Result<(i64, ConversationId), LogError> {
    let (time, id) = cursor.split_once('-').ok_or(LogError::Cursor)?;
    let time = time.parse().map_err(|_| LogError::Cursor)?;
    Ok((time, id.parse().map_err(|_| LogError::Cursor)?))
}

fn tampered(row: &ConversationRow) -> LogError {
    LogError::TamperedRow {
        row: row.id.0.to_string(),
    }
}

fn no_conversation() -> LogError {
    LogError::NotFound {
        what: "conversation",
    }
}
