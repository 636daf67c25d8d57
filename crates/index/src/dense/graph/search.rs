//! The walk through a graph: int8 products along the links, f32 products for what it ends with.
//!
//! Malkov and Yashunin, arXiv:1603.09320, algorithms 2 and 5. The products along the way are those
//! of the rows' 8-bit copies, a quarter of the memory of the rows themselves, which is what a walk
//! waits for. The beam's rows are then rescored in f32 as the exact scan does it.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::layout::Links;
use crate::dense::Allowed;
use crate::dense::scan::{Candidate, QueryInt8, Rows, ordered, rescore, unordered};
use crate::simd;

/// A walk through one graph for one query.
#[derive(Clone, Copy)]
pub(super) struct Walk<'a> {
    pub(super) links: Links<'a>,
    pub(super) rows: Rows<'a>,
    pub(super) query: &'a QueryInt8,
}

/// What a walk needs beside the graph; kept from one search to the next.
#[derive(Default)]
pub(super) struct Scratch {
    visited: Visited,
    frontier: BinaryHeap<Key>,
    best: BinaryHeap<Reverse<Key>>,
    fresh: Vec<u32>,
    products: Vec<i32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Runs `work` with this thread's scratch space.
pub(super) fn with_scratch<T>(work: impl FnOnce(&mut Scratch) -> T) -> T {
    // A search within a search, which does not happen, would work with a new one.
    let mut scratch = SCRATCH.take();
    let result = work(&mut scratch);
    SCRATCH.set(scratch);
    result
}

/// A row and its score in one number, the better one greater, and of two alike the first row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u64);

impl Key {
    fn new(score: f32, pos: u32) -> Self {
        Key(u64::from(ordered(score)) << 32 | u64::from(!pos))
    }

    fn pos(self) -> u32 {
        !(self.0 as u32)
    }

    fn score(self) -> f32 {
        unordered((self.0 >> 32) as u32)
    }
}

impl Walk<'_> {
    /// Returns about the `k` best rows for `query` in f32, best first, ties by position.
    pub(super) fn search(
        &self,
        query: &[f32],
        k: usize,
        ef: usize,
        allowed: Option<Allowed<'_>>,
    ) -> Vec<(u32, f32)> {
        let passes = |pos: u32| allowed.is_none_or(|allowed| allowed.contains(pos));
        let any_equal = self.links.layout.n_equal > 0;
        // A row stands for those equal to it, so it is collected if one of them may be returned.
        let collected =
            |pos: u32| passes(pos) || any_equal && self.links.equal_to(pos).any(&passes);
        let mut found = with_scratch(|scratch| {
            self.walk(scratch, ef, collected);
            let best = scratch.best.drain();
            best.map(|Reverse(key)| (key.pos(), key.score())).collect()
        });
        self.add_lost(&mut found);
        if any_equal {
            let copies = |(pos, score): &(u32, f32)| {
                let score = *score;
                self.links.equal_to(*pos).map(move |pos| (pos, score))
            };
            let copies: Vec<(u32, f32)> = found.iter().flat_map(copies).collect();
            found.extend(copies);
        }
        let candidates = found.into_iter().filter(|(pos, _)| passes(*pos));
        let mut candidates: Vec<Candidate> = candidates
            .map(|(pos, score)| {
                self.query
                    .candidate(pos, score, self.rows.steps[pos as usize])
            })
            .collect();
        candidates.sort_unstable_by(Candidate::by_upper);
        candidates.dedup_by_key(|candidate| candidate.pos);
        rescore(self.rows, query, k, &candidates)
    }

    /// Whether a walk with this beam ends at `pos`, to which the query belongs.
    ///
    /// Then a wider one does too: until the narrow walk ends, both go the same way, because a row
    /// that only the wide one keeps is worse than all that the narrow one still has to visit.
    pub(super) fn finds(&self, pos: u32, ef: usize) -> bool {
        with_scratch(|scratch| {
            self.walk(scratch, ef, |_| true);
            scratch.best.iter().any(|Reverse(key)| key.pos() == pos)
        })
    }

    /// The rows that a walk ends with and their int8 scores, best first.
    pub(super) fn nearest(&self, ef: usize) -> Vec<(u32, f32)> {
        with_scratch(|scratch| {
            self.walk(scratch, ef, |_| true);
            let mut keys: Vec<Key> = scratch.best.drain().map(|Reverse(key)| key).collect();
            keys.sort_unstable_by_key(|key| Reverse(*key));
            keys.iter().map(|key| (key.pos(), key.score())).collect()
        })
    }

