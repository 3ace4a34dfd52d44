//! What to compute next: queue, admission, batching and the cache's blocks. Pure: no device, no
//! clock, no threads. The caller says what time it is.

mod blocks;

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits::BLOCK_TOKENS;
use crate::request::Priority;
use crate::step::{SequenceId, Span, Step};
use blocks::BlockPool;

/// How the scheduler works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SchedulerConfig {
    /// Blocks of the cache.
    pub(crate) blocks: usize,
    /// Sequences that run together.
    pub(crate) max_running: usize,
    /// Requests that may wait.
    pub(crate) max_waiting: usize,
    /// Prompt tokens of one step, over all sequences.
    pub(crate) prefill_tokens: usize,
    /// The same while a sequence decodes.
    pub(crate) shared_prefill_tokens: usize,
    /// How long a request may wait for its first step.
    pub(crate) max_wait: Duration,
}

/// Decides step by step.
///
/// A sequence is admitted when the cache has blocks for its prompt and all the tokens it may
/// generate, so that a running sequence never has to give way. Requests are admitted in the order in
/// which they came. Each step takes one token of every sequence that decodes, and prompt tokens up to
/// a fixed number (a smaller one while anybody decodes), oldest sequence first.
///
/// Background sequences are admitted after all interactive ones that wait, never take the last place
/// among those that run, and get no tokens in a step in which an interactive one runs. They go on
/// while an interactive one only waits: what it waits for may be the room that they hold.
pub(crate) struct Scheduler {
    config: SchedulerConfig,
    pool: BlockPool,
    waiting: VecDeque<Waiting>,
    running: Vec<Running>,
}

struct Waiting {
    id: SequenceId,
    tokens: Vec<u32>,
    max_tokens: usize,
    priority: Priority,
    since: Duration,
}

struct Running {
    id: SequenceId,
    priority: Priority,
    /// The prompt and what was generated.
    tokens: Vec<u32>,
    /// Tokens whose keys and values are in the cache.
    computed: usize,
    blocks: Vec<u32>,
    /// Full blocks that the pool knows about, and the last one's place in its tree.
    shared: usize,
    node: u64,
}

/// What a call of [`Scheduler::plan`] decided.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Blocks to copy before the step, in this order.
    pub(crate) copies: Vec<(u32, u32)>,
    /// The step; it may be empty.
    pub(crate) step: Step,
    /// Sequences that left the queue, and how many of their tokens were in the cache.
    pub(crate) admitted: Vec<(SequenceId, usize)>,
    /// Sequences that waited too long and are gone.
    pub(crate) expired: Vec<SequenceId>,
}

/// The queue is full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

impl Scheduler {
    pub(crate) fn new(config: SchedulerConfig) -> Scheduler {
        Scheduler {
            pool: BlockPool::new(config.blocks),
            config,
            waiting: VecDeque::new(),
            running: Vec::new(),
        }
    }

    /// Tokens of the largest request that can ever be admitted.
    pub(crate) fn capacity_tokens(&self) -> usize {
        self.config.blocks * BLOCK_TOKENS
    }

