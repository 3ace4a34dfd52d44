//! One search: engines in their order until enough have answered, fused, filtered, shown.

use alcove_sdk::session::{self, Level};
use alcove_sdk::{Failure, Outcome, clock, environment};
use url::Url;

use crate::engines::{Answer, Asking, Engine, Query, Trouble};
use crate::hit::Hit;
use crate::settings::Settings;
use crate::sites::{self, Sites};
use crate::{Arguments, ask, cache, fusion, show};

/// How many results are shown where nobody says.
const DEFAULT_COUNT: u32 = 5;

/// The tool `web_search`.
pub(crate) fn search(arguments: &Arguments) -> Outcome {
    let settings = Settings::read(&environment::variables())?;
    if settings.engines.is_empty() {
        return Err(nobody_answered(Vec::new()));
    }
    let text = arguments
        .query
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    if text.is_empty() {
        return Err(Failure::invalid_input("`query` is empty"));
    }
    let site = match arguments
        .site
        .as_deref()
        .filter(|site| !site.trim().is_empty())
    {
        Some(site) => Some(sites::name(site).ok_or_else(|| {
            Failure::invalid_input("`site` must be the name of a site such as example.com")
        })?),
        None => None,
    };
    let locale = session::locale();
    let now = clock::now().as_secs();
    let query = Query {
        text: &text,
        recency: arguments.recency.as_deref(),
        site: site.as_deref(),
        safe_search: settings.safe_search,
        language: language(&locale),
        now,
    };
    let question = question(&settings, &query);
    let (hits, notes) = match cache::get(&question, now, settings.cache_seconds) {
        Some(hits) => (hits, Vec::new()),
        None => {
            let found = ask_in_order(&settings, &query, ask::ask)?;
            // A list that an engine is missing from is not kept: the next search asks it again.
            if settings.cache_seconds > 0 && found.1.is_empty() {
                cache::put(question, now, &found.0);
            }
            found
        }
    };
    for note in &notes {
        session::log(Level::Warn, note);
    }
    let own = match sites::of_the_person() {
        Ok(own) => own,
        // Without [state] nobody has lists.
        Err(failure) if failure.kind == "denied" => Sites::default(),
        Err(failure) => return Err(failure),
    };
    let shown = |hit: &Hit| {
        settings.sites.allow(&hit.url) && own.allow(&hit.url) && is_on(&hit.url, query.site)
    };
    let total = hits.len();
    let mut hits: Vec<Hit> = hits.into_iter().filter(shown).collect();
    let hidden = total - hits.len();
    hits.truncate(arguments.count.unwrap_or(DEFAULT_COUNT) as usize);
    Ok(show::parts(&text, &hits, hidden))
}

fn is_on(url: &Url, site: Option<&str>) -> bool {
    let Some(site) = site else { return true };
    url.host_str().is_some_and(|host| sites::is_on(host, site))
}

/// The first two letters of a locale such as `de-AT`; English where there are none.
fn language(locale: &str) -> &str {
    let primary = locale.split(['-', '_']).next().unwrap_or_default();
    let is_language = primary.len() == 2 && primary.bytes().all(|byte| byte.is_ascii_lowercase());
    if is_language { primary } else { "en" }
}

/// All that an answer depends on.
fn question(settings: &Settings, query: &Query<'_>) -> String {
    let engines: Vec<String> = settings
        .engines
        .iter()
        .map(|(engine, url)| format!("{} {url}", engine.name()))
        .collect();
    let Query {
        text,
        recency,
        site,
        safe_search,
        language,
        now: _,
    } = query;
    let answers = settings.answers;
    format!("{engines:?} {answers} {safe_search:?} {language} {recency:?} {site:?} {text}")
}

/// Asks engines in their order until as many have answered as are wanted. What it answers: the
/// results of those, and what was wrong with the others.
fn ask_in_order(
    settings: &Settings,
    query: &Query<'_>,
    mut send: impl FnMut(&Asking) -> Result<Answer, Trouble>,
) -> Result<(Vec<Hit>, Vec<String>), Failure> {
    let mut lists = Vec::new();
    let mut troubles = Vec::new();
    for (engine, url) in &settings.engines {
        if lists.len() == settings.answers {
            break;
        }
        let answer = send(&engine.asking(url, query)).and_then(|answer| engine.read(&answer));
        match answer {
            Ok(hits) => lists.push(hits),
            Err(trouble) => troubles.push((*engine, trouble)),
        }
    }
    if lists.is_empty() {
        return Err(nobody_answered(troubles));
    }
    let is_trouble = |(_, trouble): &(_, Trouble)| !matches!(trouble, Trouble::NotSetUp(_));
    let notes = troubles.into_iter().filter(is_trouble).map(words).collect();
    Ok((fusion::fuse(lists), notes))
}

fn words((engine, trouble): (Engine, Trouble)) -> String {
    let name = engine.name();
    match trouble {
        Trouble::NotSetUp(_) => format!("{name} is not set up"),
        Trouble::Key => format!("{name} does not take the key"),
        Trouble::Quota { .. } => format!("{name} wants fewer searches, or the key's are used up"),
        Trouble::Broken(what) => format!("{name} does not work: {what}"),
    }
}

