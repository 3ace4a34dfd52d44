//! The sandbox itself: what all calls share.

use std::future::poll_fn;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use alcove_egress::Egress;
use futures::FutureExt as _;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::cache::Cache;
use crate::call::{Call, Grant, Invocation, MAX_ARGUMENT_BYTES};
use crate::compile::Compiler;
use crate::component::Component;
use crate::engine;
use crate::instance::Instance;
use crate::linker;
use crate::load::Loading;
use crate::outcome::no_room;
use crate::quota::{Place, Quota};
use crate::record::HostRecord;
use crate::report::{LimitHit, Outcome, Report, Usage};
use crate::room::{Held, Room};
use crate::session::Session;
use crate::show;
use crate::state::GuestState;
use crate::ticker::{Running, Ticker};

/// How long a call waits for a place in the pool.
const MAX_ROOM_WAIT: Duration = Duration::from_secs(10);
/// The most threads that run guests; a guest that computes yields every tick.
const MAX_GUEST_THREADS: usize = 16;
/// The most threads on which guests wait for files and names.
const MAX_BLOCKING_THREADS: usize = 64;

/// How to build a [`Sandbox`].
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// Where compiled components are kept.
    pub cache_dir: PathBuf,
    /// The key with which this host vouches for what it compiled.
    pub cache_mac_key: [u8; 32],
    /// The most bytes of them; above, the longest unused go.
    pub cache_bytes: u64,
    /// Who compiles.
    pub compiler: Compiler,
    /// The most instances at once, those of sessions included.
    pub max_instances: u32,
    /// The way out for guests whose policy has one.
    pub egress: Egress,
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The folder for compiled components cannot be used.
    #[error("the folder for compiled components {} cannot be used", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The WebAssembly engine does not start.
    #[error("the WebAssembly engine does not start: {0}")]
    Engine(String),
    /// The guests' threads do not start.
    #[error("the threads for guests do not start")]
    Threads(#[source] io::Error),
}

