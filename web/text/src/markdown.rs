//! Markdown as a tree of plain values.
//!
//! The client draws this tree element by element; no HTML text exists at any point, so text from
//! a model can't become markup. HTML inside the Markdown is shown as the text that it is.

use std::hash::{DefaultHasher, Hash, Hasher};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// How deeply blocks and inline elements may nest; what is deeper is shown flat.
const MAX_DEPTH: usize = 24;

/// One block.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Block {
    /// Running text.
    Paragraph(Vec<Inline>),
    /// A heading of level 1 to 6.
    Heading(u8, Vec<Inline>),
    /// Code with the language that the fence names, which may be empty.
    Code {
        /// As the fence names it, in lower case.
        language: String,
        /// The code without the fence.
        text: String,
    },
    /// A list.
    List {
        /// The first number, where the list is ordered.
        start: Option<u64>,
        /// The items.
        items: Vec<ListItem>,
    },
    /// A quotation.
    Quote(Vec<Block>),
    /// A table.
    Table {
        /// One for each column.
        alignments: Vec<Alignment>,
        /// The header's cells.
        head: Vec<Vec<Inline>>,
        /// The other rows' cells.
        rows: Vec<Vec<Vec<Inline>>>,
    },
    /// A horizontal rule.
    Rule,
}

/// An item of a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListItem {
    /// Whether its box is ticked, where it has one.
    pub checked: Option<bool>,
    /// What it holds.
    pub blocks: Vec<Block>,
}

/// How a column is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alignment {
    /// To the left.
    Left,
    /// Centred.
    Center,
    /// To the right.
    Right,
}

/// A piece of running text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Inline {
    /// Text.
    Text(String),
    /// Code.
    Code(String),
    /// Emphasis.
    Emphasis(Vec<Inline>),
    /// Strong emphasis.
    Strong(Vec<Inline>),
    /// Struck out.
    Strike(Vec<Inline>),
    /// Raised, as an exponent.
    Superscript(Vec<Inline>),
    /// Lowered, as an index.
    Subscript(Vec<Inline>),
    /// A link, or an image, which is never loaded but offered as a link.
    Link {
        /// As written; [`crate::links::safe_target`] decides whether it may be followed.
        url: String,
        /// Whether the text asked for an image.
        image: bool,
        /// What is shown.
        text: Vec<Inline>,
    },
    /// A number that cites a passage; [`crate::cite::cite`] makes it.
    Citation(u32),
    /// A line break.
    Break,
}

/// Parses Markdown with tables, strikethrough and task lists.
pub fn parse(text: &str) -> Vec<Block> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut builder = Builder::default();
    for event in Parser::new_ext(text, options) {
        builder.event(event);
    }
    builder.finish()
}

/// A key that changes exactly when the block changes: what is drawn under it can stay.
pub fn key(position: usize, block: &Block) -> (usize, u64) {
    let mut hasher = DefaultHasher::new();
    block.hash(&mut hasher);
    (position, hasher.finish())
}

/// What is open while the events come in.
enum Open {
    Root(Vec<Block>),
    Quote(Vec<Block>),
    List(Option<u64>, Vec<ListItem>),
    Item(Option<bool>, Vec<Block>),
    Paragraph(Vec<Inline>),
    /// Text directly inside a list item, with no paragraph of its own.
    Loose(Vec<Inline>),
    Heading(u8, Vec<Inline>),
    Code(String, String),
    Table(Vec<Alignment>, Vec<Vec<Inline>>, Vec<Vec<Vec<Inline>>>),
    Row(Vec<Vec<Inline>>),
    Cell(Vec<Inline>),
    Emphasis(Vec<Inline>),
    Strong(Vec<Inline>),
    Strike(Vec<Inline>),
    Superscript(Vec<Inline>),
    Subscript(Vec<Inline>),
    Link(String, bool, Vec<Inline>),
}

struct Builder {
    stack: Vec<Open>,
    /// How many started elements were too deep to be opened.
    skipped: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            stack: vec![Open::Root(Vec::new())],
            skipped: 0,
        }
    }
}