    /// Leaves the `ef` best rows that were met and are collected in `scratch.best`.
    fn walk(&self, scratch: &mut Scratch, ef: usize, collected: impl Fn(u32) -> bool) {
        let Scratch {
            visited,
            frontier,
            best,
            fresh,
            products,
        } = scratch;
        visited.clear(self.links.layout.n);
        frontier.clear();
        best.clear();
        let start = self.descend(fresh, products);
        visited.insert(start.pos());
        frontier.push(start);
        if collected(start.pos()) {
            best.push(Reverse(start));
        }
        while let Some(next) = frontier.pop() {
            let worst = best.peek().filter(|_| best.len() >= ef);
            if worst.is_some_and(|worst| next < worst.0) {
                return;
            }
            fresh.clear();
            fresh.extend(self.links.of(next.pos()).filter(|pos| visited.insert(*pos)));
            if let Some(later) = frontier.peek() {
                simd::prefetch(self.links.list(later.pos()));
            }
            simd::dot_some_i8(&self.query.values, self.rows.values, fresh, products);
            for (pos, product) in fresh.iter().zip(products.iter()) {
                let key = self.key(*pos, *product);
                let worst = best.peek().filter(|_| best.len() >= ef);
                if worst.is_some_and(|worst| key < worst.0) {
                    continue;
                }
                frontier.push(key);
                if collected(*pos) {
                    if best.len() >= ef {
                        best.pop();
                    }
                    best.push(Reverse(key));
                }
            }
        }
    }

    /// Walks down the upper layers, each time to the row from which no link leads closer.
    fn descend(&self, ids: &mut Vec<u32>, products: &mut Vec<i32>) -> Key {
        let links = self.links;
        let mut here = self.score_one(links.layout.entry, products);
        for layer in (0..links.layout.upper.len()).rev() {
            let nodes = links.nodes(layer);
            let Ok(mut index) = nodes.binary_search(&here.pos()) else {
                continue;
            };
            loop {
                ids.clear();
                let known = |index: usize| Some(nodes[index]).filter(|pos| self.has(*pos));
                ids.extend(links.upper(layer, index).map_while(known));
                simd::dot_some_i8(&self.query.values, self.rows.values, ids, products);
                let keys = ids.iter().zip(products.iter());
                let keys = keys.map(|(pos, product)| self.key(*pos, *product));
                let Some((link, closest)) = keys.enumerate().max_by_key(|(_, key)| *key) else {
                    break;
                };
                // Each step is to a better row, so there is an end whatever the file says.
                if closest <= here {
                    break;
                }
                here = closest;
                index = links
                    .upper(layer, index)
                    .nth(link)
                    .expect("the links were counted just now");
            }
        }
        here
    }

    fn has(&self, pos: u32) -> bool {
        (pos as usize) < self.links.layout.n
    }

    fn score_one(&self, pos: u32, products: &mut Vec<i32>) -> Key {
        simd::dot_some_i8(&self.query.values, self.rows.values, &[pos], products);
        self.key(pos, products[0])
    }

    fn key(&self, pos: u32, product: i32) -> Key {
        let step = self.rows.steps[pos as usize];
        Key::new(self.query.score(product, step), pos)
    }

    fn add_lost(&self, found: &mut Vec<(u32, f32)>) {
        let lost: Vec<u32> = self.links.lost().collect();
        let mut products = Vec::new();
        simd::dot_some_i8(&self.query.values, self.rows.values, &lost, &mut products);
        let keys = lost.iter().zip(&products);
        found.extend(keys.map(|(pos, product)| (*pos, self.key(*pos, *product).score())));
    }
}

/// The rows that a walk has met, one bit each.
#[derive(Default)]
struct Visited {
    words: Vec<u64>,
}

impl Visited {
    /// Forgets all, and makes room for `n` rows.
    fn clear(&mut self, n: usize) {
        self.words.clear();
        self.words.resize(n.div_ceil(64), 0);
    }

    /// Returns whether the row is met for the first time.
    fn insert(&mut self, pos: u32) -> bool {
        let word = &mut self.words[pos as usize / 64];
        let bit = 1 << (pos % 64);
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }
}
