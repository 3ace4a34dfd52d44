//! `alcove:assets`: files that a call makes and reads, in the asset store.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use alcove_core::ids::AssetId;
use alcove_policies::{Authority, FileSource};
use alcove_sandbox::{Asset, AssetReader, AssetWriter, Assets, CapabilityError};
use async_trait::async_trait;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;

use super::{CallAccount, HostThreads, svg};
use crate::accounts::Principal;
use crate::assets::{AssetBytes, AssetDetail, AssetError, AssetStore, NewAssetBytes};
use crate::workspaces::{FilePath, Place, Workspaces};

/// Drawings are looked at before they are shown.
const SVG: &str = "image/svg+xml";
/// A file of a workspace, of which nobody says more.
const ANY_FILE: &str = "application/octet-stream";
/// How many assets one call makes at most.
const MAX_ASSETS: usize = 64;
/// The longest media type, in bytes.
const MAX_MEDIA_TYPE_BYTES: usize = 127;
/// The longest name, in bytes: what file systems take.
const MAX_NAME_BYTES: usize = 255;

/// The assets of one call.
pub(super) struct AssetsOfCall {
    pub(super) own: Arc<Own>,
    /// What the call's arguments name.
    pub(super) named: Named,
}

/// What stands in a call's arguments, each as a whole text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// Ids of assets.
    assets: HashSet<AssetId>,
    /// Files of the conversation's workspace, where the policy mounts that, by how they are named.
    files: HashMap<String, FilePath>,
}

/// What the handles of a call need, too.
pub(super) struct Own {
    pub(super) host: HostThreads,
    pub(super) store: AssetStore,
    pub(super) workspaces: Workspaces,
    pub(super) principal: Principal,
    pub(super) place: Option<Place>,
    pub(super) plugin: String,
    pub(super) quota_bytes: u64,
    pub(super) account: Arc<CallAccount>,
}

#[async_trait]
impl Assets for AssetsOfCall {
    async fn create(
        &self,
        media_type: &str,
        name: Option<&str>,
    ) -> Result<Box<dyn AssetWriter>, CapabilityError> {
        let detail = detail(media_type, name)?;
        if self.own.account.assets() >= MAX_ASSETS {
            return Err(CapabilityError::limit(
                "assets",
                format!("{MAX_ASSETS} assets in one call"),
            ));
        }
        let (store, principal) = (self.own.store.clone(), self.own.principal.clone());
        let bytes = self.own.host.run(async move {
            let created = store.create(&principal).await;
            created.map_err(|error| trouble(&error))
        });
        Ok(Box::new(Writer {
            own: Arc::clone(&self.own),
            drawing: (detail.media_type == SVG).then(Vec::new),
            detail,
            bytes: Some(bytes.await?),
        }))
    }

    async fn open(&self, id: &str) -> Result<(Asset, Box<dyn AssetReader>), CapabilityError> {
        let not_found = || {
            CapabilityError::NotFound(format!(
                "there is no asset `{}` that this call may read",
                id.chars().take(64).collect::<String>()
            ))
        };
        if let Some(path) = self.named.files.get(id) {
            return self.open_file(path).await?.ok_or_else(not_found);
        }
        let asset: AssetId = id.parse().map_err(|_| not_found())?;
        let is_named = self.named.assets.contains(&asset) || self.own.account.has(asset);
        let conversation = self.own.place.map(|place| place.conversation);
        let (store, principal) = (self.own.store.clone(), self.own.principal.clone());
        let opened = self.own.host.run(async move {
            let open = async {
                let found = store.find(&principal, asset).await?.filter(|found| {
                    is_named || conversation.is_some() && found.conversation == conversation
                });
                let Some(found) = found else {
                    return Ok(None);
                };
                let description = Asset {
                    media_type: found.detail.media_type.clone(),
                    name: found.detail.name.clone(),
                    size: found.size,
                };
                Ok(Some((description, store.read(found).await?)))
            };
            open.await.map_err(|error: AssetError| trouble(&error))
        });
        let (description, bytes) = opened.await?.ok_or_else(not_found)?;
        let reader = Reader {
            host: self.own.host.clone(),
            bytes: Some(bytes),
        };
        Ok((description, Box::new(reader)))
    }
}

