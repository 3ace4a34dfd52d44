//! HTML to Markdown: the element that the page calls its main one, or what looks like an article,
//! where that holds most of the text; the whole body otherwise. `cargo xtask prove fetch` measures
//! it.

use alcove_sdk::Failure;
use dom_query::{Document, NodeRef};
use dom_smoothie::{Config, Readability};
use url::Url;

/// Elements nested deeper than this are no page that people read, and would exhaust the stack.
const MAX_DEPTH: usize = 256;
/// More elements than this are not read.
const MAX_ELEMENTS: usize = 50_000;
/// What is taken for the main content has at least this share of the page's text outside of links,
/// or else it is a misjudgement: a list, a form, one section of many.
const LEAST_SHARE: f64 = 0.8;
/// What looks like an article and has fewer characters is none.
const SHORT_ARTICLE_CHARS: f64 = 300.0;
/// A title is cut to this many characters.
const MAX_TITLE_CHARS: usize = 300;

/// What never holds text for a reader.
const NOISE: &str = "script, style, noscript, template, svg, canvas, iframe, object, embed, form, \
    input, button, select, textarea, dialog, [hidden], [aria-hidden=\"true\"]";
/// What stands around the content, on pages without an article.
const FRAME: &str = "nav, footer, aside, [role=\"navigation\"], [role=\"banner\"], \
    [role=\"contentinfo\"], [role=\"search\"]";

/// A page for a reader.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) title: String,
    pub(crate) markdown: String,
    about: About,
}

/// What a page says of itself.
#[derive(Debug, Default)]
struct About {
    author: Option<String>,
    published: Option<String>,
    language: Option<String>,
}

impl Page {
    /// Author, date and language in one line; nothing where none is known.
    pub(crate) fn about(&self) -> Option<String> {
        let About {
            author,
            published,
            language,
        } = &self.about;
        let said = [
            author.as_deref().map(|author| {
                let name = one_line(author);
                let name = name
                    .strip_prefix("By ")
                    .or(name.strip_prefix("by "))
                    .unwrap_or(&name);
                format!("By {name}")
            }),
            // The day is enough, and every form of a time begins with it.
            published
                .as_deref()
                .map(|time| one_line(time.split('T').next().unwrap_or(time))),
            language
                .as_deref()
                .map(|language| format!("language: {}", one_line(language))),
        ];
        let said: Vec<String> = said.into_iter().flatten().collect();
        (!said.is_empty()).then(|| said.join(" · "))
    }
}

/// Converts a page.
pub(crate) fn page(html: &str, url: &Url) -> Result<Page, Failure> {
    let document = Document::from(html);
    bounded(&document)?;
    let base = document
        .base_uri()
        .and_then(|base| url.join(&base).ok())
        .unwrap_or_else(|| url.clone());
    plain_title_and_links(&document, &base);

    let whole = text_of(&document, "body");
    let stated = ["main, [role=\"main\"]", "article"]
        .into_iter()
        .filter(|container| document.select(container).length() == 1)
        .map(|container| text_of(&document, container))
        .find(|text| text.prose >= whole.prose * LEAST_SHARE);
    let (title, about, article) = article(document, url);
    let article = article.filter(|article| {
        article.prose >= SHORT_ARTICLE_CHARS && article.prose >= whole.prose * LEAST_SHARE
    });
    let Text { markdown, .. } = stated.or(article).unwrap_or(whole);
    Ok(Page {
        markdown: with_heading(&title, &tidy(&plain_ampersands(&markdown))),
        title,
        about,
    })
}

