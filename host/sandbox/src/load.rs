//! From a file to a component that is ready to run.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use alcove_policies::inspect::{self, InspectError};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use wasmtime::Engine;
use wasmtime::component::Type;
use wasmtime::component::types;

use crate::bindings::ToolPre;
use crate::compile::CompileError;
use crate::component::{Component, Loaded};
use crate::entry::EntryPre;
use crate::sandbox::{Inner, Sandbox};
use crate::typed::TypedPre;

/// The most components that are ready at once. Others are loaded from disk again.
const MAX_LOADED: usize = 128;
/// What a tool exports.
const HANDLER: &str = "alcove:tool/handler@0.1.0";
/// What a component imports if it may open files.
const FILES: &str = "wasi:filesystem/";

/// Why a component is not ready.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// Its file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Its bytes are not those that were asked for.
    #[error("{} is not what was installed: its SHA-256 is not {digest}", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// What it should be.
        digest: String,
    },
    /// It is not a component that this host knows how to run.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// It could not be compiled.
    #[error("the component cannot be compiled")]
    Compile(#[from] CompileError),
    /// It does not export what a tool exports, or imports something in a form that the host does not
    /// have.
    #[error("the component is not a tool of this host: {0}")]
    NotATool(String),
    /// The folder for compiled components cannot be used.
    #[error("the compiled component cannot be kept")]
    Cache(#[source] io::Error),
    /// Something in the host broke while loading.
    #[error("loading the component failed in the host")]
    Host,
}

/// A component that is ready or being made ready.
pub(crate) struct Loading {
    digest: String,
    cell: OnceCell<Component>,
}

impl Sandbox {
    /// Makes the component at `wasm` ready, whose SHA-256 in hexadecimal is `digest`. The first time
    /// it is inspected and compiled; after that the compiled form is taken from the cache, and the
    /// file is not read.
    ///
    /// # Errors
    ///
    /// A file that is not what it should be, or not a component that can run here.
    pub async fn load(&self, wasm: &Path, digest: &str) -> Result<Component, LoadError> {
        let is_digest = digest.len() == 64
            && digest
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if !is_digest {
            return Err(LoadError::Digest {
                path: wasm.to_owned(),
                digest: digest.to_owned(),
            });
        }
        let loading = self.inner.loading(digest);
        // Two calls for the same component share one load; one that fails is tried again by the next.
        let component = loading
            .cell
            .get_or_try_init(|| self.load_now(wasm, digest))
            .await?;
        Ok(component.clone())
    }

    async fn load_now(&self, wasm: &Path, digest: &str) -> Result<Component, LoadError> {
        let inner = Arc::clone(&self.inner);
        let name = digest.to_owned();
        let cached = blocking(move || Ok(inner.cache.get(&inner.engine, &name))).await?;
        let compiled = match cached {
            Some(compiled) => compiled,
            None => self.compile(wasm, digest).await?,
        };
        self.inner.link(&compiled, digest)
    }

    async fn compile(
        &self,
        wasm: &Path,
        digest: &str,
    ) -> Result<wasmtime::component::Component, LoadError> {
        let _one_at_a_time = self
            .inner
            .compiling
            .acquire()
            .await
            .map_err(|_| LoadError::Host)?;
        let folder = blocking(|| tempfile::tempdir().map_err(LoadError::Cache)).await?;
        let input = folder.path().join("component.wasm");
        let output = folder.path().join("component.cwasm");
        // What is compiled is the copy that was checked, not what the file holds by then.
        let (from, to) = (wasm.to_owned(), input.clone());
        let expected = digest.to_owned();
        blocking(move || check(&from, &to, &expected)).await?;
        self.inner.compiler.run(&input, &output).await?;
        let inner = Arc::clone(&self.inner);
        let name = digest.to_owned();
        blocking(move || {
            inner
                .cache
                .put(&inner.engine, &name, &output)
                .map_err(LoadError::Cache)?;
            drop(folder);
            inner.cache.get(&inner.engine, &name).ok_or_else(|| {
                LoadError::NotATool("its compiled form does not fit this engine".to_owned())
            })
        })
        .await
    }
}

impl Inner {
    /// The place of a component in the list; the one that was used longest ago makes room.
    fn loading(&self, digest: &str) -> Arc<Loading> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let found = loaded.iter().position(|loading| loading.digest == digest);
        let loading = match found {
            Some(at) => loaded.remove(at),
            None => Arc::new(Loading {
                digest: digest.to_owned(),
                cell: OnceCell::new(),
            }),
        };
        if loaded.len() >= MAX_LOADED {
            loaded.remove(0);
        }
        loaded.push(Arc::clone(&loading));
        loading
    }

    fn link(
        &self,
        compiled: &wasmtime::component::Component,
        digest: &str,
    ) -> Result<Component, LoadError> {
        let not_a_tool = |error: wasmtime::Error| LoadError::NotATool(format!("{error:#}"));
        let wants_files = compiled
            .component_type()
            .imports(&self.engine)
            .any(|(name, _)| name.starts_with(FILES));
        let pre = self.linker.instantiate_pre(compiled).map_err(not_a_tool)?;
        let ty = compiled.component_type();
        let pre = if speaks_tool(&ty, &self.engine) {
            EntryPre::Tool(ToolPre::new(pre).map_err(not_a_tool)?)
        } else if ty.get_export(&self.engine, HANDLER).is_none()
            && let Some(typed) = TypedPre::new(&self.engine, pre)
        {
            EntryPre::Typed(typed)
        } else {
            return Err(LoadError::NotATool(format!(
                "it does not export `invoke` of {HANDLER} with the types of that contract, nor \
                 functions of its own"
            )));
        };
        Ok(Component {
            inner: Arc::new(Loaded {
                digest: digest.to_owned(),
                pre,
                wants_files,
            }),
        })
    }
}

/// Whether the component exports the contract's function with the contract's shape. Details are
/// checked when it is instantiated; this is so that what is far off is not installed.
fn speaks_tool(component: &types::Component, engine: &Engine) -> bool {
    let Some(types::ComponentItem::ComponentInstance(handler)) = component
        .get_export(engine, HANDLER)
        .map(|export| export.ty)
    else {
        return false;
    };
    let Some(types::ComponentItem::ComponentFunc(invoke)) =
        handler.get_export(engine, "invoke").map(|export| export.ty)
    else {
        return false;
    };
    let params: Vec<_> = invoke.params().map(|(_, ty)| ty).collect();
    let results: Vec<_> = invoke.results().collect();
    let is_result = match results.as_slice() {
        [Type::Result(result)] => {
            matches!(result.ok(), Some(Type::List(parts)) if matches!(parts.ty(), Type::Record(_)))
                && matches!(result.err(), Some(Type::Record(_)))
        }
        _ => false,
    };
    params == [Type::String, Type::String] && is_result
}

/// Copies `from` to `to` if it has the expected digest and is a component that may run here.
fn check(from: &Path, to: &Path, expected: &str) -> Result<(), LoadError> {
    let wasm = std::fs::read(from).map_err(|source| LoadError::Read {
        path: from.to_owned(),
        source,
    })?;
    if hex::encode(Sha256::digest(&wasm)) != expected {
        return Err(LoadError::Digest {
            path: from.to_owned(),
            digest: expected.to_owned(),
        });
    }
    inspect::inspect(&wasm)?;
    std::fs::write(to, wasm).map_err(LoadError::Cache)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| LoadError::Host)?
}
