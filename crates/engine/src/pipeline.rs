//! One search: retrieve, then rerank, then the best k.

use std::collections::HashSet;
use std::time::Instant;

use reread_index::lexical::{Query, highlight};
use reread_index::{Candidate, MAX_DEPTH, Mode, Passage, Snapshot};
use reread_rerank::rank;

use crate::Result;
use crate::engine::Engine;
use crate::final_order::{blend_passes, final_order};
use crate::options::{By, SearchOptions, SecondPass};
use crate::result::{
    FirstPassReport, Hit, Ranks, Scores, SearchResult, SecondPassReport, Stopped, Timings,
};

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
        let vector = self.query_vector(&query, options, &snapshot, &mut timings, started)?;

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
        let to_read = &texts[..depth.min(texts.len())];
        let deadline = options
            .budget
            .and_then(|budget| started.checked_add(budget));
        let (logits, second_pass) = self.second_pass(
            &query,
            to_read,
            options,
            deadline,
            &mut timings,
            &mut warnings,
        );
        let judged = judge(retrieved.candidates, texts, logits, options);
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

    fn query_vector(
        &self,
        query: &Query,
        options: &SearchOptions,
        snapshot: &Snapshot,
        timings: &mut Timings,
        started: Instant,
    ) -> Result<Option<Vec<f32>>> {
        if options.first_pass.mode == Mode::Lexical {
            timings.open = started.elapsed();
            return Ok(None);
        }
        let embedder = self.embedder()?;
        snapshot.check_model(embedder.model())?;
        timings.open = started.elapsed();
        let embedding = Instant::now();
        let vector = embedder
            .embed_query(query.text())
            .map_err(reread_index::Error::Embedder)?;
        timings.embed = embedding.elapsed();
        Ok(Some(vector))
    }

    /// Scores the passages, the first ones first, as far as `deadline` allows. A failure becomes
    /// a warning and an empty list.
    fn second_pass(
        &self,
        query: &Query,
        passages: &[Passage],
        options: &SearchOptions,
        deadline: Option<Instant>,
        timings: &mut Timings,
        warnings: &mut Vec<String>,
    ) -> (Vec<f32>, SecondPassReport) {
        let mut report = SecondPassReport {
            requested: passages.len(),
            scored: 0,
            stopped: None,
            time_left: None,
            model: None,
        };
        if options.second_pass == SecondPass::Off {
            report.requested = 0;
            report.stopped = Some(Stopped::Off);
            return (Vec::new(), report);
        }
        if passages.is_empty() {
            return (Vec::new(), report);
        }
        let is_late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if is_late() {
            report.stopped = Some(Stopped::Budget);
            return (Vec::new(), report);
        }
        let opening = Instant::now();
        let cross_encoder = match self.cross_encoder() {
            Ok(cross_encoder) => cross_encoder,
            Err(error) => {
                report.stopped = Some(Stopped::Failed);
                warnings.push(failure(&error));
                return (Vec::new(), report);
            }
        };
        timings.open += opening.elapsed();
        report.model = Some(cross_encoder.model().clone());
        let texts: Vec<String> = passages.iter().map(Passage::contextual_text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let scoring = Instant::now();
        let scored = if deadline.is_some() {
            cross_encoder.score_until(query.text(), &texts, &is_late)
        } else {
            let scored = cross_encoder.score(query.text(), &texts);
            scored.map(|logits| logits.into_iter().map(Some).collect())
        };
        timings.rerank = scoring.elapsed();
        match read_first(scored, texts.len()) {
            Ok(logits) => {
                report.scored = logits.len();
                if report.scored < report.requested {
                    report.stopped = Some(Stopped::Budget);
                    let left = report.requested - report.scored;
                    report.time_left = (report.scored > 0)
                        .then(|| timings.rerank.mul_f64(left as f64 / report.scored as f64));
                }
                (logits, report)
            }
            Err(error) => {
                report.stopped = Some(Stopped::Failed);
                warnings.push(failure(&error));
                (Vec::new(), report)
            }
        }
    }
}

/// Returns the logits of the first passages, up to the first that was not scored.
///
/// What one thread has scored beyond a passage that another was cut off in is left out, so that
/// what was read is what the first pass ranked highest.
fn read_first(
    scored: Result<Vec<Option<f32>>, reread_rerank::BoxError>,
    n_passages: usize,
) -> Result<Vec<f32>> {
    let scored = scored.map_err(crate::Error::CrossEncoder)?;
    let n_scored = scored.iter().take_while(|logit| logit.is_some()).count();
    let n_expected = if scored.len() == n_passages {
        n_scored
    } else {
        n_passages
    };
    check_logits(
        Ok(scored.into_iter().map_while(|logit| logit).collect()),
        n_expected,
    )
}

/// Refuses what a model must not return, so that one NaN does not decide an order.
pub(crate) fn check_logits(
    scored: Result<Vec<f32>, reread_rerank::BoxError>,
    n_passages: usize,
) -> Result<Vec<f32>> {
    let logits = scored.map_err(crate::Error::CrossEncoder)?;
    if logits.len() != n_passages {
        let problem = format!(
            "it returned {} scores for {n_passages} passages",
            logits.len()
        );
        return Err(crate::Error::CrossEncoder(problem.into()));
    }
    if let Some(at) = logits.iter().position(|logit| !logit.is_finite()) {
        let problem = format!("its score for passage {} is {}", at + 1, logits[at]);
        return Err(crate::Error::CrossEncoder(problem.into()));
    }
    Ok(logits)
}

/// What a user reads of a second pass that failed, with its causes.
fn failure(error: &crate::Error) -> String {
    let mut causes = vec![error.to_string()];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    format!("the second pass was left out: {}", causes.join(": "))
}

fn judge(
    candidates: Vec<Candidate>,
    texts: Vec<Passage>,
    logits: Vec<f32>,
    options: &SearchOptions,
) -> Judged {
    let first: Vec<f32> = candidates.iter().map(|candidate| candidate.score).collect();
    let scores = match options.second_pass {
        SecondPass::Rerank { weight } if !logits.is_empty() => {
            blend_passes(&first, &logits, weight)
        }
        _ => first,
    };
    let order = if logits.is_empty() {
        (0..candidates.len()).collect()
    } else {
        final_order(&scores, logits.len())
    };
    Judged {
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
            self.scores[pos] >= least
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
