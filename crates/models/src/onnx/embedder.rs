use std::ops::Range;
use std::path::Path;

use ::fastembed::{
    EmbeddingModel, InitOptionsUserDefined, QuantizationMode, TextEmbedding, TokenizerFiles,
    UserDefinedEmbeddingModel,
};
use reread_encoder::ModelIdentity;

use super::catalogue::{CatalogueEntry, Snapshot, find_in_catalogue, find_snapshot};
use super::error::{OnnxError, Result};
use super::folder::{OnnxFolder, Pooling};
use super::runtime::{OnnxOutput, OnnxRuntime};
use super::sessions::SessionPool;
use super::token_ranges::TokenRanges;
use crate::{BoxError, Embedder};

/// Fewer tokens than this leave no room for a text between the special tokens.
const MIN_MAX_TOKENS: usize = 8;

/// How an ONNX bi-encoder is used. What is not set here is taken from the model's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FastembedEmbedderOptions {
    /// The longest text in tokens, special tokens included; the rest is cut off. Without it, or
    /// beyond it: what the model was made for.
    pub max_tokens: Option<usize>,
    /// How token vectors become one. Without it: what `1_Pooling/config.json` says, else the
    /// first token's vector.
    pub pooling: Option<Pooling>,
    /// What to put before each query. Without it: the prompt `query` of
    /// `config_sentence_transformers.json`, else nothing.
    pub query_prefix: Option<String>,
    /// What to put before each passage. Without it: the prompt `passage` or `document` of
    /// `config_sentence_transformers.json`, else nothing.
    pub passage_prefix: Option<String>,
}

impl FastembedEmbedderOptions {
    /// Cuts texts at `max_tokens`.
    #[must_use]
    pub fn with_max_tokens(mut self, max_tokens: usize) -> Self {
        self.max_tokens = Some(max_tokens);
        self
    }

    /// Makes a text's vector from its tokens' vectors by `pooling`.
    #[must_use]
    pub fn with_pooling(mut self, pooling: Pooling) -> Self {
        self.pooling = Some(pooling);
        self
    }

    /// Puts `prefix` before each query.
    #[must_use]
    pub fn with_query_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.query_prefix = Some(prefix.into());
        self
    }

    /// Puts `prefix` before each passage.
    #[must_use]
    pub fn with_passage_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.passage_prefix = Some(prefix.into());
        self
    }
}

/// Any ONNX bi-encoder, run by ONNX Runtime through fastembed.
///
/// Texts go through the model one by one, so a vector never depends on the texts beside it (int8
/// models quantise per batch), each on one thread; passages are spread over the current rayon
/// pool. Every thread at work holds a copy of the weights.
pub struct FastembedEmbedder {
    model: ModelIdentity,
    dim: usize,
    query_prefix: String,
    passage_prefix: String,
    token_ranges: TokenRanges,
    sessions: SessionPool<TextEmbedding>,
}

impl FastembedEmbedder {
    /// Opens the ONNX model at `path`, a folder or a file in it as [`OnnxFolder::open`] takes
    /// them, and runs it once.
    ///
    /// # Errors
    /// Those of [`OnnxFolder::open`]; [`OnnxError::InvalidOption`]; [`OnnxError::BadModel`],
    /// [`OnnxError::UnexpectedOutput`] or [`OnnxError::Failed`] for a model that cannot be used.
    pub fn open(
        path: &Path,
        runtime: &OnnxRuntime,
        options: &FastembedEmbedderOptions,
    ) -> Result<Self> {
        Self::from_folder(OnnxFolder::open(path)?, runtime, options)
    }

