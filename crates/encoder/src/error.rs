use std::path::PathBuf;

use crate::cancel::Cancelled;
use crate::instruction_set::{InstructionSet, UnknownInstructionSet, names};

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// The error of a library below, kept as the source of ours.
type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

/// What can go wrong when a model is opened or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the model cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// A file of the model is not the JSON that it should be.
    #[error("{} is damaged: it does not hold the expected JSON", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and how it differs.
        source: serde_json::Error,
    },

    /// A configuration value is impossible.
    #[error("{}: `{key}` is {found}, expected {expected}", path.display())]
    InvalidConfig {
        /// The file.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// Its value.
        found: String,
        /// What would be possible.
        expected: String,
    },

    /// The model is of a kind that this crate does not run.
    #[error(
        "{}: `{key}` is {found}, but the built-in encoder runs only {expected}; \
         the fastembed back end can run ONNX models of other kinds",
        path.display()
    )]
    Unsupported {
        /// The file that says so.
        path: PathBuf,
        /// What is not supported, as the file calls it.
        key: &'static str,
        /// Its value.
        found: String,
        /// The values that are supported.
        expected: &'static str,
    },

    /// The weights are cut short or garbled.
    #[error("{} is damaged: its header does not match its content", path.display())]
    DamagedWeights {
        /// The file.
        path: PathBuf,
        /// How it is damaged.
        source: Source,
    },

    /// The weights lack a tensor that the configuration calls for.
    #[error(
        "{} has no tensor `{tensor}`, so it is not a BERT encoder that can be run here; \
         the fastembed back end can run ONNX models of other kinds",
        path.display()
    )]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor, without the prefix `bert.`.
        tensor: String,
    },

    /// A tensor does not have the shape that the configuration calls for.
    #[error("{}: tensor `{tensor}` has shape {found:?}, expected {expected:?}", path.display())]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that the configuration calls for.
        expected: Vec<usize>,
    },

    /// A tensor holds numbers of a kind that is not read here.
    #[error(
        "{}: tensor `{tensor}` holds {found}, but the built-in encoder reads {expected}; \
         the fastembed back end can run ONNX models of other kinds",
        path.display()
    )]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The type of its numbers.
        found: String,
        /// The types that are read.
        expected: &'static str,
    },

    /// A tensor holds an infinity, or something that is not a number.
    #[error("{} is damaged: tensor `{tensor}` holds values that are not finite", path.display())]
    TensorNotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor, without the prefix `bert.`.
        tensor: String,
    },

    /// `tokenizer.json` cannot be used.
    #[error("{} is damaged or of an unknown kind", path.display())]
    DamagedTokenizer {
        /// The file.
        path: PathBuf,
        /// What the tokenizer said.
        source: Source,
    },

    /// A text cannot be cut into tokens.
    #[error("cannot cut a text into tokens")]
    Tokenize {
        /// What the tokenizer said.
        source: Source,
    },

    /// The tokenizer made a token for which the model has no embedding.
    #[error(
        "token {token} is beyond the model's {n_tokens}; \
         tokenizer.json belongs to another model"
    )]
    UnknownToken {
        /// The token, or the token's type.
        token: u32,
        /// How many the model knows.
        n_tokens: usize,
    },

    /// The limit on tokens leaves no room for a text.
    #[error("max_tokens is {found}, expected at least {least}")]
    TooFewTokens {
        /// The limit that was asked for.
        found: usize,
        /// The least that has room for the special tokens and one more.
        least: usize,
    },

    /// An instruction set was asked for by a name that is none.
    #[error(transparent)]
    UnknownInstructionSet(#[from] UnknownInstructionSet),

    /// An instruction set was asked for that this machine does not have.
    #[error("this machine has no {asked}; it has {}", names(available))]
    NoInstructionSet {
        /// What was asked for.
        asked: InstructionSet,
        /// What there is, the fastest first.
        available: Vec<InstructionSet>,
    },

    /// The work was given a [`CancelToken`](crate::CancelToken) that said to stop.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),

    /// A model without a classifier was asked to score.
    #[error("model {model} has no classifier and cannot score pairs; use a cross-encoder")]
    NotCrossEncoder {
        /// The model's name.
        model: String,
    },

    /// The model gave a vector or a logit that is not finite, or a vector without a direction.
    #[error("model {model} gave a result that is not a number; its weights are damaged")]
    NotFinite {
        /// The model's name.
        model: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_way_out() {
        let error = Error::Unsupported {
            path: PathBuf::from("m/config.json"),
            key: "model_type",
            found: "\"roberta\"".to_owned(),
            expected: "\"bert\"",
        };
        let message = error.to_string();
        assert!(
            message.starts_with("m/config.json: `model_type` is \"roberta\""),
            "{message}"
        );
        assert!(message.contains("fastembed back end"), "{message}");
    }
}
