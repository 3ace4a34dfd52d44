//! What checkpoints are called: `before-refactor`, `before-refactor@2`, or an id.

use alcove_core::ids::CheckpointId;

use super::CheckpointError;
use crate::store::log::CheckpointName;

/// The longest name, in characters.
const MAX_NAME_CHARACTERS: usize = 100;
/// The longest note, in characters.
const MAX_NOTE_CHARACTERS: usize = 2_000;

/// Which checkpoint is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// That one.
    Id(CheckpointId),
    /// The one of that name in the conversation.
    Name(CheckpointName),
}

impl Reference {
    /// Reads `NAME`, `NAME@VERSION` or an id.
    ///
    /// # Errors
    ///
    /// Where no checkpoint can be called that.
    pub fn parse(text: &str) -> Result<Reference, CheckpointError> {
        let text = text.trim();
        if let Ok(id) = text.parse() {
            return Ok(Reference::Id(id));
        }
        let (name, version) = match text.rsplit_once('@') {
            None => (text, None),
            Some((name, version)) => {
                let version = version.parse().map_err(|_| CheckpointError::Name)?;
                (name, Some(version))
            }
        };
        Ok(Reference::Name(CheckpointName {
            name: checked_name(name)?,
            version,
        }))
    }
}

/// A name that a checkpoint can have, without the space around it.
pub fn checked_name(name: &str) -> Result<String, CheckpointError> {
    let name = name.trim();
    let is_one = (1..=MAX_NAME_CHARACTERS).contains(&name.chars().count())
        && !name.contains('@')
        && !name.contains(char::is_control)
        && !name.starts_with(CheckpointId::PREFIX);
    match is_one {
        true => Ok(name.to_owned()),
        false => Err(CheckpointError::Name),
    }
}

/// A note, without the space around it.
pub(super) fn checked_note(note: &str) -> Result<String, CheckpointError> {
    let note = note.trim();
    match note.chars().count() <= MAX_NOTE_CHARACTERS {
        true => Ok(note.to_owned()),
        false => Err(CheckpointError::Note),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_a_name_a_version_or_an_id() {
        let named = |name: &str, version| {
            Reference::Name(CheckpointName {
                name: name.to_owned(),
                version,
            })
        };
        let parse = |text| Reference::parse(text).unwrap();
        assert_eq!(parse(" before refactor "), named("before refactor", None));
        assert_eq!(parse("v1.0@3"), named("v1.0", Some(3)));
        let id = CheckpointId::generate();
        assert_eq!(parse(&id.to_string()), Reference::Id(id));
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        let long = "n".repeat(101);
        for text in [
            "",
            "  ",
            "a@b",
            "a@b@2",
            "@2",
            "a\nb",
            "ckpt_x",
            long.as_str(),
        ] {
            assert!(Reference::parse(text).is_err(), "{text:?}");
        }
        assert!(checked_note(&"n".repeat(2_001)).is_err());
    }
}
