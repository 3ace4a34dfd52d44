//! Passages: which texts of a result are pieces of a source, found by the host itself.
//!
//! A tool gives the source as a link (or nothing, for a file), the source's whole text as an asset,
//! and pieces of that text as parts. What it says of them is not believed: a piece is a passage
//! where it stands, word for word, in the asset, behind the piece before it; time and hash are the
//! host's.

use alcove_api_types::{Audience, OpenedPassage, Passage, PassageSource, ToolPart};
use alcove_core::ids::{AssetId, ItemId};
use sha2::{Digest as _, Sha256};

use super::outcome::{is_asset, is_note};
use super::{KeptCall, Tools, ToolsError};
use crate::accounts::Principal;
use crate::assets::{AssetError, AssetStore};
use crate::store::now_ms;

/// The most bytes of a source's text; of a longer one nothing is a passage.
const MAX_SOURCE_BYTES: u64 = 4 << 20;
/// The most passages of one call; what comes behind them is text without a number.
const MAX_PASSAGES: u32 = 64;
/// How much of an asset is read at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// The media types of a source's text.
const SOURCE_TYPES: [&str; 2] = ["text/markdown", "text/plain"];

/// The source whose pieces follow.
struct Source {
    of: PassageSource,
    title: String,
    asset: String,
    sha256: String,
    text: String,
    /// Behind the piece that was found last: in bytes and in characters.
    at: usize,
    at_char: u64,
}

impl Source {
    /// Where a piece stands, in characters.
    fn find(&mut self, piece: &str) -> Option<(u64, u64)> {
        let found = self.at + self.text[self.at..].find(piece)?;
        let count = |text: &str| text.chars().count() as u64;
        let start = self.at_char + count(&self.text[self.at..found]);
        (self.at, self.at_char) = (found + piece.len(), start + count(piece));
        Some((start, self.at_char))
    }
}

/// Says of every part of a result that is a piece of a source where it stands.
pub(super) async fn mark(assets: &AssetStore, principal: &Principal, output: &mut [ToolPart]) {
    let mut link: Option<(String, String)> = None;
    let mut source: Option<Source> = None;
    let mut number = 0;
    for part in output {
        if part.kind == "link" {
            source = None;
            link = Some((part.value.clone(), part.title.clone().unwrap_or_default()));
        } else if is_asset(part) {
            source = read_source(assets, principal, part, link.take()).await;
        } else if let Some(source) = &mut source
            && part.kind == "text"
            && part.audience != Audience::User
            && !is_note(part)
            && number < MAX_PASSAGES
            && !part.value.trim().is_empty()
            && let Some((start, end)) = source.find(&part.value)
        {
            number += 1;
            part.passage = Some(Box::new(Passage {
                number,
                source: source.of.clone(),
                title: source.title.clone(),
                retrieved_at_ms: now_ms(),
                sha256: source.sha256.clone(),
                asset: source.asset.clone(),
                start,
                end,
            }));
        }
    }
}

async fn read_source(
    assets: &AssetStore,
    principal: &Principal,
    part: &ToolPart,
    link: Option<(String, String)>,
) -> Option<Source> {
    let read = read_text(assets, principal, &part.value).await;
    let (text, sha256) = match read {
        Ok(read) => read?,
        Err(error) => {
            // The result is whole without numbers.
            tracing::error!(error = &error as &dyn std::error::Error, asset = %part.value, "a source could not be read");
            return None;
        }
    };
    let name = part.title.clone().unwrap_or_default();
    let (of, title) = match link {
        Some((url, title)) => (PassageSource::Url { url }, title),
        None => (PassageSource::File { name: name.clone() }, name),
    };
    Some(Source {
        of,
        title,
        asset: part.value.clone(),
        sha256,
        text,
        at: 0,
        at_char: 0,
    })
}

/// The text of an asset and its hash; nothing for one that is no text of a source.
async fn read_text(
    assets: &AssetStore,
    principal: &Principal,
    id: &str,
) -> Result<Option<(String, String)>, AssetError> {
    let Ok(id) = id.parse::<AssetId>() else {
        return Ok(None);
    };
    let Some(asset) = assets.find(principal, id).await? else {
        return Ok(None);
    };
    if asset.size > MAX_SOURCE_BYTES || !SOURCE_TYPES.contains(&asset.detail.media_type.as_str()) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let mut reading = assets.read(asset).await?;
    loop {
        let chunk = reading.next(CHUNK_BYTES).await?;
        if chunk.is_empty() {
            break;
        }
        bytes.extend_from_slice(&chunk);
    }
    let sha256 = hex::encode(Sha256::digest(&bytes));
    Ok(String::from_utf8(bytes).ok().map(|text| (text, sha256)))
}

