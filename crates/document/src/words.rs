//! Whether a text says anything: rules, brackets and the like hold no word.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Whether a text holds no word: nothing but white space, punctuation, rules, brackets and
/// invisible characters, or a single small letter of the Latin alphabet among them.
///
/// Models give such a text scores above those of sentences that are off the point, so it is not
/// worth an index's place, and comes last where texts are ranked. Symbols that people search for,
/// such as emoji, ∑ and €, are words; the signs that rules and frames are drawn with are not.
/// Takes time in proportion to the text up to its second letter.
///
/// ```
/// use reread_document::is_wordless;
///
/// assert!(is_wordless("| --- | --- |") && is_wordless("}") && is_wordless("a"));
/// assert!(is_wordless("1. 2."));
/// assert!(!is_wordless("Yes.") && !is_wordless("42") && !is_wordless("🚀") && !is_wordless("C++"));
/// ```
pub fn is_wordless(text: &str) -> bool {
    let mut letters = text.char_indices().filter(|&(_, c)| is_part_of_word(c));
    match (letters.next(), letters.next()) {
        (None, _) => true,
        _ if text.split_whitespace().all(is_list_number) => true,
        // A language of this name is written as its sign.
        (Some((at, 'a'..='z')), None) => !text[at + 1..].starts_with(['+', '#']),
        _ => false,
    }
}

/// Whether this numbers an item of a list: `1.` or `12)`.
fn is_list_number(word: &str) -> bool {
    let number = word.strip_suffix(['.', ')']);
    number.is_some_and(|number| number.len() <= 3 && number.bytes().all(|b| b.is_ascii_digit()))
}

fn is_part_of_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric();
    }
    c.is_alphanumeric() || is_symbol(c)
}

/// Whether people search for this sign.
fn is_symbol(c: char) -> bool {
    let is_drawn_with = matches!(c,
        // Arrows, frames, blocks and shapes; patterns of dots; stand-ins for what is not there.
        '\u{2190}'..='\u{21ff}' | '\u{2500}'..='\u{25ff}' | '\u{27f0}'..='\u{27ff}'
        | '\u{2800}'..='\u{28ff}' | '\u{2900}'..='\u{297f}' | '\u{fffc}' | '\u{fffd}');
    let category = c.general_category();
    !is_drawn_with
        && matches!(
            category,
            GeneralCategory::MathSymbol
                | GeneralCategory::CurrencySymbol
                | GeneralCategory::OtherSymbol
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_blanks_hold_no_word() {
        for text in [
            "",
            " \n\t",
            "\u{feff}\u{200b}\u{ad}\u{2060}",
            "---",
            "=====",
            "* * *",
            "{",
            "}",
            "});",
            "```\n```",
            "| --- | :-: |",
            "────────",
            "■ ▶ →",
            "…",
            "。！",
            "##",
            "a",
            "(b)",
            "\u{fffc}",
            "\u{e001}",
        ] {
            assert!(is_wordless(text), "{text:?}");
        }
    }

    #[test]
    fn words_numbers_and_symbols_are_words() {
        for text in [
            "no",
            "7",
            "C",
            "c++",
            "f#",
            "y = x",
            "一",
            "é",
            "ß",
            "①",
            "🚀",
            "❤\u{fe0f}",
            "∑",
            "€",
            "—\nnote",
            "٣",
            "क",
        ] {
            assert!(!is_wordless(text), "{text:?}");
        }
    }
}
