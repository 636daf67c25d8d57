//! What would bring a place into the answer.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use reread_models::QueryLength;
use reread_rerank::Stopped;
use reread_retrieval::{Fusion, LeftOut, Mode, Passage, PassageKey, Placed, Refusal};

use super::place::Located;
use super::trail::{Found, Trail};
use super::{Cause, Change, Effect, Remedy, Why};
use crate::Result;
use crate::engine::Engine;
use crate::fold::Fold;
use crate::options::{By, MAX_TOP_K, SearchOptions, SecondPass};

/// Deeper second passes are recommended without being tried: each candidate takes milliseconds.
const MAX_TRIED_DEPTH: usize = 200;

/// The weights of the vectors that are tried.
const DENSE_WEIGHTS: [f32; 6] = [0.5, 0.7, 0.3, 0.9, 0.1, 0.0];

fn remedy(change: Change, effect: Effect) -> Remedy {
    Remedy { change, effect }
}

pub(super) fn for_left_out(reason: &LeftOut) -> Vec<Remedy> {
    let change = match reason {
        LeftOut::TooLarge { len_bytes, .. } => Change::MaxFileBytes(*len_bytes),
        LeftOut::Hidden => Change::Hidden,
        LeftOut::Ignored => Change::IgnoreFiles,
        LeftOut::Link => Change::Links,
        LeftOut::NotYet => Change::Refresh,
        _ => return Vec::new(),
    };
    vec![remedy(change, Effect::AfterIndexing)]
}

pub(super) fn for_refusal(refusal: &Refusal) -> Vec<Remedy> {
    vec![remedy(
        Change::WithoutRefusal(refusal.clone()),
        Effect::Untried,
    )]
}

/// What would help a passage that may be returned.
pub(super) fn for_passage(
    engine: &Engine,
    why: &Why,
    trail: &Trail<'_>,
    located: &Located,
    ids: &HashSet<PassageKey>,
) -> Result<Vec<Remedy>> {
    match why.cause {
        Cause::CutApart(_) => for_cut(engine, trail, located),
        Cause::CutOff => for_cut_off(engine, why, trail, located),
        Cause::PutDown => Ok(for_put_down(why, trail)),
        Cause::BelowMinScore(score, _) => Ok(for_low(why, score)),
        Cause::TooDeep => for_too_deep(why, trail, ids),
        Cause::Folded { .. } => unfolded(trail, ids),
        Cause::DocumentFull { n_above, .. } => more_of_document(trail, ids, n_above + 1),
        Cause::LostInFusion | Cause::NotRetrieved => for_not_retrieved(why, trail, ids),
        _ => Ok(Vec::new()),
    }
}

/// What becomes of a passage that is a result of its own.
fn unfolded(trail: &Trail<'_>, ids: &HashSet<PassageKey>) -> Result<Vec<Remedy>> {
    let options = trail.options.clone().with_fold(Fold::Never);
    let result = trail.search_with(&options)?;
    let found = Found::among(&result.hits, ids, &options);
    let effect = found.map_or(Effect::Untried, |found| Effect::Rank(found.rank));
    Ok(vec![remedy(Change::Fold(Fold::Never), effect)])
}

/// What becomes of a passage where this many of its document may be results.
fn more_of_document(
    trail: &Trail<'_>,
    ids: &HashSet<PassageKey>,
    per_document: usize,
) -> Result<Vec<Remedy>> {
    let options = trail.options.clone().with_per_document(per_document);
    let result = trail.search_with(&options)?;
    let found = Found::among(&result.hits, ids, &options);
    let effect = found.map_or(Effect::Untried, |found| Effect::Rank(found.rank));
    Ok(vec![remedy(Change::PerDocument(per_document), effect)])
}

/// A threshold of four decimals that lets it pass.
fn for_low(why: &Why, value: f32) -> Vec<Remedy> {
    let change = Change::MinScore((value * 1e4).floor() / 1e4);
    let placed = why.stages.answer;
    let to_rank = |placed: Placed| remedy(change, Effect::Rank(placed.rank));
    placed.map(to_rank).into_iter().collect()
}

