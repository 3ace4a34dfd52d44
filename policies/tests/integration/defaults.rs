//! The policies that come with the program.

use std::time::Duration;

use alcove_policies::{Access, DEFAULTS, FileSource, HttpDecision, Policy};

fn default(plugin: &str) -> Policy {
    let (_, text) = DEFAULTS.iter().find(|(id, _)| *id == plugin).unwrap();
    Policy::parse(text).unwrap()
}

#[test]
fn each_is_for_its_plugin() {
    for (id, text) in DEFAULTS {
        assert_eq!(Policy::parse(text).unwrap().plugin(), *id);
    }
}

#[test]
fn python_may_compute_show_charts_and_keep_files() {
    let policy = default("alcove/python");
    assert!(!policy.has_http());
    assert_eq!(policy.files().len(), 1);
    assert_eq!(policy.files()[0].source, FileSource::ConversationWorkspace);
    assert!(policy.assets().is_some());
    assert!(policy.limits().cpu >= Duration::from_secs(10));
}

#[test]
fn javascript_may_compute_and_keep_files() {
    let policy = default("alcove/javascript");
    assert!(!policy.has_http() && policy.assets().is_none());
    assert_eq!(policy.files()[0].source, FileSource::ConversationWorkspace);
}

#[test]
fn the_document_reader_may_read_and_not_write() {
    let policy = default("alcove/documents");
    assert!(!policy.has_http() && policy.assets().is_some());
    assert_eq!(policy.files()[0].access, Access::ReadOnly);
    assert_eq!(policy.files()[0].source, FileSource::ConversationWorkspace);
}

#[test]
fn the_mesh_tools_may_read_files_and_give_meshes_back() {
    let policy = default("alcove/mesh");
    assert!(!policy.has_http() && policy.assets().is_some());
    assert_eq!(policy.files()[0].access, Access::ReadOnly);
    assert_eq!(policy.files()[0].source, FileSource::ConversationWorkspace);
}

#[test]
fn the_repository_browser_may_read_and_nothing_else() {
    let policy = default("alcove/repo-browser");
    assert!(!policy.has_http() && policy.assets().is_none());
    assert_eq!(policy.files()[0].access, Access::ReadOnly);
}

#[test]
fn web_fetch_may_read_and_not_write() {
    let policy = default("alcove/web-fetch");
    let url = "https://example.com/page".parse().unwrap();
    assert!(matches!(
        policy.http("GET", &url),
        HttpDecision::Allow { .. }
    ));
    assert!(matches!(policy.http("POST", &url), HttpDecision::Deny(_)));
    assert!(policy.files().is_empty());
}

#[test]
fn web_search_asks_three_companies_with_keys_and_nobody_else() {
    let policy = default("alcove/web-search");
    for (method, url) in [
        ("GET", "https://api.search.brave.com/res/v1/web/search?q=x"),
        ("GET", "https://serpapi.com/search.json?q=x"),
        ("POST", "https://api.exa.ai/search"),
    ] {
        match policy.http(method, &url.parse().unwrap()) {
            HttpDecision::Allow { inject, .. } => assert!(inject.is_some(), "{url}"),
            HttpDecision::Deny(denial) => panic!("{url}: {denial:?}"),
        }
    }
    for url in ["https://example.com/", "https://serpapi.com/account.json"] {
        let url = url.parse().unwrap();
        assert!(matches!(policy.http("GET", &url), HttpDecision::Deny(_)));
    }
}

#[test]
fn the_policy_of_nothing_grants_nothing() {
    let policy = Policy::nothing("local/x").unwrap();
    assert!(!policy.has_http());
    assert!(policy.files().is_empty());
    assert!(Policy::nothing("no id").is_err());
    assert!(Policy::nothing("a/b\"\n[[http]]\nnetwork = \"public").is_err());
}
