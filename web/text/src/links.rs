//! Which addresses in a model's text become links.

/// The address, if it is one that may be followed from an answer: `http`, `https` or `mailto`,
/// with an explicit scheme. Everything else (`javascript:`, `data:`, relative paths, which would
/// lead into this application) stays text.
pub fn safe_target(url: &str) -> Option<&str> {
    let url = url.trim();
    // A browser drops tabs and newlines inside an address before it reads the scheme.
    if url.chars().any(|c| c.is_control() || c == ' ') {
        return None;
    }
    let (scheme, rest) = url.split_once(':')?;
    let allowed = ["http", "https", "mailto"]
        .iter()
        .any(|known| scheme.eq_ignore_ascii_case(known));
    let complete = if scheme.eq_ignore_ascii_case("mailto") {
        rest.contains('@')
    } else {
        rest.len() > 2 && rest.starts_with("//")
    };
    (allowed && complete).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_only_web_and_mail_addresses() {
        for url in [
            "https://example.org/a?b#c",
            "HTTP://example.org",
            "mailto:a@example.org",
        ] {
            assert_eq!(safe_target(url), Some(url));
        }
        for url in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "/api/keys",
            "//example.org",
            "https:example.org",
            "https://",
            "mailto:nobody",
            "",
        ] {
            assert_eq!(safe_target(url), None, "{url}");
        }
    }
}
