//! Beginning a run: everything that can be refused is refused before anything is stored.

use std::{hash::BuildHasher, sync::Arc};

use alcove_api_types::{ConversationRef, EventBody, Response, ResponseStatus, Role};
use alcove_core::{
    context::{self, Budget, ContextError, Window},
    ids::{BranchId, ItemId, ResponseId},
    item::{Item, ItemStatus, Payload},
    prompt,
    turn::{Choice, Turn, TurnLimits},
};
use alcove_runtime::Sampling;
use jiff::Timestamp;
use serde_json::json;

use super::{
    Found, IdempotencyKey, InvalidRequest, Run, Runs, StartError, ValidRequest,
    before::unknown_response,
    execute::{Execution, Waiting},
    history::{self, Said},
    load::Loaded,
    quota::{self, Purse},
    registry::Entry,
    work_time::WorkTime,
};
use crate::{
    accounts::Principal,
    inference::{Model, Tokens},
    ledger::LedgerError,
    store::{
        log::{Begin, Begun, Idempotency},
        wire,
    },
    tools::OfferedTool,
    workspaces::Place,
};

/// Where the client's own notes stand in a stored request.
pub(super) const METADATA: &str = "metadata";
/// And where which of many tools were offered.
pub(super) const TOOLS_OFFERED: &str = "tools_offered";
/// And which checkpoint it went on from.
pub(super) const CHECKPOINT: &str = "checkpoint";
/// And who answers.
pub(super) const ROUTE: &str = "route";
/// Most characters of a title that is made from a message.
const TITLE_CHARS: usize = 60;

impl Runs {
    /// Begins a run and returns at once. The same key with the same request gives the same run.
    pub async fn start(
        &self,
        principal: &Principal,
        request: ValidRequest,
        key: Option<IdempotencyKey>,
    ) -> Result<Run, StartError> {
        let inner = &self.inner;
        let lock = std::hash::BuildHasherDefault::<std::hash::DefaultHasher>::default()
            .hash_one(principal.user) as usize
            % inner.starting.len();
        let _one_at_a_time = inner.starting[lock].lock().await;

        inner.registry.sweep(inner.limits.retention);
        if let Some(key) = &key
            && let Some((run, fingerprint)) = inner.registry.by_key(principal.user, key)
        {
            return if fingerprint == request.fingerprint {
                Ok(run)
            } else {
                Err(StartError::IdempotencyMismatch)
            };
        }
        if inner.closing.is_cancelled() {
            return Err(StartError::ShuttingDown);
        }
        inner.registry.admit(principal.user, &inner.limits)?;
        inner.warming.cancel();
        let (request, loaded) = self.load(principal, request).await?;
        match self
            .start_at(principal, request, key, loaded.as_ref())
            .await
        {
            Err(error) => {
                // Nothing of a run that did not start is kept.
                self.unload(principal, loaded).await;
                Err(error)
            }
            started => started,
        }
    }

