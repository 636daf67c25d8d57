use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

use crate::batch;
use crate::bert::{Bert, Precision, Source, Workspace};
use crate::cancel::{CancelToken, Cancelled};
use crate::config::Folder;
use crate::error::{Error, Result};
use crate::identity::ModelIdentity;
use crate::instruction_set::InstructionSet;
use crate::kernels::Kernels;
use crate::packed::PackedFiles;
use crate::query_length::QueryLength;
use crate::tokenizer::Tokenizer;
use crate::tokenizer::tokens::Tokens;
use crate::weights::Weights;

/// How a model is run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelOptions {
    instruction_set: Option<InstructionSet>,
    precision: Precision,
    packed: Option<KeepPacked>,
    cancel: CancelToken,
}

/// That the packed weights are kept, and where they are if not in the model's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KeepPacked {
    elsewhere: Option<PathBuf>,
}

impl ModelOptions {
    /// Runs the model on this instruction set instead of the fastest that the machine has.
    #[must_use]
    pub fn with_instruction_set(mut self, set: InstructionSet) -> Self {
        self.instruction_set = Some(set);
        self
    }

    /// Sets the arithmetic of the layers; int8 by default.
    #[must_use]
    pub fn with_precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Keeps the packed weights in a file in the model's folder, `model.<instruction set>.packed`,
    /// from which the next opening reads them, in about half the time for the shipped models. Where
    /// that folder cannot be written to, the file is kept in `elsewhere`, which many models may
    /// share and which is made if need be; where that cannot be written to either, nothing is kept.
    ///
    /// The file is as large as the layers' weights at a byte each (21 MB for the shipped models), or
    /// at two where the machine multiplies words. It is mapped while the model is in use, and so
    /// must not be cut short or overwritten in place. It is used only if it is whole, by its digest,
    /// and was made from these very files for this instruction set; else it is replaced, by another
    /// file of its name. Results are the same, bit for bit. Nothing is kept of a model that runs in
    /// f32.
    #[must_use]
    pub fn with_packed_kept(mut self, elsewhere: Option<PathBuf>) -> Self {
        self.packed = Some(KeepPacked { elsewhere });
        self
    }

    /// Stops the opening when `cancel` says so, which is asked between its steps: the files that are
    /// read and each layer that is packed, some milliseconds apart. What the model does afterwards
    /// is not stopped by it.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }
}

/// A BERT model, loaded and ready to embed texts or to score pairs.
///
/// Calls may come from many threads at once. Each spreads its work over the rayon pool that it is
/// made in; a pool of one thread makes it run on one.
#[derive(Debug)]
pub struct Model {
    bert: Bert,
    tokenizer: Tokenizer,
    tokenizer_digest: blake3::Hash,
    folder: Folder,
    /// Of everything that decides the output, where it was needed already.
    digest: Option<blake3::Hash>,
    identity: OnceLock<ModelIdentity>,
    /// The workspaces that no call is using.
    workspaces: Mutex<Vec<Workspace>>,
    max_tokens: usize,
    path: PathBuf,
}

/// How long a pair of query and passage is, and how much of it is read. Tokens count the special
/// ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairLength {
    /// The tokens of the whole pair.
    pub n_tokens: usize,
    /// The most that are read.
    pub max_tokens: usize,
    /// The most that the model could read if it were allowed to.
    pub model_max_tokens: usize,
    /// The bytes at the beginning of the passage that are read: all of them unless the pair is
    /// longer than `max_tokens`.
    pub bytes_read: usize,
}

