//! Decisions: which tool, or none.
//!
//! Tools whose authors show example questions are decided about together, after those examples.
//! Tools that show none come after them, the first time: the model chooses without examples, and is
//! then asked whether that tool does what is wanted at all. On BFCL (`cargo xtask prove eval bfcl`)
//! examples that were made up from descriptions kept the models from calling anything, and a choice
//! alone called a tool for almost everything.

use super::{Choice, Turn, TurnAction, TurnEnd, machine::State};
use crate::prompt::{self, NO, NONE, ToolSpec, YES};

impl Turn {
    /// Asks for a decision, or takes it where only one is possible.
    pub(super) fn decide(&mut self, with_none: bool) -> Vec<TurnAction> {
        let question = &self.window.question;
        let is_admitted = |tool: &ToolSpec| match &self.choice {
            Choice::Tool(name) => tool.name == *name,
            Choice::None => false,
            Choice::Auto | Choice::Required => {
                !self.exchanges.is_empty() || !prompt::comes_later(tool, &self.tools, question)
            }
        };
        let admitted: Vec<usize> = (0..self.tools.len())
            .filter(|&index| is_admitted(&self.tools[index]))
            .collect();
        let is_first = self.exchanges.is_empty() && with_none;
        let (shown, left): (Vec<usize>, Vec<usize>) = admitted
            .into_iter()
            .partition(|&index| !is_first || !self.tools[index].questions.is_empty());
        if shown.is_empty() && !left.is_empty() {
            return self.choose(left);
        }
        let mut options = Vec::new();
        if with_none {
            options.push(NONE.to_owned());
        }
        options.extend(shown.iter().map(|&index| self.tools[index].name.clone()));
        if let [only] = options.as_slice() {
            let only = only.clone();
            return self.decided(&options, &left, &only);
        }
        let tools: Vec<ToolSpec> = match left.is_empty() {
            true => self.tools.clone(),
            false => shown
                .iter()
                .map(|&index| self.tools[index].clone())
                .collect(),
        };
        let earlier = &self.window.earlier;
        let question = &self.window.question;
        let prompt = prompt::decision(&tools, earlier, question, &self.exchanges);
        self.state = State::Deciding {
            options: options.clone(),
            left,
        };
        vec![TurnAction::Decide { prompt, options }]
    }

    /// Asks for a choice among tools without examples.
    fn choose(&mut self, among: Vec<usize>) -> Vec<TurnAction> {
        let tools: Vec<&ToolSpec> = among.iter().map(|&index| &self.tools[index]).collect();
        let mut options: Vec<String> = tools.iter().map(|tool| tool.name.clone()).collect();
        options.push(NONE.to_owned());
        let prompt = prompt::choice(&tools, &self.window.question);
        self.state = State::Deciding {
            options: options.clone(),
            left: Vec::new(),
        };
        vec![TurnAction::Decide { prompt, options }]
    }

    pub(super) fn decided(
        &mut self,
        options: &[String],
        left: &[usize],
        name: &str,
    ) -> Vec<TurnAction> {
        if !options.iter().any(|option| option == name) {
            // The grammar admits nothing else, so this is a fault and no opinion of the model.
            return self.end(TurnEnd::Failed {
                code: "model_error".to_owned(),
                message: "the model chose a tool that was not offered".to_owned(),
            });
        }
        let Some(tool) = self.position(name) else {
            return match left.is_empty() {
                true => self.write_answer(),
                false => self.choose(left.to_vec()),
            };
        };
        let is_free = options.iter().any(|option| option == NONE);
        if is_free && self.exchanges.is_empty() && self.tools[tool].questions.is_empty() {
            let prompt = prompt::check(&self.tools[tool], &self.window.question);
            self.state = State::Checking { tool };
            let options = vec![YES.to_owned(), NO.to_owned()];
            return vec![TurnAction::Decide { prompt, options }];
        }
        self.call(tool)
    }

    /// Takes the model's word on whether the tool that it chose does what is asked for.
    pub(super) fn checked(&mut self, tool: usize, word: &str) -> Vec<TurnAction> {
        match word {
            YES => self.call(tool),
            _ => self.write_answer(),
        }
    }

    /// Lets a call be written where one more may be.
    fn call(&mut self, tool: usize) -> Vec<TurnAction> {
        if self.calls >= self.limits.calls {
            self.wanted_more = true;
            return self.write_answer();
        }
        self.write_call(tool)
    }
}
