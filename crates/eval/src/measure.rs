//! Measures by name.

use std::fmt;
use std::str::FromStr;

use crate::Error;
use crate::gains;

/// A measure of one query's ranking, 0 to 1, higher is better.
///
/// Parsed from and shown as the names of `ir_measures` ("Streamlining Evaluation with ir-measures", ECIR
/// 2022): `nDCG@10`, `R@100`, `AP`, `RR@10`, `P@5`, `Success@1`,
/// `Judged@10`. `None` is no cut-off. The old names `NDCG`, `MAP`, `MRR` and `Recall` are read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Measure {
    /// Normalised discounted cumulative gain, with linear gain; see [`gains::ndcg_at`].
    Ndcg(Option<usize>),
    /// The share of the relevant items that is found.
    Recall(usize),
    /// Average precision.
    Ap(Option<usize>),
    /// One over the rank of the first relevant item.
    Rr(Option<usize>),
    /// The share of the found items that is relevant.
    Precision(usize),
    /// Whether anything relevant is found.
    Success(usize),
    /// The share of the returned items that somebody has judged, relevant or not. Low values mean
    /// that the other measures are too low by an unknown amount. 0 where nothing is returned.
    Judged(usize),
}

impl Measure {
    /// The value for one query.
    ///
    /// `ranked` holds the grade of each returned item in the order returned, `None` for what is not
    /// judged; `judged` holds all grades of the query in any order.
    pub fn value(self, ranked: &[Option<i32>], judged: &[i32]) -> f64 {
        let gains: Vec<f64> = ranked
            .iter()
            .map(|grade| grade.map_or(0.0, f64::from))
            .collect();
        let judged: Vec<f64> = judged.iter().map(|&grade| f64::from(grade)).collect();
        match self {
            Self::Ndcg(k) => gains::ndcg_at(cut_off(k), &gains, &judged),
            Self::Recall(k) => gains::recall_at(k, &gains, &judged),
            Self::Ap(k) => gains::average_precision_at(cut_off(k), &gains, &judged),
            Self::Rr(k) => gains::reciprocal_rank_at(cut_off(k), &gains),
            Self::Precision(k) => gains::precision_at(k, &gains),
            Self::Success(k) => gains::success_at(k, &gains),
            Self::Judged(k) => {
                let shown = &ranked[..k.min(ranked.len())];
                let n_judged = shown.iter().flatten().count();
                n_judged as f64 / shown.len().max(1) as f64
            }
        }
    }

    /// The rank after which nothing counts, if there is one.
    pub fn cut_off(self) -> Option<usize> {
        match self {
            Self::Ndcg(k) | Self::Ap(k) | Self::Rr(k) => k,
            Self::Recall(k) | Self::Precision(k) | Self::Success(k) | Self::Judged(k) => Some(k),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ndcg(_) => "nDCG",
            Self::Recall(_) => "R",
            Self::Ap(_) => "AP",
            Self::Rr(_) => "RR",
            Self::Precision(_) => "P",
            Self::Success(_) => "Success",
            Self::Judged(_) => "Judged",
        }
    }
}

fn cut_off(k: Option<usize>) -> usize {
    k.unwrap_or(usize::MAX)
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cut_off() {
            // Through `pad`, so that a table may ask for a width.
            Some(k) => f.pad(&format!("{}@{k}", self.name())),
            None => f.pad(self.name()),
        }
    }
}

impl FromStr for Measure {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownMeasure {
            name: text.to_owned(),
        };
        let (name, k) = match text.trim().split_once('@') {
            None => (text.trim(), None),
            Some((name, k)) => {
                let k: usize = k.parse().map_err(|_| unknown())?;
                (name, Some(k).filter(|&k| k > 0))
            }
        };
        if text.contains('@') && k.is_none() {
            return Err(unknown());
        }
        match (name, k) {
            ("nDCG" | "NDCG" | "ndcg", k) => Ok(Self::Ndcg(k)),
            ("AP" | "MAP" | "ap", k) => Ok(Self::Ap(k)),
            ("RR" | "MRR" | "rr", k) => Ok(Self::Rr(k)),
            ("R" | "Recall", Some(k)) => Ok(Self::Recall(k)),
            ("P", Some(k)) => Ok(Self::Precision(k)),
            ("Success", Some(k)) => Ok(Self::Success(k)),
            ("Judged", Some(k)) => Ok(Self::Judged(k)),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_written_alike() {
        for name in [
            "nDCG@10",
            "nDCG",
            "R@100",
            "AP",
            "AP@20",
            "RR@10",
            "RR",
            "P@5",
            "Success@1",
            "Judged@10",
        ] {
            let measure: Measure = name.parse().unwrap();
            assert_eq!(measure.to_string(), name);
        }
        assert_eq!("MRR@10".parse::<Measure>().unwrap().to_string(), "RR@10");
    }

    #[test]
    fn what_is_no_measure_is_refused() {
        for name in [
            "", "R", "P", "nDCG@", "nDCG@0", "nDCG@x", "nDCG@-1", "F1@3", "Judged",
        ] {
            let error = name.parse::<Measure>().unwrap_err();
            assert!(
                matches!(error, Error::UnknownMeasure { .. }),
                "{name}: {error}"
            );
        }
    }

    #[test]
    fn judged_is_a_share_of_what_was_returned() {
        let ranked = [Some(0), None, Some(-1)];
        assert!((Measure::Judged(2).value(&ranked, &[0, -1]) - 0.5).abs() < 1e-12);
        assert!((Measure::Judged(10).value(&ranked, &[0, -1]) - 2.0 / 3.0).abs() < 1e-12);
        assert!(Measure::Judged(10).value(&[], &[1]).abs() < 1e-12);
    }
}
