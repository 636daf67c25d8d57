//! Why was a place not in an answer? Follows it through every stage of one search.

mod place;
mod remedies;
mod trail;

use std::collections::{HashMap, HashSet};
use std::ops::RangeInclusive;

use reread_rerank::Stopped;
use reread_retrieval::{
    Arms, LeftOut, LocalFirstPass, Mode, Passage, PassageKey, Placed, Query, Refusal,
};

use self::place::{Located, Location, locate};
use self::trail::Trail;
use crate::engine::Engine;
use crate::fate::Fate;
use crate::options::{SearchOptions, SecondPass};
use crate::reading::Reading;
use crate::result::Hit;
use crate::warning::Warning;
use crate::{Error, Result};

pub use self::remedies::{Change, Effect, Remedy};

/// A document or lines of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// A path in the indexed folder, or what results call the document.
    pub document: String,
    /// Its lines, from 1; `None` is the whole document, of which the best passage counts.
    pub lines: Option<RangeInclusive<u32>>,
}

/// What became of a place in one search.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Why {
    /// The query as it was given.
    pub query: String,
    /// The place as it was given.
    pub place: Place,
    /// What kept it from being shown, or that it was.
    pub cause: Cause,
    /// The passage that was followed: of those that hold the place the one that came furthest.
    pub passage: Option<Passage>,
    /// Where this passage stood after each stage.
    pub stages: Stages,
    /// The results that stand above it, best first; all that are shown if it is not in the answer.
    pub above: Vec<Hit>,
    /// What would help, the most promising first.
    pub remedies: Vec<Remedy>,
    /// What the user should know: how query and place were read, or that the second pass failed.
    pub warnings: Vec<Warning>,
}

/// What kept a place from being shown.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cause {
    /// Nothing did: it is among the results.
    Shown,
    /// The cross-encoder read it, and the answer puts it below the results that are shown.
    PutDown,
    /// It is high enough to be shown, but its final score, the first number, is below the least one
    /// asked for, the second.
    BelowMinScore(f32, f32),
    /// It is high enough to be shown, but the probability that it is relevant, the first number, is
    /// below the least one asked for, the second.
    BelowMinProbability(f32, f32),
    /// The cross-encoder read its passage, but not as far as the place.
    CutOff,
    /// It was a candidate, and neither read nor high enough to be shown without.
    TooDeep,
    /// An arm had it on its list, and fusion put it behind all candidates.
    LostInFusion,
    /// No arm had it on its list.
    NotRetrieved,
    /// This keeps it out of every answer to this query.
    FilteredOut(Refusal),
    /// No passage holds all of it; these lines hold parts.
    CutApart(Vec<RangeInclusive<u32>>),
    /// The index does not hold it, for this reason.
    NotIndexed(LeftOut),
}

/// Where a passage stood after each stage; `None` where a stage did not have it.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Stages {
    /// By BM25 in the whole index; the score is BM25's.
    pub bm25: Option<Placed>,
    /// By vectors in the whole index; the score is the cosine similarity.
    pub vector: Option<Placed>,
    /// After fusion, as deep as a first pass can look.
    pub first_pass: Option<Placed>,
    /// Among what the cross-encoder read; the score is its logit.
    pub cross_encoder: Option<Placed>,
    /// How likely it is relevant, where the search has a calibration.
    pub probability: Option<f32>,
    /// In the answer, beyond what is shown too.
    pub answer: Option<Placed>,
    /// How many passages BM25 ranks: those that hold a word of the query.
    pub n_bm25: usize,
    /// How many passages the vectors rank.
    pub n_vector: usize,
    /// How many candidates are told apart: at least as many as each arm hands to the fusion.
    pub pool: usize,
    /// How many candidates the second pass was to read.
    pub depth: usize,
    /// The least depth found to reach it, where the first pass reaches it at all.
    pub depth_needed: Option<usize>,
    /// How much of the passage the cross-encoder reads; `None` without a second pass.
    pub reading: Option<Reading>,
    /// Why the second pass read less than it was to, if it did.
    pub stopped: Option<Stopped>,
}

