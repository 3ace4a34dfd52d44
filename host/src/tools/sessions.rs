//! Calls of session tools: the instance of the path is found alive, or made again.
//!
//! Making it again runs the path's calls once more, with everything that they were told then: clock
//! readings, random bytes, answers to requests. Nothing is sent again. What they return is compared. A call that was killed is left out, and
//! the person and the model are told.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use alcove_api_types::{ToolOutcome, ToolPart};
use alcove_policies::manifest::Tool;
use alcove_policies::schema;
use alcove_sandbox::{
    Component, Grant, Invocation, Mount, Outcome, Progress, Report, Sandbox, Session,
};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::PriorCall;
use super::call::ANSWER;
use super::consent::APPROVAL;
use super::outcome::{PLUGIN, is_note, note, translate};

/// How many calls are run again at most; a longer path begins anew, and says so.
const MAX_REPLAYED_CALLS: usize = 256;
/// How long running them again may take.
const MAX_REPLAY: Duration = Duration::from_secs(60);
/// How often a restore is begun again without a call that ended its instance.
const MAX_RESTARTS: usize = 3;

/// An instance that stands where the path does, and what there is to say about that.
pub(super) struct Restored {
    pub(super) session: Session,
    pub(super) notes: Vec<ToolPart>,
}

/// What there is to restore from.
pub(super) struct Restore<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) component: &'a Component,
    pub(super) grant: &'a Grant,
    pub(super) digest: &'a str,
    pub(super) tools: &'a [Tool],
    pub(super) prior: &'a [PriorCall],
    pub(super) cancel: &'a CancellationToken,
    pub(super) progress: &'a mpsc::Sender<Progress>,
}

/// Whether a call on the path reached its component at all.
pub(super) fn ran(call: &PriorCall, tools: &[Tool]) -> bool {
    match &call.outcome {
        ToolOutcome::Denied { capability, .. }
            if [PLUGIN, APPROVAL].contains(&capability.as_str()) =>
        {
            false
        }
        ToolOutcome::Limit { limit, .. } if is_admission(limit) => false,
        _ => tools
            .iter()
            .find(|tool| tool.name == call.tool)
            .is_some_and(|tool| {
                let mut arguments: Value =
                    serde_json::from_str(&call.arguments).unwrap_or_default();
                // A person's answer is no argument. One that a model made up was refused, and
                // such a call ran under nothing.
                if let (Some(_), Value::Object(fields)) = (&call.record.under, &mut arguments) {
                    fields.remove(ANSWER);
                }
                schema::validate(&tool.input, &arguments).is_ok()
            }),
    }
}

/// Whether a limit is one that is looked at before a call begins.
fn is_admission(limit: &str) -> bool {
    ["calls", "concurrency", "arguments"].contains(&limit)
}

/// Whether a call was ended from outside, and its instance with it.
fn was_killed(call: &PriorCall) -> bool {
    matches!(
        call.outcome,
        ToolOutcome::Limit { .. } | ToolOutcome::Trapped { .. }
    )
}

/// What running a path again found.
#[derive(Default)]
struct Findings {
    killed: usize,
    differing: usize,
    is_other_component: bool,
}

enum Replay {
    Done(Session, Findings),
    /// The call at this place ended its instance.
    Died(usize),
    /// Too long, in calls or in time.
    OverBudget,
}

