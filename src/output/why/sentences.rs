//! The sentences of a diagnosis.

use std::ops::RangeInclusive;

use reread_engine::{
    Cause, Change, Effect, Mode, Passage, Phrase, Place, Refusal, Remedy, SearchOptions,
    SecondPass, Stopped, Why, Within,
};

use crate::output::grouped;

/// What became of the place, in one sentence.
pub(super) fn verdict(why: &Why, options: &SearchOptions, place: &str) -> String {
    let rank = |placed: Option<reread_engine::Placed>| {
        placed.map_or_else(
            || "no rank".to_owned(),
            |p| format!("rank {}", grouped(p.rank as usize)),
        )
    };
    let stages = &why.stages;
    let (answer, first) = (rank(stages.answer), rank(stages.first_pass));
    match &why.cause {
        Cause::Shown => format!("{place} is shown, at {answer}."),
        Cause::PutDown => format!(
            "{place} was read and ended up at {answer}: the first pass put it at {first}, the cross-encoder at {}.",
            rank(stages.cross_encoder)
        ),
        Cause::BelowMinScore(score, least) => format!(
            "{place} would be shown, at {answer}, but its score of {score:.4} is below {least}."
        ),
        Cause::Folded { rank } => format!("{place} is {}.", folded(why, *rank)),
        Cause::DocumentFull {
            per_document,
            n_above,
        } => format!(
            "{place} would be shown, at {answer}, but {}.",
            document_full(*per_document, *n_above)
        ),
        Cause::CutOff => format!(
            "{place} was not read to its end: its passage is longer than what the cross-encoder can read together with the question."
        ),
        Cause::TooDeep => format!(
            "{place} was a candidate at {first}, but was not read: {}.",
            unread(why, options)
        ),
        Cause::LostInFusion => format!(
            "{place} was lost in fusion: BM25 or the vectors have it among their first {}, but together they put it at {first}.",
            grouped(stages.pool)
        ),
        Cause::NotRetrieved => format!("{place} was not retrieved: {}.", lists(why, options)),
        Cause::FilteredOut(refusal) => {
            format!("{place} was removed by a filter: {}.", refused(refusal))
        }
        Cause::CutApart(pieces) => format!(
            "{place} is not in any single passage: it is spread over the passages on lines {}.",
            pieces.iter().map(range).collect::<Vec<_>>().join(", ")
        ),
        Cause::NotIndexed(reason) => format!("{place} is not in the index: {reason}."),
        _ => format!("{place} is not shown."),
    }
}

/// That the text of a place is shown by another passage.
pub(super) fn folded(why: &Why, rank: u32) -> String {
    let words = |passage: &Passage| -> Vec<String> {
        let words = passage.text.split_whitespace();
        words.map(str::to_owned).collect()
    };
    let at = match (&why.stand_in, &why.passage) {
        (Some(shown), Some(passage)) => {
            let likeness = if words(shown) == words(passage) {
                "the same"
            } else {
                "nearly the same"
            };
            let lines = range(shown.lines());
            format!(" ({}:{lines}), which has {likeness} text", shown.path)
        }
        _ => String::new(),
    };
    let rank = grouped(rank as usize);
    format!("folded into the result at rank {rank}{at}")
}

/// That a document has no result left for a passage.
pub(super) fn document_full(per_document: usize, n_above: usize) -> String {
    format!(
        "{} of its document above it, and --per-document is {per_document}",
        match n_above {
            1 => "there is 1 passage".to_owned(),
            n_above => format!("there are {} passages", grouped(n_above)),
        }
    )
}

/// The place as it was given.
pub(super) fn place(place: &Place) -> String {
    match &place.lines {
        None => place.document.clone(),
        Some(lines) => format!("{}:{}", place.document, range(lines)),
    }
}

pub(super) fn range(lines: &RangeInclusive<u32>) -> String {
    if lines.start() == lines.end() {
        lines.start().to_string()
    } else {
        format!("{}-{}", lines.start(), lines.end())
    }
}

fn unread(why: &Why, options: &SearchOptions) -> String {
    match why.stages.stopped {
        Some(Stopped::Budget) => "the budget ran out".to_owned(),
        Some(Stopped::Failed) => "the second pass failed".to_owned(),
        _ if options.second_pass == SecondPass::Off => "there was no second pass".to_owned(),
        _ => format!("the depth is {}", grouped(why.stages.depth)),
    }
}

/// Which lists a place is too far down in.
fn lists(why: &Why, options: &SearchOptions) -> &'static str {
    match options.first_pass.mode {
        Mode::Lexical if why.stages.lexical.is_none() => {
            "it contains no word of the question, and only BM25 was used"
        }
        Mode::Lexical => "it is too far down in BM25, and only BM25 was used",
        Mode::Dense => "it is too far down in the vectors, and only vectors were used",
        Mode::Hybrid if why.stages.lexical.is_none() => {
            "it contains no word of the question and is too far down in the vectors"
        }
        Mode::Hybrid => "it is too far down in BM25 and in the vectors",
    }
}

