//! Answers in pages, so that no answer is longer than a model can read.

/// Collects the lines of one page.
pub(crate) struct Page {
    skip: usize,
    room: usize,
    lines: Vec<String>,
    is_more: bool,
    passed_over: usize,
    number: usize,
}

impl Page {
    /// Page `number`, from 1, of `size` lines each.
    pub(crate) fn new(number: Option<u32>, size: usize) -> Self {
        let number = number.unwrap_or(1).max(1) as usize;
        Self {
            skip: (number - 1).saturating_mul(size),
            room: size,
            lines: Vec::new(),
            is_more: false,
            passed_over: 0,
            number,
        }
    }

    /// Adds the next line of all; false where nothing more is wanted.
    pub(crate) fn add(&mut self, line: impl FnOnce() -> String) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.lines.len() < self.room {
            self.lines.push(line());
        } else {
            self.is_more = true;
        }
        !self.is_more
    }

    /// Counts a file that could not be looked at.
    pub(crate) fn pass_over(&mut self) {
        self.passed_over += 1;
    }

    /// The page's text; `none` where it has no line, `is_cut` where not everything was looked at.
    pub(crate) fn show(self, none: &str, is_cut: bool) -> String {
        let mut text = if self.lines.is_empty() {
            none.to_owned()
        } else {
            self.lines.join("\n")
        };
        if self.is_more {
            text.push_str(&format!("\n(more: page {})", self.number + 1));
        } else if is_cut {
            text.push_str("\n(not everything was looked at: name a folder below)");
        }
        match self.passed_over {
            0 => {}
            1 => text.push_str("\n(1 file was passed over: too large, or not readable)"),
            many => text.push_str(&format!(
                "\n({many} files were passed over: too large, or not readable)"
            )),
        }
        text
    }
}
