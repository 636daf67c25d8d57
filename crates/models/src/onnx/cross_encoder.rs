//! The ONNX cross-encoder.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use ::fastembed::{RerankInitOptionsUserDefined, TextRerank, UserDefinedRerankingModel};
use reread_encoder::{InstructionSet, ModelIdentity, PairLength, QueryLength};

use super::cross_encoder_catalogue::CrossEncoderCatalogue;
use super::error::Result;
use super::folder::OnnxFolder;
use super::hub;
use super::options::FastembedCrossEncoderOptions;
use super::runtime::{OnnxOutput, OnnxRuntime};
use super::session::{failed, max_tokens, refused, tokenizer_files, unexpected};
use super::sessions::SessionPool;
use super::token_ranges::TokenRanges;
use crate::cross_encoder::{CrossEncoder, QUERY_PART};
use crate::embedder::BoxError;

/// Fewer tokens than this leave no room for a pair between the special tokens.
const MIN_MAX_TOKENS: usize = 16;

/// Any ONNX cross-encoder with one logit a pair, run by ONNX Runtime through fastembed.
///
/// Pairs go through the model one by one, so a logit never depends on the passages beside it
/// (int8 models quantise per batch), each on one thread; they are spread over the current rayon
/// pool. Every thread at work holds a copy of the weights.
pub struct FastembedCrossEncoder {
    model: ModelIdentity,
    max_tokens: usize,
    model_max_tokens: usize,
    n_special: usize,
    token_ranges: TokenRanges,
    sessions: SessionPool<TextRerank>,
}

impl fmt::Debug for FastembedCrossEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FastembedCrossEncoder")
            .field("model", &self.model)
            .field("max_tokens", &self.max_tokens)
            .finish_non_exhaustive()
    }
}

impl FastembedCrossEncoder {
    /// Opens the ONNX model at `path` and runs it once: a folder with `model.onnx` or `onnx/model.onnx`, or
    /// one ONNX file in such a folder. `tokenizer.json` must be there.
    ///
    /// # Errors
    /// `MissingFile`, `BadFile` and `Io` for its files; `InvalidOption`; `BadModel`,
    /// `UnexpectedOutput` or `Failed` for a model that cannot be used.
    pub fn open(
        path: &Path,
        runtime: &OnnxRuntime,
        options: &FastembedCrossEncoderOptions,
    ) -> Result<Self> {
        Self::from_folder(OnnxFolder::open(path)?, runtime, options)
    }

    /// Opens a model of fastembed's catalogue by its name there or its repository on the hub, for
    /// instance `BAAI/bge-reranker-base`.
    ///
    /// `cache` is the folder of downloaded models. A model that is not in it is downloaded if
    /// the feature `hub` is on; `HF_HOME` and `HF_ENDPOINT` then have their usual meaning.
    ///
    /// # Errors
    /// `UnknownModel`, `NotDownloaded`, `Download`, and
    /// those of [`FastembedCrossEncoder::open`].
    pub fn from_catalogue(
        name: &str,
        runtime: &OnnxRuntime,
        cache: &Path,
        options: &FastembedCrossEncoderOptions,
    ) -> Result<Self> {
        let fetched = hub::fetch::<CrossEncoderCatalogue>(name, runtime, cache)?;
        let folder = OnnxFolder::open(&fetched.snapshot.onnx)?;
        let mut cross_encoder = Self::from_folder(folder, runtime, options)?;
        cross_encoder.model.name = fetched.repository;
        cross_encoder.model.revision = fetched.snapshot.revision;
        Ok(cross_encoder)
    }

    /// The short names of the models that [`FastembedCrossEncoder::from_catalogue`] takes, sorted.
    pub fn catalogue_names() -> Vec<String> {
        hub::names::<CrossEncoderCatalogue>()
    }

    fn from_folder(
        folder: OnnxFolder,
        runtime: &OnnxRuntime,
        options: &FastembedCrossEncoderOptions,
    ) -> Result<Self> {
        let model_max_tokens = folder.max_tokens();
        let max_tokens = max_tokens(&folder, options.max_tokens, MIN_MAX_TOKENS)?;
        let model = folder.identity(&[("max_tokens", &max_tokens.to_string())]);
        check_outputs(&folder, &runtime.outputs(folder.onnx())?)?;
        let token_ranges = TokenRanges::new(folder.tokenizer(), folder.tokenizer_path())?;
        let n_special = token_ranges
            .n_special_in_pair()
            .map_err(|source| failed(&model.name, source))?;

        let session = open_session(&folder, runtime)?;
        let name = model.name.clone();
        let runtime = runtime.clone();
        let sessions = SessionPool::new(name.clone(), session, move || {
            open_session(&folder, &runtime)
        });
        sessions.run(|session| logit(session, &name, "a", "b"))?;
        Ok(Self {
            model,
            max_tokens,
            model_max_tokens,
            n_special,
            token_ranges,
            sessions,
        })
    }

