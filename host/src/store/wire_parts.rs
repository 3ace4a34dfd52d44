//! Parts of results, passages and citations as the wire has them, and back.

use alcove_api_types as wire;
use alcove_core::item;
use alcove_core::passage::{Citation, Cited, Passage, Source};

/// A part of a result on the wire.
pub fn part_to_wire(part: &item::ToolPart) -> wire::ToolPart {
    let item::ToolPart {
        audience,
        kind,
        value,
        title,
        passage,
    } = part;
    wire::ToolPart {
        audience: match audience {
            item::Audience::Model => wire::Audience::Model,
            item::Audience::User => wire::Audience::User,
            item::Audience::Both => wire::Audience::Both,
        },
        kind: kind.clone(),
        value: value.clone(),
        title: title.clone(),
        passage: passage
            .as_deref()
            .map(|passage| Box::new(passage_to_wire(passage))),
    }
}

/// A part of a result from the wire.
pub fn part(part: &wire::ToolPart) -> item::ToolPart {
    let wire::ToolPart {
        audience,
        kind,
        value,
        title,
        passage,
    } = part;
    item::ToolPart {
        audience: match audience {
            wire::Audience::Model => item::Audience::Model,
            wire::Audience::User => item::Audience::User,
            wire::Audience::Both => item::Audience::Both,
        },
        kind: kind.clone(),
        value: value.clone(),
        title: title.clone(),
        passage: passage
            .as_deref()
            .map(|passage| Box::new(self::passage(passage))),
    }
}

fn passage_to_wire(passage: &Passage) -> wire::Passage {
    let Passage {
        number,
        source,
        title,
        retrieved_at_ms,
        sha256,
        asset,
        start,
        end,
    } = passage.clone();
    wire::Passage {
        number,
        source: match source {
            Source::Url { url } => wire::PassageSource::Url { url },
            Source::File { name } => wire::PassageSource::File { name },
        },
        title,
        retrieved_at_ms,
        sha256,
        asset,
        start,
        end,
    }
}

fn passage(passage: &wire::Passage) -> Passage {
    let wire::Passage {
        number,
        source,
        title,
        retrieved_at_ms,
        sha256,
        asset,
        start,
        end,
    } = passage.clone();
    Passage {
        number,
        source: match source {
            wire::PassageSource::Url { url } => Source::Url { url },
            wire::PassageSource::File { name } => Source::File { name },
        },
        title,
        retrieved_at_ms,
        sha256,
        asset,
        start,
        end,
    }
}

/// A citation on the wire.
pub fn citation_to_wire(citation: &Citation) -> wire::Annotation {
    let Citation {
        start,
        end,
        call,
        number,
        source,
    } = citation.clone();
    let passage = wire::PassageReference {
        call: call.to_string(),
        number,
    };
    match source {
        Cited::Url { url, title } => wire::Annotation::UrlCitation {
            start_index: start,
            end_index: end,
            url,
            title,
            passage,
        },
        Cited::File { name, asset } => wire::Annotation::FileCitation {
            start_index: start,
            end_index: end,
            index: start,
            file_id: asset,
            filename: name,
            passage,
        },
    }
}

/// A citation from the wire; nothing for one that names no call, which the host never makes.
pub fn citation(annotation: &wire::Annotation) -> Option<Citation> {
    let wire::PassageReference { call, number } = annotation.passage().clone();
    let (start, end, source) = match annotation.clone() {
        wire::Annotation::UrlCitation {
            start_index,
            end_index,
            url,
            title,
            passage: _,
        } => (start_index, end_index, Cited::Url { url, title }),
        wire::Annotation::FileCitation {
            start_index,
            end_index,
            index: _,
            file_id: asset,
            filename: name,
            passage: _,
        } => (start_index, end_index, Cited::File { name, asset }),
    };
    Some(Citation {
        start,
        end,
        call: call.parse().ok()?,
        number,
        source,
    })
}
