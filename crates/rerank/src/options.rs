//! How far the second pass reads.

use std::fmt;
use std::str::FromStr;

use reread_models::{CancelToken, UnknownName};

use crate::final_order::FinalOrder;

/// When the second pass may stop before it has read all candidates, as the rest would not change the
/// results.
///
/// It reads in first-pass order, four candidates between two looks, and on any number of threads
/// reads the same ones. With a least score it never stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stop {
    /// When it is certain, from the greatest logit that the model can give (`docs/ranking.md` says how
    /// often that is).
    #[default]
    Certain,
    /// When it is likely: what was not read is taken to be at most three standard deviations above
    /// the mean of what was. About one in a hundred answers differs from that of reading all.
    Confident,
    /// Only when all are read.
    Never,
}

impl Stop {
    /// Why reading stops where it may.
    pub(crate) fn reason(self) -> Stopped {
        match self {
            Self::Confident => Stopped::Confident,
            Self::Certain | Self::Never => Stopped::Certain,
        }
    }
}

impl Stop {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Certain, Self::Confident, Self::Never];

    /// The name, as [`FromStr`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Confident => "confident",
            Self::Never => "never",
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Stop {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        UnknownName::or_find("stopping rule", &Self::ALL, Self::name, name)
    }
}

/// Why the second pass stopped short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It was not asked for.
    Off,
    /// The model failed; a warning says how.
    Failed,
    /// The budget ran out.
    Budget,
    /// What it has not read cannot change the results.
    Certain,
    /// What it has not read is not likely to change the results.
    Confident,
}

impl Stopped {
    /// One word, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Failed => "failed",
            Self::Budget => "budget",
            Self::Certain => "certain",
            Self::Confident => "confident",
        }
    }
}

/// How far to read.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// How many results are shown, which may be settled before all is read. 0, the default, reads all.
    pub top_k: usize,
    /// How both passes become one order, which decides what can still change. Where it is not known all is
    /// read.
    pub order: Option<FinalOrder>,
    /// When reading may stop.
    pub stop: Stop,
    /// When reading must stop.
    pub cancel: CancelToken,
}

impl ReadOptions {
    /// Lets reading stop when the first `top_k` results are settled in this order.
    #[must_use]
    pub fn with_results(mut self, top_k: usize, order: FinalOrder, stop: Stop) -> Self {
        (self.top_k, self.order, self.stop) = (top_k, Some(order), stop);
        self
    }

    /// Sets when reading must stop.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }
}
