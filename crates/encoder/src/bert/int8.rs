//! The layers in integers: activations quantised row by row, int8 weights, f32 between them.

use crate::config::Config;
use crate::error::Result;
use crate::kernels::{
    After, Aligned, Attention, Int8Panels, Kernels, Norm, QuantisedRows, WordScratch,
};
use crate::tokenizer::Tokens;
use crate::weights::Weights;

use super::{Shape, copy_first_rows};

/// Rows that go through what follows attention together, so that what is between its two halves
/// stays in the second-level cache.
const BLOCK_ROWS: usize = 64;

/// The weights of one layer.
#[derive(Debug)]
pub(super) struct Layer {
    query: Int8Panels,
    keys_values: Int8Panels,
    output: Int8Panels,
    output_norm: Norm,
    up: Int8Panels,
    down: Int8Panels,
    down_norm: Norm,
}

/// The memory that a layer works in.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    quantised: QuantisedRows,
    queries: Aligned,
    keys_values: Aligned,
    context: Aligned,
    between: Aligned,
    words: WordScratch,
}

impl Layer {
    /// Reads and packs the weights of layer `number`.
    pub(super) fn open(
        weights: &Weights,
        config: &Config,
        number: usize,
        kernels: Kernels,
    ) -> Result<Self> {
        let (hidden, intermediate) = (config.hidden, config.intermediate);
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        let linear = |parts: &[&str], n, k| {
            let names: Vec<_> = parts.iter().map(|part| name(part)).collect();
            weights.int8(kernels, &names, n, k)
        };
        let norm = |part| weights.norm(&name(part), hidden, config.epsilon);
        let keys_values = ["attention.self.key", "attention.self.value"];
        Ok(Self {
            query: linear(&["attention.self.query"], hidden, hidden)?,
            keys_values: linear(&keys_values, hidden, hidden)?,
            output: linear(&["attention.output.dense"], hidden, hidden)?,
            output_norm: norm("attention.output.LayerNorm")?,
            up: linear(&["intermediate.dense"], intermediate, hidden)?,
            down: linear(&["output.dense"], hidden, intermediate)?,
            down_norm: norm("output.LayerNorm")?,
        })
    }

    /// Runs the layer over all rows, in place.
    pub(super) fn run(
        &self,
        shape: &Shape,
        sequences: &[&Tokens],
        rows: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let kernels = shape.kernels;
        kernels.quantise(rows, &self.query, &mut scratch.quantised);
        let queries = scratch.queries.of_len(rows.len());
        kernels.linear_int8(&self.query, &scratch.quantised, After::Store, queries);
        self.mix(shape, sequences, rows.len(), rows.len(), scratch);
        self.feed_forward(shape, rows, scratch);
    }

    /// Runs the layer for the first row of each sequence, into `first_rows`.
    pub(super) fn run_for_first(
        &self,
        shape: &Shape,
        sequences: &[&Tokens],
        rows: &[f32],
        first_rows: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let kernels = shape.kernels;
        copy_first_rows(sequences, shape.hidden, rows, first_rows);
        kernels.quantise(first_rows, &self.query, &mut scratch.quantised);
        let queries = scratch.queries.of_len(first_rows.len());
        kernels.linear_int8(&self.query, &scratch.quantised, After::Store, queries);
        kernels.quantise(rows, &self.query, &mut scratch.quantised);
        self.mix(shape, sequences, rows.len(), first_rows.len(), scratch);
        self.feed_forward(shape, first_rows, scratch);
    }

    /// Fills `scratch.context` for the `len` values of `scratch.queries`, which are of all rows or
    /// of the first ones; `scratch.quantised` holds all rows, of `all` values.
    fn mix(
        &self,
        shape: &Shape,
        sequences: &[&Tokens],
        all: usize,
        len: usize,
        scratch: &mut Scratch,
    ) {
        let keys_values = scratch.keys_values.of_len(2 * all);
        let (matrix, rows) = (&self.keys_values, &scratch.quantised);
        shape
            .kernels
            .linear_int8(matrix, rows, After::Store, keys_values);
        let (mut queries, mut keys_values) = (&scratch.queries[..len], &*keys_values);
        let mut context = scratch.context.of_len(len);
        for sequence in sequences {
            let n_queries = if len == all { sequence.len() } else { 1 };
            let (now, later) = queries.split_at(n_queries * shape.hidden);
            let (keys_now, keys_later) = keys_values.split_at(2 * sequence.len() * shape.hidden);
            let (out, out_later) = context.split_at_mut(now.len());
            (queries, keys_values, context) = (later, keys_later, out_later);
            let attention = Attention {
                n_heads: shape.n_heads,
                head_dim: shape.hidden / shape.n_heads,
                queries: now,
                query_stride: shape.hidden,
                keys_values: keys_now,
                key_stride: 2 * shape.hidden,
                out,
            };
            shape.kernels.attend_in_words(attention, &mut scratch.words);
        }
    }

    /// Runs what follows attention, row by row: both dense halves with residual and norm.
    fn feed_forward(&self, shape: &Shape, rows: &mut [f32], scratch: &mut Scratch) {
        let kernels = shape.kernels;
        let block = BLOCK_ROWS * shape.hidden;
        let quantised = &mut scratch.quantised;
        for (context, rows) in scratch.context.chunks(block).zip(rows.chunks_mut(block)) {
            let n_rows = rows.len() / shape.hidden;
            let between = scratch.between.of_len(n_rows * self.up.n());
            kernels.quantise(&context[..rows.len()], &self.output, quantised);
            kernels.linear_int8(&self.output, quantised, After::Add, rows);
            kernels.add_norm(rows, None, &self.output_norm);
            kernels.quantise(rows, &self.up, quantised);
            kernels.linear_int8(
                &self.up,
                quantised,
                After::Activate(shape.activation),
                between,
            );
            kernels.quantise(between, &self.down, quantised);
            kernels.linear_int8(&self.down, quantised, After::Add, rows);
            kernels.add_norm(rows, None, &self.down_norm);
        }
    }
}
