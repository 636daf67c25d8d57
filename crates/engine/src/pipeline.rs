//! One search: retrieve, then rerank, then the best k.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use reread_models::{CancelToken, Embedder};
use reread_rerank::{Calibration, Candidate as ToRead, Outcome, ReadOptions, Reader, Stopped};
use reread_retrieval::fusion::min_max;
use reread_retrieval::{
    Candidate, FirstPass, MAX_DEPTH, Mode, Query, Request, RetrieveOptions, lower_bare_headings,
};

use crate::engine::Engine;
use crate::hits::Judged;
use crate::options::{By, SearchOptions, SecondPass};
use crate::result::{FirstPassReport, SearchResult, SecondPassReport, Timings};
use crate::warning::Warning;
use crate::{Error, Result};

/// When results are documents, this many passages are retrieved for each at first, as several passages
/// may fall on one document; more if they all fall on a few.
pub(crate) const PASSAGES_PER_DOCUMENT: usize = 4;

/// One search under way: what it is asked, when it must stop, and what it has to say so far.
struct Search<'a> {
    query: &'a Query,
    options: &'a SearchOptions,
    started: Instant,
    cancel: CancelToken,
    timings: Timings,
    warnings: Vec<Warning>,
}

impl Engine {
    /// Searches the index: the first pass finds candidates, the second pass reads and reorders
    /// them.
    ///
    /// If the second pass fails, the order of the first pass is returned with a warning.
    ///
    /// # Errors
    /// `Index` when there is no index, it cannot be read, or it was built with another model;
    /// `Models` for the bi-encoder; `FirstPass` where another one than an index fails; `InvalidOption`;
    /// `Cancelled`.
    pub fn search(&self, query: &str, options: &SearchOptions) -> Result<SearchResult> {
        options.check()?;
        let read = Query::parse(query);
        let mut search = Search::begin(&read, options);
        let first_pass = self.first_pass()?;
        let vector = self.query_vector(first_pass.as_ref(), &mut search)?;
        let (candidates, first_pass) =
            self.candidates(first_pass.as_ref(), vector.as_deref(), &mut search)?;
        let n_requested = options.first_pass.depth.min(candidates.len());
        let (outcome, second_pass) = self.second_pass(&candidates[..n_requested], &mut search)?;
        let calibration = calibration(options, &second_pass, &mut search.warnings);
        let judged = Judged::new(
            candidates,
            n_requested,
            outcome.logits,
            calibration,
            options,
        );
        let hits = judged.into_hits(&read, options);
        search.timings.total = search.started.elapsed();
        Ok(SearchResult {
            query: query.to_owned(),
            hits,
            timings: search.timings,
            first_pass,
            second_pass,
            warnings: search.warnings,
        })
    }

    /// Opens what the search needs and embeds the query, where vectors are asked.
    fn query_vector(
        &self,
        first_pass: &dyn FirstPass,
        search: &mut Search<'_>,
    ) -> Result<Option<Vec<f32>>> {
        let embedder = self.install(|| self.open_models(first_pass, search))?;
        search.timings.open = search.started.elapsed();
        search.refuse_cancelled()?;
        let Some(embedder) = embedder else {
            return Ok(None);
        };
        let embedding = Instant::now();
        let vector = self.install(|| embedder.embed_query(search.query.text()));
        search.timings.embed = embedding.elapsed();
        Ok(Some(vector.map_err(reread_index::Error::Embedder)?))
    }

    /// Opens both models side by side as far as they are needed, and returns the bi-encoder if it is one of
    /// them.
    ///
    /// Cancelling the search stops the opening; its deadline does not, as without a vector there is no answer.
    /// That the cross-encoder cannot be opened is reported when the second pass begins. It is not opened
    /// before then where nothing is opened beside it, and with a budget, as there may be no time for it.
    fn open_models(
        &self,
        first_pass: &dyn FirstPass,
        search: &Search<'_>,
    ) -> Result<Option<Arc<dyn Embedder>>> {
        let options = search.options;
        if options.first_pass.mode == Mode::Lexical {
            return Ok(None);
        }
        let embedder = || -> Result<_> {
            let embedder = self.embedder_within(&search.cancel.without_deadline())?;
            if let Some(built_with) = first_pass.model() {
                reread_index::check_model(built_with, embedder.model())?;
            }
            Ok(Some(embedder))
        };
        let has_time = search.cancel.deadline().is_none();
        if options.second_pass == SecondPass::Off || !has_time || first_pass.n_passages() == 0 {
            return embedder();
        }
        let cross_encoder = || self.cross_encoder_within(&search.cancel).map(drop);
        rayon::join(embedder, cross_encoder).0
    }

