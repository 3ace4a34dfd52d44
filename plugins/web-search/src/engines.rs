//! Search engines: what each is asked, and what its answers mean. One file an engine.

mod brave;
mod exa;
mod searxng;
mod serpapi;

use alcove_sdk::Failure;
use serde_json::Value;
use url::Url;

use crate::hit::Hit;
use crate::settings::SafeSearch;

/// So many results of one answer are read.
const MAX_RESULTS: usize = 50;

/// An engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Searxng,
    Brave,
    SerpApi,
    Exa,
}

/// What is searched for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query<'a> {
    pub(crate) text: &'a str,
    /// `day`, `week`, `month` or `year`.
    pub(crate) recency: Option<&'a str>,
    /// A site's name.
    pub(crate) site: Option<&'a str>,
    pub(crate) safe_search: SafeSearch,
    /// Two letters, as in `de`.
    pub(crate) language: &'a str,
    /// Seconds since 1970.
    pub(crate) now: u64,
}

impl Query<'_> {
    /// The text with the operator that most engines know for a site.
    fn with_site(&self) -> String {
        match self.site {
            Some(site) => format!("{} site:{site}", self.text),
            None => self.text.to_owned(),
        }
    }
}

/// What is sent to an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asking {
    pub(crate) method: &'static str,
    pub(crate) url: Url,
    /// A body in JSON; empty for none.
    pub(crate) body: Vec<u8>,
}

impl Asking {
    fn get(url: &Url, pairs: &[(&str, &str)]) -> Asking {
        let mut url = url.clone();
        url.query_pairs_mut().extend_pairs(pairs);
        Asking {
            method: "GET",
            url,
            body: Vec::new(),
        }
    }
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    pub(crate) body: Vec<u8>,
    /// Whether there was more than is read.
    pub(crate) is_cut: bool,
}

/// Why an engine gave no results. An empty list is no trouble.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// The host did not let the request out: no rule, or no key.
    NotSetUp(Failure),
    /// The engine does not take the key.
    Key,
    /// The key's allowance is used up, or requests come too fast.
    Quota { retry_after_ms: Option<u64> },
    /// It is out of reach, or answers with something else than results.
    Broken(String),
}

impl Engine {
    /// All, in the order in which they are asked where an admin says nothing.
    pub(crate) const ALL: [Engine; 4] =
        [Engine::Searxng, Engine::Brave, Engine::SerpApi, Engine::Exa];

    /// Its name in settings and results.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Engine::Searxng => "searxng",
            Engine::Brave => "brave",
            Engine::SerpApi => "serpapi",
            Engine::Exa => "exa",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Engine> {
        Engine::ALL.into_iter().find(|engine| engine.name() == name)
    }

