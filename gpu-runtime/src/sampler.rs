//! Choosing a token from logits.

use toktrie::SimpleVob;

use crate::request::Sampling;

/// Probabilities below e^-10 of the largest are looked at only if the likelier ones do not suffice.
const FIRST_CUT: f32 = 10.0;

/// The choices of one sequence.
pub(crate) struct Sampler {
    sampling: Sampling,
    random: SplitMix64,
}

impl Sampler {
    pub(crate) fn new(sampling: Sampling) -> Sampler {
        let seed = match sampling {
            Sampling::Greedy => 0,
            Sampling::TopP { seed, .. } => seed,
        };
        Sampler {
            sampling,
            random: SplitMix64(seed),
        }
    }

    /// Chooses among the allowed tokens; `None` if none of them has a finite logit.
    pub(crate) fn choose(&mut self, logits: &[f32], allowed: Option<&SimpleVob>) -> Option<u32> {
        match self.sampling {
            Sampling::TopP {
                temperature, top_p, ..
            } if temperature > 0.0 => self.draw(logits, allowed, temperature, top_p),
            _ => largest(logits, allowed).map(|(id, _)| id),
        }
    }

    fn draw(
        &mut self,
        logits: &[f32],
        allowed: Option<&SimpleVob>,
        temperature: f32,
        top_p: f32,
    ) -> Option<u32> {
        let (best, peak) = largest(logits, allowed)?;
        let weight = |logit: f32| f64::from((logit - peak) / temperature).exp();
        let mut total = 0.0;
        for_each(logits, allowed, |_, logit| total += weight(logit));
        let wanted = total * f64::from(top_p);
        for cut in [FIRST_CUT, f32::INFINITY] {
            let mut likely = Vec::new();
            for_each(logits, allowed, |id, logit| {
                if (peak - logit) / temperature <= cut {
                    likely.push((id, logit));
                }
            });
            likely.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let mut sum = 0.0;
            let enough = likely.iter().position(|(_, logit)| {
                sum += weight(*logit);
                sum >= wanted
            });
            if enough.is_none() && cut.is_finite() {
                continue;
            }
            likely.truncate(enough.map_or(likely.len(), |last| last + 1));
            let mut point = self.random.unit() * sum;
            for (id, logit) in &likely {
                point -= weight(*logit);
                if point < 0.0 {
                    return Some(*id);
                }
            }
            return likely.last().map(|(id, _)| *id);
        }
        Some(best)
    }
}

fn for_each(logits: &[f32], allowed: Option<&SimpleVob>, mut f: impl FnMut(u32, f32)) {
    match allowed {
        Some(allowed) => allowed.iter_set_entries(|id| {
            if let Some(&logit) = logits.get(id).filter(|logit| logit.is_finite()) {
                f(id as u32, logit);
            }
        }),
        None => {
            for (id, &logit) in logits.iter().enumerate() {
                if logit.is_finite() {
                    f(id as u32, logit);
                }
            }
        }
    }
}

/// The largest logit; of equal ones, the first.
fn largest(logits: &[f32], allowed: Option<&SimpleVob>) -> Option<(u32, f32)> {
    let mut best: Option<(u32, f32)> = None;
    for_each(logits, allowed, |id, logit| {
        if best.is_none_or(|(_, value)| logit > value) {
            best = Some((id, logit));
        }
    });
    best
}

/// A small generator whose numbers stay the same from release to release, unlike a library's default.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// In [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top_p(temperature: f32, top_p: f32, seed: u64) -> Sampler {
        Sampler::new(Sampling::TopP {
            temperature,
            top_p,
            seed,
        })
    }

    #[test]
    fn greedy_takes_the_first_of_the_largest() {
        let mut greedy = Sampler::new(Sampling::Greedy);
        assert_eq!(greedy.choose(&[1.0, 3.0, 3.0, f32::NAN], None), Some(1));
        assert_eq!(top_p(0.0, 0.5, 1).choose(&[1.0, 3.0, 2.0], None), Some(1));
        assert_eq!(greedy.choose(&[f32::NAN, f32::INFINITY], None), None);
    }

    #[test]
    fn only_allowed_tokens_are_chosen() {
        let mut allowed = SimpleVob::alloc(4);
        allowed.allow_token(2);
        assert_eq!(
            Sampler::new(Sampling::Greedy).choose(&[9.0, 9.0, 1.0, 9.0], Some(&allowed)),
            Some(2)
        );
        for seed in 0..20 {
            assert_eq!(
                top_p(2.0, 1.0, seed).choose(&[9.0, 9.0, 1.0, 9.0], Some(&allowed)),
                Some(2)
            );
        }
    }

    #[test]
    fn frequencies_follow_the_probabilities() {
        // 0.6, 0.3, 0.1
        let logits = [0.6f32.ln(), 0.3f32.ln(), 0.1f32.ln()];
        let mut counts = [0; 3];
        let mut sampler = top_p(1.0, 1.0, 7);
        for _ in 0..10_000 {
            counts[sampler.choose(&logits, None).unwrap() as usize] += 1;
        }
        for (count, share) in counts.iter().zip([0.6, 0.3, 0.1]) {
            assert!(
                (f64::from(*count) / 10_000.0 - share).abs() < 0.02,
                "{counts:?}"
            );
        }
    }

    #[test]
    fn the_tail_is_cut_and_seeds_repeat() {
        let logits = [0.6f32.ln(), 0.3f32.ln(), 0.1f32.ln()];
        let draw = |seed| {
            let mut sampler = top_p(1.0, 0.85, seed);
            (0..200)
                .map(|_| sampler.choose(&logits, None).unwrap())
                .collect::<Vec<_>>()
        };
        assert!(draw(1).iter().all(|id| *id < 2) && draw(1).contains(&1));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        // A flat distribution needs more than the first cut.
        let flat = vec![0.0; 1000];
        let mut seen: Vec<u32> = (0..300)
            .map(|_| top_p(1.0, 1.0, 3).choose(&flat, None).unwrap())
            .collect();
        seen.dedup();
        assert_eq!(seen.len(), 1);
    }
}