    /// The first pass: deep enough for the second pass and for the results asked for.
    fn candidates(
        &self,
        first_pass: &dyn FirstPass,
        vector: Option<&[f32]>,
        search: &mut Search<'_>,
    ) -> Result<(Vec<Candidate>, FirstPassReport)> {
        let SearchOptions { by, top_k, .. } = *search.options;
        let mut options = search.options.first_pass.clone();
        options.depth = match by {
            By::Passage => options.depth.max(top_k),
            By::Document => options.depth.max(top_k * PASSAGES_PER_DOCUMENT),
        };
        let deepest = first_pass.n_passages().min(MAX_DEPTH);
        loop {
            let (candidates, report) = self.ask(first_pass, vector, &options, search)?;
            let is_enough = by == By::Passage
                || candidates.len() < options.depth
                || n_documents(&candidates) >= top_k
                || options.depth >= deepest;
            if is_enough {
                return Ok((candidates, report));
            }
            options.depth = (options.depth * 4).min(MAX_DEPTH);
        }
    }

    /// Asks the first pass once. One that computes does so on this engine's threads; one that waits for
    /// another machine waits on the caller's, and keeps no other work waiting.
    fn ask(
        &self,
        first_pass: &dyn FirstPass,
        vector: Option<&[f32]>,
        options: &RetrieveOptions,
        search: &mut Search<'_>,
    ) -> Result<(Vec<Candidate>, FirstPassReport)> {
        let request = Request {
            query: search.query,
            vector,
            options,
            cancel: &search.cancel,
        };
        let retrieved = match first_pass.local() {
            Some(_) => self.install(|| first_pass.retrieve(&request)),
            None => first_pass.retrieve(&request),
        };
        let retrieved = retrieved.map_err(Error::of_first_pass)?;
        search.timings.lexical = retrieved.lexical_time;
        search.timings.dense = retrieved.dense_time;
        search.warnings = retrieved.notes.into_iter().map(Warning::from).collect();
        let candidates = lower_bare_headings(retrieved.found.into_candidates(options));
        let report = FirstPassReport {
            mode: options.mode,
            n_candidates: candidates.len(),
            n_lexical: retrieved.n_lexical,
            n_dense: retrieved.n_dense,
            dense_method: retrieved.dense_method,
            n_passages: first_pass.n_passages(),
        };
        Ok((candidates, report))
    }

    /// The second pass, as far as time and the options allow. A failure becomes a warning.
    fn second_pass(
        &self,
        candidates: &[Candidate],
        search: &mut Search<'_>,
    ) -> Result<(Outcome, SecondPassReport)> {
        let mut report = SecondPassReport::new(candidates.len());
        let SecondPass::Rerank { weight } = search.options.second_pass else {
            report.requested = 0;
            report.stopped = Some(Stopped::Off);
            return Ok((Outcome::default(), report));
        };
        search.refuse_cancelled()?;
        if candidates.is_empty() {
            return Ok((Outcome::default(), report));
        }
        if search.cancel.is_late() {
            report.stopped = Some(Stopped::Budget);
            return Ok((Outcome::default(), report));
        }
        match self.install(|| self.read(candidates, weight, search, &mut report)) {
            Ok(outcome) => {
                report.take(&outcome);
                search.timings.rerank = outcome.time;
                Ok((outcome, report))
            }
            Err(Error::Cancelled(_)) if !search.cancel.is_cancelled() => {
                report.stopped = Some(Stopped::Budget);
                Ok((Outcome::default(), report))
            }
            Err(
                Error::Cancelled(cancelled)
                | Error::Rerank(reread_rerank::Error::Cancelled(cancelled)),
            ) => Err(cancelled.into()),
            Err(error) => {
                report.stopped = Some(Stopped::Failed);
                search
                    .warnings
                    .push(Warning::SecondPassFailed(error.into()));
                Ok((Outcome::default(), report))
            }
        }
    }

