//! The local first pass: asks BM25 and the vectors, fuses their answers, returns candidates.

use std::collections::HashMap;
use std::time::Instant;

use reread_document::ChunkOptions;
use reread_models::ModelIdentity;
use reread_retrieval::{
    Arms, BoxError, Candidate, DenseMethod, DocumentKey, DocumentNames, Filter, FirstPass, Found,
    Fused, LeftOut, Lists, LocalFirstPass, Mode, Note, Passage, PassageKey, Query, Refusal,
    Request, Retrieved, fuse, places,
};

use crate::dense::{DenseSearch, MethodChoice};
use crate::passage_set::PassageSet;
use crate::position::PassageId;
use crate::snapshot::Snapshot;
use crate::{Error, Result};

type Ranked = Vec<(PassageId, f32)>;

impl Snapshot {
    /// Returns the best candidates for a request, fused. The same snapshot, query and options give the
    /// same answer on every run.
    ///
    /// # Errors
    /// `InvalidOption` for options out of bounds, `BadEmbedding` for an unusable vector, `Cancelled`,
    /// `Damaged` and `Lexical` when the index cannot be read.
    pub fn retrieve(&self, request: &Request<'_>) -> Result<Retrieved> {
        let Request { query, options, .. } = *request;
        options.check()?;
        let list_len = options.list_len();
        let mut retrieved = Retrieved::new(Found::Fused(Vec::new()));
        retrieved.notes.extend(query.notes().iter().cloned());
        let allowed = self.allowed_for(query, &options.filter, &mut retrieved.notes)?;

        // The vectors come first, as BM25 also scores what they find.
        let started = Instant::now();
        let dense = match (options.mode, request.vector) {
            (Mode::Lexical, _) => Vec::new(),
            (_, Some(vector)) => {
                let (list, method) =
                    self.dense_list(vector, list_len, options, allowed.as_ref())?;
                retrieved.dense_method = Some(method);
                list
            }
            (_, None) => {
                return Err(Error::BadEmbedding {
                    model: self.model().to_string(),
                    problem: "the query was not embedded".to_owned(),
                });
            }
        };
        retrieved.dense_time = started.elapsed();

        let started = Instant::now();
        refuse_cancelled(request)?;
        let mut lists = match options.mode {
            Mode::Dense => Lists::default(),
            Mode::Lexical | Mode::Hybrid => {
                retrieved.notes.extend(self.lexical().notes(query)?);
                self.lexical_list(query, list_len, allowed.as_ref(), &dense)?
            }
        };
        if let Some(vector) = request.vector {
            lists.more_dense = self.cosines(vector, &lists.lexical)?;
        }
        lists.dense = dense;
        retrieved.lexical_time = started.elapsed();

        retrieved.n_lexical = lists.lexical.len();
        retrieved.n_dense = lists.dense.len();
        let fused = fuse(&lists, options).into_iter();
        let candidates: Result<Vec<Candidate>> = fused.map(|it| self.candidate(it)).collect();
        retrieved.found = Found::Fused(candidates?);
        if self.is_unfinished() {
            retrieved.notes.push(Note::Unfinished);
        }
        Ok(retrieved)
    }

    fn candidate(&self, fused: Fused<PassageId>) -> Result<Candidate> {
        Ok(Candidate {
            passage: self.passage_at(fused.id)?,
            score: fused.score,
            rank: fused.rank,
            lexical: fused.lexical,
            dense: fused.dense,
            bm25: fused.bm25,
            lexical_share: fused.lexical_share,
            cosine: fused.cosine,
        })
    }

    /// Ranks every passage that may be returned, in each arm that the mode asks: the same order as
    /// [`retrieve`](Self::retrieve)'s lists, to its end. The depth plays no part.
    ///
    /// Looks at every vector and keeps them all, which is for the question where one passage is.
    ///
    /// # Errors
    /// As for [`retrieve`](Self::retrieve).
    pub fn rank_all(&self, request: &Request<'_>) -> Result<Arms> {
        let Request { query, options, .. } = *request;
        let allowed = self.allowed_for(query, &options.filter, &mut Vec::new())?;
        let len = self.n_positions() as usize;
        let mut arms = Arms::default();
        if options.mode != Mode::Dense {
            let lists = self.lexical_list(query, len, allowed.as_ref(), &Ranked::new())?;
            arms.lexical = places(&self.keyed(&lists.lexical)?);
        }
        if let (Mode::Dense | Mode::Hybrid, Some(vector)) = (options.mode, request.vector) {
            let mut exact = options.clone();
            exact.exact = true;
            let (list, _) = self.dense_list(vector, len, &exact, allowed.as_ref())?;
            arms.dense = places(&self.keyed(&list)?);
        }
        Ok(arms)
    }

    fn keyed(&self, list: &Ranked) -> Result<Vec<(PassageKey, f32)>> {
        let keyed = |&(id, score): &(PassageId, f32)| Ok((self.key_of(id)?, score));
        list.iter().map(keyed).collect()
    }