impl Model {
    /// Loads the model in a folder laid out as on Hugging Face: `config.json`, `tokenizer.json`
    /// and `model.safetensors`, and where they exist `1_Pooling/config.json` and
    /// `config_sentence_transformers.json`.
    ///
    /// Weights may be F32, F16, BF16 or I8 with scales. They are packed into memory (or
    /// [mapped as they were packed before](ModelOptions::with_packed_kept)), all but the word
    /// embeddings, which stay mapped: the file must not be cut short or overwritten in place
    /// while the model is in use.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Json`], [`Error::DamagedWeights`] and [`Error::DamagedTokenizer`]
    /// for files that cannot be read; [`Error::InvalidConfig`], [`Error::Unsupported`],
    /// [`Error::MissingTensor`], [`Error::TensorShape`], [`Error::TensorType`] and
    /// [`Error::TensorNotFinite`] for models that cannot be run.
    pub fn open(dir: &Path) -> Result<Self> {
        Self::open_with(dir, &ModelOptions::default())
    }

    /// Loads a model as [`open`](Self::open) does, with other options than the default.
    ///
    /// # Errors
    /// As for [`open`](Self::open), and [`Error::NoInstructionSet`] and [`Error::Cancelled`].
    pub fn open_with(dir: &Path, options: &ModelOptions) -> Result<Self> {
        let kernels = match options.instruction_set {
            None => Kernels::detect(),
            Some(asked) => Kernels::of(asked).ok_or_else(|| Error::NoInstructionSet {
                asked,
                available: InstructionSet::available(),
            })?,
        };
        Self::open_on(dir, kernels, options)
    }

    /// Loads a model for the kernels given, whatever the options say of the instruction set.
    pub(crate) fn open_on(dir: &Path, kernels: Kernels, options: &ModelOptions) -> Result<Self> {
        let cancel = &options.cancel;
        cancel.check()?;
        let folder = Folder::read(dir)?;
        let tokenizer_path = dir.join("tokenizer.json");
        let tokenizer = read(&tokenizer_path)?;
        let tokenizer_digest = blake3::hash(&tokenizer);
        let path = dir.join("model.safetensors");
        let weights = Weights::open(&path)?;
        cancel.check()?;
        let keep = options.packed.as_ref();
        let keep = keep.filter(|_| options.precision.of(&folder.config) == Precision::Int8);
        let open = || {
            let digest = keep.map(|_| digest_of(&folder, tokenizer_digest, &weights));
            let files = keep.zip(digest).map(|(keep, digest)| {
                let elsewhere = keep.elsewhere.as_deref();
                PackedFiles::new(dir, elsewhere, digest, kernels.instruction_set())
            });
            let source = Source {
                weights,
                config: &folder.config,
                kernels,
                cancel,
            };
            let bert = Bert::new(source, options.precision, files.as_ref());
            (bert, digest)
        };
        let parse = || Tokenizer::parse(&tokenizer_path, &tokenizer);
        let (tokenizer, (bert, digest)) = rayon::join(parse, open);
        Ok(Self {
            tokenizer: tokenizer?,
            bert: bert?,
            tokenizer_digest,
            digest,
            identity: OnceLock::new(),
            workspaces: Mutex::default(),
            max_tokens: folder.config.n_positions,
            folder,
            path,
        })
    }

    /// Says which model this is.
    ///
    /// The first call reads the whole weights file for the digest, unless it was read already to
    /// find [packed weights](ModelOptions::with_packed_kept).
    pub fn identity(&self) -> &ModelIdentity {
        self.identity.get_or_init(|| {
            let digest = self.digest.unwrap_or_else(|| {
                digest_of(&self.folder, self.tokenizer_digest, self.bert.weights())
            });
            ModelIdentity {
                name: self.folder.name.clone(),
                revision: self.folder.revision.clone(),
                digest: digest.to_hex().to_string(),
            }
        })
    }

    /// The width of an embedding.
    pub fn dim(&self) -> usize {
        self.folder.config.hidden
    }

    /// The most tokens that the model can read at once, special tokens included.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// Tells whether the model can [`score`](Self::score): it has a classifier of one logit.
    pub fn is_cross_encoder(&self) -> bool {
        self.bert.has_head()
    }