impl Restore<'_> {
    /// An instance on which every call of the path that can be has been run.
    pub(super) async fn run(&self) -> Result<Restored, Box<Report>> {
        let calls: Vec<&PriorCall> = self
            .prior
            .iter()
            .filter(|call| ran(call, self.tools))
            .collect();
        let mut left_out = Vec::new();
        for _ in 0..=MAX_RESTARTS {
            match self.replay(&calls, &left_out).await? {
                Replay::Done(session, findings) => {
                    let notes = describe(&findings, left_out.len());
                    return Ok(Restored { session, notes });
                }
                Replay::Died(place) => left_out.push(place),
                Replay::OverBudget => break,
            }
        }
        let session = self
            .sandbox
            .open_session(self.component, self.grant.clone());
        Ok(Restored {
            session: session.await.map_err(Box::new)?,
            notes: vec![note(
                "The session could not be restored and begins anew: variables and definitions of earlier calls are gone."
                    .to_owned(),
            )],
        })
    }

    async fn replay(
        &self,
        calls: &[&PriorCall],
        left_out: &[usize],
    ) -> Result<Replay, Box<Report>> {
        let mut session = self
            .sandbox
            .open_session(self.component, self.grant_as_then(calls))
            .await
            .map_err(Box::new)?;
        let mut findings = Findings::default();
        if calls.len() > MAX_REPLAYED_CALLS {
            return Ok(Replay::OverBudget);
        }
        let started = Instant::now();
        for (place, call) in calls.iter().enumerate() {
            findings.is_other_component |= call.digest != self.digest;
            if was_killed(call) {
                findings.killed += 1;
                continue;
            }
            if left_out.contains(&place) {
                continue;
            }
            self.tell(place, calls.len());
            let report = session.call(self.again(call)).await;
            if self.is_over(&report.outcome) {
                return Err(Box::new(report));
            }
            if !session.is_alive() {
                return Ok(Replay::Died(place));
            }
            let is_told_the_same = report.divergence.is_none();
            findings.differing += usize::from(!is_told_the_same || !is_same(call, report.outcome));
            if started.elapsed() > MAX_REPLAY {
                return Ok(Replay::OverBudget);
            }
        }
        Ok(Replay::Done(session, findings))
    }

    /// The grant, with every folder that the calls saw: one that it does not mount is empty and
    /// refuses, but a guest that finds no folder where there was one asks other questions.
    fn grant_as_then(&self, calls: &[&PriorCall]) -> Grant {
        let mut grant = self.grant.clone();
        let under = calls.iter().filter_map(|call| call.record.under.as_ref());
        for (seen, _) in under.flat_map(|under| &under.mounts) {
            if !grant.mounts.iter().any(|mount| mount.guest == *seen) {
                grant.mounts.push(Mount {
                    guest: seen.clone(),
                    host: PathBuf::new(),
                    writable: false,
                });
            }
        }
        grant
    }

    /// Whether the call that this is for ends here: stopped, revoked, or refused for its rate, in
    /// which case it may be tried again later with nothing lost.
    fn is_over(&self, outcome: &Outcome) -> bool {
        let is_refused = matches!(outcome, Outcome::Limit(hit) if is_admission(hit.name));
        is_refused || self.cancel.is_cancelled() || self.grant.lease.is_cancelled()
    }

    fn again(&self, call: &PriorCall) -> Invocation {
        Invocation {
            cancel: self.cancel.clone(),
            replay: Some(call.record.clone()),
            locale: call.record.locale.clone(),
            ..Invocation::new(call.tool.as_str(), call.arguments.as_str())
        }
    }

    fn tell(&self, place: usize, of: usize) {
        // A full channel loses it: progress never slows a call down.
        let _ = self.progress.try_send(Progress {
            permille: Some((place * 1000 / of.max(1)) as u32),
            note: format!("Restoring the session: call {} of {of}", place + 1),
            log: None,
        });
    }
}

/// Whether a call ended as it did the first time.
pub(super) fn is_same(call: &PriorCall, again: Outcome) -> bool {
    // An asset of the first time is what a repeated call returns: its record says so.
    let asset = |id: &str| call.output.iter().find(|part| part.value == id).cloned();
    let (outcome, output) = translate(again, asset);
    // Where a text stands in its source is the host's, and no part of what the tool said.
    let said = |part: &ToolPart| ToolPart {
        passage: None,
        ..part.clone()
    };
    outcome == call.outcome
        && output
            .iter()
            .map(said)
            .eq(call.output.iter().filter(|part| !is_note(part)).map(said))
}