impl AssetsOfCall {
    /// Opens a file of the conversation's workspace, which counts as private from then on; nothing
    /// where it is not there.
    async fn open_file(
        &self,
        path: &FilePath,
    ) -> Result<Option<(Asset, Box<dyn AssetReader>)>, CapabilityError> {
        let Some(place) = self.own.place else {
            return Ok(None);
        };
        let (workspaces, of) = (self.own.workspaces.clone(), path.clone());
        let opened = self.own.host.run(async move {
            let opened = tokio::task::spawn_blocking(move || workspaces.read(place, &of));
            Ok(opened.await.ok().and_then(Result::ok))
        });
        let Some((file, size)) = opened.await? else {
            return Ok(None);
        };
        self.own.account.read_private();
        let description = Asset {
            media_type: ANY_FILE.to_owned(),
            name: Some(path.name().to_owned()),
            size,
        };
        let reader = FileReader {
            host: self.own.host.clone(),
            file: Some(tokio::fs::File::from_std(file.into_std())),
        };
        Ok(Some((description, Box::new(reader))))
    }
}

struct FileReader {
    host: HostThreads,
    /// Away while it is being read.
    file: Option<tokio::fs::File>,
}

#[async_trait]
impl AssetReader for FileReader {
    async fn read(&mut self, most: usize) -> Result<Vec<u8>, CapabilityError> {
        let mut file = self.file.take().ok_or_else(lost)?;
        let read = self.host.run(async move {
            let mut bytes = Vec::new();
            let taken = (&mut file).take(most as u64).read_to_end(&mut bytes).await;
            taken.map_err(|_| {
                CapabilityError::Unavailable("the file could not be read".to_owned())
            })?;
            Ok((bytes, file))
        });
        let (bytes, file) = read.await?;
        self.file = Some(file);
        Ok(bytes)
    }
}

struct Writer {
    own: Arc<Own>,
    detail: AssetDetail,
    /// What was written, where it is a drawing.
    drawing: Option<Vec<u8>>,
    /// Away while it is being written.
    bytes: Option<NewAssetBytes>,
}

#[async_trait]
impl AssetWriter for Writer {
    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), CapabilityError> {
        let quota = self.own.quota_bytes;
        if !self.own.account.write(bytes.len() as u64, quota) {
            return Err(CapabilityError::limit(
                "assets",
                format!("{quota} bytes of assets in one call"),
            ));
        }
        if let Some(drawing) = &mut self.drawing {
            // A byte more than may be is enough to tell.
            let room = (svg::MAX_BYTES + 1).saturating_sub(drawing.len());
            drawing.extend_from_slice(&bytes[..room.min(bytes.len())]);
        }
        let mut file = self.bytes.take().ok_or_else(lost)?;
        let written = self.own.host.run(async move {
            file.write(&bytes).await.map_err(|error| trouble(&error))?;
            Ok(file)
        });
        self.bytes = Some(written.await?);
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<String, CapabilityError> {
        if let Some(Err(why)) = self.drawing.as_deref().map(svg::check) {
            return Err(CapabilityError::Invalid(format!(
                "an SVG that is shown has shapes and texts alone, and {why}: give another one as `application/xml`"
            )));
        }
        let file = self.bytes.take().ok_or_else(lost)?;
        let (own, detail) = (Arc::clone(&self.own), self.detail.clone());
        let asset = self.own.host.run(async move {
            let conversation = own.place.map(|place| place.conversation);
            let finished =
                own.store
                    .finish(&own.principal, conversation, &own.plugin, &detail, file);
            let asset = finished.await.map_err(|error| trouble(&error))?;
            own.account.add_asset(asset, detail);
            Ok(asset)
        });
        Ok(asset.await?.to_string())
    }
}

struct Reader {
    host: HostThreads,
    /// Away while it is being read.
    bytes: Option<AssetBytes>,
}

#[async_trait]
impl AssetReader for Reader {
    async fn read(&mut self, most: usize) -> Result<Vec<u8>, CapabilityError> {
        let mut bytes = self.bytes.take().ok_or_else(lost)?;
        let read = self.host.run(async move {
            let read = bytes.next(most).await.map_err(|error| trouble(&error))?;
            Ok((read, bytes))
        });
        let (read, bytes) = read.await?;
        self.bytes = Some(bytes);
        Ok(read)
    }
}

