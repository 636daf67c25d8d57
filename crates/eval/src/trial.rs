//! Runs every system over the questions: each arm, the hybrid, and the second pass by depth.

use std::fmt;
use std::time::Duration;

use reread_engine::{
    Engine, FinalOrder, Fold, Hit, Mode, Passage, RetrieveOptions, Scale, SearchOptions,
    SecondPass, Stop, Warning, final_order, is_bare_heading,
};

use crate::queries::QueryText;
use crate::run::Run;
use crate::targets::Targets;
use crate::trace::{Trace, trace_reading, trace_refusals};
use crate::{Error, Result};

/// How many candidates are looked at, at least: as many as each arm hands to the fusion in a search,
/// so that the hybrid is the one that users get.
pub const POOL: usize = reread_engine::LIST_LEN;

/// A way to answer a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum System {
    /// Words alone.
    Lexical,
    /// Embeddings alone.
    Dense,
    /// Both, fused: the first pass.
    Hybrid,
    /// Both passes, the second one reading this many candidates.
    Depth(usize),
    /// Both passes, with a weight of the cross-encoder in percent, whatever the options say.
    Weighted {
        /// How many candidates the second pass reads.
        depth: usize,
        /// The cross-encoder's weight in percent.
        percent: u8,
    },
}

/// What is tried.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TrialOptions {
    /// The first pass; its depth and mode are those of the systems.
    pub first_pass: RetrieveOptions,
    /// The second pass.
    pub second_pass: SecondPass,
    /// The depths of the second pass; ignored where it is off.
    pub depths: Vec<usize>,
    /// Weights of the cross-encoder in percent, to try at each depth; none tries that of the
    /// second pass alone.
    pub percents: Vec<u8>,
}

/// One question's answers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Trial {
    /// The question.
    pub query: QueryText,
    /// What each system ranks, in the order of [`TrialOptions::systems`].
    pub rankings: Vec<Ranking>,
    /// What the cross-encoder said of the candidates, each name once, the highest logit first.
    pub scored: Vec<Scored>,
    /// Where each judged place was lost or found.
    pub traces: Vec<Trace>,
    /// Where the time went.
    pub stages: Stages,
    /// How many pairs the cross-encoder has read, once for all depths.
    pub n_pairs: usize,
    /// How many of these were known from before.
    pub n_known: usize,
}

/// Names in order, with the scores they are ordered by.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Ranking {
    /// Best first, each name once.
    pub names: Vec<(String, f32)>,
    /// How many of the names come from candidates that the second pass reads at this system's
    /// depth, and so may be reordered.
    pub n_reordered: usize,
}

/// What the cross-encoder said of a candidate.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Scored {
    /// What judgements call it.
    pub name: String,
    /// Its logit.
    pub logit: f32,
    /// Its score in the first pass.
    pub first_pass: f32,
    /// Its position among the candidates of the first pass, from 0.
    pub position: usize,
}

/// Where the time of a question went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stages {
    /// Embedding the question.
    pub embed: Duration,
    /// BM25.
    pub lexical: Duration,
    /// Searching the vectors.
    pub dense: Duration,
    /// The cross-encoder at the deepest depth.
    pub rerank: Duration,
}

impl TrialOptions {
    /// A trial of two passes at some depths.
    pub fn new(first_pass: RetrieveOptions, second_pass: SecondPass, depths: &[usize]) -> Self {
        let mut depths = depths.to_vec();
        depths.sort_unstable();
        depths.dedup();
        Self {
            first_pass,
            second_pass,
            depths,
            percents: Vec::new(),
        }
    }

    /// Tries each of these weights of the cross-encoder, in percent, at each depth.
    #[must_use]
    pub fn with_percents(mut self, percents: &[u8]) -> Self {
        self.percents = percents.to_vec();
        self
    }

    /// The systems that are tried, in the order of the results.
    pub fn systems(&self) -> Vec<System> {
        let mut systems = vec![System::Lexical, System::Dense, System::Hybrid];
        if self.second_pass == SecondPass::Off {
            return systems;
        }
        for &depth in &self.depths {
            if self.percents.is_empty() {
                systems.push(System::Depth(depth));
            }
            let weighted = |&percent| System::Weighted { depth, percent };
            systems.extend(self.percents.iter().map(weighted));
        }
        systems
    }

    fn deepest(&self) -> usize {
        self.depths.last().copied().unwrap_or(1)
    }

