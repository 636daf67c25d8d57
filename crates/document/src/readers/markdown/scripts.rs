//! Superscripts and subscripts in a line of plain text: `10^6`, `m²`, `H₂O`, and apart from the word
//! before where they are marks of notes.

/// Where small letters stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Raised,
    Lowered,
}

const LOWERED: [char; 10] = ['₀', '₁', '₂', '₃', '₄', '₅', '₆', '₇', '₈', '₉'];
/// Ends of numbers that are written small: English, French, Italian, Spanish.
const ORDINALS: [&str; 13] = [
    "st", "nd", "rd", "th", "er", "re", "e", "me", "ème", "eme", "o", "a", "nde",
];

/// Longest superscript or subscript between signs.
const MAX_MARKED_BYTES: usize = 16;

/// A superscript or subscript between two signs.
pub(super) struct Marked<'s> {
    pub(super) script: Script,
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
    let script = if mark == '^' {
        Script::Raised
    } else {
        Script::Lowered
    };
    let has_base = match script {
        Script::Raised => !before.is_empty(),
        Script::Lowered => {
            before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | ']'))
        }
    };
    // `H~2~O`, but `a^b^c` is code.
    let may_go_on = script == Script::Lowered && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_marked =
        end == mark && !text.is_empty() && is_single && has_base && (!goes_on || may_go_on);
    is_marked.then_some(Marked {
        script,
        len: len + 2,
        text,
    })
}

/// How small letters are written behind `before`, the end of the text up to the last blank.
pub(super) fn written(script: Script, before: &str, small: &str) -> String {
    let small = small.trim();
    let word_start = before
        .char_indices()
        .rev()
        .take_while(|(_, c)| c.is_alphanumeric())
        .last()
        .map_or(before.len(), |(at, _)| at);
    let word = &before[word_start..];
    if before.is_empty() || small.is_empty() {
        return small.to_owned();
    }
    let joined = match script {
        Script::Raised => raised(before, word, small),
        Script::Lowered => lowered(before, word, small),
    };
    // The mark of a note.
    joined.unwrap_or_else(|| format!(" {small}"))
}

/// Numbers and letters above the line, if they belong to what stands before.
fn raised(before: &str, word: &str, small: &str) -> Option<String> {
    let follows_digit = word.ends_with(|c: char| c.is_numeric());
    let power = || format!("^{}", small.replace('−', "-"));
    if is_number(small) {
        let square = match small {
            "2" => Some("²"),
            "3" => Some("³"),
            _ => None,
        };
        return match square {
            _ if follows_digit => Some(power()),
            Some(square) if is_symbol(before, word) => Some(square.to_owned()),
            None if is_symbol(before, word) => Some(power()),
            _ => None,
        };
    }
    let are_letters = small.chars().all(char::is_alphabetic);
    let is_one_letter = word.chars().count() == 1;
    match are_letters {
        true if follows_digit && ORDINALS.contains(&small) => Some(small.to_owned()),
        true if follows_digit => Some(power()),
        // `e^x`, but `Mlle`.
        true if is_one_letter && small.chars().count() == 1 => Some(power()),
        true if is_one_letter => Some(small.to_owned()),
        _ => None,
    }
}

fn lowered(before: &str, word: &str, small: &str) -> Option<String> {
    let is_formula = is_symbol(before, word) || word.contains(char::is_uppercase);
    if !is_formula {
        return None;
    }
    let digit = |c: char| c.to_digit(10).map(|digit| LOWERED[digit as usize]);
    let digits: Option<String> = small.chars().map(digit).collect();
    Some(digits.unwrap_or_else(|| format!("_{small}")))
}

fn is_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+', '−']);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a unit, a variable or a bracket stands before, and no word: one letter, or two without a
/// vowel, or a unit that is a word as well.
fn is_symbol(before: &str, word: &str) -> bool {
    let is_vowel = |c: char| "aeiouyAEIOUY".contains(c);
    let n_letters = word.chars().filter(|c| c.is_alphabetic()).count();
    match n_letters {
        0 => word.is_empty() && before.ends_with([')', ']']),
        1 => true,
        2 => !word.contains(is_vowel) || matches!(word, "in" | "mi" | "yd"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(script: Script, before: &str, small: &str) -> String {
        let tail = before.rsplit(' ').next().unwrap_or(before);
        format!("{before}{}", written(script, tail, small))
    }

    #[test]
    fn powers_units_and_ordinals_stay_with_their_number() {
        for (before, small, expected) in [
            ("10", "6", "10^6"),
            ("10", "−3", "10^-3"),
            ("2", "n", "2^n"),
            ("5 m", "2", "5 m²"),
            ("kg/m", "3", "kg/m³"),
            ("km", "2", "km²"),
            ("E = mc", "2", "E = mc²"),
            ("s", "-1", "s^-1"),
            ("(a + b)", "2", "(a + b)²"),
            ("e", "x", "e^x"),
            ("the 1", "st", "the 1st"),
            ("le 2", "e", "le 2e"),
            ("M", "lle", "Mlle"),
        ] {
            assert_eq!(line(Script::Raised, before, small), expected);
        }
    }

    #[test]
    fn marks_of_notes_stand_apart() {
        for (before, small, expected) in [
            ("sank", "1", "sank 1"),
            ("sank", "2", "sank 2"),
            ("sank.", "12", "sank. 12"),
            ("the ship", "[3]", "the ship [3]"),
            ("in 1912", "[3]", "in 1912 [3]"),
            ("Acme", "TM", "Acme TM"),
            ("word", "a,b", "word a,b"),
            ("alone ", "1", "alone 1"),
        ] {
            assert_eq!(line(Script::Raised, before, small), expected);
        }
        assert_eq!(line(Script::Lowered, "sank", "1"), "sank 1");
    }

    #[test]
    fn signs_mark_what_is_one_word_behind_another() {
        let text = |source: &str| {
            let at = source.find(['^', '~']).unwrap();
            let marked = marked(source, at, source[..at].rsplit(' ').next().unwrap());
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

    #[test]
    fn formulas_are_kept() {
        for (before, small, expected) in [
            ("H", "2", "H₂"),
            ("CO", "2", "CO₂"),
            ("H₂SO", "4", "H₂SO₄"),
            ("Ca(OH)", "2", "Ca(OH)₂"),
            ("x", "i", "x_i"),
            ("V", "max", "V_max"),
            ("a", "10", "a₁₀"),
        ] {
            assert_eq!(line(Script::Lowered, before, small), expected);
        }
    }
}