impl Tools {
    /// A passage of a call of one's own, with the text around it.
    pub async fn passage(
        &self,
        principal: &Principal,
        call: ItemId,
        number: u32,
    ) -> Result<OpenedPassage, ToolsError> {
        let kept = KeptCall::read(&self.inner.log, principal, call).await?;
        let none = || ToolsError::NotFound {
            what: format!("the call {call} has no passage {number}"),
        };
        let passage = kept
            .passages()
            .find(|passage| passage.number == number)
            .ok_or_else(none)?
            .clone();
        let read = read_text(&self.inner.assets, principal, &passage.asset).await?;
        let (document, sha256) = read.ok_or_else(none)?;
        if sha256 != passage.sha256 {
            return Err(none());
        }
        Ok(OpenedPassage { passage, document })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::AssetDetail;
    use crate::tools::outcome::asset_part;

    #[test]
    fn pieces_are_found_in_their_order_and_counted_in_characters() {
        let mut source = Source {
            of: PassageSource::File { name: "a".into() },
            title: String::new(),
            asset: String::new(),
            sha256: String::new(),
            text: "Äpfel sind rot. Äpfel sind süß.".into(),
            at: 0,
            at_char: 0,
        };
        assert_eq!(source.find("Äpfel sind"), Some((0, 10)));
        assert_eq!(source.find("Äpfel sind"), Some((16, 26)));
        assert_eq!(source.find("Äpfel sind"), None, "only behind the last one");
        assert_eq!(source.find("süß."), Some((27, 31)));
        assert_eq!(source.find("sauer"), None);
    }

    /// A store of assets in a folder of its own.
    async fn assets() -> (AssetStore, Principal, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("alcove.db").display());
        let store = crate::store::open(&url).await.unwrap();
        let vault = crate::vault::Vault::open(&folder.path().join("keys")).unwrap();
        let accounts = crate::accounts::Accounts::open(std::sync::Arc::clone(&store));
        let principal = accounts.await.unwrap().local_principal().await.unwrap();
        let log = crate::store::log::ItemLog::new(store, vault);
        let assets = AssetStore::open(&folder.path().join("assets"), log).unwrap();
        (assets, principal, folder)
    }

    async fn asset(
        (assets, principal): (&AssetStore, &Principal),
        media_type: &str,
        bytes: &[u8],
    ) -> ToolPart {
        let detail = AssetDetail {
            media_type: media_type.to_owned(),
            name: Some("a.md".to_owned()),
        };
        let mut writing = assets.create(principal).await.unwrap();
        writing.write(bytes).await.unwrap();
        let finished = assets.finish(principal, None, "local/x", &detail, writing);
        asset_part(finished.await.unwrap(), &detail)
    }

    fn part(kind: &str, value: &str) -> ToolPart {
        ToolPart {
            audience: Audience::Both,
            kind: kind.to_owned(),
            value: value.to_owned(),
            title: None,
            passage: None,
        }
    }

    #[tokio::test]
    async fn only_what_stands_in_the_source_is_a_passage() {
        let (assets, who, _folder) = assets().await;
        let of = (&assets, &who);
        let source = asset(of, "text/markdown", b"One. Two. Three.").await;
        let mut output = vec![
            part("text", "One."),
            part("link", "https://a.example/"),
            part("text", "Two."),
            source.clone(),
            part("text", "One."),
            part("text", "Four."),
            part("text", "  "),
            part("json", "Two."),
            ToolPart {
                audience: Audience::User,
                ..part("text", "Two.")
            },
            crate::tools::outcome::note("Two.".to_owned()),
            part("text", "Three."),
            part("text", "Two."),
        ];
        mark(&assets, &who, &mut output).await;
        let marked: Vec<(usize, u32, u64, u64)> = output
            .iter()
            .enumerate()
            .filter_map(|(at, part)| {
                let passage = part.passage.as_deref()?;
                Some((at, passage.number, passage.start, passage.end))
            })
            .collect();
        assert_eq!(marked, [(4, 1, 0, 4), (10, 2, 10, 16)]);
        let passage = output[4].passage.as_deref().unwrap();
        let url = "https://a.example/".to_owned();
        assert_eq!(passage.source, PassageSource::Url { url });
        assert_eq!(passage.asset, source.value);

        // A file has no link; what follows another link or another asset is of that one.
        let mut output = vec![
            source,
            part("text", "One."),
            part("link", "https://b.example/"),
            part("text", "Two."),
        ];
        mark(&assets, &who, &mut output).await;
        let name = "a.md".to_owned();
        assert_eq!(
            output[1].passage.as_deref().unwrap().source,
            PassageSource::File { name }
        );
        assert_eq!(output[3].passage, None);
    }

    #[tokio::test]
    async fn a_source_is_text_and_passages_are_counted() {
        let (assets, who, _folder) = assets().await;
        let of = (&assets, &who);
        for (media_type, bytes) in [
            ("image/png", b"One.".as_slice()),
            ("text/html", b"One."),
            ("text/plain", b"One. \xff"),
        ] {
            let mut output = vec![asset(of, media_type, bytes).await, part("text", "One.")];
            mark(&assets, &who, &mut output).await;
            assert_eq!(output[1].passage, None, "{media_type}");
        }
        let mut stranger = who.clone();
        stranger.user = alcove_core::ids::UserId::generate();
        let text = "a ".repeat(1_000);
        let mut output = vec![asset(of, "text/plain", text.as_bytes()).await];
        output.extend((0..1_000).map(|_| part("text", "a")));
        mark(&assets, &stranger, &mut output).await;
        assert!(
            output.iter().all(|part| part.passage.is_none()),
            "somebody else's"
        );
        mark(&assets, &who, &mut output).await;
        let marked = output.iter().filter(|part| part.passage.is_some()).count();
        assert_eq!(marked, MAX_PASSAGES as usize);
    }
}
