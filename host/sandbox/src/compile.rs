//! Compiling, in a child process that may use so much and no more: wasm from elsewhere can make a
//! compiler slow or large, and that must not be this process's trouble.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use wasmtime::Engine;

use crate::engine;
use crate::show;

/// The largest component.
const MAX_WASM_BYTES: u64 = 256 << 20;
/// The most threads of a compiler. Each thread's heap takes address space, used or not.
const MAX_THREADS: usize = 8;
/// How much of a failed compiler's words is kept.
const MAX_MESSAGE_BYTES: u64 = 2000;

/// What a compiler's process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompileLimits {
    /// Address space, in bytes. Threads take some whether they use it or not.
    pub address_bytes: u64,
    /// CPU time of all its threads, in seconds.
    pub cpu_seconds: u64,
    /// The largest compiled component, in bytes.
    pub output_bytes: u64,
    /// From its start to its end.
    pub wall: Duration,
}

impl Default for CompileLimits {
    fn default() -> CompileLimits {
        CompileLimits {
            address_bytes: 8 << 30,
            cpu_seconds: 300,
            output_bytes: 2 << 30,
            wall: Duration::from_secs(300),
        }
    }
}

/// Who compiles.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// A child process, run as `program args… INPUT.wasm OUTPUT.cwasm`, that calls
    /// [`compile_component`]. It runs without an environment and under limits on address space, CPU
    /// time and wall time.
    Child {
        /// The program.
        program: PathBuf,
        /// What comes before the two paths.
        args: Vec<OsString>,
        /// What it may use.
        limits: CompileLimits,
    },
    /// This process, without limits: only for components that this host built.
    InProcess,
}

/// Why a component was not compiled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// A file could not be read or written.
    #[error("{} cannot be read or written", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The component is larger than any may be.
    #[error("the component is larger than {} MiB", MAX_WASM_BYTES >> 20)]
    TooLarge,
    /// It is not a component that this engine can run.
    #[error("it is not a valid component: {0}")]
    Invalid(String),
    /// The compiler could not be started.
    #[error("the compiler {} cannot be started", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The compiler went over one of its limits.
    #[error("compiling it took more than {allowed}, the limit `{name}`")]
    Limit {
        /// Which: `compile-time`, `compile-memory` or `compile-output`.
        name: &'static str,
        /// What was allowed, in words a person reads.
        allowed: String,
    },
}

/// Compiles the component at `input` to `output`: what the compiler's process runs.
///
/// # Errors
///
/// A file that cannot be read or written, or bytes that are not a component.
pub fn compile_component(input: &Path, output: &Path) -> Result<(), CompileError> {
    let file_error = |path: &Path| {
        let path = path.to_owned();
        move |source| CompileError::File { path, source }
    };
    if fs::metadata(input).map_err(file_error(input))?.len() > MAX_WASM_BYTES {
        return Err(CompileError::TooLarge);
    }
    let wasm = fs::read(input).map_err(file_error(input))?;
    let engine = Engine::new(&engine::compiler_config())
        .map_err(|error| CompileError::Invalid(format!("{error:#}")))?;
    let compiled = engine
        .precompile_component(&wasm)
        .map_err(|error| CompileError::Invalid(format!("{error:#}")))?;
    fs::write(output, compiled).map_err(file_error(output))
}

impl Compiler {
    /// Compiles `input` to `output`.
    pub(crate) async fn run(&self, input: &Path, output: &Path) -> Result<(), CompileError> {
        match self {
            Compiler::Child {
                program,
                args,
                limits,
            } => child(program, args, input, output, *limits).await,
            Compiler::InProcess => {
                let (input, output) = (input.to_owned(), output.to_owned());
                tokio::task::spawn_blocking(move || compile_component(&input, &output))
                    .await
                    .map_err(|_| CompileError::Invalid("the compiler crashed".to_owned()))?
            }
        }
    }
}

