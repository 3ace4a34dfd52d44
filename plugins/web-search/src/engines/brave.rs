//! Brave Search. Request and answer as in
//! <https://api-dashboard.search.brave.com/api-reference/web/search/get> and
//! <https://api.search.brave.com/app/documentation/web-search/responses>.

use serde_json::Value;
use url::Url;

use super::{Asking, Query, Trouble, hits, text};
use crate::hit::{Hit, Raw};
use crate::settings::SafeSearch;

pub(super) const URL: &str = "https://api.search.brave.com/res/v1/web/search";
/// The most that it gives at once.
const COUNT: &str = "20";

pub(super) fn asking(url: &Url, query: &Query<'_>) -> Asking {
    let text = query.with_site();
    let mut pairs = vec![
        ("q", text.as_str()),
        ("count", COUNT),
        (
            "safesearch",
            match query.safe_search {
                SafeSearch::Off => "off",
                SafeSearch::Moderate => "moderate",
                SafeSearch::Strict => "strict",
            },
        ),
        ("text_decorations", "false"),
    ];
    let freshness = query.recency.map(|recency| match recency {
        "day" => "pd",
        "week" => "pw",
        "month" => "pm",
        _ => "py",
    });
    pairs.extend(freshness.map(|freshness| ("freshness", freshness)));
    Asking::get(url, &pairs)
}

pub(super) fn read(value: &Value) -> Result<Vec<Hit>, Trouble> {
    hits(value, "/web/results", |result| {
        let raw = Raw {
            title: text(result, "title"),
            url: text(result, "url"),
            snippet: text(result, "description"),
            date: match text(result, "page_age") {
                "" => text(result, "age"),
                day => day,
            },
        };
        Hit::clean(raw, "brave")
    })
}

/// Brave answers 422 both to a key that it does not know and to a query that it does not take.
pub(super) fn refuses_the_key(value: &Value) -> bool {
    value.pointer("/error/code").and_then(Value::as_str) == Some("SUBSCRIPTION_TOKEN_INVALID")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::tests::{query, url};
    use crate::engines::{Answer, Engine};

    #[test]
    fn a_query_is_asked_as_documented() {
        let asked = asking(&url(URL), &query());
        assert_eq!(
            asked.url.as_str(),
            "https://api.search.brave.com/res/v1/web/search?q=tides+%26+moon+site%3Aexample.org\
             &count=20&safesearch=strict&text_decorations=false&freshness=pw"
        );
        assert_eq!(asked.method, "GET");
    }

    #[test]
    fn an_answer_is_read_as_documented() {
        let value = serde_json::from_str(include_str!("../../tests/answers/brave.json")).unwrap();
        let hits = read(&value).unwrap();
        assert_eq!(hits.len(), 2, "{hits:?}");
        assert_eq!(hits[0].title, "Tides & currents");
        assert_eq!(hits[0].url.as_str(), "https://tides.example/currents");
        assert_eq!(hits[0].snippet, "High water comes twice a day.");
        assert_eq!(
            (hits[0].date.as_str(), hits[1].date.as_str()),
            ("2026-10-02", "March 4, 2025")
        );
    }

    #[test]
    fn an_unknown_key_is_told_from_a_bad_query() {
        let answer = |code: &str| {
            Answer {
            status: 422,
            retry_after: None,
            body: format!(
                r#"{{"type":"ErrorResponse","error":{{"id":"x","status":422,"code":"{code}","detail":"d"}}}}"#
            )
            .into_bytes(),
            is_cut: false,
        }
        };
        let read = |code| Engine::Brave.read(&answer(code)).unwrap_err();
        assert!(matches!(read("SUBSCRIPTION_TOKEN_INVALID"), Trouble::Key));
        assert!(matches!(read("VALIDATION"), Trouble::Broken(_)));
    }
}
