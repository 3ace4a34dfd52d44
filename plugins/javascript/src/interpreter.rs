//! QuickJS with what surrounds it: a console, timers, files, modules.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use alcove_sdk::clock;
use rquickjs::context::EvalOptions;
use rquickjs::promise::PromiseState;
use rquickjs::{
    CatchResultExt as _, CaughtError, Context, Ctx, Exception, Function, Object, Persistent,
    Promise, Result, Runtime, Value,
};

use crate::{cell, disk, modules};

/// What one cell may print; the rest is dropped and counted.
const MAX_OUTPUT_BYTES: usize = 100_000;
/// How deep JavaScript may recurse: the engine's own stack ends after about twice as much.
const STACK_BYTES: usize = 256 << 10;
/// The clock is read at one of so many of QuickJS's own checks.
const CHECKS_PER_LOOK: u32 = 16;

/// What surrounds QuickJS, in JavaScript: each is a function of the host's part and of all parts.
/// The first makes the others when they are first asked for, because reading them all takes as long
/// as everything else that a first call does.
const PARTS: &[(&str, &str)] = &[
    ("start", include_str!("../js/start.js")),
    ("inspect", include_str!("../js/inspect.js")),
    ("console", include_str!("../js/console.js")),
    ("timers", include_str!("../js/timers.js")),
    ("process", include_str!("../js/process.js")),
    ("encoding", include_str!("../js/encoding.js")),
    ("clone", include_str!("../js/clone.js")),
    ("util", include_str!("../js/util.js")),
    ("path", include_str!("../js/path.js")),
    ("fs", include_str!("../js/fs.js")),
    ("promises", include_str!("../js/promises.js")),
    ("assert", include_str!("../js/assert.js")),
    ("expect", include_str!("../js/expect.js")),
    ("test", include_str!("../js/test.js")),
    ("runner", include_str!("../js/runner.js")),
    ("require", include_str!("../js/require.js")),
];

/// What cells print.
#[derive(Default)]
struct Output {
    text: String,
    dropped: usize,
}

impl Output {
    fn print(&mut self, text: &str) {
        let room = MAX_OUTPUT_BYTES.saturating_sub(self.text.len());
        let end = text.floor_char_boundary(room);
        self.text.push_str(&text[..end]);
        self.dropped += text.len() - end;
    }

    fn take(&mut self) -> String {
        let mut text = std::mem::take(&mut self.text);
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            text.push_str(&format!(
                "\n[{dropped} more bytes of output were dropped]\n"
            ));
        }
        text
    }
}

/// An interpreter and its globals.
pub(crate) struct Interpreter {
    // Before the runtime, because it must go before it.
    alcove: Persistent<Object<'static>>,
    context: Context,
    runtime: Runtime,
    output: Rc<RefCell<Output>>,
    cells: usize,
}

impl Interpreter {
    pub(crate) fn new() -> Result<Interpreter> {
        let runtime = Runtime::new()?;
        runtime.set_max_stack_size(STACK_BYTES);
        let context = Context::full(&runtime)?;
        let output = Rc::new(RefCell::new(Output::default()));
        let deadline = Rc::new(Cell::new(None));
        interrupt(&runtime, &deadline);
        modules::install(&runtime);
        let alcove = context.with(|ctx| {
            let host = Object::new(ctx.clone())?;
            let sink = output.clone();
            let print = move |text: String| sink.borrow_mut().print(&text);
            host.set("print", Function::new(ctx.clone(), print)?)?;
            let sink = output.clone();
            let take = move || sink.borrow_mut().take();
            host.set("take", Function::new(ctx.clone(), take)?)?;
            let now = || clock::now().as_secs_f64() * 1e3;
            host.set("now", Function::new(ctx.clone(), now)?)?;
            let set = move |milliseconds: f64| {
                deadline.set((milliseconds > 0.0).then(|| now() + milliseconds));
            };
            host.set("deadline", Function::new(ctx.clone(), set)?)?;
            disk::offer(&ctx, &host)?;
            modules::offer(&ctx, &host)?;
            let alcove = Object::new(ctx.clone())?;
            modules::keep(&ctx, &alcove)?;
            host.set("evaluate", Function::new(ctx.clone(), evaluate)?)?;
            host.set("run", Function::new(ctx.clone(), run_cell)?)?;
            host.set("part", Function::new(ctx.clone(), part)?)?;
            let start: Function<'_> = part(ctx.clone(), "start".to_owned())?;
            start.call::<_, ()>((host, alcove.clone()))?;
            Ok::<_, rquickjs::Error>(Persistent::save(&ctx, alcove))
        })?;
        let tracker = alcove.clone();
        runtime.set_host_promise_rejection_tracker(Some(Box::new(
            move |ctx, promise, reason, is_handled| {
                // What goes wrong here would be an error about an error.
                let _ = tracker.clone().restore(&ctx).and_then(|alcove| {
                    alcove
                        .get::<_, Function<'_>>("rejected")?
                        .call::<_, ()>((promise, reason, is_handled))
                });
            },
        )));
        Ok(Interpreter {
            alcove,
            context,
            runtime,
            output,
            cells: 0,
        })
    }

