//! Raised and lowered text in a line without raised letters: `sank 1`, `10^6`, `m²`, `1st`, `H₂O`.
//!
//! A mark of a footnote must leave its word alone, or nobody finds the word. An exponent, an index and
//! an ending belong to what they stand at.

/// Whether text is raised or lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shift {
    Up,
    Down,
}

/// How raised or lowered text is written behind what it stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Joined {
    /// Right behind it, in this form.
    To(String),
    /// As a word of its own.
    Apart,
}

/// Longer text is no exponent and no index.
const MAX_BYTES: usize = 64;
/// Functions that are raised to a power by a sign behind their name.
const FUNCTIONS: [&str; 11] = [
    "sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp", "det", "lg",
];
/// Units of two or three letters that have a vowel; those without one look like no word anyhow.
const UNITS: [&str; 12] = [
    "in", "mi", "yd", "au", "mol", "rad", "amu", "Pa", "hPa", "kPa", "eV", "sr",
];
/// What makes a number an ordinal one, in English, French, Italian, Spanish and Portuguese.
const ORDINALS: [&str; 20] = [
    "st", "nd", "rd", "th", "e", "er", "re", "ère", "eme", "ème", "ième", "ers", "res", "es", "de",
    "o", "a", "os", "as", "te",
];
/// Endings of abbreviated words, with the words' beginnings.
const ABBREVIATIONS: [(&str, &[&str]); 6] = [
    ("M", &["me", "mes", "lle", "lles", "gr", "r", "rs"]),
    ("D", &["r", "re"]),
    ("S", &["t", "te", "r"]),
    ("N", &["o", "os", "r"]),
    ("n", &["o", "os"]),
    ("V", &["ve"]),
];

/// Joins raised or lowered `text` to `before`, the text of the line up to it.
///
/// `is_reference` says that it is known to be a mark that refers to a note.
pub(super) fn join(before: &str, text: &str, shift: Shift, is_reference: bool) -> Joined {
    let base = Base::of(before);
    if is_reference || text.len() > MAX_BYTES || base == Base::None {
        return Joined::Apart;
    }
    if matches!(
        text,
        "°" | "º" | "ª" | "∘" | "′" | "″" | "®" | "™" | "℠" | "©"
    ) {
        return Joined::To(text.to_owned());
    }
    if shift == Shift::Down && is_fraction(before, text) {
        return Joined::To(text.to_owned());
    }
    match shift {
        Shift::Up => raised(&base, text),
        Shift::Down => lowered(&base, text),
    }
}

/// Whether a raised text is a mark of a note by its looks: `[12]`, `†`, `1,2`.
pub(super) fn looks_like_reference(text: &str) -> bool {
    let is_bracketed = text.starts_with('[') && text.ends_with(']');
    let is_sign = |c: char| matches!(c, '*' | '†' | '‡' | '§' | '¶' | '‖' | '#');
    let lists_numbers = text.contains([',', ';', '–'])
        && text.starts_with(|c: char| c.is_ascii_digit())
        && text
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, ',' | ';' | '–' | '-' | ' '));
    is_bracketed || lists_numbers || (!text.is_empty() && text.chars().all(is_sign))
}

/// Puts text that is longer than one sign between brackets.
pub(super) fn grouped(text: &str) -> String {
    let unsigned = text.trim_start_matches(['-', '+']);
    let is_one = !unsigned.is_empty() && unsigned.chars().all(char::is_alphanumeric);
    if is_one {
        text.to_owned()
    } else {
        format!("({text})")
    }
}

/// Digits as superscripts, where there are only digits and signs.
pub(super) fn superscript(text: &str) -> Option<String> {
    let raised = |c| {
        Some(match c {
            '0' => '⁰',
            '1' => '¹',
            '2' => '²',
            '3' => '³',
            '4'..='9' => char::from_u32('⁴' as u32 + (c as u32 - '4' as u32))?,
            '+' => '⁺',
            '-' | '−' => '⁻',
            _ => return None,
        })
    };
    text.chars().map(raised).collect()
}

