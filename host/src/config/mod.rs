//! Settings: a TOML file, then `ALCOVE_*` in the environment, then flags.
//!
//! [`RawConfig`] holds each value with where it came from; [`Config`] is what the rest of the
//! program takes: parsed, checked, resolved.

mod keys;
mod limits;
mod mcp_stdio;
mod quota;
mod raw;
mod secret;
mod value;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use url::Url;

pub use keys::{KEYS, Key};
pub use limits::Limits;
pub use mcp_stdio::McpStdio;
pub use quota::{Daily, Quota};
pub use raw::{ConfigSources, RawConfig, Setting, Source};
pub use secret::Secret;

/// The settings of a server, valid and complete.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder that holds everything.
    pub data_dir: PathBuf,
    /// Where to serve; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What browsers call this server, where a proxy stands before it.
    pub public_url: Option<Url>,
    /// Further host names that requests may be addressed to, in lower case.
    pub allowed_hosts: Vec<String>,
    /// `sqlite:` and a path, or `postgres://`.
    pub database_url: Secret,
    /// The model that answers; chosen by free memory where absent.
    pub model: Option<ModelChoice>,
    /// The model that answers what is about programs; [`Config::model`] where absent.
    pub code_model: Option<ModelChoice>,
    /// The folder with model files.
    pub models_dir: PathBuf,
    /// Threads of the model; the engine's own choice where absent.
    pub threads: Option<usize>,
    /// The longest context, in tokens.
    pub context_tokens: u32,
    /// A filter for the log.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Every limit that can be set.
    pub limits: Limits,
    /// MCP servers that are processes.
    pub mcp_stdio: Vec<McpStdio>,
    /// What may be used in a day.
    pub quota: Quota,
    raw: RawConfig,
}

/// Which model answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelChoice {
    /// A model of the catalogue.
    Id(String),
    /// A file of one's own.
    File(PathBuf),
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Pretty on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Settings that can't be used. Each says which key, where it was set and what would do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named can't be read.
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{} is not valid TOML, line {line}: {message}", path.display())]
    NotToml {
        /// Which.
        path: PathBuf,
        /// Where.
        line: usize,
        /// What the parser said.
        message: String,
    },
    /// A key that nothing reads.
    #[error("unknown setting `{key}` ({place}){}", suggestion(nearest))]
    UnknownKey {
        /// As it was written.
        key: String,
        /// Where it was set.
        place: Source,
        /// What may have been meant.
        nearest: Option<&'static str>,
    },
    /// A value that does not fit its key.
    #[error("`{key}` ({place}): {message}")]
    BadValue {
        /// Which key.
        key: &'static str,
        /// Where it was set.
        place: Source,
        /// What would do.
        message: String,
    },
    /// No home folder to put the data folder in.
    #[error("no home folder was found: set `data_dir`, with --data-dir or ALCOVE_DATA_DIR")]
    NoHome,
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    match nearest {
        Some(name) => format!(": did you mean `{name}`?"),
        None => ": `alcove config explain` lists all of them".to_owned(),
    }
}

/// A setting, and where its value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The key.
    pub key: &'static Key,
    /// The value in force, or `[secret]`.
    pub value: String,
    /// Where it comes from.
    pub place: Source,
    /// What it overrides, strongest first.
    pub overridden: Vec<(String, Source)>,
}

impl Config {
    /// Reads all layers and checks them.
    pub fn load(sources: &ConfigSources) -> Result<Config, ConfigError> {
        Config::resolve(RawConfig::read(sources)?)
    }

    /// Settings of this process: the usual file, the environment, and the given flags.
    pub fn from_process(
        file: Option<PathBuf>,
        flags: Vec<(String, String)>,
    ) -> Result<Config, ConfigError> {
        Config::load(&ConfigSources::of_process(file, flags))
    }