    /// How many tokens a query and a passage have together, at most.
    fn room(&self) -> usize {
        self.max_tokens.saturating_sub(self.n_special)
    }

    /// How long a query is, and how much of it a pair has room for.
    fn length_of(&self, query: &str) -> Result<QueryLength, BoxError> {
        let n_tokens = self.token_ranges.of(query)?.len();
        Ok(QueryLength::in_pair(n_tokens, self.room()))
    }

    /// What is read of a query of this length.
    fn ends<'a>(&self, query: &'a str, length: QueryLength) -> Result<Cow<'a, str>, BoxError> {
        if !length.is_cut() {
            return Ok(query.into());
        }
        let ranges = self.token_ranges.of(query)?;
        let head = ranges[..length.n_first].last().map_or(0, |last| last.end);
        let tail = &ranges[ranges.len() - length.n_last..];
        let tail = tail.first().map_or(query.len(), |first| first.start);
        Ok(format!("{} {}", &query[..head], &query[tail..]).into())
    }

    /// The beginning of `text` that has at most `n_tokens` tokens.
    fn cut<'a>(&self, text: &'a str, n_tokens: usize) -> Result<&'a str> {
        let ranges = self
            .token_ranges
            .of(text)
            .map_err(|source| failed(&self.model.name, source))?;
        let n_kept = n_tokens.min(ranges.len());
        if n_kept == ranges.len() {
            return Ok(text);
        }
        Ok(&text[..n_kept.checked_sub(1).map_or(0, |last| ranges[last].end)])
    }
}

impl CrossEncoder for FastembedCrossEncoder {
    fn model(&self) -> &ModelIdentity {
        &self.model
    }

    fn score(&self, query: &str, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
        if passages.is_empty() {
            return Ok(Vec::new());
        }
        let length = self.length_of(query)?;
        let query = &*self.ends(query, length)?;
        let n_passage_tokens = self.room() - length.n_read();
        let logits = self.sessions.map(passages, |session, passage| {
            let passage = self.cut(passage, n_passage_tokens)?;
            logit(session, &self.model.name, query, passage)
        })?;
        Ok(logits)
    }

    /// Leaves out the version of ONNX Runtime, which does not tell it.
    fn fingerprint(&self) -> Option<String> {
        let sets = InstructionSet::available();
        Some(format!(
            "onnx {} {} {sets:?}, {QUERY_PART}",
            self.model.digest, self.max_tokens
        ))
    }

    fn measure_pair(&self, query: &str, passage: &str) -> Result<Option<PairLength>, BoxError> {
        let query = self.length_of(query)?;
        let n_passage = self.token_ranges.of(passage)?.len();
        Ok(Some(PairLength {
            n_tokens: query.n_tokens + n_passage + self.n_special,
            max_tokens: self.max_tokens,
            model_max_tokens: self.model_max_tokens,
            bytes_read: self.cut(passage, self.room() - query.n_read())?.len(),
        }))
    }

    fn measure_query(&self, query: &str) -> Result<Option<QueryLength>, BoxError> {
        Ok(Some(self.length_of(query)?))
    }
}

fn check_outputs(folder: &OnnxFolder, outputs: &[OnnxOutput]) -> Result<()> {
    let usable = |output: &OnnxOutput| {
        let one_a_pair = matches!(output.shape[..], [] | [_, None | Some(1)]);
        output.name == "logits" && output.is_f32 && one_a_pair
    };
    if outputs.iter().any(usable) {
        return Ok(());
    }
    let needed = "an f32 output [batch, 1] called logits";
    Err(unexpected(folder, outputs, needed))
}

fn open_session(folder: &OnnxFolder, runtime: &OnnxRuntime) -> Result<TextRerank> {
    folder.check_unchanged()?;
    let model = UserDefinedRerankingModel::new(folder.onnx().to_owned(), tokenizer_files(folder));
    // fastembed cuts the longer of query and passage; its limit is the model's, and pairs come to it
    // cut already.
    let options = RerankInitOptionsUserDefined::new()
        .with_environment(runtime.environment())
        .with_max_length(folder.max_tokens())
        .with_intra_threads(1);
    TextRerank::try_new_from_user_defined(model, options).map_err(|error| refused(folder, &error))
}

fn logit(session: &mut TextRerank, model: &str, query: &str, passage: &str) -> Result<f32> {
    let results = session
        .rerank(query, [passage], false, None)
        .map_err(|error| failed(model, error))?;
    let logit = results.first().map(|result| result.score);
    logit.ok_or_else(|| failed(model, "it returned no logit for a pair"))
}
