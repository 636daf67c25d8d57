//! What can become of a relevant place in a search, and which part of the search that is about.

use std::collections::BTreeMap;

/// What became of a relevant place, from the worst to the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Fate {
    /// The index does not have its document.
    NotIndexed,
    /// No passage holds it: it was cut in two, or its document has changed.
    CutApart,
    /// A filter, a phrase or an exclusion of the query keeps every passage of it out.
    FilteredOut,
    /// Neither BM25 nor the vectors returned it.
    NotRetrieved,
    /// One of them did, and fusion put it behind all candidates.
    LostInFusion,
    /// It was a candidate, too deep to be read or shown.
    TooDeep,
    /// Its passage was read, but not as far as the place: question and passage are longer than what
    /// the cross-encoder reads of a pair.
    CutOff,
    /// The cross-encoder read it, and it is not among the results shown.
    PutDown,
    /// It is among the results shown; in an evaluation among the first ten.
    Found,
}

/// A part of a search that may be mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Part {
    /// How documents are cut into passages, and how much of one is read.
    Chunking,
    /// BM25, vectors and their fusion: what becomes a candidate.
    FirstPass,
    /// The order of the candidates, and how many of them are read.
    Ranking,
}

/// Where the places that were lost were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Losses {
    /// The part that loses most; of equals the first to act.
    pub most: Part,
    /// How many each part loses, in the order of [`Part::ALL`].
    pub by_part: [usize; 3],
    /// How many are lost, those included that no part is to blame for.
    pub n_lost: usize,
    /// How many relevant places there are.
    pub n_relevant: usize,
}

impl Fate {
    /// All of them, the best first.
    pub const ALL: [Self; 9] = [
        Self::Found,
        Self::PutDown,
        Self::CutOff,
        Self::TooDeep,
        Self::LostInFusion,
        Self::NotRetrieved,
        Self::FilteredOut,
        Self::CutApart,
        Self::NotIndexed,
    ];

    /// A few words for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Found => "found in the top 10",
            Self::PutDown => "read, but ranked below",
            Self::CutOff => "cut off by truncation",
            Self::TooDeep => "a candidate, but too deep",
            Self::LostInFusion => "lost in fusion",
            Self::NotRetrieved => "not retrieved",
            Self::FilteredOut => "removed by a filter",
            Self::CutApart => "not in any single passage",
            Self::NotIndexed => "not in the index",
        }
    }

    /// One word, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::PutDown => "put_down",
            Self::CutOff => "cut_off",
            Self::TooDeep => "too_deep",
            Self::LostInFusion => "lost_in_fusion",
            Self::NotRetrieved => "not_retrieved",
            Self::FilteredOut => "filtered_out",
            Self::CutApart => "cut_apart",
            Self::NotIndexed => "not_indexed",
        }
    }

    /// The part of the search that lost the place; `None` where none did, or none could help it.
    pub fn part(self) -> Option<Part> {
        match self {
            Self::CutApart | Self::CutOff => Some(Part::Chunking),
            Self::NotRetrieved | Self::LostInFusion => Some(Part::FirstPass),
            Self::TooDeep | Self::PutDown => Some(Part::Ranking),
            Self::NotIndexed | Self::FilteredOut | Self::Found => None,
        }
    }
}

impl Part {
    /// All of them, in the order in which they act.
    pub const ALL: [Self; 3] = [Self::Chunking, Self::FirstPass, Self::Ranking];

    /// A word or two for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Chunking => "chunking",
            Self::FirstPass => "the first pass",
            Self::Ranking => "ranking",
        }
    }
}

impl Losses {
    /// Sums up what became of relevant places; `None` where no part lost any.
    pub fn of(fates: &BTreeMap<Fate, usize>) -> Option<Self> {
        let lost_by = |part: Part| -> usize {
            let lost = fates.iter().filter(|(fate, _)| fate.part() == Some(part));
            lost.map(|(_, count)| count).sum()
        };
        let by_part = Part::ALL.map(lost_by);
        let most = by_part.iter().max().filter(|&&most| most > 0)?;
        let at = by_part.iter().position(|count| count == most)?;
        let n_relevant: usize = fates.values().sum();
        let n_found = fates.get(&Fate::Found).copied().unwrap_or(0);
        Some(Self {
            most: Part::ALL[at],
            by_part,
            n_lost: n_relevant - n_found,
            n_relevant,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_that_loses_most_is_named() {
        let fates = BTreeMap::from([
            (Fate::Found, 5),
            (Fate::CutOff, 2),
            (Fate::CutApart, 1),
            (Fate::TooDeep, 1),
            (Fate::PutDown, 1),
            (Fate::NotIndexed, 9),
        ]);
        let losses = Losses::of(&fates).unwrap();
        assert_eq!(losses.most, Part::Chunking);
        assert_eq!(losses.by_part, [3, 0, 2]);
        assert_eq!((losses.n_lost, losses.n_relevant), (14, 19));
    }

    #[test]
    fn nobody_is_blamed_where_nothing_is_lost_or_nothing_was_indexed() {
        assert_eq!(Losses::of(&BTreeMap::from([(Fate::Found, 3)])), None);
        assert_eq!(Losses::of(&BTreeMap::from([(Fate::NotIndexed, 3)])), None);
        assert_eq!(Losses::of(&BTreeMap::new()), None);
    }

    #[test]
    fn every_fate_is_listed_once_the_best_first() {
        let mut sorted = Fate::ALL;
        sorted.sort_by(|a, b| b.cmp(a));
        assert_eq!(sorted, Fate::ALL);
    }
}
