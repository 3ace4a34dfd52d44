//! The states and the steps between them.

use serde_json::Value;

use super::{Choice, Refusal, TurnAction, TurnEnd, TurnEvent, TurnLimits};
use crate::{
    context::Window,
    prompt::{self, CallForm, CopyRule, Exchange, NONE, ToolSpec},
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
    /// Arguments of the calls that are written and run together once the last of them is.
    pub(super) batch: Vec<Value>,
    /// Why the call after those is not run, where one was written.
    pub(super) dropped: Option<Refusal>,
    /// Calls that were begun.
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
    Deciding {
        options: Vec<String>,
    },
    /// `begun` is what stands before the call in the model's message.
    Writing {
        tool: usize,
        form: CallForm,
        begun: String,
    },
    /// Whether another call of the same tool follows.
    Continuing {
        tool: usize,
        begun: String,
    },
    Running {
        tool: usize,
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
            batch: Vec::new(),
            dropped: None,
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
            (State::Deciding { options }, TurnEvent::Decided { name }) => {
                self.decided(&options, &name)
            }
            (
                State::Writing { tool, form, begun },
                TurnEvent::CallWritten {
                    text,
                    whole,
                    tokens,
                },
            ) => {
                self.written_tokens = self.written_tokens.saturating_add(tokens);
                self.call_written(tool, &form, begun, &text, whole)
            }
            (State::Continuing { tool, begun }, TurnEvent::Decided { name }) => {
                self.continued(tool, begun, &name)
            }
            (State::Running { tool }, TurnEvent::ToolsEnded { results })
                if results.len() == self.batch.len() =>
            {
                self.tools_ended(tool, results)
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

    /// Asks for a decision, or takes it where only one is possible.
    pub(super) fn decide(&mut self, with_none: bool) -> Vec<TurnAction> {
        let mut options = Vec::new();
        if with_none {
            options.push(NONE.to_owned());
        }
        let question = &self.window.question;
        for tool in &self.tools {
            let admitted = match &self.choice {
                Choice::Tool(name) => tool.name == *name,
                Choice::None => false,
                Choice::Auto | Choice::Required => {
                    !self.exchanges.is_empty() || !prompt::comes_later(tool, &self.tools, question)
                }
            };
            if admitted {
                options.push(tool.name.clone());
            }
        }
        if let [only] = options.as_slice() {
            let only = only.clone();
            return self.decided(&options, &only);
        }
        let Window {
            earlier, question, ..
        } = &self.window;
        let prompt = prompt::decision(&self.tools, earlier, question, &self.exchanges);
        self.state = State::Deciding {
            options: options.clone(),
        };
        vec![TurnAction::Decide { prompt, options }]
    }

    fn decided(&mut self, options: &[String], name: &str) -> Vec<TurnAction> {
        if !options.iter().any(|option| option == name) {
            // The grammar admits nothing else, so this is a fault and no opinion of the model.
            return self.end(TurnEnd::Failed {
                code: "model_error".to_owned(),
                message: "the model chose a tool that was not offered".to_owned(),
            });
        }
        match self.position(name) {
            Some(_) if self.calls >= self.limits.calls => {
                self.wanted_more = true;
                self.write_answer()
            }
            Some(tool) => self.write_call(tool),
            None => self.write_answer(),
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

    fn position(&self, name: &str) -> Option<usize> {
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
