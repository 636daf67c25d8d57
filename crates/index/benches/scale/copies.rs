//! Copies of real passages: their words changed a little, and their vectors.

use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use reread_index::Snapshot;
use reread_models::{BertEmbedder, BoxError, Embedder, ModelIdentity};
use reread_retrieval::PassageKey;

use crate::Outcome;

/// Length of the random part of a vector whose other part has length 1: a cosine of .93.
const NOISE: f32 = 0.4;

/// Of how many words one is replaced.
const REPLACED: u64 = 5;

/// Marks the first word of a copied paragraph; the numbers after it say of which passage it is, and
/// which copy.
const MARK: &str = "copy";

/// How many passages in a row make one paragraph of a copy, which becomes a passage.
const JOINED: usize = 3;

/// Writes the documents of `snapshot` to `folder`, copy after copy, until there are `n_passages`
/// paragraphs. Returns the number of files.
pub(crate) fn write_documents(
    folder: &Path,
    snapshot: &Snapshot,
    n_passages: usize,
) -> Outcome<usize> {
    let words = words_of_all(snapshot)?;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (mut n_written, mut n_files) = (0, 0);
    for copy in 0.. {
        for (pos, document) in snapshot.documents().enumerate() {
            if n_written >= n_passages {
                return Ok(n_files);
            }
            let passages = snapshot.passages_of(document.key)?;
            let mut text = String::new();
            for start in 0..passages.len() {
                write!(text, "{MARK}{}x{copy}", passages[start].key.0)?;
                let mut joined = String::new();
                for passage in passages.iter().skip(start).take(JOINED) {
                    joined.push_str(&passage.text);
                    joined.push(' ');
                }
                for word in joined.split_whitespace() {
                    let other = rng.next_u64();
                    let replaced = other % REPLACED == 0;
                    text.push(' ');
                    text.push_str(if replaced {
                        &words[(other >> 8) as usize % words.len()]
                    } else {
                        word
                    });
                }
                text.push_str("\n\n");
                n_written += 1;
            }
            let part = folder
                .join(copy.to_string())
                .join((pos / 1_000).to_string());
            if pos % 1_000 == 0 {
                fs::create_dir_all(&part)?;
            }
            fs::write(part.join(format!("{pos}.txt")), text)?;
            n_files += 1;
        }
    }
    Ok(n_files)
}

/// Words as frequent as they are: those of every so-many-th passage.
fn words_of_all(snapshot: &Snapshot) -> Outcome<Vec<String>> {
    let mut words = Vec::new();
    for document in snapshot.documents() {
        if let Some(passage) = snapshot.passages_of(document.key)?.first() {
            words.extend(passage.text.split_whitespace().map(str::to_owned));
        }
    }
    Ok(words)
}

/// Eight words in a row, symbols and numbers left out, of passages all over the index.
pub(crate) fn pieces(snapshot: &Snapshot, n: usize) -> Outcome<Vec<String>> {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut pieces = Vec::new();
    while pieces.len() < n {
        let drawn = drawn(snapshot, rng.next_u64());
        let text = snapshot.passage(drawn)?.text;
        let is_word = |word: &&str| word.chars().all(char::is_alphabetic);
        let words: Vec<&str> = text.split_whitespace().filter(is_word).collect();
        if words.len() >= 40 {
            let at = rng.next_u64() as usize % (words.len() - 8);
            pieces.push(words[at..at + 8].join(" "));
        }
    }
    Ok(pieces)
}

/// Cuts and embeds queries as the model does, and takes the vectors of passages from an index.
pub(crate) struct Copies {
    model: Arc<BertEmbedder>,
    copied: Snapshot,
}

impl Copies {
    pub(crate) fn new(model: Arc<BertEmbedder>, copied: Snapshot) -> Self {
        Self { model, copied }
    }

    /// The vector of the passage that the text was copied from, turned in a direction that depends on
    /// the text. Of a text without a mark (the rest of a long paragraph), that of some passage.
    fn vector(&self, text: &str) -> Outcome<Vec<f32>> {
        let digest = blake3::hash(text.as_bytes());
        let mut rng = ChaCha8Rng::from_seed(*digest.as_bytes());
        let any = drawn(&self.copied, rng.next_u64());
        let vector = self.copied.vector(marked(text).unwrap_or(any))?;
        let noise: Vec<f32> = vector.iter().map(|_| bell(rng.next_u64())).collect();
        let scale = NOISE / norm(&noise);
        let turned = vector
            .iter()
            .zip(&noise)
            .map(|(value, noise)| value + scale * noise);
        let mut turned: Vec<f32> = turned.collect();
        let length = norm(&turned);
        for value in &mut turned {
            *value /= length;
        }
        Ok(turned)
    }
}

/// The passage that a random number stands for, in an index of one run, whose keys count from 1.
fn drawn(snapshot: &Snapshot, random: u64) -> PassageKey {
    PassageKey(1 + random % snapshot.n_passages() as u64)
}

fn marked(text: &str) -> Option<PassageKey> {
    let rest = &text[text.find(MARK)? + MARK.len()..];
    Some(PassageKey(rest.split('x').next()?.parse().ok()?))
}

/// About normal: the sum of eight even draws of a byte.
fn bell(drawn: u64) -> f32 {
    drawn
        .to_le_bytes()
        .iter()
        .map(|byte| f32::from(*byte) - 127.5)
        .sum()
}

fn norm(values: &[f32]) -> f32 {
    values.iter().map(|value| value * value).sum::<f32>().sqrt()
}

impl Embedder for Copies {
    fn model(&self) -> &ModelIdentity {
        self.model.model()
    }

    fn dim(&self) -> usize {
        self.model.dim()
    }

    fn embed_query(&self, query: &str) -> Result<Vec<f32>, BoxError> {
        self.model.embed_query(query)
    }

    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
        let vectors = passages.iter().map(|text| self.vector(text));
        Ok(vectors.collect::<Outcome<Vec<_>>>()?.concat())
    }

    fn token_offsets(&self, text: &str) -> Result<Vec<Range<usize>>, BoxError> {
        self.model.token_offsets(text)
    }
}