    /// Opens a model of fastembed's catalogue by its name there, its repository on the hub, or
    /// the repository it was converted from, for instance `BAAI/bge-small-en-v1.5`.
    ///
    /// `cache` is the folder of downloaded models. A model that is not in it is downloaded if
    /// the feature `hub` is on; `HF_HOME` and `HF_ENDPOINT` then have their usual meaning.
    /// Prefixes and pooling that belong to the model are set, unless `options` says otherwise.
    ///
    /// # Errors
    /// [`OnnxError::UnknownModel`], [`OnnxError::NotDownloaded`], [`OnnxError::Download`], and
    /// those of [`FastembedEmbedder::open`].
    pub fn from_catalogue(
        name: &str,
        runtime: &OnnxRuntime,
        cache: &Path,
        options: &FastembedEmbedderOptions,
    ) -> Result<Self> {
        let (models, entries) = catalogue();
        let pos = find_in_catalogue(&entries, name)?;
        let (model, entry) = (&models[pos], &entries[pos]);
        let snapshot = match find_snapshot(cache, entry) {
            Some(snapshot) => snapshot,
            None => download(model, entry, runtime, cache)?,
        };
        let (query_prefix, passage_prefix) = prefixes_of(model);
        let options = FastembedEmbedderOptions {
            max_tokens: options.max_tokens,
            pooling: options.pooling.or_else(|| pooling_of(model)),
            query_prefix: options
                .query_prefix
                .clone()
                .or(Some(query_prefix.to_owned())),
            passage_prefix: options
                .passage_prefix
                .clone()
                .or(Some(passage_prefix.to_owned())),
        };
        let mut embedder = Self::from_folder(OnnxFolder::open(&snapshot.onnx)?, runtime, &options)?;
        embedder.model.name.clone_from(&entry.repository);
        embedder.model.revision = snapshot.revision;
        Ok(embedder)
    }

    /// The short names of the models that [`FastembedEmbedder::from_catalogue`] takes, sorted.
    pub fn catalogue_names() -> Vec<String> {
        let mut names: Vec<String> = catalogue().1.into_iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        names
    }

    fn from_folder(
        folder: OnnxFolder,
        runtime: &OnnxRuntime,
        options: &FastembedEmbedderOptions,
    ) -> Result<Self> {
        let max_tokens = max_tokens(&folder, options.max_tokens)?;
        let pooling = options.pooling.or(folder.pooling()).unwrap_or(Pooling::Cls);
        let prefix = |option: &Option<String>, prompts: &[&str]| {
            let prompt = || {
                prompts
                    .iter()
                    .find_map(|name| folder.prompt(name).map(str::to_owned))
            };
            option.clone().or_else(prompt).unwrap_or_default()
        };
        let query_prefix = prefix(&options.query_prefix, &["query"]);
        let passage_prefix = prefix(&options.passage_prefix, &["passage", "document"]);
        let model = folder.identity(&[
            ("max_tokens", &max_tokens.to_string()),
            ("pooling", &format!("{pooling:?}")),
            ("query_prefix", &query_prefix),
            ("passage_prefix", &passage_prefix),
        ]);
        check_outputs(&folder, &runtime.outputs(folder.onnx())?)?;
        let token_ranges = TokenRanges::new(folder.tokenizer(), folder.tokenizer_path())?;

        let session = open_session(&folder, runtime, max_tokens, pooling)?;
        let name = model.name.clone();
        let onnx = folder.onnx().to_owned();
        let runtime = runtime.clone();
        let sessions = SessionPool::new(name.clone(), session, move || {
            open_session(&folder, &runtime, max_tokens, pooling)
        });
        let dim = sessions.run(|session| embed(session, &name, "a"))?.len();
        if dim == 0 {
            let found = "an empty vector".to_owned();
            return Err(OnnxError::UnexpectedOutput {
                path: onnx,
                found,
                needed: NEEDED,
            });
        }
        Ok(Self {
            model,
            dim,
            query_prefix,
            passage_prefix,
            token_ranges,
            sessions,
        })
    }
}

impl Embedder for FastembedEmbedder {
    fn model(&self) -> &ModelIdentity {
        &self.model
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn embed_query(&self, query: &str) -> Result<Vec<f32>, BoxError> {
        let text = format!("{}{query}", self.query_prefix);
        Ok(self
            .sessions
            .run(|session| embed(session, &self.model.name, &text))?)
    }

    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
        let rows = self.sessions.map(passages, |session, passage| {
            let text = format!("{}{passage}", self.passage_prefix);
            embed(session, &self.model.name, &text)
        })?;
        Ok(rows.concat())
    }

    fn token_offsets(&self, text: &str) -> Result<Vec<Range<usize>>, BoxError> {
        self.token_ranges.of(text)
    }
}

const NEEDED: &str = "one f32 output [batch, tokens, dim] or [batch, dim]; of several, the one \
    called last_hidden_state, text_embeds or sentence_embedding";

