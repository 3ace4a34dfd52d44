//! Checkpoints on the wire.

use alcove_api_types as wire;
use alcove_core::checkpoint::{Drift, DriftKind};

use crate::store::log::Checkpoint;

/// A checkpoint on the wire.
pub fn to_wire(checkpoint: Checkpoint) -> wire::Checkpoint {
    let label = checkpoint.label;
    wire::Checkpoint {
        id: checkpoint.id.to_string(),
        conversation_id: checkpoint.conversation.to_string(),
        name: label.name,
        version: checkpoint.version,
        note: label.note,
        hash: label.hash,
        items: label.items,
        files: label.files,
        created_at_ms: checkpoint.created_at_ms,
    }
}

/// What is not as it was, and whether anything is not.
pub fn drift_to_wire(drift: Vec<Drift>) -> (wire::Fidelity, Vec<wire::Drift>) {
    let fidelity = match drift.is_empty() {
        true => wire::Fidelity::Exact,
        false => wire::Fidelity::Degraded,
    };
    let drift = drift.into_iter().map(|drift| wire::Drift {
        kind: match drift.kind {
            DriftKind::Item => "item",
            DriftKind::Model => "model",
            DriftKind::Grant => "grant",
            DriftKind::Component => "component",
            DriftKind::Asset => "asset",
        }
        .to_owned(),
        subject: drift.subject,
        message: drift.message,
    });
    (fidelity, drift.collect())
}
