//! BM25 over every passage that holds a term of the query.

use reread_retrieval::Query;
use tantivy::TantivyError;

use super::best::{Best, Ranked};
use super::segment::{Segment, Statistics, each_count};
use super::sought::{ScoredJoined, ScoredPrefix, ScoredTerm, Sought};
use crate::Result;

/// How many scores are compared at once with the worst that is good enough.
const SCAN: usize = 32;

/// What a passage scores more, as a share of the most it could, whose document is called what the query says:
/// all of its words are in the title, the names of file and folders, or the facts. It stays behind a text that
/// holds them.
const NAMED: f32 = 0.25;

/// The same where no text holds any of the words: enough to come before what the vectors take for near.
const NAMED_ALONE: f32 = 0.6;

/// A query of more words is a question and no name.
const MAX_NAME_WORDS: usize = 8;

/// Passages of a segment, ascending, each with a score.
type Scores = Vec<(u32, f32)>;

/// What a search finds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Found {
    /// Keys and scores of the best passages, best first.
    pub best: Vec<(u64, f32)>,
    /// The scores of the passages that were asked for, in the order asked; 0 without a word of the query.
    pub also: Vec<f32>,
    /// The most that BM25 could give a passage for the query, words outside its text aside.
    pub ceiling: f32,
}

/// Returns the keys and scores of the `k` best passages that `allowed` lets through, best first,
/// equal scores by key; and the scores of the passages `also`, whatever they are.
pub(super) fn search(
    segments: &[Segment],
    statistics: &Statistics,
    query: &Query,
    k: usize,
    allowed: Option<&(dyn Fn(u64) -> bool + Sync)>,
    also: &[u64],
) -> Result<Found, TantivyError> {
    let sought = Sought::find(query, segments, statistics)?;
    let mut found = Found {
        best: Vec::new(),
        also: vec![0.0; also.len()],
        ceiling: sought.ceiling,
    };
    if sought.is_empty() {
        return Ok(found);
    }
    let mut best = Best::of(k);
    for (pos, segment) in segments.iter().enumerate() {
        let scores = scores(segment, pos, &sought, statistics)?;
        for (key, score) in also.iter().zip(&mut found.also) {
            let doc = segment.position_of(*key);
            let here = doc.and_then(|doc| scores.get(doc as usize));
            *score = here.copied().unwrap_or(*score);
        }
        for (first, scores) in (0..).step_by(SCAN).zip(scores.chunks(SCAN)) {
            // Most passages hold no term of the query, or none that matters.
            let least = best.least_score();
            if scores.iter().all(|&score| score < least) {
                continue;
            }
            for (doc, &score) in (first..).zip(scores) {
                if score < best.least_score() || segment.reader.is_deleted(doc) {
                    continue;
                }
                let ranked = Ranked {
                    score,
                    key: segment.keys.get_val(doc),
                };
                if best.takes(&ranked) && allowed.is_none_or(|allowed| allowed(ranked.key)) {
                    best.push(ranked);
                }
            }
        }
    }
    found.best = best.into_sorted();
    Ok(found)
}

/// Returns the score of each passage of a segment; 0 for those without any term.
///
/// The scores of a passage are added up in the order of the query, so it scores the same whatever
/// segment it is in.
fn scores(
    segment: &Segment,
    segment_pos: usize,
    sought: &Sought,
    statistics: &Statistics,
) -> Result<Vec<f32>, TantivyError> {
    let mut scores = vec![sought.base; segment.reader.max_doc() as usize];
    let mut named = Named::of(sought, scores.len());
    // What words as one score more than the words that they stand for.
    let joined = sought.joined.iter();
    let mut more: Vec<Scores> = joined
        .map(|joined| scores_of_joined(segment, segment_pos, joined, statistics))
        .collect::<Result<_, _>>()?;
    for term in &sought.terms {
        let Some(Some(info)) = term.postings.get(segment_pos) else {
            continue;
        };
        let standing = sought.joined.iter().zip(&mut more);
        let mut standing: Vec<Subtraction<'_>> = standing
            .filter(|(joined, _)| joined.stands_for.contains(&term.pos))
            .map(|(_, scores)| Subtraction { scores, at: 0 })
            .collect();
        let is_name = statistics.fields[term.field_pos].is_name;
        segment.each_score(term.field_pos, info, statistics, |doc, score| {
            let score = term.weight * score;
            if let Some(sum) = scores.get_mut(doc as usize) {
                *sum += score;
            }
            if is_name {
                named.see(doc, term.pos);
            }
            for subtraction in &mut standing {
                subtraction.subtract(doc, score);
            }
        })?;
    }
    let prefixes = sought.prefixes.iter();
    for prefix in prefixes {
        more.push(scores_of_prefix(segment, segment_pos, prefix, statistics)?);
    }
    for (doc, score) in more.into_iter().flatten() {
        if let Some(sum) = scores.get_mut(doc as usize) {
            *sum += score.max(0.0);
        }
    }
    let share = if sought.is_in_text {
        NAMED
    } else {
        NAMED_ALONE
    };
    named.add_to(&mut scores, share * sought.ceiling);
    Ok(scores)
}

