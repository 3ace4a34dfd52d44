//! `alcove model`, and a model that is not there.

use super::*;

#[test]
fn models_are_listed_and_verified() {
    let home = Home::new();
    let list = home.ok(&["model", "list"]);
    let chosen = list
        .lines()
        .find(|line| line.contains("smollm2-135m"))
        .unwrap();
    assert!(chosen.starts_with('*') && chosen.contains("here"), "{list}");
    home.ok(&["model", "verify", "smollm2-135m"]);

    let folder = home.0.path().join("models");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(
        folder.join("SmolLM2-135M-Instruct-Q4_1.gguf"),
        b"GGUF, but cut off",
    )
    .unwrap();
    let verify = home
        .command(&["model", "verify"])
        .env("ALCOVE_MODELS_DIR", &folder)
        .output()
        .unwrap();
    assert_eq!(verify.status.code(), Some(1));
    let text = errors(&verify);
    assert!(
        text.contains("SmolLM2-135M-Instruct-Q4_1.gguf") && text.contains("17 bytes"),
        "{text}"
    );
}

#[test]
fn without_a_model_it_says_how_to_get_one() {
    let home = Home::new();
    let chat = home
        .command(&["chat", "-m", "Hi"])
        .env("ALCOVE_MODELS_DIR", home.0.path())
        .output()
        .unwrap();
    assert_eq!(chat.status.code(), Some(1));
    let text = errors(&chat);
    assert!(text.contains("alcove model fetch smollm2-135m"), "{text}");
}
