//! Superscripts and subscripts in Markdown: `10^6^`, `H~2~O`.

use crate::readers::script::{Joined, Shift, join, looks_like_reference};

/// Longest superscript or subscript between signs.
const MAX_MARKED_BYTES: usize = 16;

/// A superscript or subscript between two signs.
pub(super) struct Marked<'s> {
    pub(super) shift: Shift,
    /// With its signs.
    pub(super) len: usize,
    pub(super) text: &'s str,
}

/// What stands between two `^` or `~`, the first of which is at `at`. As both signs have other uses, it
/// must be one number or word behind another, of which `before` is the end.
pub(super) fn marked<'s>(source: &'s str, at: usize, before: &str) -> Option<Marked<'s>> {
    let rest = &source[at..];
    let mark = rest.chars().next()?;
    let behind = &rest[1..];
    let is_of_text = |c: char| c.is_alphanumeric() || matches!(c, '-' | '+' | '−');
    let mut chars = behind
        .char_indices()
        .take_while(|(at, _)| *at <= MAX_MARKED_BYTES);
    let (len, end) = chars.find(|(_, c)| !is_of_text(*c))?;
    let text = &behind[..len];
    let after = behind[len + end.len_utf8()..].chars().next();
    let is_single = after != Some(mark) && !before.ends_with(mark);
    let goes_on = after.is_some_and(char::is_alphanumeric);
    let shift = if mark == '^' { Shift::Up } else { Shift::Down };
    let has_base = match shift {
        Shift::Up => ends_in_word(before),
        Shift::Down => before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | ']')),
    };
    // `H~2~O`, but `a^b^c` is code.
    let may_go_on = shift == Shift::Down && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_marked =
        end == mark && !text.is_empty() && is_single && has_base && (!goes_on || may_go_on);
    is_marked.then_some(Marked {
        shift,
        len: len + 2,
        text,
    })
}

/// How raised or lowered text is written behind `before`, the line up to it. What is a link refers to
/// a note.
pub(super) fn written(shift: Shift, before: &str, text: &str, is_link: bool) -> String {
    let text = text.trim();
    if text.is_empty() || !ends_in_word(before) {
        return text.to_owned();
    }
    match join(before, text, shift, is_link || looks_like_reference(text)) {
        Joined::To(form) => form,
        Joined::Apart => format!(" {text}"),
    }
}

fn ends_in_word(before: &str) -> bool {
    before.ends_with(|c: char| !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_goes_on_behind_a_word_and_begins_with_any_other() {
        for (shift, before, text, expected) in [
            (Shift::Up, "10", "6", "^6"),
            (Shift::Up, "She sank", " 1 ", " 1"),
            (Shift::Up, "She sank.", "[1]", " [1]"),
            (Shift::Up, "(a + b)", "n", "^n"),
            (Shift::Down, "H", "2", "₂"),
            (Shift::Up, "", "small print", "small print"),
            (Shift::Down, "see ", "this", "this"),
            (Shift::Up, "m", "", ""),
        ] {
            assert_eq!(written(shift, before, text, false), expected, "{before}");
        }
        assert_eq!(written(Shift::Up, "10", "6", true), " 6");
    }

    #[test]
    fn signs_mark_what_is_one_word_behind_another() {
        let text = |source: &str| {
            let at = source.find(['^', '~']).unwrap();
            let marked = marked(source, at, &source[..at]);
            marked.map(|marked| source[at + 1..at + marked.len - 1].to_owned())
        };
        for (source, expected) in [
            ("10^6^", "6"),
            ("H~2~O", "2"),
            ("end.^12^ x", "12"),
            ("s^−1^", "−1"),
        ] {
            assert_eq!(text(source).as_deref(), Some(expected), "{source}");
        }
        for source in [
            "^6^",
            "x^2 + y^2",
            "a^b^c",
            "10^6",
            "10^6 ^",
            "a~~b~~",
            "~5 to ~10",
            "a.~1~",
            "a^^",
            "a^é",
            "a^aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa^",
        ] {
            assert_eq!(text(source), None, "{source}");
        }
    }
}
