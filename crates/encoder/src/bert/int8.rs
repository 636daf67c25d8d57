//! The layers in integers: activations quantised row by row, int8 weights, f32 between them.

pub(super) mod split;

use rayon::prelude::*;

use crate::config::Config;
use crate::error::Result;
use crate::kernels::{
    Activated, After, Aligned, Between, HeadRows, Int8Panels, IntAttention, IntAttentionScratch,
    Norm, QuantisedRows, RowAttention,
};
use crate::packed::PackedFiles;
use crate::tokenizer::tokens::Tokens;

use super::shape::{RunLayer, Shape, copy_first_rows};
use super::source::Source;

/// Rows that go through what follows attention together, so that what is between its two halves
/// stays in the second-level cache.
const BLOCK_ROWS: usize = 64;

/// Rows whose queries, keys and values are worked out together, unless one sequence has more: so
/// that they stay in the second-level cache until attention has read them.
const GROUP_ROWS: usize = 256;

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
///
/// `input` holds the quantised rows that a layer reads; each layer leaves there what the next one
/// reads, and [`Layer::quantise`] fills it for the first.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    input: QuantisedRows,
    mixed: QuantisedRows,
    quantised: QuantisedRows,
    fed: QuantisedRows,
    queries: Aligned,
    keys_values: Aligned,
    context: Aligned,
    between: Activated,
    attention: IntAttentionScratch,
}

/// Which rows have queries.
#[derive(Debug, Clone, Copy)]
enum Asking {
    /// The first row of each sequence.
    First,
    /// Some rows of the only sequence.
    Part,
}

/// The matrices of a layer.
const MATRICES: usize = 5;

impl Layer {
    /// Reads the weights of all layers: packed as they are in `files`, else packed now, and written there.
    pub(super) fn open_all(source: &Source<'_>, files: Option<&PackedFiles>) -> Result<Vec<Self>> {
        let n_layers = source.config.n_layers;
        let shapes = (0..n_layers).flat_map(|_| shapes(source.config)).collect();
        let stored = source.kernels.stored_int8(shapes);
        source.cancel.check()?;
        let kept = files.and_then(|files| files.read(&stored));
        let pack = || -> Result<_> {
            let matrices = pack_all(source)?;
            if let Some(files) = files {
                files.write(&stored, &matrices, source.cancel)?;
            }
            Ok(matrices)
        };
        let matrices = kept.map_or_else(pack, Ok)?;
        let mut matrices = matrices.into_iter();
        let layers = (0..n_layers).map(|number| {
            let matrices = [(); MATRICES].map(|()| matrices.next());
            let matrices = matrices.map(|matrix| matrix.expect("as many matrices as shapes"));
            Self::of(source, number, matrices)
        });
        layers.collect()
    }

    /// Puts together layer `number`, whose matrices are in the order of [`shapes`].
    fn of(source: &Source<'_>, number: usize, matrices: [Int8Panels; MATRICES]) -> Result<Self> {
        let [query, keys_values, output, up, down] = matrices;
        Ok(Self {
            query,
            keys_values,
            output,
            output_norm: norm(source, number, "attention.output.LayerNorm")?,
            up,
            down,
            down_norm: norm(source, number, "output.LayerNorm")?,
        })
    }

    /// Fills `scratch.mixed` from the quantised rows.
    fn attend(&self, shape: &Shape, sequences: &[&Tokens], scratch: &mut Scratch) {
        let lens: Vec<usize> = sequences.iter().map(|sequence| sequence.len()).collect();
        let mut first = 0;
        for lens in groups(&lens) {
            let end = first + lens.iter().sum::<usize>();
            shape.kernels.attend_rows(RowAttention {
                n_heads: shape.n_heads,
                head_dim: shape.head_dim,
                query: &self.query,
                keys_values: &self.keys_values,
                rows: scratch.input.part(first..end),
                lens,
                reader: &self.output,
                to: &mut scratch.mixed,
                first,
                scratch: &mut scratch.attention,
            });
            first = end;
        }
    }

