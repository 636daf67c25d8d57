//! The forward pass of a BERT encoder (Devlin et al., arXiv:1810.04805) over packed sequences.

use std::path::Path;

use rayon::prelude::*;

use crate::config::{Config, Pooling};
use crate::error::{Error, Result};
use crate::kernels::{Aligned, Attention, AttentionScratch, Kernels, Norm, Panels};
use crate::tokenizer::Tokens;
use crate::weights::{Table, Weights};

/// Rows that go through a feed-forward layer together, so that what is between its two halves
/// stays in the second-level cache.
const BLOCK_ROWS: usize = 128;

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
    layers: Vec<Layer>,
    head: Option<Head>,
    n_labels: Option<usize>,
}

#[derive(Debug)]
struct Layer {
    query: Panels,
    keys_values: Panels,
    output: Panels,
    output_norm: Norm,
    up: Panels,
    down: Panels,
    down_norm: Norm,
}

/// What makes one logit of the first token's row.
#[derive(Debug)]
struct Head {
    pooler: Panels,
    classifier: Panels,
}

/// The memory that a forward pass works in, kept from one to the next.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    rows: Aligned,
    first_rows: Aligned,
    queries: Aligned,
    keys_values: Aligned,
    context: Aligned,
    mixed: Aligned,
    hidden: Aligned,
    attention: AttentionScratch,
}

impl Bert {
    /// Loads the weights and packs them, on all threads of the current pool.
    pub(crate) fn open(path: &Path, config: &Config, kernels: Kernels) -> Result<Self> {
        let weights = Weights::open(path)?;
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
        let layers: Result<_> = (0..config.n_layers)
            .into_par_iter()
            .map(|number| Layer::open(&weights, config, number, kernels))
            .collect();
        Ok(Self {
            kernels,
            config: config.clone(),
            words,
            positions,
            types,
            norm,
            layers: layers?,
            head,
            n_labels,
            weights,
        })
    }

    /// The kernels that the weights are packed for.
    pub(crate) fn kernels(&self) -> Kernels {
        self.kernels
    }

    /// The mapped weights.
    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The number of logits that the classifier gives, where there is one.
    pub(crate) fn n_labels(&self) -> Option<usize> {
        self.n_labels
    }

    /// Tells whether [`Self::score`] can be called.
    pub(crate) fn has_head(&self) -> bool {
        self.head.is_some()
    }

