use std::fmt::Write as _;
use std::time::Instant;

use super::*;

const SECRET: &str = "sk-Ab+/9 \"q\\z=&%41é_";
const PLAIN: &str = "sk-Ab+/9\"q\\z=&%41_Zz";

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

fn base64(bytes: &[u8], url: bool, padded: bool) -> String {
    let mut alphabet = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if url {
        alphabet[62..].copy_from_slice(b"-_");
    }
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .fold(0_u32, |all, byte| all << 8 | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for n in 0..=three.len() {
            out.push(char::from(alphabet[(bits >> (18 - 6 * n) & 63) as usize]));
        }
        if padded {
            out.push_str(&"=".repeat(3 - three.len()));
        }
    }
    out
}

/// A character in one of its spellings.
fn spelled(byte: u8, choice: usize) -> String {
    match choice {
        0 => format!("%{byte:02X}"),
        1 => format!("%{byte:02x}"),
        2 => format!("%25{byte:02X}"),
        3 => format!("\\u00{byte:02x}"),
        4 => format!("\\u00{byte:02X}"),
        5 => format!("\\\\u00{byte:02x}"),
        6 => format!("\\x{byte:02x}"),
        7 => format!("&#{byte};"),
        8 => format!("&#x{byte:X};"),
        9 if matches!(byte, b'/' | b'"' | b'\\' | b'\'') => format!("\\{}", char::from(byte)),
        _ => char::from(byte).to_string(),
    }
}

fn scrub_in_pieces(needles: &Needles, text: &[u8], numbers: &mut Numbers) -> (Vec<u8>, bool) {
    let mut scanner = Scanner::new(needles);
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(numbers.below(9).min(rest.len()));
        out.extend(scanner.push(piece));
        assert!(scanner.kept() <= needles.window());
        rest = after;
    }
    out.extend(scanner.finish());
    (out, scanner.found().is_some())
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let needles = Needles::new(&[PLAIN], false).unwrap();
    let clean = needles.scrub(text.as_bytes());
    let clean = clean.unwrap_or_else(|| panic!("not found in {text}"));
    assert_eq!(String::from_utf8(clean).unwrap(), expected);
}

#[test]
fn a_secret_is_blotted_out_at_equal_length() {
    check(PLAIN, &"*".repeat(PLAIN.len()));
    check(
        &format!("<{PLAIN}{PLAIN}>"),
        &format!("<{}>", "*".repeat(40)),
    );
    let percent: String = PLAIN.bytes().map(|byte| spelled(byte, 0)).collect();
    check(
        &format!("?a={percent}&b"),
        &format!("?a={}&b", "*".repeat(60)),
    );
    let json = PLAIN.replace('\\', "\\\\").replace('"', "\\\"");
    check(
        &format!("{{\"a\":\"{json}\"}}"),
        &format!("{{\"a\":\"{}\"}}", "*".repeat(22)),
    );
}

#[test]
fn base64_is_found_at_every_offset_in_both_alphabets() {
    let needles = Needles::new(&[PLAIN], false).unwrap();
    for before in 0..7 {
        for after in 0..4 {
            for (url, padded) in [(false, true), (false, false), (true, true), (true, false)] {
                let whole = format!("{}{PLAIN}{}", "b".repeat(before), "~".repeat(after));
                let text = format!("x {} y", base64(whole.as_bytes(), url, padded));
                let clean = needles.scrub(text.as_bytes()).expect(&text);
                assert_eq!(clean.len(), text.len());
                let from = 2 + before * 8 / 6;
                let to = 2 + ((before + PLAIN.len()) * 8).div_ceil(6);
                assert!(clean[from..to].iter().all(|byte| *byte == b'*'), "{text}");
                assert_eq!(clean[..from], text.as_bytes()[..from]);
                assert_eq!(clean[to..], text.as_bytes()[to..]);
            }
        }
    }
}

#[test]
fn base64_is_found_wrapped_in_lines_and_escaped() {
    let needles = Needles::new(&[PLAIN], false).unwrap();
    let text = base64(format!("Bearer {PLAIN}").as_bytes(), false, true);
    for length in [1, 4, 19, 76] {
        for end in ["\n", "\r\n"] {
            let lines: Vec<&str> = text
                .as_bytes()
                .chunks(length)
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            let wrapped = lines.join(end);
            let clean = needles.scrub(wrapped.as_bytes()).expect(&wrapped);
            assert_eq!(clean.len(), wrapped.len());
        }
    }
    let text = text
        .replace('/', "\\/")
        .replace('+', "%2B")
        .replace('=', "%3D");
    assert!(needles.find(text.as_bytes()).is_some());
}

