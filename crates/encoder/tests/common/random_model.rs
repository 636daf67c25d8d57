//! Models of random weights, of many sizes and kinds.

use safetensors::tensor::Dtype;
use tempfile::TempDir;

use super::{Shape, Tensors, floats, pool_by_mean};

/// How matrices are stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Float(Dtype),
    /// One scale for all.
    Int8,
    /// A scale for each row.
    Int8Rows,
    /// One scale, and a zero point that is not zero.
    Int8Shifted,
}

const ZERO_POINT: i8 = 3;

/// A model of two types of token and 64 positions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Recipe {
    pub(crate) hidden: usize,
    pub(crate) n_heads: usize,
    pub(crate) intermediate: usize,
    pub(crate) n_layers: usize,
    pub(crate) kind: Kind,
    pub(crate) activation: &'static str,
    /// Embeddings are the mean of all rows.
    pub(crate) mean: bool,
}

pub(crate) const RECIPE: Recipe = Recipe {
    hidden: 64,
    n_heads: 2,
    intermediate: 160,
    n_layers: 2,
    kind: Kind::Float(Dtype::F32),
    activation: "gelu",
    mean: false,
};

/// Numbers in -1..1 that look random, the same for the same seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    fn values(&mut self, len: usize, middle: f32, bound: f32) -> Vec<f32> {
        (0..len).map(|_| middle + bound * self.next()).collect()
    }
}

impl Recipe {
    fn shape(&self) -> Shape {
        Shape {
            hidden: self.hidden,
            n_heads: self.n_heads,
            intermediate: self.intermediate,
            n_layers: self.n_layers,
            n_positions: 64,
            n_labels: 1,
        }
    }

    /// Random weights of such sizes that every part of the model has a say.
    pub(crate) fn tensors(&self) -> Tensors {
        let mut random = Random(0x9E37_79B9_7F4A_7C15);
        let mut tensors = Tensors::new();
        for (name, shape) in self.shape().tensors() {
            let len = shape.iter().product();
            let is_norm = name.contains("LayerNorm");
            let (middle, bound) = match shape[..] {
                _ if name.contains("embeddings.weight") => (0.0, 1.0),
                [_, into] => (0.0, 1.5 * (3.0 / into as f32).sqrt()),
                _ if is_norm && name.ends_with("weight") => (1.0, 0.5),
                _ => (0.0, 0.1),
            };
            let values = random.values(len, middle, bound);
            if shape.len() == 2 {
                self.add_matrix(&mut tensors, &name, shape, &values, bound);
            } else {
                tensors.insert(name, (Dtype::F32, shape, floats(Dtype::F32, &values)));
            }
        }
        tensors
    }

    fn add_matrix(
        &self,
        tensors: &mut Tensors,
        name: &str,
        shape: Vec<usize>,
        values: &[f32],
        bound: f32,
    ) {
        let numbers = |zero: i8| {
            let number = |value: f32| (value / bound * 120.0).round() as i8 + zero;
            let numbers = values.iter().map(|&value| number(value).cast_unsigned());
            (Dtype::I8, shape.clone(), numbers.collect())
        };
        let (rows, scale) = (shape[0], bound / 120.0);
        let (tensor, scales) = match self.kind {
            Kind::Float(dtype) => ((dtype, shape, floats(dtype, values)), vec![]),
            Kind::Int8 => (numbers(0), vec![scale]),
            Kind::Int8Shifted => (numbers(ZERO_POINT), vec![scale]),
            Kind::Int8Rows => {
                let scales = (0..rows).map(|row| scale * (0.5 + row as f32 / rows as f32));
                (numbers(0), scales.collect())
            }
        };
        tensors.insert(name.to_owned(), tensor);
        if !scales.is_empty() {
            let tensor = (Dtype::F32, vec![scales.len()], floats(Dtype::F32, &scales));
            tensors.insert(format!("{name}_scale"), tensor);
        }
        if self.kind == Kind::Int8Shifted {
            let tensor = (Dtype::I8, vec![1], vec![ZERO_POINT.cast_unsigned()]);
            tensors.insert(format!("{name}_zero_point"), tensor);
        }
    }

    /// A folder with the model; `tensors` are its own, or what became of them.
    pub(crate) fn folder(&self, tensors: &Tensors) -> TempDir {
        let dir = super::folder(&self.shape().config(self.activation), tensors);
        if self.mean {
            pool_by_mean(dir.path());
        }
        dir
    }
}
