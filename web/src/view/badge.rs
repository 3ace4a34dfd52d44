//! What a badge looks like.

use alcove_api_types::{Badge, BadgeKind};

/// What the server says this of runs outside the sandbox.
const NOT_SANDBOXED: &str = "sandbox";

/// Whether what the badges say is proven from a component's imports.
pub(super) fn are_proven(badges: &[Badge]) -> bool {
    badges.iter().all(|badge| badge.subject != NOT_SANDBOXED)
}

/// Green is what is proven; amber what nothing holds back.
pub(super) fn class_of(badge: &Badge) -> &'static str {
    match badge.kind {
        _ if badge.subject == NOT_SANDBOXED => "badge flag",
        BadgeKind::CannotAsk | BadgeKind::Refused => "badge proven",
        BadgeKind::Granted => "badge",
    }
}
