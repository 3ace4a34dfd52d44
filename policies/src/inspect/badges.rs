//! What can be said of a plugin from its imports and its policy.

use crate::quantity::show_bytes;
use crate::{Access, Authority};

use super::{Class, Inspection, capability};

/// One statement about a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// What it is about: `network`, `files`, or a capability of ours.
    pub subject: String,
    /// How strong it is.
    pub kind: BadgeKind,
    /// In words: "cannot ask for the network".
    pub text: String,
}

/// How strong a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadgeKind {
    /// The import is not in the binary: true whatever this host does.
    CannotAsk,
    /// The import is there and leads to refusals: true while this host is right.
    Refused,
    /// The import is there and the policy opens some of it.
    Granted,
}

/// What holds for a component under a policy; without one nothing is granted.
#[must_use]
pub fn badges(inspection: &Inspection, policy: Option<&Authority>) -> Vec<Badge> {
    let mut badges = vec![network(inspection, policy), files(inspection, policy)];
    let mut others: Vec<&str> = inspection
        .imports
        .iter()
        .filter(|import| import.class == Class::Authority)
        .filter_map(|import| capability(&import.name))
        .filter(|capability| *capability != "http")
        .collect();
    others.sort_unstable();
    others.dedup();
    badges.extend(others.into_iter().map(|subject| {
        match policy.and_then(|policy| opened(subject, policy)) {
            Some(text) => badge(subject, BadgeKind::Granted, text),
            None => badge(
                subject,
                BadgeKind::Refused,
                format!("{subject} refused by this host"),
            ),
        }
    }));
    badges
}

/// What a policy opens of a capability of ours, in words.
fn opened(subject: &str, policy: &Authority) -> Option<String> {
    match subject {
        "state" => policy
            .state()
            .map(|grant| format!("may keep {} for each user", show_bytes(grant.quota_bytes))),
        "assets" => policy.assets().map(|grant| {
            format!(
                "may make assets of {} a call",
                show_bytes(grant.quota_bytes)
            )
        }),
        "inference" => policy
            .inference()
            .map(|grant| format!("may ask the models {}", grant.models.join(", "))),
        "delegate" => policy.delegate().map(|grant| {
            let tools: Vec<String> = grant.tools.iter().map(ToString::to_string).collect();
            format!("may call {}", tools.join(", "))
        }),
        _ => None,
    }
}

fn asks_for(inspection: &Inspection, wanted: &str, class: Class) -> bool {
    inspection
        .imports
        .iter()
        .any(|import| import.class == class && capability(&import.name) == Some(wanted))
}

fn network(inspection: &Inspection, policy: Option<&Authority>) -> Badge {
    let http = asks_for(inspection, "http", Class::Authority);
    let sockets = asks_for(inspection, "sockets", Class::Deniable);
    match policy {
        _ if !http && !sockets => badge(
            "network",
            BadgeKind::CannotAsk,
            "cannot ask for the network".to_owned(),
        ),
        Some(policy) if http && policy.has_http() => {
            let mut targets = policy.http_summary();
            targets.sort_unstable();
            targets.dedup();
            badge(
                "network",
                BadgeKind::Granted,
                format!("may send requests to {}", targets.join(", ")),
            )
        }
        _ => badge(
            "network",
            BadgeKind::Refused,
            "network refused by this host".to_owned(),
        ),
    }
}

fn files(inspection: &Inspection, policy: Option<&Authority>) -> Badge {
    if !asks_for(inspection, "files", Class::Deniable) {
        return badge(
            "files",
            BadgeKind::CannotAsk,
            "cannot ask for files".to_owned(),
        );
    }
    let grants = policy.map_or(&[][..], |policy| policy.files());
    if grants.is_empty() {
        return badge(
            "files",
            BadgeKind::Refused,
            "files refused by this host".to_owned(),
        );
    }
    let mounts: Vec<String> = grants
        .iter()
        .map(|grant| match grant.access {
            Access::ReadOnly => format!("read {} ({})", grant.mount, grant.source),
            Access::ReadWrite => format!("read and write {} ({})", grant.mount, grant.source),
        })
        .collect();
    badge(
        "files",
        BadgeKind::Granted,
        format!("may {}", mounts.join(", ")),
    )
}

fn badge(subject: &str, kind: BadgeKind, text: String) -> Badge {
    Badge {
        subject: subject.to_owned(),
        kind,
        text,
    }
}
