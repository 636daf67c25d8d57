//! What the cross-encoder reads of the candidates, and when it stops.

use std::fmt;
use std::time::{Duration, Instant};

use reread_models::{BoxError, CancelToken, CrossEncoder};

use crate::candidate::Candidate;
use crate::early_stop::EarlyStop;
use crate::options::{ReadOptions, Stopped};
use crate::score_cache::ScoreCache;
use crate::{Error, Result};

/// This many candidates are read between two looks at whether the answer can still change.
const STEP: usize = 4;

/// Has a cross-encoder read candidates, and remembers what it said where it is given a cache.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    cross_encoder: &'a dyn CrossEncoder,
    scores: Option<&'a ScoreCache>,
}

impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("model", &self.cross_encoder.model())
            .field("scores", &self.scores)
            .finish_non_exhaustive()
    }
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Outcome {
    /// Logits of the first candidates, up to the first that was not read; higher is more relevant.
    pub logits: Vec<f32>,
    /// How many of them were known from before.
    pub n_known: usize,
    /// Why no more was read, if not all was.
    pub stopped: Option<Stopped>,
    /// What reading took, now or when a logit became known.
    pub time: Duration,
    /// About how much longer the rest would have taken, where time ran out and something was read.
    pub time_left: Option<Duration>,
}

impl<'a> Reader<'a> {
    /// A reader that remembers nothing.
    pub fn new(cross_encoder: &'a dyn CrossEncoder) -> Self {
        Self {
            cross_encoder,
            scores: None,
        }
    }

    /// Takes logits that are known from `scores`, and keeps new ones there, where the model has a
    /// [fingerprint](CrossEncoder::fingerprint).
    #[must_use]
    pub fn with_scores(mut self, scores: &'a ScoreCache) -> Self {
        self.scores = Some(scores);
        self
    }

    /// Reads candidates from the first on, until all are read, time is up or the results are settled. They
    /// come in the order of the first pass: of what is left, the first is the most likely to be relevant.
    ///
    /// # Errors
    /// `CrossEncoder` where the model fails, `Cancelled` where reading is cancelled by hand; time that is up
    /// is no error.
    pub fn read(
        &self,
        query: &str,
        candidates: &[Candidate<'_>],
        options: &ReadOptions,
    ) -> Result<Outcome> {
        let early_stop = EarlyStop::new(candidates, options, self.cross_encoder.greatest_logit());
        let step = early_stop.as_ref().map_or(candidates.len(), |_| STEP);
        let mut outcome = Outcome::default();
        for step in candidates.chunks(step.max(1)) {
            let is_settled = |early: &EarlyStop| early.is_settled(&outcome.logits);
            if early_stop.as_ref().is_some_and(is_settled) {
                outcome.stopped = Some(options.stop.reason());
                break;
            }
            let n_before = outcome.logits.len();
            self.read_step(query, step, &options.cancel, &mut outcome)?;
            if outcome.logits.len() < n_before + step.len() {
                outcome.stopped = Some(Stopped::Budget);
                outcome.estimate_rest(candidates.len());
                break;
            }
        }
        Ok(outcome)
    }

    /// Takes the logits that are known, and has the model give the others.
    fn read_step(
        &self,
        query: &str,
        step: &[Candidate<'_>],
        cancel: &CancelToken,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let texts: Vec<&str> = step.iter().map(|candidate| candidate.text).collect();
        let fingerprint = self.scores.and_then(|_| self.cross_encoder.fingerprint());
        let cache = self.scores.zip(fingerprint.as_deref());
        let known = match cache {
            Some((scores, fingerprint)) => scores.look_up(fingerprint, query, &texts),
            None => vec![None; texts.len()],
        };
        let mut logits: Vec<Option<f32>> = known.iter().map(|it| it.map(|it| it.logit)).collect();
        outcome.n_known += known.iter().flatten().count();
        outcome.time += known.iter().flatten().map(|it| it.time).sum();

        let missing: Vec<usize> = (0..texts.len()).filter(|&at| known[at].is_none()).collect();
        if !missing.is_empty() {
            let unknown: Vec<&str> = missing.iter().map(|&at| texts[at]).collect();
            let started = Instant::now();
            let scored = self.score(query, &unknown, cancel)?;
            let time = started.elapsed();
            outcome.time += time;
            if let Some((scores, fingerprint)) = cache {
                let new = unknown.into_iter().zip(&scored);
                let new: Vec<(&str, f32)> = new
                    .filter_map(|(text, logit)| Some((text, (*logit)?)))
                    .collect();
                scores.keep(fingerprint, query, &new, time);
            }
            for (at, logit) in missing.into_iter().zip(scored) {
                logits[at] = logit;
            }
        }
        // What one thread has scored beyond a passage that another was cut off in is left out, so
        // that what was read is what the first pass ranked highest.
        let read = logits.into_iter().map_while(|logit| logit);
        outcome.logits.extend(read);
        Ok(())
    }

    /// Scores texts, each unless time was up before.
    fn score(&self, query: &str, texts: &[&str], cancel: &CancelToken) -> Result<Vec<Option<f32>>> {
        let scored = self.cross_encoder.score_within(query, texts, cancel);
        if cancel.is_cancelled() {
            return Err(Error::Cancelled(reread_models::Cancelled));
        }
        let logits = scored.map_err(Error::CrossEncoder)?;
        let given: Vec<f32> = logits.iter().copied().flatten().collect();
        // As many as were asked for, whether or not they were scored.
        let n_expected = texts.len().saturating_sub(logits.len() - given.len());
        check_logits(Ok(given), n_expected)?;
        Ok(logits)
    }
}

impl Outcome {
    /// Estimates what the rest of all candidates would have taken.
    fn estimate_rest(&mut self, n_candidates: usize) {
        let n_read = self.logits.len();
        let share = (n_candidates - n_read) as f64 / n_read as f64;
        self.time_left = (n_read > 0).then(|| self.time.mul_f64(share));
    }
}

/// Refuses what a model must not return, so that one NaN does not decide an order.
///
/// # Errors
/// `CrossEncoder` where the model failed, returned another number of logits, or one that is not finite.
pub fn check_logits(scored: Result<Vec<f32>, BoxError>, n_passages: usize) -> Result<Vec<f32>> {
    let logits = scored.map_err(Error::CrossEncoder)?;
    if logits.len() != n_passages {
        let problem = format!(
            "it returned {} scores for {n_passages} passages",
            logits.len()
        );
        return Err(Error::CrossEncoder(problem.into()));
    }
    if let Some(at) = logits.iter().position(|logit| !logit.is_finite()) {
        let problem = format!("its score for passage {} is {}", at + 1, logits[at]);
        return Err(Error::CrossEncoder(problem.into()));
    }
    Ok(logits)
}