/// A place that is cut is whole again if passages repeat as much as it is long, or are longer.
fn for_cut(engine: &Engine, trail: &Trail<'_>, located: &Located) -> Result<Vec<Remedy>> {
    let Some(lines) = &located.lines else {
        return Ok(Vec::new());
    };
    let n_tokens = tokens_on(engine, &located.passages, lines)?;
    let now = trail.local.chunk_options();
    let change = if n_tokens < now.max_tokens / 2 {
        Change::OverlapTokens(n_tokens.max(now.overlap_tokens + 1))
    } else {
        Change::PassageTokens(2 * n_tokens)
    };
    Ok(vec![remedy(change, Effect::AfterIndexing)])
}

/// How many tokens the lines have in all passages together; more than in the document, where
/// passages overlap there.
fn tokens_on(engine: &Engine, passages: &[Passage], lines: &RangeInclusive<u32>) -> Result<usize> {
    let embedder = engine.embedder()?;
    let mut n_tokens = 0;
    for passage in passages {
        let span = crate::span::of_lines(passage, lines);
        let text = span.and_then(|span| passage.text.get(span)).unwrap_or("");
        let tokens = embedder.token_offsets(text);
        n_tokens += tokens.map_err(reread_index::Error::Embedder)?.len();
    }
    Ok(n_tokens)
}

/// Longer pairs, or passages that fit into a pair.
fn for_cut_off(
    engine: &Engine,
    why: &Why,
    trail: &Trail<'_>,
    located: &Located,
) -> Result<Vec<Remedy>> {
    let (Some(passage), Some(reading)) = (&why.passage, why.stages.reading) else {
        return Ok(Vec::new());
    };
    let up_to = |end: usize| -> Result<usize> {
        let mut shorter = passage.clone();
        shorter.text.truncate(end);
        let length = engine.pair_length(trail.query.text(), &shorter)?;
        Ok(length.map_or(0, |length| length.n_tokens))
    };
    let query = engine.query_length(trail.query.text())?;
    let (n_query, n_query_read) = query.map_or((0, 0), |it| (it.n_tokens, it.n_read()));
    let mut remedies = Vec::new();
    // A pair as long as both is long enough, and so is one that has the most of any query besides the passage.
    let both = up_to(located.end_in(passage))?;
    let needed = both.min(both.saturating_sub(n_query) + QueryLength::MAX_IN_PAIR);
    if (reading.max_tokens + 1..=reading.model_max_tokens).contains(&needed) {
        remedies.push(remedy(Change::PairTokens(needed), Effect::Untried));
    }
    let n_before = up_to(0)?.saturating_sub(n_query - n_query_read);
    let room = reading.max_tokens.saturating_sub(n_before);
    let least = 16;
    if (least..trail.local.chunk_options().max_tokens).contains(&room) {
        remedies.push(remedy(Change::PassageTokens(room), Effect::AfterIndexing));
    }
    Ok(remedies)
}

/// With all the weight on one pass the order is that pass's own.
fn for_put_down(why: &Why, trail: &Trail<'_>) -> Vec<Remedy> {
    let (options, stages) = (trail.options, &why.stages);
    let is_shown = |placed: &Placed| placed.rank as usize <= options.top_k;
    let mut remedies = Vec::new();
    let full = SecondPass::Rerank { weight: 1.0 };
    if options.by == By::Passage {
        if let Some(read) = stages.cross_encoder.filter(is_shown)
            && options.second_pass != full
        {
            let change = Change::RerankWeight(1.0);
            remedies.push(remedy(change, Effect::Rank(read.rank)));
        }
        if let Some(first) = stages.first_pass.filter(is_shown) {
            remedies.push(remedy(Change::NoSecondPass, Effect::Rank(first.rank)));
        }
    }
    remedies.extend(more_results(why));
    remedies
}

/// As many results as it takes to show the place.
fn more_results(why: &Why) -> Option<Remedy> {
    let rank = why.stages.answer?.rank;
    (rank as usize <= MAX_TOP_K).then(|| remedy(Change::TopK(rank), Effect::Rank(rank)))
}

