//! What a server's tool returned, as parts.

use alcove_sdk::{Audience, Failure, Part};
use serde_json::Value;

/// The most blocks of one result that are taken.
const MAX_BLOCKS: usize = 256;

/// The parts of a `tools/call` result, or the failure that it is.
pub(crate) fn parts(result: &Value) -> Result<Vec<Part>, Failure> {
    if let Some("input_required") = result["resultType"].as_str() {
        return Err(Failure::unavailable(
            "the server asks for something that this host cannot ask a person for it",
        ));
    }
    let empty = Vec::new();
    let blocks = result["content"].as_array().unwrap_or(&empty);
    let mut parts: Vec<Part> = blocks.iter().take(MAX_BLOCKS).map(block).collect();
    if blocks.len() > MAX_BLOCKS {
        let left = blocks.len() - MAX_BLOCKS;
        parts.push(Part::text(format!("({left} more blocks are left out)")));
    }
    if result["isError"] == Value::Bool(true) {
        let said: Vec<&str> = blocks
            .iter()
            .filter_map(|block| block["text"].as_str())
            .collect();
        return Err(Failure::upstream(match said.is_empty() {
            true => "the tool failed without a word".to_owned(),
            false => said.join("\n"),
        }));
    }
    if let Some(structured) = result.get("structuredContent")
        && !structured.is_null()
    {
        // A server that sends the value also sends its text, which would say the same twice.
        let same = |part: &Part| {
            matches!(&part.content, alcove_sdk::Content::Text(text)
            if serde_json::from_str::<Value>(text).is_ok_and(|value| value == *structured))
        };
        parts.retain(|part| !same(part));
        parts.push(Part::json(structured.to_string()));
    }
    Ok(parts)
}

fn block(block: &Value) -> Part {
    let text = |name: &str| block[name].as_str().unwrap_or_default();
    let part = match text("type") {
        "text" => Part::text(text("text")),
        "resource_link" => {
            let title = block["title"].as_str().unwrap_or_else(|| text("name"));
            Part::link(title, text("uri"))
        }
        "resource" => match block["resource"]["text"].as_str() {
            Some(text) => Part::text(text),
            None => Part::text("(a resource that is no text is left out)"),
        },
        kind @ ("image" | "audio") => {
            let mime = text("mimeType");
            Part::text(format!("(an {kind} of type {mime} is left out)"))
        }
        _ => Part::text("(a block of an unknown type is left out)"),
    };
    let audience = block["annotations"]["audience"].as_array();
    match audience.map(Vec::as_slice) {
        Some([only]) if only == "user" => part.only_for(Audience::User),
        Some([only]) if only == "assistant" => part.only_for(Audience::Model),
        _ => part,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alcove_sdk::Content;
    use serde_json::json;

    #[test]
    fn blocks_become_parts() {
        let result = json!({
            "content": [
                {"type": "text", "text": "{\"n\": 1}"},
                {"type": "text", "text": "for you", "annotations": {"audience": ["user"]}},
                {"type": "resource_link", "uri": "https://a.example/", "name": "a"},
                {"type": "image", "data": "AAAA", "mimeType": "image/png"},
                {"type": "made-up"}
            ],
            "structuredContent": {"n": 1}
        });
        let parts = parts(&result).unwrap();
        assert_eq!(parts.len(), 5);
        assert!(matches!(parts[0].audience, Audience::User));
        assert!(
            matches!(&parts[1].content, Content::Link((_, url)) if url == "https://a.example/")
        );
        assert!(matches!(&parts[4].content, Content::Json(json) if json == "{\"n\":1}"));
    }

    #[test]
    fn a_tools_error_is_a_failure_in_its_own_words() {
        let result =
            json!({"isError": true, "content": [{"type": "text", "text": "no such city"}]});
        let failure = parts(&result).unwrap_err();
        assert_eq!(
            (failure.kind.as_str(), failure.message.as_str()),
            ("upstream", "no such city")
        );
        assert!(parts(&json!({"resultType": "input_required"})).is_err());
        assert!(parts(&json!(null)).unwrap().is_empty());
    }
}
