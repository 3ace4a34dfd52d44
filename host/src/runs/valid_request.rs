//! The wire request, parsed once into a type that can be run.

use alcove_api_types::{
    CreateResponse, Input, InputContent, InputItem, InputPart, Role, ServerTools, ToolChoice,
    ToolChoiceMode, UseCheckpoint,
};
use alcove_core::{
    ids::{ConversationId, ResponseId},
    route::Specialist,
    turn::Choice,
};

use super::InvalidRequest;
use crate::checkpoints::{Reference, checked_name};
use crate::store::wire;

/// Most bytes of text in one request.
pub const MAX_INPUT_BYTES: usize = 1024 * 1024;
/// Most messages in one request.
pub const MAX_INPUT_MESSAGES: usize = 512;
/// Most bytes of `metadata` as JSON.
pub const MAX_METADATA_BYTES: usize = 16 * 1024;
/// Tokens of a response where the request does not say.
pub const DEFAULT_OUTPUT_TOKENS: u32 = 2048;

/// A request that can be run: every field is checked, none is ignored.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidRequest {
    /// Which model; the server's where absent.
    pub model: Option<String>,
    /// What is said, oldest first; the last is the person's.
    pub messages: Vec<InputMessage>,
    /// A system prompt in place of the server's.
    pub instructions: Option<String>,
    /// Whether the client wants events.
    pub stream: bool,
    /// Whether the client wants an answer at once.
    pub background: bool,
    /// Whether anything but usage and audit is kept.
    pub store: bool,
    /// Where the run belongs.
    pub target: Target,
    /// The hard constraint on tools.
    pub tool_choice: Choice,
    /// Which of the server's tools are offered.
    pub server_tools: ToolFilter,
    /// Who answers, whatever the words of the message ask for.
    pub specialist: Option<Specialist>,
    /// The checkpoint to go on from.
    pub load: Option<Reference>,
    /// The name to save one under at the end.
    pub save: Option<String>,
    /// Whether there is a person to ask. What the request says counts; the gateway decides where
    /// it says nothing.
    pub asks: bool,
    /// Sampling temperature; greedy where absent or 0.
    pub temperature: Option<f32>,
    /// Nucleus sampling.
    pub top_p: f32,
    /// Seed of the sampler.
    pub seed: Option<u64>,
    /// At most this many tokens for the whole response; the server's own limit holds too.
    pub max_output_tokens: u32,
    /// The client's own notes, echoed.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// BLAKE3 of the whole request: what an idempotency key is bound to.
    pub fingerprint: [u8; 32],
}

/// One message of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputMessage {
    /// Who speaks; `developer` became `system`.
    pub role: Role,
    /// What is said.
    pub text: String,
}

/// Where a run belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A new conversation, or none with `store: false`.
    New,
    /// The newest branch of this conversation.
    Conversation(ConversationId),
    /// The branch whose head is this response.
    After(ResponseId),
}

/// Which of the server's tools are offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolFilter {
    /// All that are granted.
    All,
    /// None.
    None,
    /// Those of these that are granted.
    Named(Vec<String>),
}

impl ToolFilter {
    /// Whether the tool of that name is offered.
    pub fn admits(&self, name: &str) -> bool {
        match self {
            ToolFilter::All => true,
            ToolFilter::None => false,
            ToolFilter::Named(names) => names.iter().any(|named| named == name),
        }
    }
}

