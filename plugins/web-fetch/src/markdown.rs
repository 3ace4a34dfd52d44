//! HTML to Markdown: the main content where it can be told, the whole body otherwise.

use alcove_sdk::Failure;
use dom_query::{Document, NodeRef};
use dom_smoothie::{Config, Readability};
use url::Url;

/// Elements nested deeper than this are no page that people read, and would exhaust the stack.
const MAX_DEPTH: usize = 256;
/// More elements than this are not read.
const MAX_ELEMENTS: usize = 50_000;
/// What was taken for the main content and is shorter than this is no article: a list, a form, or
/// a misjudgement.
const SHORT_ARTICLE_CHARS: usize = 500;
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

    let whole = body_markdown(&document);
    let (title, about, article) = article(document, url);
    let markdown = match article {
        Some(article) if article.trim().chars().count() >= SHORT_ARTICLE_CHARS => article,
        _ => whole,
    };
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

/// The whole body without what stands around it.
fn body_markdown(document: &Document) -> String {
    let body = document.select("body").clone();
    let copy = Document::from(body.html());
    copy.select(FRAME).remove();
    copy.md(None).to_string()
}

/// The title, what the page says of itself, and the main content where there seems to be one.
fn article(document: Document, url: &Url) -> (String, About, Option<String>) {
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
            let markdown = Document::from(article.content).md(None).to_string();
            about.author = about.author.or(article.byline);
            about.published = about.published.or(article.published_time);
            (title, about, Some(markdown))
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
