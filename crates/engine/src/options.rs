//! Options of one search.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reread_models::UnknownName;
use reread_rerank::{Calibration, CancelToken, Stop};
use reread_retrieval::RetrieveOptions;

use crate::fold::Fold;

/// How many hits a search returns by default: a screenful.
const DEFAULT_TOP_K: usize = 10;

/// The most hits one search returns.
pub(crate) const MAX_TOP_K: usize = 1_000;

/// What becomes of the candidates after the first pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SecondPass {
    /// They are returned in the order of the first pass.
    Off,
    /// They are scored by the cross-encoder and ordered by both passes together, see
    /// [`FinalOrder`](crate::FinalOrder).
    Rerank {
        /// The weight of the cross-encoder, 0 to 1; 1 is its order alone.
        weight: f32,
    },
}

impl SecondPass {
    /// The weight of the cross-encoder unless another is given: the evidence of both passes counts as it was
    /// fitted (`docs/ranking.md`).
    pub const DEFAULT_WEIGHT: f32 = 0.5;
}

impl Default for SecondPass {
    /// A second pass with [`DEFAULT_WEIGHT`](Self::DEFAULT_WEIGHT).
    fn default() -> Self {
        Self::Rerank {
            weight: Self::DEFAULT_WEIGHT,
        }
    }
}

/// What one result stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// A passage.
    #[default]
    Passage,
    /// A document, shown by its best passage.
    Document,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Passage, Self::Document];

    /// The name, as [`FromStr`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passage => "passage",
            Self::Document => "document",
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for By {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        UnknownName::or_find("unit of results", &Self::ALL, Self::name, name)
    }
}

/// Options of one search. Nothing of it is stored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SearchOptions {
    /// How many hits are returned, at most.
    pub top_k: usize,
    /// The first pass; its `depth` is how many candidates the second pass reads. 20 by default:
    /// deeper cost more time and gained nothing established on any collection measured.
    pub first_pass: RetrieveOptions,
    /// The second pass.
    pub second_pass: SecondPass,
    /// How long the whole search may take; the second pass ends in time, with what it has read by
    /// then. A budget of 0 is the first pass alone. None by default.
    pub budget: Option<Duration>,
    /// When the second pass may stop.
    pub stop: Stop,
    /// Hits with a lower [score](crate::Hit::score) are left out, after the second pass. With a calibration it
    /// is a probability, and applies where scores are. None by default.
    pub min_score: Option<f32>,
    /// What scores mean on these documents, if that is known: they are then probabilities.
    pub calibration: Option<Calibration>,
    /// What one result stands for.
    pub by: By,
    /// Which passages are one result. They are folded before the second pass, so that its depth counts
    /// different texts. Where results are documents, each of them counts, and nothing is folded.
    pub fold: Fold,
    /// How many passages of a document may be results, at most; those beyond leave their places to
    /// others. None by default. Plays no part where results are documents.
    pub per_document: Option<usize>,
    /// Stops the search when the caller asks for it: it then fails with `Cancelled`. Its deadline, if it has
    /// one, is a budget like the other.
    pub cancel: CancelToken,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            top_k: DEFAULT_TOP_K,
            first_pass: RetrieveOptions::default(),
            second_pass: SecondPass::default(),
            budget: None,
            stop: Stop::default(),
            min_score: None,
            calibration: None,
            by: By::default(),
            fold: Fold::default(),
            per_document: None,
            cancel: CancelToken::default(),
        }
    }
}

impl SearchOptions {
    /// Sets how many hits are returned.
    #[must_use]
    pub fn with_top_k(mut self, top_k: usize) -> Self {
        self.top_k = top_k;
        self
    }

    /// Sets how many candidates the second pass reads.
    #[must_use]
    pub fn with_depth(mut self, depth: usize) -> Self {
        self.first_pass.depth = depth;
        self
    }

    /// Sets the first pass.
    #[must_use]
    pub fn with_first_pass(mut self, first_pass: RetrieveOptions) -> Self {
        self.first_pass = first_pass;
        self
    }

    /// Sets the second pass.
    #[must_use]
    pub fn with_second_pass(mut self, second_pass: SecondPass) -> Self {
        self.second_pass = second_pass;
        self
    }

    /// Sets how long the whole search may take.
    #[must_use]
    pub fn with_budget(mut self, budget: Duration) -> Self {
        self.budget = Some(budget);
        self
    }

    /// Sets when the second pass may stop.
    #[must_use]
    pub fn with_stop(mut self, stop: Stop) -> Self {
        self.stop = stop;
        self
    }

    /// Sets the least final score of a hit.
    #[must_use]
    pub fn with_min_score(mut self, min_score: f32) -> Self {
        self.min_score = Some(min_score);
        self
    }

    /// Sets what scores mean on these documents.
    #[must_use]
    pub fn with_calibration(mut self, calibration: Calibration) -> Self {
        self.calibration = Some(calibration);
        self
    }

    /// Leaves out no hit for its score.
    #[must_use]
    pub fn without_thresholds(mut self) -> Self {
        self.min_score = None;
        self
    }

    /// Sets what one result stands for.
    #[must_use]
    pub fn with_by(mut self, by: By) -> Self {
        self.by = by;
        self
    }

    /// Sets which passages are one result.
    #[must_use]
    pub fn with_fold(mut self, fold: Fold) -> Self {
        self.fold = fold;
        self
    }

    /// Sets how many passages of a document may be results.
    #[must_use]
    pub fn with_per_document(mut self, per_document: usize) -> Self {
        self.per_document = Some(per_document);
        self
    }

    /// Which passages are one result, given what results are.
    pub(crate) fn folding(&self) -> Fold {
        match self.by {
            By::Passage => self.fold,
            By::Document => Fold::Never,
        }
    }

    /// Lets the caller stop the search.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }

    pub(crate) fn check(&self) -> crate::Result<()> {
        let invalid = |option, value: String, bound| {
            Err(crate::Error::InvalidOption {
                option,
                value,
                bound,
            })
        };
        if !(1..=MAX_TOP_K).contains(&self.top_k) {
            return invalid("top-k", self.top_k.to_string(), "between 1 and 1,000");
        }
        if self.first_pass.depth == 0 {
            return invalid(
                "depth",
                "0".to_owned(),
                "at least 1; turn the second pass off instead",
            );
        }
        if self.per_document == Some(0) {
            return invalid("per-document", "0".to_owned(), "at least 1");
        }
        if self.by == By::Document && self.fold == Fold::Similar {
            return invalid(
                "fold",
                self.fold.to_string(),
                "never or equal where results are documents, as those are not folded",
            );
        }
        if let Some(score) = self.min_score
            && !score.is_finite()
        {
            return invalid("min-score", score.to_string(), "a finite number");
        }
        match self.second_pass {
            SecondPass::Rerank { weight } if !(0.0..=1.0).contains(&weight) => {
                invalid("rerank weight", weight.to_string(), "between 0 and 1")
            }
            _ => Ok(()),
        }
    }
}
