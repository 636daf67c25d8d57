//! Follows passages through a search, further than the search itself looks.

use std::collections::HashSet;
use std::iter::once;

use reread_models::CancelToken;
use reread_rerank::{Stop, Stopped};
use reread_retrieval::{
    Arms, DocumentKey, LIST_LEN, LocalFirstPass, MAX_DEPTH, Mode, Passage, PassageKey, Placed,
    Query, Request, RetrieveOptions, lower_bare_headings,
};

use super::Stages;
use crate::distinct::{PASSAGES_PER_DOCUMENT, Wanted};
use crate::engine::Engine;
use crate::fold::Fold;
use crate::options::{By, MAX_TOP_K, SearchOptions};
use crate::per_document::PerDocument;
use crate::result::{Hit, SearchResult};
use crate::{Error, Result};

/// A passage in an answer.
pub(super) struct Found<'h> {
    /// The result that it is, or that stands for it.
    pub(super) hit: &'h Hit,
    /// The passage itself.
    pub(super) passage: &'h Passage,
    /// Its rank, in documents where results are documents.
    pub(super) rank: u32,
    /// How many passages of the result's document stand above it.
    pub(super) n_above: usize,
}

impl<'h> Found<'h> {
    /// The first of these passages in an answer of [`Trail::search_with`] these options, by itself or folded
    /// into another.
    pub(super) fn among(
        hits: &'h [Hit],
        ids: &HashSet<PassageKey>,
        options: &SearchOptions,
    ) -> Option<Self> {
        let mut held = hits.iter().enumerate();
        let (pos, passage) = held.find_map(|(pos, hit)| Some((pos, held_in(hit, ids)?)))?;
        let hit = &hits[pos];
        let above = hits[..pos].iter().map(|hit| hit.passage.document);
        let is_other = |document: &DocumentKey| *document != hit.passage.document;
        let n_others = above.clone().filter(is_other).count();
        let per_document = PerDocument::new(options);
        // Of a document, the passages above this one do not count where results are documents.
        let n_passing = match options.by {
            By::Passage => per_document.n_passing(above),
            By::Document => per_document.n_passing(above.filter(is_other)),
        };
        Some(Self {
            hit,
            passage,
            rank: n_passing as u32 + 1,
            n_above: pos - n_others,
        })
    }

    /// The passage that stands for it, where it is another.
    pub(super) fn stand_in(&self) -> Option<&'h Passage> {
        let shown = &self.hit.passage;
        (shown.key != self.passage.key).then_some(shown)
    }
}

/// The passage of a result that is one of these: the one it shows, or one that it stands for.
pub(super) fn held_in<'h>(hit: &'h Hit, ids: &HashSet<PassageKey>) -> Option<&'h Passage> {
    let mut passages = once(&hit.passage).chain(&hit.also_at);
    passages.find(|passage| ids.contains(&passage.key))
}

/// Options with which each passage that is not folded is a result.
fn flat(options: &SearchOptions) -> SearchOptions {
    let fold = options.folding();
    let mut flat = options.clone().with_by(By::Passage).with_fold(fold);
    flat.per_document = None;
    flat
}

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

    /// The search itself at a depth, with every candidate in its answer.
    pub(super) fn search(&self, depth: usize) -> Result<SearchResult> {
        self.search_with(&self.options.clone().with_depth(depth))
    }

    /// A search with these options, with every candidate in its answer, each passage that is not folded,
    /// whatever its score and its document.
    pub(super) fn search_with(&self, options: &SearchOptions) -> Result<SearchResult> {
        let depth = options.first_pass.depth;
        let n_candidates = self.pool().max(depth);
        let mut all = flat(options).without_thresholds();
        all.stop = Stop::Never;
        let all = all.with_top_k(n_candidates.min(MAX_TOP_K));
        // It must not look deeper for more results than the search itself does: a blend depends on that.
        let wanted = match (options.by, options.fold) {
            (By::Document, _) => Wanted::new(&all),
            (By::Passage, Fold::Never) => Wanted::new(options).with_candidates(n_candidates),
            (By::Passage, _) => Wanted::new(options).keeping(n_candidates),
        };
        self.engine.search_wanting(self.text, &all, &wanted)
    }

    /// The first of these passages in the search's answer.
    pub(super) fn rank<'h>(&self, hits: &'h [Hit], ids: &HashSet<PassageKey>) -> Option<Found<'h>> {
        Found::among(hits, ids, self.options)
    }

    /// The first results of an answer of [`search`](Self::search): without passages whose document is full,
    /// but each of a document that is one result.
    pub(super) fn shown(&self, hits: Vec<Hit>, n: usize) -> Vec<Hit> {
        let mut per_document = PerDocument::new(self.options);
        let mut is_shown = |hit: &Hit| {
            self.options.by == By::Document || per_document.admits(hit.passage.document)
        };
        let mut shown: Vec<Hit> = hits.into_iter().filter(&mut is_shown).take(n).collect();
        for (hit, rank) in shown.iter_mut().zip(1..) {
            hit.rank = rank;
        }
        shown
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

    /// The best of these passages among the candidates of a first pass with these options, where it stands
    /// itself or another one for it.
    pub(super) fn retrieve(
        &self,
        ids: &HashSet<PassageKey>,
        first_pass: &RetrieveOptions,
    ) -> Result<Option<(PassageKey, Placed)>> {
        let never = CancelToken::default();
        let flat = flat(self.options);
        let wanted = Wanted::new(&flat).with_candidates(first_pass.depth);
        let (folded, ()) = wanted.retrieve(self.local.n_passages(), |depth| {
            let mut options = first_pass.clone();
            options.depth = depth;
            let found = self.local.retrieve(&self.request(&options, &never));
            let found = found.map_err(Error::of_first_pass)?.found;
            Ok::<_, Error>((lower_bare_headings(found.into_candidates(&options)), ()))
        })?;
        let best = folded.candidates.iter().find_map(|candidate| {
            let others = folded.others.get(&candidate.passage.key);
            let mut passages = once(&candidate.passage).chain(others.into_iter().flatten());
            let held = passages.find(|passage| ids.contains(&passage.key))?;
            let (score, rank) = (candidate.score, candidate.rank);
            Some((held.key, Placed { score, rank }))
        });
        Ok(best.filter(|(_, placed)| placed.rank as usize <= first_pass.depth))
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
