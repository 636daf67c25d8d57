//! The forward pass of a BERT encoder (Devlin et al., arXiv:1810.04805) over packed sequences.

mod float;
mod int8;

use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;

use crate::config::{Config, Pooling};
use crate::error::{Error, Result};
use crate::kernels::{Activation, Aligned, Kernels, Norm, Panels};
use crate::packed::PackedFiles;
use crate::tokenizer::Tokens;
use crate::weights::{Table, Weights};

/// The arithmetic of the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Precision {
    /// Activations quantised row by row, int8 weights: several times faster, and some hundredths
    /// of a logit from exact.
    #[default]
    Int8,
    /// All in f32: 1e-5 from exact.
    F32,
}

impl Precision {
    /// Both, the faster one first.
    pub const ALL: [Self; 2] = [Self::Int8, Self::F32];

    /// The name, as [`FromStr`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::F32 => "f32",
        }
    }

    /// What becomes of it for a model of these widths.
    pub(crate) fn of(self, config: &Config) -> Self {
        if config.fits_int8() { self } else { Self::F32 }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> std::result::Result<Self, UnknownPrecision> {
        let found = Self::ALL.into_iter().find(|one| one.name() == name);
        found.ok_or_else(|| UnknownPrecision {
            found: name.to_owned(),
        })
    }
}

/// A precision was asked for by a name that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no precision `{found}`; there are {}", Precision::ALL.map(Precision::name).join(", "))]
#[non_exhaustive]
pub struct UnknownPrecision {
    /// The name that was given.
    pub found: String,
}

/// The encoder's weights, ready to run.
#[derive(Debug)]
pub(crate) struct Bert {
    kernels: Kernels,
    config: Config,
    weights: Weights,
    words: Table,
    positions: Vec<f32>,
    types: Vec<f32>,
    norm: Norm,
    layers: Layers,
    head: Option<Head>,
    n_labels: Option<usize>,
}

/// The layers, in one of the two arithmetics.
#[derive(Debug)]
enum Layers {
    Float(Vec<float::Layer>),
    Int8(Vec<int8::Layer>),
}

/// What every layer knows of the model.
#[derive(Debug)]
struct Shape {
    kernels: Kernels,
    hidden: usize,
    n_heads: usize,
    head_dim: usize,
    activation: Activation,
}

/// What makes one logit of the first token's row.
#[derive(Debug)]
struct Head {
    pooler: Panels,
    classifier: Panels,
    greatest_logit: f32,
}

/// Says whether to stop; asked often, from many threads.
pub(crate) type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// The memory that a forward pass works in, kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    rows: Aligned,
    first_rows: Aligned,
    float: float::Scratch,
    int8: int8::Scratch,
    split: int8::SplitScratch,
    /// Threads that one sequence may be spread over.
    n_threads: usize,
}

impl Workspace {
    /// Lets one sequence be spread over `n_threads` threads.
    pub(crate) fn set_threads(&mut self, n_threads: usize) {
        self.n_threads = n_threads;
    }
}

impl Bert {
    /// Packs the weights, on all threads of the current pool, or reads them from `files` if they are
    /// kept there.
    pub(crate) fn new(
        weights: Weights,
        config: &Config,
        kernels: Kernels,
        precision: Precision,
        files: Option<&PackedFiles>,
    ) -> Result<Self> {
        let hidden = config.hidden;
        let words = weights.table("embeddings.word_embeddings.weight", config.n_tokens, hidden)?;
        let positions = "embeddings.position_embeddings.weight";
        let positions = weights.values(positions, config.n_positions, hidden)?;
        let types = "embeddings.token_type_embeddings.weight";
        let types = weights.values(types, config.n_types, hidden)?;
        let norm = weights.norm("embeddings.LayerNorm", hidden, config.epsilon)?;
        let n_labels = weights
            .shape("classifier.weight")
            .and_then(|shape| shape.first().copied());
        let head = match n_labels {
            Some(1) => Some(Head::open(&weights, hidden, kernels)?),
            _ => None,
        };
        let layers = if precision.of(config) == Precision::Int8 {
            Layers::Int8(int8::Layer::open_all(&weights, config, kernels, files)?)
        } else {
            let numbers = (0..config.n_layers).into_par_iter();
            let open = |number| float::Layer::open(&weights, config, number, kernels);
            Layers::Float(numbers.map(open).collect::<Result<_>>()?)
        };
        Ok(Self {
            kernels,
            config: config.clone(),
            words,
            positions,
            types,
            norm,
            layers,
            head,
            n_labels,
            weights,
        })
    }

