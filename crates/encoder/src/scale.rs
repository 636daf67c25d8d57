//! What a model's scores mean: between which values they usually lie.

/// Where a model's scores lie for texts that have nothing to do with each other, and for a question
/// and its answer.
///
/// Cosines of one bi-encoder lie between 0.4 and 0.8, those of another between 0.7 and 0.9, and the
/// logits of one cross-encoder spread twice as far as those of another. Put on this scale they can be
/// added up: 0 is what an unrelated text gets on average, 1 what an answer does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    unrelated: f32,
    related: f32,
}

impl Scale {
    /// That of the cosines of `BAAI/bge-small-en-v1.5`.
    pub const BGE_SMALL_EN: Self = Self::of(0.4104, 0.7328);

    /// That of the logits of `cross-encoder/ms-marco-MiniLM-L-12-v2`.
    pub const MS_MARCO_MINI_LM_L12: Self = Self::of(-11.22, 1.805);

    /// That of the logits of `reread-MiniLM-L12-v1`.
    pub const REREAD_MINI_LM_L12: Self = Self::of(-6.204, 1.122);

    /// Scores that count as they are: 0 is 0, and 1 is 1.
    pub const AS_IS: Self = Self::of(0.0, 1.0);

    const fn of(unrelated: f32, related: f32) -> Self {
        Self { unrelated, related }
    }

    /// A scale from the mean scores of unrelated and of related texts. `None` unless both are finite
    /// and related texts score higher.
    pub const fn new(unrelated: f32, related: f32) -> Option<Self> {
        if unrelated.is_finite() && related.is_finite() && related - unrelated > f32::EPSILON {
            Some(Self { unrelated, related })
        } else {
            None
        }
    }

    /// Where `score` lies: 0 for what an unrelated text gets on average, 1 for what an answer does, and
    /// below or above these for what is beyond them.
    pub fn place(self, score: f32) -> f32 {
        (score - self.unrelated) / (self.related - self.unrelated)
    }

    /// The score that lies at `place`.
    pub fn score(self, place: f32) -> f32 {
        self.unrelated + place * (self.related - self.unrelated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_placed_between_unrelated_and_related() {
        let scale = Scale::new(-8.0, 8.0).unwrap();
        for (score, expected) in [(-8.0, 0.0), (0.0, 0.5), (8.0, 1.0), (16.0, 1.5)] {
            assert!((scale.place(score) - expected).abs() < 1e-6, "{score}");
            assert!((scale.score(expected) - score).abs() < 1e-5, "{score}");
        }
    }

    #[test]
    fn what_does_not_tell_texts_apart_has_no_scale() {
        for (unrelated, related) in [
            (1.0, 1.0),
            (1.0, 0.5),
            (f32::NAN, 1.0),
            (0.0, f32::INFINITY),
        ] {
            assert!(Scale::new(unrelated, related).is_none());
        }
    }
}
