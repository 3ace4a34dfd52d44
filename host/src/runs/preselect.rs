//! Of many granted tools, the few that a turn offers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use alcove_api_types::ToolsOffered;
use alcove_core::item::{Item, Payload};
use alcove_core::preselect::{self, Nearness, OFFER_LIMIT};
use alcove_core::prompt::ToolSpec;
use alcove_core::turn::Choice;
use alcove_runtime::Priority;
use alcove_runtime::limits::MAX_EMBED_TEXTS;
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;

use super::{Runs, ValidRequest, history};
use crate::inference::{EncodeError, Encoder};
use crate::tools::OfferedTool;

/// Calls of the conversation whose tools stay offered: "and the next one?" names none.
const LAST_CALLS: usize = 2;
/// Vectors of texts that are remembered: of more tools than anybody is granted.
const MAX_REMEMBERED: usize = 4096;
/// How long a turn waits for vectors before it compares words.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most characters of a question that are compared: its beginning is what it is about.
const QUESTION_CHARS: usize = 2000;

/// The encoder, and what it made of the tools' texts.
pub(super) struct Preselector {
    encoder: Encoder,
    /// By the text's digest. A changed description is another text.
    vectors: Mutex<HashMap<blake3::Hash, Arc<[f32]>>>,
}

impl Preselector {
    pub(super) fn new(encoder: Encoder) -> Preselector {
        Preselector {
            encoder,
            vectors: Mutex::default(),
        }
    }

    /// How near the tools are to the question.
    async fn scores(&self, question: &str, tools: &[ToolSpec]) -> (Vec<f32>, Nearness) {
        let by_meaning = timeout(PATIENCE, self.by_meaning(question, tools)).await;
        match by_meaning {
            Ok(Ok(scores)) => return (scores, Nearness::Meaning),
            Ok(Err(error)) => tracing::debug!(%error, "tools are chosen by words"),
            Err(_) => tracing::warn!("the sentence encoder is too busy: tools are chosen by words"),
        }
        (preselect::by_words(question, tools), Nearness::Words)
    }

    async fn by_meaning(
        &self,
        question: &str,
        tools: &[ToolSpec],
    ) -> Result<Vec<f32>, EncodeError> {
        let texts: Vec<Vec<String>> = tools.iter().map(preselect::texts).collect();
        let all = texts.iter().flatten();
        let mut unknown: Vec<String> = {
            let vectors = self.vectors.lock().unwrap_or_else(PoisonError::into_inner);
            all.filter(|text| !vectors.contains_key(&digest(text)))
                .cloned()
                .collect()
        };
        unknown.sort_unstable();
        unknown.dedup();
        for some in unknown.chunks(MAX_EMBED_TEXTS) {
            let embedded = self.embed(some.to_vec()).await?;
            let mut vectors = self.vectors.lock().unwrap_or_else(PoisonError::into_inner);
            if vectors.len() + some.len() > MAX_REMEMBERED {
                vectors.clear();
            }
            vectors.extend(some.iter().map(|text| digest(text)).zip(embedded));
        }
        let question = self.embed(vec![question.to_owned()]).await?;
        let vectors = self.vectors.lock().unwrap_or_else(PoisonError::into_inner);
        // A text that was forgotten meanwhile counts for nothing this once.
        let of_tool = |texts: &Vec<String>| -> Vec<&[f32]> {
            let known = texts.iter().filter_map(|text| vectors.get(&digest(text)));
            known.map(|vector| &**vector).collect()
        };
        let tools: Vec<Vec<&[f32]>> = texts.iter().map(of_tool).collect();
        Ok(preselect::by_vectors(&question[0], &tools))
    }

    async fn embed(&self, texts: Vec<String>) -> Result<Vec<Arc<[f32]>>, EncodeError> {
        let cancel = CancellationToken::new();
        let embedded = self.encoder.embed(texts, Priority::Interactive, cancel);
        Ok(embedded.await?.vectors.into_iter().map(Arc::from).collect())
    }
}

/// Whether a request asks for that very tool.
pub(super) fn is_forced(choice: &Choice, tool: &OfferedTool) -> bool {
    matches!(choice, Choice::Tool(name) if *name == tool.manifest.name)
}

fn digest(text: &str) -> blake3::Hash {
    blake3::hash(text.as_bytes())
}

impl Runs {
    /// All of few tools; of many, those nearest to the question and to what was called last.
    pub(super) async fn preselect(
        &self,
        tools: Vec<OfferedTool>,
        request: &ValidRequest,
        items: &[Item],
    ) -> (Vec<OfferedTool>, Option<ToolsOffered>) {
        if tools.len() <= OFFER_LIMIT {
            return (tools, None);
        }
        let specs: Vec<ToolSpec> = tools.iter().map(history::spec).collect();
        let question = request.messages.last().map(|message| message.text.as_str());
        let question: String = question
            .unwrap_or_default()
            .chars()
            .take(QUESTION_CHARS)
            .collect();
        let (scores, nearness) = self.inner.preselector.scores(&question, &specs).await;
        let calls = items.iter().rev().filter_map(|item| match &item.payload {
            Payload::ToolCall(call) => Some((call.plugin.as_str(), call.tool.as_str())),
            Payload::Message { .. } => None,
        });
        let last: Vec<(&str, &str)> = calls.take(LAST_CALLS).collect();
        let keep: Vec<bool> = tools
            .iter()
            .map(|tool| {
                is_forced(&request.tool_choice, tool)
                    || last.contains(&(tool.plugin.as_str(), tool.tool.as_str()))
            })
            .collect();
        let places = preselect::nearest(&scores, &keep);
        let names = |offered: bool| {
            let chosen = tools.iter().enumerate();
            chosen
                .filter(|(place, _)| places.contains(place) == offered)
                .map(|(_, tool)| tool.manifest.name.clone())
                .collect()
        };
        let kept = keep.iter().filter(|kept| **kept).count();
        let besides = match kept {
            0 => "",
            _ => ", besides what was asked for or called last",
        };
        let reason = format!(
            "of {} granted tools, these {} {}{besides}",
            tools.len(),
            places.len(),
            nearness.describe()
        );
        let said = ToolsOffered {
            offered: names(true),
            left_out: names(false),
            reason,
        };
        let mut place = 0;
        let mut offered = tools;
        offered.retain(|_| {
            place += 1;
            places.contains(&(place - 1))
        });
        (offered, Some(said))
    }
}
