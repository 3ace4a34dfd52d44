//! The layers of settings, each value with where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use toml::Value;

use super::ConfigError;
use super::keys::{self, KEYS};
use super::mcp_stdio::{self, McpStdio};
use super::value::{parse_bytes, parse_duration};

/// What settings are read from.
#[derive(Debug, Clone, Default)]
pub struct ConfigSources {
    /// A file that must exist, or none.
    pub file: Option<PathBuf>,
    /// The environment; only names that begin with `ALCOVE_` count.
    pub environment: Vec<(String, String)>,
    /// Settings from the command line: key and value.
    pub flags: Vec<(String, String)>,
}

impl ConfigSources {
    /// The sources of this process: the named file or else the usual one, the environment, flags.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(String, String)>) -> ConfigSources {
        let environment: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        let named = file.or_else(|| {
            let from_environment = environment.iter().find(|(name, _)| name == FILE_VARIABLE);
            from_environment.map(|(_, path)| expand_home(path))
        });
        ConfigSources {
            file: named.or_else(|| usual_file().filter(|path| path.exists())),
            environment,
            flags,
        }
    }
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The program's own default.
    Default,
    /// A line of the file.
    File {
        /// Which file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
    /// The name that somebody asked about.
    Asked,
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => formatter.write_str("default"),
            Source::File { path, line } => write!(formatter, "{} line {line}", path.display()),
            Source::Environment(name) => write!(formatter, "environment variable {name}"),
            Source::Flag(name) => write!(formatter, "flag {name}"),
            Source::Asked => formatter.write_str("as asked"),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// The value.
    pub value: Value,
    /// Where it came from.
    pub source: Source,
}

/// All layers: for each key its values, the strongest last.
#[derive(Clone, Default)]
pub struct RawConfig {
    settings: BTreeMap<&'static str, Vec<Setting>>,
    mcp_stdio: Vec<McpStdio>,
    file: Option<PathBuf>,
}

/// Names only: values may hold secrets.
impl fmt::Debug for RawConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.settings.keys()).finish()
    }
}

/// The one thing of the file that is no key: nothing else can set it.
const MCP_STDIO: &str = "mcp_stdio";
const PREFIX: &str = "ALCOVE_";
/// Names the file itself, so it is no key of the file.
const FILE_VARIABLE: &str = "ALCOVE_CONFIG";

impl RawConfig {
    /// Reads the defaults and the three layers. A key that nothing reads is an error.
    pub fn read(sources: &ConfigSources) -> Result<RawConfig, ConfigError> {
        let mut raw = RawConfig::defaults();
        if let Some(path) = &sources.file {
            raw.read_file(path)?;
        }
        for (name, text) in &sources.environment {
            if !name.starts_with(PREFIX) || name == FILE_VARIABLE || is_service_link(name) {
                continue;
            }
            // ALCOVE_LIMITS__BODY is limits.body.
            let key = name[PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
            raw.add(&key, scalar(&key, text), Source::Environment(name.clone()))?;
        }
        for (key, text) in &sources.flags {
            let flag = format!("--{}", key.replace('_', "-"));
            raw.add(key, scalar(key, text), Source::Flag(flag))?;
        }
        Ok(raw)
    }

    fn defaults() -> RawConfig {
        let mut raw = RawConfig::default();
        for key in KEYS.iter().filter(|key| !key.default.is_empty()) {
            let setting = Setting {
                value: scalar(key.name, key.default),
                source: Source::Default,
            };
            raw.settings.insert(key.name, vec![setting]);
        }
        raw
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        self.file = Some(path.to_owned());
        let line_of = |offset: usize| 1 + text[..offset.min(text.len())].matches('\n').count();
        let not_toml = |error: toml::de::Error| ConfigError::NotToml {
            path: path.to_owned(),
            line: line_of(error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        };
        // Read twice: once for the values, once for the places of the keys.
        let values: toml::Table = toml::from_str(&text).map_err(not_toml)?;
        let places = toml::de::DeTable::parse(&text).map_err(not_toml)?;
        for (name, value) in values {
            let place = places.get_ref().get_key_value(name.as_str());
            let at = |offset| Source::File {
                path: path.to_owned(),
                line: line_of(offset),
            };
            let start = place.map_or(0, |(key, _)| key.span().start);
            if name == MCP_STDIO {
                self.mcp_stdio =
                    mcp_stdio::read(value).map_err(|message| ConfigError::BadValue {
                        key: MCP_STDIO,
                        place: at(start),
                        message,
                    })?;
                continue;
            }
            let Value::Table(section) = value else {
                self.add(&name, value, at(start))?;
                continue;
            };
            let inner = place.and_then(|(_, value)| value.get_ref().as_table());
            for (key, value) in section {
                let found = inner.and_then(|table| table.get_key_value(key.as_str()));
                let start = found.map_or(start, |(key, _)| key.span().start);
                self.add(&format!("{name}.{key}"), value, at(start))?;
            }
        }
        Ok(())
    }

    fn add(&mut self, name: &str, value: Value, source: Source) -> Result<(), ConfigError> {
        let key = keys::find(name).ok_or_else(|| ConfigError::UnknownKey {
            key: name.to_owned(),
            place: source.clone(),
            nearest: keys::nearest(name),
        })?;
        let settings = self.settings.entry(key.name).or_default();
        settings.push(Setting { value, source });
        Ok(())
    }

    /// The values of a key, the strongest last; none for what is worked out on this machine.
    pub fn settings(&self, key: &str) -> &[Setting] {
        self.settings.get(key).map_or(&[], Vec::as_slice)
    }

    /// The MCP servers that are processes.
    pub(super) fn mcp_stdio(&self) -> &[McpStdio] {
        &self.mcp_stdio
    }

    /// The file that was read.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.settings(key).last().map(|setting| &setting.value)
    }

    /// The error for a value that does not fit its key.
    pub(super) fn bad(&self, key: &'static str, message: impl Into<String>) -> ConfigError {
        let place = self.settings(key).last();
        ConfigError::BadValue {
            key,
            place: place.map_or(Source::Default, |setting| setting.source.clone()),
            message: message.into(),
        }
    }

    pub(super) fn text(&self, key: &'static str) -> Result<&str, ConfigError> {
        match self.value(key) {
            None => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(self.bad(key, "expected text in quotes")),
        }
    }

    pub(super) fn path(&self, key: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        match self.text(key)? {
            "" if key == "data_dir" => Ok(usual_data_dir()),
            "" => Ok(None),
            text => Ok(Some(expand_home(text))),
        }
    }

    pub(super) fn parsed<T: FromStr>(
        &self,
        key: &'static str,
        expected: &str,
    ) -> Result<T, ConfigError> {
        let parsed = self.text(key)?.parse();
        parsed.map_err(|_| self.bad(key, format!("expected {expected}")))
    }

    pub(super) fn list(&self, key: &'static str) -> Result<Vec<String>, ConfigError> {
        let expected = || self.bad(key, "expected a list of texts");
        match self.value(key) {
            None => Ok(Vec::new()),
            // From the environment or a flag: separated by commas.
            Some(Value::String(text)) => Ok(text
                .split(',')
                .map(|part| part.trim().to_owned())
                .filter(|part| !part.is_empty())
                .collect()),
            Some(Value::Array(values)) => values
                .iter()
                .map(|value| value.as_str().map(str::to_owned).ok_or_else(expected))
                .collect(),
            Some(_) => Err(expected()),
        }
    }

    pub(super) fn integer(
        &self,
        key: &'static str,
        least: u64,
        most: u64,
    ) -> Result<u64, ConfigError> {
        let value = match self.value(key) {
            Some(Value::Integer(number)) => u64::try_from(*number).ok(),
            _ => None,
        };
        value
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| {
                self.bad(
                    key,
                    format!("expected a whole number from {least} to {most}"),
                )
            })
    }

