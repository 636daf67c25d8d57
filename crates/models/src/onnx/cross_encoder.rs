use std::path::Path;

use ::fastembed::{
    RerankInitOptionsUserDefined, RerankerModel, TextRerank, TokenizerFiles,
    UserDefinedRerankingModel,
};
use reread_encoder::{InstructionSet, ModelIdentity, PairLength};

use super::catalogue::{CatalogueEntry, Snapshot, find_in_catalogue, find_snapshot};
use super::error::{OnnxError, Result};
use super::folder::OnnxFolder;
use super::runtime::{OnnxOutput, OnnxRuntime};
use super::sessions::SessionPool;
use super::token_ranges::TokenRanges;
use crate::{BoxError, CrossEncoder};

/// Fewer tokens than this leave no room for a pair between the special tokens.
const MIN_MAX_TOKENS: usize = 16;

/// A query as long as the whole pair may be still leaves the passage this many tokens, as far as
/// the model's own limit allows: without any, all passages would score the same.
const MIN_PASSAGE_TOKENS: usize = 16;

/// How an ONNX cross-encoder is used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FastembedCrossEncoderOptions {
    /// The longest pair in tokens, special tokens included; the end of a longer passage is cut
    /// off. 256 holds a query and a passage of the usual length, at half the cost of 512. More
    /// than the model was made for is taken as what it was made for.
    pub max_tokens: usize,
}

impl Default for FastembedCrossEncoderOptions {
    fn default() -> Self {
        Self { max_tokens: 256 }
    }
}

impl FastembedCrossEncoderOptions {
    /// Cuts pairs at `max_tokens`.
    #[must_use]
    pub fn with_max_tokens(mut self, max_tokens: usize) -> Self {
        self.max_tokens = max_tokens;
        self
    }
}

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

impl FastembedCrossEncoder {
    /// Opens the ONNX model at `path`, a folder or a file in it as [`OnnxFolder::open`] takes
    /// them, and runs it once.
    ///
    /// # Errors
    /// Those of [`OnnxFolder::open`]; [`OnnxError::InvalidOption`]; [`OnnxError::BadModel`],
    /// [`OnnxError::UnexpectedOutput`] or [`OnnxError::Failed`] for a model that cannot be used.
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
    /// [`OnnxError::UnknownModel`], [`OnnxError::NotDownloaded`], [`OnnxError::Download`], and
    /// those of [`FastembedCrossEncoder::open`].
    pub fn from_catalogue(
        name: &str,
        runtime: &OnnxRuntime,
        cache: &Path,
        options: &FastembedCrossEncoderOptions,
    ) -> Result<Self> {
        let (models, entries) = catalogue();
        let pos = find_in_catalogue(&entries, name)?;
        let (model, entry) = (&models[pos], &entries[pos]);
        let snapshot = match find_snapshot(cache, entry) {
            Some(snapshot) => snapshot,
            None => download(model, entry, runtime, cache)?,
        };
        let mut cross_encoder =
            Self::from_folder(OnnxFolder::open(&snapshot.onnx)?, runtime, options)?;
        cross_encoder.model.name.clone_from(&entry.repository);
        cross_encoder.model.revision = snapshot.revision;
        Ok(cross_encoder)
    }

    /// The short names of the models that [`FastembedCrossEncoder::from_catalogue`] takes, sorted.
    pub fn catalogue_names() -> Vec<String> {
        let mut names: Vec<String> = catalogue().1.into_iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        names
    }

