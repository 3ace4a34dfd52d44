//! The source of a citation: its text, with the passage marked. Text alone; nothing is loaded.

use alcove_api_types::{Annotation, OpenedPassage, PassageReference, PassageSource};
use alcove_web_text::cite;
use alcove_web_text::links::safe_target;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::dialogs::Frame;
use super::sign_in::Problem;
use crate::api;
use crate::app::{Dialog, app};
use crate::browser;

/// The most characters that are shown on each side of a passage.
const AROUND_CHARS: u64 = 20_000;

/// The sources that an answer cites, each once.
pub(super) fn list(annotations: &[Annotation]) -> Option<AnyView> {
    let mut shown: Vec<&Annotation> = Vec::new();
    for annotation in annotations {
        if shown
            .iter()
            .all(|other| other.passage() != annotation.passage())
        {
            shown.push(annotation);
        }
    }
    shown.sort_by_key(|annotation| annotation.passage().number);
    let items = shown.into_iter().map(|annotation| {
        let passage = annotation.passage().clone();
        let number = passage.number;
        let (title, place) = match annotation {
            Annotation::UrlCitation { url, title, .. } => (title.clone(), host(url)),
            Annotation::FileCitation { filename, .. } => (filename.clone(), "your file".to_owned()),
        };
        let open = move |_| app().dialog.set(Some(Dialog::Source(passage.clone())));
        view! {
            <li>
                <button type="button" on:click=open>
                    <span class="number">{number}</span>
                    <span class="title">{title}</span>
                    <span class="place">{place}</span>
                </button>
            </li>
        }
    });
    let items = items.collect_view();
    (!annotations.is_empty())
        .then(|| view! { <ol class="sources" aria-label="Sources">{items}</ol> }.into_any())
}

/// A number in a text that opens its source.
pub(super) fn citation(passage: PassageReference) -> AnyView {
    let number = passage.number;
    let open = move |_| app().dialog.set(Some(Dialog::Source(passage.clone())));
    view! {
        <button type="button" class="citation" aria-label=format!("Source {number}") on:click=open>
            {number}
        </button>
    }
    .into_any()
}

/// The card of a source.
#[component]
pub(super) fn SourceCard(passage: PassageReference) -> impl IntoView {
    let app = app();
    let opened = RwSignal::new(None::<OpenedPassage>);
    let problem = RwSignal::new(None::<String>);
    spawn_local(async move {
        match api::passage(&passage).await {
            Ok(found) => opened.set(Some(found)),
            Err(error) => {
                problem.set(Some(error.message()));
                app.note(Some(&error));
            }
        }
    });
    view! {
        <Frame title="Source">
            {move || opened.get().map(show)}
            <Problem problem/>
            <div class="buttons">
                <button type="button" class="primary" on:click=move |_| app.dialog.set(None)>"Done"</button>
            </div>
        </Frame>
    }
}

fn show(opened: OpenedPassage) -> AnyView {
    let OpenedPassage { passage, document } = opened;
    let (before, marked, after) = cite::around(&document, passage.start, passage.end);
    let left = passage.start.saturating_sub(AROUND_CHARS);
    let (_, before, _) = cite::around(before, left, passage.start);
    let (after, _, rest) = cite::around(after, AROUND_CHARS, AROUND_CHARS);
    let (is_begun, is_cut) = (left > 0, !rest.is_empty());
    let mark = NodeRef::<html::Mark>::new();
    Effect::new(move |_| {
        if let Some(mark) = mark.get() {
            mark.scroll_into_view();
        }
    });
    let of = match passage.source {
        PassageSource::Url { url } => match safe_target(&url).map(str::to_owned) {
            Some(target) => view! {
                <a href=target target="_blank" rel="noopener noreferrer nofollow">{url}</a>
            }
            .into_any(),
            None => url.into_any(),
        },
        PassageSource::File { name } => name.into_any(),
    };
    let when = browser::date(passage.retrieved_at_ms);
    view! {
        <div class="source">
            <h3>{passage.title}</h3>
            <p class="of">{of}<br/>"Read " {when} ". This is the text as it was then."</p>
            <pre tabindex="0" role="region" aria-label="Text of the source">
                {is_begun.then_some("[…] ")}
                {before.to_owned()}
                <mark node_ref=mark>{marked.to_owned()}</mark>
                {after.to_owned()}
                {is_cut.then_some(" […]")}
            </pre>
        </div>
    }
    .into_any()
}

/// The host's name in an address.
fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#'])
        .next()
        .unwrap_or_default()
        .to_owned()
}
