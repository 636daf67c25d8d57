//! Letters to the form in which terms are compared.

use frostem::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;

/// Puts a word in lower case and takes off what people leave out when they type: accents, the vowel marks
/// of Arabic and Hebrew, characters that cannot be seen, and the difference between full-width,
/// half-width and ordinary forms.
///
/// Every accented letter still finds itself, and is also found without its accent. Vowel signs of
/// other scripts stay.
pub(crate) fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let left_out = |c: char| is_mark(c) || is_invisible(c);
    let plain: String = word.nfkd().filter(|&c| !left_out(c)).nfc().collect();
    let mut folded = String::with_capacity(plain.len());
    for c in plain.chars().flat_map(char::to_lowercase) {
        match c {
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ø' => folded.push('o'),
            'đ' | 'ð' => folded.push('d'),
            'ł' => folded.push('l'),
            'ı' => folded.push('i'),
            'þ' => folded.push_str("th"),
            'ς' => folded.push('σ'),
            // Alef with a hamza, a madda or a wasla above or below it.
            '\u{0622}' | '\u{0623}' | '\u{0625}' | '\u{0671}' => folded.push('\u{0627}'),
            c if left_out(c) => {}
            c => folded.push(c),
        }
    }
    folded
}

/// Tells whether a character is a mark that people leave out: an accent of any script, a point of Hebrew, a
/// vowel mark or the tatweel of Arabic, the ring around a number, the choice between a sign's forms.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}'
        | '\u{0591}'..='\u{05BD}' | '\u{05BF}' | '\u{05C1}' | '\u{05C2}' | '\u{05C4}' | '\u{05C5}' | '\u{05C7}'
        | '\u{0610}'..='\u{061A}' | '\u{0640}' | '\u{064B}'..='\u{0652}' | '\u{0656}'..='\u{065F}' | '\u{0670}'
        | '\u{06D6}'..='\u{06DC}' | '\u{06DF}'..='\u{06E4}' | '\u{06E7}' | '\u{06E8}' | '\u{06EA}'..='\u{06ED}'
        | '\u{0897}'..='\u{089F}' | '\u{08CA}'..='\u{08E1}' | '\u{08E3}'..='\u{08FF}'
        | '\u{20D0}'..='\u{20F0}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FE20}'..='\u{FE2F}')
}

/// Tells whether a character takes no room and is no part of a word's spelling: soft hyphens, joiners and
/// non-joiners, zero-width spaces, marks of direction, byte order marks (most of Unicode's category Cf).
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E007F}')
}

/// Tells whether a character is a sign that people write and look for as they do a word: emoji,
/// arrows, currencies, operators, degrees. None of them is ASCII, whose signs are punctuation, and none draws
/// a rule or a box.
pub(crate) fn is_symbol(c: char) -> bool {
    matches!(c,
        '\u{00A2}'..='\u{00A6}' | '\u{00A9}' | '\u{00AC}' | '\u{00AE}' | '\u{00B0}' | '\u{00B1}'
        | '\u{00D7}' | '\u{00F7}' | '\u{03F6}' | '\u{060B}' | '\u{0E3F}' | '\u{17DB}'
        | '\u{203C}' | '\u{2049}'
        | '\u{20A0}'..='\u{20CF}'   // Currencies
        | '\u{2100}'..='\u{214F}'   // Letter-like signs; those that are letters are words before
        | '\u{2190}'..='\u{243F}'   // Arrows, operators, technical signs
        | '\u{2460}'..='\u{24FF}'   // Enclosed letters and digits; most of them are words before
        | '\u{25A0}'..='\u{2767}'   // Shapes, miscellaneous signs, dingbats
        | '\u{2776}'..='\u{27E5}' | '\u{27F0}'..='\u{2982}' | '\u{2999}'..='\u{29D7}'
        | '\u{29DC}'..='\u{29FB}' | '\u{29FE}'..='\u{2BFF}'
        | '\u{3012}' | '\u{3020}' | '\u{3030}' | '\u{3036}' | '\u{303D}' | '\u{3200}'..='\u{33FF}'
        | '\u{FDFC}' | '\u{FFE0}'..='\u{FFE6}' | '\u{FFE9}'..='\u{FFEE}'
        | '\u{1D6C1}' | '\u{1D6DB}' | '\u{1F000}'..='\u{1FAFF}')
}

/// Writes a sign without the choice between its forms, and without skin tones where `bare`.
pub(crate) fn fold_symbol(sign: &str, bare: bool) -> String {
    let is_tone = |c: char| matches!(c, '\u{1F3FB}'..='\u{1F3FF}');
    let is_form = |c: char| matches!(c, '\u{FE00}'..='\u{FE0F}');
    let mut chars = sign.chars();
    let first = chars.next();
    // A tone by itself is a sign like any other.
    let rest = chars.filter(|&c| !(is_form(c) || bare && is_tone(c)));
    first.into_iter().chain(rest).collect()
}

/// Stems a folded word as English (Snowball "Porter2") if it consists of Latin letters alone.
///
/// Names with digits in them keep their ending, and so do words of other scripts.
pub(crate) fn stem(word: String) -> String {
    // Two letters have no ending to lose, and a run of hundreds is no word.
    if word.len() < 3 || word.len() > 64 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return word;
    }
    Stemmer::new(Algorithm::English).stem(&word).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vowel_marks_of_arabic_and_hebrew_are_left_out() {
        assert_eq!(fold("كِتَابٌ"), "كتاب");
        assert_eq!(fold("العـــربيّة"), "العربية");
        assert_eq!(fold("أإآٱ"), "اااا");
        assert_eq!(fold("שָׁלוֹם"), "שלום");
        assert_eq!(fold("סֵפֶר"), "ספר");
        // What carries the word stays.
        assert_eq!(fold("شيء مؤمن"), "شيء مؤمن");
        assert_eq!(fold("हिन्दी"), "हिन्दी");
    }

    #[test]
    fn characters_that_cannot_be_seen_are_left_out() {
        for word in [
            "co\u{AD}operate",
            "coop\u{200B}erate",
            "\u{FEFF}cooper\u{2060}ate\u{200F}",
        ] {
            assert_eq!(fold(word), "cooperate");
        }
    }

    #[test]
    fn signs_are_compared_without_their_forms() {
        assert_eq!(fold_symbol("\u{2764}\u{FE0F}", false), "\u{2764}");
        assert_eq!(fold_symbol("👍🏽", false), "👍🏽");
        assert_eq!(fold_symbol("👍🏽", true), "👍");
        assert_eq!(fold_symbol("🏽", true), "🏽");
        for sign in ["🚀", "∑", "€", "°", "©", "™", "→", "✓", "★"] {
            assert!(sign.chars().all(is_symbol), "{sign}");
        }
        for sign in "!?#$%&*+-/<=>@^_`|~…–—„“«»·•─│█、。・「」¿؟۔।".chars()
        {
            assert!(!is_symbol(sign), "{sign}");
        }
    }
}
