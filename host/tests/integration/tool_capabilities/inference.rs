//! `alcove:inference`, with the real test model.

use alcove::ledger::{Kind, Owner};
use serde_json::json;

use super::{Bench, PROBE, denied, limit, text};

const MODEL: (&str, &str) = ("model", "smollm2-135m");

async fn bench(lines: &str) -> Bench {
    let bench = Bench::with_settings(lines, &[MODEL]).await;
    bench.app.ready().await;
    bench
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_asks_the_model_and_its_tokens_are_counted() {
    let bench =
        bench("[limits]\nwall = \"60 s\"\n[inference]\nmodels = [\"default\", \"nothing\"]\n")
            .await;
    let ask = json!({"prompt": "The capital of France is", "max_tokens": 8});
    let first = bench.text("generate", ask.clone()).await;
    let head: Vec<&str> = first.lines().next().unwrap().split(' ').collect();
    assert_eq!(head[0], "smollm2-135m");
    let tokens: u64 = head[2].parse::<u64>().unwrap() + head[3].parse::<u64>().unwrap();
    assert!(
        head[3].parse::<u64>().unwrap() <= 8 && tokens > 8,
        "{first}"
    );
    assert_eq!(
        bench.text("generate", ask).await,
        first,
        "nothing is left to chance"
    );
    let person = &bench.person;
    for owner in [
        Owner::Plugin(person.user, PROBE.to_owned()),
        Owner::User(person.user),
        Owner::Organisation(person.organisation),
    ] {
        let balance = bench
            .app
            .app()
            .ledger
            .balance(&owner, Kind::Tokens)
            .await
            .unwrap();
        assert_eq!(
            balance.spent,
            2 * i64::try_from(tokens).unwrap(),
            "{owner:?}"
        );
        assert_eq!(balance.reserved, 0, "{owner:?}");
    }
    // A text under a schema is a value of it.
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "maximum": 9}},
        "required": ["n"], "additionalProperties": false});
    let asked =
        json!({"prompt": "A number as JSON", "max_tokens": 40, "schema": schema.to_string()});
    let answer = bench.text("generate", asked).await;
    let value: serde_json::Value =
        serde_json::from_str(answer.split_once('\n').unwrap().1).unwrap();
    assert!(value["n"].is_u64(), "{answer}");
    // A model that the policy names but the server does not have is not there.
    let other = bench
        .call(
            "generate",
            json!({"prompt": "x", "max_tokens": 8, "model": "nothing"}),
        )
        .await;
    assert!(
        format!("{:?}", other.outcome).contains("does not serve"),
        "{other:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_not_granted_is_denied() {
    let nothing = bench("").await;
    let result = nothing
        .call("generate", json!({"prompt": "x", "max_tokens": 8}))
        .await;
    let (capability, message) = denied(&result);
    assert_eq!(capability, "inference");
    assert!(
        message.contains(PROBE) && message.contains("[inference]\nmodels = [\"default\"]"),
        "{message}"
    );
    nothing
        .grant(PROBE, "[inference]\nmodels = [\"default\"]\n")
        .await;
    let other = json!({"prompt": "x", "max_tokens": 8, "model": "smollm2-135m"});
    let result = nothing.call("generate", other).await;
    assert!(denied(&result).1.contains("smollm2-135m"), "{result:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_run_out_in_a_call_and_in_a_day() {
    let bench = bench("[limits]\nwall = \"60 s\"\n[inference]\ntokens_per_call = 100\n").await;
    let ask = |tokens: u32| json!({"prompt": "Hello", "max_tokens": tokens});
    assert_eq!(
        limit(&bench.call("generate", ask(200)).await),
        "inference-tokens"
    );
    text(&bench.call("generate", ask(4)).await);
    let day = "[limits]\nwall = \"60 s\"\n[inference]\ntokens_per_day = 150\n";
    bench.grant(PROBE, day).await;
    let mut answered = 0;
    let ended = loop {
        let result = bench.call("generate", ask(8)).await;
        if result.outcome != alcove_api_types::ToolOutcome::Ok {
            break result;
        }
        answered += 1;
        assert!(answered < 20);
    };
    assert!(answered > 0);
    assert_eq!(limit(&ended), "inference-tokens-per-day");
    let owner = Owner::Plugin(bench.person.user, PROBE.to_owned());
    let balance = bench
        .app
        .app()
        .ledger
        .balance(&owner, Kind::Tokens)
        .await
        .unwrap();
    assert!(balance.spent <= 150 && balance.reserved == 0, "{balance:?}");
}
