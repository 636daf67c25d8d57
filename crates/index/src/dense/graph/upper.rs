//! The upper layers of a graph, built by `hnsw_rs`. The only file that names it.
//!
//! One row in `m` is in them. `hnsw_rs` inserts these one by one, which its fixed seed makes the same
//! every time, and its layers' neighbour lists are taken out of it. Its hazards are kept out: it
//! ends the process for more than 256 links, so options are checked first; it panics on a NaN distance,
//! and the distance here is never NaN; its own files and its search are not used at all. The lowest
//! layer, with all rows, [grows](super::grow) beneath.

use hnsw_rs::prelude::{Distance, Hnsw};

use super::layout::{Layout, MAX_LAYERS};
use super::options::HnswOptions;
use crate::dense::scan::Rows;
use crate::dense::steps::Steps;
use crate::{Result, simd};

/// Rows inserted between two steps.
const BATCH: usize = 1024;

/// The most layers that `hnsw_rs` makes.
const HNSW_RS_LAYERS: usize = 16;

/// The nodes of a layer by position, ascending, each with its links, closest first.
pub(super) type Nodes = Vec<(u32, Vec<u32>)>;

/// Builds the upper layers over `positions`, which are in no order that means anything. The lowest
/// of them, with all of the positions, comes first.
///
/// # Errors
/// [`Error::Cancelled`](crate::Error::Cancelled).
pub(super) fn upper_layers(
    rows: Rows<'_>,
    positions: &[u32],
    options: &HnswOptions,
    steps: &Steps<'_>,
) -> Result<Vec<Nodes>> {
    if positions.is_empty() {
        return Ok(Vec::new());
    }
    // Its lowest layer has twice as many links, which is what an upper layer has here.
    let hnsw: Inserted = Hnsw::new(
        options.m.div_ceil(2).max(2),
        positions.len(),
        HNSW_RS_LAYERS.min(MAX_LAYERS - 1),
        options.ef_construction,
        Int8Distance,
    );
    for batch in positions.chunks(BATCH) {
        steps.reach(0)?;
        for pos in batch {
            hnsw.insert_slice((&with_step(rows, *pos), *pos as usize));
        }
    }
    Ok(layers(&hnsw))
}

/// Writes an upper layer, whose links are indices of its nodes.
pub(super) fn write_upper(words: &mut [u32], layout: &Layout, layer: usize, nodes: &Nodes) {
    let at = layout.nodes_at(layer);
    for (index, (pos, links)) in nodes.iter().enumerate() {
        words[at + index] = *pos;
        // hnsw_rs can link to a row that is not in the layer; such a link leads nowhere.
        let index_of = |link: &u32| nodes.binary_search_by_key(link, |node| node.0).ok();
        let links = links.iter().filter_map(index_of);
        let list_at = at + nodes.len() + index * layout.m;
        let list = &mut words[list_at..list_at + layout.m];
        list.iter_mut()
            .zip(links)
            .for_each(|(word, link)| *word = link as u32);
    }
}

/// The 8-bit copies of the rows, each with the bytes of its step behind it: a quarter of the
/// memory of the rows, and products that take a third of the time.
type Inserted = Hnsw<'static, i8, Int8Distance>;

fn with_step(rows: Rows<'_>, pos: u32) -> Vec<i8> {
    let mut row = rows.values[pos as usize * rows.dim..][..rows.dim].to_vec();
    let step = rows.steps[pos as usize].to_le_bytes();
    row.extend(step.map(u8::cast_signed));
    row
}

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
    layers.retain(|nodes| !nodes.is_empty());
    layers
}
