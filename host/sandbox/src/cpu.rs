//! The CPU time of one guest, measured as its thread's time while it is polled.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// Adds up the CPU time of the polls of one call. A guest moves between threads, but never within
/// a poll.
#[derive(Debug, Default)]
pub(crate) struct CpuMeter {
    /// Of the polls that have ended.
    used_ns: AtomicU64,
    /// What the thread's clock said when the running poll began.
    began_ns: AtomicU64,
}

impl CpuMeter {
    pub(crate) fn reset(&self) {
        self.used_ns.store(0, Ordering::Relaxed);
    }

    /// For use outside of a poll.
    pub(crate) fn used(&self) -> Duration {
        Duration::from_nanos(self.used_ns.load(Ordering::Relaxed))
    }

    /// For use within a poll, on its thread.
    pub(crate) fn used_within_poll(&self) -> Duration {
        let now = thread_cpu_ns();
        let began = self.began_ns.load(Ordering::Relaxed);
        let ended = self.used_ns.load(Ordering::Relaxed);
        Duration::from_nanos(ended + now.saturating_sub(began))
    }

    fn begin(&self) {
        self.began_ns.store(thread_cpu_ns(), Ordering::Relaxed);
    }

    fn end(&self) {
        let spent = thread_cpu_ns().saturating_sub(self.began_ns.load(Ordering::Relaxed));
        self.used_ns.fetch_add(spent, Ordering::Relaxed);
    }
}

/// `future`, with the CPU time of its polls added to `meter`.
pub(crate) struct Metered<'m, F> {
    inner: Pin<Box<F>>,
    meter: &'m CpuMeter,
}

impl<'m, F: Future> Metered<'m, F> {
    pub(crate) fn new(inner: F, meter: &'m CpuMeter) -> Metered<'m, F> {
        Metered {
            inner: Box::pin(inner),
            meter,
        }
    }
}

impl<F: Future> Future for Metered<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.meter.begin();
        let result = self.inner.as_mut().poll(cx);
        self.meter.end();
        result
    }
}

/// The CPU time of the calling thread.
fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    #[expect(
        unsafe_code,
        reason = "clock_gettime writes to the timespec it is given"
    )]
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    if result != 0 {
        return 0;
    }
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted_and_waiting_is_not() {
        let meter = CpuMeter::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(Metered::new(
            async {
                tokio::time::sleep(Duration::from_millis(300)).await;
                let mut x = 1_u64;
                while meter.used_within_poll() < Duration::from_millis(20) {
                    x = std::hint::black_box(x.wrapping_mul(3));
                }
            },
            &meter,
        ));
        assert!(meter.used() >= Duration::from_millis(20));
        assert!(meter.used() < Duration::from_millis(250));
    }
}
