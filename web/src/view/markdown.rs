//! Markdown: element by element from the tree, never through HTML text.

use alcove_api_types::Annotation;
use alcove_web_text::cite;
use alcove_web_text::links::safe_target;
use alcove_web_text::markdown::{self, Alignment, Block, Inline, ListItem};
use leptos::prelude::*;

use super::{code, source};

/// What the answer around an element cites.
#[derive(Clone)]
struct Cited(ArcRwSignal<Vec<Annotation>>);

/// Draws a text that may still grow. Blocks that have not changed stay as they are: their
/// elements, a selection in them, the place to which one has scrolled.
#[component]
pub(super) fn Markdown(
    text: ArcRwSignal<String>,
    cited: ArcRwSignal<Vec<Annotation>>,
) -> impl IntoView {
    let known = cited.clone();
    let blocks = Memo::new(move |_| {
        let numbers: Vec<u32> =
            known.with(|cited| cited.iter().map(|one| one.passage().number).collect());
        let mut blocks = text.with(|text| markdown::parse(text));
        cite::cite(&mut blocks, &numbers);
        blocks
    });
    provide_context(Cited(cited));
    let keyed = move || {
        blocks
            .get()
            .into_iter()
            .enumerate()
            .map(|(position, block)| (markdown::key(position, &block), block))
            .collect::<Vec<_>>()
    };
    view! {
        <div class="markdown">
            <For each=keyed key=|(key, _)| *key let:row>
                {draw(row.1)}
            </For>
        </div>
    }
}

fn draw(block: Block) -> AnyView {
    match block {
        Block::Paragraph(text) => view! { <p>{inlines(text)}</p> }.into_any(),
        // The page has its own first heading.
        Block::Heading(1, text) => view! { <h2>{inlines(text)}</h2> }.into_any(),
        Block::Heading(2, text) => view! { <h3>{inlines(text)}</h3> }.into_any(),
        Block::Heading(_, text) => view! { <h4>{inlines(text)}</h4> }.into_any(),
        Block::Code { language, text } => code::block(language, text).into_any(),
        Block::List { start: None, items } => view! { <ul>{list(items)}</ul> }.into_any(),
        Block::List {
            start: Some(start),
            items,
        } => view! { <ol start=start.to_string()>{list(items)}</ol> }.into_any(),
        Block::Quote(blocks) => view! { <blockquote>{all(blocks)}</blockquote> }.into_any(),
        Block::Rule => view! { <hr/> }.into_any(),
        Block::Table {
            alignments,
            head,
            rows,
        } => table(alignments, head, rows).into_any(),
    }
}

fn all(blocks: Vec<Block>) -> Vec<AnyView> {
    blocks.into_iter().map(draw).collect()
}

fn list(items: Vec<ListItem>) -> Vec<AnyView> {
    items
        .into_iter()
        .map(|item| {
            let ticked = item.checked.map(|checked| {
                view! { <input type="checkbox" disabled checked=checked aria-label="done"/> }
            });
            // A short item is a line, not a paragraph.
            let content = match <[Block; 1]>::try_from(item.blocks) {
                Ok([Block::Paragraph(text)]) => inlines(text),
                Ok([block]) => vec![draw(block)],
                Err(blocks) => all(blocks),
            };
            view! { <li class:task=item.checked.is_some()>{ticked}{content}</li> }.into_any()
        })
        .collect()
}

fn table(
    alignments: Vec<Alignment>,
    head: Vec<Vec<Inline>>,
    rows: Vec<Vec<Vec<Inline>>>,
) -> impl IntoView {
    let class = move |column: usize| match alignments.get(column) {
        Some(Alignment::Right) => "right",
        Some(Alignment::Center) => "center",
        _ => "",
    };
    let head = head
        .into_iter()
        .enumerate()
        .map(|(column, cell)| view! { <th scope="col" class=class(column)>{inlines(cell)}</th> })
        .collect_view();
    let rows = rows
        .into_iter()
        .map(|row| {
            let cells = row
                .into_iter()
                .enumerate()
                .map(|(column, cell)| view! { <td class=class(column)>{inlines(cell)}</td> })
                .collect_view();
            view! { <tr>{cells}</tr> }
        })
        .collect_view();
    view! {
        <div class="table" tabindex="0" role="region" aria-label="Table">
            <table>
                <thead><tr>{head}</tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn inlines(text: Vec<Inline>) -> Vec<AnyView> {
    text.into_iter().map(inline).collect()
}

fn inline(inline: Inline) -> AnyView {
    match inline {
        Inline::Text(text) => text.into_any(),
        Inline::Code(text) => view! { <code>{text}</code> }.into_any(),
        Inline::Emphasis(text) => view! { <em>{inlines(text)}</em> }.into_any(),
        Inline::Strong(text) => view! { <strong>{inlines(text)}</strong> }.into_any(),
        Inline::Strike(text) => view! { <s>{inlines(text)}</s> }.into_any(),
        Inline::Superscript(text) => view! { <sup>{inlines(text)}</sup> }.into_any(),
        Inline::Subscript(text) => view! { <sub>{inlines(text)}</sub> }.into_any(),
        Inline::Citation(number) => citation(number),
        Inline::Break => view! { <br/> }.into_any(),
        Inline::Link { url, image, text } => link(&url, image, inlines(text)),
    }
}

/// A number that opens its source.
fn citation(number: u32) -> AnyView {
    let cited = use_context::<Cited>().map(|Cited(cited)| cited.get_untracked());
    let passage = cited.unwrap_or_default().into_iter().find_map(|one| {
        let passage = one.passage().clone();
        (passage.number == number).then_some(passage)
    });
    match passage {
        Some(passage) => source::citation(passage),
        None => format!("[{number}]").into_any(),
    }
}

/// A link in a new tab. An image is offered as a link: loading it would tell a stranger's server
/// what the model was made to write into its address.
fn link(url: &str, image: bool, text: Vec<AnyView>) -> AnyView {
    let Some(target) = safe_target(url) else {
        return text.into_any();
    };
    let target = target.to_owned();
    view! {
        <a href=target.clone() title=target target="_blank" rel="noopener noreferrer nofollow">
            {image.then_some("Image: ")}
            {text}
        </a>
    }
    .into_any()
}
