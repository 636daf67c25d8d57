//! Follows judged places through a search: where each was on each list, how far the cross-encoder read,
//! and what no system could have returned.

use reread_engine::{Engine, Filter, Hit, Query};

use crate::Result;
use crate::queries::QueryText;
use crate::targets::Targets;

/// Positions of one judged place, from 0, `None` where it is not in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trace {
    /// Among the passages by BM25.
    pub lexical: Option<usize>,
    /// Among the passages by vectors.
    pub dense: Option<usize>,
    /// Among the candidates of the hybrid.
    pub candidates: Option<usize>,
    /// The first of these that the cross-encoder read as far as the place.
    pub read: Option<usize>,
    /// Whether a filter, a phrase or an exclusion keeps every passage of it out.
    pub refused: bool,
    /// In each system's ranking, passages or documents.
    pub ranked: Vec<Option<usize>>,
}

/// Finds for each judged place the first candidate in which the cross-encoder read it.
///
/// `candidates` are in the order of the first pass. Where the model does not tell how far it
/// reads, what was scored counts as read.
pub(crate) fn trace_reading(
    engine: &Engine,
    query: &QueryText,
    targets: &Targets,
    candidates: &[Hit],
    traces: &mut [Trace],
) -> Result<()> {
    let text = Query::parse(&query.text);
    let read = candidates
        .iter()
        .take_while(|hit| hit.scores.cross_encoder.is_some());
    for (pos, hit) in read.enumerate() {
        let holding = targets.of(&query.id).iter().zip(&mut *traces);
        let unread = holding.filter(|(target, trace)| {
            trace.read.is_none() && target.grade > 0 && target.is_in(&hit.passage)
        });
        for (target, trace) in unread {
            let length = engine.pair_length(text.text(), &hit.passage)?;
            let end = target.end_in(&hit.passage);
            if length.is_none_or(|length| length.reaches(end)) {
                trace.read = Some(pos);
            }
        }
    }
    Ok(())
}

/// Marks the judged places that the filter or the query itself keeps out of every answer.
pub(crate) fn trace_refusals(
    engine: &Engine,
    query: &QueryText,
    targets: &Targets,
    filter: &Filter,
    traces: &mut [Trace],
) -> Result<()> {
    let text = Query::parse(&query.text);
    let is_open = text.phrases().is_empty() && text.exclusions().is_empty();
    if filter.is_empty() && is_open {
        return Ok(());
    }
    engine.with_local(|local| {
        for (target, trace) in targets.of(&query.id).iter().zip(traces) {
            let passages = target.passages(local)?;
            let mut refused = !passages.is_empty();
            for passage in passages {
                let refusal = local.refusal(passage.key, &text, filter);
                refused &= refusal
                    .map_err(reread_engine::Error::of_first_pass)?
                    .is_some();
            }
            trace.refused = refused;
        }
        Ok(())
    })?;
    Ok(())
}