/// Runs components. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) engine: Engine,
    pooled: bool,
    pub(crate) linker: Linker<GuestState>,
    pub(crate) egress: Egress,
    pub(crate) quota: Arc<Quota>,
    pub(crate) cache: Cache,
    pub(crate) compiler: Compiler,
    /// Components that are ready, the latest used last.
    pub(crate) loaded: Mutex<Vec<Arc<Loading>>>,
    /// One component is compiled at a time.
    pub(crate) compiling: Semaphore,
    /// Stands before the pool, which answers with an error when it is full.
    room: Room,
    /// An empty folder.
    pub(crate) no_files: PathBuf,
    ticker: Ticker,
    /// Guests compute: on their own threads they cannot hold up anybody else. Taken on drop.
    runtime: Option<Runtime>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The last handle may go in async code, where waiting for threads is not allowed.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Sandbox {
    /// Starts the engine and the guests' threads.
    ///
    /// # Errors
    ///
    /// A folder that cannot be used, or a system that has no room.
    pub fn new(config: SandboxConfig) -> Result<Sandbox, SandboxError> {
        let folder_error = |path: &PathBuf| {
            let path = path.clone();
            move |source| SandboxError::Folder { path, source }
        };
        let engine_error = |error: wasmtime::Error| SandboxError::Engine(format!("{error:#}"));
        let cache = Cache::open(&config.cache_dir, config.cache_mac_key, config.cache_bytes)
            .map_err(folder_error(&config.cache_dir))?;
        let no_files = config.cache_dir.join("no-files");
        std::fs::create_dir_all(&no_files).map_err(folder_error(&no_files))?;
        let instances = config.max_instances.max(1);
        let (engine, pooled) = engine::new(instances + Room::RESERVED).map_err(engine_error)?;
        let linker = linker::new(&engine).map_err(engine_error)?;
        let ticker = Ticker::start(&engine).map_err(SandboxError::Threads)?;
        let threads = std::thread::available_parallelism()
            .map_or(2, std::num::NonZero::get)
            .clamp(2, MAX_GUEST_THREADS);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .max_blocking_threads(MAX_BLOCKING_THREADS)
            .thread_name("alcove-guest")
            .enable_all()
            .build()
            .map_err(SandboxError::Threads)?;
        Ok(Sandbox {
            inner: Arc::new(Inner {
                engine,
                pooled,
                linker,
                egress: config.egress,
                quota: Arc::default(),
                cache,
                compiler: config.compiler,
                loaded: Mutex::default(),
                compiling: Semaphore::new(1),
                room: Room::new(instances),
                no_files,
                ticker,
                runtime: Some(runtime),
            }),
        })
    }

    /// Whether instances come from a pool; without room for one they are made on demand.
    pub fn is_pooled(&self) -> bool {
        self.inner.pooled
    }

    /// How many more instances there is room for.
    pub fn free_instances(&self) -> usize {
        self.inner.room.free()
    }

    /// Runs one call on an instance of its own. Dropping this stops the call.
    pub async fn call(&self, component: &Component, call: Call) -> Report {
        let started = Instant::now();
        let Call { invocation, grant } = call;
        let (place, room) = match self.enter(&invocation, &grant).await {
            Ok(entered) => entered,
            Err(hit) => return Report::ended(Outcome::Limit(hit), started),
        };
        let running = self.run();
        let inner = Arc::clone(&self.inner);
        let component = Arc::clone(&component.inner);
        let ended = self
            .on_guest_runtime(async move {
                let _held = (place, running);
                match Instance::new(&inner, &component, &grant, room) {
                    Ok(mut instance) => instance.invoke(invocation, &grant, started).await.0,
                    Err(error) => Report::ended(mount_failed(&error), started),
                }
            })
            .await;
        ended.unwrap_or_else(|outcome| Report::ended(outcome, started))
    }

    /// Opens an instance that keeps its state from call to call.
    ///
    /// # Errors
    ///
    /// The report of a call that could not begin.
    pub async fn open_session(
        &self,
        component: &Component,
        grant: Grant,
    ) -> Result<Session, Report> {
        let started = Instant::now();
        let room = tokio::time::timeout(MAX_ROOM_WAIT, self.inner.room.enter(0));
        let Ok(Some(room)) = room.await else {
            return Err(Report::ended(Outcome::Limit(no_room()), started));
        };
        let instance = Instance::new(&self.inner, &component.inner, &grant, room)
            .map_err(|error| Report::ended(mount_failed(&error), started))?;
        Ok(Session::new(
            self.clone(),
            component.clone(),
            grant,
            instance,
        ))
    }

    /// Whether a call may start now, by size, rate and concurrency.
    pub(crate) fn admit(&self, invocation: &Invocation, grant: &Grant) -> Result<Place, LimitHit> {
        if invocation.arguments.len() > MAX_ARGUMENT_BYTES {
            return Err(LimitHit {
                name: "arguments",
                allowed: show::bytes(MAX_ARGUMENT_BYTES as u64),
            });
        }
        self.inner
            .quota
            .start(&grant.plugin, &grant.policy, invocation.replay.is_some())
    }

    /// The same, and a place in the pool.
    async fn enter(
        &self,
        invocation: &Invocation,
        grant: &Grant,
    ) -> Result<(Place, Held), LimitHit> {
        let place = self.admit(invocation, grant)?;
        let waiting = tokio::time::timeout(MAX_ROOM_WAIT, self.inner.room.enter(invocation.depth));
        let room = tokio::select! {
            biased;
            () = invocation.cancel.cancelled() => return Err(LimitHit {
                name: "stopped",
                allowed: "until it was stopped".to_owned(),
            }),
            room = waiting => room,
        };
        match room {
            Ok(Some(room)) => Ok((place, room)),
            _ => Err(no_room()),
        }
    }

    /// Keeps the epochs going.
    pub(crate) fn run(&self) -> Running {
        self.inner.ticker.run()
    }

    /// Runs `work` to its end: the first stretch here, the rest on the guests' threads. A small
    /// call is over before the epoch ticks, and waking another thread for it, on another core,
    /// would take twice as long as the call. Dropping this ends the work.
    pub(crate) async fn on_guest_runtime<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Outcome> {
        struct AbortOnDrop(tokio::task::AbortHandle);
        impl Drop for AbortOnDrop {
            fn drop(&mut self) {
                self.0.abort();
            }
        }
        let failed = |error: &dyn std::fmt::Debug| {
            tracing::error!(?error, "running a component failed in the host");
            Outcome::Trapped("the host could not run the component".to_owned())
        };
        let Some(runtime) = &self.inner.runtime else {
            return Err(failed(&"the sandbox is shut down"));
        };
        let mut work = Box::pin(AssertUnwindSafe(work).catch_unwind());
        let begun = poll_fn(|context| {
            // What the guest waits for belongs to the guests' runtime from the start.
            let _guests = runtime.enter();
            Poll::Ready(work.poll_unpin(context))
        });
        let ended = match begun.await {
            Poll::Ready(ended) => ended,
            Poll::Pending => {
                let task = runtime.spawn(work);
                let _abort = AbortOnDrop(task.abort_handle());
                task.await.map_err(|error| failed(&error))?
            }
        };
        ended.map_err(|_| failed(&"a panic, which is in the log above"))
    }
}

/// A folder of the grant is not there: the host's trouble, not the guest's.
fn mount_failed(error: &dyn std::error::Error) -> Outcome {
    tracing::warn!(error = %error, source = error.source(), "a grant's folder cannot be mounted");
    Outcome::Trapped(error.to_string())
}

impl Report {
    /// The report of a call that never ran.
    pub(crate) fn ended(outcome: Outcome, started: Instant) -> Report {
        Report {
            outcome,
            usage: Usage {
                wall: started.elapsed(),
                ..Usage::default()
            },
            record: HostRecord::default(),
            divergence: None,
            logs: Vec::new(),
        }
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("pooled", &self.inner.pooled)
            .finish_non_exhaustive()
    }
}