fn for_too_deep(why: &Why, trail: &Trail<'_>, ids: &HashSet<PassageKey>) -> Result<Vec<Remedy>> {
    if !reranks(trail.options) {
        return Ok(more_results(why).into_iter().collect());
    }
    if why.stages.stopped == Some(Stopped::Budget) {
        return Ok(vec![remedy(Change::Budget, Effect::Untried)]);
    }
    let deeper = deeper(why, trail, ids)?;
    let helps = |remedy: &Remedy| match remedy.effect {
        Effect::Rank(rank) => rank as usize <= trail.options.top_k,
        _ => true,
    };
    let more = more_results(why).filter(|_| !deeper.as_ref().is_some_and(helps));
    Ok(more.into_iter().chain(deeper).collect())
}

/// The depth that reaches the place, and what becomes of it there.
fn deeper(why: &Why, trail: &Trail<'_>, ids: &HashSet<PassageKey>) -> Result<Option<Remedy>> {
    let stages = &why.stages;
    let (Some(depth), Some(first)) = (stages.depth_needed, stages.first_pass) else {
        return Ok(None);
    };
    if depth <= stages.depth || !reranks(trail.options) {
        return Ok(None);
    }
    let mut effect = Effect::Candidate(first.rank);
    if depth <= MAX_TRIED_DEPTH {
        let result = trail.search(depth)?;
        if let Some(found) = trail.rank(&result.hits, ids) {
            effect = Effect::Rank(found.rank);
        }
    }
    Ok(Some(remedy(Change::Depth(depth), effect)))
}

fn for_not_retrieved(
    why: &Why,
    trail: &Trail<'_>,
    ids: &HashSet<PassageKey>,
) -> Result<Vec<Remedy>> {
    let depth = trail.options.first_pass.depth;
    let mut remedies = Vec::new();
    if trail.options.first_pass.mode == Mode::Hybrid {
        let is_read = |placed: &Placed| placed.rank as usize <= depth;
        let stages = &why.stages;
        for (placed, mode) in [(stages.dense, Mode::Dense), (stages.lexical, Mode::Lexical)] {
            if let Some(placed) = placed.filter(is_read) {
                let effect = Effect::Candidate(placed.rank);
                remedies.push(remedy(Change::Mode(mode), effect));
            }
        }
        remedies.extend(other_weight(trail, ids, depth)?);
    } else {
        remedies.push(remedy(Change::Mode(Mode::Hybrid), Effect::Untried));
    }
    remedies.extend(deeper(why, trail, ids)?);
    if why.cause == Cause::NotRetrieved {
        remedies.push(remedy(Change::OtherWords, Effect::Untried));
    }
    Ok(remedies)
}

/// The weight of the vectors with which the place is a candidate of the highest rank, if with any.
fn other_weight(
    trail: &Trail<'_>,
    ids: &HashSet<PassageKey>,
    depth: usize,
) -> Result<Option<Remedy>> {
    let Fusion::Blend { dense_weight: now } = trail.options.first_pass.fusion else {
        return Ok(None);
    };
    let mut best: Option<(u32, f32)> = None;
    for dense_weight in DENSE_WEIGHTS {
        let mut first_pass = trail.options.first_pass.clone();
        first_pass.fusion = Fusion::Blend { dense_weight };
        let found = trail.retrieve(ids, &first_pass)?;
        if let Some((_, placed)) = found
            && best.is_none_or(|(rank, _)| placed.rank < rank)
        {
            best = Some((placed.rank, dense_weight));
        }
    }
    let best =
        best.filter(|&(rank, weight)| rank as usize <= depth && weight.total_cmp(&now).is_ne());
    Ok(best.map(|(rank, weight)| remedy(Change::DenseWeight(weight), Effect::Candidate(rank))))
}

/// Whether the search has a second pass.
fn reranks(options: &SearchOptions) -> bool {
    options.second_pass != SecondPass::Off
}
