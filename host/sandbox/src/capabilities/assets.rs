//! `alcove:assets`: files that a call writes and reads by handle.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use wasmtime::component::{Linker, Resource};

use super::{Asked, CapabilityError, CapabilityView, View, absent};
use crate::record::{Bytes, SentBody};
use crate::state::GuestState;

mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package alcove:host-assets;
            world host { import alcove:assets/blobs@0.1.0; }
        ",
        path: ["../../wit/assets"],
        world: "alcove:host-assets/host",
        imports: { default: async | trappable },
        with: {
            "alcove:assets/blobs.writer": super::Writer,
            "alcove:assets/blobs.reader": super::Reader,
        },
    });
}

use generated::alcove::assets::blobs;

/// The most bytes that are written or read at once.
pub const MAX_ASSET_CHUNK_BYTES: usize = 1 << 20;

/// What an asset is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Asset {
    /// Such as `image/png`.
    pub media_type: String,
    /// What it would be called as a file.
    pub name: Option<String>,
    /// How many bytes it has.
    pub size: u64,
}

/// The assets that a call may make and read, under the quota of its grant.
#[async_trait]
pub trait Assets: Send + Sync {
    /// Begins one. What is dropped before it is finished leaves nothing behind.
    async fn create(
        &self,
        media_type: &str,
        name: Option<&str>,
    ) -> Result<Box<dyn AssetWriter>, CapabilityError>;

    /// Opens one that this call made, that its arguments name, or that its conversation holds; or a
    /// file of the workspace that the arguments name and the policy mounts.
    async fn open(&self, id: &str) -> Result<(Asset, Box<dyn AssetReader>), CapabilityError>;
}

/// An asset that is being written.
#[async_trait]
pub trait AssetWriter: Send {
    /// Adds bytes.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), CapabilityError>;

    /// Ends it; answers its id.
    async fn finish(self: Box<Self>) -> Result<String, CapabilityError>;
}

/// An asset that is being read.
#[async_trait]
pub trait AssetReader: Send {
    /// The next bytes, at most `most`; empty at the end.
    async fn read(&mut self, most: usize) -> Result<Vec<u8>, CapabilityError>;
}

/// A guest's handle. It holds nothing once it is finished, or after a write that failed.
#[expect(unreachable_pub, reason = "the generated module re-exports it")]
pub struct Writer(Arc<Mutex<Option<Box<dyn AssetWriter>>>>);

/// A guest's handle.
#[expect(unreachable_pub, reason = "the generated module re-exports it")]
pub struct Reader {
    asset: Asset,
    /// Empty in a replay, where nothing is read.
    bytes: Arc<Mutex<Option<Box<dyn AssetReader>>>>,
}

pub(super) fn add_to_linker(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    blobs::add_to_linker::<_, View>(linker, GuestState::capability_view)
}

impl CapabilityView<'_> {
    fn assets(&self) -> Result<Arc<dyn Assets>, CapabilityError> {
        if self.policy.assets().is_none() {
            return Err(self.policy.assets_denial().into());
        }
        let assets = self.shared.capabilities().assets;
        assets.ok_or_else(|| absent("assets"))
    }
}

impl CapabilityView<'_> {
    fn asked_assets(&self, function: &'static str) -> Asked {
        Asked {
            shared: Arc::clone(self.shared),
            function,
            capability: "assets",
        }
    }
}

impl blobs::Host for CapabilityView<'_> {
    async fn create(
        &mut self,
        media_type: String,
        name: Option<String>,
    ) -> wasmtime::Result<Result<Resource<Writer>, blobs::Error>> {
        let assets = self.assets();
        // Stays empty in a replay, where nothing is written.
        let mut writer = None;
        let work = async {
            writer = Some(assets?.create(&media_type, name.as_deref()).await?);
            Ok(())
        };
        let asked = self.asked_assets("alcove:assets/blobs.create");
        match asked.through(&(&media_type, &name), work).await? {
            Ok(()) => {
                let writer = Writer(Arc::new(Mutex::new(writer)));
                Ok(Ok(self.table.push(writer)?))
            }
            Err(error) => Ok(Err(error.into())),
        }
    }

    async fn open(
        &mut self,
        id: String,
    ) -> wasmtime::Result<Result<Resource<Reader>, blobs::Error>> {
        let assets = self.assets();
        let mut bytes = None;
        let work = async {
            let (asset, reader) = assets?.open(&id).await?;
            bytes = Some(reader);
            Ok(asset)
        };
        let asked = self.asked_assets("alcove:assets/blobs.open");
        match asked.through(&id, work).await? {
            Ok(asset) => {
                let bytes = Arc::new(Mutex::new(bytes));
                Ok(Ok(self.table.push(Reader { asset, bytes })?))
            }
            Err(error) => Ok(Err(error.into())),
        }
    }
}

