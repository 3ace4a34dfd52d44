//! The tokenizer of a model file: byte-level BPE, as the qwen2 and llama families have it.

use candle_core::quantized::gguf_file::Value;
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::tokenizer::SplitDelimiterBehavior;

use crate::chat::{Prompt, Segment};
use crate::error::LoadError;
use crate::weights::GgufFile;

const QWEN2_SPLIT: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const LLAMA3_SPLIT: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Names by which model families call the end of a turn or a text. A model may use another one than
/// the file's end token: chat models end a turn and a base model ends a text.
const END_NAMES: [&str; 8] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "<end_of_turn>",
    "</s>",
];

/// What a token is, as the file numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Normal,
    /// Never text: begins, ends and separates.
    Control,
    /// Text that is always one token.
    UserDefined,
    Unused,
}

/// Text to token ids and back.
pub(crate) struct Tokenizer {
    inner: tokenizers::Tokenizer,
    /// Each token's bytes; of special tokens, their names.
    bytes: Vec<Vec<u8>>,
    kinds: Vec<Kind>,
    /// Control and user-defined tokens, longest name first.
    specials: Vec<(String, u32)>,
    begin: Option<u32>,
    end: u32,
    ends: Vec<u32>,
    add_begin: bool,
}

impl Tokenizer {
    /// Builds the tokenizer that the file describes.
    pub(crate) fn from_gguf(file: &GgufFile) -> Result<Tokenizer, LoadError> {
        let model = file.string("tokenizer.ggml.model").unwrap_or("none");
        if model != "gpt2" {
            return Err(file.unsupported(format!("a tokenizer of type `{model}`")));
        }
        let tokens = file.strings("tokenizer.ggml.tokens")?;
        let merges = file
            .strings("tokenizer.ggml.merges")?
            .into_iter()
            .map(|merge| {
                let pair = merge
                    .split_once(' ')
                    .map(|(a, b)| (a.to_owned(), b.to_owned()));
                pair.ok_or_else(|| file.damaged("a merge of the tokenizer has no two parts"))
            });
        let merges = merges.collect::<Result<Vec<_>, _>>()?;
        let vocabulary = tokens
            .iter()
            .zip(0u32..)
            .map(|(token, id)| ((*token).to_owned(), id));
        let pre = file.string("tokenizer.ggml.pre").unwrap_or("gpt-2");
        let bpe = BPE::builder()
            .vocab_and_merges(
                vocabulary.collect::<tokenizers::models::bpe::Vocab>(),
                merges,
            )
            .ignore_merges(pre.starts_with("llama"))
            .build()
            .map_err(|error| file.damaged(format!("its tokenizer is not valid: {error}")))?;
        let mut inner = tokenizers::Tokenizer::new(bpe);
        inner.with_pre_tokenizer(Some(pre_tokenizer(file, pre)?));
        if pre == "qwen2" {
            inner
                .with_normalizer(Some(NFC))
                .map_err(|error| file.damaged(format!("its tokenizer is not valid: {error}")))?;
        }

        let types = file
            .value("tokenizer.ggml.token_type")
            .and_then(|value| value.to_vec().ok());
        let kinds: Vec<Kind> = (0..tokens.len())
            .map(|id| kind(types.and_then(|types| types.get(id))))
            .collect();
        let bytes = tokens.iter().zip(&kinds).map(|(token, kind)| match kind {
            Kind::Normal => from_byte_level(token),
            _ => token.as_bytes().to_vec(),
        });
        let mut specials: Vec<(String, u32)> = tokens
            .iter()
            .zip(0u32..)
            .filter(|(token, id)| {
                matches!(kinds[*id as usize], Kind::Control | Kind::UserDefined)
                    && !token.is_empty()
            })
            .map(|(token, id)| ((*token).to_owned(), id))
            .collect();
        specials.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        let id = |key: &str| {
            let id = file.integer(key).and_then(|id| u32::try_from(id).ok());
            id.filter(|id| (*id as usize) < tokens.len())
        };
        let begin = id("tokenizer.ggml.bos_token_id");
        let end = id("tokenizer.ggml.eos_token_id");
        let end = end.ok_or_else(|| file.damaged("it names no end token"))?;
        let named = specials.iter().filter(|(name, id)| {
            END_NAMES.contains(&name.as_str()) && kinds[*id as usize] == Kind::Control
        });
        let mut ends: Vec<u32> = named.map(|(_, id)| *id).collect();
        ends.push(end);
        ends.extend(id("tokenizer.ggml.eot_token_id"));
        Ok(Tokenizer {
            bytes: bytes.collect(),
            inner,
            kinds,
            specials,
            begin,
            end,
            ends,
            add_begin: matches!(
                file.value("tokenizer.ggml.add_bos_token"),
                Some(Value::Bool(true))
            ),
        })
    }