    fn search(&self, mode: Mode, second_pass: SecondPass) -> SearchOptions {
        let mut first_pass = self.first_pass.clone();
        first_pass.mode = mode;
        first_pass.depth = if second_pass == SecondPass::Off {
            POOL
        } else {
            self.deepest()
        };
        SearchOptions::default()
            .with_top_k(POOL.max(self.deepest()))
            .with_first_pass(first_pass)
            .with_second_pass(second_pass)
            .with_stop(Stop::Never)
            // Judgements name passages and documents, each of which counts, whatever its text.
            .with_fold(Fold::Never)
    }
}

/// Answers one question with every system. The cross-encoder reads each candidate once, at the
/// deepest depth; what the other depths would have answered follows from its logits.
///
/// # Errors
/// As for [`Engine::search`], and `SecondPass` where the cross-encoder fails: figures
/// without it would be those of the first pass.
pub fn try_systems(
    engine: &Engine,
    query: &QueryText,
    targets: &Targets,
    options: &TrialOptions,
) -> Result<Trial> {
    let first_pass = |mode| engine.search(&query.text, &options.search(mode, SecondPass::Off));
    let lexical = first_pass(Mode::Lexical)?.hits;
    let dense = first_pass(Mode::Dense)?.hits;
    let both = engine.search(
        &query.text,
        &options.search(Mode::Hybrid, options.second_pass),
    )?;
    if let Some(failure) = both.warnings.iter().find_map(Warning::failure) {
        return Err(Error::SecondPass {
            query: query.id.clone(),
            source: failure.clone(),
        });
    }
    let stages = Stages {
        embed: both.timings.embed,
        lexical: both.timings.lexical,
        dense: both.timings.dense,
        rerank: both.timings.rerank,
    };
    let (n_pairs, n_known) = (both.second_pass.scored, both.second_pass.n_known);
    let mut candidates = both.hits;
    candidates.sort_by_key(|hit| hit.ranks.first_pass);
    let scale = match both.second_pass.scored {
        0 => Scale::AS_IS,
        _ => engine.logit_scale(engine.cross_encoder()?.as_ref())?,
    };
    let lists = Lists {
        lexical,
        dense,
        candidates,
        scale,
    };
    let (rankings, mut traces) = lists.rank(query, targets, options);
    trace_reading(engine, query, targets, &lists.candidates, &mut traces)?;
    trace_refusals(
        engine,
        query,
        targets,
        &options.first_pass.filter,
        &mut traces,
    )?;
    Ok(Trial {
        query: query.clone(),
        rankings,
        scored: lists.scored(query, targets),
        traces,
        stages,
        n_pairs,
        n_known,
    })
}

/// The three lists of one question, each in its own order.
struct Lists {
    lexical: Vec<Hit>,
    dense: Vec<Hit>,
    candidates: Vec<Hit>,
    /// What the logits mean.
    scale: Scale,
}

impl Lists {
    fn rank(
        &self,
        query: &QueryText,
        targets: &Targets,
        options: &TrialOptions,
    ) -> (Vec<Ranking>, Vec<Trace>) {
        let lexical: Vec<&Passage> = self.lexical.iter().map(|hit| &hit.passage).collect();
        let dense: Vec<&Passage> = self.dense.iter().map(|hit| &hit.passage).collect();
        let candidates: Vec<&Passage> = self.candidates.iter().map(|hit| &hit.passage).collect();
        let mut rankings = Vec::new();
        let mut ranked: Vec<Vec<Option<usize>>> = Vec::new();
        for system in options.systems() {
            let (passages, scores, n_read) = match system {
                System::Lexical => (lexical.clone(), scores(&self.lexical), 0),
                System::Dense => (dense.clone(), scores(&self.dense), 0),
                System::Hybrid => {
                    let first = self.candidates.iter().map(|hit| hit.scores.first_pass);
                    (candidates.clone(), first.collect(), 0)
                }
                System::Depth(depth) => match options.second_pass {
                    SecondPass::Rerank { weight } => self.at_depth(depth, weight, &candidates),
                    SecondPass::Off => (candidates.clone(), Vec::new(), 0),
                },
                System::Weighted { depth, percent } => {
                    self.at_depth(depth, f32::from(percent) / 100.0, &candidates)
                }
            };
            let names = targets.names(&query.id, &passages);
            let n_reordered = names.iter().filter(|(pos, _)| *pos < n_read).count();
            let units: Vec<usize> = names.iter().map(|(pos, _)| *pos).collect();
            let positions = targets.first_positions(&query.id, &passages);
            // A document ranks where its first passage is, counted in documents.
            let unit = |pos: usize| units.partition_point(|&first| first < pos);
            ranked.push(positions.into_iter().map(|pos| pos.map(unit)).collect());
            rankings.push(Ranking {
                names: names
                    .into_iter()
                    .map(|(pos, name)| (name, scores[pos]))
                    .collect(),
                n_reordered,
            });
        }
        let places = [&lexical, &dense, &candidates]
            .map(|passages| targets.first_positions(&query.id, passages));
        let traces = (0..targets.of(&query.id).len()).map(|at| Trace {
            lexical: places[0][at],
            dense: places[1][at],
            candidates: places[2][at],
            read: None,
            refused: false,
            ranked: ranked.iter().map(|of_system| of_system[at]).collect(),
        });
        (rankings, traces.collect())
    }

