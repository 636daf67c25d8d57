//! Turns bytes into text: byte order mark, then UTF-8, else detected.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How much of a file is looked at to tell text from other things.
const SNIFF_BYTES: usize = 8 << 10;
/// How much of a file the encoding is guessed from. The guess settles within some hundred letters.
const DETECT_BYTES: usize = 1 << 20;
/// Text has no control characters to speak of; compressed data has one byte in ten.
const MAX_CONTROL_SHARE: usize = 32;

/// Decodes a text file. A byte order mark is dropped and every line ends in a line feed; everything
/// else is kept as it is.
pub(crate) fn decode(bytes: Vec<u8>) -> String {
    decode_declared(bytes, None)
}

/// Like [`decode`], for a file that may name its encoding itself.
///
/// A byte order mark beats the declaration, and so does valid UTF-8 beyond ASCII: it does not
/// come about by chance, while pages that declare the wrong encoding are common.
pub(crate) fn decode_declared(bytes: Vec<u8>, declared: Option<&'static Encoding>) -> String {
    with_line_feeds(decode_bytes(bytes, declared))
}

/// Lines of prose that end in one of the signs that Unicode has for it, where nothing else ends a
/// line.
pub(crate) fn with_unicode_lines(text: String) -> String {
    const LINE_ENDS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];
    if text.contains('\n') || !text.contains(LINE_ENDS) {
        return text;
    }
    text.replace(LINE_ENDS, "\n")
}

/// Turns carriage returns into line feeds where they, and not line feeds, end the lines: in files of
/// old Macintosh programs. A few of them in other files, as in logs of progress, end no line.
fn with_line_feeds(text: String) -> String {
    let (mut n_feeds, mut n_returns) = (0_usize, 0_usize);
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        n_feeds += usize::from(byte == b'\n');
        n_returns += usize::from(byte == b'\r' && bytes.peek() != Some(&b'\n'));
    }
    if n_returns <= n_feeds {
        return text;
    }
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn decode_bytes(mut bytes: Vec<u8>, declared: Option<&'static Encoding>) -> String {
    if let Some((encoding, bom_len)) = Encoding::for_bom(&bytes) {
        if encoding != UTF_8 {
            return encoding
                .decode_without_bom_handling(&bytes[bom_len..])
                .0
                .into_owned();
        }
        bytes.drain(..bom_len);
    } else if let Some(encoding) = utf16_without_mark(&bytes) {
        return encoding.decode_without_bom_handling(&bytes).0.into_owned();
    }
    let declared = declared.filter(|encoding| *encoding != UTF_8);
    if let (Some(encoding), true) = (declared, bytes.is_ascii()) {
        return encoding.decode_without_bom_handling(&bytes).0.into_owned();
    }
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let bytes = error.as_bytes();
            if declared.is_none() && is_damaged_utf8(bytes) {
                return String::from_utf8_lossy(bytes).into_owned();
            }
            let encoding = declared.unwrap_or_else(|| detect(bytes));
            encoding.decode_without_bom_handling(bytes).0.into_owned()
        }
    }
}

/// Whether these bytes are no text in any encoding.
pub(crate) fn is_binary(bytes: &[u8]) -> bool {
    if Encoding::for_bom(bytes).is_some_and(|(encoding, _)| encoding != UTF_8) {
        return false;
    }
    let start = &bytes[..bytes.len().min(SNIFF_BYTES)];
    if start.contains(&0) {
        return utf16_without_mark(bytes).is_none();
    }
    let n_control = start.iter().filter(|&&byte| is_control(byte)).count();
    n_control > start.len() / MAX_CONTROL_SHARE && std::str::from_utf8(bytes).is_err()
}

/// UTF-16 that begins without a byte order mark: mostly letters below U+0100, whose other byte is
/// zero, and nothing that no text holds.
fn utf16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = &bytes[..bytes.len().min(SNIFF_BYTES)];
    if !bytes.len().is_multiple_of(2) || start.len() < 4 {
        return None;
    }
    let zeros_at = |odd: usize| {
        start
            .iter()
            .skip(odd)
            .step_by(2)
            .filter(|&&b| b == 0)
            .count()
    };
    let (even, odd) = (zeros_at(0), zeros_at(1));
    // An emoji may have a zero in the other half.
    let mostly = |many: usize, few: usize| many * 8 >= start.len() && few * 16 <= many;
    let encoding = match (even, odd) {
        _ if mostly(odd, even) => UTF_16LE,
        _ if mostly(even, odd) => UTF_16BE,
        _ => return None,
    };
    // The sniffed part may end between the halves of a surrogate pair.
    let (text, _) = encoding.decode_without_bom_handling(&bytes[..start.len()]);
    let text = text
        .strip_suffix(char::REPLACEMENT_CHARACTER)
        .unwrap_or(&text);
    let odd_one = |c: char| {
        c == char::REPLACEMENT_CHARACTER
            || (c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\x0c'))
    };
    (!text.contains(odd_one)).then_some(encoding)
}