    /// Tokens in the vocabulary.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The ids of a text, in which nothing is a special token.
    pub(crate) fn encode(&self, text: &str) -> Vec<u32> {
        // Without added tokens and with every byte in the vocabulary, encoding cannot fail; an
        // incomplete vocabulary loses what it does not have.
        match self.inner.encode_fast(text, false) {
            Ok(encoding) => encoding.get_ids().to_vec(),
            Err(error) => {
                tracing::warn!(%error, "a text could not be tokenised");
                Vec::new()
            }
        }
    }

    /// The ids of a prompt.
    pub(crate) fn encode_prompt(&self, prompt: &Prompt) -> Vec<u32> {
        let mut ids = Vec::new();
        for segment in &prompt.segments {
            match segment {
                Segment::Text(text) => ids.extend(self.encode(text)),
                Segment::Special { id, .. } => ids.push(*id),
            }
        }
        if let Some(begin) = self
            .begin
            .filter(|begin| self.add_begin && ids.first() != Some(begin))
        {
            ids.insert(0, begin);
        }
        ids
    }

    /// The bytes that a token adds to a text; none for control tokens.
    pub(crate) fn text_bytes(&self, id: u32) -> &[u8] {
        match self.kinds.get(id as usize) {
            Some(Kind::Normal | Kind::UserDefined) => &self.bytes[id as usize],
            _ => &[],
        }
    }

    /// Whether a token ends the answer.
    pub(crate) fn is_end(&self, id: u32) -> bool {
        self.ends.contains(&id)
    }

    /// The file's end token.
    pub(crate) fn end(&self) -> u32 {
        self.end
    }

    /// The names of the begin and end tokens, for templates.
    pub(crate) fn begin_and_end_names(&self) -> (String, String) {
        let name = |id: u32| String::from_utf8_lossy(&self.bytes[id as usize]).into_owned();
        (self.begin.map(name).unwrap_or_default(), name(self.end))
    }

    /// Control and user-defined tokens, longest name first.
    pub(crate) fn specials(&self) -> &[(String, u32)] {
        &self.specials
    }

    /// Each token as a token trie wants it: bytes, with a marker before special ones.
    pub(crate) fn trie_words(&self) -> Vec<Vec<u8>> {
        let word = |(bytes, kind): (&Vec<u8>, &Kind)| match kind {
            Kind::Normal => bytes.clone(),
            _ => [&[toktrie::TokTrie::SPECIAL_TOKEN_MARKER], &bytes[..]].concat(),
        };
        self.bytes.iter().zip(&self.kinds).map(word).collect()
    }
}

fn kind(value: Option<&Value>) -> Kind {
    let number = match value {
        Some(Value::I32(number)) => i64::from(*number),
        Some(value) => value.to_u64().map_or(1, |number| number as i64),
        None => 1,
    };
    match number {
        2 | 3 => Kind::Control,
        4 => Kind::UserDefined,
        5 => Kind::Unused,
        _ => Kind::Normal,
    }
}

fn pre_tokenizer(file: &GgufFile, pre: &str) -> Result<PreTokenizerWrapper, LoadError> {
    let by_regex = |regex: &str| {
        let pattern = SplitPattern::Regex(regex.to_owned());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false)
            .map_err(|error| file.damaged(error.to_string()))?;
        let bytes = ByteLevel::new(false, false, false);
        Ok::<PreTokenizerWrapper, LoadError>(Sequence::new(vec![split.into(), bytes.into()]).into())
    };
    match pre {
        "qwen2" => by_regex(QWEN2_SPLIT),
        "llama-bpe" | "llama3" | "llama-v3" | "smaug-bpe" => by_regex(LLAMA3_SPLIT),
        "smollm" => {
            let bytes = ByteLevel::new(false, false, true);
            Ok(Sequence::new(vec![Digits::new(true).into(), bytes.into()]).into())
        }
        "gpt-2" | "gpt2" | "default" => Ok(ByteLevel::new(false, false, true).into()),
        other => Err(file.unsupported(format!("a tokenizer that splits text like `{other}`"))),
    }
}

/// The bytes behind a token's printable form: byte-level BPE writes bytes that do not print as
/// letters from 256 on.
fn from_byte_level(token: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(token.len());
    for letter in token.chars() {
        match byte_of(letter) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(letter.to_string().bytes()),
        }
    }
    bytes
}

fn byte_of(letter: char) -> Option<u8> {
    let code = u32::from(letter);
    match code {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => u8::try_from(code).ok(),
        // 0x00 to 0x20, then 0x7F to 0xA0, then 0xAD.
        0x100..=0x120 => u8::try_from(code - 0x100).ok(),
        0x121..=0x142 => u8::try_from(code - 0x121 + 0x7F).ok(),
        0x143 => Some(0xAD),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_letter_and_back() {
        let letters = (0u32..0x200).filter_map(char::from_u32);
        let mut bytes: Vec<u8> = letters.filter_map(byte_of).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
        assert_eq!(from_byte_level("Ġa"), b" a");
        assert_eq!(from_byte_level("Ċ"), b"\n");
        assert_eq!(from_byte_level("Ã©"), "é".as_bytes());
    }
}
