//! `[[files]]`: folders that a plugin sees.

use std::fmt;
use std::path::PathBuf;

use crate::PolicyError;
use crate::limits::read_bytes;
use crate::section::Section;

/// A folder that is mounted into the plugin's file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileGrant {
    /// Where the plugin sees it: an absolute path such as `/workspace`.
    pub mount: String,
    /// What is there.
    pub source: FileSource,
    /// What the plugin may do with it.
    pub access: Access,
    /// `quota`: the bytes in the folder above which nothing more is written. Default `256 MiB` for a
    /// conversation's workspace, none for a folder that an admin opens.
    pub quota_bytes: Option<u64>,
    /// The line of the policy that grants it.
    pub line: u32,
}

/// Which folder is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSource {
    /// `conversation-workspace`: the folder that belongs to the conversation.
    ConversationWorkspace,
    /// `folder:/path`: a folder of the machine that an admin opens.
    Folder(PathBuf),
}

impl fmt::Display for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConversationWorkspace => f.write_str("conversation-workspace"),
            Self::Folder(path) => write!(f, "folder:{}", path.display()),
        }
    }
}

/// What a plugin may do in a mounted folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// `read-only`.
    ReadOnly,
    /// `read-write`.
    ReadWrite,
}

const QUOTA_BYTES: (u64, u64) = (4 << 10, 1 << 40);
const DEFAULT_WORKSPACE_BYTES: u64 = 256 << 20;
/// At most this many folders.
pub(crate) const MAX_GRANTS: usize = 16;
/// A mount point or folder is at most this long.
const MAX_PATH_BYTES: usize = 1_024;

impl FileGrant {
    pub(crate) fn read(section: &Section<'_>) -> Result<Self, PolicyError> {
        section.only_known()?;

        let mount = section.require("mount")?;
        let mount_path = mount.text()?;
        if !is_plain_absolute(mount_path) {
            return Err(
                mount.error("must be an absolute path without \".\", \"..\" or a slash at its end")
            );
        }

        let source = section.require("source")?;
        let source_text = source.text()?;
        let source_value = match source_text.strip_prefix("folder:") {
            Some(path) if is_plain_absolute(path) => FileSource::Folder(PathBuf::from(path)),
            Some(_) => {
                return Err(source.error("must name a folder by its absolute path, without \"..\""));
            }
            None if source_text == "conversation-workspace" => FileSource::ConversationWorkspace,
            None => {
                return Err(source.error(
                    "is unknown; use \"conversation-workspace\" or \"folder:/absolute/path\"",
                ));
            }
        };

        let access = section.require("access")?;
        let access = match access.text()? {
            "read-only" => Access::ReadOnly,
            "read-write" => Access::ReadWrite,
            _ => return Err(access.error("must be \"read-only\" or \"read-write\"")),
        };

        let quota_bytes = match (section.get("quota"), &source_value) {
            (Some(entry), _) => Some(read_bytes(&entry, QUOTA_BYTES)?),
            (None, FileSource::ConversationWorkspace) => Some(DEFAULT_WORKSPACE_BYTES),
            (None, FileSource::Folder(_)) => None,
        };

        Ok(Self {
            mount: mount_path.to_owned(),
            source: source_value,
            access,
            quota_bytes,
            line: section.line(),
        })
    }
}

impl FileGrant {
    /// Whether it allows all that another does for the same place.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.mount == other.mount
            && self.source == other.source
            && (other.access == Access::ReadOnly
                || (self.access == Access::ReadWrite && self.room() >= other.room()))
    }

    /// Makes it allow what either does, for the same folder at the same place.
    pub(crate) fn or(&mut self, other: &Self) {
        if other.access == Access::ReadWrite && !self.covers(other) {
            let writes = self.access == Access::ReadWrite;
            if !writes || other.room() > self.room() {
                self.quota_bytes = other.quota_bytes;
            }
            self.access = Access::ReadWrite;
            self.line = other.line;
        }
    }

    /// Leaves what both allow, for the same folder at the same place.
    pub(crate) fn and(&mut self, other: &Self) {
        if other.access == Access::ReadOnly {
            self.access = Access::ReadOnly;
        }
        if other.room() < self.room() {
            self.quota_bytes = other.quota_bytes;
        }
    }

    fn room(&self) -> u64 {
        self.quota_bytes.unwrap_or(u64::MAX)
    }
}

/// `/a/b`: absolute, no empty, `.` or `..` part, nothing that a C library would misread.
pub(crate) fn is_plain_absolute(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else {
        return false;
    };
    path.len() <= MAX_PATH_BYTES
        && !path.chars().any(char::is_control)
        && rest
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
}
