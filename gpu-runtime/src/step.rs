//! One step of work: tokens of several sequences, as the scheduler plans it and a model computes it.

use std::ops::Range;

/// A sequence, for as long as the scheduler knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SequenceId(pub(crate) u64);

/// Tokens to compute, sequence after sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// Token ids.
    pub(crate) ids: Vec<u32>,
    /// The position of each token in its sequence.
    pub(crate) positions: Vec<u32>,
    /// Which rows belong to which sequence.
    pub(crate) spans: Vec<Span>,
}

/// Consecutive tokens of one sequence within a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Whose tokens they are.
    pub(crate) sequence: SequenceId,
    /// The rows of the step.
    pub(crate) rows: Range<usize>,
    /// The sequence's blocks of the KV cache, enough for all its tokens up to these.
    pub(crate) blocks: Vec<u32>,
    /// Whether the logits after the last token are wanted.
    pub(crate) sample: bool,
}

impl Span {
    /// The position of its first token.
    pub(crate) fn start(&self, step: &Step) -> usize {
        step.positions[self.rows.start] as usize
    }
}

impl Step {
    /// The last row of each span whose logits are wanted.
    pub(crate) fn sampled_rows(&self) -> Vec<u32> {
        let sampled = self.spans.iter().filter(|span| span.sample);
        sampled.map(|span| span.rows.end as u32 - 1).collect()
    }
}
