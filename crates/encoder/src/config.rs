//! The model folder's JSON files, read and checked.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::kernels::Activation;

/// How the rows of a text's tokens become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// The row of the first token.
    Cls,
    /// The mean of all rows, special tokens included.
    Mean,
}

/// What the forward pass needs to know of `config.json`.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) hidden: usize,
    pub(crate) intermediate: usize,
    pub(crate) n_heads: usize,
    pub(crate) n_layers: usize,
    pub(crate) n_positions: usize,
    pub(crate) n_types: usize,
    pub(crate) n_tokens: usize,
    pub(crate) epsilon: f32,
    pub(crate) activation: Activation,
}

impl Config {
    /// Tells whether the quantised layers can run the model: widths in multiples of 32, heads of
    /// 32 or 64, and no sum of products that leaves 32 bits: `255 * 127 * 65_536 < 2^31`.
    pub(crate) fn fits_int8(&self) -> bool {
        const GREATEST_WIDTH: usize = 65_536;
        let head_dim = self.hidden / self.n_heads;
        self.hidden.is_multiple_of(32)
            && self.intermediate.is_multiple_of(32)
            && self.hidden.max(self.intermediate) <= GREATEST_WIDTH
            && (head_dim == 32 || head_dim == 64)
    }
}

/// Everything that the JSON files of a model folder say.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) config: Config,
    pub(crate) pooling: Pooling,
    pub(crate) query_prefix: String,
    pub(crate) name: String,
    pub(crate) revision: String,
    /// The digest of every file read here, for the model's identity.
    pub(crate) digest: blake3::Hasher,
}

const CONFIG: &str = "config.json";
const POOLING: &str = "1_Pooling/config.json";
const PROMPTS: &str = "config_sentence_transformers.json";
const MODULES: &str = "modules.json";

/// Larger sizes than any BERT has; they keep the arithmetic on sizes far from overflow.
const MAX_SIZE: usize = 1 << 20;

impl Folder {
    /// Reads and checks the JSON files in `dir`, all but the tokenizer's.
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        let mut digest = blake3::Hasher::new();
        let Some(raw) = read_json::<RawConfig>(&dir.join(CONFIG), &mut digest)? else {
            let path = dir.join(CONFIG);
            return Err(Error::Io {
                path,
                source: ErrorKind::NotFound.into(),
            });
        };
        let pooling: Option<RawPooling> = read_json(&dir.join(POOLING), &mut digest)?;
        let prompts: Option<RawPrompts> = read_json(&dir.join(PROMPTS), &mut digest)?;
        let modules: Option<Vec<RawModule>> = read_json(&dir.join(MODULES), &mut digest)?;
        check_modules(&dir.join(MODULES), modules.unwrap_or_default())?;
        let pooling = pooling.map_or(Ok(Pooling::Cls), |raw| raw.check(dir.join(POOLING)))?;
        let folder_name = || {
            dir.file_name()
                .map(|name| name.to_string_lossy().into_owned())
        };
        let name = raw.name_or_path.clone().filter(|name| !name.is_empty());
        Ok(Self {
            config: raw.check(&dir.join(CONFIG))?,
            pooling,
            query_prefix: prompts
                .and_then(|raw| raw.prompts.query)
                .unwrap_or_default(),
            name: name.or_else(folder_name).unwrap_or_default(),
            revision: raw.revision.unwrap_or_default(),
            digest,
        })
    }
}

/// Reads a file, or tells that there is none; its bytes go into `digest`, with their number.
fn read_json<T: DeserializeOwned>(path: &Path, digest: &mut blake3::Hasher) -> Result<Option<T>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            digest.update(&u64::MAX.to_le_bytes());
            return Ok(None);
        }
        Err(source) => {
            return Err(Error::Io {
                path: path.to_owned(),
                source,
            });
        }
    };
    digest.update(&(bytes.len() as u64).to_le_bytes());
    digest.update(&bytes);
    let parsed = serde_json::from_slice(&bytes);
    parsed.map(Some).map_err(|source| Error::Json {
        path: path.to_owned(),
        source,
    })
}

