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
mod capabilities;
mod compile;
mod component;
mod cpu;
mod engine;
mod entry;
mod files;
mod http;
mod http_body;
mod http_denials;
mod http_error;
mod http_meter;
mod http_send;
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
mod room;
mod sandbox;
mod secrets;
mod session;
mod shared;
mod show;
mod state;
mod supervise;
mod ticker;
mod typed;

pub use call::{Call, Grant, Invocation, Left, MAX_ARGUMENT_BYTES, MAX_DEPTH, Mount, Progress};
pub use capabilities::{
    Asset, AssetReader, AssetWriter, Assets, Capabilities, CapabilityError, Delegate, Delegated,
    Generate, Generated, Inference, MAX_ASSET_CHUNK_BYTES, MAX_STATE_KEY_BYTES,
    MAX_STATE_VALUE_BYTES, State,
};
pub use compile::{CompileError, CompileLimits, Compiler, compile_component};
pub use component::Component;
pub use load::LoadError;
pub use outbound::{LocalServer, Outbound, Passage};
pub use record::{
    Bytes, Divergence, Headers, HostCall, HostRecord, HttpExchange, MAX_RECORD_BYTES, SentBody,
    Under,
};
pub use report::{
    Audience, Content, Denial, Failure, LimitHit, LogLevel, LogLine, Outcome, Part, Report, Usage,
};
pub use sandbox::{Sandbox, SandboxConfig, SandboxError};
pub use secrets::Secrets;
pub use session::Session;
