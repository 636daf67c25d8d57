//! A short sequence on several threads: the columns of every product are dealt out in parts, so
//! that each thread reads its own part of the weights. The parts meet four times a layer, where a row
//! must be whole to be normalised and quantised.
//!
//! ```text
//! step      each part                                        hands on its columns of
//! 0         norm of all rows; queries, keys, values and      context
//!           attention of some heads
//! 1         output, for some columns                         rows
//! 2         norm of all rows; up, for some columns           between
//! 3         down, for some columns                           rows
//! 4         as step 0, in the next layer
//! ...
//! ```

use std::ops::Range;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use crate::bert::int8::Layer;
use crate::bert::shape::Shape;
use crate::cancel::CancelToken;
use crate::kernels::{
    Activated, After, Aligned, HeadRows, IntAttention, IntAttentionScratch, Norm, QuantisedRows,
};

use super::layers::Split;
use super::turns::{Turn, Turns};

/// Steps of a layer.
const STEPS: usize = 4;

/// Fewer columns of a row to a part are not worth the meetings.
const MIN_COLUMNS: usize = 96;

/// What stands between up and down is dealt out this many columns at a time.
const UNIT: usize = 32;

/// The memory that the threads work in.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    parts: Vec<Mutex<PartScratch>>,
    /// What each part hands on, in this step and in the one before: while one part fills the
    /// former, another may still read the latter.
    handed_on: Vec<[RwLock<HandedOn>; 2]>,
}

/// The columns that a part hands on.
#[derive(Debug, Default)]
struct HandedOn {
    /// Of rows, or of context.
    rows: Aligned,
    /// Of what stands between up and down.
    between: Activated,
}

/// The memory of one part.
#[derive(Debug, Default)]
struct PartScratch {
    /// All rows between two products.
    rows: Aligned,
    /// Other rows that all parts have put together.
    joined: Aligned,
    quantised: QuantisedRows,
    queries: Aligned,
    keys: Aligned,
    values: Aligned,
    between: Activated,
    attention: IntAttentionScratch,
}

impl Split<'_> {
    /// Does what [`Self::run`] says.
    pub(super) fn run_by_columns(
        &self,
        rows: &mut [f32],
        first_row: &mut [f32],
        scratch: &mut Scratch,
        cancel: &CancelToken,
    ) -> bool {
        let n_steps = STEPS * (self.full.len() + usize::from(self.last.is_some()));
        let n_parts = self.n_parts();
        scratch.make_parts(n_parts);
        let Scratch { parts, handed_on } = &*scratch;
        let pass = Pass {
            split: self,
            input: rows,
            handed_on: &handed_on[..n_parts],
        };
        let done = Turns::new(n_steps, n_parts).run(cancel, |turn| {
            // Each part has one turn at a time: nobody waits here.
            let mut part = parts[turn.part]
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            pass.step(turn, &mut part);
        });
        if !done {
            return false;
        }
        let mut part = parts[0].lock().unwrap_or_else(PoisonError::into_inner);
        pass.normed(n_steps, &mut part);
        let out = if self.last.is_some() { first_row } else { rows };
        out.copy_from_slice(&part.rows[..out.len()]);
        true
    }

    /// No more parts than there are threads for, and something to do for each.
    fn n_parts(&self) -> usize {
        let Shape {
            hidden, n_heads, ..
        } = *self.shape;
        let layer = self.full.first().or(self.last);
        let n_units = layer.expect("a model has layers").up.n() / UNIT;
        self.n_threads
            .min(hidden / MIN_COLUMNS)
            .clamp(1, n_heads.min(n_units))
    }
}

/// What all parts know of a pass.
struct Pass<'a> {
    split: &'a Split<'a>,
    input: &'a [f32],
    handed_on: &'a [[RwLock<HandedOn>; 2]],
}

