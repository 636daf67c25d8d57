//! One spelling for names that look the same.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A name with its accents composed (Unicode's form NFC). File systems store `é` as one letter or as `e`
/// and an accent, keyboards type either, and people cannot see which.
pub fn composed(name: &str) -> Cow<'_, str> {
    if name.is_ascii() || is_nfc(name) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(name.nfc().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_name_are_one() {
        assert_eq!(composed("cafe\u{301}.md"), composed("caf\u{e9}.md"));
        assert_eq!(composed("\u{1112}\u{1161}\u{11ab}"), "\u{d55c}");
        assert_ne!(composed("Café"), composed("café"), "case stays");
        assert!(matches!(composed("plain.md"), Cow::Borrowed(_)));
    }
}
