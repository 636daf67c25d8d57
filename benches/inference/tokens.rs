//! The tokens that the encoder makes of a pair, for those that are handed tokens.

use reread_encoder::{Tokenizer, Tokens};

use crate::Result;

/// `[CLS] query [SEP] passage [SEP]`
const N_SPECIAL: usize = 3;

/// What a passage is left with however long the query is.
const LEAST_OF_PASSAGE: usize = 16;

/// A query with which passages are joined, in the layout of BERT and cut as `Model::score` cuts.
pub(crate) struct PairTokens<'a> {
    tokenizer: &'a Tokenizer,
    /// With the special tokens before and after it.
    query: Tokens,
    max_tokens: usize,
}

impl<'a> PairTokens<'a> {
    pub(crate) fn new(tokenizer: &'a Tokenizer, query: &str, max_tokens: usize) -> Result<Self> {
        let max_query = max_tokens - N_SPECIAL - LEAST_OF_PASSAGE;
        Ok(Self {
            tokenizer,
            query: tokenizer.encode(query, max_query + 2)?,
            max_tokens,
        })
    }

    /// The tokens of the query together with `passage`.
    pub(crate) fn with(&self, passage: &str) -> Result<Tokens> {
        let mut pair = self.query.clone();
        // The passage alone has a special token in front, which a pair does not repeat.
        let max_passage = self.max_tokens - pair.len() + 1;
        let passage = self.tokenizer.encode(passage, max_passage)?;
        pair.ids.extend(&passage.ids[1..]);
        pair.types.resize(pair.ids.len(), 1);
        Ok(pair)
    }
}
