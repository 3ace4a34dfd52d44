//! What deciding on one request costs.

use std::sync::Arc;
use std::time::Instant;

use alcove_policies::{Authority, Ceiling, HttpDecision, Policy, Source};

use crate::common::{Measured, percentile};

/// Microseconds that it takes to decide on a request: the last rule of the second of two grants, of sixteen
/// rules each, under a ceiling with eight denials. The median of batches.
pub(crate) fn measure() -> Measured<f64> {
    const BATCH: u32 = 1_000;
    const BATCHES: usize = 101;
    let grant = |name: &str| -> Measured<Source> {
        let rules: String = (0..16)
            .map(|rule| {
                format!(
                    "[[http]]\norigin = \"https://*.{name}{rule}.example\"\npaths = [\"/v1/**\"]\n"
                )
            })
            .collect();
        let text = format!("version = 1\nplugin = \"local/bench\"\n{rules}");
        Ok(Source {
            name: Arc::from(name),
            rank: 0,
            policy: Arc::new(Policy::parse(&text)?),
        })
    };
    let denials: String = (0..8)
        .map(|rule| format!("[[deny]]\nhost = \"*.closed{rule}.example\"\n"))
        .collect();
    let ceiling = Arc::new(Ceiling::parse(&format!("version = 1\n{denials}"))?);
    let sources = vec![grant("one")?, grant("two")?];
    let authority =
        Authority::join("local/bench", sources, Some(ceiling)).map_err(|denial| denial.detail)?;
    let url = "https://api.two15.example/v1/search?q=x".parse()?;
    let mut took = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let started = Instant::now();
        for _ in 0..BATCH {
            let decision = std::hint::black_box(&authority).http("GET", &url);
            if !matches!(decision, HttpDecision::Allow { .. }) {
                return Err("the benchmark's request is not allowed".into());
            }
        }
        took.push(started.elapsed() / BATCH);
    }
    Ok(percentile(&mut took, 50))
}
