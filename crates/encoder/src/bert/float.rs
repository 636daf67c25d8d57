//! The layers in f32: the precise mode, and the oracle that the quantised layers are compared with.

use crate::error::Result;
use crate::kernels::{Aligned, Attention, AttentionScratch, Kernels, Norm, Panels};
use crate::tokenizer::tokens::Tokens;

use super::shape::{RunLayer, Shape, copy_first_rows};
use super::source::Source;

/// Rows that go through a feed-forward layer together, so that what is between its two halves
/// stays in the second-level cache.
const BLOCK_ROWS: usize = 128;

/// The weights of one layer.
#[derive(Debug)]
pub(super) struct Layer {
    query: Panels,
    keys_values: Panels,
    output: Panels,
    output_norm: Norm,
    up: Panels,
    down: Panels,
    down_norm: Norm,
}

/// The memory that a layer works in.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    queries: Aligned,
    keys_values: Aligned,
    context: Aligned,
    mixed: Aligned,
    between: Aligned,
    attention: AttentionScratch,
}

impl Layer {
    /// Reads and packs the weights of layer `number`.
    pub(super) fn open(source: &Source<'_>, number: usize) -> Result<Self> {
        source.cancel.check()?;
        let (weights, config) = (&source.weights, source.config);
        let (hidden, intermediate) = (config.hidden, config.intermediate);
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        let linear = |parts: &[&str], n, k| {
            let names: Vec<_> = parts.iter().map(|part| name(part)).collect();
            weights.linear(source.kernels, &names, n, k)
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

    /// Fills `scratch.context` for the `len` values of `scratch.queries`, which are of all rows or
    /// of the first ones.
    fn mix(
        &self,
        shape: &Shape,
        sequences: &[&Tokens],
        rows: &[f32],
        len: usize,
        scratch: &mut Scratch,
    ) {
        let keys_values = scratch.keys_values.of_len(2 * rows.len());
        linear(shape.kernels, &self.keys_values, rows, keys_values);
        let (mut queries, mut keys_values) = (&scratch.queries[..len], &*keys_values);
        let mut context = scratch.context.of_len(len);
        for sequence in sequences {
            let n_queries = if len == rows.len() { sequence.len() } else { 1 };
            let (now, later) = queries.split_at(n_queries * shape.hidden);
            let (keys_now, keys_later) = keys_values.split_at(2 * sequence.len() * shape.hidden);
            let (out, out_later) = context.split_at_mut(now.len());
            (queries, keys_values, context) = (later, keys_later, out_later);
            let attention = Attention {
                n_heads: shape.n_heads,
                head_dim: shape.head_dim,
                queries: now,
                query_stride: shape.hidden,
                keys_values: keys_now,
                key_stride: 2 * shape.hidden,
                out,
            };
            shape.kernels.attend(attention, &mut scratch.attention);
        }
    }

    /// Runs what follows attention, row by row: both dense halves with residual and norm.
    fn feed_forward(&self, shape: &Shape, rows: &mut [f32], scratch: &mut Scratch) {
        let kernels = shape.kernels;
        let block = BLOCK_ROWS * shape.hidden;
        for (context, rows) in scratch.context.chunks(block).zip(rows.chunks_mut(block)) {
            let n_rows = rows.len() / shape.hidden;
            let mixed = scratch.mixed.of_len(rows.len());
            let between = scratch.between.of_len(n_rows * self.up.n());
            kernels.linear(&self.output, &context[..rows.len()], mixed);
            kernels.add_norm(rows, Some(mixed), &self.output_norm);
            kernels.linear(&self.up, rows, between);
            kernels.activate(shape.activation, between);
            kernels.linear(&self.down, between, mixed);
            kernels.add_norm(rows, Some(mixed), &self.down_norm);
        }
    }
}

impl RunLayer for Layer {
    type Scratch = Scratch;

    /// Runs the layer over all rows, in place.
    fn run(&self, shape: &Shape, sequences: &[&Tokens], rows: &mut [f32], scratch: &mut Scratch) {
        let queries = scratch.queries.of_len(rows.len());
        linear(shape.kernels, &self.query, rows, queries);
        self.mix(shape, sequences, rows, rows.len(), scratch);
        self.feed_forward(shape, rows, scratch);
    }

    /// Runs the layer for the first row of each sequence, into `first_rows`.
    fn run_for_first(
        &self,
        shape: &Shape,
        sequences: &[&Tokens],
        rows: &[f32],
        first_rows: &mut [f32],
        scratch: &mut Scratch,
    ) {
        copy_first_rows(sequences, shape.hidden, rows, first_rows);
        let queries = scratch.queries.of_len(first_rows.len());
        linear(shape.kernels, &self.query, first_rows, queries);
        self.mix(shape, sequences, rows, first_rows.len(), scratch);
        self.feed_forward(shape, first_rows, scratch);
    }
}

/// A linear layer over rows of any number, block by block.
fn linear(kernels: Kernels, matrix: &Panels, rows: &[f32], out: &mut [f32]) {
    let rows = rows.chunks(BLOCK_ROWS * matrix.k());
    for (rows, out) in rows.zip(out.chunks_mut(BLOCK_ROWS * matrix.n())) {
        kernels.linear(matrix, rows, out);
    }
}
