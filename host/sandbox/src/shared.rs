//! What one call shares between the guest's host functions, the epoch callback and the supervisor.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use alcove_policies::Limits;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::call::{Grant, Invocation, Progress};
use crate::capabilities::Capabilities;
use crate::cpu::CpuMeter;
use crate::http_meter::HttpUse;
use crate::outbound::{LocalServer, Outbound, Passage};
use crate::record::Under;
use crate::recorder::Recorder;
use crate::refusal::Refusal;
use crate::report::{LogLevel, LogLine};

/// The longest line, in bytes.
const MAX_LOG_LINE_BYTES: usize = 4096;
/// The most redirects of one call that may be followed.
const MAX_LED_TO: usize = 64;
/// The most bytes of all lines together.
const MAX_LOG_BYTES: usize = 256 << 10;

/// Why the host ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The caller's token.
    Cancelled,
    /// The grant's lease.
    Revoked,
    /// The deadline.
    Wall,
    /// The CPU budget.
    Cpu,
    /// The lines that it may log.
    Logs,
}

/// The error with which the epoch callback ends a guest.
#[derive(Debug, thiserror::Error)]
#[error("the host ended the call")]
pub(crate) struct Stopped(pub(crate) Stop);

/// What one instance and its surroundings share. The per-call part is set anew for each call.
pub(crate) struct Shared {
    pub(crate) recorder: Recorder,
    pub(crate) cpu: CpuMeter,
    current: Mutex<Current>,
}

struct Current {
    cancel: CancellationToken,
    lease: CancellationToken,
    deadline: Instant,
    /// Those of the policy, lowered to what is left for the call.
    limits: Limits,
    /// For requests and the result together.
    bytes_left: u64,
    progress: Option<mpsc::Sender<Progress>>,
    outbound: Option<Arc<dyn Outbound>>,
    local: Option<Arc<dyn LocalServer>>,
    /// Where answers of this call have pointed on to.
    led_to: Vec<Url>,
    locale: String,
    logs: Vec<LogLine>,
    /// How many lines it may log.
    log_limit: usize,
    log_bytes: usize,
    logs_dropped: u64,
    capabilities: Capabilities,
    http: Arc<HttpUse>,
    /// Whether it wanted to log more lines than it may.
    is_flooding: bool,
}

impl Shared {
    pub(crate) fn new(recorder: Recorder) -> Shared {
        Shared {
            recorder,
            cpu: CpuMeter::default(),
            current: Mutex::new(Current {
                cancel: CancellationToken::new(),
                lease: CancellationToken::new(),
                deadline: Instant::now(),
                limits: Limits::default(),
                bytes_left: 0,
                progress: None,
                outbound: None,
                local: None,
                led_to: Vec::new(),
                locale: String::new(),
                logs: Vec::new(),
                log_limit: 0,
                log_bytes: 0,
                logs_dropped: 0,
                capabilities: Capabilities::default(),
                http: Arc::default(),
                is_flooding: false,
            }),
        }
    }

    /// Before a call.
    pub(crate) fn begin(&self, invocation: &mut Invocation, grant: &Grant, deadline: Instant) {
        let under = Under::of(&grant.policy);
        self.recorder
            .begin(invocation.replay.take(), &invocation.locale, Some(under));
        self.cpu.reset();
        let mut limits = grant.policy.limits().clone();
        limits.cpu = limits.cpu.min(invocation.left.cpu);
        limits.http_bytes = limits.http_bytes.min(invocation.left.bytes);
        *self.lock() = Current {
            cancel: invocation.cancel.clone(),
            lease: grant.lease.clone(),
            deadline,
            bytes_left: invocation.left.bytes,
            progress: invocation.progress.take(),
            outbound: invocation.outbound.take(),
            local: invocation.local.take(),
            led_to: Vec::new(),
            locale: std::mem::take(&mut invocation.locale),
            logs: Vec::new(),
            log_limit: limits.logs as usize,
            limits,
            log_bytes: 0,
            logs_dropped: 0,
            capabilities: std::mem::take(&mut invocation.capabilities),
            http: Arc::default(),
            is_flooding: false,
        };
    }

