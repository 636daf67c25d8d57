//! An ONNX model's folder.

use std::fs;
use std::path::{Path, PathBuf};

use reread_encoder::ModelIdentity;
use serde_json::{Value, json};

use super::error::{OnnxError, Result};
use super::files::{digest_of, external_data_of, read, read_json, read_pooling};
use super::options::Pooling;

/// The length that BERT and most of its relatives were trained with.
const USUAL_MAX_TOKENS: usize = 512;

/// An ONNX model and the files beside it, in the layout of the Hugging Face hub.
///
/// The model file is read when a session is opened, not here; the small files are held.
#[derive(Debug, Clone)]
pub(super) struct OnnxFolder {
    root: PathBuf,
    onnx: PathBuf,
    external_data: Vec<PathBuf>,
    weights: blake3::Hash,
    tokenizer_path: PathBuf,
    tokenizer: Vec<u8>,
    config: Value,
    tokenizer_config: Value,
    special_tokens_map: Value,
    pooling: Option<Pooling>,
    prompts: Value,
}

impl OnnxFolder {
    /// Opens the model at `path`: a folder with `model.onnx` or `onnx/model.onnx`, or one ONNX
    /// file in such a folder. Reads the model file once, to know its digest.
    ///
    /// `tokenizer.json` must be there. `config.json`, `tokenizer_config.json`,
    /// `special_tokens_map.json`, `1_Pooling/config.json` and `config_sentence_transformers.json`
    /// are used where they are.
    ///
    /// # Errors
    /// [`OnnxError::MissingFile`], [`OnnxError::BadFile`] for a file that is not JSON or asks for
    /// a pooling that is not offered, and [`OnnxError::Io`].
    pub(super) fn open(path: &Path) -> Result<Self> {
        if path.is_file() {
            let folder = path.parent().unwrap_or(Path::new(""));
            let root = match folder.parent() {
                Some(parent) if !folder.join("tokenizer.json").is_file() => parent,
                _ => folder,
            };
            return Self::open_parts(root, path);
        }
        let found = ["model.onnx", "onnx/model.onnx"].map(|name| path.join(name));
        let onnx = found.iter().find(|file| file.is_file());
        let file = "model.onnx or onnx/model.onnx";
        let missing = || OnnxError::MissingFile {
            folder: path.to_owned(),
            file,
        };
        Self::open_parts(path, onnx.ok_or_else(missing)?)
    }

    fn open_parts(root: &Path, onnx: &Path) -> Result<Self> {
        let beside_onnx = onnx.parent().unwrap_or(Path::new(""));
        let find = |name: &str| {
            [root, beside_onnx]
                .map(|folder| folder.join(name))
                .into_iter()
                .find(|f| f.is_file())
        };
        let file = "tokenizer.json";
        let missing = || OnnxError::MissingFile {
            folder: root.to_owned(),
            file,
        };
        let tokenizer_path = find(file).ok_or_else(missing)?;
        let json_or = |name: &str, otherwise: Value| {
            find(name).map_or(Ok(otherwise), |path| read_json(&path))
        };
        let external_data = external_data_of(onnx)?;
        Ok(Self {
            weights: digest_of(onnx, &external_data)?,
            external_data,
            tokenizer: read(&tokenizer_path)?,
            tokenizer_path,
            config: json_or("config.json", json!({}))?,
            tokenizer_config: json_or("tokenizer_config.json", json!({}))?,
            special_tokens_map: json_or("special_tokens_map.json", json!({}))?,
            pooling: find("1_Pooling/config.json")
                .map(|path| read_pooling(&path))
                .transpose()?,
            prompts: json_or("config_sentence_transformers.json", json!({}))?["prompts"].take(),
            root: root.to_owned(),
            onnx: onnx.to_owned(),
        })
    }

    /// The model file.
    pub(super) fn onnx(&self) -> &Path {
        &self.onnx
    }

