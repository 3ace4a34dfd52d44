//! Threads that share a loop.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// How often a helper looks for work before it sleeps: some tens of microseconds, which covers the
/// gap between two products of one step and costs other processes little.
const SPINS: usize = 3000;

/// A loop body that helpers run. The pointer is valid while the loop is open or a helper is in it.
type Body = *const (dyn Fn(usize) + Sync);

/// Threads that help their owner with loops. The owner takes part, so a pool of one has no threads.
///
/// Iterations are handed out one by one: a helper that the system does not schedule delays nobody
/// unless it is in the middle of an iteration.
pub(crate) struct Pool {
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
    /// Only one loop runs at a time.
    owner: Mutex<()>,
}

struct Shared {
    body: Mutex<Option<BodyPointer>>,
    /// Iterations of the open loop; the next one to hand out is `next`.
    end: AtomicUsize,
    next: AtomicUsize,
    open: AtomicBool,
    /// Helpers that are looking at the open loop.
    inside: AtomicUsize,
    /// Counts the loops, so that a sleeper knows whether it missed one.
    epoch: AtomicUsize,
    sleeping: Mutex<usize>,
    wake: Condvar,
    stop: AtomicBool,
    failed: AtomicBool,
}

#[derive(Clone, Copy)]
struct BodyPointer(Body);

#[expect(
    unsafe_code,
    reason = "the body is Sync, and `run` does not return while a helper can use the pointer"
)]
// SAFETY: see the reason.
unsafe impl Send for BodyPointer {}

impl Pool {
    /// A pool of `threads` threads in all, the owner included.
    pub(crate) fn new(threads: usize) -> std::io::Result<Pool> {
        let shared = Arc::new(Shared {
            body: Mutex::new(None),
            end: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            open: AtomicBool::new(false),
            inside: AtomicUsize::new(0),
            epoch: AtomicUsize::new(0),
            sleeping: Mutex::new(0),
            wake: Condvar::new(),
            stop: AtomicBool::new(false),
            failed: AtomicBool::new(false),
        });
        let helpers = (1..threads.max(1))
            .map(|index| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new()
                    .name(format!("alcove-compute-{index}"))
                    .spawn(move || shared.help())
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Pool {
            shared,
            helpers,
            owner: Mutex::new(()),
        })
    }

    /// Threads that work, the owner included.
    pub(crate) fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Runs `body(0)` to `body(count - 1)`, each once, in any order, on all threads.
    pub(crate) fn run(&self, count: usize, body: &(dyn Fn(usize) + Sync)) {
        if count <= 1 || self.helpers.is_empty() {
            (0..count).for_each(body);
            return;
        }
        let _owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = &*self.shared;
        #[expect(
            unsafe_code,
            reason = "the lifetime is erased; `Closing` waits for the last helper before it ends"
        )]
        // SAFETY: no helper uses the pointer after `Closing` is dropped below.
        let pointer = unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), Body>(std::ptr::from_ref(
                body,
            ))
        };
        *lock(&shared.body) = Some(BodyPointer(pointer));
        shared.next.store(0, SeqCst);
        shared.end.store(count, SeqCst);
        shared.failed.store(false, SeqCst);
        shared.open.store(true, SeqCst);
        shared.epoch.fetch_add(1, SeqCst);
        if *lock(&shared.sleeping) > 0 {
            shared.wake.notify_all();
        }
        let closing = Closing(shared);
        shared.take(body);
        drop(closing);
        assert!(!shared.failed.load(SeqCst), "a compute thread panicked");
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        self.shared.epoch.fetch_add(1, SeqCst);
        drop(lock(&self.shared.sleeping));
        self.shared.wake.notify_all();
        for helper in self.helpers.drain(..) {
            // A helper catches panics of loop bodies, so there is none to report.
            let _ = helper.join();
        }
    }
}

/// Ends the open loop, also when the body panicked on the owner's thread.
struct Closing<'a>(&'a Shared);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.open.store(false, SeqCst);
        let mut spins = 0usize;
        while self.0.inside.load(SeqCst) > 0 {
            spins += 1;
            if spins < SPINS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }
}

