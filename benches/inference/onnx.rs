//! The rivals: ONNX Runtime with sessions of our own, and fastembed as it comes.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use fastembed::{
    InitOptionsUserDefined, Pooling, QuantizationMode, RerankInitOptionsUserDefined, TextEmbedding,
    TextRerank, TokenizerFiles, UserDefinedEmbeddingModel, UserDefinedRerankingModel,
};
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::Tensor;
use reread_encoder::Tokens;
use reread_models::OnnxRuntime;

use crate::Result;

/// Sessions of one model between which texts are dealt, one text a run.
///
/// This is the fastest way found to run such models in ONNX Runtime: a session on one thread for
/// each core beats one session on all of them, and runs of one text have no padding.
pub(crate) struct Sessions(Vec<Session>);

impl Sessions {
    /// `n` sessions of the model in `folder`, each on one thread.
    pub(crate) fn of_one_thread(runtime: &OnnxRuntime, folder: &Path, n: usize) -> Result<Self> {
        let sessions = (0..n).map(|_| session(runtime, folder, 1));
        Ok(Self(sessions.collect::<Result<_>>()?))
    }

    /// One session on `n_threads` threads, which spin while they wait.
    pub(crate) fn one(runtime: &OnnxRuntime, folder: &Path, n_threads: usize) -> Result<Self> {
        Ok(Self(vec![session(runtime, folder, n_threads)?]))
    }

    /// Runs the model on each text, the longest first, and returns the rows in the order of
    /// `texts`. A row is a logit, or the first token's vector.
    pub(crate) fn run(
        &mut self,
        texts: &[String],
        tokens: impl Fn(&str) -> Result<Tokens> + Sync,
    ) -> Result<Vec<f32>> {
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(texts[at].len()));
        let next = AtomicUsize::new(0);
        let rows = Mutex::new(vec![Vec::new(); texts.len()]);
        let work = |session: &mut Session| -> Result<()> {
            while let Some(&at) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                let row = first_row(session, &tokens(&texts[at])?)?;
                rows.lock().map_err(|_| "a session panicked")?[at] = row;
            }
            Ok(())
        };
        let n_sessions = self.0.len().min(texts.len());
        std::thread::scope(|scope| -> Result<()> {
            let (first, others) = self.0[..n_sessions].split_at_mut(1);
            let others: Vec<_> = others
                .iter_mut()
                .map(|session| scope.spawn(|| work(session)))
                .collect();
            work(&mut first[0])?;
            for other in others {
                other.join().map_err(|_| "a session panicked")??;
            }
            Ok(())
        })?;
        Ok(rows
            .into_inner()
            .map_err(|_| "a session panicked")?
            .concat())
    }
}

fn session(runtime: &OnnxRuntime, folder: &Path, n_threads: usize) -> Result<Session> {
    // The error holds the builder, which must stay on its thread.
    let failed = |error: ort::Error<SessionBuilder>| error.to_string();
    let session = Session::builder(&runtime.environment())?
        .with_optimization_level(GraphOptimizationLevel::Level3)
        .map_err(failed)?
        .with_intra_threads(n_threads)
        .map_err(failed)?
        .with_intra_op_spinning(n_threads > 1)
        .map_err(failed)?
        .commit_from_file(folder.join("model.onnx"))?;
    Ok(session)
}

/// Runs the model on one text and returns the beginning of its output, as wide as the last axis.
fn first_row(session: &mut Session, tokens: &Tokens) -> Result<Vec<f32>> {
    let shape = [1, tokens.len()];
    let tensor = |values: Vec<i64>| Tensor::from_array((shape, values));
    let wide = |values: &[u32]| values.iter().map(|&value| i64::from(value)).collect();
    let outputs = session.run(ort::inputs![
        "input_ids" => tensor(wide(&tokens.ids))?,
        "attention_mask" => tensor(vec![1; tokens.len()])?,
        "token_type_ids" => tensor(wide(&tokens.types))?,
    ])?;
    let (shape, values) = outputs[0].try_extract_tensor::<f32>()?;
    let width = shape.last().map_or(1, |&width| width as usize);
    Ok(values[..width].to_vec())
}

/// fastembed's cross-encoder with its defaults, but for the cut.
pub(crate) fn text_rerank(
    runtime: &OnnxRuntime,
    folder: &Path,
    max_tokens: usize,
) -> Result<TextRerank> {
    let model = UserDefinedRerankingModel::new(folder.join("model.onnx"), tokenizer_files(folder)?);
    let options = RerankInitOptionsUserDefined::new()
        .with_environment(runtime.environment())
        .with_max_length(max_tokens);
    Ok(TextRerank::try_new_from_user_defined(model, options)?)
}

/// fastembed's bi-encoder with its defaults for a model with dynamic quantisation, which makes one
/// batch of all texts of a call.
pub(crate) fn text_embedding(runtime: &OnnxRuntime, folder: &Path) -> Result<TextEmbedding> {
    let onnx = fs::read(folder.join("model.onnx"))?;
    let model = UserDefinedEmbeddingModel::new(onnx, tokenizer_files(folder)?)
        .with_pooling(Pooling::Cls)
        .with_quantization(QuantizationMode::Dynamic);
    let options = InitOptionsUserDefined::new().with_environment(runtime.environment());
    Ok(TextEmbedding::try_new_from_user_defined(model, options)?)
}

fn tokenizer_files(folder: &Path) -> Result<TokenizerFiles> {
    let read = |name: &str| fs::read(folder.join(name));
    Ok(TokenizerFiles {
        tokenizer_file: read("tokenizer.json")?,
        config_file: read("config.json")?,
        special_tokens_map_file: read("special_tokens_map.json")?,
        tokenizer_config_file: read("tokenizer_config.json")?,
    })
}