    /// What filter, deletions and the query's own phrases and exclusions let pass.
    fn allowed_for(
        &self,
        query: &Query,
        filter: &Filter,
        notes: &mut Vec<Note>,
    ) -> Result<Option<PassageSet>> {
        let allowed = self.allowed(filter)?;
        let Some(constraint) = self.lexical().constraint(query)? else {
            return Ok(allowed);
        };
        notes.extend(constraint.notes().iter().cloned());
        let mut passing = PassageSet::empty(self.n_positions());
        let keys = self.live_keys().filter(|(key, _)| constraint.allows(*key));
        for (_, passage) in keys {
            passing.insert(passage.0);
        }
        if let Some(allowed) = allowed {
            passing.intersect(&allowed);
        }
        Ok(Some(passing))
    }

    /// The lexical list, the scores of what else the vectors have found, and the most there could be.
    fn lexical_list(
        &self,
        query: &Query,
        len: usize,
        allowed: Option<&PassageSet>,
        dense: &Ranked,
    ) -> Result<Lists<PassageId>> {
        let passes = |key: u64| match (allowed, self.passage_of_key(key)) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(allowed), Some(passage)) => allowed.contains(passage.0),
        };
        let filter: Option<&(dyn Fn(u64) -> bool + Sync)> = if allowed.is_some() {
            Some(&passes)
        } else {
            None
        };
        let keys: Result<Vec<u64>> = dense
            .iter()
            .map(|entry| Ok(self.key_of(entry.0)?.0))
            .collect();
        let found = self
            .lexical()
            .search_and_score(query, len, filter, &keys?)?;
        let mut lexical: Ranked = found
            .best
            .into_iter()
            .filter_map(|(key, score)| Some((self.passage_of_key(key)?, score)))
            .collect();
        sort_ranked(&mut lexical);
        let ids = dense.iter().map(|entry| entry.0);
        Ok(Lists {
            lexical,
            more_lexical: ids.zip(found.also).collect(),
            lexical_ceiling: Some(found.ceiling),
            ..Lists::default()
        })
    }

    /// The cosines of these passages.
    fn cosines(&self, vector: &[f32], list: &Ranked) -> Result<HashMap<PassageId, f32>> {
        let cosine = |&(id, _): &(PassageId, f32)| {
            let row = self.sound_vector(id)?;
            Ok((id, crate::simd::dot_f32(vector, row)))
        };
        list.iter().map(cosine).collect()
    }

    fn dense_list(
        &self,
        vector: &[f32],
        len: usize,
        options: &reread_retrieval::RetrieveOptions,
        allowed: Option<&PassageSet>,
    ) -> Result<(Ranked, DenseMethod)> {
        let mut list = Ranked::new();
        let mut way = DenseMethod::Scan;
        for open in self.segments() {
            let method = if options.exact {
                MethodChoice::Exact
            } else {
                MethodChoice::Fastest
            };
            let search = DenseSearch::default()
                .with_ef_search(options.ef_search)
                .with_method(method)
                .with_allowed(allowed.map(|allowed| allowed.from(open.base)));
            let hits = open.segment.search_dense(vector, len, &search)?;
            if hits.method == DenseMethod::Graph {
                way = DenseMethod::Graph;
            }
            list.extend(
                hits.hits
                    .into_iter()
                    .map(|(pos, score)| (PassageId(open.base + pos), score)),
            );
        }
        sort_ranked(&mut list);
        list.truncate(len);
        Ok((list, way))
    }
}

/// Refuses to go on with what nobody waits for any more. A deadline that has passed is no reason: without
/// an answer of the first pass there is none, and the rest takes milliseconds.
fn refuse_cancelled(request: &Request<'_>) -> Result<()> {
    if request.cancel.is_cancelled() {
        return Err(Error::Cancelled);
    }
    Ok(())
}

impl FirstPass for Snapshot {
    fn model(&self) -> Option<&ModelIdentity> {
        Some(self.model())
    }

    fn n_passages(&self) -> usize {
        self.n_passages()
    }

    fn retrieve(&self, request: &Request<'_>) -> Result<Retrieved, BoxError> {
        Ok(self.retrieve(request)?)
    }

    fn local(&self) -> Option<&dyn LocalFirstPass> {
        Some(self)
    }
}

impl LocalFirstPass for Snapshot {
    fn passage(&self, key: PassageKey) -> Result<Passage, BoxError> {
        Ok(self.passage(key)?)
    }

    fn documents(&self) -> Vec<DocumentNames> {
        self.documents().collect()
    }

    fn passages_of(&self, document: DocumentKey) -> Result<Vec<Passage>, BoxError> {
        Ok(self.passages_of(document)?)
    }

    fn rank_all(&self, request: &Request<'_>) -> Result<Arms, BoxError> {
        Ok(self.rank_all(request)?)
    }

    fn refusal(
        &self,
        passage: PassageKey,
        query: &Query,
        filter: &Filter,
    ) -> Result<Option<Refusal>, BoxError> {
        Ok(self.refusal(passage, query, filter)?)
    }

    fn left_out(&self, root: Option<&std::path::Path>, path: &str) -> Result<LeftOut, BoxError> {
        Ok(self.left_out(root, path)?)
    }

    fn chunk_options(&self) -> ChunkOptions {
        self.chunk_options()
    }
}

/// Score descending, then passage ascending: the order is total.
fn sort_ranked(list: &mut Ranked) {
    list.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
}