impl Pass<'_> {
    /// Does one step of one part.
    fn step(&self, turn: Turn, part: &mut PartScratch) {
        let Turn { step, part: number } = turn;
        let mut out = self.handed_on[number][step % 2]
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match step % STEPS {
            0 => self.attend(turn, part, &mut out.rows),
            1 => self.output(turn, part, &mut out.rows),
            2 => self.up(turn, part, &mut out.between),
            _ => self.down(turn, part, &mut out.rows),
        }
    }

    /// Puts the rows of this layer together, and mixes the values of some heads.
    fn attend(&self, turn: Turn, part: &mut PartScratch, context: &mut Aligned) {
        let (shape, layer) = (self.split.shape, self.layer(turn.step));
        let (kernels, hidden, head_dim) = (shape.kernels, shape.hidden, shape.head_dim);
        self.normed(turn.step, part);
        let own = self.heads(turn.part);
        let n_rows = part.quantised.n_rows();
        let keys_values = [(&mut part.keys, 0), (&mut part.values, hidden)];
        for (to, first) in keys_values {
            let columns = layer
                .keys_values
                .columns(own.start + first..own.end + first);
            let to = to.of_len(n_rows * own.len());
            kernels.linear_int8_by_heads(columns, &part.quantised, head_dim, to);
        }
        let n_queries = self.n_rows(turn.step + 1);
        part.quantised.keep(n_queries);
        let columns = layer.query.columns(own.clone());
        let queries = part.queries.of_len(n_queries * own.len());
        kernels.linear_int8_by_heads(columns, &part.quantised, head_dim, queries);
        let of = |values, n_rows| HeadRows {
            values,
            n_rows,
            rows: 0..n_rows,
        };
        kernels.attend_int8(IntAttention {
            n_heads: own.len() / head_dim,
            head_dim,
            queries: of(&part.queries, n_queries),
            keys: of(&part.keys, n_rows),
            values: of(&part.values, n_rows),
            out: context.of_len(n_queries * own.len()),
            scratch: &mut part.attention,
        });
    }

    /// Adds some columns of the output product to the rows.
    fn output(&self, turn: Turn, part: &mut PartScratch, sums: &mut Aligned) {
        let (shape, layer) = (self.split.shape, self.layer(turn.step));
        let (kernels, own) = (shape.kernels, self.heads(turn.part));
        let context = part.joined.of_len(self.n_rows(turn.step) * shape.hidden);
        self.join(turn.step, context);
        kernels.quantise(context, &layer.output, &mut part.quantised);
        let sums = sums.of_len(part.quantised.n_rows() * own.len());
        copy_columns(&part.rows, shape.hidden, &own, sums);
        let columns = layer.output.columns(own);
        kernels.linear_int8(columns, &part.quantised, After::Add, sums);
    }

    /// Works out some columns of the up product.
    fn up(&self, turn: Turn, part: &mut PartScratch, between: &mut Activated) {
        let (shape, layer) = (self.split.shape, self.layer(turn.step));
        self.normed(turn.step, part);
        let columns = layer.up.columns(self.between(turn.part));
        let rows = (&part.quantised).into();
        shape
            .kernels
            .activate_columns(columns, rows, shape.activation, between);
    }

    /// Adds some columns of the down product to the rows.
    fn down(&self, turn: Turn, part: &mut PartScratch, sums: &mut Aligned) {
        let (shape, layer) = (self.split.shape, self.layer(turn.step));
        let (kernels, own) = (shape.kernels, self.heads(turn.part));
        let (up, activation) = (&layer.up, shape.activation);
        let parts: Vec<_> = self.read(turn.step).collect();
        let parts = parts.iter().map(|part| &part.between);
        kernels.join_activated(parts, up, activation, &mut part.between);
        let to = &mut part.quantised;
        kernels.quantise_activated(&part.between, up, activation, &layer.down, to);
        let sums = sums.of_len(part.quantised.n_rows() * own.len());
        copy_columns(&part.rows, shape.hidden, &own, sums);
        let columns = layer.down.columns(own);
        kernels.linear_int8(columns, &part.quantised, After::Add, sums);
    }

    /// Fills `part.rows` with the rows that step `step` begins with, whole, normalised and
    /// quantised.
    fn normed(&self, step: usize, part: &mut PartScratch) {
        let (kernels, hidden) = (self.split.shape.kernels, self.split.shape.hidden);
        let rows = part.rows.of_len(self.n_rows(step) * hidden);
        let Some(before) = step.checked_sub(1) else {
            rows.copy_from_slice(self.input);
            let reader = &self.layer(step).query;
            kernels.quantise(rows, reader, &mut part.quantised);
            return;
        };
        self.join(step, rows);
        let layer = self.layer(before);
        // The next layer is as wide as this one, so it reads what suits this one.
        let (norm, reader): (&Norm, _) = if step.is_multiple_of(STEPS) {
            (&layer.down_norm, &layer.query)
        } else {
            (&layer.output_norm, &layer.up)
        };
        kernels.norm_and_quantise(rows, norm, reader, &mut part.quantised, 0);
    }

    /// Puts the rows together that all parts handed on in the step before.
    fn join(&self, step: usize, rows: &mut [f32]) {
        let width = self.split.shape.hidden;
        for (number, from) in self.read(step).enumerate() {
            let columns = self.heads(number);
            let from = from.rows.chunks_exact(columns.len());
            for (row, from) in rows.chunks_exact_mut(width).zip(from) {
                row[columns.clone()].copy_from_slice(from);
            }
        }
    }

    /// What all parts handed on in the step before, part after part.
    fn read(&self, step: usize) -> impl Iterator<Item = RwLockReadGuard<'_, HandedOn>> {
        let before = (step - 1) % 2;
        self.handed_on.iter().map(move |both| {
            let from = both[before].read();
            from.unwrap_or_else(PoisonError::into_inner)
        })
    }

    fn layer(&self, step: usize) -> &Layer {
        let Split { full, last, .. } = *self.split;
        let number = step / STEPS;
        full.get(number).or(last).expect("as many steps as layers")
    }

    /// Rows that go into a step: all of them, until the last layer has looked at them.
    fn n_rows(&self, step: usize) -> usize {
        if step > STEPS * self.split.full.len() {
            1
        } else {
            self.input.len() / self.split.shape.hidden
        }
    }

    /// The columns of a part's heads, and of the rows.
    fn heads(&self, part: usize) -> Range<usize> {
        share(
            part,
            self.handed_on.len(),
            self.split.shape.hidden,
            self.split.shape.head_dim,
        )
    }

    /// The columns of a part between up and down.
    fn between(&self, part: usize) -> Range<usize> {
        share(part, self.handed_on.len(), self.layer(0).up.n(), UNIT)
    }
}

/// The columns of one of `n_parts` parts, of `n` columns dealt out in whole units.
fn share(part: usize, n_parts: usize, n: usize, unit: usize) -> Range<usize> {
    let start = |part| n / unit * part / n_parts * unit;
    start(part)..start(part + 1)
}

/// Copies some columns of rows of `width`.
fn copy_columns(rows: &[f32], width: usize, columns: &Range<usize>, to: &mut [f32]) {
    let rows = rows.chunks_exact(width);
    for (row, to) in rows.zip(to.chunks_exact_mut(columns.len())) {
        to.copy_from_slice(&row[columns.clone()]);
    }
}

impl Scratch {
    fn make_parts(&mut self, n_parts: usize) {
        let n_parts = n_parts.max(self.parts.len());
        self.parts.resize_with(n_parts, Default::default);
        self.handed_on.resize_with(n_parts, Default::default);
    }
}
