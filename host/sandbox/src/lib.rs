//! The sandbox: runs WebAssembly components under limits; the only crate that knows wasmtime.
//!
//! A component is compiled once, in a bounded child process, and kept on disk under its digest. A
//! call runs on a fresh instance of it, on a runtime of its own, under the limits of a policy, and
//! ends in exactly one of five ways ([`Outcome`]). What the guest may reach is decided by the
//! policy: interfaces without a grant are linked to refusals.
//!
//! The life of a call: [`Sandbox::call`] asks `quota` whether one may start, waits for a place in
//! the pool, and hands an `instance` to the guests' runtime, where `supervise` races it against
//! stop, revocation and its deadline, and `outcome` says how it ended.

mod bindings;
mod cache;
mod call;
mod compile;
mod component;
mod cpu;
mod engine;
mod entry;
mod files;
mod http;
mod http_error;
mod instance;
mod linker;
mod load;
mod memory;
mod outbound;
mod outcome;
mod precompiled;
mod quota;
mod record;
mod recorder;
mod refusal;
mod report;
mod sandbox;
mod session;
mod shared;
mod show;
mod state;
mod supervise;
mod ticker;
mod typed;

pub use call::{Call, Grant, Invocation, MAX_ARGUMENT_BYTES, Mount, Progress};
pub use compile::{CompileError, Compiler, compile_component};
pub use component::Component;
pub use load::LoadError;
pub use outbound::{Outbound, Passage};
pub use record::{
    Bytes, Divergence, Headers, HostCall, HostRecord, HttpExchange, MAX_RECORD_BYTES, SentBody,
};
pub use report::{
    Audience, Content, Denial, Failure, LimitHit, LogLevel, LogLine, Outcome, Part, Report, Usage,
};
pub use sandbox::{Sandbox, SandboxConfig, SandboxError};
pub use session::Session;
