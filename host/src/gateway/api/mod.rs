//! `/api`: what has no standard. One endpoint a file.

pub(super) mod add_mcp_server;
pub(super) mod answer_approval;
mod checkpoints;
pub(super) mod clear_ceiling;
pub(super) mod compare_checkpoint;
pub(super) mod create_binding;
pub(super) mod create_conversation;
pub(super) mod create_key;
pub(super) mod decline_request;
pub(super) mod delete_checkpoint;
pub(super) mod delete_conversation;
pub(super) mod explain_policy;
pub(super) mod get_asset;
pub(super) mod get_call;
pub(super) mod get_ceiling;
pub(super) mod get_conversation;
pub(super) mod get_file;
pub(super) mod get_passage;
pub(super) mod get_quota;
pub(super) mod inspect_plugin;
pub(super) mod install_plugin;
pub(super) mod learn_policy;
pub(super) mod list_approvals;
pub(super) mod list_bindings;
pub(super) mod list_branches;
pub(super) mod list_checkpoints;
pub(super) mod list_conversations;
pub(super) mod list_files;
pub(super) mod list_keys;
pub(super) mod list_plugins;
pub(super) mod list_principals;
pub(super) mod list_requests;
pub(super) mod list_secrets;
pub(super) mod me;
pub(super) mod plugin_history;
pub(super) mod put_file;
pub(super) mod read_policy;
pub(super) mod remove_file;
pub(super) mod remove_plugin;
pub(super) mod remove_secret;
pub(super) mod rename_conversation;
pub(super) mod replay_call;
pub(super) mod request_grant;
pub(super) mod restore_checkpoint;
pub(super) mod revoke_binding;
pub(super) mod revoke_key;
pub(super) mod save_checkpoint;
pub(super) mod search_audit;
pub(super) mod set_ceiling;
pub(super) mod set_secret;
pub(super) mod set_up;
pub(super) mod show_checkpoint;
pub(super) mod show_key;
pub(super) mod sign_in;
pub(super) mod sign_out;
pub(super) mod switch_branch;
pub(super) mod verify_audit;

use alcove_core::ids::{ApiKeyId, ConversationId};

use crate::accounts::{AccountError, Principal};
use crate::app::App;
use crate::assets::AssetError;
use crate::gateway::error::ApiError;
use crate::secrets::SecretsError;
use crate::store::log::LogError;
use crate::tools::ToolsError;
use crate::workspaces::{Place, WorkspaceError};

/// The branch of the caller's conversation that last grew.
async fn place(
    app: &App,
    principal: &Principal,
    conversation: ConversationId,
) -> Result<Place, ApiError> {
    let view = app.log.conversation(principal, conversation).await?;
    Ok(Place {
        conversation,
        branch: view.branch.id,
    })
}

/// Runs what touches the disk where it may block.
async fn blocking<T: Send + 'static, E: Into<ApiError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(ApiError::internal)?.map_err(Into::into)
}

impl From<WorkspaceError> for ApiError {
    fn from(error: WorkspaceError) -> ApiError {
        let message = error.to_string();
        match error {
            WorkspaceError::NotFound(_) => ApiError::NotFound(message),
            WorkspaceError::Path(_) => ApiError::invalid("path", message),
            WorkspaceError::Full => ApiError::Conflict(message),
            WorkspaceError::Disk { .. } => ApiError::internal(error),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> ApiError {
        let message = error.to_string();
        let at_fault = |param: &str| ApiError::Unprocessable {
            param: Some(param.to_owned()),
            message: message.clone(),
        };
        match error {
            AccountError::SetupToken => at_fault("token"),
            AccountError::Username => at_fault("username"),
            AccountError::Password => at_fault("password"),
            AccountError::KeyName => at_fault("name"),
            AccountError::KeyLifetime => at_fault("expires_in_days"),
            AccountError::KeyPolicy { .. }
            | AccountError::KeyPolicyTwice { .. }
            | AccountError::KeyPoliciesTooMany => at_fault("within"),
            AccountError::UsernameTaken | AccountError::TooManyKeys { .. } => {
                ApiError::Conflict(message)
            }
            AccountError::NoSuchKey => ApiError::NotFound(message),
            other => ApiError::internal(other),
        }
    }
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> ApiError {
        let message = error.to_string();
        match error {
            LogError::NotFound { .. } => ApiError::NotFound(message),
            LogError::Running(_) | LogError::BranchMoved => ApiError::Conflict(message),
            LogError::Cursor => ApiError::invalid("cursor", message),
            LogError::TooLong { .. } => ApiError::Unprocessable {
                param: None,
                message,
            },
            other => ApiError::internal(other),
        }
    }
}

impl From<AssetError> for ApiError {
    fn from(error: AssetError) -> ApiError {
        ApiError::internal(error)
    }
}

impl From<ToolsError> for ApiError {
    fn from(error: ToolsError) -> ApiError {
        let message = error.to_string();
        match error {
            ToolsError::NotFound { .. } => ApiError::NotFound(message),
            ToolsError::Invalid { param, .. } => ApiError::Unprocessable {
                param: Some(param.to_owned()),
                message,
            },
            ToolsError::Conflict { .. } => ApiError::Conflict(message),
            ToolsError::Install(_) => ApiError::Unprocessable {
                param: Some("path".to_owned()),
                message,
            },
            other => ApiError::internal(other),
        }
    }
}

impl From<SecretsError> for ApiError {
    fn from(error: SecretsError) -> ApiError {
        let message = error.to_string();
        let at_fault = |param: &str| ApiError::Unprocessable {
            param: Some(param.to_owned()),
            message: message.clone(),
        };
        match error {
            SecretsError::Name => at_fault("name"),
            SecretsError::Value(_) => at_fault("value"),
            SecretsError::TooMany { .. } => ApiError::Conflict(message),
            SecretsError::NotFound { .. } => ApiError::NotFound(message),
            SecretsError::NotAdmin => ApiError::NotAdmin,
            other => ApiError::internal(other),
        }
    }
}

/// An id that does not parse can't exist: it is as unknown as any other.
fn conversation_id(text: &str) -> Result<ConversationId, ApiError> {
    let shown = || text.chars().take(64).collect::<String>();
    text.parse()
        .map_err(|_| ApiError::NotFound(format!("there is no conversation {}", shown())))
}

/// The same for a key's.
fn key_id(text: &str) -> Result<ApiKeyId, ApiError> {
    let shown = || text.chars().take(64).collect::<String>();
    text.parse()
        .map_err(|_| ApiError::NotFound(format!("there is no key {}", shown())))
}
