//! Decoding under a grammar: which tokens may come next.

use std::sync::Arc;

use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use toktrie::{ApproximateTokEnv, SimpleVob, TokEnv, TokRxInfo, TokTrie};

use crate::error::SubmitError;
use crate::limits::{MAX_CHOICES, MAX_GRAMMAR_BYTES};
use crate::request::Grammar;
use crate::tokenizer::Tokenizer;

/// Compiles grammars for one vocabulary.
pub(crate) struct GrammarCompiler {
    factory: ParserFactory,
}

/// The place of one sequence within its grammar.
pub(crate) struct GrammarState {
    matcher: Matcher,
}

impl GrammarCompiler {
    /// Builds the token trie from the model's own tokens.
    pub(crate) fn new(tokenizer: &Tokenizer) -> Result<GrammarCompiler, String> {
        let info = TokRxInfo::new(tokenizer.len() as u32, tokenizer.end());
        let trie = TokTrie::from(&info, &tokenizer.trie_words());
        let environment: TokEnv = Arc::new(ApproximateTokEnv::new(trie));
        let mut factory =
            ParserFactory::new_simple(&environment).map_err(|error| error.to_string())?;
        factory.quiet();
        Ok(GrammarCompiler { factory })
    }

    /// Compiles a grammar.
    pub(crate) fn compile(&self, grammar: &Grammar) -> Result<GrammarState, SubmitError> {
        let fail = |message: String| SubmitError::Grammar(message);
        let top = match grammar {
            Grammar::Choice(choices) => {
                if choices.is_empty()
                    || choices.len() > MAX_CHOICES
                    || choices.iter().any(String::is_empty)
                {
                    return Err(fail(format!(
                        "a choice needs 1 to {MAX_CHOICES} strings, none of them empty"
                    )));
                }
                // Strings of Lark are written like those of JSON.
                let strings = choices
                    .iter()
                    .map(|choice| serde_json::Value::from(choice.as_str()).to_string());
                TopLevelGrammar::from_lark(format!(
                    "start: {}",
                    strings.collect::<Vec<_>>().join(" | ")
                ))
            }
            Grammar::JsonSchema(schema) => {
                let mut schema = schema.clone();
                if let Some(object) = schema.as_object_mut() {
                    // Models can write white space without end; one form is enough.
                    let one_form = serde_json::json!({ "whitespace_flexible": false });
                    object.entry("x-guidance").or_insert(one_form);
                }
                check_size(schema.to_string().len())?;
                TopLevelGrammar::from_json_schema(schema)
            }
            Grammar::Lark(source) => {
                check_size(source.len())?;
                TopLevelGrammar::from_lark(source.clone())
            }
        };
        let parser = self
            .factory
            .create_parser(top)
            .map_err(|error| fail(error.to_string()))?;
        let matcher = Matcher::new(Ok(parser));
        match matcher.get_error() {
            Some(error) => Err(fail(error)),
            None => Ok(GrammarState { matcher }),
        }
    }
}

fn check_size(bytes: usize) -> Result<(), SubmitError> {
    if bytes > MAX_GRAMMAR_BYTES {
        return Err(SubmitError::Grammar(format!(
            "it has {bytes} bytes, more than {MAX_GRAMMAR_BYTES}"
        )));
    }
    Ok(())
}

impl GrammarState {
    /// The tokens that may come next.
    pub(crate) fn allowed(&mut self) -> Result<SimpleVob, String> {
        self.matcher
            .compute_mask_or_eos()
            .map_err(|error| error.to_string())
    }

    /// Moves on by a token; gives whether the text is complete and nothing can follow.
    pub(crate) fn advance(&mut self, token: u32) -> Result<bool, String> {
        self.matcher
            .consume_token(token)
            .map_err(|error| error.to_string())?;
        match self.matcher.get_error() {
            Some(error) => Err(error),
            None => Ok(self.matcher.is_stopped()),
        }
    }
}
