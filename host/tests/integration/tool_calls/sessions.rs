//! Sessions: variables on one path, forks, and cells that were stopped.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn variables_live_on_one_path_and_forks_never_meet() {
    let app = TestApp::start().await;
    let mut trunk = Path::new(&app).await;
    assert_printed(
        &trunk
            .python("import random\nx = 1\nr = random.random()\nr")
            .await,
        &{
            let first = trunk.calls[0].output.clone();
            first
                .iter()
                .map(|part| part.value.trim().to_owned())
                .collect::<Vec<_>>()
                .join("\n")
        },
    );
    let drawn = printed_of(&trunk.calls[0]);
    let mut fork = trunk.clone();
    // The trunk takes the living instance; the fork finds none and makes one of its own.
    trunk.python("x += 10\ny = 'trunk'").await;
    let result = fork.python("x += 100\nprint(x, r, 'y' in globals())").await;
    assert_printed(&result, &format!("101 {drawn} False"));
    assert_eq!(
        notes(&result),
        [""; 0],
        "restored exactly, with the same random number"
    );
    assert_printed(
        &trunk.python("print(x, r, y)").await,
        &format!("11 {drawn} trunk"),
    );
    assert_printed(&fork.python("x").await, "101");
    // Another conversation begins with nothing.
    let mut other = Path::new(&app).await;
    assert_printed(&other.python("'x' in globals()").await, "False");
}

fn printed_of(call: &PriorCall) -> String {
    call.output
        .iter()
        .map(|part| part.value.trim())
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_cell_is_left_out_and_told() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    path.python("kept = 'yes'").await;
    let cancel = CancellationToken::new();
    let stopping = cancel.clone();
    let running = Arc::clone(app.app());
    tokio::spawn(async move {
        until_leases_held(&running, 1).await;
        stopping.cancel();
    });
    let began = Instant::now();
    let result = path
        .python_until("lost = 'no'\nwhile True: pass", cancel)
        .await;
    assert!(
        matches!(&result.outcome, ToolOutcome::Limit { limit, .. } if limit == "stopped"),
        "{result:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(10));
    let result = path.python("print(kept, 'lost' in globals())").await;
    assert_printed(&result, "yes False");
    assert!(
        notes(&result)[0].contains("1 earlier call had been stopped"),
        "{result:?}"
    );
    // Told once: the instance that was made lives on.
    assert_eq!(notes(&path.python("kept").await), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_do_not_fit_never_reach_the_component() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    path.python("x = 5").await;
    let (item, tool, result) = path
        .call_of(PYTHON, json!({"code": 7}), CancellationToken::new())
        .await;
    assert!(
        matches!(&result.outcome, ToolOutcome::Failed { failure, .. } if failure == "invalid-input"),
        "{result:?}"
    );
    path.calls.push(PriorCall {
        item,
        plugin: tool.plugin,
        digest: tool.digest,
        tool: tool.tool,
        arguments: result.arguments_canonical.clone(),
        outcome: result.outcome.clone(),
        output: result.output.clone(),
        record: result.record.clone(),
    });
    let result = path.python("x").await;
    assert_printed(&result, "5");
    assert_eq!(notes(&result), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_raises_has_failed_and_what_it_did_before_stays() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    let result = path.python("kept = 7\nprint('so far')\n1 / 0").await;
    let message = raised(&result);
    assert!(message.starts_with("so far\nTraceback"), "{message}");
    assert!(
        message.ends_with("ZeroDivisionError: division by zero\n"),
        "{message}"
    );
    // Also where the path is run again from its record.
    let mut fork = path.clone();
    assert_printed(&path.python("kept").await, "7");
    assert_printed(&fork.python("kept + 1").await, "8");
    let result = fork.python("import pandas").await;
    assert!(
        raised(&result).contains("with the standard library alone"),
        "{result:?}"
    );
}
