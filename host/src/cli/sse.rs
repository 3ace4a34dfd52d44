//! Reads server-sent events.

use alcove_api_types::StreamEvent;

/// No event of ours is as large.
const MAX_EVENT_BYTES: usize = 64 << 20;

/// Cuts bytes into events.
#[derive(Default)]
pub(super) struct Parser {
    buffer: Vec<u8>,
    data: String,
}

impl Parser {
    /// Takes what came, and gives the `data` of each event that is whole.
    pub(super) fn push(&mut self, bytes: &[u8]) -> anyhow::Result<Vec<String>> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() + self.data.len() > MAX_EVENT_BYTES {
            anyhow::bail!("the server sent an event of more than {MAX_EVENT_BYTES} bytes");
        }
        let mut events = Vec::new();
        let mut start = 0;
        while let Some(length) = self.buffer[start..].iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(&self.buffer[start..start + length]).into_owned();
            start += length + 1;
            self.line(line.trim_end_matches('\r'), &mut events);
        }
        self.buffer.drain(..start);
        Ok(events)
    }

    fn line(&mut self, line: &str, events: &mut Vec<String>) {
        if line.is_empty() {
            if !self.data.is_empty() {
                events.push(std::mem::take(&mut self.data));
            }
        } else if let Some(data) = line.strip_prefix("data:") {
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        }
    }
}

/// An event of a response; `None` for the mark that ends a stream.
pub(super) fn event(data: &str) -> anyhow::Result<Option<StreamEvent>> {
    if data == "[DONE]" {
        return Ok(None);
    }
    Ok(Some(serde_json::from_str(data)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_survive_any_cut() {
        let text = "event: x\r\ndata: {\"a\":\"\u{e4}\"}\r\n\r\n: ping\n\ndata: 1\ndata: 2\n\nda";
        for cut in 0..text.len() {
            let mut parser = Parser::default();
            let mut events = parser.push(&text.as_bytes()[..cut]).unwrap();
            events.extend(parser.push(&text.as_bytes()[cut..]).unwrap());
            assert_eq!(events, ["{\"a\":\"\u{e4}\"}", "1\n2"], "cut at {cut}");
        }
    }

    #[test]
    fn the_last_mark_is_no_event() {
        assert!(event("[DONE]").unwrap().is_none());
        assert!(event("{}").is_err());
    }
}