impl Shared {
    fn take(&self, body: &(dyn Fn(usize) + Sync)) {
        let end = self.end.load(SeqCst);
        loop {
            let index = self.next.fetch_add(1, SeqCst);
            if index >= end {
                return;
            }
            body(index);
        }
    }

    fn help(&self) {
        let mut seen = 0;
        loop {
            self.wait(&mut seen);
            if self.stop.load(SeqCst) {
                return;
            }
            self.inside.fetch_add(1, SeqCst);
            if self.open.load(SeqCst) {
                let pointer = *lock(&self.body);
                if let Some(BodyPointer(pointer)) = pointer {
                    #[expect(
                        unsafe_code,
                        reason = "the loop is open and `inside` keeps its owner from returning"
                    )]
                    // SAFETY: see the reason.
                    let body = unsafe { &*pointer };
                    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        self.take(body);
                    }));
                    if result.is_err() {
                        self.failed.store(true, SeqCst);
                    }
                }
            }
            self.inside.fetch_sub(1, SeqCst);
        }
    }

    /// Waits until a loop was opened since `seen`.
    fn wait(&self, seen: &mut usize) {
        for _ in 0..SPINS {
            let epoch = self.epoch.load(SeqCst);
            if epoch != *seen {
                *seen = epoch;
                return;
            }
            std::hint::spin_loop();
        }
        let mut sleeping = lock(&self.sleeping);
        *sleeping += 1;
        while self.epoch.load(SeqCst) == *seen {
            sleeping = self
                .wake
                .wait(sleeping)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *sleeping -= 1;
        *seen = self.epoch.load(SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A pointer to a buffer whose parts are written by different iterations of one loop.
#[derive(Clone, Copy)]
pub(crate) struct Shards<T>(*mut T, usize);

#[expect(unsafe_code, reason = "each part is written by one iteration only")]
// SAFETY: `part` requires that no two threads hold overlapping parts.
unsafe impl<T: Send> Send for Shards<T> {}
#[expect(unsafe_code, reason = "each part is written by one iteration only")]
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shards<T> {}

impl<T> Shards<T> {
    pub(crate) fn new(buffer: &mut [T]) -> Shards<T> {
        Shards(buffer.as_mut_ptr(), buffer.len())
    }

    /// The part at `start`.
    ///
    /// # Safety
    /// The buffer is still borrowed, and no other live part overlaps this one.
    #[expect(unsafe_code, reason = "the callers' loops write disjoint parts")]
    #[expect(clippy::mut_from_ref, reason = "that is the point of it; see Safety")]
    pub(crate) unsafe fn part(&self, start: usize, len: usize) -> &mut [T] {
        assert!(start.checked_add(len).is_some_and(|end| end <= self.1));
        // SAFETY: in bounds by the assertion, exclusive by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(start), len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_iteration_runs_once() {
        for threads in [1, 2, 5] {
            let pool = Pool::new(threads).unwrap();
            assert_eq!(pool.threads(), threads);
            for count in [0, 1, 2, 7, 1000] {
                let hits: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                pool.run(count, &|index| {
                    hits[index].fetch_add(1, SeqCst);
                });
                assert!(hits.iter().all(|hit| hit.load(SeqCst) == 1));
            }
        }
    }

    #[test]
    fn sleeping_helpers_wake_up() {
        let pool = Pool::new(3).unwrap();
        for _ in 0..20 {
            std::thread::sleep(std::time::Duration::from_millis(2));
            let sum = AtomicUsize::new(0);
            pool.run(100, &|index| {
                sum.fetch_add(index, SeqCst);
            });
            assert_eq!(sum.load(SeqCst), 4950);
        }
    }

    #[test]
    fn a_panic_reaches_the_owner_and_the_pool_lives_on() {
        let pool = Pool::new(2).unwrap();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pool.run(8, &|index| assert!(index != 5, "as the test wants"));
        }));
        assert!(result.is_err());
        pool.run(8, &|_| {});
    }
}