fn bounded(document: &Document) -> Result<(), Failure> {
    // Depth by walking the tree in its order: no recursion, so that no page can exhaust the stack.
    let mut stack: Vec<(NodeRef<'_>, usize)> = vec![(document.root(), 0)];
    let mut elements = 0;
    while let Some((node, depth)) = stack.pop() {
        elements += 1;
        if depth > MAX_DEPTH || elements > MAX_ELEMENTS * 4 {
            return Err(Failure::unavailable(
                "the page is built too intricately to be read",
            ));
        }
        stack.extend(node.children_it(false).map(|child| (child, depth + 1)));
    }
    if document.select("*").length() > MAX_ELEMENTS {
        return Err(Failure::too_large(format!(
            "the page has more than {MAX_ELEMENTS} elements"
        )));
    }
    Ok(())
}

/// Removes what is not for readers, writes images as their description, and makes links absolute.
fn plain_title_and_links(document: &Document, base: &Url) {
    document.select(NOISE).remove();
    for image in document.select("img").iter() {
        let description = image.attr_or("alt", "");
        let description = description.trim();
        let text = if description.is_empty() {
            String::new()
        } else {
            format!("(image: {description})")
        };
        // A text node, not markup: what stands in `alt` stays text.
        let node = image.nodes().first().copied();
        if let Some(node) = node {
            node.rename("span");
            node.remove_all_attrs();
            node.set_text(text.as_str());
        }
    }
    document
        .select("picture source, source, video, audio")
        .remove();
    for link in document.select("a[href]").iter() {
        let target = link.attr_or("href", "");
        match base.join(target.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https" | "mailto") => {
                link.set_attr("href", url.as_str());
            }
            _ => link.remove_attr("href"),
        }
    }
}

/// A part of a page as Markdown.
struct Text {
    markdown: String,
    /// How many characters it has outside of links: what stands around the content is links,
    /// mostly.
    prose: f64,
}

/// A part of the document without what stands around the content.
fn text_of(document: &Document, part: &str) -> Text {
    let copy = Document::from(document.select(part).first().html());
    copy.select(FRAME).remove();
    let markdown = copy.md(None).to_string();
    copy.select("a").remove();
    Text {
        prose: chars(&copy.select("body").text()),
        markdown,
    }
}

fn chars(text: &str) -> f64 {
    text.chars().filter(|c| !c.is_whitespace()).count() as f64
}

/// The title, what the page says of itself, and the main content where there seems to be one.
fn article(document: Document, url: &Url) -> (String, About, Option<Text>) {
    let config = Config {
        max_elements_to_parse: MAX_ELEMENTS,
        ..Config::default()
    };
    let own_title = one_line(&document.select("title").first().text());
    let Ok(mut readability) =
        Readability::with_document(document, Some(url.as_str()), Some(config))
    else {
        return (own_title, About::default(), None);
    };
    let stated = readability.get_article_metadata(None);
    let mut about = About {
        author: stated.byline,
        published: stated.published_time,
        language: stated.lang,
    };
    match readability.parse() {
        Ok(article) => {
            let title = one_line(&article.title);
            let title = if title.is_empty() { own_title } else { title };
            let text = text_of(&Document::from(article.content), "body");
            about.author = about.author.or(article.byline);
            about.published = about.published.or(article.published_time);
            (title, about, Some(text))
        }
        Err(_) => (own_title, about, None),
    }
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().take(MAX_TITLE_CHARS).collect()
}

/// The title above the text, unless the text begins with it.
fn with_heading(title: &str, markdown: &str) -> String {
    let first = markdown.lines().next().unwrap_or_default();
    if title.is_empty() || first.trim_start_matches('#').trim() == title {
        return markdown.to_owned();
    }
    format!("# {title}\n\n{markdown}")
}

/// Ampersands as they are: a model that copies an address out of the text must get the address.
/// One that would form a character reference with what follows stays written out.
fn plain_ampersands(markdown: &str) -> String {
    let mut pieces = markdown.split("&amp;");
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let name = piece
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '#')
            .next();
        let is_reference =
            name.is_some_and(|name| !name.is_empty() && piece[name.len()..].starts_with(';'));
        out.push_str(if is_reference { "&amp;" } else { "&" });
        out.push_str(piece);
    }
    out
}

