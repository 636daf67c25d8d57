//! Reading the files of an ONNX model.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::{OnnxError, Result};
use super::options::Pooling;

/// Files such as `model.onnx_data` and `model.onnx.data`, sorted by name.
///
/// # Errors
/// [`OnnxError::Io`].
pub(super) fn external_data_of(onnx: &Path) -> Result<Vec<PathBuf>> {
    let Some(onnx_name) = onnx.file_name().and_then(|name| name.to_str()) else {
        return Ok(Vec::new());
    };
    let folder = match onnx.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let io_error = |source| OnnxError::Io {
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(io_error)? {
        let path = entry.map_err(io_error)?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let rest = name.strip_prefix(onnx_name).unwrap_or_default();
        if rest.starts_with("_data") || rest.starts_with(".data") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The digest of the model file and its external data together.
///
/// # Errors
/// [`OnnxError::Io`].
pub(super) fn digest_of(onnx: &Path, external_data: &[PathBuf]) -> Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    for path in std::iter::once(onnx).chain(external_data.iter().map(PathBuf::as_path)) {
        let io_error = |source: io::Error| OnnxError::Io {
            path: path.to_owned(),
            source,
        };
        let mut file_hasher = blake3::Hasher::new();
        file_hasher
            .update_reader(File::open(path).map_err(io_error)?)
            .map_err(io_error)?;
        hasher.update(file_hasher.finalize().as_bytes());
    }
    Ok(hasher.finalize())
}

/// Reads a file.
///
/// # Errors
/// [`OnnxError::Io`].
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| OnnxError::Io {
        path: path.to_owned(),
        source,
    })
}

/// Reads a file of JSON.
///
/// # Errors
/// [`OnnxError::Io`], and [`OnnxError::BadFile`] for one that is not JSON.
pub(super) fn read_json(path: &Path) -> Result<Value> {
    serde_json::from_slice(&read(path)?).map_err(|error| OnnxError::BadFile {
        path: path.to_owned(),
        problem: error.to_string(),
    })
}

/// Reads the pooling that `1_Pooling/config.json` asks for.
///
/// # Errors
/// As for [`read_json`], and [`OnnxError::BadFile`] for a pooling that is not offered.
pub(super) fn read_pooling(path: &Path) -> Result<Pooling> {
    let config = read_json(path)?;
    let modes = config.as_object().into_iter().flatten();
    let chosen: Vec<&str> = modes
        .filter(|(name, value)| name.starts_with("pooling_mode_") && **value == Value::Bool(true))
        .map(|(name, _)| name.as_str())
        .collect();
    match chosen[..] {
        ["pooling_mode_cls_token"] => Ok(Pooling::Cls),
        ["pooling_mode_mean_tokens"] => Ok(Pooling::Mean),
        _ => Err(OnnxError::BadFile {
            path: path.to_owned(),
            problem: format!(
                "it asks for {chosen:?}, and there are pooling_mode_cls_token and \
                 pooling_mode_mean_tokens"
            ),
        }),
    }
}
