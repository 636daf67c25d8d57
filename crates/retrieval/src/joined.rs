//! Spellings that meet: words that some people write as one and others with a sign or a blank between.

use std::borrow::Cow;
use std::ops::Range;

use crate::fold::{fold, is_invisible};
use crate::parts::{Kind, Part};
use crate::stop_words::is_stop_word;

/// More words than this are a sentence with hyphens.
const MAX_PARTS: usize = 8;
/// Units have few letters; what a number counts has more, and nobody writes it in one word.
const MAX_UNIT_LETTERS: usize = 4;
/// Names before a number, as in `Windows 11`.
const MAX_NAME_LETTERS: usize = 12;
/// Longer numbers are amounts and not parts of a name or of a measure.
const MAX_DIGITS: usize = 5;
/// `AT&T` is one word, `salt&pepper` are two.
const MAX_LETTERS_BY_AMPERSAND: usize = 6;

/// Neighbouring words as one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JoinedParts {
    /// Folded, not stemmed.
    pub(crate) word: String,
    /// The bytes from the first to the last of them.
    pub(crate) range: Range<usize>,
    /// Which of the words they are.
    pub(crate) places: Range<usize>,
}

/// A sign between words that some leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Hyphen,
    Apostrophe,
    Ampersand,
    /// The full stops of `U.S.A.` and the slash of `I/O`.
    Initials,
}

/// Finds what may be written as one among words that have no white space between them.
pub(crate) fn in_chunk(text: &str, parts: &[Part]) -> Vec<JoinedParts> {
    let mut joined = Vec::new();
    let sign_behind = |pos: usize| sign(text, parts.get(pos)?, parts.get(pos + 1)?);
    let mut first = 0;
    while first + 1 < parts.len() {
        let Some(sign) = sign_behind(first) else {
            first += 1;
            continue;
        };
        let mut last = first + 1;
        while sign_behind(last) == Some(sign) {
            last += 1;
        }
        join(text, parts, sign, first..last + 1, &mut joined);
        first = last;
    }
    joined
}

/// Joins the words of a run with one sign between them, and each two neighbours among more than two.
fn join(
    text: &str,
    parts: &[Part],
    sign: Sign,
    mut run: Range<usize>,
    joined: &mut Vec<JoinedParts>,
) {
    if run.len() > MAX_PARTS {
        return;
    }
    let words = parts[run.clone()].iter();
    let mut words: Vec<String> = words.map(|part| fold(&text[part.range.clone()])).collect();
    if sign == Sign::Apostrophe {
        // Behind the word: the endings that an apostrophe leaves behind are stop words.
        let ending = words[1..].iter().position(|word| is_stop_word(word));
        words.truncate(ending.map_or(words.len(), |ending| ending + 1));
        run.end = run.start + words.len();
    }
    let is_number = |word: &String| word.bytes().all(|byte| byte.is_ascii_digit());
    let is_one = match sign {
        // From 10-20 to a day or the number of a telephone.
        Sign::Hyphen => run.len() > 2 || !words.iter().all(is_number),
        Sign::Apostrophe => run.len() > 1,
        Sign::Ampersand => words.iter().map(String::len).sum::<usize>() <= MAX_LETTERS_BY_AMPERSAND,
        Sign::Initials => true,
    };
    let mut push = |places: Range<usize>| {
        joined.push(JoinedParts {
            word: words[places.start - run.start..places.end - run.start].concat(),
            range: parts[places.start].range.start..parts[places.end - 1].range.end,
            places,
        });
    };
    if is_one {
        push(run.clone());
    }
    if sign == Sign::Hyphen && run.len() > 2 {
        for first in run.start..run.end - 1 {
            let pair = &words[first - run.start..first - run.start + 2];
            if !pair.iter().all(is_number) {
                push(first..first + 2);
            }
        }
    }
}

/// The sign between two words, if it is one that some leave out.
fn sign(text: &str, left: &Part, right: &Part) -> Option<Sign> {
    let is_letter = |part: &Part| {
        let mut letters = text[part.range.clone()].chars();
        letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()
    };
    match &*sign_between(text, left, right) {
        "-" => Some(Sign::Hyphen),
        "'" | "’" => Some(Sign::Apostrophe),
        "&" => Some(Sign::Ampersand),
        "." | "/" if is_letter(left) && is_letter(right) => Some(Sign::Initials),
        _ => None,
    }
}

