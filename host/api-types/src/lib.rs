//! Wire types that host, CLI and web client share: serde only, builds for wasm32.
//!
//! `/v1/*` follows Open Responses and OpenAI; what is our own carries the prefix `alcove:`.
//! `/api/*` is ours alone. Times are seconds since the Unix epoch where OpenAI has them so, and
//! milliseconds (`*_ms`) in everything that is ours.

mod accounts;
mod approvals;
mod audit;
mod calls;
mod chat_completions;
mod checkpoints;
mod conversations;
mod embeddings;
mod events;
mod items;
mod models;
mod passages;
mod plugins;
mod policy;
mod problem;
mod quota;
mod readiness;
mod responses;
mod secrets;

pub use accounts::{
    ApiKey, CreateApiKey, CreatedApiKey, KeyPolicy, Me, Principals, SetUp, ShownApiKey, SignIn,
};
pub use approvals::{
    Answer, AnswerKind, Answered, ApprovalQuestion, Awaiting, Choice, InputQuestion, WaitingCall,
};
pub use audit::{AuditChain, AuditEntry, AuditGap, AuditPage};
pub use calls::{CallDivergence, CallReceipt, CallReplay, HostCall};
pub use chat_completions::{
    ChatChoice, ChatChunk, ChatChunkChoice, ChatCompletion, ChatCompletionRequest, ChatContent,
    ChatContentPart, ChatDelta, ChatMessage, ChatUsage, StreamOptions,
};
pub use checkpoints::{
    Branch, Checkpoint, CheckpointDifference, Drift, Fidelity, LoadedCheckpoint,
    RestoredCheckpoint, SaveCheckpoint, ShownCheckpoint, ShownMessage, SwitchBranch, UseCheckpoint,
    UsedCheckpoint,
};
pub use conversations::{
    Conversation, ConversationPage, ConversationSummary, CreateConversation, Ended,
    RenameConversation, WorkspaceFile, WorkspaceFiles,
};
pub use embeddings::{
    Embedding, EmbeddingList, EmbeddingsInput, EmbeddingsRequest, EmbeddingsUsage, EncodingFormat,
    Vector,
};
pub use events::{EventBody, StreamEvent};
pub use items::{
    Audience, ContentPart, Item, ItemStatus, Label, Message, Role, ToolCall, ToolOutcome, ToolPart,
    ToolUsage,
};
pub use models::{Model, ModelList};
pub use passages::{Annotation, OpenedPassage, Passage, PassageReference, PassageSource};
pub use plugins::{
    AddMcpServer, AddedMcpServer, Badge, BadgeKind, Binding, CreateBinding, DeclineRequest,
    GrantRequest, InstallPlugin, LeftOut, Plugin, PluginTool, RequestGrant, Revoked, Upgrade,
};
pub use policy::{
    Ceiling, Explain, Explanation, InWords, Learned, PolicyRead, ReadPolicy, SetCeiling,
};
pub use problem::{OpenAiError, OpenAiErrorBody, Problem};
pub use quota::{QuotaShare, QuotaShares, QuotaUse};
pub use readiness::{ModelState, Readiness};
pub use responses::{
    ConversationRef, CreateResponse, IncompleteDetails, Input, InputContent, InputItem, InputPart,
    Response, ResponseError, ResponseStatus, Route, ServerTools, Specialist, ToolChoice,
    ToolChoiceMode, ToolsOffered, Usage,
};
pub use secrets::{SecretInfo, SecretScope, SetSecret};
