//! What is in force: unions of grants, ceilings, and calls that are narrowed.

use std::sync::Arc;
use std::time::Duration;

use alcove_policies::{
    AddressScope, ApprovalMode, Authority, Ceiling, Denial, HttpDecision, Policy, Source,
};

fn policy(rules: &str) -> Policy {
    Policy::parse(&format!("version = 1\nplugin = \"a/b\"\n{rules}")).unwrap()
}

fn source(name: &str, rank: u8, rules: &str) -> Source {
    Source {
        name: Arc::from(name),
        rank,
        policy: Arc::new(policy(rules)),
    }
}

fn ceiling(rules: &str) -> Ceiling {
    Ceiling::parse(&format!("version = 1\n{rules}")).unwrap()
}

fn under(sources: Vec<Source>, rules: &str) -> Authority {
    Authority::join("a/b", sources, Some(Arc::new(ceiling(rules)))).unwrap()
}

#[track_caller]
fn denied(authority: &Authority, url: &str) -> Denial {
    match authority.http("GET", &url.parse().unwrap()) {
        HttpDecision::Deny(denial) => denial,
        allowed => panic!("{url}: {allowed:?}"),
    }
}

/// Which grant and line allow it.
#[track_caller]
fn allowed(authority: &Authority, url: &str) -> (String, u32) {
    match authority.http("GET", &url.parse().unwrap()) {
        HttpDecision::Allow { line, grant, .. } => {
            (grant.as_deref().unwrap_or_default().to_owned(), line)
        }
        HttpDecision::Deny(denial) => panic!("{url}: {denial:?}"),
    }
}

const ONE: &str = "[[http]]\norigin = \"https://one.example\"\n";
const TWO: &str = "[limits]\ncpu = \"9 s\"\n[[http]]\norigin = \"https://two.example\"\n";

#[test]
fn several_grants_join_and_each_decision_names_its_own() {
    let joined = Authority::join(
        "a/b",
        vec![source("mine", 2, ONE), source("all", 0, TWO)],
        None,
    )
    .unwrap();
    assert_eq!(
        allowed(&joined, "https://one.example/"),
        ("mine".to_owned(), 3)
    );
    assert_eq!(
        allowed(&joined, "https://two.example/"),
        ("all".to_owned(), 5)
    );
    let denial = denied(&joined, "https://three.example/");
    assert!(denial.detail.ends_with("(mine)"), "{denial:?}");
    let post = joined.http("POST", &"https://two.example/".parse().unwrap());
    assert!(
        matches!(&post, HttpDecision::Deny(denial) if denial.detail.starts_with("line 5 ")
            && denial.detail.ends_with("(all)")),
        "{post:?}"
    );
    assert_eq!(
        joined.limits().cpu,
        Duration::from_secs(9),
        "the most generous"
    );
    assert!(Authority::join("a/b", Vec::new(), None).is_err());
}

#[test]
fn quotas_join_by_the_most_generous_and_folders_by_their_mount() {
    let files = |access: &str, source: &str| {
        format!("[[files]]\nmount = \"/w\"\nsource = \"{source}\"\naccess = \"{access}\"\n")
    };
    let one = format!(
        "{}[state]\n[inference]\nmodels = [\"a\"]\n",
        files("read-only", "folder:/x")
    );
    let two = format!(
        "{}[state]\nquota = \"2 MiB\"\n[inference]\nmodels = [\"b\"]\ntokens_per_call = 7\n",
        files("read-write", "folder:/x") + "quota = \"2 MiB\"\n"
    );
    let other = files("read-write", "folder:/y");
    let joined = Authority::join(
        "a/b",
        vec![
            source("1", 2, &one),
            source("2", 1, &two),
            source("3", 0, &other),
        ],
        None,
    )
    .unwrap();
    assert_eq!(joined.files().len(), 1);
    assert_eq!(joined.files()[0].source.to_string(), "folder:/x");
    assert_eq!(joined.files()[0].access, alcove_policies::Access::ReadWrite);
    assert_eq!(joined.files()[0].quota_bytes, Some(2 << 20));
    let narrower = files("read-write", "folder:/x") + "quota = \"1 MiB\"\n";
    let narrow = joined
        .clone()
        .attenuated("k".into(), Arc::new(policy(&narrower)));
    assert_eq!(narrow.files()[0].quota_bytes, Some(1 << 20));
    assert_eq!(joined.state().unwrap().quota_bytes, 2 << 20);
    let inference = joined.inference().unwrap();
    assert_eq!(inference.models, ["a", "b"]);
    assert_eq!(inference.tokens_per_call, 1_000);
}

