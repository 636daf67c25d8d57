//! The forward pass of a BERT encoder (Devlin et al., arXiv:1810.04805) over packed sequences.

mod embeddings;
mod float;
mod int8;
mod pass;
mod shape;
mod source;

use std::fmt;
use std::str::FromStr;

use rayon::prelude::*;

use crate::cancel::CancelToken;
use crate::config::{Config, Pooling};
use crate::error::Result;
use crate::kernels::{Kernels, Panels};
use crate::names::UnknownName;
use crate::packed::PackedFiles;
use crate::tokenizer::tokens::Tokens;
use crate::weights::Weights;

use self::embeddings::Embeddings;
use self::pass::{Layers, Pass};
use self::shape::Shape;

pub(crate) use self::pass::Workspace;
pub(crate) use self::source::Source;

/// The arithmetic of the layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
    type Err = UnknownName;

    fn from_str(name: &str) -> std::result::Result<Self, UnknownName> {
        UnknownName::or_find("precision", &Self::ALL, Self::name, name)
    }
}

/// The encoder's weights, ready to run.
#[derive(Debug)]
pub(crate) struct Bert {
    kernels: Kernels,
    config: Config,
    weights: Weights,
    embeddings: Embeddings,
    layers: Layers,
    head: Option<Head>,
    n_labels: Option<usize>,
}

/// What makes one logit of the first token's row.
#[derive(Debug)]
struct Head {
    pooler: Panels,
    classifier: Panels,
    greatest_logit: f32,
}

impl Bert {
    /// Packs the weights, on all threads of the current pool, or reads them from `files` if they are
    /// kept there. Asks before each layer whether to go on.
    pub(crate) fn new(
        source: Source<'_>,
        precision: Precision,
        files: Option<&PackedFiles>,
    ) -> Result<Self> {
        let Source {
            ref weights,
            config,
            kernels,
            ..
        } = source;
        let hidden = config.hidden;
        let embeddings = Embeddings::open(&source)?;
        let n_labels = weights
            .shape("classifier.weight")
            .and_then(|shape| shape.first().copied());
        let head = match n_labels {
            Some(1) => Some(Head::open(weights, hidden, kernels)?),
            _ => None,
        };
        let layers = if precision.of(config) == Precision::Int8 {
            Layers::Int8(int8::Layer::open_all(&source, files)?)
        } else {
            let numbers = (0..config.n_layers).into_par_iter();
            let open = |number| float::Layer::open(&source, number);
            Layers::Float(numbers.map(open).collect::<Result<_>>()?)
        };
        Ok(Self {
            kernels,
            config: config.clone(),
            embeddings,
            layers,
            head,
            n_labels,
            weights: source.weights,
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
    /// Asks `cancel` before each layer, and returns `false` where it said so.
    pub(crate) fn pool(
        &self,
        sequences: &[&Tokens],
        pooling: Pooling,
        workspace: &mut Workspace,
        cancel: &CancelToken,
        out: &mut [f32],
    ) -> Result<bool> {
        if out.is_empty() {
            return Ok(true);
        }
        self.embed(sequences, workspace)?;
        let pass = Pass {
            shape: self.shape(),
            sequences,
            n_full: match pooling {
                Pooling::Cls => self.config.n_layers - 1,
                Pooling::Mean => self.config.n_layers,
            },
            cancel,
        };
        if !pass.run(&self.layers, workspace) {
            return Ok(false);
        }
        match pooling {
            Pooling::Cls => out.copy_from_slice(&workspace.first_rows[..out.len()]),
            Pooling::Mean => {
                let hidden = self.config.hidden;
                let mut rows = workspace.rows.chunks_exact(hidden);
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

    /// Writes the logit of each sequence into `out`; the model [has a head](Self::has_head).
    ///
    /// Asks `cancel` before each layer, and returns `false` where it said so.
    pub(crate) fn score(
        &self,
        sequences: &[&Tokens],
        workspace: &mut Workspace,
        cancel: &CancelToken,
        out: &mut [f32],
    ) -> Result<bool> {
        let head = self.head.as_ref();
        let head = head.expect("only a model with a head is asked to score");
        let mut rows = vec![0.0; sequences.len() * self.config.hidden];
        if !self.pool(sequences, Pooling::Cls, workspace, cancel, &mut rows)? {
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

    /// Fills `workspace.rows` with what the first layer reads.
    fn embed(&self, sequences: &[&Tokens], workspace: &mut Workspace) -> Result<()> {
        let n_rows: usize = sequences.iter().map(|sequence| sequence.len()).sum();
        let rows = workspace.rows.of_len(n_rows * self.config.hidden);
        self.embeddings.read(&self.weights, sequences, rows)?;
        self.kernels.add_norm(rows, None, &self.embeddings.norm);
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
