//! Files that are not what they should be.

use std::io::Write;
use std::path::Path;

use alcove_runtime::{LoadError, LoadOptions, Runtime};

use crate::common::model_path;

fn load(path: &Path) -> LoadError {
    Runtime::load(path, LoadOptions::default()).unwrap_err()
}

#[test]
fn a_missing_file_is_named() {
    let error = load(Path::new("/nonexistent/model.gguf"));
    assert!(matches!(error, LoadError::NotFound { .. }));
    assert!(
        error.to_string().contains("/nonexistent/model.gguf")
            && error.to_string().contains("fetch"),
        "{error}"
    );
}

#[test]
fn a_folder_and_other_files_are_no_models() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(load(dir.path()), LoadError::Io { .. }));
    for content in [&b""[..], b"GG", b"not a model at all, but long enough"] {
        let path = dir.path().join("x.gguf");
        std::fs::write(&path, content).unwrap();
        assert!(matches!(load(&path), LoadError::NotGguf { .. }));
    }
    // The right magic and nonsense after it.
    let path = dir.path().join("y.gguf");
    std::fs::write(&path, [&b"GGUF"[..], &[3, 0, 0, 0], &[0xFF; 64]].concat()).unwrap();
    assert!(matches!(load(&path), LoadError::Damaged { .. }));
}

#[test]
fn a_truncated_model_is_damaged_wherever_it_ends() {
    let whole = std::fs::read(model_path("smollm2-135m")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for len in [
        24,
        1000,
        500_000,
        3_000_000,
        whole.len() / 2,
        whole.len() - 1,
    ] {
        let path = dir.path().join("short.gguf");
        std::fs::File::create(&path)
            .unwrap()
            .write_all(&whole[..len])
            .unwrap();
        let error = load(&path);
        assert!(matches!(error, LoadError::Damaged { .. }), "{len}: {error}");
        assert!(error.to_string().contains("fetch it again"), "{error}");
    }
}

#[test]
fn an_unknown_architecture_is_named() {
    let whole = std::fs::read(model_path("smollm2-135m")).unwrap();
    let key = b"general.architecture";
    let at = whole
        .windows(key.len())
        .position(|window| window == key)
        .unwrap();
    let mut other = whole.clone();
    let value = at + key.len() + 4 + 8;
    assert_eq!(&other[value..value + 5], b"llama");
    other[value..value + 5].copy_from_slice(b"ssm99");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.gguf");
    std::fs::write(&path, &other).unwrap();
    let error = load(&path);
    assert!(
        matches!(&error, LoadError::UnsupportedArchitecture { architecture, .. } if architecture == "ssm99"),
        "{error}"
    );
}

#[test]
fn a_cache_that_is_too_small_is_refused() {
    let options = LoadOptions {
        cache_bytes: Some(1 << 20),
        ..LoadOptions::default()
    };
    let error = Runtime::load(&model_path("smollm2-135m"), options).unwrap_err();
    assert!(
        matches!(error, LoadError::CacheBudget { budget_bytes, needed_bytes, .. } if needed_bytes > budget_bytes)
    );
}

#[test]
fn what_was_loaded_is_told() {
    let runtime = crate::common::small();
    let model = runtime.model();
    assert_eq!(
        (
            model.architecture.as_str(),
            model.vocabulary_size,
            model.context_tokens
        ),
        ("llama", 49152, 8192)
    );
    assert_eq!(model.file_bytes, 98_362_432);
    assert!(
        (130_000_000..140_000_000).contains(&model.parameters),
        "{model:?}"
    );
}