impl ValidRequest {
    /// Checks every field of the wire request.
    pub fn parse(request: CreateResponse) -> Result<ValidRequest, InvalidRequest> {
        let fingerprint = fingerprint(&request);
        // Destructured whole, so that a new field can't be forgotten.
        let CreateResponse {
            model,
            input,
            instructions,
            stream,
            background,
            store,
            conversation,
            previous_response_id,
            tool_choice,
            server_tools,
            specialist,
            checkpoint,
            ask,
            temperature,
            top_p,
            seed,
            max_output_tokens,
            tools,
            metadata,
        } = request;
        let store = store.unwrap_or(true);
        if !tools.is_empty() {
            return Err(InvalidRequest::new(
                "tools",
                "tools of the client are not supported yet: leave `tools` out; the server's own \
                 tools are chosen with `alcove:server_tools`",
            ));
        }
        let server_tools = match server_tools {
            None | Some(ServerTools::All(true)) => ToolFilter::All,
            Some(ServerTools::All(false)) => ToolFilter::None,
            Some(ServerTools::Named(names)) => ToolFilter::Named(names),
        };
        let tool_choice = parse_choice(tool_choice, &server_tools)?;
        let target = parse_target(
            store,
            conversation.as_ref().map(|c| c.id()),
            previous_response_id.as_deref(),
        )?;
        let (load, save) = parse_checkpoint(checkpoint.unwrap_or_default(), store, target)?;
        let temperature = match temperature {
            Some(value) if !(0.0..=2.0).contains(&value) => {
                return Err(InvalidRequest::new(
                    "temperature",
                    "`temperature` is from 0 to 2",
                ));
            }
            Some(value) if value > 0.0 => Some(value),
            _ => None,
        };
        let top_p = top_p.unwrap_or(1.0);
        if !(top_p > 0.0 && top_p <= 1.0) {
            return Err(InvalidRequest::new(
                "top_p",
                "`top_p` is above 0 and at most 1",
            ));
        }
        if max_output_tokens == Some(0) {
            return Err(InvalidRequest::new(
                "max_output_tokens",
                "`max_output_tokens` is at least 1",
            ));
        }
        let metadata = metadata.unwrap_or_default();
        let metadata_bytes = serde_json::to_vec(&metadata).map_or(usize::MAX, |text| text.len());
        if metadata_bytes > MAX_METADATA_BYTES {
            return Err(InvalidRequest::new(
                "metadata",
                format!("`metadata` has {metadata_bytes} bytes; {MAX_METADATA_BYTES} are allowed"),
            ));
        }
        Ok(ValidRequest {
            model,
            messages: parse_input(input)?,
            instructions: instructions.filter(|text| !text.trim().is_empty()),
            stream,
            background,
            store,
            target,
            tool_choice,
            server_tools,
            specialist: specialist.map(wire::specialist),
            load,
            save,
            asks: ask.unwrap_or(false),
            temperature,
            top_p,
            seed,
            max_output_tokens: max_output_tokens.unwrap_or(DEFAULT_OUTPUT_TOKENS),
            metadata,
            fingerprint,
        })
    }
}

/// The request as one JSON text, hashed. How the answer travels (`stream`, `background`) is no
/// part of what is asked, so a retry may ask for it the other way.
fn fingerprint(request: &CreateResponse) -> [u8; 32] {
    let asked = CreateResponse {
        stream: false,
        background: false,
        ..request.clone()
    };
    // Serialising plain data with string keys can't fail; an empty text would only make two
    // requests look alike that both failed in the same way.
    let text = serde_json::to_vec(&asked).unwrap_or_default();
    *blake3::hash(&text).as_bytes()
}

fn parse_choice(choice: Option<ToolChoice>, filter: &ToolFilter) -> Result<Choice, InvalidRequest> {
    let choice = match choice {
        None | Some(ToolChoice::Mode(ToolChoiceMode::Auto)) => Choice::Auto,
        Some(ToolChoice::Mode(ToolChoiceMode::None)) => Choice::None,
        Some(ToolChoice::Mode(ToolChoiceMode::Required)) => Choice::Required,
        Some(ToolChoice::Function { kind, name }) if kind == "function" => Choice::Tool(name),
        Some(ToolChoice::Function { .. }) => {
            return Err(InvalidRequest::new(
                "tool_choice",
                "an object in `tool_choice` has the type `function`",
            ));
        }
    };
    let contradicted = match &choice {
        Choice::Required => *filter == ToolFilter::None,
        Choice::Tool(name) => !filter.admits(name),
        Choice::Auto | Choice::None => false,
    };
    if contradicted {
        return Err(InvalidRequest::new(
            "tool_choice",
            "`tool_choice` asks for a tool that `alcove:server_tools` leaves out",
        ));
    }
    Ok(choice)
}

fn parse_checkpoint(
    checkpoint: UseCheckpoint,
    store: bool,
    target: Target,
) -> Result<(Option<Reference>, Option<String>), InvalidRequest> {
    let UseCheckpoint { load, save } = checkpoint;
    let invalid = |message: String| InvalidRequest::new("alcove:checkpoint", message);
    let load = load.as_deref().map(Reference::parse).transpose();
    let load = load.map_err(|error| invalid(error.to_string()))?;
    let save = save.as_deref().map(checked_name).transpose();
    let save = save.map_err(|error| invalid(error.to_string()))?;
    if !store && (load.is_some() || save.is_some()) {
        let message = "with `store: false` there is no conversation to load or save";
        return Err(invalid(message.to_owned()));
    }
    match (&load, target) {
        (Some(_), Target::After(_)) => {
            let message =
                "a loaded checkpoint says where to go on: leave `previous_response_id` out";
            Err(invalid(message.to_owned()))
        }
        (Some(Reference::Name(_)), Target::New) => {
            let message = "a checkpoint's name is one of a conversation's: give `conversation`, or the checkpoint's id";
            Err(invalid(message.to_owned()))
        }
        _ => Ok((load, save)),
    }
}

