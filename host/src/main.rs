//! The `alcove` binary: the command line does everything.

fn main() -> std::process::ExitCode {
    alcove::cli::run()
}
