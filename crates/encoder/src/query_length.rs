//! How much of a query a model reads.

/// The most tokens of a query that is read whole in a pair.
const MAX_WHOLE: usize = 64;

/// How many tokens at the ends of a longer one are read.
const MAX_ENDS: usize = 32;

/// How long a query is, and how much of it a model reads. Tokens do not count the special ones, nor those of
/// a prefix that the model wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryLength {
    /// The tokens of the whole query.
    pub n_tokens: usize,
    /// How many are read from its beginning: all of them, unless it is cut.
    pub n_first: usize,
    /// How many are read at its end, where its middle is left out.
    pub n_last: usize,
}

impl QueryLength {
    /// The most tokens that a query has of any pair.
    pub const MAX_IN_PAIR: usize = MAX_WHOLE;

    /// A query that is read whole.
    pub fn whole(n_tokens: usize) -> Self {
        Self {
            n_tokens,
            n_first: n_tokens,
            n_last: 0,
        }
    }

    /// A query of a pair with room for `room` tokens beside the special ones.
    ///
    /// It is read whole up to 64 tokens, or half of the room if that is less. Of a longer one the first 16
    /// and the last 16 are read: people put their question before or behind what they paste. The passage
    /// has the rest of the pair, however long the query is.
    ///
    /// Cross-encoders are trained on short queries (Nogueira and Cho cut them after 64 tokens), and the more
    /// they read of a long one, the more they give all passages the same logit. The figures are in
    /// `docs/ranking.md`.
    pub fn in_pair(n_tokens: usize, room: usize) -> Self {
        let part = MAX_WHOLE.min(room / 2);
        if n_tokens <= part {
            return Self::whole(n_tokens);
        }
        let n_ends = MAX_ENDS.min(part);
        Self {
            n_tokens,
            n_first: n_ends - n_ends / 2,
            n_last: n_ends / 2,
        }
    }

    /// How many tokens are read.
    pub fn n_read(&self) -> usize {
        self.n_first + self.n_last
    }

    /// Tells whether a part of the query is not read.
    pub fn is_cut(&self) -> bool {
        self.n_read() < self.n_tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_query_leaves_most_of_a_pair_to_the_passage() {
        let parts = |n_tokens, room| {
            let length = QueryLength::in_pair(n_tokens, room);
            (length.n_first, length.n_last, length.is_cut())
        };
        assert_eq!(parts(64, 253), (64, 0, false));
        assert_eq!(parts(65, 253), (16, 16, true));
        assert_eq!(parts(900, 509), (16, 16, true));
        assert_eq!(parts(31, 61), (15, 15, true));
        assert_eq!(parts(900, 11), (3, 2, true));
        assert_eq!(parts(2, 1), (0, 0, true));
        assert_eq!(parts(0, 0), (0, 0, false));
    }
}