/// What the call ends with where no engine has answered.
fn nobody_answered(troubles: Vec<(Engine, Trouble)>) -> Failure {
    let mut tried: Vec<(Engine, Trouble)> = Vec::new();
    let mut refusal = None;
    for (engine, trouble) in troubles {
        match trouble {
            Trouble::NotSetUp(failure) => refusal = refusal.or(Some(failure)),
            other => tried.push((engine, other)),
        }
    }
    if tried.is_empty() {
        // Of an engine that was refused, the host itself says what is missing.
        return refusal.unwrap_or_else(|| {
            Failure::unavailable(
                "no search engine is set up; an admin names one in the policy of this tool",
            )
        });
    }
    let wait = tried
        .iter()
        .try_fold(None, |least: Option<u64>, (_, trouble)| match trouble {
            Trouble::Quota { retry_after_ms } => {
                Some(least.into_iter().chain(*retry_after_ms).min())
            }
            _ => None,
        });
    let all: Vec<String> = tried.into_iter().map(words).collect();
    let message = format!("no search engine answered: {}", all.join("; "));
    match wait {
        Some(retry_after_ms) => Failure::rate_limited(message, retry_after_ms),
        None => Failure::upstream(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::tests::query;

    fn settings(answers: usize) -> Settings {
        let variables = [
            ("ENGINES", "brave exa serpapi".to_owned()),
            ("ANSWERS", answers.to_string()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        Settings::read(&variables).unwrap()
    }

    fn ok(body: &str) -> Result<Answer, Trouble> {
        status(200, body)
    }

    fn status(status: u16, body: &str) -> Result<Answer, Trouble> {
        Ok(Answer {
            status,
            retry_after: None,
            body: body.into(),
            is_cut: false,
        })
    }

    const BRAVE: &str = include_str!("../tests/answers/brave.json");
    const EXA: &str = include_str!("../tests/answers/exa.json");
    const SERPAPI: &str = include_str!("../tests/answers/serpapi.json");

    type Found = Result<(Vec<Hit>, Vec<String>), Failure>;

    /// Asks, with these answers by engine; answers who was asked, too.
    fn asked(
        answers: usize,
        mut answer: impl FnMut(&str) -> Result<Answer, Trouble>,
    ) -> (Found, Vec<String>) {
        let mut hosts = Vec::new();
        let found = ask_in_order(&settings(answers), &query(), |asking| {
            let host = asking.url.host_str().unwrap_or_default().to_owned();
            let result = answer(&host);
            hosts.push(host);
            result
        });
        (found, hosts)
    }

    #[test]
    fn the_first_that_answers_is_enough() {
        let (found, hosts) = asked(1, |_| ok(BRAVE));
        assert_eq!(hosts, ["api.search.brave.com"]);
        assert_eq!(found.unwrap().0.len(), 2);
        // Nothing found is an answer.
        let (found, hosts) = asked(1, |_| ok("{}"));
        assert_eq!(hosts.len(), 1);
        assert!(found.unwrap().0.is_empty());
    }

    #[test]
    fn the_next_stands_in_for_one_that_does_not_answer() {
        for bad in [
            status(429, ""),
            status(401, ""),
            ok("<html>"),
            status(500, ""),
        ] {
            let (found, hosts) = asked(1, |host| match host {
                "api.search.brave.com" => bad.clone(),
                _ => ok(EXA),
            });
            let (hits, notes) = found.unwrap();
            assert_eq!(hosts, ["api.search.brave.com", "api.exa.ai"]);
            assert_eq!(hits[0].engines, ["exa"]);
            assert!(
                notes.len() == 1 && notes[0].starts_with("brave "),
                "{notes:?}"
            );
        }
        // One that is not set up is nothing to speak of.
        let (found, _) = asked(1, |host| match host {
            "api.search.brave.com" => Err(Trouble::NotSetUp(Failure::denied("no key"))),
            _ => ok(EXA),
        });
        assert!(found.unwrap().1.is_empty());
    }

    #[test]
    fn several_answers_are_fused() {
        let (found, hosts) = asked(3, |host| match host {
            "api.search.brave.com" => ok(BRAVE),
            "api.exa.ai" => status(500, ""),
            _ => ok(SERPAPI),
        });
        let hits = found.unwrap().0;
        assert_eq!(hosts.len(), 3);
        assert_eq!(hits[0].url.as_str(), "https://tides.example/currents");
        assert_eq!(hits[0].engines, ["brave", "serpapi"]);
        assert_eq!(hits.len(), 3);
    }

    #[test]
    fn where_none_answers_it_is_said_why() {
        let failure = |answer: fn(&str) -> Result<Answer, Trouble>| asked(1, answer).0.unwrap_err();
        let quota = failure(|host| {
            Err(Trouble::Quota {
                retry_after_ms: (host == "api.exa.ai").then_some(7_000),
            })
        });
        assert_eq!(
            (quota.kind.as_str(), quota.retry_after_ms),
            ("rate-limited", Some(7_000))
        );
        let mixed = failure(|host| {
            if host == "serpapi.com" {
                status(401, "{}")
            } else {
                status(429, "{}")
            }
        });
        assert_eq!(mixed.kind, "upstream");
        assert!(
            mixed.message.contains("serpapi does not take the key"),
            "{}",
            mixed.message
        );
        let refused = failure(|_| Err(Trouble::NotSetUp(Failure::denied("set the secret"))));
        assert_eq!(
            (refused.kind.as_str(), refused.message.as_str()),
            ("denied", "set the secret")
        );
        let none = ask_in_order(
            &Settings {
                engines: Vec::new(),
                ..settings(1)
            },
            &query(),
            |_| ok("{}"),
        );
        assert_eq!(none.unwrap_err().kind, "unavailable");
    }

    #[test]
    fn languages_are_two_letters() {
        for (locale, expected) in [
            ("de-AT", "de"),
            ("en", "en"),
            ("", "en"),
            ("&x", "en"),
            ("zh_CN", "zh"),
        ] {
            assert_eq!(language(locale), expected);
        }
    }
}