    /// Opens the cross-encoder, as far as time allows, and has it read.
    fn read(
        &self,
        candidates: &[Candidate],
        weight: f32,
        search: &mut Search<'_>,
        report: &mut SecondPassReport,
    ) -> Result<Outcome> {
        let opening = Instant::now();
        let cross_encoder = self.cross_encoder_within(&search.cancel);
        search.timings.open += opening.elapsed();
        let cross_encoder = cross_encoder?;
        report.model = Some(cross_encoder.model().clone());
        let texts: Vec<String> = candidates
            .iter()
            .map(|candidate| candidate.passage.contextual_text())
            .collect();
        let to_read = to_read(candidates, &texts, search.options.by);
        let mut reader = Reader::new(cross_encoder.as_ref());
        if let Some(scores) = self.score_cache() {
            reader = reader.with_scores(scores);
        }
        let options = search.read_options(weight);
        Ok(reader.read(search.query.text(), &to_read, &options)?)
    }
}

impl<'a> Search<'a> {
    fn begin(query: &'a Query, options: &'a SearchOptions) -> Self {
        let cancel = match options.budget {
            Some(budget) => options.cancel.with_budget(budget),
            None => options.cancel.clone(),
        };
        Self {
            query,
            options,
            started: Instant::now(),
            cancel,
            timings: Timings::default(),
            warnings: Vec::new(),
        }
    }

    /// A search that is cancelled by hand has no answer; one whose time is up has that of the first pass.
    fn refuse_cancelled(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(reread_models::Cancelled.into());
        }
        Ok(())
    }

    fn read_options(&self, weight: f32) -> ReadOptions {
        let options = self.options;
        let read = ReadOptions::default().with_cancel(self.cancel.clone());
        // Scores depend on what is read, the order does not. Where hits are left out for their scores,
        // later ones take their places, so all must be read.
        if options.min_score.is_some() || options.min_probability.is_some() {
            return read;
        }
        read.with_results(options.top_k, weight, options.stop)
    }
}

/// Candidates as the second pass wants them, with the first pass's scores scaled over all of them.
fn to_read<'a>(candidates: &[Candidate], texts: &'a [String], by: By) -> Vec<ToRead<'a>> {
    let scores: Vec<f32> = candidates.iter().map(|candidate| candidate.score).collect();
    let scaled = min_max(&scores);
    let candidates = candidates.iter().zip(texts).zip(scaled);
    candidates
        .map(|((candidate, text), scaled)| {
            let to_read = ToRead::new(text, scaled);
            match by {
                By::Passage => to_read,
                By::Document => to_read.of_result(candidate.passage.document.0),
            }
        })
        .collect()
}

/// How many documents the candidates come from.
fn n_documents(candidates: &[Candidate]) -> usize {
    let documents = candidates.iter().map(|it| it.passage.document);
    documents.collect::<HashSet<_>>().len()
}

/// The calibration, if it is one of the model that was used.
fn calibration<'a>(
    options: &'a SearchOptions,
    second_pass: &SecondPassReport,
    warnings: &mut Vec<Warning>,
) -> Option<&'a Calibration> {
    let calibration = options.calibration.as_ref()?;
    let model = second_pass
        .model
        .as_ref()
        .filter(|_| second_pass.scored > 0);
    match (model, options.min_probability) {
        (Some(model), _) if calibration.is_of(model) => return Some(calibration),
        (Some(_), min_probability) => warnings.push(Warning::OtherCalibration {
            model: calibration.model().to_owned(),
            min_probability,
        }),
        (None, Some(min_probability)) => warnings.push(Warning::NothingRead { min_probability }),
        (None, None) => {}
    }
    None
}
