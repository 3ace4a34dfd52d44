//! The tokenizer of the sentence encoder: uncased BERT word pieces.

use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::bert::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;

/// The vocabulary of BERT's uncased models, one piece a line. Safetensors has no place for it.
const VOCABULARY: &str = include_str!("../data/bert-uncased-vocab.txt");
/// Longer words are one unknown piece.
const MAX_WORD_CHARS: usize = 100;
const UNKNOWN: &str = "[UNK]";
const BEGIN: u32 = 101;
const END: u32 = 102;

/// Text to ids of word pieces.
pub(crate) struct WordPieces {
    inner: tokenizers::Tokenizer,
}

impl WordPieces {
    pub(crate) fn new() -> Result<WordPieces, tokenizers::Error> {
        let pieces = VOCABULARY.lines().map(str::to_owned).zip(0u32..);
        let model = WordPiece::builder()
            .vocab(pieces.collect::<tokenizers::models::bpe::Vocab>())
            .unk_token(UNKNOWN.to_owned())
            .max_input_chars_per_word(MAX_WORD_CHARS)
            .build()?;
        let mut inner = tokenizers::Tokenizer::new(model);
        inner.with_normalizer(Some(BertNormalizer::new(true, true, None, true)))?;
        inner.with_pre_tokenizer(Some(BertPreTokenizer));
        Ok(WordPieces { inner })
    }

    /// The pieces between the marks of begin and end, no more than `limit` in all.
    pub(crate) fn encode(&self, text: &str, limit: usize) -> Result<Vec<u32>, tokenizers::Error> {
        let encoding = self.inner.encode_fast(text, false)?;
        let pieces = encoding.get_ids().iter().copied();
        let mut ids = vec![BEGIN];
        ids.extend(pieces.take(limit.saturating_sub(2)));
        ids.push(END);
        Ok(ids)
    }
}