    /// Runs a cell to its end: its code, then everything it has begun, timers included. Says
    /// whether all went well, and what there is to read.
    pub(crate) fn run(&mut self, code: &str) -> Result<(bool, String)> {
        self.cells += 1;
        let name = format!("<cell {}>", self.cells);
        let is_good = match cell::cell(code, &name) {
            Ok(script) => {
                let alcove = self.alcove.clone();
                self.context.with(|ctx| {
                    let alcove = alcove.restore(&ctx)?;
                    alcove
                        .get::<_, Function<'_>>("begin")?
                        .call::<_, ()>((&name, code))?;
                    run(&ctx, &alcove, &script, &name)
                })?
            }
            Err(problem) => {
                self.output.borrow_mut().print(&problem);
                false
            }
        };
        // Garbage would be copied with the instance and found by nobody.
        self.runtime.run_gc();
        Ok((is_good, self.output.borrow_mut().take()))
    }
}

fn run<'js>(ctx: &Ctx<'js>, alcove: &Object<'js>, script: &str, name: &str) -> Result<bool> {
    let failed = |error: CaughtError<'js>| {
        let value = match error {
            CaughtError::Exception(exception) => exception.into_object().into_value(),
            CaughtError::Value(value) => value,
            CaughtError::Error(error) => return Err(error),
        };
        let report: Function<'_> = alcove.get("report")?;
        report.call::<_, ()>((value,))?;
        Ok(false)
    };
    let ended = ctx
        .eval_with_options::<Promise<'js>, _>(script, options(name, true))
        .catch(ctx)
        .and_then(|promise| settle(ctx, alcove, &promise).catch(ctx));
    let mut is_good = match ended {
        Ok(value) => {
            let show: Function<'_> = alcove.get("show")?;
            show.call::<_, ()>((value,))?;
            true
        }
        Err(error) => failed(error)?,
    };
    // Tests that the cell has declared, and then what still runs.
    let rest: Function<'_> = alcove.get("rest")?;
    let rest: Promise<'js> = rest.call(())?;
    is_good &= match settle(ctx, alcove, &rest).catch(ctx) {
        Ok(value) => value.as_bool().unwrap_or(true),
        Err(error) => failed(error)?,
    };
    while step(ctx, alcove)? {}
    let unhandled: Function<'_> = alcove.get("unhandled")?;
    is_good &= !unhandled.call::<_, bool>(())?;
    Ok(is_good)
}

/// Runs until a promise is settled.
fn settle<'js>(ctx: &Ctx<'js>, alcove: &Object<'js>, promise: &Promise<'js>) -> Result<Value<'js>> {
    // Whatever it is rejected with is reported by who waits.
    let own: Function<'_> = alcove.get("own")?;
    own.call::<_, ()>((promise.clone(),))?;
    while promise.state() == PromiseState::Pending {
        if !step(ctx, alcove)? {
            return Err(Exception::throw_message(
                ctx,
                "the code waits for something that cannot happen here",
            ));
        }
    }
    promise
        .result::<Value<'js>>()
        .unwrap_or_else(|| Ok(Value::new_undefined(ctx.clone())))
}

/// Runs what is next: a job, or after some waiting a timer. False where there is nothing.
fn step<'js>(ctx: &Ctx<'js>, alcove: &Object<'js>) -> Result<bool> {
    if ctx.execute_pending_job() {
        return Ok(true);
    }
    let timers: Object<'_> = alcove.get("timers")?;
    let wait: Option<f64> = timers.get::<_, Function<'_>>("wait")?.call(())?;
    let Some(wait) = wait else {
        return Ok(false);
    };
    if wait > 0.0 {
        clock::sleep(Duration::from_secs_f64(wait / 1e3));
    }
    // What a timer throws it reports itself; what comes out here was interrupted, and the test that
    // it belonged to finds that it took too long.
    let _ = timers
        .get::<_, Function<'_>>("fire")?
        .call::<_, ()>(())
        .catch(ctx);
    Ok(true)
}

/// Runs code as a cell of that name, for tests of it.
fn run_cell<'js>(ctx: Ctx<'js>, source: String, name: String) -> Result<Value<'js>> {
    let script = cell::cell(&source, &name).map_err(|problem| {
        Exception::throw_syntax(&ctx, problem.trim_start_matches("SyntaxError: "))
    })?;
    ctx.eval_with_options(script, options(&name, true))
}

/// A part of what surrounds QuickJS.
fn part<'js>(ctx: Ctx<'js>, name: String) -> Result<Function<'js>> {
    let source = PARTS.iter().find(|(known, _)| *known == name);
    let source = source.map_or("", |(_, source)| source);
    ctx.eval_with_options(source, options(&format!("alcove:{name}"), false))
}

/// Runs code as a script of that name, for `require`.
fn evaluate<'js>(ctx: Ctx<'js>, source: String, name: String) -> Result<Value<'js>> {
    ctx.eval_with_options(source, options(&name, false))
}

fn options(name: &str, promise: bool) -> EvalOptions {
    let mut options = EvalOptions::default();
    options.global = true;
    options.strict = false;
    options.backtrace_barrier = true;
    options.promise = promise;
    options.filename = Some(name.to_owned());
    options
}

/// Ends what runs past the deadline that a test has set, once.
fn interrupt(runtime: &Runtime, deadline: &Rc<Cell<Option<f64>>>) {
    let deadline = deadline.clone();
    let mut checks = 0_u32;
    runtime.set_interrupt_handler(Some(Box::new(move || {
        let Some(until) = deadline.get() else {
            return false;
        };
        checks = checks.wrapping_add(1);
        if !checks.is_multiple_of(CHECKS_PER_LOOK) || clock::now().as_secs_f64() * 1e3 < until {
            return false;
        }
        deadline.set(None);
        true
    })));
}
