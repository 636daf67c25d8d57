//! Why a search may not return a passage, whatever it says.

use crate::Result;
use crate::document::DocumentKind;
use crate::filter::Filter;
use crate::lexical::Query;
use crate::passage::PassageId;
use crate::snapshot::Snapshot;

/// What keeps a passage out of an answer before anything is ranked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its document's path matches none of the filter's patterns.
    Path,
    /// Its document is of this kind, which the filter leaves out.
    Kind(DocumentKind),
    /// Its document was last modified before the filter's time.
    ModifiedBefore,
    /// It does not hold this phrase, which the query has in quotes.
    Phrase(String),
    /// It holds these words, which the query excludes with a minus.
    Exclusion(String),
}

impl Snapshot {
    /// The first reason for which a search with this query and filter may not return a passage;
    /// `None` if it may.
    ///
    /// # Errors
    /// `Damaged` and `Lexical` when the index cannot be read.
    pub fn refusal(
        &self,
        passage: PassageId,
        query: &Query,
        filter: &Filter,
    ) -> Result<Option<Refusal>> {
        let (key, source) = self.key_and_source(passage)?;
        if let Some(refusal) = filter.refusal(source) {
            return Ok(Some(refusal));
        }
        let refused = |query: &Query| -> Result<bool> {
            let constraint = self.lexical().constraint(query)?;
            Ok(constraint.is_some_and(|constraint| !constraint.allows(key)))
        };
        // A phrase that no passage holds binds nobody, so the query is asked as a whole first.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_exclusion_and_phrase_is_a_demand_of_its_own() {
        let query = Query::parse("how \"to bake\" a loaf -cake -\"white bread\"");
        let demands: Vec<_> = query
            .demands()
            .map(|(refusal, query)| (refusal, query.phrases().count(), query.exclusions().count()))
            .collect();
        assert_eq!(
            demands,
            [
                (Refusal::Exclusion("cake".to_owned()), 0, 1),
                (Refusal::Exclusion("white bread".to_owned()), 0, 1),
                (Refusal::Phrase("to bake".to_owned()), 1, 0),
            ]
        );
    }
}
