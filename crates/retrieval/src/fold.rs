//! Letters to the form in which terms are compared.

use frostem::{Algorithm, Stemmer};
use unicode_normalization::UnicodeNormalization;

/// Puts a word in lower case and takes off what people leave out when they type: accents, and the
/// difference between full-width, half-width and ordinary forms.
///
/// Every accented letter still finds itself, and is also found without its accent. Vowel signs of
/// other scripts stay.
pub(crate) fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let is_accent = |c: &char| matches!(c, '\u{0300}'..='\u{036F}');
    let plain: String = word.nfkd().filter(|c| !is_accent(c)).nfc().collect();
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
            c if is_accent(&c) => {}
            c => folded.push(c),
        }
    }
    folded
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
