//! Small BERT models, made on the spot and written to a folder of their own.
#![allow(dead_code, reason = "each file of tests uses a part")]

pub(crate) mod random_model;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use reread_encoder::{InstructionSet, Model, ModelOptions, Precision};
use safetensors::tensor::{Dtype, TensorView};
use tempfile::TempDir;

pub(crate) const EMBEDDER: &str = "bge-small-en-v1.5";
pub(crate) const CROSS_ENCODER: &str = "reread-MiniLM-L12-v1";

/// The folder of a shipped model.
pub(crate) fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../data/models")
        .join(name)
}

/// Opens a model to be run in a certain way.
pub(crate) fn open_with(dir: &Path, set: InstructionSet, precision: Precision) -> Model {
    let options = ModelOptions::default()
        .with_instruction_set(set)
        .with_precision(precision);
    Model::open_with(dir, &options).unwrap()
}

pub(crate) fn with_threads<T: Send>(n_threads: usize, run: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .build()
        .unwrap()
        .install(run)
}

pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Words that each are one token, from number 3 on.
pub(crate) const TOKENIZER: &str = r#"{"version": "1.0", "truncation": null, "padding": null,
    "added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
    "decoder": null, "model": {"type": "WordPiece", "unk_token": "[UNK]",
    "continuing_subword_prefix": "\u0023\u0023", "max_input_chars_per_word": 100,
    "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "b": 4, "c": 5, "d": 6, "z": 9}}}"#;

/// Type, shape and bytes of each tensor.
pub(crate) type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// The sizes of a model whose vocabulary has 8 tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) hidden: usize,
    pub(crate) n_heads: usize,
    pub(crate) intermediate: usize,
    pub(crate) n_layers: usize,
    pub(crate) n_positions: usize,
    pub(crate) n_labels: usize,
}

impl Shape {
    /// `config.json` for a model of these sizes.
    pub(crate) fn config(&self, activation: &str) -> String {
        format!(
            r#"{{"model_type": "bert", "hidden_act": "{activation}", "hidden_size": {},
            "intermediate_size": {}, "num_attention_heads": {}, "num_hidden_layers": {},
            "max_position_embeddings": {}, "vocab_size": 8, "layer_norm_eps": 1e-12}}"#,
            self.hidden, self.intermediate, self.n_heads, self.n_layers, self.n_positions
        )
    }

    /// The names and shapes of all tensors.
    pub(crate) fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (hidden, intermediate) = (self.hidden, self.intermediate);
        let mut shapes = Vec::new();
        let mut add = |name: &str, shape: &[usize]| shapes.push((name.to_owned(), shape.to_vec()));
        for (table, rows) in [
            ("word", 8),
            ("position", self.n_positions),
            ("token_type", 2),
        ] {
            let name = format!("bert.embeddings.{table}_embeddings.weight");
            add(&name, &[rows, hidden]);
        }
        let mut norms = vec!["bert.embeddings".to_owned()];
        let mut dense = vec![
            ("classifier".to_owned(), self.n_labels, hidden),
            ("bert.pooler.dense".to_owned(), hidden, hidden),
        ];
        for layer in 0..self.n_layers {
            let name = |part: &str| format!("bert.encoder.layer.{layer}.{part}");
            dense.extend([
                (name("attention.self.query"), hidden, hidden),
                (name("attention.self.key"), hidden, hidden),
                (name("attention.self.value"), hidden, hidden),
                (name("attention.output.dense"), hidden, hidden),
                (name("intermediate.dense"), intermediate, hidden),
                (name("output.dense"), hidden, intermediate),
            ]);
            norms.extend([name("attention.output"), name("output")]);
        }
        for (name, out, into) in dense {
            add(&format!("{name}.weight"), &[out, into]);
            add(&format!("{name}.bias"), &[out]);
        }
        for name in norms {
            add(&format!("{name}.LayerNorm.weight"), &[hidden]);
            add(&format!("{name}.LayerNorm.bias"), &[hidden]);
        }
        shapes
    }
}

/// The bytes of floats in a type that holds floats.
pub(crate) fn floats(dtype: Dtype, values: &[f32]) -> Vec<u8> {
    let values = values.iter().copied();
    match dtype {
        Dtype::F16 => values
            .flat_map(|x| f16::from_f32(x).to_le_bytes())
            .collect(),
        Dtype::BF16 => values
            .flat_map(|x| bf16::from_f32(x).to_le_bytes())
            .collect(),
        _ => values.flat_map(f32::to_le_bytes).collect(),
    }
}

/// `model.safetensors` with these tensors.
pub(crate) fn weights_file(tensors: &Tensors) -> Vec<u8> {
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (
            name.clone(),
            TensorView::new(*dtype, shape.clone(), bytes).unwrap(),
        )
    });
    safetensors::serialize(views, None).unwrap()
}

/// A folder with a model.
pub(crate) fn folder(config: &str, tensors: &Tensors) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("config.json"), config).unwrap();
    fs::write(dir.path().join("tokenizer.json"), TOKENIZER).unwrap();
    fs::write(dir.path().join("model.safetensors"), weights_file(tensors)).unwrap();
    dir
}

/// Makes embeddings the mean of all rows instead of the first.
pub(crate) fn pool_by_mean(dir: &Path) {
    fs::create_dir(dir.join("1_Pooling")).unwrap();
    let pooling = r#"{"pooling_mode_mean_tokens": true}"#;
    fs::write(dir.join("1_Pooling/config.json"), pooling).unwrap();
}