    fn from_folder(
        folder: OnnxFolder,
        runtime: &OnnxRuntime,
        options: &FastembedCrossEncoderOptions,
    ) -> Result<Self> {
        let model_max_tokens = folder.max_tokens();
        let max_tokens = options.max_tokens.min(model_max_tokens);
        if max_tokens < MIN_MAX_TOKENS {
            return Err(OnnxError::InvalidOption {
                option: "max_tokens",
                value: max_tokens.to_string(),
                bound: format!("at least {MIN_MAX_TOKENS}"),
            });
        }
        let model = folder.identity(&[("max_tokens", &max_tokens.to_string())]);
        check_outputs(&folder, &runtime.outputs(folder.onnx())?)?;
        let token_ranges = TokenRanges::new(folder.tokenizer(), folder.tokenizer_path())?;
        let n_special = token_ranges
            .n_special_in_pair()
            .map_err(|source| OnnxError::Failed {
                model: model.name.clone(),
                source,
            })?;

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

    /// How many tokens of a passage go with a query of `n_query` tokens.
    fn n_passage_tokens(&self, n_query: usize) -> usize {
        let left_of = |max_tokens: usize| max_tokens.saturating_sub(n_query + self.n_special);
        left_of(self.max_tokens).max(left_of(self.model_max_tokens).min(MIN_PASSAGE_TOKENS))
    }

    /// The beginning of `passage` that has at most `n_tokens` tokens.
    fn cut<'a>(&self, passage: &'a str, n_tokens: usize) -> Result<&'a str> {
        let ranges = self
            .token_ranges
            .of(passage)
            .map_err(|source| OnnxError::Failed {
                model: self.model.name.clone(),
                source,
            })?;
        let n_kept = n_tokens.min(ranges.len());
        if n_kept == ranges.len() {
            return Ok(passage);
        }
        Ok(&passage[..n_kept.checked_sub(1).map_or(0, |last| ranges[last].end)])
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
        let n_passage_tokens = self.n_passage_tokens(self.token_ranges.of(query)?.len());
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
            "onnx {} {} {sets:?}",
            self.model.digest, self.max_tokens
        ))
    }

    fn measure_pair(&self, query: &str, passage: &str) -> Result<Option<PairLength>, BoxError> {
        let n_query = self.token_ranges.of(query)?.len();
        let n_passage = self.token_ranges.of(passage)?.len();
        Ok(Some(PairLength {
            n_tokens: n_query + n_passage + self.n_special,
            max_tokens: self.max_tokens,
            model_max_tokens: self.model_max_tokens,
            bytes_read: self.cut(passage, self.n_passage_tokens(n_query))?.len(),
        }))
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
    let found: Vec<String> = outputs.iter().map(ToString::to_string).collect();
    let (path, found) = (folder.onnx().to_owned(), found.join("; "));
    let needed = "an f32 output [batch, 1] called logits";
    Err(OnnxError::UnexpectedOutput {
        path,
        found,
        needed,
    })
}

fn open_session(folder: &OnnxFolder, runtime: &OnnxRuntime) -> Result<TextRerank> {
    folder.check_unchanged()?;
    let tokenizer_files = TokenizerFiles {
        tokenizer_file: folder.tokenizer().to_owned(),
        config_file: folder.config(),
        special_tokens_map_file: folder.special_tokens_map(),
        tokenizer_config_file: folder.tokenizer_config(),
    };
    let model = UserDefinedRerankingModel::new(folder.onnx().to_owned(), tokenizer_files);
    // fastembed cuts the longer of query and passage; its limit is the model's, so that it only
    // ever does so for a query that the model cannot take.
    let options = RerankInitOptionsUserDefined::new()
        .with_environment(runtime.environment())
        .with_max_length(folder.max_tokens())
        .with_intra_threads(1);
    TextRerank::try_new_from_user_defined(model, options).map_err(|error| OnnxError::BadModel {
        path: folder.onnx().to_owned(),
        problem: error.to_string(),
    })
}

fn logit(session: &mut TextRerank, model: &str, query: &str, passage: &str) -> Result<f32> {
    let failed = |source: BoxError| OnnxError::Failed {
        model: model.to_owned(),
        source,
    };
    let results = session
        .rerank(query, [passage], false, None)
        .map_err(|error| failed(Box::new(error)))?;
    let logit = results.first().map(|result| result.score);
    logit.ok_or_else(|| failed("it returned no logit for a pair".into()))
}

fn catalogue() -> (Vec<RerankerModel>, Vec<CatalogueEntry>) {
    let infos = TextRerank::list_supported_models();
    let entries = infos.iter().map(|info| CatalogueEntry {
        name: format!("{:?}", info.model),
        repository: info.model_code.clone(),
        onnx_file: info.model_file.clone(),
        extra_files: info.additional_files.clone(),
        quantised: false,
    });
    let entries = entries.collect();
    (infos.into_iter().map(|info| info.model).collect(), entries)
}

#[cfg(feature = "hub")]
fn download(
    model: &RerankerModel,
    entry: &CatalogueEntry,
    runtime: &OnnxRuntime,
    cache: &Path,
) -> Result<Snapshot> {
    let failed = |source: BoxError| OnnxError::Download {
        name: entry.repository.clone(),
        source,
    };
    let options = ::fastembed::RerankInitOptions::new(model.clone())
        .with_environment(runtime.environment())
        .with_cache_dir(cache.to_owned())
        .with_show_download_progress(false)
        .with_intra_threads(1);
    // fastembed downloads by opening a session, which is of no further use: it does not say
    // which files it was made from.
    TextRerank::try_new(options).map_err(|error| failed(Box::new(error)))?;
    // fastembed prefers the hub's own variable to the folder that it is given.
    let hub_home = std::env::var_os("HF_HOME").map(std::path::PathBuf::from);
    hub_home
        .and_then(|home| find_snapshot(&home, entry))
        .or_else(|| find_snapshot(cache, entry))
        .ok_or_else(|| failed("the downloaded files are not where they were expected".into()))
}

#[cfg(not(feature = "hub"))]
fn download(
    _model: &RerankerModel,
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
            let repository = &entry.repository;
            assert_eq!(
                find_in_catalogue(&entries, repository).unwrap(),
                pos,
                "{repository}"
            );
        }
    }
}