    /// Whether a running guest has to end now. Called within a poll.
    pub(crate) fn check(&self) -> Result<(), Stopped> {
        let current = self.lock();
        let stop = if current.cancel.is_cancelled() {
            Stop::Cancelled
        } else if current.lease.is_cancelled() {
            Stop::Revoked
        } else if Instant::now() >= current.deadline {
            Stop::Wall
        } else if self.cpu.used_within_poll() >= current.limits.cpu {
            Stop::Cpu
        } else if current.is_flooding {
            Stop::Logs
        } else {
            return Ok(());
        };
        Err(Stopped(stop))
    }

    /// Whether the grant still holds. Host functions with authority ask before they act.
    pub(crate) fn lease_holds(&self) -> bool {
        !self.lock().lease.is_cancelled()
    }

    /// What this call may use. Of its output that is what its requests have left.
    pub(crate) fn limits(&self) -> Limits {
        let current = self.lock();
        let mut limits = current.limits.clone();
        let left = current.bytes_left.saturating_sub(current.http.bytes());
        limits.output_bytes = limits.output_bytes.min(left);
        limits
    }

    pub(crate) fn lease(&self) -> CancellationToken {
        self.lock().lease.clone()
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.lock().deadline
    }

    pub(crate) fn capabilities(&self) -> Capabilities {
        self.lock().capabilities.clone()
    }

    /// What the HTTP of the call has used.
    pub(crate) fn http_use(&self) -> Arc<HttpUse> {
        Arc::clone(&self.lock().http)
    }

    pub(crate) fn locale(&self) -> String {
        self.lock().locale.clone()
    }

    pub(crate) fn progress(&self, progress: Progress) {
        if let Some(sender) = &self.lock().progress {
            // A full channel or a reader that left loses it: that is the contract.
            let _ = sender.try_send(progress);
        }
    }

    pub(crate) fn log(&self, level: LogLevel, mut message: String) {
        crate::bindings::cut(&mut message, MAX_LOG_LINE_BYTES);
        let mut current = self.lock();
        if current.logs.len() >= current.log_limit {
            // The call ends at the next tick, or when it returns.
            current.is_flooding = true;
            return;
        }
        if current.log_bytes + message.len() > MAX_LOG_BYTES {
            current.logs_dropped += 1;
            return;
        }
        current.log_bytes += message.len();
        message.shrink_to_fit();
        if let Some(sender) = &current.progress {
            // For whoever watches; the report has all of them.
            let _ = sender.try_send(Progress {
                permille: None,
                note: message.clone(),
                log: Some(level),
            });
        }
        current.logs.push(LogLine { level, message });
    }

    /// The host's own server at that address, where this call has one.
    pub(crate) fn local(&self, url: &Url) -> Option<Arc<dyn LocalServer>> {
        let local = self.lock().local.clone();
        local.filter(|local| local.serves(url))
    }

    /// How a request that an open rule allows may go.
    pub(crate) fn passage(&self, url: &Url) -> Passage {
        let current = self.lock();
        match &current.outbound {
            None => Passage::AsIs,
            Some(outbound) => match outbound.passage(url) {
                Passage::Refused if current.led_to.contains(url) => Passage::Bare,
                passage => passage,
            },
        }
    }

    /// An answer points on: its sender knows that address, so that following it tells nothing.
    pub(crate) fn led_to(&self, mut url: Url) {
        let mut current = self.lock();
        if current.outbound.is_some() && current.led_to.len() < MAX_LED_TO {
            url.set_fragment(None);
            current.led_to.push(url);
        }
    }

    /// The lines so far, with a last one that says how many were dropped.
    pub(crate) fn take_logs(&self) -> Vec<LogLine> {
        let mut current = self.lock();
        let mut logs = std::mem::take(&mut current.logs);
        if current.logs_dropped > 0 {
            logs.push(LogLine {
                level: LogLevel::Warn,
                message: format!(
                    "{} more lines were dropped; a call may log {} in all",
                    current.logs_dropped,
                    crate::show::bytes(MAX_LOG_BYTES as u64)
                ),
            });
        }
        logs
    }

    /// Whether the guest wanted to log more lines than it may.
    pub(crate) fn is_flooding(&self) -> bool {
        self.lock().is_flooding
    }

    /// Remembers what was refused; a later success forgets it.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.recorder.refuse(refusal);
    }

    pub(crate) fn succeeded(&self) {
        self.recorder.succeeded();
    }

    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.recorder.refusal()
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
