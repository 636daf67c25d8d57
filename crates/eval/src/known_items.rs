//! Questions made from the documents themselves, for whoever has no judgements: each has one known
//! answer, the passage it was made from. Pure functions.
//!
//! Known-item topics after Azzopardi, de Rijke and Balog, "Building Simulated Queries for Known-Item
//! Topics", SIGIR 2007: words are drawn from the item by how well they tell it from the others. They are
//! easier than what people ask, as people do not know the words of the answer, and for the same
//! reason they favour BM25.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use reread_engine::Passage;

use crate::collection::Collection;
use crate::qrels::{Judgement, Qrels};
use crate::queries::QueryText;
use crate::statistics::shuffle;

/// Words of a question: fewer say too little, more are nearly the passage.
const WORDS: std::ops::RangeInclusive<usize> = 3..=8;

/// A sentence of fewer words is a caption or a command.
const MIN_SENTENCE: usize = 8;

/// Makes up to `n` questions, one a passage: of headings that stand over one passage alone, and of the
/// most telling words of a sentence. The same passages, `n` and `seed` give the same questions.
pub fn known_items(passages: &[Passage], n: usize, seed: u64) -> Collection {
    let rarity = Rarity::of(passages);
    let headings = unique_headings(passages);
    let mut order: Vec<usize> = (0..passages.len()).collect();
    shuffle(&mut order, &mut ChaCha8Rng::seed_from_u64(seed));
    let mut queries = Vec::new();
    let mut judged = BTreeMap::new();
    let mut asked = HashSet::new();
    for at in order {
        if queries.len() == n {
            break;
        }
        let passage = &passages[at];
        // Every other question is of a heading, as far as there are any.
        let heading = headings.get(&at).filter(|_| queries.len() % 2 == 0);
        let Some(text) = heading.cloned().or_else(|| rarity.telling(&passage.text)) else {
            continue;
        };
        if !asked.insert(text.to_lowercase()) {
            continue;
        }
        let id = format!("k{:04}", queries.len() + 1);
        let lines = passage.lines();
        let judgement = Judgement {
            document: format!("{}:{}-{}", passage.path, lines.start(), lines.end()),
            quote: None,
            grade: 1,
            line: queries.len() as u64 + 1,
            is_word: false,
        };
        judged.insert(id.clone(), vec![judgement]);
        queries.push(QueryText { id, text });
    }
    Collection {
        qrels: Qrels {
            path: PathBuf::from("known items"),
            queries: judged,
        },
        queries,
        unjudged: Vec::new(),
    }
}

/// The innermost headings that stand over one passage in all of the documents, by its position.
fn unique_headings(passages: &[Passage]) -> HashMap<usize, String> {
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, passage) in passages.iter().enumerate() {
        if let Some(heading) = passage.heading_path.last() {
            places.entry(heading.to_lowercase()).or_default().push(at);
        }
    }
    places
        .into_values()
        .filter_map(|at| <[usize; 1]>::try_from(at).ok())
        .filter_map(|[at]| Some((at, passages[at].heading_path.last()?.clone())))
        .filter(|(_, heading)| WORDS.contains(&words(heading).count()))
        // The names of a table's columns, which stand where headings do, are no question.
        .filter(|(_, heading)| !heading.contains(" | "))
        .collect()
}

/// How many passages hold a word.
struct Rarity(HashMap<String, u32>);

impl Rarity {
    fn of(passages: &[Passage]) -> Self {
        let mut counts = HashMap::new();
        for passage in passages {
            let distinct: HashSet<String> = words(&passage.text).map(str::to_lowercase).collect();
            for word in distinct {
                *counts.entry(word).or_insert(0) += 1;
            }
        }
        Self(counts)
    }

    fn count(&self, word: &str) -> u32 {
        self.0.get(&word.to_lowercase()).copied().unwrap_or(0)
    }

    /// The rarer half of the words of the sentence whose words are rarest, in their order.
    fn telling(&self, text: &str) -> Option<String> {
        let sentences = text.split_inclusive(['.', '?', '!', '\n']);
        let long = sentences
            .map(|sentence| words(sentence).collect::<Vec<&str>>())
            .filter(|words| words.len() >= MIN_SENTENCE);
        let common = |words: &Vec<&str>| {
            let logs = words.iter().map(|word| f64::from(self.count(word)).ln());
            logs.sum::<f64>() / words.len() as f64
        };
        let sentence = long.min_by(|a, b| common(a).total_cmp(&common(b)))?;
        let mut by_count: Vec<usize> = (0..sentence.len()).collect();
        by_count.sort_by_key(|&at| (self.count(sentence[at]), at));
        by_count.truncate((sentence.len() / 2).clamp(*WORDS.start(), *WORDS.end()));
        by_count.sort_unstable();
        let kept: Vec<&str> = by_count.into_iter().map(|at| sentence[at]).collect();
        Some(kept.join(" "))
    }
}

/// Runs of letters and digits.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}
