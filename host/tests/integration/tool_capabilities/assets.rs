//! `alcove:assets`, and how the API serves them.

use alcove_api_types::ToolOutcome;
use serde_json::json;

use super::{Bench, PROBE, denied, limit, text};

const GRANT: &str = "[assets]\nquota = \"4 MiB\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_asset_is_given_back_read_again_and_served_to_its_owner() {
    let bench = Bench::new(GRANT).await;
    // More than a chunk, and not a whole number of them.
    let size = 3 * 65_536 + 17;
    let make = json!({"do": "make", "n": size, "media_type": "image/png", "name": "a \"cat\".png"});
    let made = bench.call("asset", make.clone()).await;
    let part = &made.output[0];
    assert_eq!(part.kind, "image");
    assert_eq!(part.title.as_deref(), Some("a \"cat\".png"));
    let id = part.value.clone();
    assert_eq!(
        bench.text("asset", json!({"do": "read", "id": id})).await,
        format!("image/png a \"cat\".png {size} true")
    );
    // In the same call, too.
    let again = bench.text("asset", json!({"do": "again", "n": 0})).await;
    assert_eq!(again, "application/octet-stream  0 true");

    let path = format!("/api/assets/{id}");
    let reply = bench.app.local().get(&path).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body.len(), size);
    assert!(
        reply
            .body
            .iter()
            .enumerate()
            .all(|(index, byte)| usize::from(*byte) == index % 251)
    );
    assert_eq!(reply.headers["content-type"], "image/png");
    assert_eq!(
        reply.headers["content-disposition"],
        "inline; filename*=UTF-8''a%20%22cat%22.png"
    );
    assert_eq!(
        reply.headers["content-security-policy"],
        "default-src 'none'; sandbox"
    );
    assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    // Nobody else's, and nothing that is no asset.
    assert_eq!(bench.app.claim().await.get(&path).await.status, 200);
    let eve = bench.app.another_user("eve").await;
    eve.get(&path).await.expect(404);
    bench.app.visitor().get(&path).await.expect(401);
    bench
        .app
        .local()
        .get("/api/assets/asset_1")
        .await
        .expect(404);

    // The same bytes lie there once, sealed.
    let second = bench.call("asset", make).await;
    assert_ne!(second.output[0].value, id);
    let files = std::fs::read_dir(bench.app.data().join("assets")).unwrap();
    let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let sealed = std::fs::read(&files[0]).unwrap();
    let pattern: Vec<u8> = (0..64).collect();
    assert!(!sealed.windows(64).any(|bytes| bytes == pattern));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_a_tool_made_is_a_download() {
    let bench = Bench::new(GRANT).await;
    let made = json!({"do": "make", "media_type": "text/html", "name": "x.html"});
    let made = bench.call("asset", made).await;
    assert_eq!(made.output[0].kind, "asset");
    let path = format!("/api/assets/{}", made.output[0].value);
    let reply = bench.app.local().get(&path).await;
    assert_eq!(
        reply.headers["content-disposition"],
        "attachment; filename*=UTF-8''x.html"
    );
    // And an SVG that is no drawing is none at all.
    let made = json!({"do": "make", "media_type": "image/svg+xml", "name": "x.svg"});
    let made = bench.call("asset", made).await;
    assert!(
        format!("{:?}", made.outcome).contains("shapes and texts alone"),
        "{made:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_given_back_is_gone() {
    let bench = Bench::new(GRANT).await;
    let dropped = bench.text("asset", json!({"do": "drop"})).await;
    let path = format!("/api/assets/{dropped}");
    bench.app.local().get(&path).await.expect(404);
    let files = std::fs::read_dir(bench.app.data().join("assets")).unwrap();
    assert_eq!(files.count(), 0);
    // Its id is good for nothing any more, nor is one that was made up.
    let read = bench
        .call("asset", json!({"do": "read", "id": dropped}))
        .await;
    assert!(
        matches!(&read.outcome, ToolOutcome::Failed { failure, .. } if failure == "not-found"),
        "{read:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_the_call_did_not_make_is_not_given_back() {
    let bench = Bench::new(GRANT).await;
    let made = bench.call("asset", json!({"do": "make"})).await;
    for id in [made.output[0].value.as_str(), "asset_x", ""] {
        let result = bench.call("asset", json!({"do": "return", "id": id})).await;
        assert!(
            matches!(result.outcome, ToolOutcome::Failed { .. }),
            "{result:?}"
        );
        assert!(result.output.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_of_a_call_and_the_lack_of_a_grant_are_named() {
    let bench = Bench::new(GRANT).await;
    let result = bench
        .call("asset", json!({"do": "make", "n": 5 << 20}))
        .await;
    assert_eq!(limit(&result), "assets");
    let files = std::fs::read_dir(bench.app.data().join("assets")).unwrap();
    assert_eq!(files.count(), 0, "what was begun is gone");
    text(
        &bench
            .call("asset", json!({"do": "make", "n": 4 << 20}))
            .await,
    );

    let bench = Bench::new("").await;
    let result = bench.call("asset", json!({"do": "make"})).await;
    let (capability, message) = denied(&result);
    assert_eq!(capability, "assets");
    assert!(
        message.contains(PROBE) && message.ends_with("[assets]"),
        "{message}"
    );
}