#[derive(Deserialize)]
struct RawConfig {
    #[serde(default)]
    model_type: Value,
    #[serde(default)]
    position_embedding_type: Value,
    #[serde(default)]
    hidden_act: Value,
    #[serde(default)]
    is_decoder: bool,
    hidden_size: usize,
    intermediate_size: usize,
    num_attention_heads: usize,
    num_hidden_layers: usize,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    vocab_size: usize,
    #[serde(default = "usual_epsilon")]
    layer_norm_eps: f64,
    #[serde(rename = "_name_or_path")]
    name_or_path: Option<String>,
    revision: Option<String>,
}

fn two() -> usize {
    2
}

fn usual_epsilon() -> f64 {
    1e-12
}

impl RawConfig {
    fn check(&self, path: &Path) -> Result<Config> {
        let unsupported = |key, found: &Value, expected| {
            let path = path.to_owned();
            Err(Error::Unsupported {
                path,
                key,
                found: found.to_string(),
                expected,
            })
        };
        if self.model_type != "bert" {
            return unsupported("model_type", &self.model_type, "\"bert\"");
        }
        let position = &self.position_embedding_type;
        if !position.is_null() && position != "absolute" {
            return unsupported("position_embedding_type", position, "\"absolute\"");
        }
        if self.is_decoder {
            return unsupported("is_decoder", &Value::Bool(true), "encoders");
        }
        let activation = match self.hidden_act.as_str() {
            None if self.hidden_act.is_null() => Activation::Gelu,
            Some("gelu") => Activation::Gelu,
            Some("gelu_new" | "gelu_pytorch_tanh") => Activation::GeluTanh,
            Some("relu") => Activation::Relu,
            _ => return unsupported("hidden_act", &self.hidden_act, "gelu, gelu_new and relu"),
        };
        self.check_sizes(path)?;
        Ok(Config {
            hidden: self.hidden_size,
            intermediate: self.intermediate_size,
            n_heads: self.num_attention_heads,
            n_layers: self.num_hidden_layers,
            n_positions: self.max_position_embeddings,
            n_types: self.type_vocab_size,
            n_tokens: self.vocab_size,
            epsilon: self.layer_norm_eps as f32,
            activation,
        })
    }

