//! The fuzzed function over many streams that are made of what spellings are made of.

use std::time::{Duration, Instant};

use crate::fuzzed;

const ROUNDS: u64 = 20_000;
const LONGEST: Duration = Duration::from_secs(5);

#[test]
fn any_stream_is_scanned_the_same_however_it_is_cut() {
    let started = Instant::now();
    let mut state: u64 = 0x2545_f491_4f6c_dd1d;
    let mut next = move |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % limit as u64) as usize
    };
    for _ in 0..ROUNDS {
        if started.elapsed() > LONGEST {
            break;
        }
        let mut data: Vec<u8> = (0..2 + 88).map(|_| next(256) as u8).collect();
        // A secret of few characters repeats itself.
        let few = 1 + next(94);
        for byte in &mut data[2..] {
            *byte %= few as u8;
        }
        let length = 8 + usize::from(data[0] % 80);
        data.truncate(2 + length);
        let secret: Vec<u8> = data[2..].iter().map(|byte| b'!' + byte % 94).collect();
        for _ in 0..next(40) {
            match next(6) {
                0 => data.extend_from_slice(b"%\\&#u0;x"),
                1 => data.push(next(256) as u8),
                2 => {
                    let byte = secret[next(secret.len())];
                    data.extend(format!("%{byte:02X}\\u00{byte:02x}&#{byte};").bytes());
                }
                _ => {
                    let from = next(secret.len());
                    let to = from + 1 + next(secret.len() - from);
                    data.extend_from_slice(&secret[from..to]);
                }
            }
        }
        fuzzed::scanner(&data);
    }
}
