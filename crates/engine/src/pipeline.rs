//! One search: retrieve, then rerank, then the best k.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use reread_index::lexical::{Query, highlight};
use reread_index::{Candidate, Embedder, MAX_DEPTH, Mode, Passage, Snapshot};
use reread_rerank::rank;

use crate::Result;
use crate::calibration::Calibration;
use crate::engine::Engine;
use crate::final_order::{blend_passes, final_order};
use crate::options::{By, SearchOptions, SecondPass};
use crate::result::{FirstPassReport, Hit, Ranks, Scores, SearchResult, SecondPassReport, Timings};
use crate::second_pass::Requested;

/// When results are documents, so many passages are retrieved for each at first, as several passages
/// may fall on one document; more if they all fall on a few.
pub(crate) const PASSAGES_PER_DOCUMENT: usize = 4;

/// How many documents the candidates come from.
fn n_documents(snapshot: &Snapshot, candidates: &[Candidate]) -> Result<usize> {
    let mut documents = HashSet::new();
    for candidate in candidates {
        documents.insert(snapshot.document_of(candidate.passage)?);
    }
    Ok(documents.len())
}

/// Candidates, and what the second pass said of the first of them.
struct Judged {
    candidates: Vec<Candidate>,
    texts: Vec<Passage>,
    logits: Vec<f32>,
    /// Of the logits; none without a calibration.
    probabilities: Vec<f32>,
    scores: Vec<f32>,
    order: Vec<usize>,
}

impl Engine {
    /// Searches the index: the first pass finds candidates, the second pass reads and reorders
    /// them.
    ///
    /// If the second pass fails, the order of the first pass is returned with a warning.
    ///
    /// # Errors
    /// `Index` when there is no index, it cannot be read, or it was built with another model;
    /// `NoModel` and `Model` for the bi-encoder; `InvalidOption`.
    pub fn search(&self, query: &str, options: &SearchOptions) -> Result<SearchResult> {
        self.install(|| self.search_here(query, options))
    }

    fn search_here(&self, text: &str, options: &SearchOptions) -> Result<SearchResult> {
        options.check()?;
        let started = Instant::now();
        let mut timings = Timings::default();
        let query = Query::parse(text);
        let snapshot = self.snapshot()?;
        let embedder = self.open_models(&snapshot, options)?;
        timings.open = started.elapsed();
        let vector = query_vector(embedder.as_deref(), &query, &mut timings)?;

        let mut first_pass = options.first_pass.clone();
        let depth = first_pass.depth;
        first_pass.depth = match options.by {
            By::Passage => depth.max(options.top_k),
            By::Document => depth.max(options.top_k * PASSAGES_PER_DOCUMENT),
        };
        let mut retrieved = snapshot.retrieve(&query, vector.as_deref(), &first_pass)?;
        while options.by == By::Document
            && retrieved.candidates.len() == first_pass.depth
            && n_documents(&snapshot, &retrieved.candidates)? < options.top_k
            && first_pass.depth < snapshot.n_passages().min(MAX_DEPTH)
        {
            first_pass.depth = (first_pass.depth * 4).min(MAX_DEPTH);
            retrieved = snapshot.retrieve(&query, vector.as_deref(), &first_pass)?;
        }
        timings.lexical = retrieved.lexical_time;
        timings.dense = retrieved.dense_time;
        let mut warnings = retrieved.warnings;
        if snapshot.is_unfinished() {
            let more = "a part of the folder is not indexed yet; `reread index` does what is left";
            warnings.push(more.to_owned());
        }
        let report = FirstPassReport {
            mode: first_pass.mode,
            n_candidates: retrieved.candidates.len(),
            n_lexical: retrieved.n_lexical,
            n_dense: retrieved.n_dense,
            dense_method: retrieved.dense_method,
            n_passages: snapshot.n_passages(),
        };

        let texts: Result<Vec<Passage>> = retrieved
            .candidates
            .iter()
            .map(|candidate| Ok(snapshot.passage(candidate.passage)?))
            .collect();
        let texts = texts?;
        let scores: Vec<f32> = retrieved.candidates.iter().map(|c| c.score).collect();
        let n_requested = depth.min(texts.len());
        let requested = Requested {
            query: query.text(),
            passages: &texts[..n_requested],
            first_pass: &scores[..n_requested],
            deadline: options
                .budget
                .and_then(|budget| started.checked_add(budget)),
        };
        let (logits, second_pass) =
            self.second_pass(&requested, options, &mut timings, &mut warnings);
        let calibration = calibration(options, &second_pass, &mut warnings);
        let judged = judge(
            retrieved.candidates,
            texts,
            n_requested,
            logits,
            calibration,
            options,
        );
        let hits = judged.into_hits(&query, options);
        timings.total = started.elapsed();
        Ok(SearchResult {
            query: text.to_owned(),
            hits,
            timings,
            first_pass: report,
            second_pass,
            warnings,
        })
    }

    /// Opens what the search needs, both models side by side, and returns the bi-encoder if it is one of
    /// them.
    ///
    /// That the cross-encoder cannot be opened is reported when the second pass begins. It is not opened
    /// before then where nothing is opened beside it, and with a budget, as there may be no time for it.
    fn open_models(
        &self,
        snapshot: &Snapshot,
        options: &SearchOptions,
    ) -> Result<Option<Arc<dyn Embedder>>> {
        let embedder = || -> Result<_> {
            if options.first_pass.mode == Mode::Lexical {
                return Ok(None);
            }
            let embedder = self.embedder()?;
            snapshot.check_model(embedder.model())?;
            Ok(Some(embedder))
        };
        if options.first_pass.mode == Mode::Lexical
            || options.second_pass == SecondPass::Off
            || options.budget.is_some()
            || snapshot.n_passages() == 0
        {
            return embedder();
        }
        rayon::join(embedder, || self.cross_encoder().map(drop)).0
    }
}

