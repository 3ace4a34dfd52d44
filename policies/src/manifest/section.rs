//! The custom section that holds the manifest: put into a component, taken out of a core module.

use std::ops::Range;

use wasm_encoder::{ComponentSection, CustomSection};

use super::{Manifest, ManifestError, SECTION};

const MAGIC: &[u8] = b"\0asm";
const COMPONENT: &[u8] = &[0x0d, 0x00, 0x01, 0x00];
const CORE_MODULE: &[u8] = &[0x01, 0x00, 0x00, 0x00];
const HEADER_BYTES: usize = 8;

/// Why a manifest could not be put in or taken out.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The bytes are something else.
    #[error("not a WebAssembly {0}")]
    Not(&'static str),
    /// A section does not end where it says.
    #[error("the section at byte {0} is cut off")]
    CutOff(usize),
    /// There are several manifests, and which one counts cannot be said.
    #[error("there is more than one `{SECTION}` section")]
    Several,
    /// The manifest is not valid.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

/// Puts `manifest` into `component`, as the one such section at its top level: one that is already
/// there is replaced. Nothing else changes.
///
/// # Errors
/// Bytes that are no component, or a manifest that [`Manifest::parse`] would refuse.
pub fn embed(component: &[u8], manifest: &Manifest) -> Result<Vec<u8>, EmbedError> {
    if !is_component(component) {
        return Err(EmbedError::Not("component"));
    }
    let json = manifest.to_json();
    Manifest::parse(&json)?;
    let (mut bytes, _) = without_manifest(component)?;
    CustomSection {
        name: SECTION.into(),
        data: json.into(),
    }
    .append_to_component(&mut bytes);
    Ok(bytes)
}

/// Takes the manifest that the SDK's macro wrote out of a core module, before the module becomes
/// a component: gives the module without it, and the manifest where there was one.
///
/// # Errors
/// Bytes that are no core module, several manifests, or one that is not valid.
pub fn split(core_module: &[u8]) -> Result<(Vec<u8>, Option<Manifest>), EmbedError> {
    if !is_core_module(core_module) {
        return Err(EmbedError::Not("core module"));
    }
    let (bytes, found) = without_manifest(core_module)?;
    let manifest = match found.as_slice() {
        [] => None,
        [range] => Some(Manifest::parse(&core_module[range.clone()])?),
        _ => return Err(EmbedError::Several),
    };
    Ok((bytes, manifest))
}

pub(crate) fn is_component(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) && bytes[MAGIC.len()..].starts_with(COMPONENT)
}

pub(crate) fn is_core_module(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) && bytes[MAGIC.len()..].starts_with(CORE_MODULE)
}

/// The bytes without top-level manifest sections, and where the contents of those were.
fn without_manifest(bytes: &[u8]) -> Result<(Vec<u8>, Vec<Range<usize>>), EmbedError> {
    let mut kept = bytes[..HEADER_BYTES].to_vec();
    let mut found = Vec::new();
    let mut start = HEADER_BYTES;
    while start < bytes.len() {
        let cut_off = || EmbedError::CutOff(start);
        let (size, content) = leb128(bytes, start + 1).ok_or_else(cut_off)?;
        let end = content
            .checked_add(size)
            .filter(|end| *end <= bytes.len())
            .ok_or_else(cut_off)?;
        match manifest_content(bytes, bytes[start], content..end) {
            Some(range) => found.push(range),
            None => kept.extend_from_slice(&bytes[start..end]),
        }
        start = end;
    }
    Ok((kept, found))
}

/// The content of a custom section with the manifest's name.
fn manifest_content(bytes: &[u8], id: u8, section: Range<usize>) -> Option<Range<usize>> {
    if id != 0 {
        return None;
    }
    let (length, name) = leb128(bytes, section.start)?;
    let data = name.checked_add(length).filter(|end| *end <= section.end)?;
    (bytes[name..data] == *SECTION.as_bytes()).then_some(data..section.end)
}

/// An unsigned 32-bit LEB128 number at `at`, and where the bytes after it begin.
fn leb128(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut value: u64 = 0;
    for index in 0..5 {
        let byte = *bytes.get(at + index)?;
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).ok()?;
            return Some((usize::try_from(value).ok()?, at + index + 1));
        }
    }
    None
}
