//! Builds a graph with `hnsw_rs`, the only file that names it, and takes the links out of it.
//!
//! `hnsw_rs` inserts in parallel, and that is all it does here. Its hazards are kept out: it ends
//! the process for more than 256 links, so options are checked first; it panics on a NaN distance,
//! and the distance here is never NaN; its own files and its search are not used at all.

use std::collections::HashMap;

use hnsw_rs::prelude::{Distance, Hnsw};
use rayon::prelude::*;

use super::layout::{Layout, MAX_LAYERS};
use super::options::HnswOptions;
use crate::dense::scan::Rows;
use crate::{Error, Result, simd};

/// Rows inserted between two looks at `go_on`.
pub(super) const BATCH: usize = 4096;

/// Returns the words of a graph of `rows`, and their layout.
///
/// `go_on` is asked now and then with the number of rows inserted.
///
/// # Errors
/// [`Error::Cancelled`] when `go_on` answers `false`.
pub(super) fn build(
    rows: Rows<'_>,
    options: &HnswOptions,
    go_on: &dyn Fn(usize) -> bool,
) -> Result<(Vec<u32>, Layout)> {
    let n = rows.steps.len();
    let (mut distinct, equal) = distinct_rows(rows);
    // Neighbours in a document are alike, and rows that go in at the same time do not see each
    // other: multiples of the golden ratio scatter them.
    distinct.sort_by_key(|pos| pos.wrapping_mul(0x9E37_79B1));
    let layers = if distinct.is_empty() {
        Vec::new()
    } else {
        layers(&insert(rows, &distinct, options, go_on)?)
    };
    let layout = Layout {
        n,
        dim: rows.dim,
        m: options.m,
        entry: layers
            .last()
            .and_then(|top| top.first())
            .map_or(0, |node| node.0),
        upper: layers.iter().skip(1).map(Vec::len).collect(),
        n_equal: equal.len(),
        n_lost: 0,
    };
    let mut words = layout.empty_words();
    if let Some((lowest, upper)) = layers.split_first() {
        for (pos, links) in lowest {
            write_list(
                &mut words,
                layout.list_at(*pos as usize),
                layout.stride(),
                links,
            );
        }
        for (layer, nodes) in upper.iter().enumerate() {
            write_upper(&mut words, &layout, layer, nodes);
        }
    }
    let at = words.len() - 2 * equal.len();
    for (pair, (kept, left_out)) in words[at..].chunks_exact_mut(2).zip(equal) {
        pair.copy_from_slice(&[kept, left_out]);
    }
    Ok((words, layout))
}

/// The 8-bit copies of the rows, each with the bytes of its step behind it: a quarter of the
/// memory of the rows, and products that take a third of the time.
type Inserted = Hnsw<'static, i8, Int8Distance>;

fn insert(
    rows: Rows<'_>,
    positions: &[u32],
    options: &HnswOptions,
    go_on: &dyn Fn(usize) -> bool,
) -> Result<Inserted> {
    let hnsw = Hnsw::new(
        options.m,
        positions.len(),
        MAX_LAYERS.min(HNSW_RS_LAYERS),
        options.ef_construction,
        Int8Distance,
    );
    let row = |pos: u32| {
        let mut row = rows.values[pos as usize * rows.dim..][..rows.dim].to_vec();
        let step = rows.steps[pos as usize].to_le_bytes();
        row.extend(step.map(u8::cast_signed));
        row
    };
    // The first rows go in one by one: threads that start on an empty graph at the same time
    // would each insert a row without links.
    let (first, rest) = positions.split_at(positions.len().min(BATCH / 8));
    for pos in first {
        hnsw.insert_slice((&row(*pos), *pos as usize));
    }
    for (batch, positions) in rest.chunks(BATCH).enumerate() {
        if !go_on(first.len() + batch * BATCH) {
            return Err(Error::Cancelled);
        }
        positions
            .par_iter()
            .for_each(|pos| hnsw.insert_slice((&row(*pos), *pos as usize)));
    }
    Ok(hnsw)
}

/// The most layers that `hnsw_rs` makes.
const HNSW_RS_LAYERS: usize = 16;

/// `1 - dot`, never below 0. The rows are normalised, so this is about the cosine distance.
#[derive(Debug, Default, Clone, Copy)]
struct Int8Distance;

impl Distance<i8> for Int8Distance {
    fn eval(&self, left: &[i8], right: &[i8]) -> f32 {
        let (Some((left, left_step)), Some((right, right_step))) =
            (left.split_last_chunk::<4>(), right.split_last_chunk::<4>())
        else {
            return 0.0;
        };
        let step = |bytes: &[i8; 4]| f32::from_le_bytes(bytes.map(i8::cast_unsigned));
        let mut product = [0];
        simd::dot_rows_i8(left, right, &mut product);
        let score = product[0] as f32 * (step(left_step) * step(right_step));
        // `max` also turns a NaN into 0, so that no comparison can panic.
        (1.0 - score).max(0.0)
    }
}

/// The nodes of a layer by position, each with its links, closest first.
type Nodes = Vec<(u32, Vec<u32>)>;

/// Takes the links out of the graph, the lowest layer first.
fn layers(hnsw: &Inserted) -> Vec<Nodes> {
    let indexed = hnsw.get_point_indexation();
    let n_layers = usize::from(indexed.get_max_level_observed()) + 1;
    let mut layers: Vec<Nodes> = vec![Vec::new(); n_layers];
    for top in 0..n_layers {
        for point in indexed.get_layer_iterator(top) {
            let pos = point.get_origin_id() as u32;
            let links = point.get_neighborhood_id();
            for (nodes, links) in layers[..=top].iter_mut().zip(links) {
                let links = links.iter().map(|link| link.get_origin_id() as u32);
                nodes.push((pos, links.filter(|link| *link != pos).collect()));
            }
        }
    }
    for nodes in &mut layers {
        nodes.sort_unstable_by_key(|node| node.0);
    }
    layers
}

fn write_list(words: &mut [u32], at: usize, len: usize, links: &[u32]) {
    for (word, link) in words[at..at + len].iter_mut().zip(links) {
        *word = *link;
    }
}

/// Writes an upper layer, whose links are indices of its nodes.
fn write_upper(words: &mut [u32], layout: &Layout, layer: usize, nodes: &Nodes) {
    let at = layout.nodes_at(layer);
    for (word, (pos, _)) in words[at..].iter_mut().zip(nodes) {
        *word = *pos;
    }
    for (index, (_, links)) in nodes.iter().enumerate() {
        // hnsw_rs can link to a row that is not in the layer; such a link leads nowhere.
        let index_of = |link: &u32| nodes.binary_search_by_key(link, |node| node.0).ok();
        let links: Vec<u32> = links
            .iter()
            .filter_map(index_of)
            .map(|i| i as u32)
            .collect();
        let list_at = at + nodes.len() + index * layout.m;
        write_list(words, list_at, layout.m, &links);
    }
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