/// What raised or lowered text stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base<'t> {
    /// A blank, or the beginning of a line.
    None,
    /// A run of digits, with points and commas among them.
    Number(&'t str),
    /// A run of Latin or Greek letters.
    Letters(&'t str),
    /// A subscript digit.
    Subscript,
    /// A closing bracket; true where what is between the brackets is a formula.
    Bracket(bool),
    /// A full stop, a quotation mark, a letter of another script.
    Other,
}

impl<'t> Base<'t> {
    /// How far back it is looked at, in characters.
    const MAX_CHARS: usize = 48;

    fn of(before: &'t str) -> Self {
        let is_numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
        match before.chars().next_back() {
            None => Self::None,
            Some(c) if c.is_whitespace() => Self::None,
            Some(c) if c.is_ascii_digit() => Self::Number(run(before, is_numeric)),
            Some(c) if is_letter(c) => Self::Letters(run(before, is_letter)),
            Some('₀'..='₉') => Self::Subscript,
            Some(')' | ']') => Self::Bracket(ends_in_formula(before)),
            Some(_) => Self::Other,
        }
    }
}

/// The last characters of a text that fit.
fn run(text: &str, fits: impl Fn(char) -> bool) -> &str {
    let chars = text.char_indices().rev().take(Base::MAX_CHARS);
    let start = chars.take_while(|&(_, c)| fits(c)).last();
    start.map_or("", |(at, _)| &text[at..])
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic()
        || ('\u{370}'..='\u{3FF}').contains(&c)
        || matches!(c, 'µ' | 'ℝ' | 'ℤ' | 'ℕ' | 'ℂ' | 'Ω')
}

/// Whether a closing bracket ends a formula: nothing between the brackets is as long as a word.
fn ends_in_formula(text: &str) -> bool {
    let inside = run(text, |c| !matches!(c, '(' | '['));
    let has_start = inside.len() < text.len() && inside.chars().count() < Base::MAX_CHARS;
    has_start
        && inside
            .split(|c: char| !c.is_alphabetic())
            .all(|word| word.chars().count() < 4)
}

fn raised(base: &Base<'_>, text: &str) -> Joined {
    let power = || Joined::To(format!("^{}", grouped(&plain_minus(text))));
    if text == "TM" || text == "SM" {
        return Joined::To(if text == "TM" { "™" } else { "℠" }.to_owned());
    }
    let is_number = is_whole_number(text);
    match base {
        Base::Number(number) => {
            let is_year = number.len() == 4 && ("1500".."2200").contains(number);
            if ORDINALS.contains(&text) && (text.len() > 1 || number.len() < 3) {
                Joined::To(text.to_owned())
            } else if (is_year && is_number && text.len() < 3)
                || (number.len() > 2 && matches!(text, "a" | "b" | "c" | "d"))
                || number.ends_with(['.', ','])
            {
                Joined::Apart
            } else if is_formula(text) {
                power()
            } else {
                Joined::Apart
            }
        }
        Base::Letters(letters) => raised_letters(letters, text, is_number).unwrap_or_else(power),
        Base::Subscript if is_charge(text) || is_number => power(),
        Base::Bracket(true) if is_formula(text) => power(),
        _ => Joined::Apart,
    }
}

/// What stands at letters; `None` where it is a power that has no short form.
fn raised_letters(letters: &str, text: &str, is_number: bool) -> Option<Joined> {
    let n_letters = letters.chars().count();
    if is_abbreviation(letters, text) {
        return Some(Joined::To(text.to_owned()));
    }
    let is_short = is_symbol(letters) || is_unit(letters) || FUNCTIONS.contains(&letters);
    if is_number && text != "1" && is_short {
        return Some(superscript(text).map_or(Joined::Apart, Joined::To));
    }
    if is_charge(text) && n_letters < 4 {
        return superscript(text).map(Joined::To);
    }
    // Only a single letter has anything but a number as its exponent: `x^n`, `e^-x`.
    let is_power = is_symbol(letters) && is_formula(text) && text != "1";
    if is_power { None } else { Some(Joined::Apart) }
}

/// The lower part of a fraction: `1/2`.
fn is_fraction(before: &str, text: &str) -> bool {
    before.ends_with(['/', '⁄']) && is_whole_number(text)
}

fn lowered(base: &Base<'_>, text: &str) -> Joined {
    let index = || Joined::To(format!("_{}", grouped(&plain_minus(text))));
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match base {
        // A formula of chemistry, or a letter with a number. The digits of a longer word would
        // become part of it.
        Base::Letters(letters) => {
            let is_word = letters.len() > 3 && letters.chars().skip(1).all(char::is_lowercase);
            match subscript(text) {
                Some(digits) if !is_word => Joined::To(digits),
                _ if text.contains(char::is_whitespace) => Joined::Apart,
                _ => index(),
            }
        }
        Base::Bracket(_) | Base::Subscript if is_number => {
            subscript(text).map_or(Joined::Apart, Joined::To)
        }
        Base::Number(_) | Base::Bracket(true) | Base::Other if is_formula(text) => index(),
        _ => Joined::Apart,
    }
}

/// Digits as subscripts, and up to two letters behind them as they are: `2e` of `CO₂e`.
fn subscript(text: &str) -> Option<String> {
    let letters = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - letters.len()];
    let is_usable = !digits.is_empty()
        && letters.len() < 3
        && letters.bytes().all(|byte| byte.is_ascii_alphabetic());
    let lower = |c: char| char::from_u32('₀' as u32 + c.to_digit(10)?);
    is_usable.then(|| Some(digits.chars().map(lower).collect::<Option<String>>()? + letters))?
}

