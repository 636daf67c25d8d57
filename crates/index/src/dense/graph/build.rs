//! Builds a graph: which rows are in which layer, and the layers one after the other.

use std::collections::HashMap;

use rayon::prelude::*;

use super::grow::grow;
use super::layout::{Layout, Links, MAX_LAYERS};
use super::options::HnswOptions;
use crate::Result;
use crate::dense::scan::Rows;

/// Returns the words of a graph of `rows`, and their layout.
///
/// `go_on` is asked now and then with the number of rows inserted.
///
/// # Errors
/// [`Error::Cancelled`](crate::Error::Cancelled) when `go_on` answers `false`.
pub(super) fn build(
    rows: Rows<'_>,
    options: &HnswOptions,
    go_on: &dyn Fn(usize) -> bool,
) -> Result<(Vec<u32>, Layout)> {
    let (distinct, equal) = distinct_rows(rows);
    let upper = upper_layers(&distinct, options.m);
    let entry = upper.last().unwrap_or(&distinct).first().copied();
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
        build_upper(&mut words, &layout, layer, nodes, rows, options, go_on)?;
    }
    // The rows of the upper layers go in first, without walking down, which could end at a row that
    // is not in yet; all others then start where the upper layers lead.
    let in_upper = |pos: &u32| {
        upper
            .first()
            .is_some_and(|nodes| nodes.binary_search(pos).is_ok())
    };
    let (first, rest): (Vec<u32>, Vec<u32>) = distinct.iter().partition(|pos| in_upper(pos));
    let mut order = scattered(first);
    let n_first = order.len();
    let flat = Layout {
        entry: order.first().copied().unwrap_or_default(),
        upper: Vec::new(),
        ..layout.clone()
    };
    let ef = options.ef_construction;
    grow(&mut words, &flat, rows, (&order, 0), ef, go_on)?;
    order.extend(scattered(rest));
    if n_first == 0 {
        // Without upper layers a walk starts at this row, so it has to be in before all others.
        order.sort_by_key(|pos| *pos != entry);
    }
    grow(&mut words, &layout, rows, (&order, n_first), ef, go_on)?;
    let at = words.len() - 2 * equal.len();
    for (pair, (kept, left_out)) in words[at..].chunks_exact_mut(2).zip(equal) {
        pair.copy_from_slice(&[kept, left_out]);
    }
    Ok((words, layout))
}

/// Builds an upper layer as a graph of its own over its nodes, and puts its lists in their place.
fn build_upper(
    words: &mut [u32],
    layout: &Layout,
    layer: usize,
    nodes: &[u32],
    rows: Rows<'_>,
    options: &HnswOptions,
    go_on: &dyn Fn(usize) -> bool,
) -> Result<()> {
    let row = |pos: &u32| &rows.values[*pos as usize * rows.dim..][..rows.dim];
    let values: Vec<i8> = nodes.iter().flat_map(row).copied().collect();
    let steps: Vec<f32> = nodes.iter().map(|pos| rows.steps[*pos as usize]).collect();
    let rows = Rows {
        values: &values,
        steps: &steps,
        ..rows
    };
    let order = scattered((0..nodes.len() as u32).collect());
    // The lowest layer of this graph has twice its `m`, which is what an upper layer has.
    let own = Layout {
        n: nodes.len(),
        dim: rows.dim,
        m: options.m.div_ceil(2),
        entry: order[0],
        upper: Vec::new(),
        n_equal: 0,
        n_lost: 0,
    };
    let mut own_words = own.empty_words();
    grow(
        &mut own_words,
        &own,
        rows,
        (&order, 0),
        options.ef_construction,
        &|_| go_on(0),
    )?;
    let at = layout.nodes_at(layer);
    words[at..at + nodes.len()].copy_from_slice(nodes);
    let links = Links {
        words: &own_words,
        layout: &own,
    };
    for index in 0..nodes.len() {
        let list_at = at + nodes.len() + index * layout.m;
        let list = words[list_at..list_at + layout.m].iter_mut();
        list.zip(links.of(index as u32))
            .for_each(|(word, link)| *word = link);
    }
    Ok(())
}

/// The nodes of each upper layer, ascending: each row is in as many as a geometric distribution
/// gives it, so that each layer has one in `m` of the rows of the one below (the paper's `m_L`).
fn upper_layers(distinct: &[u32], m: usize) -> Vec<Vec<u32>> {
    let top = |pos: u32| {
        let drawn = (scatter(pos) >> 11) as f64 / (1_u64 << 53) as f64;
        (-(1.0 - drawn).ln() / (m as f64).ln()) as usize
    };
    let mut layers: Vec<Vec<u32>> = Vec::new();
    for pos in distinct {
        for layer in 0..top(*pos).min(MAX_LAYERS - 1) {
            if layers.len() == layer {
                layers.push(Vec::new());
            }
            layers[layer].push(*pos);
        }
    }
    layers
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
