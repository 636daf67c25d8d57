//! The ONNX bi-encoder.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use ::fastembed::{InitOptionsUserDefined, TextEmbedding, UserDefinedEmbeddingModel};
use reread_encoder::{ModelIdentity, QueryLength};

use super::embedder_catalogue::{EmbedderCatalogue, filled};
use super::error::{OnnxError, Result};
use super::folder::OnnxFolder;
use super::hub;
use super::options::{FastembedEmbedderOptions, Pooling};
use super::runtime::{OnnxOutput, OnnxRuntime};
use super::session::{failed, max_tokens, refused, tokenizer_files, unexpected};
use super::sessions::SessionPool;
use super::token_ranges::TokenRanges;
use crate::embedder::{BoxError, Embedder};

/// Fewer tokens than this leave no room for a text between the special tokens.
const MIN_MAX_TOKENS: usize = 8;

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
    max_tokens: usize,
    token_ranges: TokenRanges,
    sessions: SessionPool<TextEmbedding>,
}

impl fmt::Debug for FastembedEmbedder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FastembedEmbedder")
            .field("model", &self.model)
            .field("dim", &self.dim)
            .finish_non_exhaustive()
    }
}

impl FastembedEmbedder {
    /// Opens the ONNX model at `path` and runs it once: a folder with `model.onnx` or `onnx/model.onnx`, or
    /// one ONNX file in such a folder. `tokenizer.json` must be there.
    ///
    /// # Errors
    /// `MissingFile`, `BadFile` and `Io` for its files; `InvalidOption`; `BadModel`,
    /// `UnexpectedOutput` or `Failed` for a model that cannot be used.
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
    /// `UnknownModel`, `NotDownloaded`, `Download`, and
    /// those of [`FastembedEmbedder::open`].
    pub fn from_catalogue(
        name: &str,
        runtime: &OnnxRuntime,
        cache: &Path,
        options: &FastembedEmbedderOptions,
    ) -> Result<Self> {
        let fetched = hub::fetch::<EmbedderCatalogue>(name, runtime, cache)?;
        let options = filled(options, &fetched.model);
        let folder = OnnxFolder::open(&fetched.snapshot.onnx)?;
        let mut embedder = Self::from_folder(folder, runtime, &options)?;
        embedder.model.name = fetched.repository;
        embedder.model.revision = fetched.snapshot.revision;
        Ok(embedder)
    }

    /// The short names of the models that [`FastembedEmbedder::from_catalogue`] takes, sorted.
    pub fn catalogue_names() -> Vec<String> {
        hub::names::<EmbedderCatalogue>()
    }

    fn from_folder(
        folder: OnnxFolder,
        runtime: &OnnxRuntime,
        options: &FastembedEmbedderOptions,
    ) -> Result<Self> {
        let max_tokens = max_tokens(
            &folder,
            options.max_tokens.unwrap_or(usize::MAX),
            MIN_MAX_TOKENS,
        )?;
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
            max_tokens,
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

    fn measure_query(&self, query: &str) -> Result<Option<QueryLength>, BoxError> {
        let n_before = self.token_ranges.of(&self.query_prefix)?.len();
        let n_special = self.token_ranges.n_special()?;
        let n_tokens = self.token_ranges.of(query)?.len();
        let room = self.max_tokens.saturating_sub(n_special + n_before);
        Ok(Some(QueryLength {
            n_tokens,
            n_first: n_tokens.min(room),
            n_last: 0,
        }))
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
        _ => Err(unexpected(folder, outputs, NEEDED)),
    }
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
    let mut model = UserDefinedEmbeddingModel::new(folder.read_onnx()?, tokenizer_files(folder))
        .with_pooling(pooling);
    for (name, bytes) in folder.read_external_data()? {
        model = model.with_external_initializer(name, bytes);
    }
    let options = InitOptionsUserDefined::new()
        .with_environment(runtime.environment())
        .with_max_length(max_tokens)
        .with_intra_threads(1);
    TextEmbedding::try_new_from_user_defined(model, options)
        .map_err(|error| refused(folder, &error))
}

fn embed(session: &mut TextEmbedding, model: &str, text: &str) -> Result<Vec<f32>> {
    let rows = session
        .embed([text], None)
        .map_err(|error| failed(model, error))?;
    let row = rows.into_iter().next();
    row.ok_or_else(|| failed(model, "it returned no vector for a text"))
}
