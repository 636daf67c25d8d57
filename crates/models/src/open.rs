//! Opens the two models.

use std::path::Path;
use std::sync::Arc;

use reread_encoder::{CancelToken, ModelOptions};

use crate::cross_encoder::CrossEncoder;
use crate::embedder::{BoxError, Embedder};
use crate::error::{Error, Result};
use crate::find::is_native;
use crate::native::{BertCrossEncoder, BertEmbedder};
use crate::onnx;
use crate::options::Models;

/// What errors call the two.
const EMBEDDER: &str = "embedder";
const CROSS_ENCODER: &str = "cross-encoder";

impl Models {
    /// Opens the bi-encoder.
    ///
    /// # Errors
    /// `NoModel`, `Model`.
    pub fn open_embedder(&self) -> Result<Arc<dyn Embedder>> {
        self.open_embedder_within(&CancelToken::default())
    }

    /// Opens the bi-encoder as [`open_embedder`](Self::open_embedder) does, unless `cancel` says to stop
    /// before it is open. The built-in encoder asks every few milliseconds, an ONNX model only before
    /// it begins.
    ///
    /// # Errors
    /// `NoModel`, `Model`, `Cancelled`.
    pub fn open_embedder_within(&self, cancel: &CancelToken) -> Result<Arc<dyn Embedder>> {
        cancel.check()?;
        let (name, runtime) = (&self.embedder, self.onnx_runtime.as_deref());
        match self.find(EMBEDDER, name) {
            Ok(folder) if is_native(&folder) => {
                match BertEmbedder::open_with(&folder, &self.options(cancel)) {
                    Ok(model) => Ok(Arc::new(model)),
                    Err(error) => Err(native_failed(EMBEDDER, &folder, error)),
                }
            }
            Ok(folder) => {
                onnx::embedder(&folder, runtime).map_err(|source| failed(EMBEDDER, &folder, source))
            }
            Err(missing) => {
                let cache = self.catalogue_cache.as_deref();
                let listed = cache.and_then(|cache| onnx::embedder_by_name(name, cache, runtime));
                listed
                    .ok_or(missing)?
                    .map_err(|source| failed(EMBEDDER, Path::new(name), source))
            }
        }
    }

    /// Opens the cross-encoder.
    ///
    /// # Errors
    /// `NoModel`, `Model`, `InvalidOption`.
    pub fn open_cross_encoder(&self) -> Result<Arc<dyn CrossEncoder>> {
        self.open_cross_encoder_within(&CancelToken::default())
    }

    /// Opens the cross-encoder as [`open_cross_encoder`](Self::open_cross_encoder) does, unless `cancel`
    /// says to stop before it is open; see [`open_embedder_within`](Self::open_embedder_within).
    ///
    /// # Errors
    /// `NoModel`, `Model`, `InvalidOption`, `Cancelled`.
    pub fn open_cross_encoder_within(&self, cancel: &CancelToken) -> Result<Arc<dyn CrossEncoder>> {
        cancel.check()?;
        let max_tokens = self.max_pair_tokens;
        if max_tokens < 16 {
            return Err(Error::InvalidOption {
                option: "pair tokens",
                value: max_tokens.to_string(),
                bound: "at least 16",
            });
        }
        let (name, runtime) = (&self.cross_encoder, self.onnx_runtime.as_deref());
        match self.find(CROSS_ENCODER, name) {
            Ok(folder) if is_native(&folder) => {
                match BertCrossEncoder::open_with(&folder, max_tokens, &self.options(cancel)) {
                    Ok(model) => Ok(Arc::new(model)),
                    Err(error) => Err(native_failed(CROSS_ENCODER, &folder, error)),
                }
            }
            Ok(folder) => onnx::cross_encoder(&folder, runtime, max_tokens)
                .map_err(|source| failed(CROSS_ENCODER, &folder, source)),
            Err(missing) => {
                let cache = self.catalogue_cache.as_deref();
                let listed = cache.and_then(|cache| {
                    onnx::cross_encoder_by_name(name, cache, runtime, max_tokens)
                });
                listed
                    .ok_or(missing)?
                    .map_err(|source| failed(CROSS_ENCODER, Path::new(name), source))
            }
        }
    }

    fn options(&self, cancel: &CancelToken) -> ModelOptions {
        let mut options = ModelOptions::default()
            .with_precision(self.precision)
            .with_cancel(cancel.clone());
        if self.keep_packed {
            options = options.with_packed_kept(self.packed_cache.clone());
        }
        match self.cpu {
            None => options,
            Some(set) => options.with_instruction_set(set),
        }
    }
}

fn native_failed(role: &'static str, path: &Path, error: reread_encoder::Error) -> Error {
    match error {
        reread_encoder::Error::Cancelled(cancelled) => cancelled.into(),
        error => failed(role, path, error.into()),
    }
}

fn failed(role: &'static str, path: &Path, source: BoxError) -> Error {
    Error::Model {
        role,
        path: path.to_owned(),
        source,
    }
}