    fn check_sizes(&self, path: &Path) -> Result<()> {
        let invalid = |key, found: String, expected: String| {
            Err(Error::InvalidConfig {
                path: path.to_owned(),
                key,
                found,
                expected,
            })
        };
        let sizes = [
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_attention_heads", self.num_attention_heads),
            ("num_hidden_layers", self.num_hidden_layers),
            ("max_position_embeddings", self.max_position_embeddings),
            ("type_vocab_size", self.type_vocab_size),
            ("vocab_size", self.vocab_size),
        ];
        for (key, size) in sizes {
            if size == 0 || size > MAX_SIZE {
                return invalid(key, size.to_string(), format!("1 to {MAX_SIZE}"));
            }
        }
        if !self.hidden_size.is_multiple_of(self.num_attention_heads) {
            let expected = format!("a divisor of hidden_size, {}", self.hidden_size);
            return invalid(
                "num_attention_heads",
                self.num_attention_heads.to_string(),
                expected,
            );
        }
        let epsilon = self.layer_norm_eps;
        if !(0.0..=1.0).contains(&epsilon) {
            return invalid("layer_norm_eps", epsilon.to_string(), "0 to 1".to_owned());
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct RawPooling {
    #[serde(flatten)]
    modes: serde_json::Map<String, Value>,
}

impl RawPooling {
    fn check(&self, path: PathBuf) -> Result<Pooling> {
        let modes = self
            .modes
            .iter()
            .filter(|(key, on)| key.starts_with("pooling_mode_") && **on == Value::Bool(true));
        let modes: Vec<&str> = modes.map(|(key, _)| key.as_str()).collect();
        match modes[..] {
            ["pooling_mode_cls_token"] => Ok(Pooling::Cls),
            ["pooling_mode_mean_tokens"] => Ok(Pooling::Mean),
            _ => Err(Error::Unsupported {
                path,
                key: "pooling_mode",
                found: format!("{modes:?}"),
                expected: "pooling_mode_cls_token or pooling_mode_mean_tokens",
            }),
        }
    }
}

#[derive(Deserialize)]
struct RawPrompts {
    #[serde(default)]
    prompts: RawPromptTexts,
}

#[derive(Deserialize, Default)]
struct RawPromptTexts {
    query: Option<String>,
}

#[derive(Deserialize)]
struct RawModule {
    #[serde(rename = "type")]
    kind: String,
}

/// Refuses layers behind the pooling, which would silently be left out.
fn check_modules(path: &Path, modules: Vec<RawModule>) -> Result<()> {
    let known = ["Transformer", "Pooling", "Normalize"];
    let other = modules.into_iter().find(|module| {
        let kind = module.kind.rsplit('.').next();
        let kind = kind.expect("a text has a last part");
        !known.contains(&kind)
    });
    match other {
        None => Ok(()),
        Some(module) => Err(Error::Unsupported {
            path: path.to_owned(),
            key: "type",
            found: module.kind,
            expected: "Transformer, Pooling and Normalize",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERT: &str = r#"{"model_type": "bert", "hidden_act": "gelu", "hidden_size": 8,
        "intermediate_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1,
        "max_position_embeddings": 32, "vocab_size": 100}"#;

    fn read(config: &str, pooling: Option<&str>) -> Result<Folder> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(CONFIG), config).unwrap();
        if let Some(pooling) = pooling {
            fs::create_dir(dir.path().join("1_Pooling")).unwrap();
            fs::write(dir.path().join(POOLING), pooling).unwrap();
        }
        Folder::read(dir.path())
    }

    #[test]
    fn what_is_left_out_has_its_usual_value() {
        let folder = read(BERT, None).unwrap();
        assert_eq!(folder.pooling, Pooling::Cls);
        assert_eq!(folder.query_prefix, "");
        assert_eq!(folder.revision, "");
        assert_eq!(folder.config.n_types, 2);
        assert!(!folder.name.is_empty(), "the folder's own name");
    }

    #[test]
    fn layers_are_quantised_only_where_their_sums_stay_within_32_bits() {
        let config = |intermediate: usize| {
            let config = BERT.replace("\"hidden_size\": 8", "\"hidden_size\": 64");
            let config = config.replace(": 16", &format!(": {intermediate}"));
            read(&config, None).unwrap().config
        };
        for (intermediate, fits) in [(32, true), (65_536, true), (65_568, false), (48, false)] {
            assert_eq!(config(intermediate).fits_int8(), fits, "{intermediate}");
        }
    }

    #[test]
    fn mean_pooling_is_read() {
        let pooling = r#"{"word_embedding_dimension": 8, "pooling_mode_cls_token": false,
            "pooling_mode_mean_tokens": true}"#;
        assert_eq!(read(BERT, Some(pooling)).unwrap().pooling, Pooling::Mean);
    }

    #[test]
    fn what_cannot_be_run_is_refused_by_name() {
        let cases = [
            ("\"bert\"", "\"roberta\"", "model_type"),
            ("\"gelu\"", "\"swish\"", "hidden_act"),
            (
                "\"vocab_size\"",
                "\"is_decoder\": true, \"vocab_size\"",
                "is_decoder",
            ),
            (
                "\"vocab_size\"",
                "\"position_embedding_type\": \"relative_key\", \"vocab_size\"",
                "position_embedding_type",
            ),
        ];
        for (from, to, expected) in cases {
            match read(&BERT.replacen(from, to, 1), None) {
                Err(Error::Unsupported { key, .. }) => assert_eq!(key, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
        let pooling = r#"{"pooling_mode_max_tokens": true}"#;
        let refused = read(BERT, Some(pooling));
        assert!(matches!(
            refused,
            Err(Error::Unsupported {
                key: "pooling_mode",
                ..
            })
        ));
    }

    #[test]
    fn impossible_sizes_are_refused() {
        for (from, to, expected) in [
            ("\"hidden_size\": 8", "\"hidden_size\": 0", "hidden_size"),
            (
                "\"hidden_size\": 8",
                "\"hidden_size\": 9",
                "num_attention_heads",
            ),
            (
                "\"vocab_size\": 100",
                "\"vocab_size\": 99999999999",
                "vocab_size",
            ),
        ] {
            match read(&BERT.replacen(from, to, 1), None) {
                Err(Error::InvalidConfig { key, .. }) => assert_eq!(key, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_config_cut_anywhere_is_a_typed_error() {
        for length in 0..BERT.len() {
            let cut = read(&BERT[..length], None);
            assert!(matches!(cut, Err(Error::Json { .. })), "{length}");
        }
    }
}