    /// A logit that [`score`](Self::score) never exceeds: the classifier's weights without their
    /// signs and its bias, as `tanh` leaves no input greater than 1. `None` without a classifier.
    pub fn greatest_logit(&self) -> Option<f32> {
        self.bert.greatest_logit()
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// The instruction set that the model runs on.
    pub fn instruction_set(&self) -> InstructionSet {
        self.bert.kernels().instruction_set()
    }

    /// The arithmetic of the layers, which is f32 for models of unusual widths whatever was asked.
    pub fn precision(&self) -> Precision {
        self.bert.precision()
    }

    /// What the model wants before a query, often nothing.
    pub fn query_prefix(&self) -> &str {
        &self.folder.query_prefix
    }

    /// Embeds texts as they are, each cut after `max_tokens` tokens (or the model's own limit).
    ///
    /// Returns `[texts.len(), dim]`, row-major, each row with an L2 norm of 1. A row is the same,
    /// bit for bit, whatever the other texts and however many threads there are.
    ///
    /// # Errors
    /// [`Error::TooFewTokens`], [`Error::Tokenize`], [`Error::UnknownToken`] and
    /// [`Error::NotFinite`].
    pub fn embed(&self, texts: &[&str], max_tokens: usize) -> Result<Vec<f32>> {
        self.embed_within(texts, max_tokens, &CancelToken::default())
    }

    /// Embeds texts as [`embed`](Self::embed) does, unless `cancel` says to stop.
    ///
    /// It is asked before each text is cut into tokens and before each of the model's layers, every
    /// few milliseconds, from every thread. There is no partial answer: texts go through the model
    /// in an order of their lengths, so what was done by then is no beginning of what was asked for.
    ///
    /// # Errors
    /// As for [`embed`](Self::embed), and [`Error::Cancelled`].
    pub fn embed_within(
        &self,
        texts: &[&str],
        max_tokens: usize,
        cancel: &CancelToken,
    ) -> Result<Vec<f32>> {
        let max_tokens = max_tokens.min(self.max_tokens);
        let encode = |text: &&str| {
            cancel.check()?;
            self.tokenizer.encode(text, max_tokens)
        };
        let sequences: Vec<_> = texts.par_iter().map(encode).collect::<Result<_>>()?;
        let pooling = self.folder.pooling;
        let mut rows = batch::in_chunks(&sequences, self.dim(), |chunk, out| {
            self.run(&sequences, chunk, |sequences, workspace| {
                let done = self.bert.pool(sequences, pooling, workspace, cancel, out)?;
                if done { Ok(()) } else { Err(Cancelled.into()) }
            })
        })?;
        for row in rows.chunks_exact_mut(self.dim()) {
            self.normalise(row)?;
        }
        Ok(rows)
    }

    /// Embeds one query, with the model's prefix before it. Returns `dim` values.
    ///
    /// # Errors
    /// As for [`embed`](Self::embed).
    pub fn embed_query(&self, text: &str) -> Result<Vec<f32>> {
        self.embed(
            &[&format!("{}{text}", self.folder.query_prefix)],
            self.max_tokens,
        )
    }

    /// Measures a query that [`embed_query`](Self::embed_query) reads. Runs the tokenizer, not the model.
    ///
    /// # Errors
    /// [`Error::TooFewTokens`] and [`Error::Tokenize`].
    pub fn measure_query(&self, text: &str) -> Result<QueryLength> {
        let prefix = &self.folder.query_prefix;
        self.tokenizer
            .measure_query_alone(prefix, text, self.max_tokens)
    }

    /// Scores each passage against the query (Nogueira and Cho, arXiv:1901.04085).
    ///
    /// Returns a logit for each passage, in the order given; higher is more relevant. A pair is
    /// cut after `max_tokens` tokens (or the model's own limit): the query has a part
    /// of it at most ([`QueryLength::in_pair`]), and the passage, which is cut at its end, has the rest. A logit is the same, bit for bit, whatever the other passages and however
    /// many threads there are.
    ///
    /// # Errors
    /// [`Error::NotCrossEncoder`] or [`Error::Unsupported`] for a model without a classifier of
    /// one logit, else as for [`embed`](Self::embed).
    pub fn score(&self, query: &str, passages: &[&str], max_tokens: usize) -> Result<Vec<f32>> {
        self.check_can_score()?;
        let tokens = self
            .tokenizer
            .pairs(query, max_tokens.min(self.max_tokens))?;
        let sequences: Result<Vec<_>> = passages.par_iter().map(|text| tokens(text)).collect();
        let sequences = sequences?;
        let logits = batch::in_chunks(&sequences, 1, |chunk, out| {
            self.run(&sequences, chunk, |sequences, workspace| {
                let scored = self
                    .bert
                    .score(sequences, workspace, &CancelToken::default(), out);
                scored.map(drop)
            })
        })?;
        self.check_finite(logits.iter())?;
        Ok(logits)
    }

    /// Measures a pair that [`score`](Self::score) would cut after `max_tokens` tokens. Runs the
    /// tokenizer, not the model.
    ///
    /// # Errors
    /// [`Error::TooFewTokens`] and [`Error::Tokenize`].
    pub fn measure_pair(
        &self,
        query: &str,
        passage: &str,
        max_tokens: usize,
    ) -> Result<PairLength> {
        let max_tokens = max_tokens.min(self.max_tokens);
        let (n_tokens, bytes_read) = self.tokenizer.measure_pair(query, passage, max_tokens)?;
        Ok(PairLength {
            n_tokens,
            max_tokens,
            model_max_tokens: self.max_tokens,
            bytes_read,
        })
    }

    /// Measures a query of pairs that [`score`](Self::score) would cut after `max_tokens` tokens. Runs
    /// the tokenizer, not the model.
    ///
    /// # Errors
    /// [`Error::TooFewTokens`] and [`Error::Tokenize`].
    pub fn measure_query_of_pair(&self, query: &str, max_tokens: usize) -> Result<QueryLength> {
        let max_tokens = max_tokens.min(self.max_tokens);
        self.tokenizer.measure_query_of_pair(query, max_tokens)
    }

    /// Scores passages as [`score`](Self::score) does, one after the other in the order given,
    /// until `cancel` says to stop.
    ///
    /// Returns a logit for each passage that was scored by then, bit for bit what
    /// [`score`](Self::score) gives, and `None` for the others; with several threads they need
    /// not be the last ones. `cancel` is asked before each of the model's layers, every few
    /// milliseconds, from every thread. The first passages matter most to whoever stops, so this
    /// goes pair by pair, some hundredths slower than [`score`](Self::score).
    ///
    /// # Errors
    /// As for [`score`](Self::score). To be stopped is none.
    pub fn score_within(
        &self,
        query: &str,
        passages: &[&str],
        max_tokens: usize,
        cancel: &CancelToken,
    ) -> Result<Vec<Option<f32>>> {
        self.check_can_score()?;
        let tokens = self
            .tokenizer
            .pairs(query, max_tokens.min(self.max_tokens))?;
        let sequences: Result<Vec<_>> = passages.par_iter().map(|text| tokens(text)).collect();
        let sequences = sequences?;
        let logits = batch::in_order(&sequences, |chunk, out| {
            self.run(&sequences, chunk, |sequences, workspace| {
                self.bert.score(sequences, workspace, cancel, out)
            })
        })?;
        self.check_finite(logits.iter().flatten())?;
        Ok(logits)
    }

    fn check_finite<'a>(&self, mut logits: impl Iterator<Item = &'a f32>) -> Result<()> {
        if logits.any(|logit| !logit.is_finite()) {
            return Err(Error::NotFinite {
                model: self.folder.name.clone(),
            });
        }
        Ok(())
    }