    /// The variable that says where it is.
    pub(crate) fn url_variable(self) -> &'static str {
        match self {
            Engine::Searxng => "SEARXNG_URL",
            Engine::Brave => "BRAVE_URL",
            Engine::SerpApi => "SERPAPI_URL",
            Engine::Exa => "EXA_URL",
        }
    }

    /// Where it is for everybody.
    pub(crate) fn default_url(self) -> Option<Url> {
        let url = match self {
            Engine::Searxng => return None,
            Engine::Brave => brave::URL,
            Engine::SerpApi => serpapi::URL,
            Engine::Exa => exa::URL,
        };
        url.parse().ok()
    }

    /// The request for a query.
    pub(crate) fn asking(self, url: &Url, query: &Query<'_>) -> Asking {
        match self {
            Engine::Searxng => searxng::asking(url, query),
            Engine::Brave => brave::asking(url, query),
            Engine::SerpApi => serpapi::asking(url, query),
            Engine::Exa => exa::asking(url, query),
        }
    }

    /// The results in an answer, best first.
    pub(crate) fn read(self, answer: &Answer) -> Result<Vec<Hit>, Trouble> {
        if answer.is_cut {
            return Err(Trouble::Broken("its answer is too large".to_owned()));
        }
        let value = serde_json::from_slice::<Value>(&answer.body).ok();
        if answer.status != 200 {
            return Err(self.refusal(answer, value.as_ref()));
        }
        let value = value.ok_or_else(|| Trouble::Broken(self.no_json()))?;
        match self {
            Engine::Searxng => searxng::read(&value),
            Engine::Brave => brave::read(&value),
            Engine::SerpApi => serpapi::read(&value),
            Engine::Exa => exa::read(&value),
        }
    }

    fn no_json(self) -> String {
        match self {
            Engine::Searxng => {
                "its answer is not JSON: `formats` under `search` in its settings.yml must hold json"
                    .to_owned()
            }
            _ => "its answer is not JSON".to_owned(),
        }
    }

    /// What a status that is no success means.
    fn refusal(self, answer: &Answer, value: Option<&Value>) -> Trouble {
        let retry_after_ms = answer
            .retry_after
            .as_deref()
            .and_then(|seconds| seconds.trim().parse::<u64>().ok())
            .map(|seconds| seconds.saturating_mul(1_000));
        match answer.status {
            // SearXNG has no keys: it refuses a form of answer that its settings don't name.
            // https://docs.searxng.org/dev/search_api.html
            403 if self == Engine::Searxng => Trouble::Broken(self.no_json()),
            401 | 403 => Trouble::Key,
            402 | 429 => Trouble::Quota { retry_after_ms },
            422 if self == Engine::Brave && value.is_some_and(brave::refuses_the_key) => {
                Trouble::Key
            }
            status @ 300..=399 => Trouble::Broken(format!(
                "it leads elsewhere (status {status}); set `{}` to where it is",
                self.url_variable()
            )),
            status => Trouble::Broken(format!("it answered with status {status}")),
        }
    }
}

/// The results at a place, each turned into a hit; those that are none are left out.
fn hits<'a>(
    value: &'a Value,
    place: &str,
    hit: impl Fn(&'a Value) -> Option<Hit>,
) -> Result<Vec<Hit>, Trouble> {
    match value.pointer(place) {
        Some(Value::Array(results)) => {
            Ok(results.iter().take(MAX_RESULTS).filter_map(hit).collect())
        }
        // What is not there, in an answer that is one: nothing was found.
        None | Some(Value::Null) if value.is_object() => Ok(Vec::new()),
        _ => Err(Trouble::Broken(
            "its answer has another form than it should".to_owned(),
        )),
    }
}

/// The text of a field; empty where there is none.
fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            retry_after: None,
            body: body.as_bytes().to_vec(),
            is_cut: false,
        }
    }

    #[test]
    fn every_status_means_the_same_for_all_but_for_what_is_documented() {
        for engine in Engine::ALL {
            let trouble = |status| engine.read(&answer(status, "{}")).unwrap_err();
            assert!(matches!(trouble(401), Trouble::Key));
            assert!(matches!(
                trouble(429),
                Trouble::Quota {
                    retry_after_ms: None
                }
            ));
            assert!(matches!(trouble(500), Trouble::Broken(_)));
            assert!(matches!(trouble(302), Trouble::Broken(text) if text.contains("_URL")));
            assert_eq!(
                matches!(trouble(403), Trouble::Key),
                engine != Engine::Searxng
            );
            assert!(matches!(trouble(422), Trouble::Broken(_)));
        }
        let later = Answer {
            retry_after: Some("7".to_owned()),
            ..answer(429, "")
        };
        assert!(matches!(
            Engine::Brave.read(&later).unwrap_err(),
            Trouble::Quota {
                retry_after_ms: Some(7_000)
            }
        ));
    }

    #[test]
    fn what_is_no_list_of_results_is_an_error_and_an_empty_one_is_not() {
        for engine in Engine::ALL {
            for body in [
                "",
                "<!DOCTYPE html><p>Sign in",
                "[]",
                "7",
                "{\"results\":",
                "null",
            ] {
                let read = engine.read(&answer(200, body));
                assert!(matches!(read, Err(Trouble::Broken(_))), "{engine:?} {body}");
            }
            let deep = "[".repeat(100_000);
            assert!(engine.read(&answer(200, &deep)).is_err());
            assert!(engine.read(&answer(200, "{}")).unwrap().is_empty());
            let cut = Answer {
                is_cut: true,
                ..answer(200, "{}")
            };
            assert!(engine.read(&cut).is_err());
        }
    }
}