#[test]
fn approvals_are_not_widened_by_joining() {
    let mode = |sources: Vec<Source>| {
        Authority::join("a/b", sources, None)
            .unwrap()
            .approval("t")
            .mode
    };
    let always = "[approval]\ndefault = \"always\"\n";
    let never = "[approval]\ndefault = \"never\"\n";
    let silent = || source("s", 0, "");
    assert_eq!(mode(vec![silent()]), ApprovalMode::Never);
    assert_eq!(
        mode(vec![source("u", 2, always), silent()]),
        ApprovalMode::Always
    );
    assert_eq!(
        mode(vec![source("u", 2, ONE), source("e", 0, always)]),
        ApprovalMode::Always
    );
    assert_eq!(
        mode(vec![source("u", 2, never), source("e", 0, always)]),
        ApprovalMode::Never
    );
    assert_eq!(
        mode(vec![source("g", 1, never), source("h", 1, always)]),
        ApprovalMode::Always
    );
    let labels = |output: &str| format!("[labels]\noutput = \"{output}\"\n");
    let joined = Authority::join(
        "a/b",
        vec![
            source("u", 2, &labels("public")),
            source("e", 0, &labels("private")),
        ],
        None,
    );
    assert!(joined.unwrap().is_private());
}

#[test]
fn the_ceiling_wins_and_says_which_line() {
    let open = "[[http]]\nnetwork = \"public\"\n";
    let rules = "[[deny]]\nhost = \"*.intranet.example\"\nreason = \"our own\"\n\
                 [[deny]]\naddresses = [\"203.0.113.0/24\"]\n[limits]\ncpu = \"1 s\"\n";
    let authority = under(vec![source("x", 0, open)], rules);
    let denial = denied(&authority, "https://wiki.intranet.example./");
    assert_eq!(
        denial.detail,
        "line 2 of the organisation's ceiling denies wiki.intranet.example.: our own"
    );
    assert_eq!(denial.grant, "", "no grant can open it");
    assert!(
        denied(&authority, "https://a.b.intranet.example/")
            .detail
            .contains("line 2")
    );
    assert!(
        denied(&authority, "http://203.0.113.9/")
            .detail
            .contains("line 5")
    );
    allowed(&authority, "https://intranet.example/");
    let HttpDecision::Allow { addresses, .. } =
        authority.http("GET", &"https://elsewhere.example/".parse().unwrap())
    else {
        panic!("it is granted");
    };
    assert!(
        matches!(&addresses, AddressScope::Except { nets, .. } if nets.len() == 1),
        "a name that leads there is stopped at the address"
    );
    assert_eq!(authority.limits().cpu, Duration::from_secs(1));
}