    async fn start_at(
        &self,
        principal: &Principal,
        request: ValidRequest,
        key: Option<IdempotencyKey>,
        loaded: Option<&Loaded>,
    ) -> Result<Run, StartError> {
        let inner = &self.inner;
        let tools = self.tools(principal, &request).await?;
        let before = self.before(principal, &request).await?;
        let (route, model) = self.route(&request, &before.items).await?;
        let tools = self
            .with_files(tools, &request.tool_choice, before.place, &before.items)
            .await;
        let (tools, tools_offered) = self.preselect(tools, &request, &before.items).await;
        if let Some(place) = before.place.filter(|_| !before.forks)
            && let Some(running) = inner.registry.running_on(place.branch)
        {
            return Err(StartError::Busy { running });
        }

        let now = Timestamp::now();
        let input: Vec<(ItemId, Payload)> = request.messages.iter().map(input_item).collect();
        let output_tokens = request.max_output_tokens.min(inner.limits.output_tokens);
        let window = plan(
            &*model,
            &request,
            &tools,
            &before.items,
            &input,
            now,
            output_tokens,
        )?;
        let prior = history::prior_calls(&inner.log, principal, &before.items, &tools)
            .await
            .map_err(|error| StartError::Internal(Arc::new(error)))?;

        // What nobody may pay for is not begun; what is begun has at least its first answer.
        let first = window.plan.tokens.saturating_add(output_tokens);
        let tokens = quota::reserve(&inner.ledger, principal, u64::from(first))
            .await
            .map_err(|error| match error {
                LedgerError::Exceeded(exceeded) => StartError::Quota(exceeded),
                error => StartError::Internal(Arc::new(error)),
            })?;

        let fork = BranchId::generate();
        if let Some(from) = before.place.filter(|_| before.forks) {
            self.fork_files(from, fork).await?;
        }
        let flow = history::flow(&before.items, &request);
        let id = ResponseId::generate();
        let checkpoint = loaded.map(Loaded::to_wire);
        let echo = json!({
            METADATA: request.metadata,
            "instructions": request.instructions,
            "max_output_tokens": output_tokens,
            "temperature": request.temperature,
            ROUTE: route,
            "window": window.plan,
            TOOLS_OFFERED: tools_offered,
            CHECKPOINT: checkpoint,
        });
        let begin = Begin {
            response: id,
            target: before.target,
            fork,
            input,
            model: model.id().to_owned(),
            request: echo,
            title: title(&window.question),
            idempotency: key.as_ref().map(|key| Idempotency {
                key: key.as_str().to_owned(),
                request_hash: request.fingerprint,
            }),
        };
        let (place, previous) = match inner.log.begin(principal, begin).await {
            Ok(Begun::Started {
                conversation,
                branch,
                previous,
                ..
            }) => {
                let place = conversation.zip(branch);
                (
                    place.map(|(conversation, branch)| Place {
                        conversation,
                        branch,
                    }),
                    previous,
                )
            }
            Ok(Begun::Existing(earlier)) => return self.earlier(principal, earlier).await,
            Err(error) => return Err(self.refused(error, &request)),
        };

        let response = Response {
            id: id.to_string(),
            object: "response".to_owned(),
            created_at: now.as_second(),
            status: ResponseStatus::Queued,
            model: model.id().to_owned(),
            output: Vec::new(),
            error: None,
            incomplete_details: None,
            usage: None,
            conversation: place.map(|place| ConversationRef::Object {
                id: place.conversation.to_string(),
            }),
            previous_response_id: previous.map(|id| id.to_string()),
            metadata: request.metadata.clone(),
            tools_offered,
            route: Some(wire::route(route)),
            checkpoint,
        };
        let conversation = place.map(|place| place.conversation);
        let run = Run::new(id, principal.user, conversation, response);
        run.emit_with(|response| EventBody::Created {
            response: response.clone(),
        });
        inner.registry.insert(Entry {
            run: run.clone(),
            branch: place.map(|place| place.branch),
            key: key.map(|key| (key, request.fingerprint)),
        });
        let specs = tools.iter().map(history::spec).collect();
        let limits = TurnLimits {
            calls: inner.limits.tool_calls,
            output_tokens,
            call_tokens: TurnLimits::CALL_TOKENS,
            result_tokens: window.plan.budget.results,
        };
        let turn = Turn::new(window, specs, request.tool_choice.clone(), limits);
        let mut execution = Execution::new(
            run.clone(),
            principal.clone(),
            place,
            turn,
            model,
            tools,
            prior,
            flow,
            sampling(&request),
            inner.log.clone(),
            Arc::clone(&inner.toolbox),
            Purse::new(inner.ledger.clone(), tokens),
            Waiting {
                asks: request.asks,
                approval_wait: inner.limits.approval_wait,
                closing: inner.closing.clone(),
                work_time: WorkTime::new(Arc::clone(&inner.active), inner.limits.turn_time),
                tasks: inner.tasks.clone(),
            },
        );
        let moments = Arc::clone(&inner.moments);
        execution.save_as = request.save.clone().map(|name| (moments, name));
        inner.tasks.spawn(execution.run());
        Ok(run)
    }

    /// The new branch's own files, before it is there.
    async fn fork_files(&self, from: Place, to: BranchId) -> Result<(), StartError> {
        let forked = self.inner.toolbox.fork_files(from, to).await;
        forked.map_err(StartError::Internal)
    }

