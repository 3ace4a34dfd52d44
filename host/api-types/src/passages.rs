//! Passages: pieces of sources that an answer can cite and a client can open.

use serde::{Deserialize, Serialize};

/// Where a part of a result stands in its source. The host made it: a tool gives the whole text of
/// a source and pieces of it, and the host looks for the pieces and sets everything here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// What the answer cites it by, as `[1]`. Unique in the results of a turn, beginning at 1.
    pub number: u32,
    /// Where the text comes from.
    pub source: PassageSource,
    /// What the source calls itself; may be empty.
    pub title: String,
    /// When the call that brought it ended, in milliseconds since the Unix epoch.
    pub retrieved_at_ms: i64,
    /// sha256 of the whole text that it is a piece of, in hex.
    pub sha256: String,
    /// The asset that holds that text.
    pub asset: String,
    /// Its first character in that text.
    pub start: u64,
    /// The character behind its last one.
    pub end: u64,
}

/// Where the text of a passage comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PassageSource {
    /// An address.
    Url {
        /// In full.
        url: String,
    },
    /// A file of the person's.
    File {
        /// What it is called.
        name: String,
    },
}

/// `GET /api/calls/{id}/passages/{number}`: a passage with the text around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedPassage {
    /// Where it stands.
    #[serde(flatten)]
    pub passage: Passage,
    /// The whole text of the source; the passage is its characters from `start` to `end`.
    pub document: String,
}

/// A place of an answer that cites a passage. The host sets it where the number exists; places
/// count characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Annotation {
    /// The source is an address.
    UrlCitation {
        /// Where `[n]` begins in the text.
        start_index: u64,
        /// Behind its end.
        end_index: u64,
        /// The source.
        url: String,
        /// What it calls itself.
        title: String,
        /// Which passage.
        #[serde(rename = "alcove:passage")]
        passage: PassageReference,
    },
    /// The source is a file.
    FileCitation {
        /// Where `[n]` begins in the text.
        start_index: u64,
        /// Behind its end.
        end_index: u64,
        /// The same as `start_index`, which the specification calls so here.
        index: u64,
        /// The asset with the text of the file.
        file_id: String,
        /// What the file is called.
        filename: String,
        /// Which passage.
        #[serde(rename = "alcove:passage")]
        passage: PassageReference,
    },
}

impl Annotation {
    /// Which passage is cited.
    pub fn passage(&self) -> &PassageReference {
        match self {
            Annotation::UrlCitation { passage, .. } | Annotation::FileCitation { passage, .. } => {
                passage
            }
        }
    }
}

/// Names a passage.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PassageReference {
    /// The item of the call that brought it.
    pub call: String,
    /// Its number in the turn.
    pub number: u32,
}