    pub(super) fn bytes(
        &self,
        key: &'static str,
        least: u64,
        most: u64,
    ) -> Result<u64, ConfigError> {
        let value = match self.value(key) {
            Some(Value::Integer(number)) => u64::try_from(*number).ok(),
            Some(Value::String(text)) => parse_bytes(text),
            _ => None,
        };
        value
            .filter(|bytes| (least..=most).contains(bytes))
            .ok_or_else(|| {
                let message = format!(
                    "expected a size such as \"1 MiB\", from {} KiB to {} KiB",
                    least / 1024,
                    most / 1024
                );
                self.bad(key, message)
            })
    }

    pub(super) fn duration(
        &self,
        key: &'static str,
        most: Duration,
    ) -> Result<Duration, ConfigError> {
        let value = self.text(key).ok().and_then(parse_duration);
        value.filter(|duration| *duration <= most).ok_or_else(|| {
            let most = most.as_secs();
            let message = format!("expected a duration such as \"20 s\", at most {most} s");
            self.bad(key, message)
        })
    }
}

/// A value from the environment or a flag: TOML where it reads as a number, a list or a quoted
/// text, the bare text otherwise.
fn scalar(key: &str, text: &str) -> Value {
    let is_text = keys::find(key).is_some_and(|key| {
        (key.default.is_empty() || key.default.starts_with('"')) && !text.starts_with('"')
    });
    if is_text {
        return Value::String(text.to_owned());
    }
    let document = format!("value = {text}");
    match toml::from_str::<toml::Table>(&document) {
        Ok(mut table) => table
            .remove("value")
            .unwrap_or_else(|| Value::String(text.to_owned())),
        Err(_) => Value::String(text.to_owned()),
    }
}

/// Kubernetes sets such variables for a service that is called `alcove`; they are not ours.
fn is_service_link(name: &str) -> bool {
    name == "ALCOVE_PORT" || name.starts_with("ALCOVE_PORT_") || name.starts_with("ALCOVE_SERVICE_")
}

/// Puts the home folder in place of a leading `~/`.
pub(super) fn expand_home(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}

fn usual_data_dir() -> Option<PathBuf> {
    Some(xdg_dir("XDG_DATA_HOME", ".local/share")?.join("alcove"))
}

fn usual_file() -> Option<PathBuf> {
    Some(xdg_dir("XDG_CONFIG_HOME", ".config")?.join("alcove/alcove.toml"))
}

fn xdg_dir(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = std::env::var_os(variable).map(PathBuf::from);
    // The specification says that a relative path is to be ignored.
    set.filter(|path| path.is_absolute())
        .or_else(|| Some(std::env::home_dir()?.join(below_home)))
}
