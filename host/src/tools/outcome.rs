//! From what the sandbox reports to what clients and the log are told.

use alcove_api_types::{Audience, ToolOutcome, ToolPart, ToolUsage};
use alcove_core::ids::AssetId;
use alcove_policies::Denial;
use alcove_sandbox as sandbox;

use super::NOTE_TITLE;
use crate::assets::AssetDetail;

/// The capability of a denial that says: the plugin itself is not granted.
pub(super) const PLUGIN: &str = "plugin";

/// The outcome and, where it is `ok`, the parts. `asset` finds the part that an asset's id stands
/// for: nothing for one that the call may not return.
pub(super) fn translate(
    outcome: sandbox::Outcome,
    asset: impl Fn(&str) -> Option<ToolPart>,
) -> (ToolOutcome, Vec<ToolPart>) {
    let outcome = match outcome {
        sandbox::Outcome::Ok(parts) => {
            let parts = parts.into_iter().map(|returned| part(returned, &asset));
            return match parts.collect() {
                Some(parts) => (ToolOutcome::Ok, parts),
                None => (
                    ToolOutcome::Failed {
                        failure: "internal".to_owned(),
                        message: "the tool returned an asset that this call did not make"
                            .to_owned(),
                    },
                    Vec::new(),
                ),
            };
        }
        sandbox::Outcome::Failed(failure) => ToolOutcome::Failed {
            failure: failure.kind,
            message: failure.message,
        },
        sandbox::Outcome::Denied(denial) => denied(&denial),
        sandbox::Outcome::Limit(hit) => ToolOutcome::Limit {
            limit: hit.name.to_owned(),
            message: hit.allowed,
        },
        sandbox::Outcome::Trapped(message) => ToolOutcome::Trapped { message },
    };
    (outcome, Vec::new())
}

fn denied(denial: &Denial) -> ToolOutcome {
    let message = if denial.grant.trim().is_empty() {
        denial.detail.clone()
    } else {
        format!(
            "{}\nTo grant it:\n{}",
            denial.detail,
            denial.grant.trim_end()
        )
    };
    ToolOutcome::Denied {
        capability: denial.capability.to_owned(),
        message,
    }
}

/// Images that the web client shows; other assets are files to be fetched.
/// An SVG is a drawing here, and nothing else: it was looked at when it was made.
const SHOWN_IMAGES: [&str; 5] = [
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/svg+xml",
    "image/webp",
];

/// The kinds of a part that is an asset.
const IMAGE: &str = "image";
const FILE: &str = "asset";

/// Whether an asset of this media type is shown as an image.
pub fn is_shown_image(media_type: &str) -> bool {
    SHOWN_IMAGES.contains(&media_type)
}

/// A part that is an asset. Its title is what it is called, or what it is.
pub(super) fn asset_part(asset: AssetId, detail: &AssetDetail) -> ToolPart {
    let kind = if is_shown_image(&detail.media_type) {
        IMAGE
    } else {
        FILE
    };
    ToolPart {
        audience: Audience::Both,
        kind: kind.to_owned(),
        value: asset.to_string(),
        title: Some(detail.name.as_ref().unwrap_or(&detail.media_type).clone()),
        passage: None,
    }
}

/// Whether a part is an asset.
pub(super) fn is_asset(part: &ToolPart) -> bool {
    part.kind == IMAGE || part.kind == FILE
}

/// A part as a tool gets it that called another one.
pub(super) fn part_of(part: ToolPart) -> sandbox::Part {
    let audience = match part.audience {
        Audience::Model => sandbox::Audience::Model,
        Audience::User => sandbox::Audience::User,
        Audience::Both => sandbox::Audience::Both,
    };
    let content = if is_asset(&part) {
        sandbox::Content::Asset(part.value)
    } else {
        match (part.kind.as_str(), part.title) {
            ("link", title) => sandbox::Content::Link {
                title: title.unwrap_or_default(),
                url: part.value,
            },
            ("json", _) => sandbox::Content::Json(part.value),
            _ => sandbox::Content::Text(part.value),
        }
    };
    sandbox::Part { audience, content }
}

fn part(part: sandbox::Part, asset: impl Fn(&str) -> Option<ToolPart>) -> Option<ToolPart> {
    let audience = match part.audience {
        sandbox::Audience::Model => Audience::Model,
        sandbox::Audience::User => Audience::User,
        sandbox::Audience::Both => Audience::Both,
    };
    let (kind, value, title) = match part.content {
        sandbox::Content::Text(text) => ("text", text, None),
        sandbox::Content::Json(json) => ("json", json, None),
        sandbox::Content::Link { title, url } => ("link", url, Some(title)),
        sandbox::Content::Asset(id) => {
            return Some(ToolPart {
                audience,
                ..asset(&id)?
            });
        }
    };
    Some(ToolPart {
        audience,
        kind: kind.to_owned(),
        value,
        title,
        passage: None,
    })
}

/// A note of the host itself, for the model and the person.
pub(super) fn note(text: String) -> ToolPart {
    ToolPart {
        audience: Audience::Both,
        kind: "text".to_owned(),
        value: text,
        title: Some(NOTE_TITLE.to_owned()),
        passage: None,
    }
}

/// Whether the host itself wrote this part: a guest's texts have no title.
pub(super) fn is_note(part: &ToolPart) -> bool {
    part.kind == "text" && part.title.is_some()
}

pub(super) fn usage(usage: &sandbox::Usage) -> ToolUsage {
    let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    ToolUsage {
        wall_us: micros(usage.wall),
        cpu_us: micros(usage.cpu),
        peak_memory_bytes: usage.peak_memory_bytes,
        output_bytes: usage.output_bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_ends_with_the_lines_that_would_grant_it() {
        let (outcome, parts) = translate(
            sandbox::Outcome::Denied(Denial {
                capability: "http",
                detail: "GET http://a.example/ is not granted".to_owned(),
                grant: "[[http]]\norigin = \"http://a.example\"\n".to_owned(),
            }),
            |_| None,
        );
        assert!(parts.is_empty());
        let ToolOutcome::Denied {
            capability,
            message,
        } = outcome
        else {
            panic!("{outcome:?}");
        };
        assert_eq!(capability, "http");
        assert_eq!(
            message,
            "GET http://a.example/ is not granted\nTo grant it:\n[[http]]\norigin = \"http://a.example\""
        );
    }

    #[test]
    fn an_asset_that_the_host_did_not_make_fails_the_call() {
        let (outcome, parts) = translate(
            sandbox::Outcome::Ok(vec![sandbox::Part {
                audience: sandbox::Audience::Both,
                content: sandbox::Content::Asset("made-up".to_owned()),
            }]),
            |_| None,
        );
        assert!(matches!(outcome, ToolOutcome::Failed { .. }) && parts.is_empty());
    }

    #[test]
    fn only_the_hosts_own_texts_are_notes() {
        let (_, parts) = translate(
            sandbox::Outcome::Ok(vec![
                sandbox::Part {
                    audience: sandbox::Audience::Both,
                    content: sandbox::Content::Text("2".to_owned()),
                },
                sandbox::Part {
                    audience: sandbox::Audience::User,
                    content: sandbox::Content::Link {
                        title: "A".to_owned(),
                        url: "https://a.example/".to_owned(),
                    },
                },
            ]),
            |_| None,
        );
        assert!(parts.iter().all(|part| !is_note(part)));
        assert!(is_note(&note("restored".to_owned())));
    }
}
