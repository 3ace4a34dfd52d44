//! The tool `web_search`: pages of the web for a question.
//!
//! Which engines it asks, and with whose key, is the admin's to say: by the rules and the `[env]`
//! of its policy. A key is put into the request by the host; this code never sees one.

mod ask;
mod cache;
mod engines;
mod fusion;
mod hit;
mod search;
mod settings;
mod show;
mod sites;

/// What to search for.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct Arguments {
    /// What to look for, as you would type it into a search engine.
    #[input(min_length = 1, max_length = 400)]
    pub query: String,
    /// How many results; 5 where it is left out.
    #[input(min = 1, max = 10)]
    pub count: Option<u32>,
    /// Only pages of the last day, week, month or year.
    #[input(choices = ["day", "week", "month", "year"])]
    pub recency: Option<String>,
    /// Only pages of this site, such as docs.python.org.
    #[input(max_length = 253)]
    pub site: Option<String>,
}

/// What to change.
#[derive(serde::Deserialize, alcove_sdk::Input)]
pub struct SitesArguments {
    /// `block` never shows a site again, `only` shows none but the sites that are so named,
    /// `forget` takes back what was said of one, `list` says what holds.
    #[input(choices = ["block", "only", "forget", "list"])]
    pub action: String,
    /// The site, such as example.com; with all names below it. `list` needs none.
    #[input(max_length = 253)]
    pub site: Option<String>,
}

#[alcove_sdk::plugin(id = "alcove/web-search", requests = "requests.toml")]
mod tools {
    use super::{Arguments, SitesArguments, search, sites};
    use alcove_sdk::Outcome;

    /// Searches the web and returns titles, addresses and short texts of the pages it finds.
    /// Use it for news, prices, versions, people, places, and whatever you do not know.
    #[tool(
        title = "Search the web",
        effects = ["read-web"],
        example("Who won the last Tour de France?", r#"{"query":"Tour de France winner"}"#),
        example("What is new in Rust this month?", r#"{"query":"Rust release notes","recency":"month"}"#),
        example("Search docs.python.org for asyncio timeouts", r#"{"query":"asyncio timeout","site":"docs.python.org"}"#)
    )]
    pub(crate) fn web_search(arguments: Arguments) -> Outcome {
        search::search(&arguments)
    }

    /// Changes which sites the person's searches may show.
    /// Use it only when the person asks to block a site or to see certain sites alone.
    #[tool(
        title = "Choose sites for searches",
        effects = ["compute"],
        example("Never show me results from example.com again", r#"{"action":"block","site":"example.com"}"#)
    )]
    pub(crate) fn search_sites(arguments: SitesArguments) -> Outcome {
        sites::change(&arguments)
    }
}
