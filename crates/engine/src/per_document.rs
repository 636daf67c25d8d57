//! How many passages of a document may be results.

use std::collections::HashMap;

use reread_retrieval::DocumentKey;

use crate::options::{By, SearchOptions};

/// Lets the first passages of each document pass, as many as may be results.
#[derive(Debug)]
pub(crate) struct PerDocument {
    /// None where all may be.
    limit: Option<usize>,
    n_passed: HashMap<DocumentKey, usize>,
}

impl PerDocument {
    /// One that no passage has come to.
    pub(crate) fn new(options: &SearchOptions) -> Self {
        let limit = match options.by {
            By::Document => Some(1),
            By::Passage => options.per_document,
        };
        Self {
            limit,
            n_passed: HashMap::new(),
        }
    }

    /// Whether the next passage, which is of this document, passes.
    pub(crate) fn admits(&mut self, document: DocumentKey) -> bool {
        let Some(limit) = self.limit else {
            return true;
        };
        let n_passed = self.n_passed.entry(document).or_default();
        *n_passed += 1;
        *n_passed <= limit
    }

    /// How many of these passages pass.
    pub(crate) fn n_passing(mut self, documents: impl IntoIterator<Item = DocumentKey>) -> usize {
        let passing = documents.into_iter();
        passing.filter(|&document| self.admits(document)).count()
    }

    /// For each of these passages its rank among those that pass; of one that does not, the rank of the
    /// last of its document that does.
    pub(crate) fn ranks(mut self, documents: impl IntoIterator<Item = DocumentKey>) -> Vec<u32> {
        let mut last_of = HashMap::new();
        let mut n_passing = 0;
        let documents = documents.into_iter();
        documents
            .map(|document| {
                if self.admits(document) {
                    n_passing += 1;
                    last_of.insert(document, n_passing);
                }
                last_of.get(&document).copied().unwrap_or(n_passing)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranks(options: &SearchOptions) -> Vec<u32> {
        PerDocument::new(options).ranks([7, 7, 8, 7, 8, 9].map(DocumentKey))
    }

    #[test]
    fn ranks_count_what_passes() {
        let options = SearchOptions::default();
        assert_eq!(ranks(&options), [1, 2, 3, 4, 5, 6]);
        assert_eq!(
            ranks(&options.clone().with_per_document(2)),
            [1, 2, 3, 2, 4, 5]
        );
        assert_eq!(
            ranks(&options.clone().with_by(By::Document)),
            [1, 1, 2, 1, 2, 3]
        );
        let two = options.with_per_document(2);
        let documents = [7, 7, 8, 7].map(DocumentKey);
        assert_eq!(PerDocument::new(&two).n_passing(documents), 3);
    }
}