#[test]
fn any_mixture_of_spellings_is_found_in_any_pieces() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for round in 0..4000 {
        let length = MIN_SECRET_BYTES + numbers.below(90);
        let secret: String = (0..length)
            .map(|n| {
                let from = if n == 0 || n + 1 == length {
                    b'!'
                } else {
                    b' '
                };
                char::from(from + numbers.below(usize::from(b'~' - from) + 1) as u8)
            })
            .collect();
        let needles = Needles::new(&["another-one", &secret], false).unwrap();
        let hidden: String = match numbers.below(4) {
            0 => {
                let inner = format!("{}{secret}", "p".repeat(numbers.below(5)));
                let text = base64(inner.as_bytes(), numbers.below(2) == 0, true);
                // What stands for bytes in front of the secret only is not blotted out.
                text.bytes()
                    .map(|byte| spelled(byte, numbers.below(60)))
                    .collect()
            }
            kind => secret
                .bytes()
                .map(|byte| spelled(byte, numbers.below([12, 60, 3][kind - 1])))
                .collect(),
        };
        // Ends that could be taken for the beginning of a spelling, and noise without `~`.
        let noise = |numbers: &mut Numbers| -> String {
            (0..numbers.below(30))
                .map(|_| char::from(b"%\\&2u0#x5;4%ab \n"[numbers.below(16)]))
                .collect()
        };
        let (before, after) = (noise(&mut numbers), noise(&mut numbers));
        let text = format!("{before}{hidden}{after}");
        let (clean, found) = scrub_in_pieces(&needles, text.as_bytes(), &mut numbers);
        assert!(found, "round {round}: {text}");
        assert_eq!(clean.len(), text.len());
        assert!(needles.find(&clean).is_none(), "round {round}: {text}");
        let whole = needles.scrub(text.as_bytes()).unwrap();
        assert_eq!(clean, whole, "round {round}: {text}");
    }
}

#[test]
fn other_texts_pass_as_they_are() {
    let needles = Needles::new(&[PLAIN, "0123456789abcdef"], false).unwrap();
    let mut numbers = Numbers(7);
    for _ in 0..300 {
        let text: Vec<u8> = (0..numbers.below(2000))
            .map(|_| (numbers.next() >> 16) as u8)
            .collect();
        let (clean, found) = scrub_in_pieces(&needles, &text, &mut numbers);
        assert!(!found);
        assert_eq!(clean, text);
    }
    // All but the last character, and a secret that is cut by another text.
    let nearly = &PLAIN[..PLAIN.len() - 1];
    assert!(needles.scrub(nearly.as_bytes()).is_none());
    assert!(
        needles
            .scrub(format!("{} {}", &PLAIN[..9], &PLAIN[9..]).as_bytes())
            .is_none()
    );
}

#[test]
fn what_has_not_begun_is_not_kept_back() {
    let needles = Needles::new(&["ghp_0123456789abcdef"], false).unwrap();
    let mut scanner = Scanner::new(&needles);
    assert_eq!(scanner.push(b"data: .....\n\n"), b"data: .....\n\n");
    assert_eq!(scanner.push(b"..ghp_01"), b"");
    assert_eq!(
        scanner.push(b"..........................."),
        b"..ghp_01..........................."
    );
    assert_eq!(scanner.push(b"...%"), b"...");
    assert_eq!(scanner.finish(), b"%");
}

#[test]
fn names_of_headers_lose_their_case() {
    let needles = Needles::new(&["AbCdEfGh-12"], true).unwrap();
    assert!(needles.find(b"x-abcdefgh-12-y").is_some());
    let inside = base64(b"AbCdEfGh-12", true, false).to_ascii_lowercase();
    assert!(needles.find(inside.as_bytes()).is_some());
    assert!(needles.find(b"x-abcdefgh-13-y").is_none());
}

#[test]
fn texts_that_cannot_be_secrets_are_refused() {
    for (text, error) in [
        ("short", NeedleError::Length),
        (&"a".repeat(MAX_SECRET_BYTES + 1), NeedleError::Length),
        (SECRET, NeedleError::Characters),
        ("with\nlines", NeedleError::Characters),
        (" with space", NeedleError::Characters),
    ] {
        assert_eq!(Needles::new(&[text], false).unwrap_err(), error);
    }
    let many: Vec<String> = (0..=MAX_NEEDLES)
        .map(|n| format!("secret-{n:04}"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(
        Needles::new(&many, false).unwrap_err(),
        NeedleError::TooMany
    );
    assert!(!format!("{:?}", Needles::new(&[PLAIN], false).unwrap()).contains("sk-"));
}

#[test]
fn hostile_streams_take_linear_time_and_bounded_memory() {
    let secret = "a".repeat(64);
    let long = "eyJhbGciOiJIUzI1NiJ9".repeat(100);
    let needles = Needles::new(&[&secret, &long], false).unwrap();
    let mut streams: Vec<String> = [
        "a", "%", "\\", "&#97;", "%61", "YW", "\r\n", "%25", "YWFh\n",
    ]
    .iter()
    .map(|piece| piece.repeat(200_000 / piece.len()))
    .collect();
    streams.push(format!("{}!", &secret[1..]).repeat(3000));
    streams.push("YQ\n\n\n".repeat(40_000));
    // What knows all of a long secret but its end.
    streams.push(long[..1999].repeat(100));
    let mut all = String::new();
    for stream in &streams {
        let started = Instant::now();
        let mut scanner = Scanner::new(&needles);
        let mut read = 0;
        for piece in stream.as_bytes().chunks(1000) {
            read += scanner.push(piece).len();
            assert!(scanner.kept() <= needles.window());
        }
        read += scanner.finish().len();
        assert_eq!(read, stream.len());
        let _ = write!(all, "{:?} ", started.elapsed());
        // A quadratic reader would take minutes.
        assert!(started.elapsed().as_secs() < 5, "{all}: {}", &stream[..20]);
    }
}