    fn check_can_score(&self) -> Result<()> {
        match self.bert.n_labels() {
            _ if self.bert.has_head() => Ok(()),
            None => Err(Error::NotCrossEncoder {
                model: self.folder.name.clone(),
            }),
            Some(n_labels) => Err(Error::Unsupported {
                path: self.path.clone(),
                key: "num_labels",
                found: n_labels.to_string(),
                expected: "1 for scoring",
            }),
        }
    }

    /// Runs `work` on some of the sequences, with a workspace that no other call is using.
    fn run<T>(
        &self,
        sequences: &[Tokens],
        chunk: &[usize],
        work: impl FnOnce(&[&Tokens], &mut Workspace) -> Result<T>,
    ) -> Result<T> {
        let chunk: Vec<_> = chunk.iter().map(|&at| &sequences[at]).collect();
        let workspaces = || {
            self.workspaces
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let spare = workspaces().pop();
        let mut workspace = spare.unwrap_or_default();
        let alone = sequences.len() == 1;
        workspace.set_threads(if alone {
            rayon::current_num_threads()
        } else {
            1
        });
        let result = work(&chunk, &mut workspace);
        workspaces().push(workspace);
        result
    }

    /// Brings a row to an L2 norm of 1.
    fn normalise(&self, row: &mut [f32]) -> Result<()> {
        let norm = row
            .iter()
            .map(|&value| f64::from(value).powi(2))
            .sum::<f64>()
            .sqrt();
        if !norm.is_finite() || norm == 0.0 {
            return Err(Error::NotFinite {
                model: self.folder.name.clone(),
            });
        }
        for value in row {
            *value = (f64::from(*value) / norm) as f32;
        }
        Ok(())
    }
}

/// The bytes of a file of the model.
fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })
}