/// Checks what a guest says of an asset.
fn detail(media_type: &str, name: Option<&str>) -> Result<AssetDetail, CapabilityError> {
    let is_token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let is_media_type = media_type.len() <= MAX_MEDIA_TYPE_BYTES
        && media_type
            .split_once('/')
            .is_some_and(|(kind, form)| is_token(kind) && is_token(form));
    if !is_media_type {
        return Err(CapabilityError::Invalid(
            "a media type is such as `image/png`, without parameters".to_owned(),
        ));
    }
    let is_name = |name: &str| {
        (1..=MAX_NAME_BYTES).contains(&name.len())
            && !name.contains(['/', '\\'])
            && !name.chars().any(char::is_control)
            && name != "."
            && name != ".."
    };
    if !name.is_none_or(is_name) {
        return Err(CapabilityError::Invalid(format!(
            "a name is 1 to {MAX_NAME_BYTES} bytes without slashes or control characters"
        )));
    }
    Ok(AssetDetail {
        media_type: media_type.to_ascii_lowercase(),
        name: name.map(str::to_owned),
    })
}

/// What stands in arguments. Under a policy that does not mount the conversation's workspace no
/// text names a file.
pub(super) fn named_in(arguments: &Value, policy: &Authority) -> Named {
    let workspace = policy
        .files()
        .iter()
        .find(|grant| grant.source == FileSource::ConversationWorkspace);
    let mut named = Named {
        assets: HashSet::new(),
        files: HashMap::new(),
    };
    // What arguments can be nested is bounded by the parser.
    let mut left = vec![arguments];
    while let Some(value) = left.pop() {
        match value {
            Value::String(text) => {
                if let Ok(asset) = text.parse() {
                    named.assets.insert(asset);
                    continue;
                }
                let within = workspace.and_then(|grant| below(&grant.mount, text));
                let path = within.and_then(|path| FilePath::parse(path).ok());
                named.files.extend(path.map(|path| (text.clone(), path)));
            }
            Value::Array(values) => left.extend(values),
            Value::Object(members) => left.extend(members.values()),
            _ => {}
        }
    }
    named
}

/// The path below a mount; one that does not begin at the root is below it as it stands.
fn below<'t>(mount: &str, text: &'t str) -> Option<&'t str> {
    if text.starts_with('/') {
        text.strip_prefix(mount)?.strip_prefix('/')
    } else {
        Some(text)
    }
}

fn lost() -> CapabilityError {
    CapabilityError::Unavailable(
        "the asset was lost when an earlier write or read failed".to_owned(),
    )
}

fn trouble(error: &AssetError) -> CapabilityError {
    if let AssetError::TooLarge = error {
        return CapabilityError::Invalid(error.to_string());
    }
    tracing::error!(
        error = error as &dyn std::error::Error,
        "the asset store could not be used"
    );
    CapabilityError::Unavailable("the host's asset store could not be used".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    use alcove_policies::Policy;

    #[test]
    fn what_a_guest_says_of_an_asset_is_checked() {
        let good = detail("image/PNG", Some("a cat.png")).unwrap();
        assert_eq!(good.media_type, "image/png");
        for media_type in [
            "",
            "png",
            "/",
            "image/",
            "text/html; charset=utf-8",
            "a/b/c",
            "a /b",
        ] {
            assert!(detail(media_type, None).is_err(), "{media_type}");
        }
        for name in ["", "..", "a/b", "a\\b", "a\nb"] {
            assert!(detail("image/png", Some(name)).is_err(), "{name:?}");
        }
    }

    #[test]
    fn what_arguments_name_is_found_wherever_it_stands() {
        let (one, two) = (AssetId::generate(), AssetId::generate());
        let arguments = serde_json::json!({"a": [{"b": one.to_string()}], "c": two.to_string(),
            "d": format!("see {two}"), "e": 1});
        let nothing = Policy::nothing("alcove/mesh").unwrap().into();
        let named = named_in(&arguments, &nothing);
        assert_eq!(named.assets, HashSet::from([one, two]));
        assert!(named.files.is_empty());
    }

    #[test]
    fn files_are_named_only_where_the_policy_mounts_them() {
        let policy = |source: &str| -> Authority {
            let text = format!(
                "version = 1\nplugin = \"alcove/mesh\"\n[[files]]\nmount = \"/workspace\"\nsource = \"{source}\"\naccess = \"read-only\"\n"
            );
            Policy::parse(&text).unwrap().into()
        };
        let arguments = serde_json::json!({"a": "/workspace/a/b.stl", "b": ["c.stl", "/etc/passwd"],
            "d": "../e", "f": "/workspace", "g": "/workspaces/h"});
        let files = |source: &str| {
            let mut files: Vec<_> = named_in(&arguments, &policy(source))
                .files
                .into_keys()
                .collect();
            files.sort();
            files
        };
        assert_eq!(
            files("conversation-workspace"),
            ["/workspace/a/b.stl", "c.stl"]
        );
        assert!(files("folder:/srv/meshes").is_empty());
    }
}