fn check_outputs(folder: &OnnxFolder, outputs: &[OnnxOutput]) -> Result<()> {
    // The order in which fastembed looks for them.
    let names = ["text_embeds", "last_hidden_state", "sentence_embedding"];
    let output = match outputs {
        [output] => Some(output),
        _ => names
            .iter()
            .find_map(|name| outputs.iter().find(|output| output.name == *name)),
    };
    match output {
        // A single output called logits is a cross-encoder's.
        Some(output)
            if output.is_f32
                && output.name != "logits"
                && matches!(output.shape.len(), 0 | 2 | 3) =>
        {
            Ok(())
        }
        _ => {
            let found: Vec<String> = outputs.iter().map(ToString::to_string).collect();
            let (path, found) = (folder.onnx().to_owned(), found.join("; "));
            Err(OnnxError::UnexpectedOutput {
                path,
                found,
                needed: NEEDED,
            })
        }
    }
}

fn max_tokens(folder: &OnnxFolder, option: Option<usize>) -> Result<usize> {
    let max_tokens = option.unwrap_or(usize::MAX).min(folder.max_tokens());
    if max_tokens < MIN_MAX_TOKENS {
        return Err(OnnxError::InvalidOption {
            option: "max_tokens",
            value: max_tokens.to_string(),
            bound: format!("at least {MIN_MAX_TOKENS}"),
        });
    }
    Ok(max_tokens)
}

fn open_session(
    folder: &OnnxFolder,
    runtime: &OnnxRuntime,
    max_tokens: usize,
    pooling: Pooling,
) -> Result<TextEmbedding> {
    let pooling = match pooling {
        Pooling::Cls => ::fastembed::Pooling::Cls,
        Pooling::Mean => ::fastembed::Pooling::Mean,
    };
    let tokenizer_files = TokenizerFiles {
        tokenizer_file: folder.tokenizer().to_owned(),
        config_file: folder.config(),
        special_tokens_map_file: folder.special_tokens_map(),
        tokenizer_config_file: folder.tokenizer_config(),
    };
    let mut model =
        UserDefinedEmbeddingModel::new(folder.read_onnx()?, tokenizer_files).with_pooling(pooling);
    for (name, bytes) in folder.read_external_data()? {
        model = model.with_external_initializer(name, bytes);
    }
    let options = InitOptionsUserDefined::new()
        .with_environment(runtime.environment())
        .with_max_length(max_tokens)
        .with_intra_threads(1);
    TextEmbedding::try_new_from_user_defined(model, options).map_err(|error| OnnxError::BadModel {
        path: folder.onnx().to_owned(),
        problem: error.to_string(),
    })
}

fn embed(session: &mut TextEmbedding, model: &str, text: &str) -> Result<Vec<f32>> {
    let failed = |source: BoxError| OnnxError::Failed {
        model: model.to_owned(),
        source,
    };
    let rows = session
        .embed([text], None)
        .map_err(|error| failed(Box::new(error)))?;
    let row = rows.into_iter().next();
    row.ok_or_else(|| failed("it returned no vector for a text".into()))
}

fn catalogue() -> (Vec<EmbeddingModel>, Vec<CatalogueEntry>) {
    let mut infos = TextEmbedding::list_supported_models();
    // They come from a hash map, in an order of its own on every call.
    infos.sort_by_cached_key(|info| format!("{:?}", info.model));
    let entries = infos.iter().map(|info| CatalogueEntry {
        name: format!("{:?}", info.model),
        repository: info.model_code.clone(),
        onnx_file: info.model_file.clone(),
        extra_files: info.additional_files.clone(),
        quantised: TextEmbedding::get_quantization_mode(&info.model) != QuantizationMode::None
            || info.model == EmbeddingModel::EmbeddingGemma300MQ4,
    });
    let entries = entries.collect();
    (infos.into_iter().map(|info| info.model).collect(), entries)
}

fn pooling_of(model: &EmbeddingModel) -> Option<Pooling> {
    TextEmbedding::get_default_pooling_method(model).map(|pooling| match pooling {
        ::fastembed::Pooling::Cls => Pooling::Cls,
        ::fastembed::Pooling::Mean => Pooling::Mean,
    })
}

