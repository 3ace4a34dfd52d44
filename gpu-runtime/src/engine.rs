//! One step at a time: token ids in, token ids out.

use crate::models::{Model, ModelError};
use crate::scheduler::Plan;
use crate::step::SequenceId;

/// A model and its cache.
pub(crate) struct Engine<M: Model + ?Sized> {
    cache: M::Cache,
    model: Box<M>,
}

impl<M: Model + ?Sized> Engine<M> {
    pub(crate) fn new(model: Box<M>, cache: M::Cache) -> Engine<M> {
        Engine { cache, model }
    }

    /// Computes a plan's step. `choose` picks a token from each row of logits that was wanted; the
    /// sequences for which it picks none are left out of the result.
    pub(crate) fn step(
        &mut self,
        plan: &Plan,
        choose: &mut dyn FnMut(SequenceId, &[f32]) -> Option<u32>,
        interrupt: &dyn Fn() -> bool,
    ) -> Result<Vec<(SequenceId, u32)>, ModelError> {
        for &(from, to) in &plan.copies {
            self.model.copy_block(&mut self.cache, from, to)?;
        }
        let logits = self.model.forward(&plan.step, &mut self.cache, interrupt)?;
        let sampled = plan.step.spans.iter().filter(|span| span.sample);
        let rows = logits.chunks_exact(self.model.vocabulary());
        let chosen = sampled.zip(rows).filter_map(|(span, logits)| {
            let token = choose(span.sequence, logits)?;
            Some((span.sequence, token))
        });
        Ok(chosen.collect())
    }
}
