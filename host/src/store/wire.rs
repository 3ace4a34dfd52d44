//! Items as the wire has them, and back.

use alcove_api_types as wire;
use alcove_core::ids::ItemId;
use alcove_core::item;
use alcove_core::passage::Citation;
use alcove_core::route;

pub use super::wire_parts::{citation, citation_to_wire, part, part_to_wire};

/// An item on the wire.
pub fn item(item: &item::Item) -> wire::Item {
    payload(item.id, &item.payload)
}

/// An item on the wire, from its id and what is known of its content.
pub fn payload(id: ItemId, payload: &item::Payload) -> wire::Item {
    match payload {
        item::Payload::Message {
            role,
            text,
            status,
            citations,
        } => wire::Item::Message(wire::Message {
            id: id.to_string(),
            role: role_to_wire(*role),
            status: status_to_wire(*status),
            content: vec![content(*role, text, citations)],
        }),
        item::Payload::ToolCall(call) => wire::Item::ToolCall(call_to_wire(id, call)),
    }
}

/// A route on the wire.
pub fn route(route: route::Route) -> wire::Route {
    wire::Route {
        specialist: match route.specialist {
            route::Specialist::General => wire::Specialist::General,
            route::Specialist::Code => wire::Specialist::Code,
        },
        reason: route.reason,
    }
}

/// A specialist from the wire.
pub fn specialist(specialist: wire::Specialist) -> route::Specialist {
    match specialist {
        wire::Specialist::General => route::Specialist::General,
        wire::Specialist::Code => route::Specialist::Code,
    }
}

fn content(role: item::Role, text: &str, citations: &[Citation]) -> wire::ContentPart {
    let text = text.to_owned();
    match role {
        item::Role::Assistant => wire::ContentPart::OutputText {
            text,
            annotations: citations.iter().map(citation_to_wire).collect(),
        },
        item::Role::User | item::Role::System | item::Role::Developer => {
            wire::ContentPart::InputText { text }
        }
    }
}

fn call_to_wire(id: ItemId, call: &item::ToolCall) -> wire::ToolCall {
    let item::ToolCall {
        status,
        plugin,
        digest,
        tool,
        title,
        arguments,
        badges,
        outcome,
        output,
        usage,
        record: _,
        answered,
        label,
        fetched,
    } = call;
    wire::ToolCall {
        id: id.to_string(),
        status: status_to_wire(*status),
        plugin: plugin.clone(),
        digest: digest.clone(),
        tool: tool.clone(),
        title: title.clone(),
        arguments: arguments.clone(),
        badges: badges.iter().map(badge_to_wire).collect(),
        outcome: outcome.as_ref().map(outcome_to_wire),
        output: output.iter().map(part_to_wire).collect(),
        usage: usage.as_ref().map(usage_to_wire),
        awaiting: None,
        answered: answered.as_ref().map(answered_to_wire),
        label: label.map(label_to_wire),
        fetched: *fetched,
    }
}

/// A tool call as the log keeps it. Its reference to a host record is set when it is appended.
pub fn call(call: &wire::ToolCall) -> item::ToolCall {
    let wire::ToolCall {
        id: _,
        status,
        plugin,
        digest,
        tool,
        title,
        arguments,
        badges,
        outcome,
        output,
        usage,
        // What a call waits for ends with the run.
        awaiting: _,
        answered,
        label,
        fetched,
    } = call;
    item::ToolCall {
        status: match status {
            wire::ItemStatus::InProgress => item::ItemStatus::InProgress,
            wire::ItemStatus::Completed => item::ItemStatus::Completed,
            wire::ItemStatus::Incomplete => item::ItemStatus::Incomplete,
        },
        plugin: plugin.clone(),
        digest: digest.clone(),
        tool: tool.clone(),
        title: title.clone(),
        arguments: arguments.clone(),
        badges: badges.iter().map(badge).collect(),
        outcome: outcome.as_ref().map(self::outcome),
        output: output.iter().map(part).collect(),
        usage: usage.as_ref().map(self::usage),
        record: None,
        answered: answered.as_ref().and_then(self::answered),
        label: label.map(self::label),
        fetched: *fetched,
    }
}

/// A role on the wire.
pub fn role_to_wire(role: item::Role) -> wire::Role {
    match role {
        item::Role::User => wire::Role::User,
        item::Role::Assistant => wire::Role::Assistant,
        item::Role::System => wire::Role::System,
        item::Role::Developer => wire::Role::Developer,
    }
}

/// A role from the wire.
pub fn role(role: wire::Role) -> item::Role {
    match role {
        wire::Role::User => item::Role::User,
        wire::Role::Assistant => item::Role::Assistant,
        wire::Role::System => item::Role::System,
        wire::Role::Developer => item::Role::Developer,
    }
}

/// A status on the wire.
pub fn status_to_wire(status: item::ItemStatus) -> wire::ItemStatus {
    match status {
        item::ItemStatus::InProgress => wire::ItemStatus::InProgress,
        item::ItemStatus::Completed => wire::ItemStatus::Completed,
        item::ItemStatus::Incomplete => wire::ItemStatus::Incomplete,
    }
}