    /// The tools of this turn: granted, and admitted by the request.
    async fn tools(
        &self,
        principal: &Principal,
        request: &ValidRequest,
    ) -> Result<Vec<OfferedTool>, StartError> {
        if request.tool_choice == Choice::None || request.server_tools == super::ToolFilter::None {
            return Ok(Vec::new());
        }
        let mut tools = self
            .inner
            .toolbox
            .offered(principal)
            .await
            .map_err(StartError::Internal)?;
        let granted: Vec<String> = tools
            .iter()
            .map(|tool| tool.manifest.name.clone())
            .collect();
        let offered = || match granted.as_slice() {
            [] => "none is granted to you".to_owned(),
            names => format!("granted to you: {}", names.join(", ")),
        };
        if let super::ToolFilter::Named(names) = &request.server_tools
            && let Some(unknown) = names.iter().find(|name| !granted.contains(name))
        {
            let message = format!("there is no tool {unknown:?} for you; {}", offered());
            return Err(InvalidRequest::new("alcove:server_tools", message).into());
        }
        tools.retain(|tool| {
            // A tool of that name could not be told from no tool in a decision.
            let name = tool.manifest.name.as_str();
            name != prompt::NONE && request.server_tools.admits(name)
        });
        let missing = match &request.tool_choice {
            Choice::Required if tools.is_empty() => Some("there is no tool for you".to_owned()),
            Choice::Tool(name) if !tools.iter().any(|tool| tool.manifest.name == *name) => {
                Some(format!("there is no tool {name:?} for you"))
            }
            _ => None,
        };
        match missing {
            Some(message) => {
                let message = format!("{message}; {}", offered());
                Err(InvalidRequest::new("tool_choice", message).into())
            }
            None => Ok(tools),
        }
    }

    /// The run of an earlier request with the same key.
    async fn earlier(&self, principal: &Principal, id: ResponseId) -> Result<Run, StartError> {
        match self.find(principal, id).await {
            Ok(Found::Run(run)) => Ok(run),
            Ok(Found::Finished(response)) => {
                Ok(Run::finished_earlier(id, principal.user, *response))
            }
            Err(super::FindError::NotFound(_)) => Err(unknown_response(id)),
            Err(super::FindError::Internal(error)) => Err(StartError::Internal(error)),
        }
    }
}

fn plan(
    model: &dyn Model,
    request: &ValidRequest,
    tools: &[OfferedTool],
    items: &[Item],
    input: &[(ItemId, Payload)],
    now: Timestamp,
    output_tokens: u32,
) -> Result<Window, StartError> {
    let said: Vec<Said<'_>> = request
        .messages
        .iter()
        .zip(input)
        .map(|(message, (id, _))| Said {
            item: request.store.then_some(*id),
            role: message.role,
            text: &message.text,
            at_ms: now.as_millisecond(),
        })
        .collect();
    let (begun_with, entries) = history::entries(items, &said, tools);
    let instructions = request.instructions.as_deref().or(begun_with.as_deref());
    let specs: Vec<_> = tools.iter().map(history::spec).collect();
    let system = prompt::system(instructions, &specs);
    let budget = Budget::new(model.context_tokens(), output_tokens, !tools.is_empty());
    context::plan(&Tokens(model), &system, &entries, budget).map_err(|error| match error {
        ContextError::TooLong { tokens, available } => StartError::TooLong {
            tokens,
            available,
            context: budget.context,
        },
        ContextError::NoQuestion => {
            InvalidRequest::new("input", "`input` is empty: say something").into()
        }
    })
}

fn input_item(message: &super::InputMessage) -> (ItemId, Payload) {
    let role = match message.role {
        Role::User => alcove_core::item::Role::User,
        Role::Assistant => alcove_core::item::Role::Assistant,
        Role::System => alcove_core::item::Role::System,
        Role::Developer => alcove_core::item::Role::Developer,
    };
    let payload = Payload::Message {
        role,
        text: message.text.clone(),
        status: ItemStatus::Completed,
        citations: Vec::new(),
    };
    (ItemId::generate(), payload)
}

fn sampling(request: &ValidRequest) -> Sampling {
    match request.temperature {
        None => Sampling::Greedy,
        Some(temperature) => Sampling::TopP {
            temperature,
            top_p: request.top_p,
            seed: request.seed.unwrap_or_else(rand::random),
        },
    }
}

/// The first words of a message, up to a whole word.
fn title(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TITLE_CHARS {
        return line;
    }
    let head: String = line.chars().take(TITLE_CHARS).collect();
    let whole = head
        .rfind(' ')
        .filter(|end| *end > 0)
        .map_or(head.as_str(), |end| &head[..end]);
    format!("{whole}…")
}

#[cfg(test)]
mod tests {
    use super::title;

    #[test]
    fn a_title_is_the_first_words() {
        assert_eq!(title("  What is\n 2**200 + 7? "), "What is 2**200 + 7?");
        let long = title(&"word ".repeat(40));
        assert!(
            long.chars().count() <= 61 && long.ends_with("word…"),
            "{long}"
        );
        assert_eq!(title(&"x".repeat(100)), format!("{}…", "x".repeat(60)));
    }
}