    /// The kernels that the weights are packed for.
    pub(crate) fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// The arithmetic of the layers.
    pub(crate) fn precision(&self) -> Precision {
        match self.layers {
            Layers::Float(_) => Precision::F32,
            Layers::Int8(_) => Precision::Int8,
        }
    }

    /// The mapped weights.
    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The number of logits that the classifier gives, where there is one.
    pub(crate) fn n_labels(&self) -> Option<usize> {
        self.n_labels
    }

    /// No logit is greater.
    pub(crate) fn greatest_logit(&self) -> Option<f32> {
        self.head.as_ref().map(|head| head.greatest_logit)
    }

    /// Tells whether [`Self::score`] can be called.
    pub(crate) fn has_head(&self) -> bool {
        self.head.is_some()
    }

    /// Writes the pooled row of each sequence into `out`, `[n, hidden]`, not normalised.
    ///
    /// Asks `stop` before each layer, and returns `false` where it said so.
    pub(crate) fn pool(
        &self,
        sequences: &[&Tokens],
        pooling: Pooling,
        workspace: &mut Workspace,
        stop: Stop<'_>,
        out: &mut [f32],
    ) -> Result<bool> {
        if out.is_empty() {
            return Ok(true);
        }
        let hidden = self.config.hidden;
        self.embed(sequences, workspace)?;
        let shape = self.shape();
        let n_full = match pooling {
            Pooling::Cls => self.config.n_layers - 1,
            Pooling::Mean => self.config.n_layers,
        };
        let Workspace {
            rows,
            first_rows,
            float,
            int8,
            split: split_scratch,
            n_threads,
        } = workspace;
        let n_threads = *n_threads;
        let n_rows: usize = sequences.iter().map(|sequence| sequence.len()).sum();
        let rows = &mut rows[..n_rows * hidden];
        let first_rows = first_rows.of_len(out.len());
        match &self.layers {
            Layers::Float(layers) => {
                for layer in &layers[..n_full] {
                    if stop() {
                        return Ok(false);
                    }
                    layer.run(&shape, sequences, rows, float);
                }
                for layer in &layers[n_full..] {
                    if stop() {
                        return Ok(false);
                    }
                    layer.run_for_first(&shape, sequences, rows, first_rows, float);
                }
            }
            Layers::Int8(layers) => {
                let (full, last) = layers.split_at(n_full);
                if let [sequence] = *sequences
                    && n_threads > 1
                {
                    let split = int8::Split {
                        shape: &shape,
                        sequence,
                        n_threads,
                        full,
                        last: last.first(),
                    };
                    if !split.run(rows, first_rows, split_scratch, stop) {
                        return Ok(false);
                    }
                } else {
                    if let Some(first) = layers.first() {
                        first.quantise(&shape, rows, int8);
                    }
                    for layer in full {
                        if stop() {
                            return Ok(false);
                        }
                        layer.run(&shape, sequences, rows, int8);
                    }
                    for layer in last {
                        if stop() {
                            return Ok(false);
                        }
                        layer.run_for_first(&shape, sequences, rows, first_rows, int8);
                    }
                }
            }
        }
        match pooling {
            Pooling::Cls => out.copy_from_slice(first_rows),
            Pooling::Mean => {
                let mut rows = rows.chunks_exact(hidden);
                for (sequence, out) in sequences.iter().zip(out.chunks_exact_mut(hidden)) {
                    mean(rows.by_ref().take(sequence.len()), sequence.len(), out);
                }
            }
        }
        Ok(true)
    }

