//! `[env]`: a plugin sees the variables of its policy and no others.

use crate::support::{Bench, policy, text};

const SHOW: &str = r#"{"do":"environment"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_is_there_under_one_policy_and_not_under_another() {
    let bench = Bench::new();
    let set = policy("[env]\nCITY = \"Graz\"\n");
    let seen = text(&bench.probe(&set, SHOW).await);
    assert_eq!(seen, r#"[("CITY", "Graz")] []"#);
    let other = policy("[env]\nCITY = \"Linz\"\n");
    assert!(text(&bench.probe(&other, SHOW).await).contains("Linz"));
    assert_eq!(text(&bench.probe(&policy(""), SHOW).await), "[] []");
}
