//! Calls of one turn: one or several of the same tool are written, run together, and read.
//!
//! After each call that is JSON the model says under a grammar whether another one of that tool
//! follows, as it does for "the weather in Paris and Oslo". Calls of several tools come one after
//! the other, each decided with the results of those before it in view.

use serde_json::Value;

use super::{Refusal, Turn, TurnAction, TurnEnd, machine::State};
use crate::{
    prompt::{self, CALLS_END, CallForm, Exchange, NEXT_CALL, ResultText, call_text},
    turn::{Choice, ToolEnd},
};

/// Most calls that run together.
const MAX_BATCH: usize = 8;
/// Fewest tokens of a result that are worth reading.
const LEAST_RESULT_TOKENS: u32 = 64;
/// Most characters of a refused call that the model reads again.
const REFUSED_CALL_CHARS: usize = 200;

impl Turn {
    pub(super) fn write_call(&mut self, index: usize) -> Vec<TurnAction> {
        let Some(tool) = self.tools.get(index) else {
            return self.no_tool("no such tool is offered".to_owned());
        };
        let begun = tool.opening();
        self.write_call_after(index, begun)
    }

    /// Lets the model write a call behind what its message already holds.
    fn write_call_after(&mut self, index: usize, begun: String) -> Vec<TurnAction> {
        let max_tokens = self.tokens_left().min(self.limits.call_tokens);
        if max_tokens == 0 {
            return self.end(TurnEnd::OutOfTokens);
        }
        let tool = &self.tools[index];
        let form = tool.form();
        let prompt = prompt::call(
            &self.window.conversation,
            &self.exchanges,
            tool,
            begun.clone(),
        );
        let action = TurnAction::WriteCall {
            tool: tool.name.clone(),
            prompt,
            form: form.clone(),
            max_tokens,
        };
        self.calls += 1;
        self.state = State::Writing {
            tool: index,
            form,
            begun,
        };
        vec![action]
    }

    pub(super) fn call_written(
        &mut self,
        index: usize,
        form: &CallForm,
        begun: String,
        text: &str,
        whole: bool,
    ) -> Vec<TurnAction> {
        let arguments = if whole { form.arguments(text) } else { None };
        let Some(arguments) = arguments else {
            let refusal = if whole {
                Refusal::Unreadable
            } else {
                Refusal::TooLong
            };
            return self.refuse(index, text, refusal);
        };
        let name = &self.tools[index].name;
        // `Value` compares objects without regard to the order of keys.
        if self
            .ran
            .iter()
            .any(|(tool, ran)| tool == name && *ran == arguments)
        {
            return self.drop_call(index, Refusal::Repeated);
        }
        self.ran.push((name.clone(), arguments.clone()));
        self.batch.push(arguments);
        if !self.may_continue(index, form) {
            return self.run_batch(index);
        }
        let begun = format!("{begun}{text}}}\n");
        let tool = &self.tools[index];
        let prompt = prompt::call(
            &self.window.conversation,
            &self.exchanges,
            tool,
            begun.clone(),
        );
        self.state = State::Continuing { tool: index, begun };
        vec![TurnAction::Decide {
            prompt,
            options: vec![CALLS_END.to_owned(), NEXT_CALL.to_owned()],
        }]
    }

    /// Whether the model may add a call of the same tool. A tool that was asked for by name is
    /// called once, and so is one whose call is written anew.
    fn may_continue(&self, index: usize, form: &CallForm) -> bool {
        let takes_arguments = || {
            let properties = self.tools[index].input["properties"].as_object();
            properties.is_some_and(|properties| !properties.is_empty())
        };
        matches!(form, CallForm::Json { .. })
            && matches!(self.choice, Choice::Auto | Choice::Required)
            && !self.corrected
            && self.batch.len() < MAX_BATCH
            && self.calls < self.limits.calls
            && self.tokens_left() > 0
            && takes_arguments()
    }

    /// Takes the model's word on whether another call follows.
    pub(super) fn continued(
        &mut self,
        index: usize,
        begun: String,
        chosen: &str,
    ) -> Vec<TurnAction> {
        if chosen == NEXT_CALL {
            let opening = prompt::json_opening(&self.tools[index].name);
            self.write_call_after(index, begun + &opening)
        } else {
            self.run_batch(index)
        }
    }

    fn run_batch(&mut self, index: usize) -> Vec<TurnAction> {
        let left = self.limits.result_tokens.saturating_sub(self.result_tokens);
        let calls = self.batch.len().max(1) as u32;
        // Half of what is left, so that a later result finds room too.
        let result_tokens = (left / 2 / calls).max(LEAST_RESULT_TOKENS);
        self.state = State::Running { tool: index };
        vec![TurnAction::RunTools {
            tool: self.tools[index].name.clone(),
            calls: self.batch.clone(),
            result_tokens,
        }]
    }

    /// Leaves out the call that was written last, and runs those before it where there are any.
    fn drop_call(&mut self, index: usize, refusal: Refusal) -> Vec<TurnAction> {
        if !self.batch.is_empty() {
            self.dropped = Some(refusal);
            return self.run_batch(index);
        }
        let mut actions = vec![TurnAction::RefuseCall { refusal }];
        actions.extend(self.write_answer());
        actions
    }

    /// Puts the refusal where the result would stand, so that the answer can speak of it.
    fn refuse(&mut self, index: usize, text: &str, refusal: Refusal) -> Vec<TurnAction> {
        if self.batch.is_empty() {
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
        }
        self.drop_call(index, refusal)
    }

    pub(super) fn tools_ended(&mut self, index: usize, results: Vec<ToolEnd>) -> Vec<TurnAction> {
        let tool = &self.tools[index];
        let calls: Vec<Value> = std::mem::take(&mut self.batch);
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
        let mut actions = Vec::new();
        if let Some(refusal) = self.dropped.take() {
            actions.push(TurnAction::RefuseCall { refusal });
        }
        actions.extend(self.after_results(index, ok, anew));
        actions
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