/// What stands between two parts, without what cannot be seen, and with one kind of hyphen.
pub(crate) fn sign_between<'t>(text: &'t str, left: &Part, right: &Part) -> Cow<'t, str> {
    let between = &text[left.range.end..right.range.start];
    if between.is_ascii() {
        return Cow::Borrowed(between);
    }
    let seen = between.chars().filter(|&c| !is_invisible(c));
    let one_hyphen = |c| {
        if matches!(c, '\u{2010}' | '\u{2011}') {
            '-'
        } else {
            c
        }
    };
    Cow::Owned(seen.map(one_hyphen).collect())
}

/// A number and a unit or a name beside it, with one blank between them, as one word.
pub(crate) fn number(text: &str, left: &Part, right: &Part) -> Option<String> {
    let mut between = text[left.range.end..right.range.start].chars();
    let is_blank = between.next().is_some_and(char::is_whitespace) && between.next().is_none();
    if !is_blank || left.kind != Kind::Word || right.kind != Kind::Word {
        return None;
    }
    let (first, second) = (&text[left.range.clone()], &text[right.range.clone()]);
    let is_number =
        |word: &str| word.len() <= MAX_DIGITS && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = |word: &str, max_letters: usize| {
        word.chars().all(char::is_alphabetic)
            && word.chars().take(max_letters + 1).count() <= max_letters
            && !is_stop_word(&fold(word))
    };
    let is_one = is_number(first) && is_name(second, MAX_UNIT_LETTERS)
        || is_number(second) && is_name(first, MAX_NAME_LETTERS);
    is_one.then(|| fold(first) + &fold(second))
}

#[cfg(test)]
mod tests {
    use crate::{Role, analyze};

    fn joined(text: &str) -> Vec<String> {
        let mut joined: Vec<String> = analyze(text)
            .into_iter()
            .filter(|token| token.role == Role::Joined)
            .map(|token| token.term)
            .collect();
        joined.sort();
        joined
    }

    #[test]
    fn words_with_hyphens_are_one_word_too() {
        for (text, words) in [
            ("Wi-Fi", &["wifi"][..]),
            ("wi\u{2011}fi", &["wifi"]),
            ("e-mails", &["email"]),
            ("GPT-4", &["gpt4"]),
            ("a 16-GB card", &["16gb"]),
            ("magne-tosphere", &["magnetospher"]),
            ("price-determining", &["pricedetermin"]),
            ("wi-fi-router", &["firout", "wifi", "wifirout"]),
            ("2024-03-05", &["20240305"]),
            ("of 10-20", &[]),
            ("a - b", &[]),
            ("a--b", &[]),
            ("max_connections", &[]),
        ] {
            assert_eq!(joined(text), words, "{text}");
        }
    }

    #[test]
    fn apostrophes_initials_and_ampersands_are_left_out_by_some() {
        for (text, words) in [
            ("O'Brien’s", &["obrien"][..]),
            ("rock'n'roll", &["rocknrol"]),
            ("don't the dog's we'll", &[]),
            ("U.S.A.", &["usa"]),
            ("I/O", &["io"]),
            ("and/or v1.2 a.txt", &[]),
            ("R&D at AT&T", &["att", "rd"]),
            ("salt&pepper", &[]),
        ] {
            assert_eq!(joined(text), words, "{text}");
        }
    }

    #[test]
    fn numbers_join_units_and_names() {
        for (text, words) in [
            ("16 GB", &["16gb"][..]),
            ("16\u{A0}GB", &["16gb"]),
            ("GPT 4 and Windows 11", &["gpt4", "windows11"]),
            ("5 µm", &["5μm"]),
            ("12 in a row, of 3", &[]),
            ("16  GB, 12 people, 2 - GB", &[]),
            ("1000000 km", &[]),
        ] {
            assert_eq!(joined(text), words, "{text}");
        }
    }

    #[test]
    fn a_long_chain_is_read_in_linear_time() {
        for sign in ["-", "'", "&", "."] {
            analyze(&format!("a{sign}").repeat(300_000));
        }
    }
}
