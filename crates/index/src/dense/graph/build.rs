//! Builds a graph: which rows are in which layer, and the layers one after the other.

use std::collections::HashMap;

use rayon::prelude::*;

use super::grow::grow;
use super::layout::Layout;
use super::options::HnswOptions;
use super::upper::{upper_layers, write_upper};
use crate::Result;
use crate::dense::scan::Rows;
use crate::dense::steps::Steps;

/// Returns the words of a graph of `rows`, and their layout.
///
/// `steps` is told now and then the number of rows inserted.
///
/// # Errors
/// [`Error::Cancelled`](crate::Error::Cancelled).
pub(super) fn build(
    rows: Rows<'_>,
    options: &HnswOptions,
    steps: &Steps<'_>,
) -> Result<(Vec<u32>, Layout)> {
    let (distinct, equal) = distinct_rows(rows);
    let drawn = |pos: &&u32| scatter(**pos).is_multiple_of(options.m as u64);
    let sample: Vec<u32> = distinct.iter().filter(drawn).copied().collect();
    let upper = upper_layers(rows, &scattered(sample), options, steps)?;
    let top = upper.last().and_then(|nodes| nodes.first());
    let entry = top.map_or(distinct.first().copied(), |node| Some(node.0));
    // Without rows there is none, and nothing to be entered.
    let entry = entry.unwrap_or_default();
    let layout = Layout {
        n: rows.steps.len(),
        dim: rows.dim,
        m: options.m,
        entry,
        upper: upper.iter().map(Vec::len).collect(),
        n_equal: equal.len(),
        n_lost: 0,
    };
    let mut words = layout.empty_words();
    for (layer, nodes) in upper.iter().enumerate() {
        write_upper(&mut words, &layout, layer, nodes);
    }
    // The rows of the upper layers go in first, without walking down, which could end at a row that
    // is not in yet; all others then start where the upper layers lead.
    let in_upper = |pos: &u32| {
        upper
            .first()
            .is_some_and(|nodes| nodes.binary_search_by_key(pos, |node| node.0).is_ok())
    };
    let (first, rest): (Vec<u32>, Vec<u32>) = distinct.iter().partition(|pos| in_upper(pos));
    let mut order = scattered(first);
    let n_first = order.len();
    // Where the upper layers are empty, no row goes in by this one.
    let flat = Layout {
        entry: order.first().copied().unwrap_or_default(),
        upper: Vec::new(),
        ..layout.clone()
    };
    let ef = options.ef_construction;
    grow(&mut words, &flat, rows, (&order, 0), ef, steps)?;
    order.extend(scattered(rest));
    if n_first == 0 {
        // Without upper layers a walk starts at this row, so it has to be in before all others.
        order.sort_by_key(|pos| *pos != entry);
    }
    grow(&mut words, &layout, rows, (&order, n_first), ef, steps)?;
    let at = words.len() - 2 * equal.len();
    for (pair, (kept, left_out)) in words[at..].chunks_exact_mut(2).zip(equal) {
        pair.copy_from_slice(&[kept, left_out]);
    }
    Ok((words, layout))
}

/// Neighbours in a document are alike, and the rows of a batch do not see each other: so they go
/// in in no order.
fn scattered(mut positions: Vec<u32>) -> Vec<u32> {
    positions.sort_by_key(|pos| scatter(!pos));
    positions
}

/// A number that looks drawn, always the same for a row: `SplitMix64` (Steele, Lea and Flood 2014).
fn scatter(pos: u32) -> u64 {
    let mut bits = (u64::from(pos) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// Splits the rows into the first of each and the pairs of a first and one equal to it.
fn distinct_rows(rows: Rows<'_>) -> (Vec<u32>, Vec<(u32, u32)>) {
    let sums: Vec<blake3::Hash> = rows
        .vectors
        .par_chunks_exact(rows.dim)
        .map(|row| {
            let bytes: Vec<u8> = row.iter().flat_map(|value| value.to_le_bytes()).collect();
            blake3::hash(&bytes)
        })
        .collect();
    let mut firsts = HashMap::with_capacity(sums.len());
    let (mut distinct, mut equal) = (Vec::new(), Vec::new());
    for (pos, sum) in (0..).zip(sums) {
        let first = *firsts.entry(sum).or_insert(pos);
        if first == pos {
            distinct.push(pos);
        } else {
            equal.push((first, pos));
        }
    }
    equal.sort_unstable();
    (distinct, equal)
}