fn badge_to_wire(badge: &item::Badge) -> wire::Badge {
    let item::Badge {
        subject,
        kind,
        text,
    } = badge;
    wire::Badge {
        subject: subject.clone(),
        kind: match kind {
            item::BadgeKind::CannotAsk => wire::BadgeKind::CannotAsk,
            item::BadgeKind::Refused => wire::BadgeKind::Refused,
            item::BadgeKind::Granted => wire::BadgeKind::Granted,
        },
        text: text.clone(),
    }
}

/// A badge from the wire.
pub fn badge(badge: &wire::Badge) -> item::Badge {
    let wire::Badge {
        subject,
        kind,
        text,
    } = badge;
    item::Badge {
        subject: subject.clone(),
        kind: match kind {
            wire::BadgeKind::CannotAsk => item::BadgeKind::CannotAsk,
            wire::BadgeKind::Refused => item::BadgeKind::Refused,
            wire::BadgeKind::Granted => item::BadgeKind::Granted,
        },
        text: text.clone(),
    }
}

/// An outcome on the wire.
pub fn outcome_to_wire(outcome: &item::ToolOutcome) -> wire::ToolOutcome {
    match outcome.clone() {
        item::ToolOutcome::Ok => wire::ToolOutcome::Ok,
        item::ToolOutcome::Failed { failure, message } => {
            wire::ToolOutcome::Failed { failure, message }
        }
        item::ToolOutcome::Denied {
            capability,
            message,
        } => wire::ToolOutcome::Denied {
            capability,
            message,
        },
        item::ToolOutcome::Limit { limit, message } => wire::ToolOutcome::Limit { limit, message },
        item::ToolOutcome::Trapped { message } => wire::ToolOutcome::Trapped { message },
    }
}

/// An outcome from the wire.
pub fn outcome(outcome: &wire::ToolOutcome) -> item::ToolOutcome {
    match outcome.clone() {
        wire::ToolOutcome::Ok => item::ToolOutcome::Ok,
        wire::ToolOutcome::Failed { failure, message } => {
            item::ToolOutcome::Failed { failure, message }
        }
        wire::ToolOutcome::Denied {
            capability,
            message,
        } => item::ToolOutcome::Denied {
            capability,
            message,
        },
        wire::ToolOutcome::Limit { limit, message } => item::ToolOutcome::Limit { limit, message },
        wire::ToolOutcome::Trapped { message } => item::ToolOutcome::Trapped { message },
    }
}

fn usage_to_wire(usage: &item::ToolUsage) -> wire::ToolUsage {
    let item::ToolUsage {
        wall_us,
        cpu_us,
        peak_memory_bytes,
        output_bytes,
    } = *usage;
    wire::ToolUsage {
        wall_us,
        cpu_us,
        peak_memory_bytes,
        output_bytes,
    }
}

/// What a call used, from the wire.
pub fn usage(usage: &wire::ToolUsage) -> item::ToolUsage {
    let wire::ToolUsage {
        wall_us,
        cpu_us,
        peak_memory_bytes,
        output_bytes,
    } = *usage;
    item::ToolUsage {
        wall_us,
        cpu_us,
        peak_memory_bytes,
        output_bytes,
    }
}

fn answered_to_wire(answered: &item::Answered) -> wire::Answered {
    let item::Answered { id, answer, at_ms } = *answered;
    wire::Answered {
        id: id.to_string(),
        answer: answer_kind_to_wire(answer),
        at_ms,
    }
}

/// An answer from the wire; `None` where its id is none of ours.
fn answered(answered: &wire::Answered) -> Option<item::Answered> {
    let wire::Answered { id, answer, at_ms } = answered;
    Some(item::Answered {
        id: id.parse().ok()?,
        answer: match answer {
            wire::AnswerKind::Once => item::AnswerKind::Once,
            wire::AnswerKind::Conversation => item::AnswerKind::Conversation,
            wire::AnswerKind::Denied => item::AnswerKind::Denied,
            wire::AnswerKind::Input => item::AnswerKind::Input,
            wire::AnswerKind::Unanswered => item::AnswerKind::Unanswered,
            wire::AnswerKind::Stopped => item::AnswerKind::Stopped,
            wire::AnswerKind::Interrupted => item::AnswerKind::Interrupted,
        },
        at_ms: *at_ms,
    })
}

/// How a question ended, on the wire.
pub fn answer_kind_to_wire(answer: item::AnswerKind) -> wire::AnswerKind {
    match answer {
        item::AnswerKind::Once => wire::AnswerKind::Once,
        item::AnswerKind::Conversation => wire::AnswerKind::Conversation,
        item::AnswerKind::Denied => wire::AnswerKind::Denied,
        item::AnswerKind::Input => wire::AnswerKind::Input,
        item::AnswerKind::Unanswered => wire::AnswerKind::Unanswered,
        item::AnswerKind::Stopped => wire::AnswerKind::Stopped,
        item::AnswerKind::Interrupted => wire::AnswerKind::Interrupted,
    }
}

fn label_to_wire(label: item::Label) -> wire::Label {
    match label {
        item::Label::Private => wire::Label::Private,
        item::Label::Public => wire::Label::Public,
    }
}

/// A label from the wire.
pub fn label(label: wire::Label) -> item::Label {
    match label {
        wire::Label::Private => item::Label::Private,
        wire::Label::Public => item::Label::Public,
    }
}