/// Which words of a short query the names of each passage's document hold.
struct Named {
    /// The places of the query's words.
    words: Vec<usize>,
    /// Of each passage a bit for each of them; empty where the query is no name.
    seen: Vec<u8>,
}

impl Named {
    fn of(sought: &Sought, n_passages: usize) -> Self {
        let is_name = (1..=MAX_NAME_WORDS).contains(&sought.words.len());
        Self {
            words: sought.words.clone(),
            seen: vec![0; if is_name { n_passages } else { 0 }],
        }
    }

    fn see(&mut self, doc: u32, pos: usize) {
        let bit = self.words.iter().position(|&word| word == pos);
        if let (Some(bit), Some(seen)) = (bit, self.seen.get_mut(doc as usize)) {
            *seen |= 1 << bit;
        }
    }

    /// Adds to the score of each passage whose names hold all words.
    fn add_to(&self, scores: &mut [f32], more: f32) {
        // Without a word, or with too many, nothing is seen.
        let unused = MAX_NAME_WORDS.saturating_sub(self.words.len()) as u32;
        let all = u8::MAX.checked_shr(unused).unwrap_or(u8::MAX);
        for (score, &seen) in scores.iter_mut().zip(&self.seen) {
            if seen == all {
                *score += more;
            }
        }
    }
}

/// Scores that those of other terms are taken from, passage by passage in ascending order.
struct Subtraction<'s> {
    scores: &'s mut Scores,
    at: usize,
}

impl Subtraction<'_> {
    fn subtract(&mut self, doc: u32, score: f32) {
        while let Some((at, rest)) = self.scores.get_mut(self.at) {
            if *at == doc {
                *rest -= score;
            }
            if *at >= doc {
                break;
            }
            self.at += 1;
        }
    }
}

/// What passages score by words as one, in all fields.
fn scores_of_joined(
    segment: &Segment,
    segment_pos: usize,
    joined: &ScoredJoined,
    statistics: &Statistics,
) -> Result<Scores, TantivyError> {
    let mut scores = Scores::new();
    for ScoredTerm {
        field_pos,
        weight,
        postings,
        ..
    } in &joined.fields
    {
        if let Some(Some(info)) = postings.get(segment_pos) {
            segment.each_score(*field_pos, info, statistics, |doc, score| {
                scores.push((doc, weight * score));
            })?;
        }
    }
    Ok(summed(scores))
}

/// What passages score by the words with a prefix, which count as one.
fn scores_of_prefix(
    segment: &Segment,
    segment_pos: usize,
    prefix: &ScoredPrefix,
    statistics: &Statistics,
) -> Result<Scores, TantivyError> {
    let mut counts = Scores::new();
    for info in prefix.postings.get(segment_pos).into_iter().flatten() {
        each_count(segment.surface(), info, |doc, count| {
            counts.push((doc, count));
        })?;
    }
    let mut scores = summed(counts);
    for (doc, score) in &mut scores {
        *score = prefix.weight * segment.score_in_text(*doc, *score, statistics);
    }
    Ok(scores)
}

/// Adds up what a passage has more than once.
fn summed(mut scores: Scores) -> Scores {
    scores.sort_by_key(|&(doc, _)| doc);
    scores.dedup_by(|next, sum| {
        let is_same = next.0 == sum.0;
        if is_same {
            sum.1 += next.1;
        }
        is_same
    });
    scores
}