    /// What people call the model: `_name_or_path` of its configuration, else the folder's name.
    pub(super) fn name(&self) -> String {
        if let Some(name) = self.config["_name_or_path"]
            .as_str()
            .filter(|name| !name.is_empty())
        {
            return name.to_owned();
        }
        let root = fs::canonicalize(&self.root).unwrap_or_else(|_| self.root.clone());
        root.file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Says which model this is, when it is used with `settings`: all that decides the output and
    /// does not come from the files.
    pub(super) fn identity(&self, settings: &[(&str, &str)]) -> ModelIdentity {
        let mut hasher = blake3::Hasher::new();
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(self.weights.as_bytes());
        part(&self.tokenizer);
        for json in [
            &self.config,
            &self.tokenizer_config,
            &self.special_tokens_map,
        ] {
            part(json.to_string().as_bytes());
        }
        for (name, value) in settings {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        ModelIdentity {
            name: self.name(),
            revision: self.config["revision"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            digest: hasher.finalize().to_hex().to_string(),
        }
    }

    /// The pooling that the folder asks for, if it says.
    pub(super) fn pooling(&self) -> Option<Pooling> {
        self.pooling
    }

    /// The text to put before each text of the kind `name`, if the folder says.
    pub(super) fn prompt(&self, name: &str) -> Option<&str> {
        self.prompts[name].as_str()
    }

    /// The longest input in tokens, special tokens included, that the model was made for.
    pub(super) fn max_tokens(&self) -> usize {
        // Unlimited is written as 1e30 there.
        let tokenizer = self.tokenizer_config["model_max_length"].as_f64();
        let positions = self.config["max_position_embeddings"]
            .as_u64()
            .map(|positions| {
                // RoBERTa counts positions from the padding token's number plus one.
                let model_type = self.config["model_type"].as_str().unwrap_or_default();
                let from_padding = model_type.contains("roberta") || model_type == "mpnet";
                positions.saturating_sub(if from_padding { 2 } else { 0 }) as usize
            });
        let tokenizer = tokenizer
            .filter(|n| (1.0..1e9).contains(n))
            .map(|n| n as usize);
        match (tokenizer, positions) {
            (Some(tokenizer), Some(positions)) => tokenizer.min(positions),
            (Some(n), None) | (None, Some(n)) => n,
            (None, None) => USUAL_MAX_TOKENS,
        }
    }

    /// Where `tokenizer.json` lies.
    pub(super) fn tokenizer_path(&self) -> &Path {
        &self.tokenizer_path
    }

    /// The bytes of `tokenizer.json`.
    pub(super) fn tokenizer(&self) -> &[u8] {
        &self.tokenizer
    }

    /// `config.json`, or an empty object.
    pub(super) fn config(&self) -> Vec<u8> {
        self.config.to_string().into_bytes()
    }

    /// `special_tokens_map.json`, or an empty object.
    pub(super) fn special_tokens_map(&self) -> Vec<u8> {
        self.special_tokens_map.to_string().into_bytes()
    }

    /// A `tokenizer_config.json` with the two fields that loaders insist on, whether the folder
    /// has them or not: `model_max_length` and `pad_token`.
    pub(super) fn tokenizer_config(&self) -> Vec<u8> {
        let named = &self.tokenizer_config["pad_token"];
        let pad_token = named
            .as_str()
            .or_else(|| named["content"].as_str())
            .map(str::to_owned);
        let pad_token = pad_token.or_else(|| {
            let tokenizer: Value = serde_json::from_slice(&self.tokenizer).ok()?;
            tokenizer["padding"]["pad_token"]
                .as_str()
                .map(str::to_owned)
        });
        let pad_token = pad_token.unwrap_or_else(|| "[PAD]".to_owned());
        let config = json!({"model_max_length": self.max_tokens(), "pad_token": pad_token});
        config.to_string().into_bytes()
    }

    /// Reads the model file.
    ///
    /// # Errors
    /// [`OnnxError::Changed`] if it is not what it was when the folder was opened, and
    /// [`OnnxError::Io`].
    pub(super) fn read_onnx(&self) -> Result<Vec<u8>> {
        self.check_unchanged()?;
        read(&self.onnx)
    }

    /// Reads the files beside the model file that hold weights too large for it: each one's name
    /// and its bytes.
    ///
    /// # Errors
    /// [`OnnxError::Io`].
    pub(super) fn read_external_data(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let named = self.external_data.iter().filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            Some(read(path).map(|bytes| (name, bytes)))
        });
        named.collect()
    }

    /// Compares the model file and its external data with what they were when this was opened.
    ///
    /// # Errors
    /// [`OnnxError::Changed`] and [`OnnxError::Io`].
    pub(super) fn check_unchanged(&self) -> Result<()> {
        if digest_of(&self.onnx, &self.external_data)? == self.weights {
            Ok(())
        } else {
            Err(OnnxError::Changed {
                path: self.onnx.clone(),
            })
        }
    }
}

#[cfg(test)]
mod tests;
