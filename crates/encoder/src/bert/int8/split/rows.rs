//! A longer sequence on several threads: its rows are dealt out in parts, which meet once a layer.
//!
//! ```text
//! step      part 0                        part 1
//! 0         queries, keys, values of 0    queries, keys, values of 0
//!           --------------- both must be done ---------------------
//! 1         rest of layer 0,              rest of layer 0,
//!           queries, keys, values of 1    queries, keys, values of 1
//!           --------------- both must be done ---------------------
//! 2         ...
//! ```

use std::sync::{Mutex, PoisonError, RwLock};

use crate::bert::int8::{Asking, Scratch as LayerScratch};
use crate::cancel::CancelToken;
use crate::kernels::Aligned;

use super::layers::Split;
use super::turns::{Turn, Turns};

/// Fewer rows to a thread are not worth the meeting.
const MIN_ROWS: usize = 4;

/// The memory that the threads work in.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    parts: Vec<PartScratch>,
    /// Of each part the keys and values of this layer and the one before: while one part fills
    /// the former, another may still read the latter.
    offered: Vec<[RwLock<Aligned>; 2]>,
}

#[derive(Debug, Default)]
struct PartScratch {
    own: LayerScratch,
    /// Keys and values of all parts, head after head.
    keys_values: Aligned,
}

/// Some rows of the sequence.
struct Part<'a> {
    rows: &'a mut [f32],
    scratch: &'a mut PartScratch,
}

impl Split<'_> {
    /// Does what [`Self::run`] says.
    pub(super) fn run_by_rows(
        &self,
        rows: &mut [f32],
        first_row: &mut [f32],
        scratch: &mut Scratch,
        cancel: &CancelToken,
    ) -> bool {
        let part_len = self.part_rows() * self.shape.hidden;
        let n_parts = rows.len().div_ceil(part_len);
        scratch.make_parts(n_parts);
        let offered = &scratch.offered[..n_parts];
        let parts: Vec<_> = rows
            .chunks_mut(part_len)
            .zip(&mut scratch.parts)
            .map(|(rows, scratch)| Mutex::new(Part { rows, scratch }))
            .collect();
        let turns = Turns::new(self.full.len() + 1, n_parts);
        let done = turns.run(cancel, |turn| {
            // Each part has one turn at a time: nobody waits here.
            let mut part = parts[turn.part]
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            self.step(turn, &mut part, offered);
        });
        drop(parts);
        if !done {
            return false;
        }
        if let (Some(last), Some(part)) = (self.last, scratch.parts.first_mut()) {
            let PartScratch { own, keys_values } = part;
            self.join(offered, self.full.len(), keys_values);
            last.finish_first(
                self.shape,
                &[self.sequence],
                rows,
                keys_values,
                first_row,
                own,
            );
        }
        true
    }

    /// Ends one layer for a part, and begins the next.
    fn step(&self, turn: Turn, part: &mut Part<'_>, offered: &[[RwLock<Aligned>; 2]]) {
        let (shape, step) = (self.shape, turn.step);
        let PartScratch { own, keys_values } = &mut *part.scratch;
        if let Some(before) = step.checked_sub(1) {
            self.join(offered, before, keys_values);
            let layer = &self.full[before];
            layer.mix(shape, &[self.sequence], keys_values, Asking::Part, own);
            layer.feed_forward(shape, part.rows, own);
        }
        let next = self.full.get(step);
        if step == 0
            && let Some(first) = next.or(self.last)
        {
            first.quantise(shape, part.rows, own);
        }
        if let Some(layer) = next {
            layer.ask(shape, own);
        }
        if let Some(layer) = next.or(self.last) {
            layer.offer(shape, own);
            let mut offered = offered[turn.part][step % 2]
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::swap(&mut *offered, &mut own.keys_values);
        }
    }

    /// Puts the keys and values together that all parts offered in a step.
    fn join(&self, offered: &[[RwLock<Aligned>; 2]], step: usize, joined: &mut Aligned) {
        let (dim, n_rows) = (self.shape.head_dim, self.sequence.len());
        let joined = joined.of_len(2 * n_rows * self.shape.hidden);
        let part_rows = self.part_rows();
        for (part, offered) in offered.iter().enumerate() {
            let offered = offered[step % 2]
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            let first = part * part_rows;
            let len = part_rows.min(n_rows - first) * dim;
            let heads = joined.chunks_exact_mut(n_rows * dim);
            for (to, from) in heads.zip(offered.chunks_exact(len)) {
                to[first * dim..][..len].copy_from_slice(from);
            }
        }
    }

    /// Rows to a thread: whole tiles of the product where there are many.
    fn part_rows(&self) -> usize {
        let rows = self.sequence.len().div_ceil(self.n_threads.max(1));
        if rows > 16 {
            rows.next_multiple_of(16)
        } else {
            rows.max(MIN_ROWS)
        }
    }
}

impl Scratch {
    fn make_parts(&mut self, n_parts: usize) {
        let n_parts = n_parts.max(self.parts.len());
        self.parts.resize_with(n_parts, PartScratch::default);
        self.offered.resize_with(n_parts, Default::default);
    }
}
