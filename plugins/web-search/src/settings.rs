//! What the admin set: the variables of the policy's `[env]`.

use alcove_sdk::Failure;
use url::Url;

use crate::engines::Engine;
use crate::sites::{self, Sites};

/// Results are kept for so long where the admin says nothing.
const DEFAULT_CACHE_MINUTES: u64 = 15;
/// And for so long at most: older than a week is no search.
const MAX_CACHE_MINUTES: u64 = 7 * 24 * 60;

/// Whether results for adults are left out. Engines know these three degrees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SafeSearch {
    Off,
    Moderate,
    Strict,
}

/// How to search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Engines and where they are, in the order in which they are asked.
    pub(crate) engines: Vec<(Engine, Url)>,
    /// How many of them have to answer; more than one are fused.
    pub(crate) answers: usize,
    pub(crate) safe_search: SafeSearch,
    /// What the organisation shows.
    pub(crate) sites: Sites,
    /// How long results are kept; 0: not at all.
    pub(crate) cache_seconds: u64,
}

impl Settings {
    /// Reads the variables. One that is not known is an error, as anywhere in a policy.
    pub(crate) fn read(variables: &[(String, String)]) -> Result<Settings, Failure> {
        let mut order: Option<Vec<Engine>> = None;
        let mut urls: Vec<(Engine, Url)> = Vec::new();
        let mut settings = Settings {
            engines: Vec::new(),
            answers: 1,
            safe_search: SafeSearch::Moderate,
            sites: Sites::default(),
            cache_seconds: DEFAULT_CACHE_MINUTES * 60,
        };
        for (name, value) in variables {
            let wrong = |expected: &str| wrong(name, value, expected);
            match name.as_str() {
                "ENGINES" => {
                    let engines = words(value).map(|word| Engine::named(word).ok_or(word));
                    let engines = engines
                        .collect::<Result<Vec<_>, _>>()
                        .map_err(|_| wrong("some of: searxng, brave, serpapi, exa"))?;
                    order = Some(engines);
                }
                "ANSWERS" => {
                    let count = value.trim().parse::<usize>().ok();
                    settings.answers = count
                        .filter(|count| (1..=Engine::ALL.len()).contains(count))
                        .ok_or_else(|| wrong("a number from 1 to 4"))?;
                }
                "SAFE_SEARCH" => {
                    settings.safe_search = match value.trim() {
                        "off" => SafeSearch::Off,
                        "moderate" => SafeSearch::Moderate,
                        "strict" => SafeSearch::Strict,
                        _ => return Err(wrong("one of: off, moderate, strict")),
                    };
                }
                "CACHE_MINUTES" => {
                    let minutes = value.trim().parse::<u64>().ok();
                    settings.cache_seconds = 60
                        * minutes
                            .filter(|minutes| *minutes <= MAX_CACHE_MINUTES)
                            .ok_or_else(|| wrong("a number from 0 to 10080, a week"))?;
                }
                "ONLY_SITES" => settings.sites.only = names(value).map_err(|()| wrong(SITES))?,
                "BLOCK_SITES" => settings.sites.block = names(value).map_err(|()| wrong(SITES))?,
                _ => {
                    let engine = Engine::ALL
                        .into_iter()
                        .find(|engine| engine.url_variable() == name)
                        .ok_or_else(|| {
                            let known = "ENGINES, ANSWERS, SAFE_SEARCH, CACHE_MINUTES, \
                                ONLY_SITES, BLOCK_SITES, SEARXNG_URL, BRAVE_URL, SERPAPI_URL, EXA_URL";
                            misconfigured(format!("`{name}` is not known; known are {known}"))
                        })?;
                    let url = value.trim().parse::<Url>().ok();
                    let url = url.filter(|url| {
                        matches!(url.scheme(), "http" | "https") && url.query().is_none()
                    });
                    urls.push((engine, url.ok_or_else(|| wrong("a URL without a query"))?));
                }
            }
        }
        let is_named = order.is_some();
        for engine in order.unwrap_or_else(|| Engine::ALL.to_vec()) {
            let set = urls.iter().find(|(own, _)| *own == engine);
            let url = match set {
                Some((_, url)) => Some(url.clone()),
                None => engine.default_url(),
            };
            match url {
                Some(url) => settings.engines.push((engine, url)),
                // A server of one's own has no address that everybody knows.
                None if is_named => {
                    let variable = engine.url_variable();
                    return Err(misconfigured(format!(
                        "`ENGINES` names {}, and `{variable}` is not set",
                        engine.name()
                    )));
                }
                None => {}
            }
        }
        Ok(settings)
    }
}

