//! One search: retrieve, then rerank, then the best k.

use std::sync::Arc;
use std::time::Instant;

use reread_models::{CancelToken, Embedder, QueryLength, Scale};
use reread_rerank::{
    Calibration, Candidate as ToRead, FinalOrder, Outcome, ReadOptions, Reader, Stopped,
};
use reread_retrieval::{
    Candidate, FirstPass, Fusion, Mode, Query, Request, RetrieveOptions, is_bare_heading,
    lower_bare_headings,
};

use crate::distinct::Wanted;
use crate::engine::Engine;
use crate::fold::Folded;
use crate::hits::Judged;
use crate::options::{By, SearchOptions, SecondPass};
use crate::result::{FirstPassReport, SearchResult, SecondPassReport, Timings};
use crate::warning::{Reads, Warning};
use crate::{Error, Result};

/// One search under way: what it is asked, when it must stop, and what it has to say so far.
struct Search<'a> {
    query: &'a Query,
    options: &'a SearchOptions,
    started: Instant,
    cancel: CancelToken,
    timings: Timings,
    /// How long the query is, where the bi-encoder was asked and tells.
    query_length: Option<QueryLength>,
    warnings: Vec<Warning>,
    /// What the bi-encoder's cosines mean, once it is open.
    cosines: Option<Scale>,
    /// How both passes become one order, once the cross-encoder is open.
    both: Option<FinalOrder>,
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
        self.search_wanting(query, options, &Wanted::new(options))
    }

    /// Searches as [`search`](Self::search) does, with what is wanted of the first pass given apart: who
    /// looks at more of an answer than is shown must not change it.
    ///
    /// # Errors
    /// As for [`search`](Self::search).
    pub(crate) fn search_wanting(
        &self,
        query: &str,
        options: &SearchOptions,
        wanted: &Wanted<'_>,
    ) -> Result<SearchResult> {
        options.check()?;
        let read = Query::parse(query);
        let mut search = Search::begin(&read, options);
        let first_pass = self.first_pass()?;
        let vector = self.query_vector(first_pass.as_ref(), &mut search)?;
        let (found, mut first_pass) =
            self.candidates(first_pass.as_ref(), vector.as_deref(), wanted, &mut search)?;
        first_pass.query_length = search.query_length;
        let Folded {
            candidates,
            mut others,
        } = found;
        let n_requested = options.first_pass.depth.min(candidates.len());
        let (outcome, second_pass) = self.second_pass(&candidates[..n_requested], &mut search)?;
        let calibration = calibration(options, &second_pass, &mut search.warnings);
        let judged = Judged::new(candidates, outcome.logits, search.both, calibration);
        // Ranks say nothing of how good the best one is.
        let is_absolute = !matches!(options.first_pass.fusion, Fusion::Rrf { .. });
        let seems_answered = judged.seems_answered().filter(|_| is_absolute);
        let mut hits = judged.into_hits(&read, options);
        for hit in &mut hits {
            hit.also_at = others.remove(&hit.passage.key).unwrap_or_default();
        }
        search.timings.total = search.started.elapsed();
        Ok(SearchResult {
            query: query.to_owned(),
            hits,
            timings: search.timings,
            seems_answered,
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
        search.cosines = Some(self.install(|| self.cosine_scale(embedder.as_ref()))?);
        let embedding = Instant::now();
        let length = embedder.measure_query(search.query.text());
        search.query_length = length.map_err(reread_index::Error::Embedder)?;
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
        wanted: &Wanted<'_>,
        search: &mut Search<'_>,
    ) -> Result<(Folded, FirstPassReport)> {
        let mut options = search.options.first_pass.clone();
        if let Some(cosines) = search.cosines {
            options.cosines = cosines;
        }
        let (found, mut report) = wanted.retrieve(first_pass.n_passages(), |depth| {
            options.depth = depth;
            self.ask(first_pass, vector, &options, search)
        })?;
        report.n_candidates = found.candidates.len();
        report.n_folded = found.n_folded();
        search
            .warnings
            .extend(Warning::of_length(Reads::BiEncoder, search.query_length));
        Ok((found, report))
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
            n_folded: 0,
            query_length: None,
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
        let both = FinalOrder::new(weight, self.logit_scale(cross_encoder.as_ref())?);
        search.both = Some(both);
        report.model = Some(cross_encoder.model().clone());
        let length = cross_encoder.measure_query(search.query.text());
        report.query_length = length.map_err(reread_rerank::Error::CrossEncoder)?;
        search
            .warnings
            .extend(Warning::of_length(Reads::CrossEncoder, report.query_length));
        let texts: Vec<String> = candidates
            .iter()
            .map(|candidate| candidate.passage.contextual_text())
            .collect();
        let to_read = to_read(candidates, &texts, search.options.by);
        let mut reader = Reader::new(cross_encoder.as_ref());
        if let Some(scores) = self.score_cache() {
            reader = reader.with_scores(scores);
        }
        let options = search.read_options(both);
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
            query_length: None,
            warnings: Vec::new(),
            cosines: None,
            both: None,
        }
    }

    /// A search that is cancelled by hand has no answer; one whose time is up has that of the first pass.
    fn refuse_cancelled(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(reread_models::Cancelled.into());
        }
        Ok(())
    }

    fn read_options(&self, both: FinalOrder) -> ReadOptions {
        let options = self.options;
        let read = ReadOptions::default().with_cancel(self.cancel.clone());
        // Where hits are left out for those of their document, later ones take their places, so all must be
        // read.
        if options.per_document.is_some() {
            return read;
        }
        read.with_results(options.top_k, both, options.stop)
    }
}

/// Candidates as the second pass wants them.
fn to_read<'a>(candidates: &[Candidate], texts: &'a [String], by: By) -> Vec<ToRead<'a>> {
    let candidates = candidates.iter().zip(texts);
    candidates
        .map(|(candidate, text)| {
            let to_read =
                ToRead::new(text, candidate.score).as_heading(is_bare_heading(&candidate.passage));
            match by {
                By::Passage => to_read,
                By::Document => to_read.of_result(candidate.passage.document.0),
            }
        })
        .collect()
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
    match (model, options.min_score) {
        (Some(model), _) if calibration.is_of(model) => return Some(calibration),
        (Some(_), min_score) => warnings.push(Warning::OtherCalibration {
            model: calibration.model().to_owned(),
            min_score,
        }),
        (None, Some(min_score)) => warnings.push(Warning::NothingRead { min_score }),
        (None, None) => {}
    }
    None
}
