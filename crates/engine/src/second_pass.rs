//! The second pass of one search: what the cross-encoder reads, and when it stops.

use std::time::{Duration, Instant};

use reread_index::Passage;
use reread_rerank::{BoxError, CrossEncoder};

use crate::Result;
use crate::early_stop::EarlyStop;
use crate::engine::Engine;
use crate::options::{SearchOptions, SecondPass, Stop};
use crate::result::{SecondPassReport, Stopped, Timings};
use crate::score_cache::{Known, ScoreCache};

/// So many pairs are read between two looks at whether the answer can still change.
const STEP: usize = 4;

/// What the second pass is to read.
pub(crate) struct Requested<'a> {
    pub(crate) query: &'a str,
    /// In the order of the first pass, in which they are read: of what is left, the first one is
    /// the most likely to be relevant.
    pub(crate) passages: &'a [Passage],
    /// Their scores.
    pub(crate) first_pass: &'a [f32],
    pub(crate) deadline: Option<Instant>,
}

/// Logits of the first passages, up to the first that was not scored.
#[derive(Default)]
struct Read {
    logits: Vec<f32>,
    /// How many of them were known.
    n_known: usize,
    /// What scoring them took, now or when they became known.
    time: Duration,
}

impl Engine {
    /// Scores passages from the first on, as far as the deadline and the options allow. A failure
    /// becomes a warning and an empty list.
    pub(crate) fn second_pass(
        &self,
        requested: &Requested<'_>,
        options: &SearchOptions,
        timings: &mut Timings,
        warnings: &mut Vec<String>,
    ) -> (Vec<f32>, SecondPassReport) {
        let mut report = SecondPassReport {
            requested: requested.passages.len(),
            scored: 0,
            n_known: 0,
            stopped: None,
            time_left: None,
            model: None,
        };
        if options.second_pass == SecondPass::Off {
            report.requested = 0;
            report.stopped = Some(Stopped::Off);
            return (Vec::new(), report);
        }
        if requested.passages.is_empty() {
            return (Vec::new(), report);
        }
        if requested.is_late() {
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
        let reader = Reader {
            requested,
            cross_encoder: cross_encoder.as_ref(),
            scores: self.score_cache(),
        };
        match reader.read(options, &mut report) {
            Ok(read) => {
                report.scored = read.logits.len();
                report.n_known = read.n_known;
                if report.stopped == Some(Stopped::Budget) {
                    let left = report.requested - report.scored;
                    report.time_left = (report.scored > 0)
                        .then(|| read.time.mul_f64(left as f64 / report.scored as f64));
                }
                timings.rerank = read.time;
                (read.logits, report)
            }
            Err(error) => {
                report.stopped = Some(Stopped::Failed);
                warnings.push(failure(&error));
                (Vec::new(), report)
            }
        }
    }
}

impl Requested<'_> {
    fn is_late(&self) -> bool {
        self.deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// Who reads, and what is known already.
struct Reader<'a> {
    requested: &'a Requested<'a>,
    cross_encoder: &'a dyn CrossEncoder,
    scores: Option<&'a ScoreCache>,
}

impl Reader<'_> {
    /// Reads passages until all are read, time is up or the answer is settled.
    fn read(&self, options: &SearchOptions, report: &mut SecondPassReport) -> Result<Read> {
        let passages = self.requested.passages.iter();
        let texts: Vec<String> = passages.map(Passage::contextual_text).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let greatest = self.cross_encoder.greatest_logit();
        let early_stop = EarlyStop::new(self.requested, options, greatest);
        let step = early_stop.as_ref().map_or(texts.len(), |_| STEP);
        let mut read = Read::default();
        for texts in texts.chunks(step) {
            if let Some(early_stop) = &early_stop
                && early_stop.is_settled(&read.logits)
            {
                report.stopped = Some(match options.stop {
                    Stop::Confident => Stopped::Confident,
                    _ => Stopped::Certain,
                });
                break;
            }
            let n_before = read.logits.len();
            self.read_some(texts, &mut read)?;
            if read.logits.len() < n_before + texts.len() {
                report.stopped = Some(Stopped::Budget);
                break;
            }
        }
        Ok(read)
    }

    /// Takes the scores that are known, and scores the others.
    fn read_some(&self, texts: &[&str], read: &mut Read) -> Result<()> {
        let fingerprint = self.scores.and_then(|_| self.cross_encoder.fingerprint());
        let kept = self.scores.zip(fingerprint.as_deref());
        let mut logits: Vec<Option<f32>> = vec![None; texts.len()];
        if let Some((scores, fingerprint)) = kept {
            let known = scores.look_up(fingerprint, self.requested.query, texts);
            for (logit, Known { logit: found, time }) in logits
                .iter_mut()
                .zip(known)
                .filter_map(|(logit, known)| Some((logit, known?)))
            {
                *logit = Some(found);
                read.n_known += 1;
                read.time += time;
            }
        }
        let missing: Vec<usize> = (0..texts.len())
            .filter(|&at| logits[at].is_none())
            .collect();
        if !missing.is_empty() {
            let unknown: Vec<&str> = missing.iter().map(|&at| texts[at]).collect();
            let started = Instant::now();
            let scored = self.score(&unknown)?;
            let time = started.elapsed();
            read.time += time;
            if let Some((scores, fingerprint)) = kept {
                let scored: Vec<(&str, f32)> = unknown
                    .iter()
                    .zip(&scored)
                    .filter_map(|(text, logit)| Some((*text, (*logit)?)))
                    .collect();
                scores.keep(fingerprint, self.requested.query, &scored, time);
            }
            for (at, logit) in missing.into_iter().zip(scored) {
                logits[at] = logit;
            }
        }
        // What one thread has scored beyond a passage that another was cut off in is left out, so
        // that what was read is what the first pass ranked highest.
        read.logits
            .extend(logits.into_iter().map_while(|logit| logit));
        Ok(())
    }

    /// Scores passages, each unless time was up before.
    fn score(&self, texts: &[&str]) -> Result<Vec<Option<f32>>> {
        let query = self.requested.query;
        if self.requested.deadline.is_none() {
            let logits = check_logits(self.cross_encoder.score(query, texts), texts.len())?;
            return Ok(logits.into_iter().map(Some).collect());
        }
        let stop = || self.requested.is_late();
        let logits = self.cross_encoder.score_until(query, texts, &stop);
        let logits = logits.map_err(crate::Error::CrossEncoder)?;
        let scored: Vec<f32> = logits.iter().copied().flatten().collect();
        // As many as were asked for, whether or not they were scored.
        let n_expected = texts.len().saturating_sub(logits.len() - scored.len());
        check_logits(Ok(scored), n_expected)?;
        Ok(logits)
    }
}

/// Refuses what a model must not return, so that one NaN does not decide an order.
pub(crate) fn check_logits(
    scored: Result<Vec<f32>, BoxError>,
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
