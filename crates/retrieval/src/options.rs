//! Options of one first pass.

use std::fmt;
use std::str::FromStr;

use reread_encoder::{Scale, UnknownName};

use crate::filter::Filter;
use crate::fusion::RRF_K;
use crate::invalid_option::InvalidOption;

/// How many passages each arm hands to the fusion, at least. The fusion was measured at this depth of
/// list.
pub const LIST_LEN: usize = 100;

/// The deepest first pass that is allowed.
pub const MAX_DEPTH: usize = 10_000;

/// Which arms of the first pass are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// BM25 alone.
    Lexical,
    /// Vectors alone.
    Dense,
    /// Both, fused.
    #[default]
    Hybrid,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lexical, Self::Dense, Self::Hybrid];

    /// The name, as [`FromStr`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lexical => "lexical",
            Self::Dense => "dense",
            Self::Hybrid => "hybrid",
        }
    }

    /// The weight of the vectors where lists are blended: an arm that is not asked has none.
    pub(crate) fn dense_weight(self, fusion: Fusion) -> f32 {
        match (self, fusion) {
            (Self::Lexical, _) => 0.0,
            (Self::Dense, _) => 1.0,
            (Self::Hybrid, Fusion::Blend { dense_weight }) => dense_weight,
            (Self::Hybrid, Fusion::Rrf { .. }) => Fusion::DEFAULT_DENSE_WEIGHT,
        }
    }

    /// Older names, which [`FromStr`] reads too.
    pub fn other_names(self) -> &'static [&'static str] {
        match self {
            Self::Dense => &["vector"],
            Self::Lexical | Self::Hybrid => &[],
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let mut modes = Self::ALL.into_iter();
        match modes.find(|mode| mode.other_names().contains(&name)) {
            Some(mode) => Ok(mode),
            None => UnknownName::or_find("mode", &Self::ALL, Self::name, name),
        }
    }
}

/// How the two lists become one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fusion {
    /// Weighted sum of BM25, as a share of the most there could be, and the cosine, on the scale of its
    /// model.
    Blend {
        /// The weight of the vectors, 0 to 1.
        dense_weight: f32,
    },
    /// Reciprocal rank fusion.
    Rrf {
        /// Added to every rank; larger values flatten the top.
        rrf_k: f32,
    },
}

impl Fusion {
    /// The weight of the vectors in the blend, unless another is given.
    pub const DEFAULT_DENSE_WEIGHT: f32 = 0.6;

    /// What reciprocal rank fusion adds to each rank, unless something else is given.
    pub const DEFAULT_RRF_K: f32 = RRF_K;

    /// All of them, each with its default number.
    pub const ALL: [Self; 2] = [
        Self::Blend {
            dense_weight: Self::DEFAULT_DENSE_WEIGHT,
        },
        Self::Rrf {
            rrf_k: Self::DEFAULT_RRF_K,
        },
    ];

    /// The name, without the number.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blend { .. } => "blend",
            Self::Rrf { .. } => "rrf",
        }
    }
}

impl Default for Fusion {
    /// The blend: it beat RRF with `rrf_k` 60 on every collection measured (`docs/ranking.md`).
    fn default() -> Self {
        Self::Blend {
            dense_weight: Self::DEFAULT_DENSE_WEIGHT,
        }
    }
}

impl fmt::Display for Fusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Fusion {
    type Err = UnknownName;

    /// Reads a name; the number is the default one.
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        UnknownName::or_find("fusion", &Self::ALL, Self::name, name)
    }
}

/// Options of one first pass.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RetrieveOptions {
    /// How many candidates are returned.
    pub depth: usize,
    /// Which arms are asked.
    pub mode: Mode,
    /// How the arms are fused.
    pub fusion: Fusion,
    /// Which documents may be returned; applied before anything is cut off.
    pub filter: Filter,
    /// Whether the vectors are scanned exactly even where there is a graph.
    pub exact: bool,
    /// The graph's query beam width; `None` chooses by depth.
    pub ef_search: Option<usize>,
    /// What the bi-encoder's cosines mean, which the blend depends on. That of the shipped one by default.
    pub cosines: Scale,
}

impl Default for RetrieveOptions {
    fn default() -> Self {
        Self {
            depth: 20,
            mode: Mode::default(),
            fusion: Fusion::default(),
            filter: Filter::default(),
            exact: false,
            ef_search: None,
            cosines: Scale::BGE_SMALL_EN,
        }
    }
}

impl RetrieveOptions {
    /// How many passages each arm hands to the fusion, at most: the depth, and [`LIST_LEN`] at least.
    pub fn list_len(&self) -> usize {
        self.depth.max(LIST_LEN)
    }

    /// Checks depth, weight and `rrf_k`.
    ///
    /// # Errors
    /// The first of them that is out of bounds.
    pub fn check(&self) -> Result<(), InvalidOption> {
        if !(1..=MAX_DEPTH).contains(&self.depth) {
            let bound = "between 1 and 10,000";
            return Err(InvalidOption::new("depth", self.depth.to_string(), bound));
        }
        match self.fusion {
            Fusion::Blend { dense_weight } if !(0.0..=1.0).contains(&dense_weight) => {
                let value = dense_weight.to_string();
                Err(InvalidOption::new("dense weight", value, "between 0 and 1"))
            }
            Fusion::Rrf { rrf_k } if !(rrf_k >= 0.0 && rrf_k.is_finite()) => {
                Err(InvalidOption::new("rrf-k", rrf_k.to_string(), "0 or more"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
            for name in mode.other_names() {
                assert_eq!(name.parse(), Ok(mode));
            }
        }
        for fusion in Fusion::ALL {
            assert_eq!(fusion.name().parse(), Ok(fusion));
        }
        assert_eq!(Fusion::ALL[0], Fusion::default());
        assert_eq!("vector".parse(), Ok(Mode::Dense), "as it once was called");
        assert!("both".parse::<Mode>().is_err());
    }
}