pub(super) fn refused(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Path => "its path matches no --path".to_owned(),
        Refusal::Kind(kind) => format!("its kind, {}, is not among --type", kind_name(*kind)),
        Refusal::ModifiedBefore => "it was last modified before --since".to_owned(),
        Refusal::Condition(condition) => {
            format!("its metadata does not meet `{condition}`, which --where asks for")
        }
        Refusal::Phrase(phrase) if phrase.within == Within::Passage => {
            format!("it does not contain the phrase {phrase}")
        }
        Refusal::Phrase(phrase) => {
            format!("it does not meet `{phrase}`, which the question asks for")
        }
        Refusal::Exclusion(phrase) if phrase.within == Within::Passage => {
            format!("it contains {phrase}, which the question excludes")
        }
        Refusal::Exclusion(phrase) => format!("it meets `{phrase}`, which the question excludes"),
        _ => "the search leaves it out".to_owned(),
    }
}

fn kind_name(kind: reread_engine::DocumentKind) -> String {
    format!("{kind:?}").to_lowercase()
}

/// Why the cross-encoder has no score for the passage.
pub(super) fn not_scored(why: &Why, options: &SearchOptions) -> String {
    match why.stages.stopped {
        Some(Stopped::Failed) => "it failed".to_owned(),
        _ if options.second_pass == SecondPass::Off => "off".to_owned(),
        _ => "not read".to_owned(),
    }
}

/// How far the cross-encoder reads the passage.
pub(super) fn read_to(why: &Why) -> Option<String> {
    let passage = why.stand_in.as_ref().or(why.passage.as_ref())?;
    let reading = why.stages.reading?;
    if reading.reaches(passage.text.len()) {
        return Some("read to its end".to_owned());
    }
    let read = passage.text.get(..reading.bytes_read)?;
    let line = passage.lines().start() + read.matches('\n').count() as u32;
    Some(format!(
        "read up to line {line}: {} of {} tokens",
        grouped(reading.max_tokens),
        grouped(reading.n_tokens)
    ))
}

/// A change as it is made on the command line.
pub(super) fn change(change: &Change) -> String {
    match change {
        Change::TopK(top_k) => format!("--top-k {top_k}"),
        Change::Depth(depth) => format!("--depth {depth}"),
        Change::RerankWeight(weight) => format!("--rerank-weight {weight}"),
        Change::NoSecondPass => "--no-rerank".to_owned(),
        Change::Budget => "a longer --budget".to_owned(),
        Change::DenseWeight(weight) => format!("--dense-weight {weight}"),
        Change::Mode(mode) => format!("--mode {mode}"),
        Change::PairTokens(tokens) => format!("--pair-tokens {tokens}"),
        Change::PassageTokens(tokens) => format!("--passage-tokens {tokens}"),
        Change::OverlapTokens(tokens) => format!("--overlap-tokens {tokens}"),
        Change::MinScore(score) => format!("--min-score {score:.4}"),
        Change::Fold(fold) => format!("--fold {fold}"),
        Change::PerDocument(per_document) => format!("--per-document {per_document}"),
        Change::WithoutRefusal(refusal) => without(refusal),
        Change::MaxFileBytes(bytes) => format!("--max-file-size {bytes}"),
        Change::Hidden => "--hidden".to_owned(),
        Change::IgnoreFiles => "--no-ignore".to_owned(),
        Change::Links => "--follow".to_owned(),
        Change::Refresh => "no --no-refresh".to_owned(),
        Change::OtherWords => "other words".to_owned(),
        _ => "another search".to_owned(),
    }
}

fn without(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Path => "another --path, or none".to_owned(),
        Refusal::Kind(_) => "another --type, or none".to_owned(),
        Refusal::ModifiedBefore => "an earlier --since".to_owned(),
        Refusal::Condition(condition) => format!("a --where without `{condition}`"),
        Refusal::Phrase(phrase) if phrase.within == Within::Passage => {
            format!("{} without quotes", phrase.text)
        }
        Refusal::Phrase(phrase) => format!("a question without {phrase}"),
        Refusal::Exclusion(phrase) => format!("a question without -{}", excluded(phrase)),
        _ => "another filter".to_owned(),
    }
}

/// What stands behind a minus: a single word without quotes.
fn excluded(phrase: &Phrase) -> String {
    if phrase.text.contains(char::is_whitespace) {
        return phrase.to_string();
    }
    phrase.to_string().replace('"', "")
}

/// What comes of a change.
pub(super) fn effect(remedy: &Remedy, top_k: usize) -> String {
    let indexing = matches!(
        remedy.change,
        Change::PassageTokens(_) | Change::OverlapTokens(_)
    );
    match (remedy.effect, &remedy.change) {
        (Effect::Rank(rank), Change::TopK(_)) => {
            format!("makes it the last result, at rank {rank}")
        }
        (Effect::Rank(rank), _) if rank as usize <= top_k => format!("puts it at rank {rank}"),
        (Effect::Rank(rank), _) => format!("puts it at rank {rank}, still not shown"),
        (Effect::Candidate(rank), _) => {
            format!("makes it a candidate, at rank {rank}, and it is read")
        }
        (Effect::AfterIndexing, _) if indexing => {
            "for `reread index`, which then cuts all documents again".to_owned()
        }
        (Effect::AfterIndexing, _) => "lets it be indexed".to_owned(),
        (_, Change::OtherWords) => "in the question or the document".to_owned(),
        (_, Change::PairTokens(_)) => "lets it be read".to_owned(),
        _ => "may let it be found".to_owned(),
    }
}
