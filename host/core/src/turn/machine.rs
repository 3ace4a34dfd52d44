//! The states and the steps between them.

use serde_json::Value;

use super::{Choice, Refusal, TurnAction, TurnEnd, TurnEvent, TurnLimits};
use crate::{
    context::Window,
    prompt::{self, CallForm, CopyRule, Exchange, NONE, ResultText, ToolSpec, call_text},
};

/// One turn.
#[derive(Debug, Clone)]
pub struct Turn {
    window: Window,
    tools: Vec<ToolSpec>,
    choice: Choice,
    limits: TurnLimits,
    state: State,
    /// Calls of this turn with their results, as the model reads them.
    exchanges: Vec<Exchange>,
    /// Calls that ran, to recognise a repeated one.
    ran: Vec<(String, Value)>,
    rounds: u32,
    /// Whether a call was written anew.
    corrected: bool,
    written_tokens: u32,
    result_tokens: u32,
    answer: String,
}

#[derive(Debug, Clone, PartialEq)]
enum State {
    New,
    Deciding { options: Vec<String> },
    Writing { tool: usize, form: CallForm },
    Running { tool: usize, arguments: Value },
    Answering,
    Ended,
}

/// Fewest tokens of a result that are worth reading.
const LEAST_RESULT_TOKENS: u32 = 64;

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
            rounds: 0,
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
            (
                State::Running { tool, arguments },
                TurnEvent::ToolEnded {
                    result,
                    tokens,
                    anew,
                },
            ) => {
                self.result_tokens = self.result_tokens.saturating_add(tokens);
                self.tool_ended(tool, arguments, result, anew)
            }
            (State::Answering, TurnEvent::TextDelta { text }) => {
                self.answer.push_str(&text);
                self.state = State::Answering;
                Vec::new()
            }
            (State::Answering, TurnEvent::AnswerEnded { whole, tokens }) => {
                self.written_tokens = self.written_tokens.saturating_add(tokens);
                self.end(if whole {
                    TurnEnd::Completed
                } else {
                    TurnEnd::OutOfTokens
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
    fn decide(&mut self, with_none: bool) -> Vec<TurnAction> {
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
            Some(tool) => self.write_call(tool),
            None => self.write_answer(),
        }
    }

    fn write_call(&mut self, index: usize) -> Vec<TurnAction> {
        let max_tokens = self.tokens_left().min(self.limits.call_tokens);
        let Some(tool) = self.tools.get(index) else {
            return self.no_tool("no such tool is offered".to_owned());
        };
        if max_tokens == 0 {
            return self.end(TurnEnd::OutOfTokens);
        }
        let form = tool.form();
        let prompt = prompt::call(&self.window.conversation, &self.exchanges, tool);
        let action = TurnAction::WriteCall {
            tool: tool.name.clone(),
            prompt,
            form: form.clone(),
            max_tokens,
        };
        self.rounds += 1;
        self.state = State::Writing { tool: index, form };
        vec![action]
    }

    fn call_written(
        &mut self,
        index: usize,
        form: &CallForm,
        text: &str,
        whole: bool,
    ) -> Vec<TurnAction> {
        let name = self.tools[index].name.clone();
        let arguments = if whole { form.arguments(text) } else { None };
        let Some(arguments) = arguments else {
            let refusal = if whole {
                Refusal::Unreadable
            } else {
                Refusal::TooLong
            };
            return self.refuse(index, text, refusal);
        };
        // `Value` compares objects without regard to the order of keys.
        if self
            .ran
            .iter()
            .any(|(tool, ran)| *tool == name && *ran == arguments)
        {
            let mut actions = vec![TurnAction::RefuseCall {
                refusal: Refusal::Repeated,
            }];
            actions.extend(self.write_answer());
            return actions;
        }
        self.ran.push((name.clone(), arguments.clone()));
        let left = self.limits.result_tokens.saturating_sub(self.result_tokens);
        // Half of what is left, so that a later result finds room too.
        let result_tokens = (left / 2).max(LEAST_RESULT_TOKENS);
        self.state = State::Running {
            tool: index,
            arguments: arguments.clone(),
        };
        vec![TurnAction::RunTool {
            tool: name,
            arguments,
            result_tokens,
        }]
    }

    /// Puts the refusal where the result would stand, so that the answer can speak of it.
    fn refuse(&mut self, index: usize, text: &str, refusal: Refusal) -> Vec<TurnAction> {
        let tool = &self.tools[index];
        let begun = match tool.form() {
            CallForm::Fenced { language, .. } => format!("```{language}\n"),
            CallForm::Json { .. } => prompt::json_opening(&tool.name),
        };
        // Only a beginning: a call that did not end is of no use to the reader.
        let shown: String = text.chars().take(REFUSED_CALL_CHARS).collect();
        self.exchanges.push(Exchange {
            tool: tool.name.clone(),
            call: format!("{begun}{shown}\n```"),
            result: ResultText {
                ok: false,
                text: refusal.message().to_owned(),
                cite: None,
            },
        });
        let mut actions = vec![TurnAction::RefuseCall { refusal }];
        actions.extend(self.write_answer());
        actions
    }

    fn tool_ended(
        &mut self,
        index: usize,
        arguments: Value,
        result: ResultText,
        anew: bool,
    ) -> Vec<TurnAction> {
        let tool = &self.tools[index];
        let ok = result.ok;
        self.exchanges.push(Exchange {
            tool: tool.name.clone(),
            call: call_text(&tool.name, &arguments, tool.code.as_ref()),
            result,
        });
        if anew && !self.corrected && self.rounds < self.limits.tool_rounds {
            // A slip of the pen: the call is written anew, once in a turn, under the message that
            // says what was wrong. Whether to call was decided already, and small models that are
            // asked again rather tell the person how to mend it.
            self.corrected = true;
            return self.write_call(index);
        }
        let another = match self.choice {
            Choice::Auto | Choice::Required => true,
            // A forced tool ran as asked; only a failure is a reason to let it run again.
            Choice::Tool(_) => !ok,
            Choice::None => false,
        };
        if another && self.rounds < self.limits.tool_rounds {
            self.decide(true)
        } else {
            self.write_answer()
        }
    }

    fn write_answer(&mut self) -> Vec<TurnAction> {
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

    fn tokens_left(&self) -> u32 {
        self.limits
            .output_tokens
            .saturating_sub(self.written_tokens)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.tools.iter().position(|tool| tool.name == name)
    }

    fn no_tool(&mut self, message: String) -> Vec<TurnAction> {
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

    fn end(&mut self, end: TurnEnd) -> Vec<TurnAction> {
        self.state = State::Ended;
        vec![TurnAction::Finish(end)]
    }
}

/// Most characters of a refused call that the model reads again.
const REFUSED_CALL_CHARS: usize = 200;
