//! Completes traces: how far the cross-encoder read, and what no system could have returned.

use reread_index::Filter;
use reread_index::lexical::Query;

use super::queries::QueryText;
use super::targets::Targets;
use super::trial::Trace;
use crate::Result;
use crate::engine::Engine;
use crate::result::Hit;

impl Engine {
    /// Finds for each judged place the first candidate in which the cross-encoder read it.
    ///
    /// `candidates` are in the order of the first pass. Where the model does not tell how far it
    /// reads, what was scored counts as read.
    pub(super) fn trace_reading(
        &self,
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
                let length = self.pair_length(text.text(), &hit.passage)?;
                let end = target.end_in(&hit.passage);
                if length.is_none_or(|length| length.reaches(end)) {
                    trace.read = Some(pos);
                }
            }
        }
        Ok(())
    }

    /// Marks the judged places that the filter or the query itself keeps out of every answer.
    pub(super) fn trace_refusals(
        &self,
        query: &QueryText,
        targets: &Targets,
        filter: &Filter,
        traces: &mut [Trace],
    ) -> Result<()> {
        let text = Query::parse(&query.text);
        let is_open = text.phrases().next().is_none() && text.exclusions().next().is_none();
        if filter.is_empty() && is_open {
            return Ok(());
        }
        let snapshot = self.snapshot()?;
        for (target, trace) in targets.of(&query.id).iter().zip(traces) {
            let passages = target.passages(&snapshot)?;
            let mut refused = !passages.is_empty();
            for passage in passages {
                refused &= snapshot.refusal(passage.id, &text, filter)?.is_some();
            }
            trace.refused = refused;
        }
        Ok(())
    }
}
