//! What grants join to, how long they hold, and what they say: below the API.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn grants_of_one_person_join_under_the_ceiling() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    let everyone = path.tool(PYTHON).await.binding;
    let grant = |principal: String, cpu: &str| CreateBinding {
        plugin: PYTHON.to_owned(),
        principal,
        policy: Some(format!(
            "version = 1\nplugin = \"{PYTHON}\"\n[limits]\nmemory = \"256 MiB\"\ncpu = \"{cpu}\"\n"
        )),
        reason: "a test".to_owned(),
        ..CreateBinding::default()
    };
    let own = format!("user:{}", path.who.username);
    let first = path
        .app
        .tools
        .grant(grant(own.clone(), "200 ms"), &path.who)
        .await
        .unwrap();
    assert_eq!(path.tool(PYTHON).await.binding.to_string(), first.id);
    // The grant to everyone is as generous as before, so a second of computing is within it.
    let busy = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass\nprint('done')";
    let result = path.python(busy).await;
    assert_printed(&result, "done");

    // The ceiling is above all of them, and calls under the old one end.
    let ceiling = "version = 1\n[limits]\ncpu = \"100 ms\"\n";
    let set = SetCeiling {
        policy: ceiling.to_owned(),
        reason: "a test".to_owned(),
    };
    path.app.tools.set_ceiling(set, &path.who).await.unwrap();
    let result = path.python("while True: pass").await;
    assert!(
        matches!(&result.outcome, ToolOutcome::Limit { limit, .. } if limit == "cpu"),
        "{result:?}"
    );
    assert_eq!(path.app.tools.ceiling().await.unwrap().policy, ceiling);
    let deny = SetCeiling {
        policy: "version = 1\n[[deny]]\nplugin = \"alcove/python\"\n".to_owned(),
        reason: String::new(),
    };
    path.app.tools.set_ceiling(deny, &path.who).await.unwrap();
    let offered = path.app.tools.offered(&path.who).await.unwrap();
    assert!(offered.iter().all(|tool| tool.plugin != PYTHON));
    path.app.tools.clear_ceiling(&path.who).await.unwrap();
    let result = path.python(busy).await;
    assert_printed(&result, "done");

    // Granting again is a new version, and the earlier one stays readable.
    let second = path
        .app
        .tools
        .grant(grant(own.clone(), "9 s"), &path.who)
        .await
        .unwrap();
    assert_eq!((first.version, second.version), (1, 2));
    let all = path.app.tools.bindings().await.unwrap();
    assert!(all.iter().all(|binding| binding.id != first.id), "{all:?}");
    assert!(
        all.iter()
            .any(|binding| binding.id == everyone.to_string() && binding.author == "alcove"),
        "{all:?}"
    );
    let history = path.app.tools.history(PYTHON).await.unwrap();
    let old = history.iter().find(|old| old.id == first.id).unwrap();
    assert!(old.revoked_at_ms.is_some() && old.reason == "a test");
    assert_eq!(old.revoked_by.as_deref(), Some(path.who.username.as_str()));

    path.app.tools.revoke(&second.id, &path.who).await.unwrap();
    assert_eq!(path.tool(PYTHON).await.binding, everyone);

    // What is not for this plugin, or more than it asks for, is refused.
    let other = CreateBinding {
        policy: Some("version = 1\nplugin = \"alcove/web-fetch\"\n".to_owned()),
        ..grant("everyone".to_owned(), "1 s")
    };
    let wider = CreateBinding {
        policy: Some(format!(
            "version = 1\nplugin = \"{PYTHON}\"\n[[http]]\nnetwork = \"public\"\n"
        )),
        ..grant("everyone".to_owned(), "1 s")
    };
    for create in [other, wider.clone()] {
        let error = path.app.tools.grant(create, &path.who).await.unwrap_err();
        assert!(
            matches!(
                &error,
                ToolsError::Invalid {
                    param: "policy",
                    ..
                }
            ),
            "{error}"
        );
    }
    let meant = CreateBinding {
        beyond_request: true,
        ..wider
    };
    path.app.tools.grant(meant, &path.who).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_expires_ends_its_calls_and_is_not_offered() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    path.python("1").await;
    path.app.tools.revoke(PYTHON, &path.who).await.unwrap();
    let create = CreateBinding {
        plugin: PYTHON.to_owned(),
        principal: "everyone".to_owned(),
        expires_in_ms: Some(1_500),
        ..CreateBinding::default()
    };
    let binding = path
        .app
        .tools
        .grant(create.clone(), &path.who)
        .await
        .unwrap();
    assert!(binding.expires_at_ms.is_some());
    let began = Instant::now();
    let result = path.python("while True: pass").await;
    assert!(
        matches!(&result.outcome, ToolOutcome::Limit { limit, .. } if limit == "revoked"),
        "{result:?}"
    );
    assert!(began.elapsed() < Duration::from_secs(5));
    let offered = path.app.tools.offered(&path.who).await.unwrap();
    assert!(offered.iter().all(|tool| tool.plugin != PYTHON));
    let never = CreateBinding {
        expires_in_ms: Some(0),
        ..create
    };
    path.app.tools.grant(never, &path.who).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_explained_by_the_line_that_decides() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let explain = async |url: &str| {
        let explain = Explain {
            plugin: WEB_FETCH.to_owned(),
            key: None,
            user: None,
            method: "GET".to_owned(),
            url: url.to_owned(),
        };
        path.app.tools.explain(&explain, &path.who).await.unwrap()
    };
    let binding = path.tool(WEB_FETCH).await.binding.to_string();
    let open = explain("https://example.org/page").await;
    assert!(open.allowed && open.why.contains("line "), "{open:?}");
    assert!(open.why.contains(&binding), "{open:?}");
    assert_eq!(open.bindings, [binding]);
    let set = SetCeiling {
        policy: "version = 1\n[[deny]]\nhost = \"*.example.org\"\nreason = \"ours\"\n".to_owned(),
        reason: String::new(),
    };
    path.app.tools.set_ceiling(set, &path.who).await.unwrap();
    assert!(explain("https://example.org/page").await.allowed);
    let closed = explain("https://wiki.example.org/").await;
    assert!(!closed.allowed && closed.grant.is_empty(), "{closed:?}");
    assert!(
        closed.why.contains("line 2") && closed.why.contains("ours"),
        "{closed:?}"
    );
    path.app.tools.revoke(WEB_FETCH, &path.who).await.unwrap();
    assert!(
        explain("https://example.org/")
            .await
            .why
            .contains("not granted")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_learnt_from_the_examples() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let learned = path.app.tools.learn(PYTHON, &path.who).await.unwrap();
    assert!(
        learned.examples > 0 && learned.notes.is_empty(),
        "{learned:?}"
    );
    let policy = alcove_policies::Policy::parse(&learned.policy).unwrap();
    assert!(
        !policy.has_http() && policy.files().is_empty(),
        "{learned:?}"
    );
    // It is enough, and no more than what comes with the program.
    let (_, default) = alcove_policies::DEFAULTS
        .iter()
        .find(|(id, _)| *id == PYTHON)
        .unwrap();
    let default = alcove_policies::Policy::parse(default).unwrap();
    assert!(policy.limits().memory_bytes <= default.limits().memory_bytes);
}