fn parse_target(
    store: bool,
    conversation: Option<&str>,
    previous: Option<&str>,
) -> Result<Target, InvalidRequest> {
    let named = match (conversation, previous) {
        (None, None) => return Ok(Target::New),
        (Some(_), Some(_)) => {
            return Err(InvalidRequest::new(
                "previous_response_id",
                "give either `conversation` or `previous_response_id`, not both: the response \
                 knows its conversation",
            ));
        }
        (Some(_), None) => "conversation",
        (None, Some(_)) => "previous_response_id",
    };
    if !store {
        return Err(InvalidRequest::new(
            named,
            format!("with `store: false` there is no conversation: leave `{named}` out"),
        ));
    }
    // An id that is not one gets the answer of an unknown one.
    match (conversation, previous) {
        (Some(id), _) => id.parse().map(Target::Conversation).map_err(|_| {
            InvalidRequest::new("conversation", format!("there is no conversation {id:?}"))
        }),
        (_, Some(id)) => id.parse().map(Target::After).map_err(|_| {
            InvalidRequest::new(
                "previous_response_id",
                format!("there is no response {id:?}"),
            )
        }),
        (None, None) => Ok(Target::New),
    }
}

fn parse_input(input: Input) -> Result<Vec<InputMessage>, InvalidRequest> {
    let messages: Vec<InputMessage> = match input {
        Input::Text(text) => vec![InputMessage {
            role: Role::User,
            text,
        }],
        Input::Items(items) => items
            .into_iter()
            .map(parse_item)
            .collect::<Result<_, _>>()?,
    };
    if messages.len() > MAX_INPUT_MESSAGES {
        return Err(InvalidRequest::new(
            "input",
            format!(
                "`input` has {} messages; {MAX_INPUT_MESSAGES} are allowed",
                messages.len()
            ),
        ));
    }
    let bytes: usize = messages.iter().map(|message| message.text.len()).sum();
    if bytes > MAX_INPUT_BYTES {
        return Err(InvalidRequest::new(
            "input",
            format!("`input` has {bytes} bytes; {MAX_INPUT_BYTES} are allowed"),
        ));
    }
    match messages.last() {
        None => Err(InvalidRequest::new(
            "input",
            "`input` is empty: say something",
        )),
        Some(last) if last.role != Role::User => Err(InvalidRequest::new(
            "input",
            "the last message of `input` is the user's",
        )),
        Some(last) if last.text.trim().is_empty() => Err(InvalidRequest::new(
            "input",
            "`input` is empty: say something",
        )),
        Some(_) => Ok(messages),
    }
}

fn parse_item(item: InputItem) -> Result<InputMessage, InvalidRequest> {
    if let Some(kind) = item.kind.as_deref()
        && kind != "message"
    {
        return Err(InvalidRequest::new(
            "input",
            format!("items of type {kind:?} are not supported in `input`; `message` is"),
        ));
    }
    let text = match item.content {
        InputContent::Text(text) => text,
        InputContent::Parts(parts) => parts
            .into_iter()
            .map(|part| match part {
                InputPart::InputText { text } | InputPart::OutputText { text } => text,
            })
            .collect::<Vec<_>>()
            .join("\n"),
    };
    let role = match item.role {
        Role::Developer => Role::System,
        role => role,
    };
    Ok(InputMessage { role, text })
}

/// A client's name for a request that it may send twice: 1 to 255 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Checks the header's value.
    pub fn parse(text: &str) -> Result<IdempotencyKey, InvalidRequest> {
        let fine = (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fine {
            Ok(IdempotencyKey(text.to_owned()))
        } else {
            Err(InvalidRequest::new(
                "Idempotency-Key",
                "an Idempotency-Key has 1 to 255 visible ASCII characters",
            ))
        }
    }

    /// The key as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
