//! Upgrades of a real component: what its grant does when another version is installed.
//!
//! The versions are the probe's bytes with words of its manifest replaced by others of equal
//! length: another digest, another manifest, the same code.

use std::path::{Path, PathBuf};

use alcove::accounts::Principal;
use alcove_api_types::{Binding, CreateBinding};

use crate::app::TestApp;

const PROBE: &str = "local/probe";

/// A server with the probe's first version, granted as it asks to be.
struct Bench {
    app: TestApp,
    who: Principal,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Bench {
        let app = TestApp::start_with(&[("model", "/nowhere/none.gguf")]).await;
        let who = app.app().accounts.local_principal().await.unwrap();
        let bench = Bench {
            app,
            who,
            folder: tempfile::tempdir().unwrap(),
        };
        bench.install(&[]).await;
        bench.grant(false).await;
        bench
    }

    /// Installs the probe with these words replaced; answers with its identity.
    async fn install(&self, changes: &[(&str, &str)]) -> String {
        let path = probe_with(self.folder.path(), changes);
        let installed = self.app.app().tools.install(&path, false).await;
        installed.unwrap().id
    }

    async fn grant(&self, accept_upgrade: bool) {
        let create = CreateBinding {
            plugin: PROBE.to_owned(),
            principal: "everyone".to_owned(),
            accept_upgrade,
            ..CreateBinding::default()
        };
        self.app.app().tools.grant(create, &self.who).await.unwrap();
    }

    async fn binding(&self) -> Binding {
        let bindings = self.app.app().tools.bindings().await.unwrap();
        let mut of_probe = bindings.into_iter().filter(|own| own.plugin == PROBE);
        let found = of_probe.next().expect("a grant");
        assert!(of_probe.next().is_none(), "one grant");
        found
    }

    /// The digest of what a person is offered.
    async fn offered(&self) -> String {
        let offered = self.app.app().tools.offered(&self.who).await.unwrap();
        let tool = offered.iter().find(|tool| tool.plugin == PROBE);
        tool.expect("the probe is offered").digest.clone()
    }
}

/// The probe with these words replaced, as a file in a folder.
pub(crate) fn probe_with(folder: &Path, changes: &[(&str, &str)]) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/dist/fixtures/probe.wasm");
    let mut bytes = std::fs::read(path).expect("built by `cargo xtask build`");
    for (from, to) in changes {
        replace(&mut bytes, from.as_bytes(), to.as_bytes());
    }
    let path = folder.join("probe.wasm");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let places: Vec<usize> = (0..=bytes.len() - from.len())
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    assert!(!places.is_empty(), "{}", String::from_utf8_lossy(from));
    for at in places {
        bytes[at..at + from.len()].copy_from_slice(to);
    }
}

/// Another version of the same.
pub(crate) const SECOND: (&str, &str) = ("\"version\": \"0.1.0\"", "\"version\": \"0.2.0\"");

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_asks_for_no_more_takes_the_grant_along() {
    let bench = Bench::new().await;
    let first = bench.binding().await;
    bench.install(&[SECOND]).await;
    let second = bench.binding().await;
    assert_ne!(second.digest, first.digest);
    assert_eq!(bench.offered().await, second.digest);
    assert_eq!((second.version, second.upgrade), (first.version + 1, None));
    assert_eq!(second.policy, first.policy);
    // Less is no more.
    bench
        .install(&[SECOND, ("memory = \\\"64 MiB", "memory = \\\"32 MiB")])
        .await;
    assert_eq!(bench.binding().await.upgrade, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_asks_for_more_or_has_other_words_waits() {
    let bench = Bench::new().await;
    let first = bench.binding().await;
    for (change, asks, described) in [
        (
            ("memory = \\\"64 MiB", "memory = \\\"99 MiB"),
            true,
            &[][..],
        ),
        (
            ("Asks the person for a year.", "Asks the person for a date."),
            false,
            &["ask_year"][..],
        ),
    ] {
        bench.install(&[SECOND, change]).await;
        let binding = bench.binding().await;
        assert_eq!(binding.digest, first.digest);
        assert_eq!(bench.offered().await, first.digest, "the old one runs");
        let upgrade = binding.upgrade.expect("an upgrade waits");
        assert_eq!(upgrade.version, "0.2.0");
        assert_eq!(!upgrade.asks.is_empty(), asks, "{upgrade:?}");
        assert_eq!(upgrade.described, described);
    }
    bench
        .install(&[SECOND, ("memory = \\\"64 MiB", "memory = \\\"99 MiB")])
        .await;
    let waiting = bench.binding().await.upgrade.unwrap();
    assert!(waiting.asks[0].contains("99 MiB"), "{waiting:?}");
    bench.grant(true).await;
    let accepted = bench.binding().await;
    assert_eq!(accepted.digest, waiting.digest);
    assert_eq!(bench.offered().await, waiting.digest);
    assert!(accepted.policy.contains("99 MiB"), "{}", accepted.policy);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_plugin_inherits_nothing() {
    let bench = Bench::new().await;
    let other = bench.install(&[("alcove/probe", "alcove/prove")]).await;
    assert_eq!(other, "local/prove");
    let offered = bench.app.app().tools.offered(&bench.who).await.unwrap();
    assert!(offered.iter().all(|tool| tool.plugin != other));
    assert_eq!(bench.binding().await.upgrade, None);
}