#[test]
fn the_ceiling_closes_networks_folders_capabilities_and_plugins() {
    let both = "[[http]]\nnetwork = \"public\"\n[[http]]\norigin = \"https://one.example\"\n";
    let named_only = under(
        vec![source("x", 0, both)],
        "[[deny]]\nnetwork = \"public\"\n",
    );
    assert_eq!(allowed(&named_only, "https://one.example/").1, 5);
    assert!(
        denied(&named_only, "https://two.example/")
            .detail
            .contains("line 2 of the org")
    );

    let folders = "[[files]]\nmount = \"/e\"\nsource = \"folder:/etc/x\"\naccess = \"read-only\"\n\
                   [[files]]\nmount = \"/w\"\nsource = \"conversation-workspace\"\naccess = \"read-only\"\n";
    let closed = under(
        vec![source("x", 0, folders)],
        "[[deny]]\nsource = \"folder:/etc\"\n",
    );
    assert_eq!(closed.files().len(), 1);
    assert!(closed.files_denial().detail.contains("folder:/etc/x"));
    let above = under(
        vec![source("x", 0, folders)],
        "[[deny]]\nsource = \"folder:/etc/x/y\"\n",
    );
    assert_eq!(above.files().len(), 1, "a folder that holds the denied one");

    let state = under(
        vec![source("x", 0, "[state]\n")],
        "[[deny]]\ncapability = \"state\"\n",
    );
    assert!(state.state().is_none());
    assert!(state.state_denial().detail.contains("line 2"));
    let offline = under(
        vec![source("x", 0, both)],
        "[[deny]]\ncapability = \"http\"\n",
    );
    assert!(!offline.has_http());
    denied(&offline, "https://one.example/");

    for rule in ["a/b", "a/*"] {
        let text = format!("version = 1\n[[deny]]\nplugin = \"{rule}\"\n");
        let own = Arc::new(Ceiling::parse(&text).unwrap());
        let refused = Authority::join("a/b", vec![source("x", 0, "")], Some(own)).unwrap_err();
        assert!(refused.detail.contains("line 2"), "{refused:?}");
    }
}

#[test]
fn a_bad_ceiling_is_refused_with_its_line() {
    for (rules, part) in [
        ("[[deny]]\nhots = \"x\"\n", "line 3: unknown key `hots`"),
        (
            "[[deny]]\nreason = \"x\"\n",
            "line 2: [[deny]] needs exactly one",
        ),
        (
            "[[deny]]\nhost = \"a\"\norigin = \"https://a.b\"\n",
            "exactly one",
        ),
        (
            "[[deny]]\ncapability = \"all\"\n",
            "line 3: `capability` must be one of",
        ),
        ("[[deny]]\nhost = \"*\"\n", "line 3: `host` must be"),
        ("[[deny]]\nhost = \"a.example:80\"\n", "every port"),
        ("[[deny]]\nplugin = \"*\"\n", "line 3: `plugin`"),
        ("[[deny]]\nsource = \"/etc\"\n", "line 3: `source`"),
        (
            "[[deny]]\naddresses = [\"10.0.0.1/8\"]\n",
            "line 3: `addresses`",
        ),
        ("[limits]\nmemroy = \"1 MiB\"\n", "did you mean `memory`"),
        ("[[allow]]\n", "unknown key `allow`"),
    ] {
        let error = Ceiling::parse(&format!("version = 1\n{rules}"))
            .unwrap_err()
            .to_string();
        assert!(error.contains(part), "{rules}: {error}");
    }
    assert!(Ceiling::parse("").is_err());
    assert!(Ceiling::parse(&"#".repeat(100_000)).is_err());
}

