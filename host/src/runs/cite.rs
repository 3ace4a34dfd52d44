//! What a turn's results brought that can be cited, and where the answer cites it.

use alcove_api_types::{
    Annotation, Item, Message, Passage, PassageReference, PassageSource, ToolPart,
};
use alcove_core::passage::{Citation, references};

use crate::store::wire;

/// Passages of the results of a response so far, with the calls that brought them.
fn passages(output: &[Item]) -> impl Iterator<Item = (&str, &Passage)> {
    output
        .iter()
        .filter_map(|item| match item {
            Item::ToolCall(call) => Some(call),
            Item::Message(_) => None,
        })
        .flat_map(|call| {
            let passages = call
                .output
                .iter()
                .filter_map(|part| part.passage.as_deref());
            passages.map(|passage| (call.id.as_str(), passage))
        })
}

/// Numbers the passages of a result behind those that the response has.
pub(super) fn number(output: &[Item], result: &mut [ToolPart]) {
    let used = passages(output).map(|(_, passage)| passage.number).max();
    let used = used.unwrap_or(0);
    for passage in result.iter_mut().filter_map(|part| part.passage.as_mut()) {
        passage.number += used;
    }
}

/// Where the message at `index` cites passages of the response; a number that none has is text.
pub(super) fn annotations(output: &[Item], index: usize) -> Vec<Annotation> {
    let Some(Item::Message(message)) = output.get(index) else {
        return Vec::new();
    };
    let text = message.text();
    let annotation = |(place, number): (std::ops::Range<u64>, u32)| {
        let (call, passage) = passages(output).find(|(_, passage)| passage.number == number)?;
        let reference = PassageReference {
            call: call.to_owned(),
            number,
        };
        Some(match passage.source.clone() {
            PassageSource::Url { url } => Annotation::UrlCitation {
                start_index: place.start,
                end_index: place.end,
                url,
                title: passage.title.clone(),
                passage: reference,
            },
            PassageSource::File { name } => Annotation::FileCitation {
                start_index: place.start,
                end_index: place.end,
                index: place.start,
                file_id: passage.asset.clone(),
                filename: name,
                passage: reference,
            },
        })
    };
    references(&text)
        .into_iter()
        .filter_map(annotation)
        .collect()
}

/// The same as the log keeps it.
pub(super) fn citations(message: &Message) -> Vec<Citation> {
    let annotations = message.annotations();
    annotations.iter().filter_map(wire::citation).collect()
}
