//! Equal passages are one candidate: the best of them stands for all.

mod similar;

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use reread_models::UnknownName;
use reread_retrieval::{Candidate, Passage, PassageKey};

use self::similar::Similar;

/// Which passages are one result, shown by the best of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fold {
    /// Each is a result of its own.
    Never,
    /// Those of the same text, however white space divides it.
    #[default]
    Equal,
    /// Those of nearly the same text too, such as versions of a document: where at least 7 in 10 of
    /// their runs of five characters are the same, as when one word in ten is another.
    Similar,
}

impl Fold {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Never, Self::Equal, Self::Similar];

    /// The name, as [`FromStr`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Equal => "equal",
            Self::Similar => "similar",
        }
    }
}

impl fmt::Display for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Fold {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        UnknownName::or_find("way to fold passages", &Self::ALL, Self::name, name)
    }
}

/// Candidates of different texts, and the passages that some of them stand for.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    /// Best first; each has its rank among these.
    pub(crate) candidates: Vec<Candidate>,
    /// The others of the same text, best first, by the key of the one that stands for them.
    pub(crate) others: HashMap<PassageKey, Vec<Passage>>,
}

impl Folded {
    /// Folds candidates, which come best first.
    pub(crate) fn new(candidates: Vec<Candidate>, fold: Fold) -> Self {
        let mut folded = Self::default();
        if fold == Fold::Never {
            folded.candidates = candidates;
            return folded;
        }
        let mut texts: HashMap<String, usize> = HashMap::new();
        let mut similar = Similar::default();
        for mut candidate in candidates {
            let text = text_of(&candidate.passage);
            let equal = texts.get(&text).copied();
            let found = equal.or_else(|| match fold {
                Fold::Similar => similar.find(&text),
                Fold::Equal | Fold::Never => None,
            });
            let pos = found.unwrap_or(folded.candidates.len());
            if found.is_none() {
                if fold == Fold::Similar {
                    similar.push(&text);
                }
                candidate.rank = pos as u32 + 1;
                folded.candidates.push(candidate);
            } else {
                let first = folded.candidates[pos].passage.key;
                let others = folded.others.entry(first).or_default();
                others.push(candidate.passage);
            }
            texts.entry(text).or_insert(pos);
        }
        folded
    }

    /// How many passages others stand for.
    pub(crate) fn n_folded(&self) -> usize {
        self.others.values().map(Vec::len).sum()
    }

    /// Keeps the first candidates.
    pub(crate) fn truncate(&mut self, len: usize) {
        for candidate in self.candidates.drain(len.min(self.candidates.len())..) {
            self.others.remove(&candidate.passage.key);
        }
    }
}

/// What is compared of a passage: its words. Of one without any, such as a title alone, what stands above
/// it.
fn text_of(passage: &Passage) -> String {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = words(&passage.text);
    if text.is_empty() {
        words(&passage.contextual_text())
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reread_retrieval::DocumentKey;

    use super::*;

    fn candidates(texts: &[&str]) -> Vec<Candidate> {
        let numbered = texts.iter().zip(0u64..);
        numbered
            .map(|(text, key)| Candidate {
                passage: Passage::new(PassageKey(key), DocumentKey(key), format!("{key}"), *text),
                score: 1.0 - key as f32 / 1e3,
                rank: key as u32 + 1,
                lexical: None,
                dense: None,
                bm25: None,
                lexical_share: None,
                cosine: None,
            })
            .collect()
    }

    /// For each candidate that is left its key, its rank and the keys that it stands for.
    fn folded(texts: &[&str], fold: Fold) -> Vec<(u64, u32, Vec<u64>)> {
        let folded = Folded::new(candidates(texts), fold);
        let keys = |passages: &Vec<Passage>| passages.iter().map(|it| it.key.0).collect();
        let of = |candidate: &Candidate| {
            let others = folded.others.get(&candidate.passage.key);
            let others = others.map(keys).unwrap_or_default();
            (candidate.passage.key.0, candidate.rank, others)
        };
        folded.candidates.iter().map(of).collect()
    }

    #[test]
    fn the_best_of_equal_texts_stands_for_them() {
        let texts = ["a b", "c", " a\n\tb ", "A b", "c", "a b"];
        assert_eq!(
            folded(&texts, Fold::Equal),
            [(0, 1, vec![2, 5]), (1, 2, vec![4]), (3, 3, vec![])]
        );
        assert_eq!(folded(&texts, Fold::Never).len(), 6);
        assert!(folded(&[], Fold::Equal).is_empty());
    }

    #[test]
    fn titles_without_a_text_are_told_apart() {
        let mut titled = candidates(&["", " ", ""]);
        for (candidate, title) in titled.iter_mut().zip(["Masks", "Bread", "Masks"]) {
            candidate.passage.title = title.to_owned();
        }
        let folded = Folded::new(titled, Fold::Equal);
        assert_eq!((folded.candidates.len(), folded.n_folded()), (2, 1));
    }

    #[test]
    fn versions_of_a_text_are_folded_where_that_is_asked_for() {
        let power =
            "When the power fails, the generator in the basement takes over within ten seconds.";
        let twelve = power.replace("ten", "twelve");
        let other =
            "When the lift stops, press the yellow button and wait for the caretaker to come.";
        let texts = [power, other, &twelve, power];
        assert_eq!(
            folded(&texts, Fold::Similar),
            [(0, 1, vec![2, 3]), (1, 2, vec![])]
        );
        assert_eq!(
            folded(&texts, Fold::Equal),
            [(0, 1, vec![3]), (1, 2, vec![]), (2, 3, vec![])]
        );
    }

    #[test]
    fn what_is_cut_off_takes_its_copies_along() {
        let mut folded = Folded::new(candidates(&["a", "b", "a", "b", "c"]), Fold::Equal);
        folded.truncate(1);
        assert_eq!((folded.candidates.len(), folded.n_folded()), (1, 1));
        folded.truncate(9);
        assert_eq!(folded.candidates.len(), 1);
    }

    proptest! {
        #[test]
        fn every_passage_is_kept_once_and_none_is_kept_twice(
            texts in prop::collection::vec("[ab ]{0,4}", 0..30),
            fold in prop::sample::select(&Fold::ALL[..]),
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let found = folded(&texts, fold);
            let mut keys: Vec<u64> = found.iter().flat_map(|(key, _, others)| {
                others.iter().copied().chain([*key])
            }).collect();
            keys.sort_unstable();
            prop_assert_eq!(keys, (0..texts.len() as u64).collect::<Vec<_>>());
            // Each stands for what comes after it, in order, and ranks have no gaps.
            for ((key, rank, others), expected) in found.iter().zip(1u32..) {
                prop_assert_eq!(*rank, expected);
                prop_assert!(others.iter().all(|other| other > key));
                prop_assert!(others.is_sorted());
            }
        }
    }
}