impl Why {
    fn new(query: &str, place: &Place) -> Self {
        Self {
            query: query.to_owned(),
            place: place.clone(),
            cause: Cause::Shown,
            passage: None,
            stages: Stages::default(),
            above: Vec::new(),
            remedies: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

impl Cause {
    /// The cause by the name that evaluations use.
    pub fn fate(&self) -> Fate {
        match self {
            Self::Shown => Fate::Found,
            Self::PutDown => Fate::PutDown,
            Self::CutOff => Fate::CutOff,
            Self::TooDeep => Fate::TooDeep,
            Self::LostInFusion => Fate::LostInFusion,
            Self::NotRetrieved => Fate::NotRetrieved,
            Self::FilteredOut(_) | Self::BelowMinScore(..) | Self::BelowMinProbability(..) => {
                Fate::FilteredOut
            }
            Self::CutApart(_) => Fate::CutApart,
            Self::NotIndexed(_) => Fate::NotIndexed,
        }
    }
}

impl Engine {
    /// Says what became of a place in a search with these options.
    ///
    /// Searches once as [`search`](Self::search) does, then ranks the whole index in each arm, and
    /// may search again to try what would help: a diagnosis, which takes several times as long.
    /// Of lines that several passages hold because they overlap, the passage that came furthest is
    /// followed.
    ///
    /// # Errors
    /// `Outside` for a path that leads out of the folder; `IsAFolder`; `NoSuchLines` beyond the end of
    /// the document; `InvalidOption`, also for a query without a word; else as for
    /// [`search`](Self::search). A document that is not in the index is no error but a cause.
    pub fn why(&self, query: &str, place: &Place, options: &SearchOptions) -> Result<Why> {
        self.install(|| self.why_here(query, place, options))
    }

    fn why_here(&self, text: &str, place: &Place, options: &SearchOptions) -> Result<Why> {
        options.check()?;
        let query = Query::parse(text);
        if query.text().trim().is_empty() {
            return Err(Error::InvalidOption {
                option: "query",
                value: format!("{text:?}"),
                bound: "a question",
            });
        }
        self.with_local(|local| self.why_in(local, &query, Why::new(text, place), options))
    }

    fn why_in(
        &self,
        local: &dyn LocalFirstPass,
        query: &Query,
        mut why: Why,
        options: &SearchOptions,
    ) -> Result<Why> {
        let located = match locate(local, self.root(), &why.place)? {
            Location::Missing(reason) => {
                why.remedies = remedies::for_left_out(&reason);
                why.cause = Cause::NotIndexed(reason);
                return Ok(why);
            }
            Location::Found(located) => located,
        };
        why.warnings.extend(located.warning.clone());
        let ids = match may_return(local, &located.passages, query, options)? {
            Ok(ids) => ids,
            Err(refusal) => {
                why.passage = located.passages.into_iter().next();
                why.remedies = remedies::for_refusal(&refusal);
                why.cause = Cause::FilteredOut(refusal);
                return Ok(why);
            }
        };
        let text = why.query.clone();
        let trail = Trail::new(self, local, &text, query, options)?;
        self.follow(&mut why, &trail, &located, &ids)?;
        Ok(why)
    }

    /// Fills in everything about passages that may be returned.
    fn follow(
        &self,
        why: &mut Why,
        trail: &Trail<'_>,
        located: &Located,
        ids: &HashSet<PassageKey>,
    ) -> Result<()> {
        let depth = trail.options.first_pass.depth;
        let result = trail.search(depth)?;
        why.warnings.extend(result.warnings.iter().cloned());
        let arms = trail.arms()?;
        let found = trail.rank(&result.hits, ids);
        let (passage, deep) = match found {
            Some((hit, rank)) => {
                why.stages = Stages::of_hit(hit, rank, result.second_pass.stopped);
                (hit.passage.clone(), trail.pool())
            }
            None => deepest(why, trail, located, ids, &arms)?,
        };
        (why.stages.depth, why.stages.pool) = (depth, trail.pool());
        why.stages.add_arms(&arms, &passage);
        if let Some(placed) = why.stages.first_pass {
            why.stages.depth_needed = Some(trail.depth_needed(ids, placed.rank, deep)?);
        }
        if result.second_pass.scored > 0 {
            why.stages.reading = self.pair_length(trail.query.text(), &passage)?;
        }
        why.cause = if located.is_cut {
            let pieces = located.passages.iter().map(|piece| piece.lines().clone());
            Cause::CutApart(pieces.collect())
        } else if is_shown(why, trail) {
            below_threshold(why, trail).unwrap_or(Cause::Shown)
        } else if self.is_unread(trail, located, &result.hits, ids)? {
            Cause::CutOff
        } else {
            cause(why, trail, ids, &arms)
        };
        let n_above = why.stages.answer.map_or(u32::MAX, |answer| answer.rank - 1);
        let n_above = n_above.min(trail.options.top_k as u32) as usize;
        why.above = result.hits.into_iter().take(n_above).collect();
        why.passage = Some(passage);
        why.remedies = remedies::for_passage(self, why, trail, located, ids)?;
        Ok(())
    }

    /// Whether passages of the place were read, and none as far as the place.
    fn is_unread(
        &self,
        trail: &Trail<'_>,
        located: &Located,
        hits: &[Hit],
        ids: &HashSet<PassageKey>,
    ) -> Result<bool> {
        let mut any = false;
        let scored = hits.iter().filter(|hit| hit.scores.cross_encoder.is_some());
        for hit in scored.filter(|hit| ids.contains(&hit.passage.key)) {
            any = true;
            let length = self.pair_length(trail.query.text(), &hit.passage)?;
            let end = located.end_in(&hit.passage);
            if length.is_none_or(|length| length.reaches(end)) {
                return Ok(false);
            }
        }
        Ok(any)
    }
}

/// Which of these passages a search may return, or what keeps the first of them out if it may return
/// none.
fn may_return(
    local: &dyn LocalFirstPass,
    passages: &[Passage],
    query: &Query,
    options: &SearchOptions,
) -> Result<Result<HashSet<PassageKey>, Refusal>> {
    let mut allowed = HashSet::new();
    let mut refused = None;
    for passage in passages {
        let refusal = local.refusal(passage.key, query, &options.first_pass.filter);
        match refusal.map_err(Error::of_first_pass)? {
            None => _ = allowed.insert(passage.key),
            Some(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    Ok(match refused {
        Some(refusal) if allowed.is_empty() => Err(refusal),
        _ => Ok(allowed),
    })
}

/// A place that is in no answer: its best passage, and the depth at which that was looked for.
fn deepest(
    why: &mut Why,
    trail: &Trail<'_>,
    located: &Located,
    ids: &HashSet<PassageKey>,
    arms: &Arms,
) -> Result<(Passage, usize)> {
    let best = trail.deepen(ids)?;
    if let Some((passage, placed, deep)) = best {
        why.stages.first_pass = Some(placed);
        let passage = trail.local.passage(passage);
        return Ok((passage.map_err(Error::of_first_pass)?, deep));
    }
    let rank = |key: &PassageKey| {
        let ranks = [&arms.bm25, &arms.vector].map(|arm| arm.get(key).map(|placed| placed.rank));
        ranks.into_iter().flatten().min().unwrap_or(u32::MAX)
    };
    let held = located.passages.iter().filter(|p| ids.contains(&p.key));
    let best = held.min_by_key(|passage| rank(&passage.key));
    let best = best.unwrap_or(&located.passages[0]);
    Ok((best.clone(), trail.pool()))
}

fn is_shown(why: &Why, trail: &Trail<'_>) -> bool {
    let answer = why.stages.answer;
    answer.is_some_and(|answer| answer.rank as usize <= trail.options.top_k)
}

/// Whether what would be shown has too low a score or probability.
fn below_threshold(why: &Why, trail: &Trail<'_>) -> Option<Cause> {
    let score = why.stages.answer?.score;
    if let Some(least) = trail.options.min_score
        && score < least
    {
        return Some(Cause::BelowMinScore(score, least));
    }
    let (probability, least) = (why.stages.probability?, trail.options.min_probability?);
    (probability < least).then_some(Cause::BelowMinProbability(probability, least))
}

/// What the stages say of a place that is not shown, that one passage holds, and that was read if
/// its passage was.
fn cause(why: &Why, trail: &Trail<'_>, ids: &HashSet<PassageKey>, arms: &Arms) -> Cause {
    let is_within = |placed: &Placed| placed.rank as usize <= trail.pool();
    let is_on = |arm: &HashMap<PassageKey, Placed>| {
        let mut placed = ids.iter().filter_map(|id| arm.get(id));
        placed.any(is_within)
    };
    let stages = &why.stages;
    let is_hybrid = trail.options.first_pass.mode == Mode::Hybrid;
    if stages.cross_encoder.is_some() {
        Cause::PutDown
    } else if stages.first_pass.as_ref().is_some_and(is_within) {
        Cause::TooDeep
    } else if is_hybrid && (is_on(&arms.bm25) || is_on(&arms.vector)) {
        Cause::LostInFusion
    } else {
        Cause::NotRetrieved
    }
}

/// Whether the search has a second pass.
fn reranks(options: &SearchOptions) -> bool {
    options.second_pass != SecondPass::Off
}