    /// Checks the raw values and works out what depends on others.
    pub fn resolve(raw: RawConfig) -> Result<Config, ConfigError> {
        let data_dir = raw.path("data_dir")?.ok_or(ConfigError::NoHome)?;
        let models_dir = raw
            .path("models_dir")?
            .unwrap_or_else(|| data_dir.join("models"));
        let database_url = match raw.text("database_url")? {
            "" => format!("sqlite:{}", data_dir.join("alcove.db").display()),
            text if is_database_url(text) => text.to_owned(),
            _ => {
                return Err(raw.bad(
                    "database_url",
                    "expected sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE",
                ));
            }
        };
        let model = model_choice(raw.text("model")?);
        let code_model = model_choice(raw.text("code_model")?);
        if let (Some(ModelChoice::File(one)), Some(ModelChoice::File(other))) =
            (&model, &code_model)
            && one != other
            && one.file_stem() == other.file_stem()
        {
            let expected =
                "expected a file of another name than that of `model`: requests name a model by it";
            return Err(raw.bad("code_model", expected));
        }
        let threads = match raw.integer("threads", 0, 1024)? {
            0 => None,
            count => Some(count as usize),
        };
        Ok(Config {
            listen: raw.parsed("listen", "an address and a port, such as 127.0.0.1:8484")?,
            public_url: public_url(&raw)?,
            allowed_hosts: raw
                .list("allowed_hosts")?
                .into_iter()
                .map(|host| host.to_ascii_lowercase())
                .collect(),
            database_url: Secret::new(database_url),
            model,
            code_model,
            models_dir,
            threads,
            context_tokens: raw.integer("context_tokens", 512, 1 << 20)? as u32,
            log: raw.text("log")?.to_owned(),
            log_format: match raw.text("log_format")? {
                "auto" => LogFormat::Auto,
                "pretty" => LogFormat::Pretty,
                "json" => LogFormat::Json,
                _ => return Err(raw.bad("log_format", "expected auto, pretty or json")),
            },
            limits: Limits::resolve(&raw)?,
            mcp_stdio: raw.mcp_stdio().to_vec(),
            quota: Quota::resolve(&raw)?,
            data_dir,
            raw,
        })
    }

    /// Where a value came from, and what it overrides.
    pub fn explain(&self, key: &str) -> Result<Explanation, ConfigError> {
        let key = keys::find(key).ok_or_else(|| ConfigError::UnknownKey {
            key: key.to_owned(),
            place: Source::Asked,
            nearest: keys::nearest(key),
        })?;
        let mut settings = self
            .raw
            .settings(key.name)
            .iter()
            .rev()
            .map(|setting| (shown(key, &setting.value), setting.source.clone()));
        let (value, place) = settings.next().unwrap_or_else(|| {
            // Only what is worked out on this machine has no layer at all.
            (self.worked_out(key.name), Source::Default)
        });
        Ok(Explanation {
            key,
            value,
            place,
            overridden: settings.collect(),
        })
    }

    fn worked_out(&self, key: &str) -> String {
        match key {
            "data_dir" => self.data_dir.display().to_string(),
            "models_dir" => self.models_dir.display().to_string(),
            _ => String::new(),
        }
    }

    /// The folder with the log of one's own, for messages that must name a file.
    pub fn file(&self) -> Option<&Path> {
        self.raw.file()
    }

    /// Whether cookies must be `Secure`: browsers come over https.
    pub fn is_https(&self) -> bool {
        self.public_url
            .as_ref()
            .is_some_and(|url| url.scheme() == "https")
    }
}

fn shown(key: &Key, value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        _ if key.secret => "[secret]".to_owned(),
        value => value.to_string(),
    }
}

fn is_database_url(text: &str) -> bool {
    ["sqlite:", "postgres://", "postgresql://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

fn model_choice(text: &str) -> Option<ModelChoice> {
    if text.is_empty() {
        None
    } else if text.ends_with(".gguf") || text.contains('/') || text.contains('\\') {
        Some(ModelChoice::File(raw::expand_home(text)))
    } else {
        Some(ModelChoice::Id(text.to_owned()))
    }
}

fn public_url(raw: &RawConfig) -> Result<Option<Url>, ConfigError> {
    let text = raw.text("public_url")?;
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || {
        raw.bad(
            "public_url",
            "expected a URL such as https://chat.example.org",
        )
    };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if plain { Ok(Some(url)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests;