    /// Runs what follows keys and values for the first row of each sequence.
    fn finish_first(
        &self,
        shape: &Shape,
        sequences: &[&Tokens],
        rows: &[f32],
        keys_values: &[f32],
        first_rows: &mut [f32],
        scratch: &mut Scratch,
    ) {
        copy_first_rows(sequences, shape.hidden, rows, first_rows);
        self.quantise(shape, first_rows, scratch);
        self.ask(shape, scratch);
        self.mix(shape, sequences, keys_values, Asking::First, scratch);
        self.feed_forward(shape, first_rows, scratch);
    }

    /// Quantises rows for this layer to read.
    pub(super) fn quantise(&self, shape: &Shape, rows: &[f32], scratch: &mut Scratch) {
        shape
            .kernels
            .quantise(rows, &self.query, &mut scratch.input);
    }

    /// Fills `scratch.queries` from the quantised rows.
    fn ask(&self, shape: &Shape, scratch: &mut Scratch) {
        let (matrix, rows) = (&self.query, &scratch.input);
        let queries = scratch.queries.of_len(rows.n_rows() * shape.hidden);
        let kernels = shape.kernels;
        kernels.linear_int8_by_heads(matrix, rows, shape.head_dim, queries);
    }

    /// Fills `scratch.keys_values` from the quantised rows.
    fn offer(&self, shape: &Shape, scratch: &mut Scratch) {
        let (matrix, rows) = (&self.keys_values, &scratch.input);
        let keys_values = scratch.keys_values.of_len(2 * rows.n_rows() * shape.hidden);
        let kernels = shape.kernels;
        kernels.linear_int8_by_heads(matrix, rows, shape.head_dim, keys_values);
    }

    /// Fills `scratch.mixed` for the rows of `scratch.queries`.
    fn mix(
        &self,
        shape: &Shape,
        sequences: &[&Tokens],
        keys_values: &[f32],
        asking: Asking,
        scratch: &mut Scratch,
    ) {
        mix(shape, sequences, keys_values, asking, scratch);
        let context = &scratch.context[..scratch.input.n_rows() * shape.hidden];
        shape
            .kernels
            .quantise(context, &self.output, &mut scratch.mixed);
    }

    /// Runs what follows attention, row by row: both dense halves with residual and norm.
    fn feed_forward(&self, shape: &Shape, rows: &mut [f32], scratch: &mut Scratch) {
        let kernels = shape.kernels;
        let (quantised, fed) = (&mut scratch.quantised, &mut scratch.fed);
        let blocks = rows.chunks_mut(BLOCK_ROWS * shape.hidden);
        for (rows, first) in blocks.zip((0..).step_by(BLOCK_ROWS)) {
            let mixed = scratch.mixed.part(first..first + rows.len() / shape.hidden);
            kernels.linear_int8(&self.output, mixed, After::Add, rows);
            kernels.norm_and_quantise(rows, &self.output_norm, &self.up, quantised, 0);
            kernels.feed(Between {
                up: &self.up,
                activation: shape.activation,
                rows: (&*quantised).into(),
                down: &self.down,
                to: fed,
                scratch: &mut scratch.between,
            });
            kernels.linear_int8(&self.down, &*fed, After::Add, rows);
            // The next layer is as wide as this one, so it reads what suits this one.
            let input = &mut scratch.input;
            kernels.norm_and_quantise(rows, &self.down_norm, &self.query, input, first);
        }
    }
}

impl RunLayer for Layer {
    type Scratch = Scratch;

    /// Runs the layer over all rows, in place; they are in `scratch.input` too, before and after.
    fn run(&self, shape: &Shape, sequences: &[&Tokens], rows: &mut [f32], scratch: &mut Scratch) {
        self.attend(shape, sequences, scratch);
        self.feed_forward(shape, rows, scratch);
    }

    /// Runs the layer for the first row of each sequence, into `first_rows`; all rows are in
    /// `scratch.input` too.
    fn run_for_first(
        &self,
        shape: &Shape,
        sequences: &[&Tokens],
        rows: &[f32],
        first_rows: &mut [f32],
        scratch: &mut Scratch,
    ) {
        self.offer(shape, scratch);
        let own = std::mem::take(&mut scratch.keys_values);
        self.finish_first(shape, sequences, rows, &own, first_rows, scratch);
        scratch.keys_values = own;
    }
}