/// No spaces at the ends of lines and no more than one empty line in a row, outside of code.
fn tidy(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut empty = 0;
    let mut in_code = false;
    for line in markdown.trim().lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let line = if in_code { line } else { line.trim_end() };
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty <= 1 || in_code {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(html: &str) -> Page {
        page(html, &"https://example.com/a/b".parse().unwrap()).unwrap()
    }

    const ARTICLE: &str = include_str!("../tests/article.html");

    #[test]
    fn an_article_is_found_within_its_page() {
        let page = converted(ARTICLE);
        assert_eq!(page.title, "How tides work");
        assert_eq!(
            page.markdown,
            include_str!("../tests/article.md").trim_end()
        );
    }

    #[test]
    fn a_page_without_an_article_is_given_whole() {
        let page = converted(
            "<title>Index</title><nav><a href=/x>Menu</a></nav><body><h1>Files</h1><ul>\
             <li><a href='one.txt'>one</a><li><a href='/two.txt'>two</a></ul>",
        );
        assert_eq!(
            page.markdown,
            "# Index\n\n# Files\n\n- [one](https://example.com/a/one.txt)\n\
             - [two](https://example.com/two.txt)"
        );
    }

    #[test]
    fn the_element_that_a_page_calls_its_main_one_is_taken() {
        let prose = "The ferry waits for the flood, and the fishers for the ebb. ".repeat(8);
        let page = converted(&format!(
            "<body><div class=side><p>Buy boats, cheap and new.</p></div><div role=main><h1>Tides</h1><p>{prose}</p></div></body>"
        ));
        assert!(page.markdown.starts_with("# Tides") && !page.markdown.contains("boats"));
        // But not where it holds a small part of the text.
        let page = converted(&format!(
            "<body><main><p>Loading</p></main><h1>Tides</h1><p>{prose}</p></body>"
        ));
        assert!(page.markdown.contains("The ferry waits"));
    }

    #[test]
    fn no_section_of_a_manual_is_lost() {
        let prose =
            "Writes what is asked for, and says what was not there to be written. ".repeat(9);
        let sections: String = (0..6)
            .map(|number| format!("<div class=sect1><h2>S{number}</h2><div class=body><p>{prose}</p><p>{prose}</p></div></div>"))
            .collect();
        let page = converted(&format!("<body><div id=content>{sections}</div></body>"));
        for number in 0..6 {
            assert!(page.markdown.contains(&format!("## S{number}")), "{number}");
        }
    }

    #[test]
    fn nothing_that_runs_or_hides_is_left() {
        let page = converted(
            "<title>T</title><p>Seen <script>steal()</script><span hidden>secret order</span>\
             <a href='javascript:alert(1)'>press</a> <img src='https://t.example/p.gif' alt='a [x](y) map'>\
             <img src='data:image/png;base64,AAAA'></p>",
        );
        for gone in ["steal", "secret order", "javascript", "t.example", "data:"] {
            assert!(!page.markdown.contains(gone), "{}", page.markdown);
        }
        assert!(page.markdown.contains("Seen"));
        assert!(page.markdown.contains("image: a "), "{}", page.markdown);
        assert!(!page.markdown.contains("[x](y)"), "{}", page.markdown);
    }

    #[test]
    fn tables_and_code_keep_their_shape() {
        let page = converted(
            "<body><table><tr><th>a<th>b<tr><td>1<td>2</table>\
             <pre><code class='language-rust'>fn main() {\n    x();\n}</code></pre>",
        );
        assert!(page.markdown.contains("| 1 | 2 |"), "{}", page.markdown);
        assert!(
            page.markdown.contains("fn main() {\n    x();\n}"),
            "{}",
            page.markdown
        );
    }

    #[test]
    fn hostile_pages_end_in_a_failure() {
        let url: Url = "https://example.com/".parse().unwrap();
        let deep = "<div>".repeat(20_000);
        assert_eq!(page(&deep, &url).unwrap_err().kind, "unavailable");
        let many = "<i></i>".repeat(MAX_ELEMENTS + 1);
        assert_eq!(page(&many, &url).unwrap_err().kind, "too-large");
    }

    #[test]
    fn ampersands_are_plain_where_that_changes_nothing() {
        assert_eq!(plain_ampersands("?a=1&amp;b=2 A &amp; B"), "?a=1&b=2 A & B");
        assert_eq!(plain_ampersands("&amp;lt; &amp;#60;"), "&amp;lt; &amp;#60;");
    }

    #[test]
    fn an_empty_page_is_empty() {
        assert_eq!(converted("").markdown, "");
    }
}
