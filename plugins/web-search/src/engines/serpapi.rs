//! SerpAPI's interface to Google. Request and answer as in <https://serpapi.com/search-api>,
//! <https://serpapi.com/organic-results> and <https://serpapi.com/api-status-and-error-codes>.

use serde_json::Value;
use url::Url;

use super::{Asking, Query, Trouble, hits, text};
use crate::hit::{Hit, Raw};
use crate::settings::SafeSearch;

pub(super) const URL: &str = "https://serpapi.com/search.json";
/// How many results are asked for.
const COUNT: &str = "20";

pub(super) fn asking(url: &Url, query: &Query<'_>) -> Asking {
    let text = query.with_site();
    let mut pairs = vec![
        ("engine", "google"),
        ("q", text.as_str()),
        ("num", COUNT),
        ("hl", query.language),
        // Google knows two degrees.
        (
            "safe",
            match query.safe_search {
                SafeSearch::Off => "off",
                SafeSearch::Moderate | SafeSearch::Strict => "active",
            },
        ),
    ];
    let since = query.recency.map(|recency| match recency {
        "day" => "qdr:d",
        "week" => "qdr:w",
        "month" => "qdr:m",
        _ => "qdr:y",
    });
    pairs.extend(since.map(|since| ("tbs", since)));
    Asking::get(url, &pairs)
}

pub(super) fn read(value: &Value) -> Result<Vec<Hit>, Trouble> {
    // `error` beside `Success` says that Google found nothing; beside `Error`, that the search
    // itself failed.
    let status = value
        .pointer("/search_metadata/status")
        .and_then(Value::as_str);
    if status == Some("Error") {
        return Err(Trouble::Broken("its search failed".to_owned()));
    }
    hits(value, "/organic_results", |result| {
        let raw = Raw {
            title: text(result, "title"),
            url: text(result, "link"),
            snippet: text(result, "snippet"),
            date: text(result, "date"),
        };
        Hit::clean(raw, "serpapi")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::tests::{query, url};

    #[test]
    fn a_query_is_asked_as_documented() {
        assert_eq!(
            asking(&url(URL), &query()).url.as_str(),
            "https://serpapi.com/search.json?engine=google&q=tides+%26+moon+site%3Aexample.org\
             &num=20&hl=de&safe=active&tbs=qdr%3Aw"
        );
    }

    #[test]
    fn an_answer_is_read_as_documented() {
        let value = serde_json::from_str(include_str!("../../tests/answers/serpapi.json")).unwrap();
        let hits = read(&value).unwrap();
        assert_eq!(hits.len(), 2, "{hits:?}");
        assert_eq!(hits[0].url.as_str(), "https://moon.example/pull");
        assert_eq!(hits[0].date, "Oct 3, 2026");
    }

    #[test]
    fn nothing_found_is_told_from_a_search_that_failed() {
        let answer = |status: &str| {
            serde_json::json!({
                "search_metadata": {"status": status},
                "error": "Google hasn't returned any results for this query.",
            })
        };
        assert!(read(&answer("Success")).unwrap().is_empty());
        assert!(matches!(read(&answer("Error")), Err(Trouble::Broken(_))));
    }
}
