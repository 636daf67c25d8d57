//! Follows passages through a search, further than the search itself looks.

use std::collections::HashSet;

use reread_models::CancelToken;
use reread_rerank::{Stop, Stopped};
use reread_retrieval::{
    Arms, LIST_LEN, LocalFirstPass, MAX_DEPTH, Mode, Passage, PassageKey, Placed, Query, Request,
    RetrieveOptions, lower_bare_headings,
};

use super::Stages;
use crate::engine::Engine;
use crate::options::{By, MAX_TOP_K, SearchOptions};
use crate::pipeline::PASSAGES_PER_DOCUMENT;
use crate::result::{Hit, SearchResult};
use crate::{Error, Result};

/// One question, asked in any depth.
pub(super) struct Trail<'a> {
    engine: &'a Engine,
    pub(super) local: &'a dyn LocalFirstPass,
    text: &'a str,
    pub(super) query: &'a Query,
    vector: Option<Vec<f32>>,
    pub(super) options: &'a SearchOptions,
}

impl<'a> Trail<'a> {
    /// Embeds the question where the mode asks for it.
    pub(super) fn new(
        engine: &'a Engine,
        local: &'a dyn LocalFirstPass,
        text: &'a str,
        query: &'a Query,
        options: &'a SearchOptions,
    ) -> Result<Self> {
        let vector = if options.first_pass.mode == Mode::Lexical {
            None
        } else {
            let embedder = engine.embedder()?;
            if let Some(built_with) = local.model() {
                reread_index::check_model(built_with, embedder.model())?;
            }
            let vector = embedder.embed_query(query.text());
            Some(vector.map_err(reread_index::Error::Embedder)?)
        };
        Ok(Self {
            engine,
            local,
            text,
            query,
            vector,
            options,
        })
    }

    /// How many candidates are told apart: what each arm hands to the fusion in this search.
    pub(super) fn pool(&self) -> usize {
        let per_result = match self.options.by {
            By::Passage => 1,
            By::Document => PASSAGES_PER_DOCUMENT,
        };
        let shown = self.options.top_k * per_result;
        LIST_LEN.max(self.options.first_pass.depth).max(shown)
    }

    /// The search itself, with every candidate in its answer, a passage each, whatever its score.
    pub(super) fn search(&self, depth: usize) -> Result<SearchResult> {
        let options = self.options.clone().with_depth(depth);
        let mut options = options.with_by(By::Passage).without_thresholds();
        options.stop = Stop::Never;
        let top_k = self.pool().max(depth).min(MAX_TOP_K);
        self.engine.search(self.text, &options.with_top_k(top_k))
    }

    /// The first of these passages in an answer, and its rank there, in documents where results are
    /// documents.
    pub(super) fn rank<'h>(
        &self,
        hits: &'h [Hit],
        ids: &HashSet<PassageKey>,
    ) -> Option<(&'h Hit, u32)> {
        let pos = hits.iter().position(|hit| ids.contains(&hit.passage.key))?;
        let hit = &hits[pos];
        let rank = match self.options.by {
            By::Passage => hit.rank,
            By::Document => {
                let before = hits[..pos].iter().map(|hit| hit.passage.document);
                let others: HashSet<_> = before.filter(|of| *of != hit.passage.document).collect();
                others.len() as u32 + 1
            }
        };
        Some((hit, rank))
    }

    /// Where every passage stands in each arm.
    pub(super) fn arms(&self) -> Result<Arms> {
        let never = CancelToken::default();
        let request = self.request(&self.options.first_pass, &never);
        self.local.rank_all(&request).map_err(Error::of_first_pass)
    }

    fn request<'r>(&'r self, options: &'r RetrieveOptions, cancel: &'r CancelToken) -> Request<'r> {
        Request {
            query: self.query,
            vector: self.vector.as_deref(),
            options,
            cancel,
        }
    }

    /// The best of these passages among the candidates of a first pass with these options.
    pub(super) fn retrieve(
        &self,
        ids: &HashSet<PassageKey>,
        first_pass: &RetrieveOptions,
    ) -> Result<Option<(PassageKey, Placed)>> {
        let never = CancelToken::default();
        let found = self.local.retrieve(&self.request(first_pass, &never));
        let found = found.map_err(Error::of_first_pass)?.found;
        let mut candidates = lower_bare_headings(found.into_candidates(first_pass)).into_iter();
        let best = candidates.find(|candidate| ids.contains(&candidate.passage.key));
        Ok(best.map(|best| {
            let (score, rank) = (best.score, best.rank);
            (best.passage.key, Placed { score, rank })
        }))
    }

    /// As [`retrieve`](Self::retrieve) at a depth.
    fn at_depth(
        &self,
        ids: &HashSet<PassageKey>,
        depth: usize,
    ) -> Result<Option<(PassageKey, Placed)>> {
        let mut first_pass = self.options.first_pass.clone();
        first_pass.depth = depth;
        self.retrieve(ids, &first_pass)
    }

    /// Looks ever deeper for these passages, up to the deepest first pass there is. Returns the best
    /// one and the depth at which it was found.
    pub(super) fn deepen(
        &self,
        ids: &HashSet<PassageKey>,
    ) -> Result<Option<(PassageKey, Placed, usize)>> {
        let end = self.local.n_passages().clamp(1, MAX_DEPTH);
        let mut depth = self.pool().min(end);
        loop {
            if let Some((passage, placed)) = self.at_depth(ids, depth)? {
                return Ok(Some((passage, placed, depth)));
            }
            if depth == end {
                return Ok(None);
            }
            depth = (depth * 4).min(end);
        }
    }

    /// A depth at which these passages are read, close to the least. They were found at `deep` with
    /// this rank.
    ///
    /// A blend depends on how long the lists are that it blends, so the rank at one depth need not
    /// be the depth that reaches it: each depth is tried.
    pub(super) fn depth_needed(
        &self,
        ids: &HashSet<PassageKey>,
        rank: u32,
        deep: usize,
    ) -> Result<usize> {
        let (mut low, mut high) = (rank as usize, deep.max(rank as usize));
        while low < high {
            let middle = low.midpoint(high);
            // At first the rank itself, which is enough in most cases.
            let depth = if low == rank as usize { low } else { middle };
            if self.at_depth(ids, depth)?.is_some() {
                high = depth;
            } else {
                low = depth + 1;
            }
        }
        Ok(high)
    }
}

impl Stages {
    /// What an answer says of a hit.
    pub(super) fn of_hit(hit: &Hit, rank: u32, stopped: Option<Stopped>) -> Self {
        let placed = |rank: Option<u32>, score: Option<f32>| {
            rank.zip(score).map(|(rank, score)| Placed { score, rank })
        };
        Self {
            first_pass: placed(Some(hit.ranks.first_pass), Some(hit.scores.first_pass)),
            cross_encoder: placed(hit.ranks.cross_encoder, hit.scores.cross_encoder),
            probability: hit.scores.probability,
            answer: placed(Some(rank), Some(hit.score)),
            stopped,
            ..Self::default()
        }
    }

    /// Adds where a passage stands in each arm.
    pub(super) fn add_arms(&mut self, arms: &Arms, passage: &Passage) {
        self.lexical = arms.lexical.get(&passage.key).copied();
        self.dense = arms.dense.get(&passage.key).copied();
        self.n_lexical = arms.lexical.len();
        self.n_dense = arms.dense.len();
    }
}