/// A letter on its own, or two or three without a vowel: `x`, `mc`, `kg`. No word is like that.
fn is_symbol(letters: &str) -> bool {
    let n_letters = letters.chars().count();
    let is_vowel = |c: char| "aeiouyAEIOUY".contains(c);
    let has_small = || letters.chars().any(char::is_lowercase);
    n_letters == 1 || (n_letters < 4 && has_small() && !letters.contains(is_vowel))
}

fn is_unit(letters: &str) -> bool {
    UNITS.contains(&letters)
}

/// Beginnings of words whose end is raised, and Roman numbers.
fn is_abbreviation(letters: &str, text: &str) -> bool {
    let is_known = ABBREVIATIONS
        .iter()
        .any(|(start, ends)| *start == letters && ends.contains(&text));
    let is_roman = letters.bytes().all(|byte| b"IVXLCDM".contains(&byte));
    let is_nth = letters.len() == 1 && text == "th";
    is_known || is_nth || (is_roman && ORDINALS.contains(&text) && (text.len() > 1 || text == "e"))
}

/// A charge such as `+`, `2+` or `−`.
fn is_charge(text: &str) -> bool {
    let digits = text.trim_end_matches(['+', '-', '−']);
    digits.len() < text.len() && digits.len() < 2 && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_whole_number(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '−', '+']);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// What may stand in an exponent: numbers, single letters and signs, in any number but without words.
fn is_formula(text: &str) -> bool {
    let is_word = |word: &str| word.chars().filter(|c| c.is_alphabetic()).count() > 3;
    !text.is_empty() && !text.split(|c: char| !c.is_alphanumeric()).any(is_word)
}

fn plain_minus(text: &str) -> String {
    let squeezed = text.split_whitespace().collect::<Vec<_>>().concat();
    squeezed.replace('−', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(before: &str, text: &str, shift: Shift) -> String {
        match join(before, text, shift, looks_like_reference(text)) {
            Joined::To(form) => format!("{before}{form}"),
            Joined::Apart => format!("{before} {text}"),
        }
    }

    #[test]
    fn marks_of_notes_stand_apart() {
        for (before, text) in [
            ("sank", "1"),
            ("sank", "[12]"),
            ("sank", "1,2"),
            ("sank", "a"),
            ("sank.", "1"),
            ("sank”", "3"),
            ("it", "2"),
            ("USA", "2"),
            ("in 1912", "4"),
            ("x", "1"),
            ("mc", "†"),
            ("95%", "1"),
            ("1990", "a"),
            ("(as was said before)", "2"),
            ("船", "2"),
            ("sank", "citation needed"),
            ("it was 5.", "2"),
        ] {
            assert_eq!(joined(before, text, Shift::Up), format!("{before} {text}"));
        }
        assert_eq!(join("10", "6", Shift::Up, true), Joined::Apart);
    }

    #[test]
    fn powers_units_and_endings_stay_with_what_they_stand_at() {
        for (before, text, whole) in [
            ("10", "6", "10^6"),
            ("1.5×10", "−6", "1.5×10^-6"),
            ("2", "n + 1", "2^(n+1)"),
            ("x", "n", "x^n"),
            ("e", "-x", "e^-x"),
            ("x", "2", "x²"),
            ("m", "2", "m²"),
            ("5 km", "2", "5 km²"),
            ("in", "3", "in 3"),
            ("E = mc", "2", "E = mc²"),
            ("s", "-1", "s⁻¹"),
            ("sin", "2", "sin²"),
            ("(a + b)", "2", "(a + b)^2"),
            ("1", "st", "1st"),
            ("22", "nd", "22nd"),
            ("n", "th", "nth"),
            ("XIX", "e", "XIXe"),
            ("M", "me", "Mme"),
            ("N", "o", "No"),
            ("Acme", "TM", "Acme™"),
            ("Acme", "®", "Acme®"),
            ("Ca", "2+", "Ca²⁺"),
            ("SO₄", "2−", "SO₄^(2-)"),
            ("A", "T", "A^T"),
        ] {
            let expected = if whole == "in 3" { "in³" } else { whole };
            assert_eq!(joined(before, text, Shift::Up), expected);
        }
    }

    #[test]
    fn lowered_digits_keep_formulas_whole() {
        for (before, text, whole) in [
            ("H", "2", "H₂"),
            ("CO", "2", "CO₂"),
            ("CaCO", "3", "CaCO₃"),
            ("Fe(OH)", "3", "Fe(OH)₃"),
            ("CO", "2e", "CO₂e"),
            ("x", "i", "x_i"),
            ("x", "max", "x_max"),
            ("x", "i,j", "x_(i,j)"),
            ("log", "10", "log₁₀"),
            ("Table", "1", "Table_1"),
            ("word", "a note", "word a note"),
        ] {
            assert_eq!(joined(before, text, Shift::Down), whole);
        }
    }
}
