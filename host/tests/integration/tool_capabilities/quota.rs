//! The day's quotas of tools.

use alcove::ledger::{Kind, Owner};
use alcove::store::Balance;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Bench, PROBE, limit, text};

impl Bench {
    async fn used(&self, owner: Owner, kind: Kind) -> Balance {
        self.app.app().ledger.balance(&owner, kind).await.unwrap()
    }

    fn user(&self) -> Owner {
        Owner::User(self.person.user)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn processor_time_runs_out_for_the_day() {
    let quota = ("quota.tool_cpu_per_user", "300 ms");
    let bench = Bench::with_settings("[limits]\ncpu = \"100 ms\"\n", &[quota]).await;
    let echo = json!({"do": "echo", "text": "hi"});
    assert_eq!(bench.text("probe", echo.clone()).await, "hi");
    // While the day has more than the policy allows, the policy is the limit.
    let spin = json!({"do": "loop"});
    assert_eq!(limit(&bench.call("probe", spin.clone()).await), "cpu");
    bench.grant(PROBE, "[limits]\ncpu = \"5 s\"\n").await;
    let started = std::time::Instant::now();
    assert_eq!(limit(&bench.call("probe", spin).await), quota.0);
    assert!(started.elapsed().as_secs() < 4);
    // Nothing is left. Somebody else has their own.
    let refused = bench.call("probe", echo.clone()).await;
    assert_eq!(limit(&refused), quota.0);
    assert!(format!("{:?}", refused.outcome).contains("starts anew at"));
    let balance = bench.used(bench.user(), Kind::ToolCpuMs).await;
    assert!((300..1000).contains(&balance.spent), "{balance:?}");
    assert_eq!(balance.reserved, 0);
    let accounts = &bench.app.app().accounts;
    let other = accounts.create_user(&bench.person, "bob", "correct horse");
    let other = other.await.unwrap();
    assert_eq!(text(&bench.call_as(&other, "probe", echo).await), "hi");
}

#[tokio::test(flavor = "multi_thread")]
async fn results_and_requests_share_the_bytes_of_the_day() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: 4096\r\nconnection: close\r\n\r\n{:4096}",
                "x"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let lines = format!("[[http]]\norigin = \"{origin}\"\naddresses = [\"127.0.0.1/32\"]\n");
    let quota = ("quota.tool_bytes_per_organisation", "24 KiB");
    let bench = Bench::with_settings(&lines, &[quota]).await;
    let get = json!({"do": "http", "url": format!("{origin}/")});
    bench.text("probe", get.clone()).await;
    let one = bench.used(bench.user(), Kind::ToolBytes).await.spent;
    // The answer came over the network, and went on to whoever called.
    assert!((8192..10_000).contains(&one), "{one}");
    bench
        .text("probe", json!({"do": "output", "n": 10_000}))
        .await;
    assert_eq!(limit(&bench.call("probe", get).await), quota.0);
    let owner = Owner::Organisation(bench.person.organisation);
    let all = bench.used(owner, Kind::ToolBytes).await;
    assert!(all.spent <= 24 << 10 && all.reserved == 0, "{all:?}");
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_tool_asks_the_model_is_on_the_persons_account() {
    let settings = [("model", "smollm2-135m"), ("quota.tokens_per_user", "150")];
    let bench = Bench::with_settings("[inference]\n", &settings).await;
    bench.app.ready().await;
    let ask = json!({"prompt": "Hello", "max_tokens": 200});
    let refused = bench.call("generate", ask).await;
    assert_eq!(limit(&refused), "quota.tokens_per_user");
    let ask = json!({"prompt": "Hello", "max_tokens": 4});
    bench.text("generate", ask).await;
    let balance = bench.used(bench.user(), Kind::Tokens).await;
    assert!((5..150).contains(&balance.spent) && balance.reserved == 0);
}

/// A call that may call others holds no more than half of what is left.
#[tokio::test(flavor = "multi_thread")]
async fn a_tool_leaves_something_of_the_day_to_the_tools_that_it_calls() {
    let lines = "[limits]\ncpu = \"10 s\"\n[delegate]\ntools = [\"local/echo:echo\"]\n";
    for quota in [
        ("quota.tool_cpu_per_user", "2 s"),
        ("quota.tool_bytes_per_user", "1 KiB"),
    ] {
        let bench = Bench::with_settings(lines, &[quota]).await;
        bench.install("echo").await;
        bench.grant("local/echo", "").await;
        let arguments = json!({"text": "hello"}).to_string();
        let call = json!({"tool": "local/echo:echo", "arguments": arguments});
        assert_eq!(bench.text("call", call).await, "hello", "{quota:?}");
        for kind in [Kind::ToolCpuMs, Kind::ToolBytes] {
            assert_eq!(bench.used(bench.user(), kind).await.reserved, 0);
        }
    }
}
