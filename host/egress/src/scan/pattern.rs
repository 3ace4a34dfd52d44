//! A secret as a row of classes of bytes: as it is, or inside base64.

/// The bits of a base64 symbol.
const SYMBOL_BITS: usize = 6;
/// Both alphabets of RFC 4648 share all symbols but the last two.
const SYMBOLS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Which bytes may stand at each place: for every byte a set of places, as bits.
pub(super) struct Pattern {
    /// How many places there are.
    pub(super) length: usize,
    /// How many words a set of places has.
    pub(super) words: usize,
    /// Whether line breaks may stand between the places, as they do in base64 of mails.
    pub(super) wraps: bool,
    masks: Vec<u64>,
}

impl Pattern {
    fn new(length: usize, wraps: bool) -> Pattern {
        let words = length.div_ceil(64);
        Pattern {
            length,
            words,
            wraps,
            masks: vec![0; 256 * words],
        }
    }

    fn allow(&mut self, place: usize, byte: u8, any_case: bool) {
        let mut set = |byte: u8| {
            self.masks[usize::from(byte) * self.words + place / 64] |= 1 << (place % 64);
        };
        set(byte);
        if any_case {
            set(byte.to_ascii_lowercase());
            set(byte.to_ascii_uppercase());
        }
    }

    /// The secret itself.
    pub(super) fn plain(secret: &[u8], any_case: bool) -> Pattern {
        let mut pattern = Pattern::new(secret.len(), false);
        for (place, byte) in secret.iter().enumerate() {
            pattern.allow(place, *byte, any_case);
            if *byte == b' ' {
                // So forms spell it.
                pattern.allow(place, b'+', any_case);
            }
        }
        pattern
    }

    /// The secret inside a longer text in base64, after `3n + offset` other bytes. The first and the
    /// last symbol may hold bits of their neighbours too, so they are classes of symbols.
    pub(super) fn base64(secret: &[u8], offset: usize, any_case: bool) -> Pattern {
        let lead = offset * 8 % SYMBOL_BITS;
        let bits = lead + secret.len() * 8;
        let mut pattern = Pattern::new(bits.div_ceil(SYMBOL_BITS), true);
        // The bit at a place of the text, where it is one of the secret's.
        let bit = |place: usize| -> Option<u8> {
            let place = place.checked_sub(lead)?;
            Some(secret.get(place / 8)? >> (7 - place % 8) & 1)
        };
        for place in 0..pattern.length {
            let (mut known, mut value) = (0, 0);
            for n in 0..SYMBOL_BITS {
                if let Some(bit) = bit(place * SYMBOL_BITS + n) {
                    let shift = SYMBOL_BITS - 1 - n;
                    known |= 1 << shift;
                    value |= bit << shift;
                }
            }
            for symbol in (0..64_u8).filter(|symbol| symbol & known == value) {
                match symbol {
                    62 => {
                        pattern.allow(place, b'+', false);
                        pattern.allow(place, b'-', false);
                    }
                    63 => {
                        pattern.allow(place, b'/', false);
                        pattern.allow(place, b'_', false);
                    }
                    _ => pattern.allow(place, SYMBOLS[usize::from(symbol)], any_case),
                }
            }
        }
        pattern
    }

    /// One word of the set of places at which `byte` may stand.
    pub(super) fn mask(&self, byte: u8, word: usize) -> u64 {
        self.masks[usize::from(byte) * self.words + word]
    }

    pub(super) fn allows(&self, place: usize, byte: u8) -> bool {
        self.mask(byte, place / 64) >> (place % 64) & 1 == 1
    }
}