    /// Writes the pooled row of each sequence into `out`, `[n, hidden]`, not normalised.
    pub(crate) fn pool(
        &self,
        sequences: &[&Tokens],
        pooling: Pooling,
        workspace: &mut Workspace,
        out: &mut [f32],
    ) -> Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        let hidden = self.config.hidden;
        self.embed(sequences, workspace)?;
        let Some((last, layers)) = self.layers.split_last() else {
            return Ok(());
        };
        for layer in layers {
            self.layer(layer, sequences, workspace);
        }
        match pooling {
            Pooling::Cls => {
                self.last_layer(last, sequences, workspace);
                out.copy_from_slice(&workspace.first_rows[..out.len()]);
            }
            Pooling::Mean => {
                self.layer(last, sequences, workspace);
                let mut rows = workspace.rows.chunks_exact(hidden);
                for (sequence, out) in sequences.iter().zip(out.chunks_exact_mut(hidden)) {
                    mean(rows.by_ref().take(sequence.len()), sequence.len(), out);
                }
            }
        }
        Ok(())
    }

    /// Writes the logit of each sequence into `out`.
    pub(crate) fn score(
        &self,
        sequences: &[&Tokens],
        workspace: &mut Workspace,
        out: &mut [f32],
    ) -> Result<()> {
        let Some(head) = &self.head else {
            return Ok(());
        };
        let mut rows = vec![0.0; sequences.len() * self.config.hidden];
        self.pool(sequences, Pooling::Cls, workspace, &mut rows)?;
        let mut pooled = vec![0.0; rows.len()];
        self.kernels.linear(&head.pooler, &rows, &mut pooled);
        for value in &mut pooled {
            *value = value.tanh();
        }
        self.kernels.linear(&head.classifier, &pooled, out);
        Ok(())
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

    /// Runs a layer over all rows, in place.
    fn layer(&self, layer: &Layer, sequences: &[&Tokens], workspace: &mut Workspace) {
        let hidden = self.config.hidden;
        let Workspace {
            rows,
            queries,
            keys_values,
            context,
            mixed,
            hidden: between,
            ..
        } = workspace;
        let len = sequences
            .iter()
            .map(|sequence| sequence.len())
            .sum::<usize>()
            * hidden;
        let rows = &mut rows[..len];
        let queries = queries.of_len(len);
        let keys_values = keys_values.of_len(2 * len);
        let context = context.of_len(len);
        self.linear(&layer.query, rows, queries);
        self.linear(&layer.keys_values, rows, keys_values);
        let mut from = 0;
        for sequence in sequences {
            let to = from + sequence.len() * hidden;
            self.kernels.attend(Attention {
                n_heads: self.config.n_heads,
                head_dim: hidden / self.config.n_heads,
                queries: &queries[from..to],
                keys_values: &keys_values[2 * from..2 * to],
                out: &mut context[from..to],
                scratch: &mut workspace.attention,
            });
            from = to;
        }
        self.feed_forward(layer, context, rows, mixed, between);
    }

    /// Runs the last layer for the first row of each sequence, into `workspace.first_rows`.
    fn last_layer(&self, layer: &Layer, sequences: &[&Tokens], workspace: &mut Workspace) {
        let hidden = self.config.hidden;
        let Workspace {
            rows,
            queries,
            keys_values,
            context,
            mixed,
            hidden: between,
            ..
        } = workspace;
        let len = sequences
            .iter()
            .map(|sequence| sequence.len())
            .sum::<usize>()
            * hidden;
        let rows = &rows[..len];
        let first_rows = workspace.first_rows.of_len(sequences.len() * hidden);
        let queries = queries.of_len(first_rows.len());
        let context = context.of_len(first_rows.len());
        let keys_values = keys_values.of_len(2 * len);
        let mut from = 0;
        for (sequence, first_row) in sequences.iter().zip(first_rows.chunks_exact_mut(hidden)) {
            first_row.copy_from_slice(&rows[from..from + hidden]);
            from += sequence.len() * hidden;
        }
        self.linear(&layer.query, first_rows, queries);
        self.linear(&layer.keys_values, rows, keys_values);
        let mut from = 0;
        let each = queries
            .chunks_exact(hidden)
            .zip(context.chunks_exact_mut(hidden));
        for (sequence, (queries, out)) in sequences.iter().zip(each) {
            let to = from + 2 * sequence.len() * hidden;
            self.kernels.attend(Attention {
                n_heads: self.config.n_heads,
                head_dim: hidden / self.config.n_heads,
                queries,
                keys_values: &keys_values[from..to],
                out,
                scratch: &mut workspace.attention,
            });
            from = to;
        }
        self.feed_forward(layer, context, first_rows, mixed, between);
    }

    /// Runs what follows attention, row by row: both dense halves with residual and norm.
    fn feed_forward(
        &self,
        layer: &Layer,
        context: &[f32],
        rows: &mut [f32],
        mixed: &mut Aligned,
        between: &mut Aligned,
    ) {
        let block = BLOCK_ROWS * self.config.hidden;
        for (context, rows) in context.chunks(block).zip(rows.chunks_mut(block)) {
            let n_rows = rows.len() / self.config.hidden;
            let mixed = mixed.of_len(rows.len());
            let between = between.of_len(n_rows * self.config.intermediate);
            self.kernels.linear(&layer.output, context, mixed);
            self.kernels.add_norm(rows, Some(mixed), &layer.output_norm);
            self.kernels.linear(&layer.up, rows, between);
            self.kernels.activate(self.config.activation, between);
            self.kernels.linear(&layer.down, between, mixed);
            self.kernels.add_norm(rows, Some(mixed), &layer.down_norm);
        }
    }

    /// A linear layer over rows of any number, block by block.
    fn linear(&self, matrix: &Panels, rows: &[f32], out: &mut [f32]) {
        let rows = rows.chunks(BLOCK_ROWS * matrix.k());
        for (rows, out) in rows.zip(out.chunks_mut(BLOCK_ROWS * matrix.n())) {
            self.kernels.linear(matrix, rows, out);
        }
    }
}

impl Layer {
    fn open(weights: &Weights, config: &Config, number: usize, kernels: Kernels) -> Result<Self> {
        let Config {
            hidden,
            intermediate,
            epsilon,
            ..
        } = *config;
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        let linear = |parts: &[&str], n, k| {
            let names: Vec<_> = parts.iter().map(|part| name(part)).collect();
            weights.linear(kernels, &names, n, k)
        };
        let norm = |part| weights.norm(&name(part), hidden, epsilon);
        Ok(Self {
            query: linear(&["attention.self.query"], hidden, hidden)?,
            keys_values: linear(
                &["attention.self.key", "attention.self.value"],
                hidden,
                hidden,
            )?,
            output: linear(&["attention.output.dense"], hidden, hidden)?,
            output_norm: norm("attention.output.LayerNorm")?,
            up: linear(&["intermediate.dense"], intermediate, hidden)?,
            down: linear(&["output.dense"], hidden, intermediate)?,
            down_norm: norm("output.LayerNorm")?,
        })
    }
}

impl Head {
    fn open(weights: &Weights, hidden: usize, kernels: Kernels) -> Result<Self> {
        let linear = |name: &str, n| weights.linear(kernels, &[name.to_owned()], n, hidden);
        Ok(Self {
            pooler: linear("pooler.dense", hidden)?,
            classifier: linear("classifier", 1)?,
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
