//! The tool `web_fetch`: a page of the web as clean Markdown.
//!
//! It asks for the network and nothing else. Which addresses it may reach is the host's to decide:
//! every request, also each step of a redirect, is checked there.

mod charset;
mod fetch;
mod json;
mod markdown;
mod page;
mod robots;
mod sites;

/// The text of an HTML page as the tool gives it, for those who measure that.
///
/// # Errors
/// For a page that is built too intricately, or too large.
pub fn markdown_of(html: &str) -> Result<String, alcove_sdk::Failure> {
    let url = fetch::address("https://page.example/")?;
    markdown::page(html, &url).map(|page| page.markdown)
}

/// What to fetch.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct Arguments {
    /// The address of the page, beginning with http:// or https://.
    #[input(min_length = 8, max_length = 2048)]
    pub url: String,
    /// Which part of a long page, when an earlier call said that there are several.
    #[input(min = 1, max = 10_000)]
    pub part: Option<u32>,
}

#[alcove_sdk::plugin(id = "alcove/web-fetch", requests = "requests.toml")]
mod tools {
    use super::{Arguments, fetch, page};
    use alcove_sdk::{Failure, Outcome};

    /// Fetches one page of the web and returns its main content as Markdown, with its title.
    /// Use it when the address is known. It reads HTML, PDF, plain text and JSON.
    #[tool(
        title = "Read a web page",
        effects = ["read-web"],
        example("What does https://example.com say?", r#"{"url":"https://example.com"}"#),
        example("Summarise example.org/news", r#"{"url":"https://example.org/news"}"#),
        example("Who may join? See https://example.com/club", r#"{"url":"https://example.com/club"}"#)
    )]
    pub(crate) fn web_fetch(arguments: Arguments) -> Outcome {
        let part = usize::try_from(arguments.part.unwrap_or(1))
            .map_err(|_| Failure::invalid_input("`part` is too large"))?;
        let url = fetch::address(&arguments.url)?;
        let fetched = fetch::fetch(url)?;
        page::result(fetched, part)
    }
}
