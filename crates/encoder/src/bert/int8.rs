//! The layers in integers: activations quantised row by row, int8 weights, f32 between them.

use crate::config::Config;
use crate::error::Result;
use crate::kernels::{
    After, Aligned, HeadRows, Int8Panels, IntAttention, IntAttentionScratch, Kernels, Norm,
    QuantisedRows,
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
    attention: IntAttentionScratch,
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
        let n_rows = rows.len() / shape.hidden;
        shape
            .kernels
            .quantise(rows, &self.query, &mut scratch.quantised);
        self.ask(shape, rows.len(), scratch);
        self.mix(shape, sequences, n_rows, n_rows, scratch);
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
        copy_first_rows(sequences, shape.hidden, rows, first_rows);
        let kernels = shape.kernels;
        kernels.quantise(first_rows, &self.query, &mut scratch.quantised);
        self.ask(shape, first_rows.len(), scratch);
        kernels.quantise(rows, &self.query, &mut scratch.quantised);
        let n_rows = rows.len() / shape.hidden;
        self.mix(shape, sequences, n_rows, sequences.len(), scratch);
        self.feed_forward(shape, first_rows, scratch);
    }

    /// Fills `scratch.queries` with `len` values, from what is quantised.
    fn ask(&self, shape: &Shape, len: usize, scratch: &mut Scratch) {
        let queries = scratch.queries.of_len(len);
        let (matrix, rows) = (&self.query, &scratch.quantised);
        shape
            .kernels
            .linear_int8_by_heads(matrix, rows, shape.head_dim, queries);
    }

    /// Fills `scratch.context` for `n_queries` rows of `scratch.queries`, which are of all rows or
    /// of the first ones; `scratch.quantised` holds all `n_rows` rows.
    fn mix(
        &self,
        shape: &Shape,
        sequences: &[&Tokens],
        n_rows: usize,
        n_queries: usize,
        scratch: &mut Scratch,
    ) {
        let hidden = shape.hidden;
        let keys_values = scratch.keys_values.of_len(2 * n_rows * hidden);
        let (matrix, rows) = (&self.keys_values, &scratch.quantised);
        shape
            .kernels
            .linear_int8_by_heads(matrix, rows, shape.head_dim, keys_values);
        let (keys, values) = keys_values.split_at(n_rows * hidden);
        let mut context = scratch.context.of_len(n_queries * hidden);
        let mut from = 0;
        for (number, sequence) in sequences.iter().enumerate() {
            let rows = from..from + sequence.len();
            from = rows.end;
            let asking = if n_queries == n_rows {
                rows.clone()
            } else {
                number..number + 1
            };
            let (out, later) = context.split_at_mut(asking.len() * hidden);
            context = later;
            let of = |values, n_rows, rows| HeadRows {
                values,
                n_rows,
                rows,
            };
            shape.kernels.attend_int8(IntAttention {
                n_heads: shape.n_heads,
                head_dim: shape.head_dim,
                queries: of(&scratch.queries, n_queries, asking),
                keys: of(keys, n_rows, rows.clone()),
                values: of(values, n_rows, rows),
                out,
                scratch: &mut scratch.attention,
            });
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
