//! The engine: one configuration for compiling and running, and a pool where there is room for one.

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

use crate::memory::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLES};

/// How deep a guest's calls may go, in bytes of native stack.
const MAX_STACK_BYTES: usize = 1 << 20;
/// The stack on which a guest and the host functions it calls run.
const FIBER_STACK_BYTES: usize = 2 << 20;
/// The largest linear memory; the policy's limit is usually far below.
const MAX_MEMORY_BYTES: usize = 4 << 30;
/// The largest table.
const MAX_TABLE_ELEMENTS: usize = 100_000;
/// The largest description of an instance: CPython needs about one MiB.
const MAX_INSTANCE_BYTES: usize = 8 << 20;
/// Kept in memory per unused place of the pool: what a small guest dirties.
const KEEP_RESIDENT_BYTES: usize = 64 << 10;
/// Unused places that stay warm.
const MAX_WARM: u32 = 32;
/// What a place for a memory takes of the address space: 4 GiB and its guards.
const PLACE_ADDRESS_BYTES: usize = 6 << 30;
/// What has to be left of the address space for everything else.
const SPARE_ADDRESS_BYTES: usize = 64 << 30;

/// What a component is compiled for. Running it needs the same.
pub(crate) fn compiler_config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        // Names of a guest's functions are the guest's text.
        .wasm_backtrace_max_frames(None)
        .wasm_memory64(false)
        .max_wasm_stack(MAX_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES);
    config
}

/// An engine that can run `instances` components at once, and whether it has a pool. Without room
/// for the pool in the address space (a container with a limit on it) memories are mapped on demand:
/// slower to start, otherwise the same.
pub(crate) fn new(instances: u32) -> wasmtime::Result<(Engine, bool)> {
    if has_room_for(instances) {
        let mut config = compiler_config();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances)));
        match Engine::new(&config) {
            Ok(engine) => return Ok((engine, true)),
            Err(error) => tracing::warn!(%error, "no pool for instances; they start slower"),
        }
    } else {
        tracing::warn!("the address space has no room for a pool of instances; they start slower");
    }
    let mut config = compiler_config();
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    Ok((Engine::new(&config)?, false))
}

/// Components seldom have more than two memories; a few with more still fit.
fn memories(instances: u32) -> u32 {
    instances * 2 + 4
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances * 16 + 64)
        .total_memories(memories(instances))
        .total_tables(instances * 4 + 16)
        .total_stacks(instances)
        .max_core_instances_per_component(MAX_CORE_INSTANCES as u32)
        .max_memories_per_component(MAX_MEMORIES as u32)
        .max_tables_per_component(MAX_TABLES as u32)
        .max_component_instance_size(MAX_INSTANCE_BYTES)
        .max_core_instance_size(MAX_INSTANCE_BYTES)
        .max_memory_size(MAX_MEMORY_BYTES)
        .table_elements(MAX_TABLE_ELEMENTS)
        .max_unused_warm_slots(MAX_WARM)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .table_keep_resident(KEEP_RESIDENT_BYTES)
        // An open report says that a page in swap can reach the next instance.
        .pagemap_scan(Enabled::No);
    pool
}

/// Asks the system for as much address space as the pool will want, and gives it back.
fn has_room_for(instances: u32) -> bool {
    let bytes = memories(instances) as usize * PLACE_ADDRESS_BYTES + SPARE_ADDRESS_BYTES;
    #[expect(
        unsafe_code,
        reason = "a fresh anonymous mapping without access, unmapped at once, touches nothing"
    )]
    unsafe {
        let address = libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        );
        address != libc::MAP_FAILED && libc::munmap(address, bytes) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_pool_where_there_is_room() {
        assert!(has_room_for(4));
        assert!(!has_room_for(1_000_000), "more than any machine has");
        let (_, pooled) = new(4).unwrap();
        assert!(pooled);
    }

    #[test]
    fn what_is_compiled_without_a_pool_runs_in_one() {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let hash = |engine: &Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let compiler = Engine::new(&compiler_config()).unwrap();
        let (runner, _) = new(4).unwrap();
        assert_eq!(hash(&compiler), hash(&runner));
    }
}
