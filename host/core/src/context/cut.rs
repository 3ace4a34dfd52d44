//! Cutting a tool's result to what there is room for.

use super::TokenCounter;

/// A text, whole or cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The text; where it was cut, its last line says how much is missing.
    pub text: String,
    /// Its tokens.
    pub tokens: u32,
    /// Whether something is missing.
    pub is_cut: bool,
}

/// No token is shorter than this on average over a long text, so more bytes are never counted:
/// counting costs time in proportion to the text.
const LONGEST_TOKEN_BYTES: usize = 16;

/// The beginning of the text, with at most about so many tokens.
pub fn cut_to_tokens(counter: &dyn TokenCounter, text: &str, limit: u32) -> Cut {
    let most_bytes = (limit as usize).saturating_mul(LONGEST_TOKEN_BYTES);
    let mut kept = head(text, most_bytes);
    let mut tokens = counter.count(kept);
    if kept.len() == text.len() && tokens <= limit {
        return Cut {
            text: text.to_owned(),
            tokens,
            is_cut: false,
        };
    }
    // In proportion, until it fits: each round keeps at most nine tenths of what is too long.
    while tokens > limit && !kept.is_empty() {
        let share = kept.len() as u64 * u64::from(limit) / u64::from(tokens);
        let most = share.min(kept.len() as u64 * 9 / 10);
        kept = head(kept, usize::try_from(most).unwrap_or(kept.len()));
        tokens = counter.count(kept);
    }
    let missing = text.chars().count() - kept.chars().count();
    let text = format!("{kept}\n[… {missing} more characters]");
    let tokens = counter.count(&text);
    Cut {
        text,
        tokens,
        is_cut: true,
    }
}

/// The beginning with at most so many bytes; never half a character.
fn head(text: &str, most_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(most_bytes)]
}