/// Policies that differ only in `[approval]` or `[labels]` end differently; the key test of
/// `host/sandbox` names this one.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_asked_and_what_results_count_as_is_in_the_policy() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    let policy = |lines: &str| {
        format!("version = 1\nplugin = \"{PYTHON}\"\n[limits]\nmemory = \"256 MiB\"\n{lines}\n")
    };
    for key in ["default = {}", "tools = { python = {} }"] {
        for (mode, asks) in [("\"never\"", false), ("\"always\"", true)] {
            let lines = format!("[approval]\n{}", key.replace("{}", mode));
            path.grant(PYTHON, &policy(&lines)).await;
            // Nobody can be asked here, so a call that has to be is denied.
            let result = path.python("print(7)").await;
            if asks {
                assert!(
                    matches!(&result.outcome, ToolOutcome::Denied { capability, message }
                        if capability == "approval" && message.contains("line 6")),
                    "{result:?}"
                );
            } else {
                assert_printed(&result, "7");
            }
        }
    }
    for (output, label) in [("private", Label::Private), ("public", Label::Public)] {
        let lines = format!("[labels]\noutput = \"{output}\"");
        path.grant(PYTHON, &policy(&lines)).await;
        assert_eq!(path.python("print(7)").await.label, Some(label));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_ask_and_a_grant_answers() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    let tools = &path.app.tools;
    assert!(tools.request_grant("a/b", "", &path.who).await.is_err());
    let group = path.who.groups.first().expect("a group").clone();
    for principal in [
        "everyone".to_owned(),
        format!("group:{group}"),
        format!("user:{}", path.who.username),
    ] {
        tools.revoke(PYTHON, &path.who).await.unwrap();
        tools
            .request_grant(PYTHON, " sums ", &path.who)
            .await
            .unwrap();
        let asked = tools.grant_requests(&path.who).await.unwrap();
        assert_eq!(
            (asked[0].plugin.as_str(), asked[0].reason.as_str()),
            (PYTHON, "sums")
        );
        let create = CreateBinding {
            plugin: PYTHON.to_owned(),
            principal: principal.clone(),
            ..CreateBinding::default()
        };
        tools.grant(create, &path.who).await.unwrap();
        let open = tools.grant_requests(&path.who).await.unwrap();
        assert!(open.is_empty(), "{principal}: {open:?}");
    }
}

/// What another server on the same database does is told by nobody: rows change, and that is all.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_server_revokes_stops_within_a_second() {
    let app = TestApp::start().await;
    let mut path = Path::new(&app).await;
    path.python("x = 1").await;
    let binding = path.tool(PYTHON).await.binding;
    let store = Arc::clone(&app.app().store);
    let by = path.who.user;
    let running = Arc::clone(app.app());
    let revoking = tokio::spawn(async move {
        until_leases_held(&running, 1).await;
        assert!(store.revoke_binding(binding, by, 1).await.unwrap());
        Instant::now()
    });
    let result = path.python("while True: pass").await;
    let took = revoking.await.unwrap().elapsed();
    assert!(
        matches!(&result.outcome, ToolOutcome::Limit { limit, .. } if limit == "revoked"),
        "{result:?}"
    );
    // A second is claimed; a machine under test may need more.
    assert!(took < Duration::from_secs(3), "{took:?}");
    let offered = path.app.tools.offered(&path.who).await.unwrap();
    assert!(offered.iter().all(|tool| tool.plugin != PYTHON));
}

/// What is kept in memory of a person's grants never outlives them.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_never_begins_after_its_grant_was_taken() {
    let app = TestApp::start().await;
    let path = Path::new(&app).await;
    for _ in 0..20 {
        let tool = path.tool(PYTHON).await;
        let create = CreateBinding {
            plugin: PYTHON.to_owned(),
            principal: "everyone".to_owned(),
            ..CreateBinding::default()
        };
        // Granting anew replaces the binding that the tool was offered under.
        path.app.tools.grant(create, &path.who).await.unwrap();
        let stale = path.call_with(tool, json!({"code": "1"})).await;
        assert!(
            matches!(&stale.outcome, ToolOutcome::Denied { .. }),
            "{stale:?}"
        );
    }
}