/// The last character boundary of `text` at or before `at`.
pub(crate) fn boundary_before(text: &str, at: usize) -> usize {
    // A character has at most four bytes.
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Whether this is UTF-8 with a few bad bytes, as in a log that was cut. Text in another encoding
/// holds next to no valid sequences of several bytes.
fn is_damaged_utf8(bytes: &[u8]) -> bool {
    let (mut n_valid, mut n_invalid) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        n_valid += chunk.valid().bytes().filter(|byte| *byte >= 0xC0).count();
        n_invalid += usize::from(!chunk.invalid().is_empty());
    }
    n_valid >= 4 * n_invalid
}

fn detect(bytes: &[u8]) -> &'static Encoding {
    let first = bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
    // A few letters of context before the first unusual one help the guess.
    let from = first.saturating_sub(64);
    let sample = &bytes[from..bytes.len().min(from + DETECT_BYTES)];
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, from + sample.len() == bytes.len());
    detector.guess(None, Utf8Detection::Deny)
}

/// A control byte that text files do not hold. Tab, line ends, form feed and escape are used in
/// some.
fn is_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b)
}

#[cfg(test)]
mod tests {
    use encoding_rs::{SHIFT_JIS, WINDOWS_1252};
    use proptest::prelude::*;

    use super::*;

    fn utf16(text: &str, little: bool) -> Vec<u8> {
        let bytes = |unit: u16| {
            if little {
                unit.to_le_bytes()
            } else {
                unit.to_be_bytes()
            }
        };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn byte_order_marks_are_obeyed_and_dropped() {
        let text = "Größe\r\n中文";
        assert_eq!(decode([b"\xEF\xBB\xBF", text.as_bytes()].concat()), text);
        assert_eq!(
            decode([b"\xFF\xFE", utf16(text, true).as_slice()].concat()),
            text
        );
        assert_eq!(
            decode([b"\xFE\xFF", utf16(text, false).as_slice()].concat()),
            text
        );
        for mark in [&b"\xEF\xBB\xBF"[..], b"\xFF\xFE", b"\xFE\xFF", b""] {
            assert!(!is_binary(mark));
            assert_eq!(decode(mark.to_vec()), "");
        }
    }

    #[test]
    fn utf16_is_recognised_without_its_mark() {
        let text = "A plain sentence, then more: größer \u{1F600} and so on.\n";
        for little in [true, false] {
            let bytes = utf16(&text.repeat(300), little);
            assert!(!is_binary(&bytes));
            assert_eq!(decode(bytes), text.repeat(300));
        }
    }

    #[test]
    fn other_encodings_are_detected() {
        let french = "Les élèves français étudient à l’école où règne la gaîté.";
        let (bytes, _, _) = WINDOWS_1252.encode(french);
        assert!(!is_binary(&bytes));
        assert_eq!(decode(bytes.into_owned()), french);
        let japanese = "これは日本語の文章です。文字コードを判定します。";
        let (bytes, _, _) = SHIFT_JIS.encode(japanese);
        assert!(!is_binary(&bytes));
        assert_eq!(decode(bytes.into_owned()), japanese);
    }

    #[test]
    fn a_few_bad_bytes_do_not_garble_utf8() {
        let bytes = [b"\xFFcut ", "naïve café, déjà vu – größte Übung".as_bytes()].concat();
        assert_eq!(
            decode(bytes),
            "\u{FFFD}cut naïve café, déjà vu – größte Übung"
        );
    }

    #[test]
    fn carriage_returns_end_lines_where_nothing_else_does() {
        assert_eq!(
            decode(b"one\rtwo\r\rthree\r".to_vec()),
            "one\ntwo\n\nthree\n"
        );
        assert_eq!(decode(b"\xEF\xBB\xBFone\rtwo".to_vec()), "one\ntwo");
        assert_eq!(
            decode(utf16("one\rtwo, größer\r", true)),
            "one\ntwo, größer\n"
        );
        assert_eq!(decode(b"one\rtwo\rthree\r\n".to_vec()), "one\ntwo\nthree\n");
        for kept in [
            "one\r\ntwo\r\n",
            "10%\r20%\ndone\n",
            "a\u{2028}b\n",
            "plain",
        ] {
            assert_eq!(decode(kept.into()), kept);
        }
    }

    #[test]
    fn other_line_ends_count_where_there_are_no_usual_ones() {
        let lines = |text: &str| with_unicode_lines(text.to_owned());
        assert_eq!(lines("a\u{2028}b\u{2029}c\u{85}d"), "a\nb\nc\nd");
        assert_eq!(lines("a\u{2028}b\nc"), "a\u{2028}b\nc");
    }

    #[test]
    fn what_is_no_text_is_binary() {
        assert!(is_binary(b"\x7fELF\x02\x01\x01\0\0\0\0\0"));
        assert!(is_binary(&[
            0x1f, 0x8b, 0x08, 0x01, 0xff, 0x02, 0x9c, 0x12, 0x06
        ]));
        assert!(is_binary(&(0..=u8::MAX).collect::<Vec<_>>()));
        assert!(!is_binary("\u{1b}[31mred\u{1b}[0m\n".repeat(99).as_bytes()));
        assert!(!is_binary(b""));
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = is_binary(&bytes);
            let _ = decode(bytes);
        }

        #[test]
        fn utf8_is_kept_as_it_is(text in "[^\u{FEFF}\\x00\r]\\PC{0,80}") {
            prop_assert_eq!(decode(text.clone().into_bytes()), text);
        }
    }
}
