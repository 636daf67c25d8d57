//! Names as one word, as files in TREC form hold them: their columns are parted by blanks.

use std::borrow::Cow;
use std::fmt::Write as _;

/// What stands for a name without a letter; no escape is so short.
const NOTHING: &str = "%";

/// A name as one word: `%` and what would end the word, or a terminal would obey, is written as URLs write
/// it (`%20`). Two names are never one word.
pub fn to_word(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if is_escaped(c) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        } else {
            out.push(c);
        }
    }
    if out.is_empty() {
        NOTHING.to_owned()
    } else {
        out
    }
}

/// The name that [`to_word`] wrote as this word. A `%` that it would not have written so stays.
pub fn of_word(word: &str) -> Cow<'_, str> {
    if word == NOTHING {
        return Cow::Borrowed("");
    }
    let mut name = String::new();
    let mut rest = word;
    while let Some(at) = rest.find('%') {
        name.push_str(&rest[..at]);
        let (c, len) = escaped(&rest[at..]).unwrap_or(('%', 1));
        name.push(c);
        rest = &rest[at + len..];
    }
    if name.is_empty() {
        return Cow::Borrowed(word);
    }
    name.push_str(rest);
    Cow::Owned(name)
}

fn is_escaped(c: char) -> bool {
    c == '%' || c.is_whitespace() || c.is_control()
}

/// The character that `text` begins with as an escape, and the length of that.
fn escaped(text: &str) -> Option<(char, usize)> {
    let mut bytes = Vec::with_capacity(4);
    for escape in text.as_bytes().chunks_exact(3).take(4) {
        let [b'%', high, low] = *escape else { break };
        let digits = [high, low].map(|digit| (digit as char).to_digit(16));
        let [Some(high), Some(low)] = digits else {
            break;
        };
        bytes.push((high * 16 + low) as u8);
        if let Ok(found) = str::from_utf8(&bytes) {
            let c = found.chars().next().filter(|&c| is_escaped(c))?;
            return Some((c, 3 * bytes.len()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_one_word_and_stay_apart() {
        for (name, word) in [
            ("notes/my file.md", "notes/my%20file.md"),
            ("notes/my%20file.md", "notes/my%2520file.md"),
            ("a\u{1b}b\u{a0}c", "a%1Bb%C2%A0c"),
            ("100%", "100%25"),
            ("", "%"),
            ("\0", "%00"),
            ("plain.md#12", "plain.md#12"),
        ] {
            assert_eq!(to_word(name), word);
            assert_eq!(of_word(word), name);
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        for word in ["100%", "%zz", "%4", "%41", "%E2%82%AC", "a%C3", "%%"] {
            assert_eq!(of_word(word), word);
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in "(\\PC|[%\t\u{1}\u{85} 0-9A-F]){0,8}") {
            let word = to_word(&name);
            prop_assert_eq!(of_word(&word), name.as_str());
            prop_assert!(!word.contains(char::is_whitespace));
        }
    }
}
