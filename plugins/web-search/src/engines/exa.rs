//! Exa. Request and answer as in <https://exa.ai/docs/reference/search>.

use alcove_sdk::date;
use serde_json::{Value, json};
use url::Url;

use super::{Asking, Query, Trouble, hits, text};
use crate::hit::{Hit, Raw};
use crate::settings::SafeSearch;

pub(super) const URL: &str = "https://api.exa.ai/search";
/// How many results are asked for: more cost more.
const COUNT: u32 = 10;
const DAY_SECONDS: u64 = 24 * 60 * 60;

pub(super) fn asking(url: &Url, query: &Query<'_>) -> Asking {
    let mut body = json!({
        "query": query.text,
        "type": "auto",
        "numResults": COUNT,
        "moderation": query.safe_search != SafeSearch::Off,
        "contents": {"highlights": true},
    });
    if let Some(site) = query.site {
        body["includeDomains"] = json!([site]);
    }
    if let Some(recency) = query.recency {
        let days = match recency {
            "day" => 1,
            "week" => 7,
            "month" => 31,
            _ => 366,
        };
        let since = query.now.saturating_sub(days * DAY_SECONDS);
        let since = date::day(i64::try_from(since).unwrap_or(i64::MAX));
        body["startPublishedDate"] = json!(format!("{since}T00:00:00.000Z"));
    }
    Asking {
        method: "POST",
        url: url.clone(),
        body: body.to_string().into_bytes(),
    }
}

pub(super) fn read(value: &Value) -> Result<Vec<Hit>, Trouble> {
    hits(value, "/results", |result| {
        let highlight = result.pointer("/highlights/0").and_then(Value::as_str);
        let raw = Raw {
            title: text(result, "title"),
            url: text(result, "url"),
            snippet: highlight.unwrap_or_else(|| text(result, "text")),
            date: text(result, "publishedDate"),
        };
        Hit::clean(raw, "exa")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::tests::{query, url};

    #[test]
    fn a_query_is_asked_as_documented() {
        let asked = asking(&url(URL), &query());
        assert_eq!((asked.method, asked.url.as_str()), ("POST", URL));
        let body: Value = serde_json::from_slice(&asked.body).unwrap();
        assert_eq!(
            body,
            json!({
                "query": "tides & moon", "type": "auto", "numResults": 10, "moderation": true,
                "contents": {"highlights": true}, "includeDomains": ["example.org"],
                "startPublishedDate": "2026-02-22T00:00:00.000Z",
            })
        );
    }

    #[test]
    fn an_answer_is_read_as_documented() {
        let value = serde_json::from_str(include_str!("../../tests/answers/exa.json")).unwrap();
        let hits = read(&value).unwrap();
        assert_eq!(hits.len(), 2, "{hits:?}");
        assert_eq!(hits[0].snippet, "Twice a day the sea comes and goes.");
        assert_eq!(hits[0].date, "2026-09-30");
        assert_eq!(hits[1].title, "untitled.example");
    }
}