/// The digest of everything that decides the output, worked out on all threads.
fn digest_of(folder: &Folder, tokenizer: blake3::Hash, weights: &Weights) -> blake3::Hash {
    let mut digest = folder.digest.clone();
    digest.update(tokenizer.as_bytes());
    digest.update_rayon(weights.bytes());
    digest.finalize()
}

#[cfg(test)]
#[allow(clippy::print_stdout, reason = "the differences are worth seeing")]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Reference {
        pairs: Vec<Pair>,
    }

    #[derive(Deserialize)]
    struct Pair {
        query: String,
        passage: String,
        n_tokens: usize,
        logit: f32,
    }

    /// The tolerance is that of the other paths in integers.
    #[test]
    fn a_whole_pass_in_tiles_matches_the_reference() {
        let Some(kernels) = Kernels::native_or_emulated(InstructionSet::Amx) else {
            return;
        };
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/models");
        let dir = dir.join("reread-MiniLM-L12-v1");
        let model = Model::open_on(&dir, kernels, &ModelOptions::default()).unwrap();
        assert_eq!(model.instruction_set(), InstructionSet::Amx);
        let reference = std::fs::read(dir.join("reference.json")).unwrap();
        let mut pairs = serde_json::from_slice::<Reference>(&reference)
            .unwrap()
            .pairs;
        pairs.retain(|pair| pair.n_tokens >= 16);
        pairs.sort_by_key(|pair| pair.n_tokens);
        for pair in &pairs[..2] {
            let passages = [&*pair.passage, &*pairs[2].passage];
            let alone = model.score(&pair.query, &passages[..1], 512).unwrap();
            let together = model.score(&pair.query, &passages, 512).unwrap();
            assert_eq!(alone[0].to_bits(), together[0].to_bits());
            let difference = (alone[0] - pair.logit).abs();
            println!(
                "{} tokens: {:.3}, off by {difference:.3}",
                pair.n_tokens, pair.logit
            );
            assert!(difference < 0.3, "{} for {}", alone[0], pair.logit);
        }
    }
}