#[test]
fn a_call_can_be_narrowed_and_never_widened() {
    let grant = "[[http]]\nnetwork = \"public\"\nrate = \"60/min\"\n[state]\nquota = \"1 MiB\"\n[env]\nA = \"1\"\n";
    let within = "[limits]\nwall = \"1 s\"\nmemory = \"4 GiB\"\n[[http]]\norigin = \"https://one.example\"\nrate = \"1/min\"\n[state]\nquota = \"9 MiB\"\n[assets]\n[approval]\ndefault = \"always\"\n";
    let whole = Authority::from(policy(grant));
    let narrow = whole
        .clone()
        .attenuated("the key k".into(), Arc::new(policy(within)));
    let counted: Vec<_> = narrow.counts().map(|count| count.identity).collect();
    assert_eq!(counted.len(), 2);
    assert_eq!(counted[1], whole.identity(), "it counts among all");
    assert_ne!(counted[0], whole.identity(), "and for itself");
    let HttpDecision::Allow { rate, also, .. } =
        narrow.http("GET", &"https://one.example/".parse().unwrap())
    else {
        panic!("both allow it");
    };
    assert_eq!(rate.unwrap().to_string(), "60/min");
    let also: Vec<_> = also
        .iter()
        .map(|own| (own.by.as_ref(), own.line, own.rate.unwrap().to_string()))
        .collect();
    assert_eq!(also, [("the key k", 6, "1/min".to_owned())]);
    assert!(
        denied(&narrow, "https://two.example/")
            .detail
            .ends_with("(the key k)")
    );
    let post = narrow.http("POST", &"https://one.example/".parse().unwrap());
    assert!(
        matches!(&post, HttpDecision::Deny(denial) if denial.detail.starts_with("line 3 ")),
        "the grant is asked first: {post:?}"
    );
    assert_eq!(narrow.http_summary(), ["https://one.example"]);
    for denial in [narrow.inference_denial("m"), narrow.assets_denial()] {
        assert!(
            !denial.detail.contains("the key k"),
            "not granted: {denial:?}"
        );
    }
    assert_eq!(narrow.limits().wall, Duration::from_secs(1));
    assert_eq!(narrow.limits().memory_bytes, 64 << 20);
    assert_eq!(narrow.state().unwrap().quota_bytes, 1 << 20);
    assert!(narrow.assets().is_none() && narrow.env().is_empty());
    assert_eq!(narrow.approval("t").mode, ApprovalMode::Always);
    assert_eq!(narrow.approval_narrowed_by("t"), Some("the key k"));
    assert_eq!(whole.approval_narrowed_by("t"), None);
}

#[test]
fn what_narrows_a_call_is_cited_where_it_withholds_what_is_granted() {
    let grant = "[limits]\ncpu = \"9 s\"\n[[http]]\norigin = \"https://one.example\"\nmethods = [\"GET\", \"POST\"]\n[[files]]\nmount = \"/w\"\nsource = \"conversation-workspace\"\naccess = \"read-write\"\n[state]\n[assets]\n[inference]\nmodels = [\"m\", \"n\"]\n[delegate]\ntools = [\"a/c:t\", \"a/c:u\"]\n";
    let within = "[[http]]\norigin = \"https://one.example\"\n[inference]\nmodels = [\"n\"]\n[delegate]\ntools = [\"a/c:u\"]\n";
    let whole = Authority::from(policy(grant));
    let narrow = whole
        .clone()
        .attenuated("k".into(), Arc::new(policy(within)));
    assert_eq!(
        narrow.limits(),
        whole.limits(),
        "a limit that is not named stays as it was"
    );
    let post = narrow.http("POST", &"https://one.example/".parse().unwrap());
    let HttpDecision::Deny(post) = post else {
        panic!("only reading is left");
    };
    for (denial, starts) in [
        (post, "line 3 of the policy of a/b"),
        (narrow.files_denial(), "the policy of a/b grants no files"),
        (narrow.state_denial(), "the policy of a/b grants no state"),
        (narrow.assets_denial(), "the policy of a/b grants no assets"),
        (narrow.inference_denial("m"), "line 5 of the policy of a/b"),
        (
            narrow.delegate_denial("a/c:t"),
            "line 7 of the policy of a/b",
        ),
    ] {
        assert!(
            denial.detail.starts_with(starts) && denial.detail.ends_with("(k)"),
            "{denial:?}"
        );
    }
    // A second one narrows further, and the first still holds.
    let both = narrow.attenuated(
        "l".into(),
        Arc::new(policy("[[http]]\nnetwork = \"public\"\n")),
    );
    denied(&both, "https://two.example/");
    assert!(both.inference().is_none() && both.inference_denial("n").detail.ends_with("(l)"));
    assert_eq!(both.counts().count(), 3);
}

