//! What a model reads of a text.

/// The tokens of one text or of one pair, special tokens included, ready for the model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tokens {
    /// The row of each token in the vocabulary.
    pub ids: Vec<u32>,
    /// 0 in the first text, 1 in the second.
    pub types: Vec<u32>,
}

impl Tokens {
    /// The number of tokens.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Tells whether there is no token at all, not even a special one.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}
