//! The `alcove` command.
//!
//! Commands speak the public protocol to the server that runs on this machine, or to one that
//! they start for themselves. `serve`, `model`, `config` and the compiler need none.

mod arguments;
mod ask;
mod attach;
mod audit;
mod call;
mod chat;
mod checkpoint;
mod client;
mod config;
mod connect;
mod folder;
mod grant;
mod hidden;
mod key;
mod mcp;
mod model;
mod output;
mod plugin;
mod policy;
mod progress;
mod quota;
mod render;
mod secret;
mod serve;
mod sse;
mod standard_io;
mod stream;

use std::io;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use arguments::{Cli, Command};

/// Something went wrong.
const FAILED: u8 = 1;
/// How long tasks get to end when a command is done; a read from the terminal never does.
const RUNTIME_SHUTDOWN: Duration = Duration::from_secs(1);

/// Reads the arguments and does what they say. All that `main` calls.
pub fn run() -> ExitCode {
    // Wrong arguments end here, with status 2.
    let cli = Cli::parse();
    if let Command::CompileComponent { input, output } = &cli.command {
        // What the sandbox runs as a bounded child: no runtime, no settings.
        return match alcove_sandbox::compile_component(input, output) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.into()),
        };
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::from(error).context("cannot start")),
    };
    let code = match runtime.block_on(dispatch(cli)) {
        Ok(code) => code,
        Err(error) => fail(&error),
    };
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    code
}

async fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(settings) => serve::run(cli.global.config(settings.flags())?).await,
        Command::Chat(arguments) => chat::run(&cli.global, arguments).await,
        Command::Model { command } => model::run(&cli.global, command).await,
        Command::Plugin { command } => plugin::run(&cli.global, command).await,
        Command::Grant(arguments) => grant::grant(&cli.global, arguments).await,
        Command::Revoke { what } => grant::revoke(&cli.global, &what).await,
        Command::Grants { history } => grant::list(&cli.global, history.as_deref()).await,
        Command::Policy { command } => policy::run(&cli.global, command).await,
        Command::Call { command } => call::run(&cli.global, command).await,
        Command::Checkpoint(arguments) => checkpoint::run(&cli.global, arguments).await,
        Command::Audit { command } => audit::run(&cli.global, command).await,
        Command::Mcp(_) => mcp::run(&cli.global).await,
        Command::Config { command } => config::run(&cli.global, &command),
        Command::Key { command } => key::run(&cli.global, command).await,
        Command::Quota { user } => quota::run(&cli.global, user.as_deref()).await,
        Command::Secret { command } => secret::run(&cli.global, command).await,
        Command::CompileComponent { .. } => Ok(ExitCode::SUCCESS),
    }
}

/// Says what went wrong, with its causes.
fn fail(error: &anyhow::Error) -> ExitCode {
    // Whoever reads no further (`alcove grants | head`) has what they wanted.
    let is_closed_pipe = error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
    if is_closed_pipe {
        return ExitCode::SUCCESS;
    }
    // Where standard error is gone too, nobody is left to tell.
    let _ = output::note(&format!("alcove: {error:#}"));
    ExitCode::from(FAILED)
}
