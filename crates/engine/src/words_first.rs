//! Texts without a word come last, whatever a model says of them.

use reread_document::is_wordless;

/// Puts those of `texts` that hold no word behind the others, in the order in which they were given.
/// `order` holds their positions.
pub(crate) fn words_first(order: Vec<usize>, texts: &[&str]) -> Vec<usize> {
    let is_silent = |&pos: &usize| is_wordless(texts[pos]);
    let (mut silent, mut order): (Vec<_>, Vec<_>) = order.into_iter().partition(is_silent);
    silent.sort_unstable();
    order.append(&mut silent);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_without_a_word_come_last_as_they_were_given() {
        let texts = ["---", "no", "}", "yes", "a"];
        assert_eq!(words_first(vec![2, 3, 0, 4, 1], &texts), [3, 1, 0, 2, 4]);
        assert_eq!(words_first(vec![1, 0], &["{", "}"]), [0, 1]);
    }
}
