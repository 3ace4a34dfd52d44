//! Files that `alcove chat` puts into a conversation.

use std::path::{Path, PathBuf};

use alcove_api_types::{ConversationSummary, CreateConversation, WorkspaceFile, WorkspaceFiles};
use anyhow::{Context, bail};

use super::client::{Client, segment};
use crate::models::human_bytes;

/// Puts files into a conversation, a new one where there is none yet.
///
/// Returns the conversation and the files by the names they have there.
pub(super) async fn attach(
    client: &Client,
    conversation: Option<String>,
    files: &[PathBuf],
) -> anyhow::Result<(String, Vec<WorkspaceFile>)> {
    // All are looked at before the first is sent.
    let mut checked = Vec::new();
    for path in files {
        let cannot = || format!("cannot read `{}`", path.display());
        let meta = tokio::fs::metadata(path).await.with_context(cannot)?;
        if !meta.is_file() {
            bail!(
                "`{}` is no file; a folder can't be attached",
                path.display()
            );
        }
        checked.push((path, name_of(path)?, meta.len()));
    }
    let conversation = match conversation {
        Some(id) => id,
        None => {
            let title = checked
                .first()
                .map_or("Files", |(_, name, _)| name)
                .to_owned();
            let begun: ConversationSummary = client
                .post("/api/conversations", &CreateConversation { title })
                .await?;
            begun.id
        }
    };
    let folder = format!("/api/conversations/{}/files", segment(&conversation));
    let listed: WorkspaceFiles = client.get(&folder).await?;
    let room = listed.max_bytes.saturating_sub(listed.bytes);
    let wanted: u64 = checked.iter().map(|(_, _, bytes)| bytes).sum();
    if wanted > room {
        bail!(
            "{} do not fit: this conversation's files have {} left",
            human_bytes(wanted),
            human_bytes(room)
        );
    }
    let mut attached = Vec::new();
    for (path, name, bytes) in checked {
        if listed.files.iter().any(|file| file.path == name) {
            bail!("the conversation has a file `{name}` already: rename yours, or remove that one");
        }
        let address = format!("{folder}/{}", segment(&name));
        client
            .put_file(&address, path)
            .await
            .with_context(|| format!("`{}` was not attached", path.display()))?;
        attached.push(WorkspaceFile {
            path: name,
            bytes,
            modified_at_ms: 0,
        });
    }
    Ok((conversation, attached))
}

fn name_of(path: &Path) -> anyhow::Result<String> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.with_context(|| format!("`{}` has no name in UTF-8", path.display()))?;
    Ok(name.to_owned())
}
