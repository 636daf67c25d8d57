//! Why was a place not in an answer? Follows it through every stage of one search.

mod change;
mod diagnosis;
mod place;
mod remedies;
mod trail;
mod unheld;

use std::collections::{HashMap, HashSet};

use reread_retrieval::{Arms, LocalFirstPass, Mode, Passage, PassageKey, Placed, Query, Refusal};

use self::place::{Located, Location, locate};
use self::trail::{Found, Trail, held_in};
use crate::engine::Engine;
use crate::options::{By, SearchOptions};
use crate::result::Hit;
use crate::{Error, Result};

pub use self::change::{Change, Effect, Remedy};
pub use self::diagnosis::{Cause, Place, Stages, Why};

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
        let full = found.as_ref().and_then(|found| document_full(found, trail));
        let (passage, deep) = match found {
            Some(found) => {
                why.stages = Stages::of_hit(found.hit, found.rank, result.second_pass.stopped);
                why.stand_in = found.stand_in().cloned();
                (found.passage.clone(), trail.pool())
            }
            None => deepest(why, trail, located, ids, &arms)?,
        };
        (why.stages.depth, why.stages.pool) = (depth, trail.pool());
        why.stages.add_arms(&arms, &passage);
        if let Some(placed) = why.stages.first_pass {
            why.stages.depth_needed = Some(trail.depth_needed(ids, placed.rank, deep)?);
        }
        if result.second_pass.scored > 0 {
            let read = why.stand_in.as_ref().unwrap_or(&passage);
            why.stages.reading = self.pair_length(trail.query.text(), read)?;
        }
        why.cause = if located.is_cut {
            let pieces = located.passages.iter().map(|piece| piece.lines().clone());
            Cause::CutApart(pieces.collect())
        } else if is_shown(why, trail) {
            let shown = || shown(why);
            let left_out = below_threshold(why, trail).or(full);
            left_out.unwrap_or_else(shown)
        } else if self.is_unread(trail, located, &result.hits, ids)? {
            Cause::CutOff
        } else {
            cause(why, trail, ids, &arms)
        };
        let n_above = why.stages.answer.map_or(u32::MAX, |answer| answer.rank - 1);
        let n_above = n_above.min(trail.options.top_k as u32) as usize;
        why.above = trail.shown(result.hits, n_above);
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
        for (hit, held) in scored.filter_map(|hit| Some((hit, held_in(hit, ids)?))) {
            any = true;
            let length = self.pair_length(trail.query.text(), &hit.passage)?;
            // Nearly the same text may be shorter.
            let end = located.end_in(held).min(hit.passage.text.len());
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
        let ranks = [&arms.lexical, &arms.dense].map(|arm| arm.get(key).map(|placed| placed.rank));
        ranks.into_iter().flatten().min().unwrap_or(u32::MAX)
    };
    let held = located.passages.iter().filter(|p| ids.contains(&p.key));
    let best = held.min_by_key(|passage| rank(&passage.key));
    let best = best.unwrap_or(&located.passages[0]);
    Ok((best.clone(), trail.pool()))
}

/// That a place is shown, by its own passage or by one of the same text.
fn shown(why: &Why) -> Cause {
    match (&why.stand_in, why.stages.answer) {
        (Some(_), Some(Placed { rank, .. })) => Cause::Folded { rank },
        _ => Cause::Shown,
    }
}

/// Whether as many passages of the document as may be results stand above a passage.
fn document_full(found: &Found<'_>, trail: &Trail<'_>) -> Option<Cause> {
    let per_document = trail.options.per_document?;
    let is_full = trail.options.by == By::Passage && found.n_above >= per_document;
    is_full.then_some(Cause::DocumentFull {
        per_document,
        n_above: found.n_above,
    })
}

fn is_shown(why: &Why, trail: &Trail<'_>) -> bool {
    let answer = why.stages.answer;
    answer.is_some_and(|answer| answer.rank as usize <= trail.options.top_k)
}

/// Whether what would be shown has too low a score.
fn below_threshold(why: &Why, trail: &Trail<'_>) -> Option<Cause> {
    let score = why.stages.answer?.score;
    let least = trail.options.min_score?;
    let is_comparable = trail.options.calibration.is_none() || why.stages.probability.is_some();
    (is_comparable && score < least).then_some(Cause::BelowMinScore(score, least))
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
    } else if is_hybrid && (is_on(&arms.lexical) || is_on(&arms.dense)) {
        Cause::LostInFusion
    } else {
        Cause::NotRetrieved
    }
}
