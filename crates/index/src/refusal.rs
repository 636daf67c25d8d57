//! Why a search may not return a passage, whatever it says.

use reread_retrieval::{Filter, PassageKey, Query, Refusal};

use crate::Result;
use crate::format::metadata;
use crate::snapshot::Snapshot;

impl Snapshot {
    /// The first reason for which a search with this query and filter may not return a passage;
    /// `None` if it may.
    ///
    /// # Errors
    /// `NoPassage`; `InvalidOption` for a path that is neither in the index nor a glob; `Damaged` and `Lexical` when the index cannot be read.
    pub fn refusal(
        &self,
        passage: PassageKey,
        query: &Query,
        filter: &Filter,
    ) -> Result<Option<Refusal>> {
        let (source, document) = self.document_of(passage)?;
        let metadata = metadata::metadata(&document.metadata);
        let filter = self.settled(filter)?;
        if let Some(refusal) = filter.refusal(&source.facts(&metadata)) {
            return Ok(Some(refusal));
        }
        let refused = |query: &Query| -> Result<bool> {
            let constraint = self.lexical().constraint(query)?;
            Ok(constraint.is_some_and(|constraint| !constraint.allows(passage.0)))
        };
        if !refused(query)? {
            return Ok(None);
        }
        for (refusal, demand) in query.demands() {
            if refused(&demand)? {
                return Ok(Some(refusal));
            }
        }
        Ok(None)
    }
}
