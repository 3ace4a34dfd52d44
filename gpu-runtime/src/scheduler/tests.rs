//! The scheduler with a model that checks what it is given, in virtual time.

use std::collections::HashMap;

use super::*;
use crate::engine::Engine;
use crate::models::{Model, ModelError};

/// Its next token is a digest of all tokens before, which it reads back from the cache: a wrong
/// block, position or copy gives a wrong token.
struct MockModel;

const VOCABULARY: usize = 97;

/// The token stored for each place of the cache.
type MockCache = Vec<Option<u32>>;

impl Model for MockModel {
    type Cache = MockCache;

    fn vocabulary(&self) -> usize {
        VOCABULARY
    }

    fn forward(
        &self,
        step: &Step,
        cache: &mut MockCache,
        interrupt: &dyn Fn() -> bool,
    ) -> Result<Vec<f32>, ModelError> {
        let mut out = Vec::new();
        for span in &step.spans {
            let place = |position: usize| {
                span.blocks[position / BLOCK_TOKENS] as usize * BLOCK_TOKENS
                    + position % BLOCK_TOKENS
            };
            for row in span.rows.clone() {
                cache[place(step.positions[row] as usize)] = Some(step.ids[row]);
            }
            if interrupt() {
                return Err(ModelError::Interrupted);
            }
            if span.sample {
                let last = step.positions[span.rows.end - 1] as usize;
                let seen: Vec<u32> = (0..=last)
                    .map(|position| cache[place(position)].expect("it was computed"))
                    .collect();
                let mut logits = vec![0.0; VOCABULARY];
                logits[next(&seen) as usize] = 1.0;
                out.extend(logits);
            }
        }
        Ok(out)
    }

    fn copy_block(&self, cache: &mut MockCache, from: u32, to: u32) -> Result<(), ModelError> {
        let from = from as usize * BLOCK_TOKENS;
        cache.copy_within(from..from + BLOCK_TOKENS, to as usize * BLOCK_TOKENS);
        Ok(())
    }
}

fn next(tokens: &[u32]) -> u32 {
    let digest = tokens.iter().fold(17u64, |digest, token| {
        (digest.wrapping_mul(31) ^ u64::from(*token)).wrapping_mul(0x9E37_79B9) % 1_000_003
    });
    (digest % VOCABULARY as u64) as u32
}

/// What the model says after a prompt when it is asked alone.
fn expected(prompt: &[u32], count: usize) -> Vec<u32> {
    let mut tokens = prompt.to_vec();
    for _ in 0..count {
        tokens.push(next(&tokens));
    }
    tokens.split_off(prompt.len())
}

struct Sim {
    scheduler: Scheduler,
    engine: Engine<MockModel>,
    now: Duration,
    /// Tokens still wanted, and what was generated.
    wanted: HashMap<SequenceId, usize>,
    out: HashMap<SequenceId, Vec<u32>>,
    cached: HashMap<SequenceId, usize>,
    expired: Vec<SequenceId>,
    /// Tokens of each step.
    steps: Vec<usize>,
    next_id: u64,
}

impl Sim {
    fn new(blocks: usize, max_running: usize) -> Sim {
        let config = SchedulerConfig {
            blocks,
            max_running,
            max_waiting: 100,
            prefill_tokens: 24,
            shared_prefill_tokens: 12,
            max_wait: Duration::from_secs(10),
        };
        Sim {
            scheduler: Scheduler::new(config),
            engine: Engine::new(Box::new(MockModel), vec![None; blocks * BLOCK_TOKENS]),
            now: Duration::ZERO,
            wanted: HashMap::new(),
            out: HashMap::new(),
            cached: HashMap::new(),
            expired: Vec::new(),
            steps: Vec::new(),
            next_id: 0,
        }
    }

    fn submit(&mut self, prompt: &[u32], count: usize) -> SequenceId {
        self.submit_as(Priority::Interactive, prompt, count)
    }

    fn submit_as(&mut self, priority: Priority, prompt: &[u32], count: usize) -> SequenceId {
        let id = SequenceId(self.next_id);
        self.next_id += 1;
        self.scheduler
            .submit(id, prompt.to_vec(), count, priority, self.now)
            .unwrap();
        self.wanted.insert(id, count);
        self.out.insert(id, Vec::new());
        id
    }

