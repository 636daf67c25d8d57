//! Long lists of numbers that are a picture or a program to a machine.

/// From this many bytes on, a list of bytes is no example any more.
pub(super) const MIN_BYTES: usize = 32;
/// From this many bytes on, pairs of digits are no fingerprint, which has 32 at most.
pub(super) const MIN_PAIRS: usize = 40;
/// Shorter outlines are those of an icon in an article about icons.
const MIN_OUTLINE_LEN: usize = 64;
/// A list of nothing but numbers may be data that somebody wrote down.
const MIN_POINTS_LEN: usize = 200;

/// The length of an outline such as `M0 0L24 24z`, or of a list of points, between the quote that
/// `bytes` begin with and the next one.
pub(super) fn drawing_len(bytes: &[u8]) -> Option<usize> {
    let quote = *bytes.first()?;
    let is_outline = matches!(bytes.get(1), Some(b'M' | b'm'));
    let min_len = if is_outline {
        MIN_OUTLINE_LEN
    } else {
        MIN_POINTS_LEN
    };
    let is_part = |byte: &&u8| {
        byte.is_ascii_digit()
            || byte.is_ascii_whitespace()
            || b".,-+eE".contains(byte)
            || is_outline && b"MmLlHhVvCcSsQqTtAaZz".contains(byte)
    };
    let len = bytes[1..].iter().take_while(is_part).count();
    let drawing = &bytes[1..=len];
    let n_digits = drawing.iter().filter(|byte| byte.is_ascii_digit()).count();
    let is_drawing = bytes.get(len + 1) == Some(&quote) && len >= min_len && n_digits * 4 >= len;
    is_drawing.then_some(len)
}

/// Whether a byte in hexadecimal form, as in a list or in a string, stands at the beginning.
pub(super) fn is_byte(bytes: &[u8]) -> bool {
    byte_len(bytes) > 0
}

/// The length of `0x89, 0x50, …` or `\x89\x50…` at the beginning, and how many bytes it lists.
pub(super) fn bytes_len(bytes: &[u8]) -> (usize, usize) {
    let (mut end, mut n_bytes) = (0, 0);
    let mut at = 0;
    loop {
        let len = byte_len(&bytes[at..]);
        if len == 0 {
            return (end, n_bytes);
        }
        n_bytes += 1;
        at += len;
        at += usize::from(bytes.get(at) == Some(&b','));
        end = at;
        let is_blank = |byte: &&u8| byte.is_ascii_whitespace();
        at += bytes[at..].iter().take_while(is_blank).count();
    }
}

/// `0x` or `\x` and two digits at most; longer numbers are constants, which people search for.
fn byte_len(bytes: &[u8]) -> usize {
    match bytes {
        [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => 4,
        [b'0', b'x' | b'X', digits @ ..] => {
            let is_digit = |byte: &&u8| byte.is_ascii_hexdigit();
            match digits.iter().take(3).take_while(is_digit).count() {
                n @ 1..=2 => n + 2,
                _ => 0,
            }
        }
        _ => 0,
    }
}

/// Whether a byte as a pair of hexadecimal digits, with a colon or a blank behind it, stands at the
/// beginning.
pub(super) fn is_pair(bytes: &[u8]) -> bool {
    matches!(bytes, [high, low, b':' | b' ', ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// The length of `30:82:05:…` or `30 82 05 …` at the beginning, and how many bytes it lists: 0 where a
/// letter is so rare among the digits that these are numbers.
pub(super) fn pairs_len(bytes: &[u8]) -> (usize, usize) {
    let (mut at, mut n_pairs, mut n_letters) = (0, 0, 0);
    while is_pair(&bytes[at..]) {
        let letters = bytes[at..at + 2]
            .iter()
            .filter(|byte| byte.is_ascii_alphabetic());
        n_letters += letters.count();
        n_pairs += 1;
        at += 3;
        at += bytes[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
    }
    let n_pairs = if n_letters * 3 >= n_pairs { n_pairs } else { 0 };
    (bytes[..at].trim_ascii_end().len(), n_pairs)
}