/// The sizes `[n, k]` of a layer's matrices, in the order in which they are read.
fn shapes(config: &Config) -> [[usize; 2]; MATRICES] {
    let (hidden, intermediate) = (config.hidden, config.intermediate);
    [
        [hidden, hidden],
        [2 * hidden, hidden],
        [hidden, hidden],
        [intermediate, hidden],
        [hidden, intermediate],
    ]
}

/// Reads and packs the matrices of all layers.
fn pack_all(source: &Source<'_>) -> Result<Vec<Int8Panels>> {
    let numbers = (0..source.config.n_layers).into_par_iter();
    let layers = numbers.map(|number| pack(source, number));
    let layers: Vec<_> = layers.collect::<Result<_>>()?;
    let mut matrices: Vec<_> = layers.into_iter().flatten().collect();
    Int8Panels::move_together(matrices.iter_mut());
    Ok(matrices)
}

/// Reads and packs the matrices of layer `number`, in the order of [`shapes`].
fn pack(source: &Source<'_>, number: usize) -> Result<[Int8Panels; MATRICES]> {
    source.cancel.check()?;
    let (weights, config) = (&source.weights, source.config);
    let (hidden, intermediate) = (config.hidden, config.intermediate);
    let name = |part: &str| format!("encoder.layer.{number}.{part}");
    let linear = |parts: &[&str], n, k| {
        let names: Vec<_> = parts.iter().map(|part| name(part)).collect();
        weights.int8(source.kernels, &names, n, k)
    };
    let keys_values = ["attention.self.key", "attention.self.value"];
    let output_norm = norm(source, number, "attention.output.LayerNorm")?;
    let up = linear(&["intermediate.dense"], intermediate, hidden)?;
    let reach = weights.reach(&name("intermediate.dense"), intermediate, &output_norm)?;
    Ok([
        linear(&["attention.self.query"], hidden, hidden)?,
        linear(&keys_values, hidden, hidden)?,
        linear(&["attention.output.dense"], hidden, hidden)?,
        match reach {
            Some(reach) => up.with_reach(reach),
            None => up,
        },
        linear(&["output.dense"], hidden, intermediate)?,
    ])
}

/// Reads a norm of layer `number`.
fn norm(source: &Source<'_>, number: usize, part: &str) -> Result<Norm> {
    let config = source.config;
    let name = format!("encoder.layer.{number}.{part}");
    source.weights.norm(&name, config.hidden, config.epsilon)
}

/// Splits lengths into groups of up to [`GROUP_ROWS`] together.
fn groups(mut lens: &[usize]) -> impl Iterator<Item = &[usize]> {
    std::iter::from_fn(move || {
        let mut n_rows = 0;
        let fits = |&len: &usize| {
            n_rows += len;
            n_rows <= GROUP_ROWS
        };
        let n_lens = lens.iter().copied().take_while(fits).count();
        let (group, rest) = lens.split_at_checked(n_lens.max(1))?;
        lens = rest;
        Some(group)
    })
}

/// Fills `scratch.context` for the rows of `scratch.queries`.
fn mix(
    shape: &Shape,
    sequences: &[&Tokens],
    keys_values: &[f32],
    asking: Asking,
    scratch: &mut Scratch,
) {
    let hidden = shape.hidden;
    let n_rows = sequences.iter().map(|sequence| sequence.len()).sum();
    let n_queries = scratch.input.n_rows();
    let (keys, values) = keys_values[..2 * n_rows * hidden].split_at(n_rows * hidden);
    let mut context = scratch.context.of_len(n_queries * hidden);
    let mut from = 0;
    for (number, sequence) in sequences.iter().enumerate() {
        let rows = from..from + sequence.len();
        from = rows.end;
        let asking = match asking {
            Asking::First => number..number + 1,
            Asking::Part => 0..n_queries,
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