    fn step(&mut self, interrupt: bool) {
        self.now += Duration::from_millis(100);
        let plan = self.scheduler.plan(self.now);
        self.cached.extend(plan.admitted.iter().copied());
        self.expired.extend(&plan.expired);
        let (out, wanted) = (&mut self.out, &self.wanted);
        let mut choose = |id: SequenceId, logits: &[f32]| {
            let token = logits.iter().position(|logit| *logit > 0.0)? as u32;
            let out = out.get_mut(&id)?;
            out.push(token);
            (out.len() < wanted[&id]).then_some(token)
        };
        match self.engine.step(&plan, &mut choose, &|| interrupt) {
            Ok(chosen) => self.scheduler.complete(&plan.step, &chosen),
            Err(error) => assert_eq!(error, ModelError::Interrupted),
        }
        self.steps.push(plan.step.ids.len());
        let done = self
            .out
            .iter()
            .filter(|(id, out)| out.len() == self.wanted[id]);
        let done: Vec<SequenceId> = done.map(|(id, _)| *id).collect();
        done.into_iter().for_each(|id| self.scheduler.finish(id));
    }

    fn run(&mut self) {
        for _ in 0..10_000 {
            if self.scheduler.is_idle() {
                return;
            }
            self.step(false);
        }
        panic!("it never ends");
    }
}

fn prompt(seed: u32, len: usize) -> Vec<u32> {
    (0..len as u32)
        .map(|index| (index * 7 + seed * 13 + index * index) % 97)
        .collect()
}

#[test]
fn one_sequence_is_read_in_chunks_and_then_token_by_token() {
    let mut sim = Sim::new(8, 4);
    let prompt = prompt(1, 50);
    let id = sim.submit(&prompt, 5);
    sim.run();
    assert_eq!(sim.out[&id], expected(&prompt, 5));
    assert_eq!(sim.steps, [24, 24, 2, 1, 1, 1, 1]);
}

#[test]
fn sequences_share_steps_and_a_long_prompt_does_not_hold_up_decoding() {
    let mut sim = Sim::new(40, 4);
    let first = sim.submit(&prompt(1, 4), 20);
    sim.step(false);
    let second = sim.submit(&prompt(2, 100), 3);
    for _ in 0..4 {
        sim.step(false);
    }
    // Each step had a token of the first and a chunk of the second.
    assert_eq!((sim.out[&first].len(), sim.out[&second].len()), (5, 0));
    assert_eq!(sim.steps[1..], [13, 13, 13, 13]);
    sim.run();
    assert_eq!(sim.out[&first], expected(&prompt(1, 4), 20));
    assert_eq!(sim.out[&second], expected(&prompt(2, 100), 3));
}

#[test]
fn the_next_turn_starts_from_the_last_one() {
    let mut sim = Sim::new(16, 4);
    let mut tokens = prompt(3, 70);
    let first = sim.submit(&tokens, 30);
    sim.run();
    assert_eq!(sim.cached[&first], 0);
    tokens.extend(&sim.out[&first]);
    tokens.extend(prompt(4, 5));
    let second = sim.submit(&tokens, 10);
    sim.run();
    // The last token was never computed, and the last block was not full.
    assert_eq!(sim.cached[&second], 96);
    assert_eq!(sim.out[&second], expected(&tokens, 10));
}

#[test]
fn a_fork_inside_a_block_is_right() {
    let mut sim = Sim::new(16, 4);
    let tokens = prompt(5, 64);
    sim.submit(&tokens, 4);
    sim.run();
    for cut in [1, 15, 16, 17, 40, 63, 64] {
        let mut fork = tokens[..cut].to_vec();
        fork.push(96);
        let id = sim.submit(&fork, 4);
        sim.run();
        assert_eq!(sim.cached[&id], cut, "at {cut}");
        assert_eq!(sim.out[&id], expected(&fork, 4), "at {cut}");
    }
}

#[test]
fn an_interrupted_step_is_computed_again() {
    let mut sim = Sim::new(16, 4);
    let id = sim.submit(&prompt(6, 40), 6);
    for round in 0..30 {
        sim.step(round % 2 == 0);
    }
    assert_eq!(sim.out[&id], expected(&prompt(6, 40), 6));
}

#[test]
fn a_full_cache_makes_requests_wait_their_turn() {
    let mut sim = Sim::new(6, 4);
    // Each needs four of the six blocks.
    let ids: Vec<SequenceId> = (0..3)
        .map(|seed| sim.submit(&prompt(seed, 40), 24))
        .collect();
    sim.step(false);
    assert_eq!(sim.cached.len(), 1);
    sim.run();
    for (seed, id) in ids.iter().enumerate() {
        assert_eq!(sim.out[id], expected(&prompt(seed as u32, 40), 24));
    }
}

