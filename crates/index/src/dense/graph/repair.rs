//! Sees to it that each row finds itself.
//!
//! A build leaves some rows that no link, or none that a walk follows, leads to. The walk for such a row ends among other rows. A link from one of
//! those to the row is one that this walk follows, so the row is then found; where the list is
//! full, a link gives way that a walk can do without. Giving way can lose another row, so all are
//! searched for again until none is lost.

use std::collections::HashSet;

use rayon::prelude::*;

use super::layout::{Layout, Links, NONE};
use super::search::Walk;
use crate::dense::scan::{QueryInt8, Rows};
use crate::dense::steps::Steps;
use crate::{Result, simd};

/// The beam width with which a row has to find itself. A wider one then finds it too.
pub(super) const EF_SELF: usize = 32;

/// How often all rows are searched for. Two or three times do.
const ROUNDS: usize = 12;

/// Rows searched for between two steps.
const BATCH: usize = 4096;

/// How many rows of the walk's end are looked at for a list that has room.
const LOOKED_AT: usize = 8;

/// Changes links until each row finds itself. Returns the rows that still do not, which have been
/// none so far.
///
/// `steps` is told now and then the number of rows done.
///
/// # Errors
/// [`Error::Cancelled`](crate::Error::Cancelled).
pub(super) fn repair(
    words: &mut [u32],
    layout: &Layout,
    rows: Rows<'_>,
    steps: &Steps<'_>,
) -> Result<Vec<u32>> {
    let mut kept = HashSet::new();
    for _ in 0..ROUNDS {
        let lost = lost_rows(Links { words, layout }, rows, steps)?;
        if lost.is_empty() {
            return Ok(lost);
        }
        for pos in lost {
            link_to(words, layout, rows, pos, &mut kept);
        }
    }
    lost_rows(Links { words, layout }, rows, steps)
}

/// Searches for each row and returns those that are not among what is found.
///
/// # Errors
/// [`Error::Cancelled`](crate::Error::Cancelled).
pub(super) fn lost_rows(links: Links<'_>, rows: Rows<'_>, steps: &Steps<'_>) -> Result<Vec<u32>> {
    let n = links.layout.n;
    let mut left_out = vec![false; n];
    for [_, pos] in links.equal() {
        if let Some(left_out) = left_out.get_mut(*pos as usize) {
            *left_out = true;
        }
    }
    let is_lost = |pos: &u32| {
        let query = &QueryInt8::of_row(rows, *pos);
        let walk = Walk { links, rows, query };
        !left_out[*pos as usize] && !walk.finds(*pos, EF_SELF)
    };
    let mut lost = Vec::new();
    for start in (0..n).step_by(BATCH) {
        steps.reach(start)?;
        let batch = (start..n.min(start + BATCH)).into_par_iter();
        lost.par_extend(batch.map(|pos| pos as u32).filter(is_lost));
    }
    Ok(lost)
}

/// Adds a link to a lost row from a row that the walk for it visits. Links in `kept`, a row and
/// the one it leads to, stay.
fn link_to(
    words: &mut [u32],
    layout: &Layout,
    rows: Rows<'_>,
    pos: u32,
    kept: &mut HashSet<(u32, u32)>,
) {
    let links = Links { words, layout };
    let query = &QueryInt8::of_row(rows, pos);
    let end = Walk { links, rows, query }.nearest(EF_SELF);
    let candidates = end.iter().map(|found| found.0).filter(|from| *from != pos);
    let candidates: Vec<u32> = candidates.collect();
    if candidates.len() < end.len() {
        // An earlier repair has brought the walk here.
        return;
    }
    let has_room = |from: &u32| links.list(*from).contains(&NONE);
    let near = &candidates[..candidates.len().min(LOOKED_AT)];
    let room = near.iter().copied().find(has_room);
    let replaced = || {
        candidates
            .iter()
            .find_map(|from| spare(links, rows, *from, kept))
    };
    let place = room
        .map(|from| (from, links.of(from).count()))
        .or_else(replaced);
    if let Some((from, slot)) = place {
        words[layout.list_at(from as usize) + slot] = pos;
        kept.insert((from, pos));
    }
    give_way_back(words, layout, &candidates, pos);
}

/// A row without links leads a walk that starts or passes there nowhere: it gets some.
fn give_way_back(words: &mut [u32], layout: &Layout, near: &[u32], pos: u32) {
    let list = &mut words[layout.list_at(pos as usize)..][..layout.stride()];
    if list[0] == NONE {
        for (slot, near) in list.iter_mut().zip(near.iter().take(layout.m)) {
            *slot = *near;
        }
    }
}

/// The place of the link in a full list that a walk needs least: of those that lead to a row to
/// which another row of the list leads too, and which is closer to that one, the one to the row
/// furthest away; of none such, the one to the row furthest away.
fn spare(
    links: Links<'_>,
    rows: Rows<'_>,
    from: u32,
    kept: &HashSet<(u32, u32)>,
) -> Option<(u32, usize)> {
    let list: Vec<u32> = links.of(from).collect();
    let mut products = Vec::new();
    let mut scores = |pos: u32| -> Vec<f32> {
        let query = QueryInt8::of_row(rows, pos);
        simd::dot_some_i8(&query.values, rows.values, &list, &mut products);
        let scored = list.iter().zip(&products);
        scored
            .map(|(other, product)| query.score(*product, rows.steps[*other as usize]))
            .collect()
    };
    let to_from = scores(from);
    let mut furthest: Vec<usize> = (0..list.len()).collect();
    furthest.retain(|slot| !kept.contains(&(from, list[*slot])));
    furthest.sort_by(|a, b| to_from[*a].total_cmp(&to_from[*b]));
    let detour = |slot: &&usize| {
        let to_row = scores(list[**slot]);
        (0..list.len()).any(|via| {
            via != **slot
                && to_row[via] > to_from[**slot]
                && links.of(list[via]).any(|pos| pos == list[**slot])
        })
    };
    let slot = furthest.iter().find(detour).or(furthest.first());
    slot.map(|slot| (from, *slot))
}