const SITES: &str = "names of sites such as example.com, with spaces between them";

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', '\n', '\t'])
        .filter(|word| !word.is_empty())
}

fn names(text: &str) -> Result<Vec<String>, ()> {
    words(text)
        .map(|word| sites::name(word).ok_or(()))
        .collect()
}

fn wrong(name: &str, value: &str, expected: &str) -> Failure {
    let value: String = value.chars().take(100).collect();
    misconfigured(format!("`{name} = \"{value}\"` is not {expected}"))
}

fn misconfigured(what: String) -> Failure {
    Failure::unavailable(format!(
        "the search is not set up: in [env] of its policy, {what}. An admin mends it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Failure> {
        let variables: Vec<(String, String)> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings::read(&variables)
    }

    fn engines(settings: &Settings) -> Vec<Engine> {
        settings.engines.iter().map(|(engine, _)| *engine).collect()
    }

    #[test]
    fn without_variables_the_engines_with_known_addresses_are_asked() {
        let settings = read(&[]).unwrap();
        assert_eq!(
            engines(&settings),
            [Engine::Brave, Engine::SerpApi, Engine::Exa]
        );
        assert_eq!(settings.safe_search, SafeSearch::Moderate);
        assert_eq!((settings.answers, settings.cache_seconds), (1, 900));
    }

    #[test]
    fn a_server_of_ones_own_comes_first_unless_the_order_is_said() {
        let url = ("SEARXNG_URL", "http://127.0.0.1:8888/search");
        assert_eq!(engines(&read(&[url]).unwrap())[0], Engine::Searxng);
        let said = read(&[url, ("ENGINES", "exa, searxng")]).unwrap();
        assert_eq!(engines(&said), [Engine::Exa, Engine::Searxng]);
    }

    #[test]
    fn every_variable_is_read_and_none_is_passed_over() {
        let settings = read(&[
            ("SAFE_SEARCH", "strict"),
            ("ANSWERS", "2"),
            ("CACHE_MINUTES", "0"),
            ("ONLY_SITES", "Example.com, wikipedia.org"),
            ("BLOCK_SITES", "ads.example.com"),
            ("BRAVE_URL", "https://proxy.example/brave"),
        ])
        .unwrap();
        assert_eq!(settings.safe_search, SafeSearch::Strict);
        assert_eq!((settings.answers, settings.cache_seconds), (2, 0));
        assert_eq!(settings.sites.only, ["example.com", "wikipedia.org"]);
        assert_eq!(settings.sites.block, ["ads.example.com"]);
        assert_eq!(
            settings.engines[0].1.as_str(),
            "https://proxy.example/brave"
        );
        for (name, value) in [
            ("ENGINES", "google"),
            ("ENGINES", "searxng"),
            ("ANSWERS", "0"),
            ("ANSWERS", "5"),
            ("SAFE_SEARCH", "yes"),
            ("CACHE_MINUTES", "-1"),
            ("CACHE_MINUTES", "10081"),
            ("ONLY_SITES", "http://"),
            ("SEARXNG_URL", "search.lan"),
            ("SEARXNG_URL", "file:///etc/passwd"),
            ("EXA_URL", "https://api.exa.ai/search?x=1"),
            ("SAFE", "strict"),
        ] {
            let failure = read(&[(name, value)]).unwrap_err();
            assert_eq!(failure.kind, "unavailable");
            assert!(failure.message.contains(name), "{}", failure.message);
        }
    }
}
