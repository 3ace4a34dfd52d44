//! A fetch on the terminal: a bar, or a line now and then where nobody watches.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::models::{Progress, Step, human_bytes};

use super::output;

/// How often a line is written where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);
const WITH_TOTAL: &str =
    "{msg} {wide_bar} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}";
const WITHOUT_TOTAL: &str = "{msg} {binary_bytes} {binary_bytes_per_sec}";

/// Shows how far a fetch is.
pub(super) struct FetchProgress {
    id: String,
    /// `None` where standard error is no terminal.
    bar: Option<ProgressBar>,
    last_line: Mutex<Instant>,
}

impl FetchProgress {
    pub(super) fn new(id: &str) -> FetchProgress {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::no_length().with_message(id.to_owned());
            set_style(&bar, WITHOUT_TOTAL);
            bar
        });
        FetchProgress {
            id: id.to_owned(),
            bar,
            last_line: Mutex::new(Instant::now()),
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn say(&self, text: &str) {
        let text = output::clean(text);
        match &self.bar {
            Some(bar) => bar.println(text),
            // Progress that nobody can read is no reason to stop.
            None => drop(output::note(&text)),
        }
    }

    fn bytes(&self, done: u64, total: Option<u64>) {
        if let Some(bar) = &self.bar {
            if bar.length() != total
                && let Some(total) = total
            {
                bar.set_length(total);
                set_style(bar, WITH_TOTAL);
            }
            bar.set_position(done);
            return;
        }
        let mut last = self
            .last_line
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            drop(last);
            self.say(&match total {
                Some(total) => format!(
                    "{}: {} of {}",
                    self.id,
                    human_bytes(done),
                    human_bytes(total)
                ),
                None => format!("{}: {}", self.id, human_bytes(done)),
            });
        }
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    // The templates are constants; one that does not parse keeps the style that was there.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

impl Progress for FetchProgress {
    fn step(&self, step: Step<'_>) {
        match step {
            Step::Source { name } => self.say(&format!("Fetching {} from {name}", self.id)),
            Step::Bytes { done, total } => self.bytes(done, total),
            Step::SourceFailed { name, reason } => self.say(&format!("{name}: {reason}")),
            Step::Retry { reason } => self.say(&format!("{reason}; trying again")),
            Step::Verifying => self.say("Checking the file"),
            Step::Unverified { sha256 } => self.say(&format!(
                "Nobody has recorded a sha256 for this file, so it is taken as it came: {sha256}"
            )),
        }
    }
}