impl Builder {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(end) => self.end(end),
            Event::Text(text) | Event::Html(text) => self.text(&text),
            Event::InlineHtml(tag) => self.inline_html(&tag),
            Event::Code(code) => self.inline(Inline::Code(code.into_string())),
            Event::SoftBreak => self.text("\n"),
            Event::HardBreak => self.inline(Inline::Break),
            Event::Rule => self.block(Block::Rule),
            Event::TaskListMarker(ticked) => {
                for open in self.stack.iter_mut().rev() {
                    if let Open::Item(checked, _) = open {
                        *checked = Some(ticked);
                        break;
                    }
                }
            }
            Event::FootnoteReference(name) => self.text(&format!("[^{name}]")),
            Event::InlineMath(math) | Event::DisplayMath(math) => {
                self.inline(Inline::Code(math.into_string()));
            }
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        if self.stack.len() >= MAX_DEPTH {
            self.skipped += 1;
            return;
        }
        let open = match tag {
            Tag::Paragraph | Tag::HtmlBlock => Open::Paragraph(Vec::new()),
            Tag::Heading { level, .. } => Open::Heading(level as u8, Vec::new()),
            Tag::BlockQuote(_) => Open::Quote(Vec::new()),
            Tag::CodeBlock(kind) => {
                let language = match &kind {
                    pulldown_cmark::CodeBlockKind::Fenced(info) => info
                        .split(|c: char| c.is_whitespace() || c == ',' || c == '{')
                        .next()
                        .unwrap_or_default()
                        .to_lowercase(),
                    pulldown_cmark::CodeBlockKind::Indented => String::new(),
                };
                Open::Code(language, String::new())
            }
            Tag::List(start) => Open::List(start, Vec::new()),
            Tag::Item => Open::Item(None, Vec::new()),
            Tag::Table(alignments) => Open::Table(
                alignments
                    .iter()
                    .map(|alignment| match alignment {
                        pulldown_cmark::Alignment::Center => Alignment::Center,
                        pulldown_cmark::Alignment::Right => Alignment::Right,
                        pulldown_cmark::Alignment::Left | pulldown_cmark::Alignment::None => {
                            Alignment::Left
                        }
                    })
                    .collect(),
                Vec::new(),
                Vec::new(),
            ),
            Tag::TableHead | Tag::TableRow => Open::Row(Vec::new()),
            Tag::TableCell => Open::Cell(Vec::new()),
            Tag::Emphasis => Open::Emphasis(Vec::new()),
            Tag::Strong => Open::Strong(Vec::new()),
            Tag::Strikethrough => Open::Strike(Vec::new()),
            Tag::Link { dest_url, .. } => Open::Link(dest_url.into_string(), false, Vec::new()),
            Tag::Image { dest_url, .. } => Open::Link(dest_url.into_string(), true, Vec::new()),
            // Not enabled above; if the parser ever sends one, its content joins the parent's.
            _ => {
                self.skipped += 1;
                return;
            }
        };
        let inline = matches!(
            open,
            Open::Emphasis(_) | Open::Strong(_) | Open::Strike(_) | Open::Link(..)
        );
        if inline {
            self.ensure_inline();
        } else {
            self.close_loose();
        }
        self.stack.push(open);
    }

    fn inline_html(&mut self, tag: &str) {
        match tag {
            "<br>" | "<br/>" | "<br />" => self.inline(Inline::Break),
            "<sup>" | "<sub>" if self.stack.len() < MAX_DEPTH => {
                self.ensure_inline();
                self.stack.push(if tag == "<sup>" {
                    Open::Superscript(Vec::new())
                } else {
                    Open::Subscript(Vec::new())
                });
            }
            "</sup>" if matches!(self.stack.last(), Some(Open::Superscript(_))) => {
                self.close_raised();
            }
            "</sub>" if matches!(self.stack.last(), Some(Open::Subscript(_))) => {
                self.close_raised();
            }
            _ => self.text(tag),
        }
    }

    /// Ends a `<sup>` or `<sub>`, which nobody checks for an end of its own.
    fn close_raised(&mut self) {
        match self.pop() {
            Some(Open::Superscript(inlines)) => self.inline(Inline::Superscript(inlines)),
            Some(Open::Subscript(inlines)) => self.inline(Inline::Subscript(inlines)),
            Some(open) => self.stack.push(open),
            None => {}
        }
    }

    fn end(&mut self, end: TagEnd) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        // Text without a paragraph of its own ends with whatever holds it.
        self.close_loose();
        let Some(open) = self.pop() else { return };
        match open {
            Open::Root(_) => {}
            Open::Quote(blocks) => self.block(Block::Quote(blocks)),
            Open::List(start, items) => self.block(Block::List { start, items }),
            Open::Item(checked, blocks) => {
                if let Some(Open::List(_, items)) = self.stack.last_mut() {
                    items.push(ListItem { checked, blocks });
                }
            }
            Open::Paragraph(inlines) | Open::Loose(inlines) => {
                self.block(Block::Paragraph(inlines));
            }
            Open::Heading(level, inlines) => self.block(Block::Heading(level, inlines)),
            Open::Code(language, mut text) => {
                if text.ends_with('\n') {
                    text.pop();
                }
                self.block(Block::Code { language, text });
            }
            Open::Table(alignments, head, rows) => self.block(Block::Table {
                alignments,
                head,
                rows,
            }),
            Open::Row(cells) => {
                if let Some(Open::Table(_, head, rows)) = self.stack.last_mut() {
                    if matches!(end, TagEnd::TableHead) {
                        *head = cells;
                    } else {
                        rows.push(cells);
                    }
                }
            }
            Open::Cell(inlines) => {
                if let Some(Open::Row(cells)) = self.stack.last_mut() {
                    cells.push(inlines);
                }
            }
            Open::Emphasis(inlines) => self.inline(Inline::Emphasis(inlines)),
            Open::Strong(inlines) => self.inline(Inline::Strong(inlines)),
            Open::Strike(inlines) => self.inline(Inline::Strike(inlines)),
            // Closed above.
            Open::Superscript(_) | Open::Subscript(_) => {}
            Open::Link(url, image, mut text) => {
                if text.is_empty() {
                    text.push(Inline::Text(url.clone()));
                }
                self.inline(Inline::Link { url, image, text });
            }
        }
    }

    /// Never pops the root: its end has no event.
    fn pop(&mut self) -> Option<Open> {
        if self.stack.len() > 1 {
            self.stack.pop()
        } else {
            None
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(Open::Code(_, code)) = self.stack.last_mut() {
            code.push_str(text);
            return;
        }
        self.ensure_inline();
        if let Some(Inline::Text(last)) = self.inlines().and_then(|inlines| inlines.last_mut()) {
            last.push_str(text);
            return;
        }
        self.inline(Inline::Text(text.to_owned()));
    }

    fn inline(&mut self, inline: Inline) {
        self.ensure_inline();
        if let Some(inlines) = self.inlines() {
            inlines.push(inline);
        }
    }

    /// The open element that takes inline content, if the innermost one does.
    fn inlines(&mut self) -> Option<&mut Vec<Inline>> {
        match self.stack.last_mut()? {
            Open::Paragraph(inlines)
            | Open::Loose(inlines)
            | Open::Heading(_, inlines)
            | Open::Cell(inlines)
            | Open::Emphasis(inlines)
            | Open::Strong(inlines)
            | Open::Strike(inlines)
            | Open::Superscript(inlines)
            | Open::Subscript(inlines)
            | Open::Link(_, _, inlines) => Some(inlines),
            _ => None,
        }
    }

    /// Opens a place for text where the innermost element takes only blocks.
    fn ensure_inline(&mut self) {
        if matches!(
            self.stack.last(),
            Some(Open::Root(_) | Open::Quote(_) | Open::Item(..))
        ) {
            self.stack.push(Open::Loose(Vec::new()));
        }
    }

    /// Ends what no event ends: `<sup>` and `<sub>` left open, and text without a paragraph.
    fn close_loose(&mut self) {
        while matches!(
            self.stack.last(),
            Some(Open::Superscript(_) | Open::Subscript(_))
        ) {
            self.close_raised();
        }
        if matches!(self.stack.last(), Some(Open::Loose(_)))
            && let Some(Open::Loose(inlines)) = self.pop()
        {
            self.block(Block::Paragraph(inlines));
        }
    }

    fn block(&mut self, block: Block) {
        self.close_loose();
        // A block inside inline content or a table is something that the parser does not send.
        if let Some(Open::Root(blocks) | Open::Quote(blocks) | Open::Item(_, blocks)) =
            self.stack.last_mut()
        {
            blocks.push(block);
        }
    }

    fn finish(mut self) -> Vec<Block> {
        self.close_loose();
        match self.stack.into_iter().next() {
            Some(Open::Root(blocks)) => blocks,
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Inline {
        Inline::Text(text.to_owned())
    }

    #[test]
    fn parses_what_models_write() {
        let blocks = parse(
            "# Title\n\nSome **bold** and `code`.\n\n1. one\n2. two\n   - inner\n\n```Python\nprint(1)\n```\n",
        );
        assert_eq!(blocks[0], Block::Heading(1, vec![text("Title")]));
        assert_eq!(
            blocks[1],
            Block::Paragraph(vec![
                text("Some "),
                Inline::Strong(vec![text("bold")]),
                text(" and "),
                Inline::Code("code".into()),
                text("."),
            ])
        );
        let Block::List { start, items } = &blocks[2] else {
            panic!("{blocks:?}")
        };
        assert_eq!((*start, items.len()), (Some(1), 2));
        assert_eq!(items[0].blocks, [Block::Paragraph(vec![text("one")])]);
        assert!(matches!(
            items[1].blocks[1],
            Block::List { start: None, .. }
        ));
        assert_eq!(
            blocks[3],
            Block::Code {
                language: "python".into(),
                text: "print(1)".into()
            }
        );
    }

    #[test]
    fn tables_and_task_lists() {
        let blocks = parse("| a | b |\n|---|--:|\n| 1 | *2* |\n\n- [x] done\n- [ ] open\n");
        assert_eq!(
            blocks[0],
            Block::Table {
                alignments: vec![Alignment::Left, Alignment::Right],
                head: vec![vec![text("a")], vec![text("b")]],
                rows: vec![vec![
                    vec![text("1")],
                    vec![Inline::Emphasis(vec![text("2")])]
                ]],
            }
        );
        let Block::List { items, .. } = &blocks[1] else {
            panic!("{blocks:?}")
        };
        assert_eq!(
            items.iter().map(|item| item.checked).collect::<Vec<_>>(),
            [Some(true), Some(false)]
        );
    }

    #[test]
    fn html_stays_text_and_images_become_links() {
        let blocks = parse("<script>alert(1)</script>\n\na <b>c</b> ![alt](https://e.org/x.png)");
        assert_eq!(
            blocks[0],
            Block::Paragraph(vec![text("<script>alert(1)</script>\n")])
        );
        assert_eq!(
            blocks[1],
            Block::Paragraph(vec![
                text("a <b>c</b> "),
                Inline::Link {
                    url: "https://e.org/x.png".into(),
                    image: true,
                    text: vec![text("alt")],
                },
            ])
        );
    }

    #[test]
    fn exponents_and_breaks_are_set_and_left_open_ones_end() {
        let sup = |inner: &str| Inline::Superscript(vec![text(inner)]);
        assert_eq!(
            parse("2<sup>200</sup><br>**x<sub>1** y"),
            [Block::Paragraph(vec![
                text("2"),
                sup("200"),
                Inline::Break,
                Inline::Strong(vec![text("x"), Inline::Subscript(vec![text("1")])]),
                text(" y"),
            ])]
        );
        assert_eq!(
            parse("a<sup>b\n\nc</sup>"),
            [
                Block::Paragraph(vec![text("a"), sup("b")]),
                Block::Paragraph(vec![text("c</sup>")]),
            ]
        );
        assert_eq!(
            parse("<sup onclick=x>a"),
            [Block::Paragraph(vec![text("<sup onclick=x>a")])]
        );
        parse(&"<sup>".repeat(5000));
    }

    #[test]
    fn an_unfinished_answer_parses_at_every_byte() {
        let whole = "Hello **bo\n\n| a | b |\n|--|--|\n| 1 | [x](http://e) |\n\n> q\n> - [ ] i <sup>\n>   ```rs\n>   fn\n\n~~s<sub>~~ <i>";
        for end in 0..=whole.len() {
            parse(&whole[..end]);
        }
    }

    #[test]
    fn deep_nesting_is_cut_not_fatal() {
        let blocks = parse(&format!("{}x", "> ".repeat(5000)));
        assert!(format!("{blocks:?}").contains('x'));
        parse(&format!(
            "{}x{}",
            "*a **b ".repeat(2000),
            "** *".repeat(2000)
        ));
    }

    #[test]
    fn keys_follow_content() {
        let one = parse("a\n\nb");
        let two = parse("a\n\nb c");
        assert_eq!(key(0, &one[0]), key(0, &two[0]));
        assert_ne!(key(1, &one[1]), key(1, &two[1]));
    }
}
