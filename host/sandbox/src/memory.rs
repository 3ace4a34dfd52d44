//! One limit over all linear memories and tables of an instance.

use wasmtime::ResourceLimiter;

/// What an element of a table takes.
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();
/// The most core instances, memories and tables of one component; the pool is laid out for these.
pub(crate) const MAX_CORE_INSTANCES: usize = 64;
pub(crate) const MAX_MEMORIES: usize = 4;
pub(crate) const MAX_TABLES: usize = 16;

/// Sums what an instance holds, and refuses what would go over the limit.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit: u64,
    used: u64,
    peak: u64,
    /// What the last permitted growth added, in case it fails after all.
    last: u64,
    /// Whether the guest ever wanted more than it may have.
    refused: bool,
}

impl MemoryLimiter {
    pub(crate) fn new(limit: u64) -> MemoryLimiter {
        MemoryLimiter {
            limit,
            used: 0,
            peak: 0,
            last: 0,
            refused: false,
        }
    }

    /// For the next call of a session.
    pub(crate) fn begin_call(&mut self) {
        self.peak = self.used;
        self.refused = false;
    }

    pub(crate) fn peak(&self) -> u64 {
        self.peak
    }

    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    fn grow(
        &mut self,
        current: usize,
        desired: usize,
        unit: usize,
        maximum: Option<usize>,
    ) -> bool {
        let added = (desired.saturating_sub(current) as u64).saturating_mul(unit as u64);
        let wanted = self.used.saturating_add(added);
        if wanted > self.limit || maximum.is_some_and(|maximum| desired > maximum) {
            self.refused |= wanted > self.limit;
            self.last = 0;
            return false;
        }
        self.used = wanted;
        self.peak = self.peak.max(wanted);
        self.last = added;
        true
    }

    fn take_back(&mut self) {
        self.used -= self.last;
        self.last = 0;
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired, 1, maximum))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(current, desired, TABLE_ELEMENT_BYTES, maximum))
    }

    fn table_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.take_back();
        Ok(())
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_share_one_limit() {
        let mut limiter = MemoryLimiter::new(1000);
        assert!(limiter.memory_growing(0, 600, None).unwrap());
        assert!(limiter.table_growing(0, 25, None).unwrap());
        assert!(!limiter.refused());
        assert!(!limiter.memory_growing(0, 600, None).unwrap());
        assert!(!limiter.table_growing(25, 100, None).unwrap());
        assert!(limiter.refused());
        assert_eq!(limiter.peak(), 800);
    }

    #[test]
    fn growth_that_fails_after_all_is_taken_back() {
        let mut limiter = MemoryLimiter::new(1000);
        assert!(limiter.memory_growing(0, 900, None).unwrap());
        limiter
            .memory_grow_failed(wasmtime::Error::msg("the system has no memory"))
            .unwrap();
        assert!(limiter.memory_growing(0, 900, None).unwrap());
        assert!(!limiter.memory_growing(900, 950, Some(920)).unwrap());
        assert!(
            !limiter.refused(),
            "the guest's own maximum is not our limit"
        );
    }
}
