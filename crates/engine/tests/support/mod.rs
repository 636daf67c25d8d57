//! Small deterministic stand-ins for the two models, for tests that are not about quality.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reread_engine::{BoxError, CrossEncoder, Embedder, Engine, ModelIdentity};

const DIM: usize = 32;

/// Puts each word of a text into one of 32 buckets. Counts the passages it embeds.
pub(crate) struct WordHash {
    model: ModelIdentity,
    pub(crate) n_embedded: AtomicUsize,
}

impl WordHash {
    pub(crate) fn new(name: &str) -> Self {
        let model = ModelIdentity {
            name: name.to_owned(),
            revision: String::new(),
            digest: name.to_owned(),
        };
        Self {
            model,
            n_embedded: AtomicUsize::new(0),
        }
    }

    fn embed(text: &str) -> Vec<f32> {
        let mut row = vec![0.01; DIM];
        for word in text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
        {
            let mut hasher = DefaultHasher::new();
            word.to_lowercase().hash(&mut hasher);
            row[hasher.finish() as usize % DIM] += 1.0;
        }
        let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        for value in &mut row {
            *value /= norm;
        }
        row
    }
}

impl Embedder for WordHash {
    fn model(&self) -> &ModelIdentity {
        &self.model
    }

    fn dim(&self) -> usize {
        DIM
    }

    fn embed_query(&self, query: &str) -> Result<Vec<f32>, BoxError> {
        Ok(Self::embed(query))
    }

    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
        self.n_embedded.fetch_add(passages.len(), Ordering::Relaxed);
        Ok(passages.iter().flat_map(|text| Self::embed(text)).collect())
    }
}

/// Prefers the passage that holds the longest word of the query most often.
pub(crate) struct LongestWord(ModelIdentity);

impl LongestWord {
    pub(crate) fn new() -> Self {
        Self(ModelIdentity {
            name: "longest word".to_owned(),
            revision: String::new(),
            digest: "longest word".to_owned(),
        })
    }
}

impl CrossEncoder for LongestWord {
    fn model(&self) -> &ModelIdentity {
        &self.0
    }

    fn score(&self, query: &str, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
        let longest = query
            .split_whitespace()
            .max_by_key(|word| word.len())
            .unwrap_or_default();
        Ok(passages
            .iter()
            .map(|text| text.matches(longest).count() as f32)
            .collect())
    }
}

/// An engine over `root` with the stand-ins.
pub(crate) fn engine(root: &Path) -> Engine {
    engine_with(root, Arc::new(WordHash::new("word hash")))
}

pub(crate) fn engine_with(root: &Path, embedder: Arc<WordHash>) -> Engine {
    Engine::builder()
        .root(root)
        .embedder(embedder)
        .cross_encoder(Arc::new(LongestWord::new()))
        .build()
        .expect("an engine")
}