async fn child(
    program: &Path,
    args: &[OsString],
    input: &Path,
    output: &Path,
    limits: CompileLimits,
) -> Result<(), CompileError> {
    let threads = std::thread::available_parallelism()
        .map_or(1, std::num::NonZero::get)
        .min(MAX_THREADS)
        .to_string();
    let mut command = Command::new(program);
    command
        .args(args)
        .arg(input)
        .arg(output)
        .env_clear()
        .env("RAYON_NUM_THREADS", &threads)
        .env("MALLOC_ARENA_MAX", &threads)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[expect(
        unsafe_code,
        reason = "between fork and exec only setrlimit is called, which is async-signal-safe"
    )]
    unsafe {
        command.pre_exec(move || limit_self(limits));
    }
    let mut child = command.spawn().map_err(|source| CompileError::Start {
        program: program.to_owned(),
        source,
    })?;
    let mut words = String::new();
    let end = tokio::time::timeout(limits.wall, async {
        if let Some(stderr) = child.stderr.take() {
            let mut bytes = Vec::new();
            // A compiler that says more than this is cut off, and then fails on its closed pipe.
            let _ = stderr.take(MAX_MESSAGE_BYTES).read_to_end(&mut bytes).await;
            words = String::from_utf8_lossy(&bytes).trim().to_owned();
        }
        child.wait().await
    })
    .await;
    let status = match end {
        Err(_) => return Err(limits.hit(Hit::Wall)),
        Ok(Err(source)) => {
            return Err(CompileError::Start {
                program: program.to_owned(),
                source,
            });
        }
        Ok(Ok(status)) => status,
    };
    if status.success() {
        return Ok(());
    }
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(libc::SIGXCPU) => Err(limits.hit(Hit::Cpu)),
        // The system kills what takes memory that it does not have.
        Some(libc::SIGABRT | libc::SIGSEGV | libc::SIGBUS | libc::SIGKILL) => {
            Err(limits.hit(Hit::Memory))
        }
        Some(libc::SIGXFSZ) => Err(limits.hit(Hit::Output)),
        _ => Err(CompileError::Invalid(if words.is_empty() {
            "the compiler gave no reason".to_owned()
        } else {
            words
        })),
    }
}

/// A limit of a compiler.
enum Hit {
    Wall,
    Cpu,
    Memory,
    Output,
}

impl CompileLimits {
    fn hit(&self, hit: Hit) -> CompileError {
        let cpu = Duration::from_secs(self.cpu_seconds);
        let (name, allowed) = match hit {
            Hit::Wall => ("compile-time", show::duration(self.wall)),
            Hit::Cpu => ("compile-time", show::duration(cpu)),
            Hit::Memory => ("compile-memory", show::bytes(self.address_bytes)),
            Hit::Output => ("compile-output", show::bytes(self.output_bytes)),
        };
        CompileError::Limit { name, allowed }
    }
}

/// Runs in the child, before the compiler.
fn limit_self(limits: CompileLimits) -> io::Result<()> {
    for (what, value) in [
        (libc::RLIMIT_AS, limits.address_bytes),
        (libc::RLIMIT_CPU, limits.cpu_seconds),
        (libc::RLIMIT_FSIZE, limits.output_bytes),
        (libc::RLIMIT_CORE, 0),
    ] {
        let limit = libc::rlimit {
            rlim_cur: value,
            // A second more, so that a compiler that is too slow is told so, and not just killed.
            rlim_max: value.saturating_add(1),
        };
        #[expect(unsafe_code, reason = "setrlimit reads the rlimit it is given")]
        let result = unsafe { libc::setrlimit(what, &raw const limit) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a shell in the compiler's place.
    async fn shell(script: &str, limits: CompileLimits) -> Result<(), CompileError> {
        let folder = tempfile::tempdir().unwrap();
        let args = ["-c", script, "sh"].map(OsString::from);
        child(
            Path::new("/bin/sh"),
            &args,
            &folder.path().join("in"),
            &folder.path().join("out"),
            limits,
        )
        .await
    }

    #[tokio::test]
    async fn a_compiler_that_takes_too_much_is_ended() {
        let busy = CompileLimits {
            cpu_seconds: 1,
            ..CompileLimits::default()
        };
        let slow = CompileLimits {
            wall: Duration::from_millis(200),
            ..CompileLimits::default()
        };
        let large = CompileLimits {
            output_bytes: 4096,
            ..CompileLimits::default()
        };
        for (script, limits, expected, words) in [
            ("while :; do :; done", busy, "compile-time", "1 s"),
            ("exec sleep 30", slow, "compile-time", "200 ms"),
            (
                "exec head -c 100000 /dev/zero > \"$2\"",
                large,
                "compile-output",
                "4 KiB",
            ),
            ("kill -ABRT $$", slow, "compile-memory", "8 GiB"),
        ] {
            match shell(script, limits).await {
                Err(CompileError::Limit { name, allowed }) => {
                    assert_eq!((name, allowed.as_str()), (expected, words), "{script}");
                }
                other => panic!("{script}: {other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn a_compiler_sees_nothing_of_the_environment_and_is_quoted() {
        let result = shell(
            "echo \"home: $HOME path: ${SECRET:-none}\" >&2; exit 3",
            CompileLimits::default(),
        )
        .await;
        let Err(CompileError::Invalid(words)) = result else {
            panic!("{result:?}");
        };
        assert_eq!(words, "home:  path: none");
        assert!(shell("exit 0", CompileLimits::default()).await.is_ok());
    }
}