    fn shape(&self) -> Shape {
        Shape {
            kernels: self.kernels,
            hidden: self.config.hidden,
            n_heads: self.config.n_heads,
            head_dim: self.config.hidden / self.config.n_heads,
            activation: self.config.activation,
        }
    }

    /// Writes the logit of each sequence into `out`.
    ///
    /// Asks `stop` before each layer, and returns `false` where it said so.
    pub(crate) fn score(
        &self,
        sequences: &[&Tokens],
        workspace: &mut Workspace,
        stop: Stop<'_>,
        out: &mut [f32],
    ) -> Result<bool> {
        let Some(head) = &self.head else {
            return Ok(true);
        };
        let mut rows = vec![0.0; sequences.len() * self.config.hidden];
        if !self.pool(sequences, Pooling::Cls, workspace, stop, &mut rows)? {
            return Ok(false);
        }
        let mut pooled = vec![0.0; rows.len()];
        self.kernels.linear(&head.pooler, &rows, &mut pooled);
        for value in &mut pooled {
            *value = value.tanh();
        }
        self.kernels.linear(&head.classifier, &pooled, out);
        Ok(true)
    }

    /// Writes the normalised sum of the three embeddings of each token into `workspace.rows`.
    fn embed(&self, sequences: &[&Tokens], workspace: &mut Workspace) -> Result<()> {
        let hidden = self.config.hidden;
        let n_rows: usize = sequences.iter().map(|sequence| sequence.len()).sum();
        let rows = workspace.rows.of_len(n_rows * hidden);
        let mut to = rows.chunks_exact_mut(hidden);
        for sequence in sequences {
            let positions = self.positions.chunks_exact(hidden);
            let tokens = sequence.ids.iter().zip(&sequence.types).zip(positions);
            for (((&id, &kind), position), row) in tokens.zip(to.by_ref()) {
                check(id, self.words.rows())?;
                check(kind, self.config.n_types)?;
                self.words.read(&self.weights, id as usize, row);
                let kind = &self.types[kind as usize * hidden..][..hidden];
                for ((value, position), kind) in row.iter_mut().zip(position).zip(kind) {
                    *value += position + kind;
                }
            }
        }
        self.kernels.add_norm(rows, None, &self.norm);
        Ok(())
    }
}

impl Head {
    fn open(weights: &Weights, hidden: usize, kernels: Kernels) -> Result<Self> {
        let linear = |name: &str, n| weights.linear(kernels, &[name.to_owned()], n, hidden);
        let of = |kind, columns| weights.values(&format!("classifier.{kind}"), 1, columns);
        let sum = of("weight", hidden)?
            .iter()
            .map(|weight| weight.abs())
            .sum::<f32>();
        let bias = of("bias", 1)?.iter().sum::<f32>();
        // Sums of floats depend a little on their order.
        let rounding = 1e-5 * (sum + bias.abs());
        Ok(Self {
            pooler: linear("pooler.dense", hidden)?,
            classifier: linear("classifier", 1)?,
            greatest_logit: sum + bias + rounding,
        })
    }
}

/// Refuses an index that is not below `n_tokens`.
fn check(token: u32, n_tokens: usize) -> Result<()> {
    if token as usize >= n_tokens {
        return Err(Error::UnknownToken { token, n_tokens });
    }
    Ok(())
}

/// Copies the first row of each sequence.
fn copy_first_rows(sequences: &[&Tokens], hidden: usize, rows: &[f32], first_rows: &mut [f32]) {
    let mut from = 0;
    for (sequence, first_row) in sequences.iter().zip(first_rows.chunks_exact_mut(hidden)) {
        first_row.copy_from_slice(&rows[from..from + hidden]);
        from += sequence.len() * hidden;
    }
}

fn mean<'a>(rows: impl Iterator<Item = &'a [f32]>, n_rows: usize, out: &mut [f32]) {
    out.fill(0.0);
    for row in rows {
        for (sum, value) in out.iter_mut().zip(row) {
            *sum += value;
        }
    }
    for sum in out {
        *sum /= n_rows as f32;
    }
}