fn describe(findings: &Findings, died: usize) -> Vec<ToolPart> {
    let calls = |count: usize| match count {
        1 => "1 earlier call".to_owned(),
        count => format!("{count} earlier calls"),
    };
    let mut sentences = Vec::new();
    if findings.killed > 0 {
        sentences.push(format!(
            "{} had been stopped or had crashed and left nothing behind.",
            calls(findings.killed)
        ));
    }
    if died > 0 {
        sentences.push(format!(
            "{} could not be repeated, so what it defined is gone.",
            calls(died)
        ));
    }
    if findings.differing > 0 {
        sentences.push(format!(
            "{} gave another result when repeated, so variables may differ.",
            calls(findings.differing)
        ));
    }
    if findings.is_other_component {
        sentences.push("The tool has been updated since.".to_owned());
    }
    if sentences.is_empty() {
        return Vec::new();
    }
    vec![note(format!(
        "The session was restored. {}",
        sentences.join(" ")
    ))]
}

#[cfg(test)]
mod tests {
    use super::*;

    use alcove_core::ids::ItemId;
    use alcove_sandbox::{Audience, Content, HostRecord, Part};
    use serde_json::json;

    fn tools() -> Vec<Tool> {
        vec![Tool {
            name: "python".into(),
            title: "Python".into(),
            description: "Runs code.".into(),
            input: json!({
                "type": "object",
                "properties": {"code": {"type": "string"}},
                "required": ["code"],
                "additionalProperties": false
            }),
            output: None,
            effects: vec![],
            files: Vec::new(),
            examples: vec![],
            code: None,
        }]
    }

    fn prior(arguments: &str, outcome: ToolOutcome) -> PriorCall {
        PriorCall {
            item: ItemId::generate(),
            plugin: "alcove/python".into(),
            digest: "00".into(),
            tool: "python".into(),
            arguments: arguments.into(),
            outcome,
            output: vec![],
            record: HostRecord::default(),
        }
    }

    fn limit(name: &str) -> ToolOutcome {
        ToolOutcome::Limit {
            limit: name.into(),
            message: String::new(),
        }
    }

    #[test]
    fn what_never_reached_the_component_is_not_run_later() {
        let good = r#"{"code":"x = 1"}"#;
        let refused = ToolOutcome::Denied {
            capability: PLUGIN.into(),
            message: String::new(),
        };
        assert!(ran(&prior(good, ToolOutcome::Ok), &tools()));
        assert!(ran(&prior(good, limit("cpu")), &tools()));
        assert!(!ran(&prior(good, refused), &tools()));
        assert!(!ran(&prior(good, limit("calls")), &tools()));
        assert!(!ran(&prior(r#"{"code":1}"#, ToolOutcome::Ok), &tools()));
        assert!(!ran(
            &PriorCall {
                tool: "other".into(),
                ..prior(good, ToolOutcome::Ok)
            },
            &tools()
        ));
    }

    #[test]
    fn outputs_are_compared_without_the_hosts_notes() {
        let output = |text: &str| {
            Outcome::Ok(vec![Part {
                audience: Audience::Both,
                content: Content::Text(text.into()),
            }])
        };
        let mut call = prior("{}", ToolOutcome::Ok);
        call.output = translate(output("1"), |_| None).1;
        call.output
            .insert(0, note("The session was restored.".into()));
        assert!(is_same(&call, output("1")));
        assert!(!is_same(&call, output("2")));
        assert!(!is_same(&call, Outcome::Trapped("x".into())));
    }

    #[test]
    fn nothing_is_said_where_all_went_well() {
        assert!(describe(&Findings::default(), 0).is_empty());
        let found = Findings {
            killed: 1,
            differing: 2,
            is_other_component: false,
        };
        assert_eq!(
            describe(&found, 0)[0].value,
            "The session was restored. 1 earlier call had been stopped or had crashed and left nothing behind. 2 earlier calls gave another result when repeated, so variables may differ."
        );
    }
}
