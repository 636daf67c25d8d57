//! Looks as deep as it takes to find enough candidates of different texts.

use reread_retrieval::{Candidate, LIST_LEN, MAX_DEPTH};

use crate::fold::{Fold, Folded};
use crate::options::{By, SearchOptions};
use crate::per_document::PerDocument;

/// When results are documents, this many passages are retrieved for each at first, as several passages
/// may fall on one document; more if they all fall on a few.
pub(crate) const PASSAGES_PER_DOCUMENT: usize = 4;

/// What a search wants of its first pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    options: &'a SearchOptions,
    /// How many candidates of different texts are enough.
    n_candidates: usize,
    /// How many of those that are found are kept, at most.
    n_kept: usize,
}

impl<'a> Wanted<'a> {
    /// What a search with these options wants.
    pub(crate) fn new(options: &'a SearchOptions) -> Self {
        let depth = options.first_pass.depth;
        let n_candidates = match options.by {
            By::Passage => depth.max(options.top_k),
            By::Document => depth.max(options.top_k * PASSAGES_PER_DOCUMENT),
        };
        let n_kept = match options.per_document {
            Some(_) => usize::MAX,
            None => n_candidates,
        };
        Self {
            options,
            n_candidates,
            n_kept,
        }
    }

    /// Wants this many candidates and no more.
    pub(crate) fn with_candidates(mut self, n_candidates: usize) -> Self {
        (self.n_candidates, self.n_kept) = (n_candidates, n_candidates);
        self
    }

    /// Keeps more of what is found anyway.
    pub(crate) fn keeping(mut self, n_kept: usize) -> Self {
        self.n_kept = self.n_kept.max(n_kept);
        self
    }

    /// Asks at first as deep as is wanted, then four times as deep each time until it is enough or there is
    /// no more. `ask` returns candidates, best first, as many as the depth that it is given at most.
    ///
    /// Where equal passages are one or documents have a limit, the first look goes through all that an arm lists anyway: more
    /// depth than that would change the scores of a blend, and less would miss places of what is found.
    ///
    /// # Errors
    /// Those of `ask`.
    pub(crate) fn retrieve<T, E>(
        &self,
        n_passages: usize,
        mut ask: impl FnMut(usize) -> Result<(Vec<Candidate>, T), E>,
    ) -> Result<(Folded, T), E> {
        let fold = self.options.folding();
        let mut depth = match (fold, self.options.per_document) {
            (Fold::Never, None) => self.n_candidates,
            _ => self.n_candidates.max(LIST_LEN),
        };
        let deepest = n_passages.min(MAX_DEPTH);
        loop {
            let (candidates, report) = ask(depth)?;
            let is_all = candidates.len() < depth || depth >= deepest;
            let mut folded = Folded::new(candidates, fold);
            if is_all || self.is_enough(&folded) {
                if self.options.by == By::Passage {
                    folded.truncate(self.n_kept);
                }
                return Ok((folded, report));
            }
            depth = (depth * 4).min(MAX_DEPTH);
        }
    }

    fn is_enough(&self, folded: &Folded) -> bool {
        let candidates = &folded.candidates;
        let documents = candidates.iter().map(|it| it.passage.document);
        let has_results = !self.limits_documents()
            || PerDocument::new(self.options).n_passing(documents) >= self.options.top_k;
        // Where nothing is folded, there are as many as were asked for.
        has_results && candidates.len() >= self.n_candidates
    }

    /// Whether results are not simply the first candidates.
    fn limits_documents(&self) -> bool {
        self.options.by == By::Document || self.options.per_document.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use reread_retrieval::{DocumentKey, Passage, PassageKey};

    use super::*;

    /// What is found in a list of texts and documents, and how deep it was looked for.
    fn retrieve(list: &[(&str, u64)], options: &SearchOptions) -> (Folded, Vec<usize>) {
        let candidate = |(&(text, document), key): (&(&str, u64), u64)| Candidate {
            passage: Passage::new(PassageKey(key), DocumentKey(document), "d", text),
            score: 1.0,
            rank: key as u32 + 1,
            lexical: None,
            dense: None,
            bm25: None,
            lexical_share: None,
            cosine: None,
        };
        let mut depths = Vec::new();
        let found = Wanted::new(options).retrieve(list.len(), |depth| {
            depths.push(depth);
            let candidates = list.iter().zip(0..).take(depth).map(candidate).collect();
            Ok::<_, Infallible>((candidates, ()))
        });
        let Ok((folded, ())) = found;
        (folded, depths)
    }

    fn texts(folded: &Folded) -> Vec<&str> {
        let candidates = folded.candidates.iter();
        candidates.map(|it| it.passage.text.as_str()).collect()
    }

    #[test]
    fn copies_do_not_use_up_the_depth() {
        let mut list = vec![("copy", 0); 150];
        list.extend([("a", 1), ("b", 2), ("c", 3)]);
        let options = SearchOptions::default().with_top_k(2).with_depth(3);
        let (folded, depths) = retrieve(&list, &options);
        assert_eq!(texts(&folded), ["copy", "a", "b"]);
        assert_eq!((folded.n_folded(), depths), (149, vec![100, 400]));

        let (folded, depths) = retrieve(&list, &options.with_fold(Fold::Never));
        assert_eq!((texts(&folded), depths), (vec!["copy"; 3], vec![3]));
    }

    #[test]
    fn documents_that_are_full_make_room_for_others() {
        let texts_of_one: Vec<String> = (0..120).map(|n| format!("text {n}")).collect();
        let mut list: Vec<(&str, u64)> = texts_of_one.iter().map(|text| (&**text, 0)).collect();
        list.push(("another", 1));
        let options = SearchOptions::default().with_top_k(3).with_depth(3);
        let (folded, depths) = retrieve(&list, &options.clone().with_per_document(2));
        assert_eq!((folded.candidates.len(), depths), (121, vec![100, 400]));
        let (folded, depths) = retrieve(&list, &options);
        assert_eq!((folded.candidates.len(), depths), (3, vec![100]));
    }
}
