//! The same component as other hosts instantiate it, and what looking at a guest every tick costs.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wasmtime::component::{Component, InstancePre, Linker, Val};
use wasmtime::{Config, Engine, Instance, Module, Store};

use crate::common::{Measured, grant, load, one, percentile, policy, sandbox};

const ARGUMENTS: &str = r#"{"text":"hello"}"#;
const HANDLER: &str = "alcove:tool/handler@0.1.0";
/// Rounds in which ours and the others take turns, and calls in each.
const ROUNDS: usize = 20;
const CALLS: usize = 200;
/// How often the loop goes round.
const STEPS: i64 = 200_000_000;
/// Counts its argument down to zero: the shortest loop there is, so the dearest to look at.
const COUNTDOWN: [u8; 46] = [
    0, b'a', b's', b'm', 1, 0, 0, 0, // A module,
    1, 5, 1, 0x60, 1, 0x7e, 0, // a type: one i64,
    3, 2, 1, 0, // a function of it,
    7, 5, 1, 1, b'f', 0, 0, // exported as `f`:
    0x0a, 0x12, 1, 0x10, 0, // its code, without locals:
    0x03, 0x40, 0x20, 0, 0x42, 1, 0x7d, 0x22, 0, // loop: tee 0 (get 0 - 1),
    0x50, 0x45, 0x0d, 0, // again unless it is zero.
    0x0b, 0x0b, // The ends of loop and function.
];

/// Medians and 99th percentiles of a call, taken alternately.
pub(crate) async fn measure(echo: &Path) -> Measured<Value> {
    let folder = tempfile::tempdir()?;
    let sandbox = sandbox(folder.path())?;
    let ours = load(&sandbox, echo).await?;
    let grant = grant(policy("")?);

    let engine = Engine::new(&Config::new())?;
    let component = Component::from_file(&engine, echo)?;
    let cached = linker(&engine, &component)?.instantiate_pre(&component)?;

    let (mut own, mut pre, mut fresh) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for _ in 0..CALLS {
            own.push(one(&sandbox, &ours, &grant, "echo", ARGUMENTS).await?);
        }
        for _ in 0..CALLS {
            let started = Instant::now();
            invoke(&engine, &cached)?;
            pre.push(started.elapsed());
        }
        for _ in 0..CALLS {
            let (engine, component) = (engine.clone(), component.clone());
            let started = Instant::now();
            let called = tokio::task::spawn_blocking(move || {
                let linker = linker(&engine, &component).map_err(|error| error.to_string())?;
                let pre = linker.instantiate_pre(&component);
                invoke(&engine, &pre.map_err(|error| error.to_string())?)
                    .map_err(|error| error.to_string())
            });
            called.await??;
            fresh.push(started.elapsed());
        }
    }
    let row = |values: &mut Vec<Duration>| json!({ "p50_us": percentile(values, 50), "p99_us": percentile(values, 99) });
    Ok(json!({
        "ours": row(&mut own),
        "cached_pre_on_demand": row(&mut pre),
        "new_linker_blocking": row(&mut fresh),
    }))
}

/// The tool of this benchmark calls nothing of the host.
fn linker(engine: &Engine, component: &Component) -> Measured<Linker<()>> {
    let mut linker = Linker::new(engine);
    linker.define_unknown_imports_as_traps(component)?;
    Ok(linker)
}

/// A new store, a new instance, one call.
fn invoke(engine: &Engine, pre: &InstancePre<()>) -> Measured<()> {
    let mut store = Store::new(engine, ());
    let instance = pre.instantiate(&mut store)?;
    let handler = instance
        .get_export_index(&mut store, None, HANDLER)
        .ok_or("no handler")?;
    let invoke = instance
        .get_export_index(&mut store, Some(&handler), "invoke")
        .ok_or("no `invoke`")?;
    let invoke = instance.get_func(&mut store, invoke).ok_or("no function")?;
    let mut results = [Val::Bool(false)];
    let arguments = [Val::String("echo".into()), Val::String(ARGUMENTS.into())];
    invoke.call(&mut store, &arguments, &mut results)?;
    match &results[0] {
        Val::Result(Ok(_)) => Ok(()),
        other => Err(format!("the call did not end well: {other:?}").into()),
    }
}

/// How much longer the shortest loop takes when it can be interrupted, in percent.
pub(crate) fn epochs() -> Measured<f64> {
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..5 {
        for (with, took) in took.iter_mut().enumerate() {
            took.push(countdown(with == 1)?);
        }
    }
    let [mut without, mut with] = took;
    Ok((percentile(&mut with, 50) / percentile(&mut without, 50) - 1.0) * 100.0)
}

fn countdown(epochs: bool) -> Measured<Duration> {
    let mut config = Config::new();
    config.epoch_interruption(epochs);
    let engine = Engine::new(&config)?;
    let module = Module::new(&engine, COUNTDOWN)?;
    let mut store = Store::new(&engine, ());
    if epochs {
        store.set_epoch_deadline(1);
    }
    let instance = Instance::new(&mut store, &module, &[])?;
    let run = instance.get_typed_func::<i64, ()>(&mut store, "f")?;
    let started = Instant::now();
    run.call(&mut store, STEPS)?;
    Ok(started.elapsed())
}