/// The query as a vector, if there is a bi-encoder.
fn query_vector(
    embedder: Option<&dyn Embedder>,
    query: &Query,
    timings: &mut Timings,
) -> Result<Option<Vec<f32>>> {
    let Some(embedder) = embedder else {
        return Ok(None);
    };
    let embedding = Instant::now();
    let vector = embedder
        .embed_query(query.text())
        .map_err(reread_index::Error::Embedder)?;
    timings.embed = embedding.elapsed();
    Ok(Some(vector))
}

/// The calibration, if it is one of the model that was used.
fn calibration<'a>(
    options: &'a SearchOptions,
    second_pass: &SecondPassReport,
    warnings: &mut Vec<String>,
) -> Option<&'a Calibration> {
    let calibration = options.calibration.as_ref()?;
    let model = second_pass
        .model
        .as_ref()
        .filter(|_| second_pass.scored > 0);
    let problem = match model {
        Some(model) if calibration.is_of(model) => return Some(calibration),
        Some(_) => format!(
            "the calibration is of another cross-encoder ({}), so there are no probabilities; run `reread tune` again",
            calibration.model()
        ),
        None => "there are no probabilities, as the second pass has read nothing".to_owned(),
    };
    if options.min_probability.is_some() {
        warnings.push(format!(
            "{problem}; no result was left out for its probability"
        ));
    } else if model.is_some() {
        warnings.push(problem);
    }
    None
}

fn judge(
    candidates: Vec<Candidate>,
    texts: Vec<Passage>,
    n_requested: usize,
    logits: Vec<f32>,
    calibration: Option<&Calibration>,
    options: &SearchOptions,
) -> Judged {
    let first: Vec<f32> = candidates.iter().map(|candidate| candidate.score).collect();
    let scores = match options.second_pass {
        SecondPass::Rerank { weight } if !logits.is_empty() => {
            let mut scores = blend_passes(&first[..n_requested], &logits, weight);
            scores.resize(first.len(), 0.0);
            scores
        }
        _ => first,
    };
    let order = if logits.is_empty() {
        (0..candidates.len()).collect()
    } else {
        final_order(&scores, logits.len())
    };
    let probability = |&logit: &f32| calibration.map(|it| it.probability(logit));
    Judged {
        probabilities: logits.iter().map_while(probability).collect(),
        candidates,
        texts,
        logits,
        scores,
        order,
    }
}

impl Judged {
    fn into_hits(self, query: &Query, options: &SearchOptions) -> Vec<Hit> {
        let mut reader_ranks = vec![None; self.candidates.len()];
        for (pos, reader_rank) in rank(&self.logits).into_iter().zip(1u32..) {
            reader_ranks[pos] = Some(reader_rank);
        }
        let places = match options.by {
            By::Passage => None,
            By::Document => Some(self.document_ranks()),
        };
        let mut seen = HashSet::new();
        let is_enough = |pos: usize| {
            let least = options.min_score.unwrap_or(f32::NEG_INFINITY);
            self.scores[pos] >= least && self.is_likely(pos, options)
        };
        let chosen = self
            .order
            .iter()
            .filter(|&&pos| is_enough(pos))
            .filter(|&&pos| places.is_none() || seen.insert(self.texts[pos].document));
        chosen
            .take(options.top_k)
            .zip(1u32..)
            .map(|(&pos, final_rank)| {
                let candidate = &self.candidates[pos];
                // Documents move among documents, passages among passages.
                let before = places.as_ref().map_or(candidate.rank, |places| places[pos]);
                Hit {
                    rank: final_rank,
                    score: self.scores[pos],
                    moved: before as i32 - final_rank as i32,
                    passage: self.texts[pos].clone(),
                    scores: Scores {
                        bm25: candidate.bm25.map(|placed| placed.score),
                        vector: candidate.vector.map(|placed| placed.score),
                        first_pass: candidate.score,
                        cross_encoder: self.logits.get(pos).copied(),
                        probability: self.probabilities.get(pos).copied(),
                        final_score: self.scores[pos],
                    },
                    ranks: Ranks {
                        bm25: candidate.bm25.map(|placed| placed.rank),
                        vector: candidate.vector.map(|placed| placed.rank),
                        first_pass: candidate.rank,
                        cross_encoder: reader_ranks[pos],
                        final_rank,
                    },
                    highlights: highlight(query, &self.texts[pos].text),
                }
            })
            .collect()
    }

    /// Whether it passes the least probability, where there is one and there are probabilities.
    fn is_likely(&self, pos: usize, options: &SearchOptions) -> bool {
        match options.min_probability {
            Some(least) if !self.probabilities.is_empty() => {
                let probability = self.probabilities.get(pos);
                probability.is_some_and(|probability| *probability >= least)
            }
            _ => true,
        }
    }

    /// For each candidate the rank of its document in the first pass.
    fn document_ranks(&self) -> Vec<u32> {
        let mut ranks = std::collections::HashMap::new();
        self.texts
            .iter()
            .map(|passage| {
                let next = ranks.len() as u32 + 1;
                *ranks.entry(passage.document).or_insert(next)
            })
            .collect()
    }
}
