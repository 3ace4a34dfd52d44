use std::io::Write;

use super::*;

fn load(
    file: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Config, ConfigError> {
    let mut written = tempfile::NamedTempFile::new().expect("a temporary file");
    written.write_all(file.as_bytes()).expect("written");
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
        owned.collect()
    };
    let mut flags = pairs(flags);
    if !flags.iter().any(|(key, _)| key == "data_dir") {
        flags.push(("data_dir".to_owned(), "/data".to_owned()));
    }
    Config::load(&ConfigSources {
        file: Some(written.path().to_owned()),
        environment: pairs(environment),
        flags,
    })
}

fn error(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
    load(file, environment, flags)
        .expect_err("must be refused")
        .to_string()
}

#[test]
fn defaults_stand_alone() {
    let config = load("", &[], &[]).expect("valid");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8484");
    assert_eq!(config.database_url.expose(), "sqlite:/data/alcove.db");
    assert_eq!(config.models_dir, PathBuf::from("/data/models"));
    assert_eq!(config.model, None);
    assert_eq!(config.threads, None);
    assert_eq!(config.limits.max_body_bytes, 1 << 20);
}

#[test]
fn later_layers_win() {
    let file = "listen = \"127.0.0.1:1\"\nthreads = 1\n[limits]\nbody = \"2 MiB\"\n";
    let config = load(
        file,
        &[
            ("ALCOVE_LISTEN", "127.0.0.1:2"),
            ("ALCOVE_LIMITS__BODY", "3 MiB"),
            ("ALCOVE_THREADS", "5"),
        ],
        &[("listen", "127.0.0.1:3")],
    )
    .expect("valid");
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.limits.max_body_bytes, 3 << 20);
    assert_eq!(config.threads, Some(5));

    let explained = config.explain("listen").expect("a key");
    assert_eq!(explained.value, "\"127.0.0.1:3\"");
    assert_eq!(explained.place, Source::Flag("--listen".to_owned()));
    let places: Vec<String> = explained
        .overridden
        .iter()
        .map(|(value, place)| {
            format!(
                "{value} {}",
                place.to_string().rsplit('/').next().unwrap_or("")
            )
        })
        .collect();
    assert_eq!(
        places[0],
        "\"127.0.0.1:2\" environment variable ALCOVE_LISTEN"
    );
    assert!(places[1].ends_with("line 1"), "{places:?}");
    assert_eq!(places[2], "\"127.0.0.1:8484\" default");
}

#[test]
fn an_unknown_key_names_the_nearest_and_its_line() {
    let message = error(
        "\nlisten = \"127.0.0.1:1\"\nlog_fromat = \"json\"\n",
        &[],
        &[],
    );
    assert!(message.contains("line 3"), "{message}");
    assert!(message.contains("did you mean `log_format`?"), "{message}");

    let message = error("[limits]\n\nbdy = 1\n", &[], &[]);
    assert!(
        message.contains("unknown setting `limits.bdy`"),
        "{message}"
    );
    assert!(message.contains("line 3"), "{message}");

    let message = error("", &[("ALCOVE_LISEN", "x")], &[]);
    assert!(
        message.contains("environment variable ALCOVE_LISEN"),
        "{message}"
    );
    assert!(message.contains("did you mean `listen`?"), "{message}");
}

#[test]
fn variables_of_the_surroundings_are_left_alone() {
    let environment = [
        ("ALCOVE_SERVICE_HOST", "10.0.0.1"),
        ("ALCOVE_PORT", "tcp://10.0.0.1:80"),
        ("PATH", "/bin"),
    ];
    assert!(load("", &environment, &[]).is_ok());
}

#[test]
fn a_bad_value_says_what_would_do() {
    let message = error("listen = \"8484\"", &[], &[]);
    assert!(
        message.contains("`listen`") && message.contains("such as 127.0.0.1:8484"),
        "{message}"
    );
    let message = error("[limits]\ndrain = 5", &[], &[]);
    assert!(message.contains("such as \"20 s\""), "{message}");
    let message = error("threads = -1", &[], &[]);
    assert!(message.contains("from 0 to 1024"), "{message}");
    let message = error("public_url = \"https://user@host/path\"", &[], &[]);
    assert!(message.contains("public_url"), "{message}");
    let message = error("listen = ", &[], &[]);
    assert!(message.contains("not valid TOML, line 1"), "{message}");
}

#[test]
fn secrets_stay_hidden() {
    let config = load("database_url = \"postgres://a:b@c/d\"", &[], &[]).expect("valid");
    let explained = config.explain("database_url").expect("a key");
    assert_eq!(explained.value, "[secret]");
    assert_eq!(config.database_url.expose(), "postgres://a:b@c/d");
    assert!(
        !format!("{config:?}").contains("postgres://a:b"),
        "raw values are printed"
    );
}

#[test]
fn a_model_is_an_id_or_a_file() {
    let model = |text: &str| {
        load(&format!("model = \"{text}\""), &[], &[])
            .expect("valid")
            .model
    };
    assert_eq!(
        model("smollm2-135m"),
        Some(ModelChoice::Id("smollm2-135m".to_owned()))
    );
    assert_eq!(
        model("/m/x.gguf"),
        Some(ModelChoice::File("/m/x.gguf".into()))
    );
    assert_eq!(model("x.gguf"), Some(ModelChoice::File("x.gguf".into())));
}
