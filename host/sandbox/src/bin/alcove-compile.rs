//! Compiles one component: `alcove-compile INPUT.wasm OUTPUT.cwasm`. The sandbox runs it as a
//! bounded child process; the `alcove` program has the same as a command.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let [input, output] = args.as_slice() else {
        return fail("usage: alcove-compile INPUT.wasm OUTPUT.cwasm");
    };
    match alcove_sandbox::compile_component(Path::new(input), Path::new(output)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

#[expect(clippy::print_stderr, reason = "the parent process reads it")]
fn fail(words: &str) -> ExitCode {
    eprintln!("{words}");
    ExitCode::FAILURE
}
