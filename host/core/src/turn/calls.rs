//! Calls of one turn: one or several of the same tool are written, run together, and read.
//!
//! A call as JSON stands in an array, so that the model adds more where several things are asked
//! for ("the weather in Paris and Oslo"). It writes the array in one go under one grammar: asked
//! after each call whether another follows, models of 0.5B and 1.5B said no, since no token of
//! theirs ends where the question would begin (measured on BFCL's `parallel`, 20 of 20 tasks).
//! Calls of several tools come one after the other, each decided with the results of those before
//! it in view.

use serde_json::Value;

use super::{Refusal, Turn, TurnAction, TurnEnd, further::is_asked_for, machine::State};
use crate::{
    prompt::{self, CallForm, Exchange, ResultText, Speaker, call_text},
    turn::{Choice, PlannedCall, ToolEnd},
};

/// Fewest tokens of a result that are worth reading.
const LEAST_RESULT_TOKENS: u32 = 64;
/// Most characters of a refused call that the model reads again.
const REFUSED_CALL_CHARS: usize = 200;

impl Turn {
    pub(super) fn write_call(&mut self, index: usize) -> Vec<TurnAction> {
        let max_tokens = self.tokens_left().min(self.limits.call_tokens);
        let Some(tool) = self.tools.get(index) else {
            return self.no_tool("no such tool is offered".to_owned());
        };
        if max_tokens == 0 {
            return self.end(TurnEnd::OutOfTokens);
        }
        let form = tool.form();
        let action = TurnAction::WriteCall {
            tool: tool.name.clone(),
            prompt: prompt::call(&self.window.conversation, &self.exchanges, tool),
            max_calls: self.max_calls(&form),
            form: form.clone(),
            max_tokens,
        };
        self.state = State::Writing { tool: index, form };
        vec![action]
    }

    /// How many calls may be written together. A tool that was asked for by name is called once,
    /// and so is one whose call is written anew.
    fn max_calls(&self, form: &CallForm) -> u32 {
        let is_free = matches!(self.choice, Choice::Auto | Choice::Required);
        match form {
            CallForm::Json { .. } if is_free && !self.corrected => {
                self.limits.calls.saturating_sub(self.calls).max(1)
            }
            _ => 1,
        }
    }

    pub(super) fn call_written(
        &mut self,
        index: usize,
        form: &CallForm,
        text: &str,
        whole: bool,
    ) -> Vec<TurnAction> {
        let written = if whole {
            form.arguments(text)
        } else {
            Vec::new()
        };
        self.calls += written.len().max(1) as u32;
        if written.is_empty() {
            let refusal = if whole {
                Refusal::Unreadable
            } else {
                Refusal::TooLong
            };
            return self.refuse(index, text, refusal);
        }
        let name = &self.tools[index].name;
        let named = self.named();
        let mut calls = Vec::new();
        let mut running: Vec<Value> = Vec::new();
        for arguments in written {
            // `Value` compares objects without regard to the order of keys.
            let ran = |(tool, ran): &(String, Value)| tool == name && *ran == arguments;
            let refusal = if self.ran.iter().any(ran) {
                Some(Refusal::Repeated)
            } else if !is_asked_for(&arguments, &running, &self.tools[index].input, &named) {
                Some(Refusal::Unasked)
            } else {
                self.ran.push((name.clone(), arguments.clone()));
                running.push(arguments.clone());
                None
            };
            calls.push(PlannedCall { arguments, refusal });
        }
        if running.is_empty() {
            let refusal = Refusal::Repeated;
            let mut actions = vec![TurnAction::RefuseCall { refusal }];
            actions.extend(self.write_answer());
            return actions;
        }
        let left = self.limits.result_tokens.saturating_sub(self.result_tokens);
        // Half of what is left, so that a later result finds room too.
        let result_tokens = (left / 2 / running.len() as u32).max(LEAST_RESULT_TOKENS);
        let tool = name.clone();
        self.state = State::Running {
            tool: index,
            calls: running,
        };
        vec![TurnAction::RunTools {
            tool,
            calls,
            result_tokens,
        }]
    }

    /// Everything that people wrote and tools returned, as far as it is in view.
    fn named(&self) -> String {
        let messages = self.window.conversation.iter();
        let said = messages.filter(|message| message.speaker != Speaker::System);
        let said = said.map(|message| message.text.as_str());
        let results = self.exchanges.iter().map(|ran| ran.result.text.as_str());
        said.chain(results).collect::<Vec<_>>().join("\n")
    }

    /// Puts the refusal where the result would stand, so that the answer can speak of it.
    fn refuse(&mut self, index: usize, text: &str, refusal: Refusal) -> Vec<TurnAction> {
        let tool = &self.tools[index];
        // Only a beginning: a call that did not end is of no use to the reader.
        let shown: String = text.chars().take(REFUSED_CALL_CHARS).collect();
        self.exchanges.push(Exchange {
            tool: tool.name.clone(),
            call: format!("{}{shown}\n```", tool.opening()),
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

    pub(super) fn tools_ended(
        &mut self,
        index: usize,
        calls: Vec<Value>,
        results: Vec<ToolEnd>,
    ) -> Vec<TurnAction> {
        let tool = &self.tools[index];
        let ok = results.iter().all(|end| end.result.ok);
        let mut ended: Vec<(Value, ToolEnd)> = calls.into_iter().zip(results).collect();
        // What is written anew is written under the last result.
        ended.sort_by_key(|(_, end)| end.anew);
        let anew = ended.last().is_some_and(|(_, end)| end.anew);
        for (arguments, end) in ended {
            self.result_tokens = self.result_tokens.saturating_add(end.tokens);
            self.exchanges.push(Exchange {
                tool: tool.name.clone(),
                call: call_text(&tool.name, &arguments, tool.code.as_ref()),
                result: end.result,
            });
        }
        self.after_results(index, ok, anew)
    }

    fn after_results(&mut self, index: usize, ok: bool, anew: bool) -> Vec<TurnAction> {
        if anew && !self.corrected && self.calls < self.limits.calls {
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
        if another {
            self.decide(true)
        } else {
            self.write_answer()
        }
    }
}
