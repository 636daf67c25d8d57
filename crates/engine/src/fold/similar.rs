//! Finds texts that are nearly the same: those whose sets of shingles (Broder, "On the resemblance and
//! containment of documents", 1997) have a Jaccard index of [`LEAST`] or more, exactly.
//!
//! Shingles are runs of [`LEN`] characters of the words in lower case, so that a word that is another costs
//! about as much as it is long, in a sentence as in a page and in scripts without spaces. Of a sentence of
//! 15 words, one word may be another. Runs of three words, which serve for whole pages, tell apart two
//! sentences that differ in one word.
//!
//! Only texts that share a shingle of their prefixes are compared (Bayardo, Ma and Srikant, "Scaling up all
//! pairs similarity search", WWW 2007, section 3): of sets in one total order that are that similar, the
//! first `n - ceil(LEAST n) + 1` of each have an element in common.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// How many characters a shingle has.
const LEN: usize = 5;

/// The least Jaccard index of texts that are nearly the same.
const LEAST: f64 = 0.7;

/// Texts that differ from each other, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Similar {
    /// The shingles of each, sorted.
    sets: Vec<Vec<u64>>,
    /// For each shingle of a prefix the texts that have it there.
    prefixes: HashMap<u64, Vec<usize>>,
}

impl Similar {
    /// Adds a text.
    pub(super) fn push(&mut self, text: &str) {
        let set = shingles(text);
        for &shingle in prefix(&set) {
            let texts = self.prefixes.entry(shingle).or_default();
            texts.push(self.sets.len());
        }
        self.sets.push(set);
    }

    /// The first of the texts that is nearly this one.
    pub(super) fn find(&self, text: &str) -> Option<usize> {
        let set = shingles(text);
        let sharing = prefix(&set).iter().filter_map(|it| self.prefixes.get(it));
        let mut texts: Vec<usize> = sharing.flatten().copied().collect();
        texts.sort_unstable();
        texts.dedup();
        let mut texts = texts.into_iter();
        texts.find(|&at| jaccard(&self.sets[at], &set) >= LEAST)
    }
}

/// The digests of the shingles of a text, sorted, each once; of a shorter text that of all of it.
fn shingles(text: &str) -> Vec<u64> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    // A text of signs alone is what it is.
    let characters: Vec<char> = if words.is_empty() {
        text.chars().collect()
    } else {
        words.join(" ").chars().collect()
    };
    let mut shingles: Vec<u64> = match characters.len() {
        0..LEN => vec![digest(&characters)],
        _ => characters.windows(LEN).map(digest).collect(),
    };
    shingles.sort_unstable();
    shingles.dedup();
    shingles
}

fn digest(characters: &[char]) -> u64 {
    // Its keys are the same on every run.
    let mut hasher = DefaultHasher::new();
    characters.hash(&mut hasher);
    hasher.finish()
}

/// The part of a sorted set that has an element in common with that of every set that is similar enough.
fn prefix(set: &[u64]) -> &[u64] {
    let n_common = (LEAST * set.len() as f64).ceil() as usize;
    &set[..(set.len() + 1 - n_common).min(set.len())]
}

/// What two sorted sets have in common, as a share of all that they have.
fn jaccard(a: &[u64], b: &[u64]) -> f64 {
    let (mut at, mut n_common) = (0, 0);
    for element in a {
        while b.get(at).is_some_and(|other| other < element) {
            at += 1;
        }
        n_common += usize::from(b.get(at) == Some(element));
    }
    n_common as f64 / (a.len() + b.len() - n_common).max(1) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn are_similar(a: &str, b: &str) -> bool {
        let mut texts = Similar::default();
        texts.push(a);
        texts.find(b).is_some()
    }

    #[test]
    fn case_and_signs_do_not_matter_and_other_words_do() {
        let text = "The valve opens at 80 degrees; below that, it stays shut.";
        assert!(are_similar(
            text,
            "the valve opens at 80 degrees: below that it stays shut"
        ));
        assert!(are_similar(
            text,
            "The valve opens at 85 degrees; below that, it stays shut."
        ));
        assert!(!are_similar(
            text,
            "The pump starts at 80 degrees; above that, it is cooled."
        ));
        let generator = "電源が切れると発電機が十秒以内に起動します";
        assert!(are_similar(generator, &format!("{generator}。")));
        assert!(are_similar(generator, &format!("{generator}よ")));
        assert!(!are_similar(
            generator,
            "エレベーターが止まったら黄色いボタンを押します"
        ));
        assert!(!are_similar("yes", "no"));
        assert!(!are_similar("---", "***"));
        assert!(!are_similar("", "a"));
    }

    #[test]
    fn the_jaccard_index_is_a_share() {
        let index = |a: &[u64], b: &[u64]| jaccard(a, b);
        assert!((index(&[1, 2, 3], &[2, 3, 4]) - 0.5).abs() < 1e-12);
        assert!((index(&[1], &[1]) - 1.0).abs() < 1e-12);
        assert!(index(&[1, 2], &[3]) < 1e-12 && index(&[], &[]) < 1e-12);
    }

    proptest! {
        /// Against comparing with every text.
        #[test]
        fn prefixes_miss_no_similar_text(
            texts in prop::collection::vec("[ab]{4,12}", 1..12),
            text in "[ab]{4,12}",
        ) {
            let mut similar = Similar::default();
            for text in &texts {
                similar.push(text);
            }
            let set = shingles(&text);
            let expected = texts.iter().position(|it| jaccard(&shingles(it), &set) >= LEAST);
            prop_assert_eq!(similar.find(&text), expected);
        }
    }
}
