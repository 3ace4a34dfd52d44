//! One interpreter for as long as the instance lives.

use std::cell::RefCell;

use alcove_sdk::{Failure, Outcome, Part};

use crate::interpreter::Interpreter;

thread_local! {
    static INTERPRETER: RefCell<Option<Interpreter>> = const { RefCell::new(None) };
}

/// Runs a cell and gives what it printed.
pub(crate) fn run(code: &str) -> Outcome {
    INTERPRETER.with_borrow_mut(|interpreter| {
        let interpreter = match interpreter {
            Some(interpreter) => interpreter,
            None => interpreter.insert(Interpreter::new().map_err(internal)?),
        };
        let (is_good, text) = interpreter.run(code).map_err(internal)?;
        let text = match text.is_empty() {
            true => "(no output)".to_owned(),
            false => text,
        };
        match is_good {
            true => Ok(vec![Part::text(text)]),
            false => Err(Failure::raised(text)),
        }
    })
}

fn internal(error: rquickjs::Error) -> Failure {
    Failure::internal(format!("QuickJS: {error}"))
}