    /// What was read, best first.
    fn scored(&self, query: &QueryText, targets: &Targets) -> Vec<Scored> {
        let mut read: Vec<(usize, f32, &Passage)> = self
            .candidates
            .iter()
            .enumerate()
            .filter_map(|(pos, hit)| Some((pos, hit.scores.cross_encoder?, &hit.passage)))
            .collect();
        read.sort_by(|a, b| b.1.total_cmp(&a.1));
        let passages: Vec<&Passage> = read.iter().map(|(.., passage)| *passage).collect();
        let scored = |(at, name): (usize, String)| Scored {
            name,
            logit: read[at].1,
            first_pass: self.candidates[read[at].0].scores.first_pass,
            position: read[at].0,
        };
        let names = targets.names(&query.id, &passages).into_iter();
        names.map(scored).collect()
    }

    /// What a search of this depth would have answered.
    fn at_depth<'a>(
        &self,
        depth: usize,
        weight: f32,
        candidates: &[&'a Passage],
    ) -> (Vec<&'a Passage>, Vec<f32>, usize) {
        let both = FinalOrder::new(weight, self.scale);
        let read = self.candidates.iter().take(depth);
        let log_odds: Vec<f32> = read
            .filter_map(|hit| Some((hit, hit.scores.cross_encoder?)))
            .map(|(hit, logit)| {
                let is_heading = is_bare_heading(&hit.passage);
                both.log_odds_as(is_heading, hit.scores.first_pass, logit)
            })
            .collect();
        let order = final_order(&log_odds, self.candidates.len());
        // What was not read is behind what was.
        let least = log_odds.iter().copied().fold(0.0, f32::min);
        let score = |pos: usize| match log_odds.get(pos) {
            Some(&log_odds) => log_odds,
            None => least - (1 + pos) as f32,
        };
        (
            order.iter().map(|&pos| candidates[pos]).collect(),
            order.iter().map(|&pos| score(pos)).collect(),
            log_odds.len(),
        )
    }
}

fn scores(hits: &[Hit]) -> Vec<f32> {
    hits.iter().map(|hit| hit.score).collect()
}

/// The run of the system at `pos` in the order of [`TrialOptions::systems`].
pub fn run_of(trials: &[Trial], pos: usize) -> Run {
    let mut run = Run::default();
    for trial in trials {
        run.insert_in_order(&trial.query.id, trial.rankings[pos].names.clone());
    }
    run
}

impl System {
    /// How many candidates its second pass reads, if it has one.
    pub fn depth(self) -> Option<usize> {
        match self {
            Self::Depth(depth) | Self::Weighted { depth, .. } => Some(depth),
            Self::Lexical | Self::Dense | Self::Hybrid => None,
        }
    }

    /// One word, for files, JSON and options. Files written long ago carry these names, so
    /// the arms keep the ones they had then, `bm25` and `vector`, which are not those of a [`Mode`].
    pub fn name(self) -> String {
        match self {
            Self::Lexical => "bm25".to_owned(),
            Self::Dense => "vector".to_owned(),
            Self::Hybrid => "hybrid".to_owned(),
            Self::Depth(depth) => format!("depth-{depth}"),
            Self::Weighted { depth, percent } => format!("depth-{depth}-weight-{percent}"),
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lexical => f.pad("BM25"),
            Self::Dense => f.pad("vector"),
            Self::Hybrid => f.pad("hybrid"),
            Self::Depth(depth) => f.pad(&format!("depth {depth}")),
            Self::Weighted { depth, percent } => f.pad(&format!(
                "depth {depth}, weight {:.2}",
                f64::from(*percent) / 100.0
            )),
        }
    }
}
