//! Server-sent events, as they arrive.

/// An event longer than this is an error.
const MAX_EVENT_BYTES: usize = 4 << 20;

/// Cuts a stream of bytes into the data of events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    line: Vec<u8>,
    data: String,
}

impl Events {
    /// Takes bytes, and gives the data of every event that ended in them; none where an event is
    /// longer than any message should be.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Option<Vec<String>> {
        let mut ended = Vec::new();
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                if self.line.len() + self.data.len() > MAX_EVENT_BYTES {
                    return None;
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\r');
            if line.is_empty() {
                if !self.data.is_empty() {
                    ended.push(std::mem::take(&mut self.data));
                }
            } else if let Some(data) = line.strip_prefix("data:") {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
            }
        }
        Some(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_may_come_in_any_pieces() {
        let text =
            b": hello\r\nevent: message\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\ndata:2\n\nid: 3\n\n";
        for size in [1, 2, 7, 1000] {
            let mut events = Events::default();
            let seen: Vec<String> = text
                .chunks(size)
                .flat_map(|piece| events.take(piece).unwrap())
                .collect();
            assert_eq!(seen, ["{\"a\":\n1}", "2"], "{size}");
        }
    }

    #[test]
    fn an_endless_event_is_an_error() {
        let mut events = Events::default();
        let piece = vec![b'x'; 1 << 20];
        assert!((0..5).any(|_| events.take(&piece).is_none()));
    }
}
