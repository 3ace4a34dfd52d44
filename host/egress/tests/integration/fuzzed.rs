//! What must hold for any bytes. The fuzzer calls this function (`host/egress/fuzz`), and so does
//! every run of the tests.

use alcove_egress::{Needles, Scanner};

/// The first byte says how long the secret is, the second how the stream is cut and where the
/// secret is planted in it; then come the secret and the stream.
pub(crate) fn scanner(data: &[u8]) {
    let [length, plan, rest @ ..] = data else {
        return;
    };
    let length = 8 + usize::from(length % 80);
    if rest.len() < length {
        return;
    }
    let (secret, stream) = rest.split_at(length);
    // Printable, and without what blots out.
    let secret: String = secret
        .iter()
        .map(|byte| match b'!' + byte % 94 {
            b'*' => 'x',
            byte => char::from(byte),
        })
        .collect();
    let needles = Needles::new(&[&secret], false).expect("a secret");
    let mut stream = stream.to_vec();
    let is_planted = plan % 2 == 1;
    if is_planted {
        let at = usize::from(*plan) % (stream.len() + 1);
        stream.splice(at..at, secret.bytes());
    }
    let whole = needles.scrub(&stream);
    assert!(whole.is_some() || !is_planted);
    let mut scanner = Scanner::new(&needles);
    let mut out = Vec::new();
    for piece in stream.chunks(1 + usize::from(plan / 2 % 16)) {
        out.extend(scanner.push(piece));
        assert!(scanner.kept() <= needles.window());
    }
    out.extend(scanner.finish());
    assert_eq!(out.len(), stream.len());
    assert_eq!(out, whole.unwrap_or(stream));
    assert!(needles.find(&out).is_none());
}
