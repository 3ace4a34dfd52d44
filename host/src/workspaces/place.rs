//! Whose files: those of one branch of a conversation.

use alcove_core::ids::{BranchId, ConversationId};

/// A branch of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The conversation.
    pub conversation: ConversationId,
    /// The branch.
    pub branch: BranchId,
}