    /// Queues a sequence: a prompt of at least one token, and the most tokens it may generate.
    /// Together they must not be more than [`Self::capacity_tokens`].
    pub(crate) fn submit(
        &mut self,
        id: SequenceId,
        tokens: Vec<u32>,
        max_tokens: usize,
        priority: Priority,
        now: Duration,
    ) -> Result<(), QueueFull> {
        debug_assert!(!tokens.is_empty() && tokens.len() + max_tokens <= self.capacity_tokens());
        if self.waiting.len() >= self.config.max_waiting {
            return Err(QueueFull);
        }
        self.waiting.push_back(Waiting {
            id,
            tokens,
            max_tokens,
            priority,
            since: now,
        });
        Ok(())
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// Decides the next step. Calling it again without [`Self::complete`] gives the same step again.
    pub(crate) fn plan(&mut self, now: Duration) -> Plan {
        let mut plan = Plan::default();
        self.expire(now, &mut plan);
        self.admit(&mut plan);
        let somebody_waits = self.running.iter().any(Running::is_interactive);
        let runs = |sequence: &&Running| sequence.is_interactive() || !somebody_waits;
        let decoding = self.running.iter().filter(runs).any(Running::is_decoding);
        let mut budget = match decoding {
            true => self.config.shared_prefill_tokens,
            false => self.config.prefill_tokens,
        };
        for sequence in self.running.iter().filter(runs) {
            let left = sequence.tokens.len() - sequence.computed;
            let take = if left == 1 { 1 } else { left.min(budget) };
            if take == 0 {
                continue;
            }
            if left > 1 {
                budget -= take;
            }
            let step = &mut plan.step;
            let (row, from) = (step.ids.len(), sequence.computed);
            step.ids
                .extend_from_slice(&sequence.tokens[from..from + take]);
            step.positions
                .extend((from..from + take).map(|position| position as u32));
            step.spans.push(Span {
                sequence: sequence.id,
                rows: row..row + take,
                blocks: sequence.blocks[..(from + take).div_ceil(BLOCK_TOKENS)].to_vec(),
                sample: take == left,
            });
        }
        plan
    }

    /// Records that a step was computed, and the tokens that were chosen after it.
    /// A sequence that ends is finished by [`Self::finish`] instead of getting a token.
    pub(crate) fn complete(&mut self, step: &Step, chosen: &[(SequenceId, u32)]) {
        for span in &step.spans {
            let Some(sequence) = self.running.iter_mut().find(|s| s.id == span.sequence) else {
                continue;
            };
            sequence.computed += span.rows.len();
            sequence.share(&mut self.pool);
            if let Some((_, token)) = chosen.iter().find(|(id, _)| *id == span.sequence) {
                sequence.tokens.push(*token);
            }
        }
    }

    /// Removes a sequence, wherever it is. What it computed stays in the cache until the room is needed.
    pub(crate) fn finish(&mut self, id: SequenceId) {
        self.waiting.retain(|sequence| sequence.id != id);
        if let Some(index) = self.running.iter().position(|sequence| sequence.id == id) {
            let sequence = self.running.remove(index);
            self.pool.release(&sequence.blocks);
        }
    }

    fn expire(&mut self, now: Duration, plan: &mut Plan) {
        let max_wait = self.config.max_wait;
        self.waiting.retain(|sequence| {
            let late = now.saturating_sub(sequence.since) > max_wait;
            if late {
                plan.expired.push(sequence.id);
            }
            !late
        });
    }

    fn admit(&mut self, plan: &mut Plan) {
        while self.running.len() < self.config.max_running {
            let is_interactive = |next: &Waiting| next.priority == Priority::Interactive;
            let place = self.waiting.iter().position(is_interactive).unwrap_or(0);
            let Some(next) = self.waiting.get(place) else {
                return;
            };
            let is_last_place = self.running.len() + 1 == self.config.max_running;
            if !is_interactive(next) && is_last_place && !self.running.is_empty() {
                return;
            }
            let total = (next.tokens.len() + next.max_tokens).div_ceil(BLOCK_TOKENS);
            // The last token of the prompt is always computed: its logits are wanted.
            let known = &next.tokens[..next.tokens.len() - 1];
            let Some(taken) = self.pool.take(known, total) else {
                return;
            };
            let Some(next) = self.waiting.remove(place) else {
                return;
            };
            plan.copies.extend(taken.copy);
            plan.admitted.push((next.id, taken.tokens));
            self.running.push(Running {
                id: next.id,
                priority: next.priority,
                tokens: next.tokens,
                computed: taken.tokens,
                blocks: taken.blocks,
                shared: taken.tokens / BLOCK_TOKENS,
                node: taken.node,
            });
        }
    }
}

impl Running {
    fn is_interactive(&self) -> bool {
        self.priority == Priority::Interactive
    }

    /// Whether only its last token is left to compute.
    fn is_decoding(&self) -> bool {
        self.tokens.len() - self.computed == 1
    }

    /// Tells the pool of blocks that have become full, so that others can start from them.
    fn share(&mut self, pool: &mut BlockPool) {
        while (self.shared + 1) * BLOCK_TOKENS <= self.computed {
            let start = self.shared * BLOCK_TOKENS;
            let tokens = &self.tokens[start..start + BLOCK_TOKENS];
            self.node = pool.share(self.node, tokens, self.blocks[self.shared]);
            self.shared += 1;
        }
    }
}

#[cfg(test)]
mod tests;