/// What the models' publishers tell to put before queries and before passages. fastembed leaves
/// that to its callers.
fn prefixes_of(model: &EmbeddingModel) -> (&'static str, &'static str) {
    use EmbeddingModel as M;
    match model {
        M::BGEBaseENV15
        | M::BGEBaseENV15Q
        | M::BGELargeENV15
        | M::BGELargeENV15Q
        | M::BGESmallENV15
        | M::BGESmallENV15Q
        | M::MxbaiEmbedLargeV1
        | M::MxbaiEmbedLargeV1Q
        | M::SnowflakeArcticEmbedXS
        | M::SnowflakeArcticEmbedXSQ
        | M::SnowflakeArcticEmbedS
        | M::SnowflakeArcticEmbedSQ
        | M::SnowflakeArcticEmbedM
        | M::SnowflakeArcticEmbedMQ
        | M::SnowflakeArcticEmbedMLong
        | M::SnowflakeArcticEmbedMLongQ
        | M::SnowflakeArcticEmbedL
        | M::SnowflakeArcticEmbedLQ => (
            "Represent this sentence for searching relevant passages: ",
            "",
        ),
        M::BGESmallZHV15 | M::BGELargeZHV15 => ("为这个句子生成表示以用于检索相关文章：", ""),
        M::MultilingualE5Small | M::MultilingualE5Base | M::MultilingualE5Large => {
            ("query: ", "passage: ")
        }
        M::NomicEmbedTextV1
        | M::NomicEmbedTextV15
        | M::NomicEmbedTextV15Q
        | M::ModernBertEmbedLarge => ("search_query: ", "search_document: "),
        M::EmbeddingGemma300M | M::EmbeddingGemma300MQ | M::EmbeddingGemma300MQ4 => {
            ("task: search result | query: ", "title: none | text: ")
        }
        _ => ("", ""),
    }
}

#[cfg(feature = "hub")]
fn download(
    model: &EmbeddingModel,
    entry: &CatalogueEntry,
    runtime: &OnnxRuntime,
    cache: &Path,
) -> Result<Snapshot> {
    let failed = |source: BoxError| OnnxError::Download {
        name: entry.repository.clone(),
        source,
    };
    let options = ::fastembed::TextInitOptions::new(model.clone())
        .with_environment(runtime.environment())
        .with_cache_dir(cache.to_owned())
        .with_show_download_progress(false)
        .with_intra_threads(1);
    // fastembed downloads by opening a session, which is of no further use: it does not say
    // which files it was made from.
    TextEmbedding::try_new(options).map_err(|error| failed(Box::new(error)))?;
    // fastembed prefers the hub's own variable to the folder that it is given.
    let hub_home = std::env::var_os("HF_HOME").map(std::path::PathBuf::from);
    hub_home
        .and_then(|home| find_snapshot(&home, entry))
        .or_else(|| find_snapshot(cache, entry))
        .ok_or_else(|| failed("the downloaded files are not where they were expected".into()))
}

#[cfg(not(feature = "hub"))]
fn download(
    _model: &EmbeddingModel,
    entry: &CatalogueEntry,
    _runtime: &OnnxRuntime,
    cache: &Path,
) -> Result<Snapshot> {
    Err(OnnxError::NotDownloaded {
        name: entry.repository.clone(),
        cache: cache.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_catalogue_name_finds_its_own_model() {
        let (_, entries) = catalogue();
        for (pos, entry) in entries.iter().enumerate() {
            assert_eq!(
                find_in_catalogue(&entries, &entry.name).unwrap(),
                pos,
                "{}",
                entry.name
            );
        }
    }

    #[test]
    fn the_usual_name_of_a_model_finds_its_unquantised_variant() {
        let (models, entries) = catalogue();
        for (name, model) in [
            ("BAAI/bge-small-en-v1.5", EmbeddingModel::BGESmallENV15),
            (
                "nomic-ai/nomic-embed-text-v1.5",
                EmbeddingModel::NomicEmbedTextV15,
            ),
            (
                "sentence-transformers/all-MiniLM-L12-v2",
                EmbeddingModel::AllMiniLML12V2,
            ),
            (
                "intfloat/multilingual-e5-small",
                EmbeddingModel::MultilingualE5Small,
            ),
            (
                "google/embeddinggemma-300m-onnx",
                EmbeddingModel::EmbeddingGemma300M,
            ),
        ] {
            assert_eq!(
                models[find_in_catalogue(&entries, name).unwrap()],
                model,
                "{name}"
            );
        }
    }
}