#[test]
fn what_asks_for_more_is_told_apart() {
    #[track_caller]
    fn check(old: &str, new: &str, expected: &[&str]) {
        let more = policy(new).more_than(&policy(old));
        let found: Vec<&str> = more
            .iter()
            .map(|line| line.split(':').next().unwrap())
            .collect();
        assert_eq!(found, expected, "{more:?}");
        assert_eq!(
            policy(new).asks_no_more_than(&policy(old)),
            expected.is_empty()
        );
    }
    const PUBLIC: &str = "[[http]]\nnetwork = \"public\"\n";
    check("", "", &[]);
    check(ONE, "", &[]);
    check("", ONE, &["http"]);
    check(PUBLIC, ONE, &[]);
    check(ONE, PUBLIC, &["http"]);
    check(ONE, &format!("{ONE}methods = [\"POST\"]\n"), &["http"]);
    check(ONE, &format!("{ONE}paths = [\"/a\"]\n"), &[]);
    let paths = |paths: &str| format!("{ONE}paths = {paths}\n");
    check(&paths("[\"/a/**\"]"), ONE, &["http"]);
    check(&paths("[\"/a/**\"]"), &paths("[\"/a/b/*\"]"), &[]);
    check(&paths("[\"/a/**\"]"), &paths("[\"/ab/c\"]"), &["http"]);
    check(&paths("[\"/a/*\"]"), &paths("[\"/a/b\"]"), &[]);
    check(&paths("[\"/a/*\"]"), &paths("[\"/a/**\"]"), &["http"]);
    let star = "[[http]]\norigin = \"https://*.one.example\"\n";
    let below = "[[http]]\norigin = \"https://x.one.example\"\n";
    check(star, below, &[]);
    check(below, star, &["http"]);
    check(&format!("{ONE}rate = \"1/s\"\n"), ONE, &["http"]);
    check(
        &format!("{ONE}rate = \"1/s\"\n"),
        &format!("{ONE}rate = \"60/min\"\n"),
        &[],
    );
    check(
        &format!("{ONE}addresses = [\"10.0.0.0/8\"]\n"),
        &format!("{ONE}addresses = [\"10.0.0.5\"]\n"),
        &[],
    );
    check(
        ONE,
        &format!("{ONE}addresses = [\"10.0.0.5\"]\n"),
        &["http"],
    );
    check(
        PUBLIC,
        &format!("{ONE}addresses = [\"10.0.0.5\"]\n"),
        &["http"],
    );
    let secret =
        |name: &str| format!("{ONE}inject = {{ header = \"X\", value = \"{{secret:{name}}}\" }}\n");
    check(ONE, &secret("a"), &["http"]);
    check(&secret("a"), &secret("a"), &[]);
    check(&secret("a"), &secret("b"), &["http"]);
    check("", "[limits]\ncpu = \"3 s\"\nlogs = 5\n", &["limits.cpu"]);
    check("", "[state]\n", &["state"]);
    check("[state]\n", "[state]\nquota = \"2 MiB\"\n", &["state"]);
    check(
        "[inference]\n",
        "[inference]\nmodels = [\"x\"]\n",
        &["inference"],
    );
    check(
        "[delegate]\ntools = [\"a/b:c\", \"a/b:d\"]\n",
        "[delegate]\ntools = [\"a/b:c\"]\n",
        &[],
    );
    check(
        "[delegate]\ntools = [\"a/b:c\"]\n",
        "[delegate]\ntools = [\"a/b:d\"]\n",
        &["delegate"],
    );
    check("[env]\nA = \"1\"\n", "[env]\nA = \"2\"\n", &["env.A"]);
    check(
        "[approval]\ndefault = \"always\"\n",
        "",
        &["approval.default"],
    );
    check(
        "[approval]\ntools = { x = \"always\" }\n",
        "",
        &["approval.tools.x"],
    );
    check("", "[labels]\noutput = \"public\"\n", &["labels.output"]);
    check("", "[labels]\noutput = \"private\"\n", &[]);
}