impl blobs::HostWriter for CapabilityView<'_> {
    async fn write(
        &mut self,
        writer: Resource<Writer>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), blobs::Error>> {
        let writer = Arc::clone(&self.table.get(&writer)?.0);
        // The record has what tells bytes apart, not the bytes.
        let sent = SentBody {
            bytes: bytes.len() as u64,
            blake3: blake3::hash(&bytes).to_hex().to_string(),
        };
        let work = async {
            if bytes.len() > MAX_ASSET_CHUNK_BYTES {
                return Err(CapabilityError::Invalid(format!(
                    "at most {MAX_ASSET_CHUNK_BYTES} bytes are written at once, not {}",
                    bytes.len()
                )));
            }
            let mut writer = writer.lock().await;
            let mut open = writer.take().ok_or_else(finished)?;
            open.write(bytes).await?;
            *writer = Some(open);
            Ok(())
        };
        let asked = self.asked_assets("alcove:assets/blobs.writer.write");
        Ok(asked.through(&sent, work).await?.map_err(Into::into))
    }

    async fn finish(
        &mut self,
        writer: Resource<Writer>,
    ) -> wasmtime::Result<Result<String, blobs::Error>> {
        let writer = Arc::clone(&self.table.get(&writer)?.0);
        let work = async {
            let open = writer.lock().await.take().ok_or_else(finished)?;
            open.finish().await
        };
        let asked = self.asked_assets("alcove:assets/blobs.writer.finish");
        Ok(asked.through(&(), work).await?.map_err(Into::into))
    }

    async fn drop(&mut self, writer: Resource<Writer>) -> wasmtime::Result<()> {
        self.table.delete(writer)?;
        Ok(())
    }
}

impl blobs::HostReader for CapabilityView<'_> {
    async fn describe(&mut self, reader: Resource<Reader>) -> wasmtime::Result<blobs::Description> {
        let Asset {
            media_type,
            name,
            size,
        } = self.table.get(&reader)?.asset.clone();
        Ok(blobs::Description {
            media_type,
            name,
            size,
        })
    }

    async fn read(
        &mut self,
        reader: Resource<Reader>,
        most: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, blobs::Error>> {
        let bytes = Arc::clone(&self.table.get(&reader)?.bytes);
        let wanted = (most as usize).min(MAX_ASSET_CHUNK_BYTES);
        let work = async {
            let mut bytes = bytes.lock().await;
            let open = bytes.as_mut().ok_or_else(finished)?;
            Ok(Bytes::from(open.read(wanted).await?))
        };
        let asked = self.asked_assets("alcove:assets/blobs.reader.read");
        let answer = asked.through(&most, work).await?;
        Ok(answer.map(Vec::from).map_err(Into::into))
    }

    async fn drop(&mut self, reader: Resource<Reader>) -> wasmtime::Result<()> {
        self.table.delete(reader)?;
        Ok(())
    }
}

fn finished() -> CapabilityError {
    CapabilityError::Invalid(
        "nothing can be written to an asset that is finished or failed".to_owned(),
    )
}

impl From<CapabilityError> for blobs::Error {
    fn from(error: CapabilityError) -> blobs::Error {
        let text = error.to_string();
        match error {
            CapabilityError::Denied { .. } => blobs::Error::Denied(text),
            CapabilityError::Limit { .. } => blobs::Error::Quota(text),
            CapabilityError::NotFound(_) => blobs::Error::NotFound(text),
            CapabilityError::Invalid(_) => blobs::Error::Invalid(text),
            CapabilityError::Unavailable(_) => blobs::Error::Unavailable(text),
        }
    }
}
