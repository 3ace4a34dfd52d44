//! The states and the steps between them.

use serde_json::Value;

use super::{Choice, TurnAction, TurnEnd, TurnEvent, TurnLimits};
use crate::{
    context::Window,
    prompt::{self, CallForm, CopyRule, Exchange, ToolSpec},
};

/// One turn.
#[derive(Debug, Clone)]
pub struct Turn {
    pub(super) window: Window,
    pub(super) tools: Vec<ToolSpec>,
    pub(super) choice: Choice,
    pub(super) limits: TurnLimits,
    pub(super) state: State,
    /// Calls of this turn with their results, as the model reads them.
    pub(super) exchanges: Vec<Exchange>,
    /// Calls that were to run, to recognise a repeated one.
    pub(super) ran: Vec<(String, Value)>,
    /// Calls that were written.
    pub(super) calls: u32,
    /// Whether one more was wanted than may be.
    pub(super) wanted_more: bool,
    /// Whether a call was written anew.
    pub(super) corrected: bool,
    pub(super) written_tokens: u32,
    pub(super) result_tokens: u32,
    answer: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    New,
    /// `left` are the tools that are decided about once this is none of them.
    Deciding {
        options: Vec<String>,
        left: Vec<usize>,
    },
    /// Whether the tool does what is asked for at all.
    Checking {
        tool: usize,
    },
    Writing {
        tool: usize,
        form: CallForm,
    },
    Running {
        tool: usize,
        calls: Vec<Value>,
    },
    Answering,
    Ended,
}

impl Turn {
    /// A turn over a planned window. A forced tool must be one of `tools`; otherwise the first
    /// event ends the turn with an error.
    pub fn new(window: Window, tools: Vec<ToolSpec>, choice: Choice, limits: TurnLimits) -> Turn {
        Turn {
            window,
            tools,
            choice,
            limits,
            state: State::New,
            exchanges: Vec::new(),
            ran: Vec::new(),
            calls: 0,
            wanted_more: false,
            corrected: false,
            written_tokens: 0,
            result_tokens: 0,
            answer: String::new(),
        }
    }

    /// The answer so far.
    pub fn answer(&self) -> &str {
        &self.answer
    }

    /// Whether the turn is over.
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Takes an event and says what to do. After the end, nothing. An event that has no place in
    /// the state is a fault of the driver and ends the turn as such.
    pub fn handle(&mut self, event: TurnEvent) -> Vec<TurnAction> {
        match (std::mem::replace(&mut self.state, State::Ended), event) {
            (State::Ended, _) => Vec::new(),
            (_, TurnEvent::StopRequested) => self.end(TurnEnd::Cancelled),
            (_, TurnEvent::Failed { code, message }) => self.end(TurnEnd::Failed { code, message }),
            (State::New, TurnEvent::Started) => self.begin(),
            (State::Deciding { options, left }, TurnEvent::Decided { name }) => {
                self.decided(&options, &left, &name)
            }
            (State::Checking { tool }, TurnEvent::Decided { name }) => self.checked(tool, &name),
            (
                State::Writing { tool, form },
                TurnEvent::CallWritten {
                    text,
                    whole,
                    tokens,
                },
            ) => {
                self.written_tokens = self.written_tokens.saturating_add(tokens);
                self.call_written(tool, &form, &text, whole)
            }
            (State::Running { tool, calls }, TurnEvent::ToolsEnded { results })
                if results.len() == calls.len() =>
            {
                self.tools_ended(tool, calls, results)
            }
            (State::Answering, TurnEvent::TextDelta { text }) => {
                self.answer.push_str(&text);
                self.state = State::Answering;
                Vec::new()
            }
            (State::Answering, TurnEvent::AnswerEnded { whole, tokens }) => {
                self.written_tokens = self.written_tokens.saturating_add(tokens);
                self.end(match (whole, self.wanted_more) {
                    (false, _) => TurnEnd::OutOfTokens,
                    (true, true) => TurnEnd::OutOfCalls,
                    (true, false) => TurnEnd::Completed,
                })
            }
            (state, event) => self.fault(&state, &event),
        }
    }

    fn begin(&mut self) -> Vec<TurnAction> {
        match &self.choice {
            Choice::None => self.write_answer(),
            Choice::Auto if self.limits.calls == 0 => self.write_answer(),
            Choice::Tool(_) | Choice::Required if self.limits.calls == 0 => {
                self.no_tool("no tool may be called here (`limits.tool_calls`)".to_owned())
            }
            Choice::Tool(name) => match self.position(name) {
                Some(tool) => self.write_call(tool),
                None => self.no_tool(format!("no tool called `{name}` is offered")),
            },
            Choice::Required if self.tools.is_empty() => {
                self.no_tool("no tool is offered".to_owned())
            }
            Choice::Required => self.decide(false),
            Choice::Auto => self.decide(true),
        }
    }

    pub(super) fn write_answer(&mut self) -> Vec<TurnAction> {
        let max_tokens = self.tokens_left();
        if max_tokens == 0 {
            return self.end(TurnEnd::OutOfTokens);
        }
        let prompt = prompt::answer(&self.window.conversation, &self.exchanges);
        let printed = self
            .exchanges
            .iter()
            .map(|exchange| exchange.result.text.as_str());
        let called = self.exchanges.iter().map(|exchange| exchange.call.as_str());
        let copy = CopyRule::new(
            self.window
                .printed
                .iter()
                .map(String::as_str)
                .chain(printed),
            self.window.written.iter().map(String::as_str).chain(called),
        );
        self.state = State::Answering;
        vec![TurnAction::Answer {
            prompt,
            max_tokens,
            copy,
        }]
    }

    pub(super) fn tokens_left(&self) -> u32 {
        self.limits
            .output_tokens
            .saturating_sub(self.written_tokens)
    }

    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.tools.iter().position(|tool| tool.name == name)
    }

    pub(super) fn no_tool(&mut self, message: String) -> Vec<TurnAction> {
        self.end(TurnEnd::Failed {
            code: "invalid_request".to_owned(),
            message,
        })
    }

    fn fault(&mut self, state: &State, event: &TurnEvent) -> Vec<TurnAction> {
        let message = format!("the turn can't take {event:?} in {state:?}");
        self.end(TurnEnd::Failed {
            code: "server_error".to_owned(),
            message,
        })
    }

    pub(super) fn end(&mut self, end: TurnEnd) -> Vec<TurnAction> {
        self.state = State::Ended;
        vec![TurnAction::Finish(end)]
    }
}
