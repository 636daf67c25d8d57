//! What sessions of both roles have in common: what they are opened from, and what is said of a model
//! that does not suit.

use ::fastembed::TokenizerFiles;

use super::error::{OnnxError, Result};
use super::folder::OnnxFolder;
use super::runtime::OnnxOutput;
use crate::embedder::BoxError;

/// The folder's tokenizer as fastembed takes it.
pub(super) fn tokenizer_files(folder: &OnnxFolder) -> TokenizerFiles {
    TokenizerFiles {
        tokenizer_file: folder.tokenizer().to_owned(),
        config_file: folder.config(),
        special_tokens_map_file: folder.special_tokens_map(),
        tokenizer_config_file: folder.tokenizer_config(),
    }
}

/// The longest input in tokens: `asked`, or what the model was made for if that is less.
///
/// # Errors
/// [`OnnxError::InvalidOption`] where this leaves fewer than `least`.
pub(super) fn max_tokens(folder: &OnnxFolder, asked: usize, least: usize) -> Result<usize> {
    let max_tokens = asked.min(folder.max_tokens());
    if max_tokens < least {
        return Err(OnnxError::InvalidOption {
            option: "max_tokens",
            value: max_tokens.to_string(),
            bound: format!("at least {least}"),
        });
    }
    Ok(max_tokens)
}

/// ONNX Runtime refuses the model.
pub(super) fn refused(folder: &OnnxFolder, error: &::fastembed::Error) -> OnnxError {
    OnnxError::BadModel {
        path: folder.onnx().to_owned(),
        problem: error.to_string(),
    }
}

/// None of the model's outputs is the one that its role needs.
pub(super) fn unexpected(
    folder: &OnnxFolder,
    outputs: &[OnnxOutput],
    needed: &'static str,
) -> OnnxError {
    let found: Vec<String> = outputs.iter().map(ToString::to_string).collect();
    OnnxError::UnexpectedOutput {
        path: folder.onnx().to_owned(),
        found: found.join("; "),
        needed,
    }
}

/// The model called `model` failed on a text.
pub(super) fn failed(model: &str, source: impl Into<BoxError>) -> OnnxError {
    OnnxError::Failed {
        model: model.to_owned(),
        source: source.into(),
    }
}
