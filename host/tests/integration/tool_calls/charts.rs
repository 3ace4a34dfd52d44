//! Charts that Python code draws.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_is_a_picture_that_the_person_sees() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    let result = path
        .python("plot([1, 2, 3], [1, 4, 9], label='squares')\nplt.show()\nplt.bar(['a'], [2])")
        .await;
    assert_eq!(result.outcome, ToolOutcome::Ok, "{result:?}");
    let [said, first, second] = result.output.as_slice() else {
        panic!("{:?}", result.output)
    };
    assert_eq!(said.value, "(no output, 2 charts shown)");
    assert_eq!(
        (first.kind.as_str(), second.kind.as_str()),
        ("image", "image")
    );
    assert_eq!(first.title.as_deref(), Some("chart-1.svg"));
    let reply = app
        .local()
        .get(&format!("/api/assets/{}", first.value))
        .await;
    assert_eq!(reply.headers["content-type"], "image/svg+xml");
    assert_eq!(
        reply.headers["content-disposition"],
        "inline; filename*=UTF-8''chart-1.svg"
    );
    assert_eq!(
        reply.headers["content-security-policy"],
        "default-src 'none'; sandbox"
    );
    assert!(reply.text().contains(">squares</text>"), "{}", reply.text());

    // Code that raises shows nothing, and each call begins anew.
    let result = path.python("plt.hist([1, 2])\nplt.imshow([[1]])").await;
    assert!(result.output.is_empty(), "{result:?}");
    assert!(raised(&result).contains("have no `imshow`"), "{result:?}");
    let result = path.python("plot([1], [1, 2])").await;
    assert!(
        raised(&result).contains("they must be as many"),
        "{result:?}"
    );
    let result = path.python("1").await;
    assert_eq!(result.output.len(), 1, "{result:?}");

    // An instance that is made anew draws what it has drawn before, and nobody keeps it twice.
    path.app.tools.forget_sessions().await;
    let result = path.python("plt.plot([1])").await;
    assert_eq!(result.output.len(), 2, "{result:?}");
}
