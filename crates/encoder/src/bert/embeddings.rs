//! The first step of a pass: the embeddings of words, positions and types, added up.

use crate::error::{Error, Result};
use crate::kernels::Norm;
use crate::tokenizer::tokens::Tokens;
use crate::weights::{Table, Weights};

use super::source::Source;

/// The three tables of embeddings.
#[derive(Debug)]
pub(super) struct Embeddings {
    /// By far the largest, and read at few places in a pass: it stays in the file.
    words: Table,
    positions: Vec<f32>,
    types: Vec<f32>,
    pub(super) norm: Norm,
    hidden: usize,
    n_types: usize,
}

impl Embeddings {
    /// Finds the tables.
    pub(super) fn open(source: &Source<'_>) -> Result<Self> {
        let (weights, config) = (&source.weights, source.config);
        let hidden = config.hidden;
        let words = weights.table("embeddings.word_embeddings.weight", config.n_tokens, hidden)?;
        let positions = "embeddings.position_embeddings.weight";
        let types = "embeddings.token_type_embeddings.weight";
        Ok(Self {
            words,
            positions: weights.values(positions, config.n_positions, hidden)?,
            types: weights.values(types, config.n_types, hidden)?,
            norm: weights.norm("embeddings.LayerNorm", hidden, config.epsilon)?,
            hidden,
            n_types: config.n_types,
        })
    }

    /// Writes the sum of the three embeddings of each token into `rows`, not normalised; `weights` is
    /// the file that the tables were found in.
    pub(super) fn read(
        &self,
        weights: &Weights,
        sequences: &[&Tokens],
        rows: &mut [f32],
    ) -> Result<()> {
        let hidden = self.hidden;
        let mut to = rows.chunks_exact_mut(hidden);
        for sequence in sequences {
            let positions = self.positions.chunks_exact(hidden);
            let tokens = sequence.ids.iter().zip(&sequence.types).zip(positions);
            for (((&id, &kind), position), row) in tokens.zip(to.by_ref()) {
                check(id, self.words.rows())?;
                check(kind, self.n_types)?;
                self.words.read(weights, id as usize, row);
                let kind = &self.types[kind as usize * hidden..][..hidden];
                for ((value, position), kind) in row.iter_mut().zip(position).zip(kind) {
                    *value += position + kind;
                }
            }
        }
        Ok(())
    }
}

/// Refuses an index that is not below `n_tokens`.
fn check(token: u32, n_tokens: usize) -> Result<()> {
    if token as usize >= n_tokens {
        return Err(Error::UnknownToken { token, n_tokens });
    }
    Ok(())
}
