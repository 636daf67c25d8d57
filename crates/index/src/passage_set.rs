//! Which passages of a snapshot may be returned.

use std::ops::Range;

use crate::dense::Allowed;

/// A set of passages, one bit each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PassageSet {
    words: Vec<u64>,
}

impl PassageSet {
    pub(crate) fn empty(n_passages: u32) -> Self {
        Self {
            words: vec![0; (n_passages as usize).div_ceil(64)],
        }
    }

    pub(crate) fn insert(&mut self, position: u32) {
        if let Some(word) = self.words.get_mut(position as usize / 64) {
            *word |= 1 << (position % 64);
        }
    }

    pub(crate) fn insert_range(&mut self, range: Range<u32>) {
        for position in range {
            self.insert(position);
        }
    }

    pub(crate) fn contains(&self, position: u32) -> bool {
        let word = self.words.get(position as usize / 64);
        word.is_some_and(|word| word >> (position % 64) & 1 == 1)
    }

    /// The passages of the segment whose first one is at `base`.
    pub(crate) fn from(&self, base: u32) -> Allowed<'_> {
        Allowed::new(&self.words, base as usize)
    }

    pub(crate) fn intersect(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_intersect() {
        let mut a = PassageSet::empty(200);
        a.insert_range(10..130);
        let mut b = PassageSet::empty(200);
        b.insert_range(120..200);
        a.intersect(&b);
        let members: Vec<u32> = (0..10_000).filter(|&i| a.contains(i)).collect();
        assert_eq!(members, (120..130).collect::<Vec<u32>>());
    }
}
