//! SearXNG, a server of one's own that asks others. Request and answer as in
//! <https://docs.searxng.org/dev/search_api.html>.

use serde_json::Value;
use url::Url;

use super::{Asking, Query, Trouble, hits, text};
use crate::hit::{Hit, Raw};
use crate::settings::SafeSearch;

pub(super) fn asking(url: &Url, query: &Query<'_>) -> Asking {
    let mut url = url.clone();
    // The address that people see in their browser ends before `/search`.
    if !url.path().ends_with("/search") {
        let path = format!("{}/search", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    let text = query.with_site();
    let mut pairs = vec![
        ("q", text.as_str()),
        ("format", "json"),
        ("language", query.language),
        (
            "safesearch",
            match query.safe_search {
                SafeSearch::Off => "0",
                SafeSearch::Moderate => "1",
                SafeSearch::Strict => "2",
            },
        ),
    ];
    pairs.extend(query.recency.map(|recency| ("time_range", recency)));
    Asking::get(&url, &pairs)
}

pub(super) fn read(value: &Value) -> Result<Vec<Hit>, Trouble> {
    let found = hits(value, "/results", |result| {
        let raw = Raw {
            title: text(result, "title"),
            url: text(result, "url"),
            snippet: text(result, "content"),
            date: text(result, "publishedDate"),
        };
        let mut hit = Hit::clean(raw, "searxng")?;
        let engines = result.get("engines").and_then(Value::as_array);
        hit.found_through(engines.into_iter().flatten().filter_map(Value::as_str));
        Some(hit)
    })?;
    // Nothing from engines that did not answer is not "nothing was found".
    let silent = value.get("unresponsive_engines").and_then(Value::as_array);
    if found.is_empty() && silent.is_some_and(|engines| !engines.is_empty()) {
        return Err(Trouble::Broken(
            "the engines that it asks did not answer".to_owned(),
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::tests::{query, url};

    #[test]
    fn a_query_is_asked_as_documented() {
        let expected = "http://search.lan:8888/search?q=tides+%26+moon+site%3Aexample.org\
            &format=json&language=de&safesearch=2&time_range=week";
        for server in ["http://search.lan:8888", "http://search.lan:8888/search"] {
            assert_eq!(asking(&url(server), &query()).url.as_str(), expected);
        }
        let below = asking(&url("https://a.example/searx/"), &query());
        assert_eq!(below.url.path(), "/searx/search");
    }

    #[test]
    fn an_answer_is_read_as_documented() {
        let value = serde_json::from_str(include_str!("../../tests/answers/searxng.json")).unwrap();
        let hits = read(&value).unwrap();
        assert_eq!(hits.len(), 2, "{hits:?}");
        assert_eq!(hits[0].engines, ["wikipedia", "duckduckgo"]);
        assert_eq!(hits[0].date, "2026-08-01");
        assert_eq!(hits[1].engines, ["searxng"]);
    }

    #[test]
    fn silence_of_all_engines_is_no_empty_result() {
        let answer = |silent: &[[&str; 2]]| serde_json::json!({"query": "x", "results": [], "unresponsive_engines": silent});
        assert!(read(&answer(&[])).unwrap().is_empty());
        assert!(matches!(
            read(&answer(&[["bing", "timeout"]])),
            Err(Trouble::Broken(_))
        ));
    }
}
