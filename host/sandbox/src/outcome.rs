//! Which of the five ways a call ended.

use alcove_policies::{Authority, Limits};
use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap};

use crate::bindings::types;
use crate::recorder::Diverged;
use crate::refusal::Refusal;
use crate::report::{Content, Failure, LimitHit, Outcome, Part};
use crate::shared::{Shared, Stop, Stopped};
use crate::show;

/// What the guest's function came back with.
pub(crate) type Returned = wasmtime::Result<Result<Vec<types::Part>, types::Failure>>;

/// Room for the guest's requests to the host, beside its output.
const HOSTCALL_BYTES: u64 = 2 << 20;

/// How many bytes a guest may hand to the host at once: its whole output, and what its functions
/// take.
pub(crate) fn hostcall_bytes(policy: &Authority) -> usize {
    let bytes = policy.limits().output_bytes.saturating_mul(2) + HOSTCALL_BYTES;
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// The most parts of a result; an empty one takes room too.
const MAX_PARTS: usize = 1000;

/// How a call ended, and how large its output was.
pub(crate) struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) output_bytes: u64,
    /// Whether the instance can take another call.
    pub(crate) alive: bool,
}

/// Decides. `memory_refused` says whether the guest wanted more memory than it may have.
pub(crate) fn decide(returned: Returned, shared: &Shared, memory_refused: bool) -> Ended {
    let limits = &shared.limits();
    let memory = || LimitHit {
        name: "memory",
        allowed: show::bytes(limits.memory_bytes),
    };
    match returned {
        Ok(result) => {
            let result = result
                .map(|parts| parts.into_iter().map(Part::from).collect::<Vec<_>>())
                .map_err(Failure::from);
            let output_bytes = size(&result);
            let outcome = match result {
                _ if shared.is_flooding() => Outcome::Limit(stopped(Stop::Logs, limits)),
                _ if output_bytes > limits.output_bytes => Outcome::Limit(output(limits)),
                Ok(parts) if parts.len() > MAX_PARTS => Outcome::Limit(LimitHit {
                    name: "output",
                    allowed: format!("{MAX_PARTS} parts"),
                }),
                Ok(parts) => Outcome::Ok(parts),
                Err(_) if memory_refused => Outcome::Limit(memory()),
                // Its request was refused for that, and it ended before it was ended.
                Err(_) if !shared.lease_holds() => Outcome::Limit(stopped(Stop::Revoked, limits)),
                Err(failure) => refused(shared, &failure).unwrap_or(Outcome::Failed(failure)),
            };
            Ended {
                alive: !matches!(outcome, Outcome::Limit(_)),
                outcome,
                output_bytes,
            }
        }
        Err(error) => Ended {
            outcome: if let Some(Stopped(stop)) = error.downcast_ref() {
                Outcome::Limit(stopped(*stop, limits))
            } else if shared.is_flooding() {
                Outcome::Limit(stopped(Stop::Logs, limits))
            } else if memory_refused {
                Outcome::Limit(memory())
            } else if is_out_of_handles(&error) {
                Outcome::Limit(LimitHit {
                    name: "handles",
                    allowed: format!("{} at once", limits.handles),
                })
            } else if is_hostcall_limit(&error) {
                Outcome::Limit(output(limits))
            } else if error.is::<PoolConcurrencyLimitError>() {
                Outcome::Limit(no_room())
            } else if error.is::<Diverged>() {
                Outcome::Trapped("it does something else than in its record".to_owned())
            } else if let Some(refusal) = shared.refusal() {
                refusal.into()
            } else {
                Outcome::Trapped(reason(&error))
            },
            output_bytes: 0,
            alive: false,
        },
    }
}

impl From<Refusal> for Outcome {
    fn from(refusal: Refusal) -> Outcome {
        let (name, allowed) = match refusal {
            Refusal::Denied(denial) => return Outcome::Denied(denial),
            Refusal::Limit(hit) => return Outcome::Limit(hit),
            Refusal::HttpRate(allowed) => ("http-rate", allowed),
            Refusal::HttpRequests(allowed) => ("http-requests", allowed),
            Refusal::HttpBytes(allowed) => ("http-bytes", allowed),
        };
        Outcome::Limit(LimitHit { name, allowed })
    }
}

/// The pool has no room for this component.
pub(crate) fn no_room() -> LimitHit {
    LimitHit {
        name: "concurrency",
        allowed: "as many instances as this host has room for".to_owned(),
    }
}

/// A failure is a denial when the guest says so, or when a request was refused and nothing worked
/// after that. Programs look for files that are not there all the time, so a file that was refused
/// explains a failure only if the guest says so.
fn refused(shared: &Shared, failure: &Failure) -> Option<Outcome> {
    let refusal = shared.refusal()?;
    let says_so = matches!(failure.kind.as_str(), "denied" | "rate-limited");
    let explains = match &refusal {
        Refusal::Denied(denial) => denial.capability != "files",
        Refusal::HttpRate(_)
        | Refusal::HttpRequests(_)
        | Refusal::HttpBytes(_)
        | Refusal::Limit(_) => true,
    };
    let guest_input = matches!(failure.kind.as_str(), "invalid-input" | "input-required");
    (says_so || explains && !guest_input).then(|| refusal.into())
}

fn output(limits: &Limits) -> LimitHit {
    LimitHit {
        name: "output",
        allowed: show::bytes(limits.output_bytes),
    }
}

fn stopped(stop: Stop, limits: &Limits) -> LimitHit {
    let (name, allowed) = match stop {
        Stop::Cancelled => ("stopped", "until it was stopped".to_owned()),
        Stop::Revoked => ("revoked", "until its grant was revoked".to_owned()),
        Stop::Wall => ("wall", show::duration(limits.wall)),
        Stop::Cpu => ("cpu", show::duration(limits.cpu)),
        Stop::Logs => ("logs", format!("{} lines", limits.logs)),
    };
    LimitHit { name, allowed }
}

fn size(result: &Result<Vec<Part>, Failure>) -> u64 {
    let bytes = match result {
        Ok(parts) => parts
            .iter()
            .map(|part| match &part.content {
                Content::Text(text) | Content::Json(text) | Content::Asset(text) => text.len(),
                Content::Link { title, url } => title.len() + url.len(),
            })
            .sum(),
        Err(failure) => failure.message.len(),
    };
    bytes as u64
}

/// Whether the table of handles was full.
fn is_out_of_handles(error: &wasmtime::Error) -> bool {
    matches!(error.downcast_ref(), Some(ResourceTableError::Full))
}

/// The engine has a type of its own for this, which it keeps to itself.
fn is_hostcall_limit(error: &wasmtime::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.to_string().contains("fuel allocated for hostcalls"))
}

/// Why a component crashed, in the engine's words; nothing in it comes from the guest.
fn reason(error: &wasmtime::Error) -> String {
    tracing::debug!(error = format!("{error:#}"), "a component crashed");
    if let Some(trap) = error.downcast_ref::<Trap>() {
        return trap.to_string();
    }
    if error.is::<wasmtime_wasi::I32Exit>() {
        return "the component ended its own process".to_owned();
    }
    if error.is::<ResourceTableError>() {
        return "the component used a handle that is not there".to_owned();
    }
    "the component broke the rules of its interface".to_owned()
}
