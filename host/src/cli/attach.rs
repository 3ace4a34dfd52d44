//! Files and folders that `alcove chat` puts into a conversation.

use std::path::{Path, PathBuf};

use alcove_api_types::{ConversationSummary, CreateConversation, WorkspaceFile, WorkspaceFiles};
use anyhow::{Context, bail};

use super::client::{Client, segment};
use super::{folder, output};
use crate::models::human_bytes;
use crate::workspaces::FilePath;

/// Something that a person named: a file, or a folder with its files.
struct Chosen {
    /// What it is called in the conversation.
    name: String,
    is_folder: bool,
    /// Its files here, their paths there, and their bytes.
    files: Vec<(PathBuf, String, u64)>,
}

impl Chosen {
    fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, _, bytes)| bytes).sum()
    }

    fn look(path: &Path) -> anyhow::Result<Chosen> {
        let cannot = || format!("cannot read `{}`", path.display());
        let is_folder = std::fs::metadata(path).with_context(cannot)?.is_dir();
        // A name such as `.` is none.
        let path = path.canonicalize().with_context(cannot)?;
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.with_context(|| format!("`{}` has no name in UTF-8", path.display()))?;
        let here = if is_folder {
            let below = folder::files(&path)?.into_iter();
            let named = below.map(|below| (path.join(&below), format!("{name}/{below}")));
            named.collect()
        } else {
            vec![(path.clone(), name.to_owned())]
        };
        let mut files = Vec::with_capacity(here.len());
        for (file, there) in here {
            FilePath::parse(&there).with_context(|| format!("`{there}` can't be attached"))?;
            let found = std::fs::metadata(&file)
                .with_context(|| format!("cannot read `{}`", file.display()))?;
            if !found.is_file() {
                bail!("`{}` is neither a file nor a folder", file.display());
            }
            files.push((file, there, found.len()));
        }
        Ok(Chosen {
            name: name.to_owned(),
            is_folder,
            files,
        })
    }
}

/// Puts files and folders into a conversation, a new one where there is none yet.
///
/// Returns the conversation and what was attached by the names that it has there; a folder's ends
/// in a slash.
pub(super) async fn attach(
    client: &Client,
    conversation: Option<String>,
    paths: &[PathBuf],
) -> anyhow::Result<(String, Vec<WorkspaceFile>)> {
    // All are looked at before the first is sent.
    let mut chosen = Vec::new();
    for path in paths {
        let path = path.clone();
        chosen.push(tokio::task::spawn_blocking(move || Chosen::look(&path)).await??);
    }
    let conversation = match conversation {
        Some(id) => id,
        None => {
            let title = chosen.first().map_or("Files", |one| &one.name).to_owned();
            let begun: ConversationSummary = client
                .post("/api/conversations", &CreateConversation { title })
                .await?;
            begun.id
        }
    };
    let folder = format!("/api/conversations/{}/files", segment(&conversation));
    let listed: WorkspaceFiles = client.get(&folder).await?;
    let room = listed.max_bytes.saturating_sub(listed.bytes);
    let wanted: u64 = chosen.iter().map(Chosen::bytes).sum();
    if wanted > room {
        bail!(
            "{} do not fit: this conversation's files have {} left",
            human_bytes(wanted),
            human_bytes(room)
        );
    }
    let mut attached = Vec::new();
    for one in &chosen {
        let within = format!("{}/", one.name);
        let is_taken =
            |file: &WorkspaceFile| file.path == one.name || file.path.starts_with(&within);
        if listed.files.iter().any(is_taken) {
            bail!(
                "the conversation has a file or folder `{}` already: rename yours, or remove that one",
                one.name
            );
        }
        if one.is_folder {
            let size = human_bytes(one.bytes());
            output::note(&format!(
                "Attaching {}: {} files, {size}",
                within,
                one.files.len()
            ))?;
        }
        for (file, there, _) in &one.files {
            let parts: Vec<_> = there.split('/').map(segment).collect();
            client
                .put_file(&format!("{folder}/{}", parts.join("/")), file)
                .await
                .with_context(|| format!("`{}` was not attached", file.display()))?;
        }
        attached.push(WorkspaceFile {
            path: if one.is_folder {
                within
            } else {
                one.name.clone()
            },
            bytes: one.bytes(),
            modified_at_ms: 0,
        });
    }
    Ok((conversation, attached))
}