#[test]
fn the_number_of_running_sequences_is_limited() {
    let mut sim = Sim::new(100, 2);
    for seed in 0..5 {
        sim.submit(&prompt(seed, 3), 4);
    }
    sim.run();
    assert!(sim.steps.iter().all(|tokens| *tokens <= 6));
    assert_eq!(sim.steps.last(), Some(&1));
}

#[test]
fn who_waits_too_long_is_told() {
    let mut sim = Sim::new(4, 1);
    sim.submit(&prompt(1, 4), 40);
    let late = sim.submit(&prompt(2, 4), 40);
    sim.step(false);
    sim.now += Duration::from_secs(11);
    sim.step(false);
    assert_eq!(sim.expired, [late]);
}

#[test]
fn background_stands_still_while_somebody_is_served() {
    let mut sim = Sim::new(64, 3);
    let first = sim.submit_as(Priority::Background, &prompt(1, 4), 40);
    (0..5).for_each(|_| sim.step(false));
    let before = sim.out[&first].len();
    assert!(before > 0);
    let second = sim.submit_as(Priority::Background, &prompt(2, 4), 4);
    let chat = sim.submit(&prompt(3, 30), 6);
    while sim.out[&chat].len() < 6 {
        sim.step(false);
        assert_eq!(sim.out[&first].len(), before);
        assert!(sim.out[&second].is_empty());
    }
    sim.run();
    assert_eq!((sim.out[&first].len(), sim.out[&second].len()), (40, 4));
}

#[test]
fn background_goes_on_while_its_room_is_waited_for() {
    let mut sim = Sim::new(4, 3);
    let background = sim.submit_as(Priority::Background, &prompt(1, 4), 40);
    sim.step(false);
    let chat = sim.submit(&prompt(2, 4), 40);
    sim.run();
    assert_eq!((sim.out[&background].len(), sim.out[&chat].len()), (40, 40));
    // The last place is never a background one.
    let mut sim = Sim::new(64, 2);
    let one = sim.submit_as(Priority::Background, &prompt(1, 4), 9);
    let two = sim.submit_as(Priority::Background, &prompt(2, 4), 9);
    sim.step(false);
    assert!(sim.cached.contains_key(&one) && !sim.cached.contains_key(&two));
    let chat = sim.submit(&prompt(3, 4), 9);
    sim.step(false);
    assert!(sim.cached.contains_key(&chat));
    sim.run();
}

#[test]
fn the_queue_is_limited_and_finishing_frees_it() {
    let mut sim = Sim::new(4, 1);
    let ids: Vec<SequenceId> = (0..100)
        .map(|seed| sim.submit(&prompt(seed, 4), 4))
        .collect();
    let another = SequenceId(1000);
    assert_eq!(
        sim.scheduler
            .submit(another, vec![1], 1, Priority::Interactive, sim.now),
        Err(QueueFull)
    );
    ids.iter().for_each(|id| sim.scheduler.finish(*id));
    assert!(sim.scheduler.is_idle());
    assert_eq!(
        sim.scheduler
            .submit(another, vec![1], 1, Priority::Interactive, sim.now),
        Ok(())
    );
}

#[test]
fn many_random_conversations_come_out_right() {
    let mut sim = Sim::new(24, 5);
    let mut state = 12345u64;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    let mut open: Vec<(SequenceId, Vec<u32>)> = Vec::new();
    let mut told: Vec<Vec<u32>> = vec![prompt(0, 20)];
    for _ in 0..600 {
        if open.len() < 8 && random(3) == 0 {
            // Go on from something said before, cut anywhere.
            let base = &told[random(told.len() as u64) as usize];
            let cut = 1 + random(base.len() as u64) as usize;
            let mut tokens = base[..cut.min(150)].to_vec();
            tokens.extend(
                (0..random(40))
                    .map(|_| random(97) as u32)
                    .collect::<Vec<_>>(),
            );
            let id = sim.submit(&tokens, 1 + random(60) as usize);
            open.push((id, tokens));
        }
        match random(10) {
            0 if !open.is_empty() => {
                let (id, _) = open.remove(random(open.len() as u64) as usize);
                sim.scheduler.finish(id);
                sim.out.remove(&id);
            }
            1 => sim.step(true),
            _ => sim.step(false),
        }
        open.retain(|(id, tokens)| {
            let done = sim.out[id].len() == sim.wanted[id];
            if done {
                assert_eq!(sim.out[id], expected(tokens, sim.wanted[id]));
                told.push([&tokens[..], &sim.out[id]].concat());
            }
            !done
        });
    }
    assert!(told.len() > 50 && sim.cached.values().any(|cached| cached % BLOCK_TOKENS != 0));
}
