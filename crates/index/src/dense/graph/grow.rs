//! Inserts rows into a layer, batch by batch.
//!
//! Malkov and Yashunin, arXiv:1603.09320, algorithms 1 and 4, with the batches of Dobson, Blelloch
//! and others, "Scaling Graph-Based ANNS Algorithms to Billion-Size Datasets", arXiv:2305.04359:
//! the rows of a batch are searched for at the same time, in a graph that does not change
//! meanwhile, and linked after that. So nothing is locked, and the graph is the same whatever the
//! number of threads.

use rayon::prelude::*;

use super::layout::{Layout, Links, NONE};
use super::search::Walk;
use crate::dense::rows::by_score;
use crate::dense::scan::{QueryInt8, Rows};
use crate::dense::steps::Steps;
use crate::{Result, simd};

/// How much further from the row in question than from one kept before a row may be and still be
/// kept, in squares of distances: with a little more links a narrow beam finds more. (The alpha of
/// Jayaram Subramanya and others, "`DiskANN`", 2019; 45,000 passages, a beam of 110: recall@100 .990
/// with 1.0, .993 with 1.1, .994 with 1.2, which takes longer to build and to search.)
const SLACK: f32 = 1.1;

/// A batch has at most this share of the rows, so that few rows miss each other.
const BATCHES: usize = 50;

/// Rows of a batch between two steps: about a second's work.
const PART: usize = 1024;

/// Inserts `order[n_in..]` into a layer that holds the rows before them.
///
/// `steps` is told now and then the number of rows that are in or searched for.
///
/// # Errors
/// [`Error::Cancelled`](crate::Error::Cancelled).
pub(super) fn grow(
    words: &mut [u32],
    layout: &Layout,
    rows: Rows<'_>,
    (order, n_in): (&[u32], usize),
    ef: usize,
    steps: &Steps<'_>,
) -> Result<()> {
    // The first row has nothing to be linked to.
    let mut n_in = n_in.max(1);
    while n_in < order.len() {
        let most = n_in.min((order.len() / BATCHES).max(1));
        let batch = &order[n_in..order.len().min(n_in + most)];
        let links = Links { words, layout };
        let choose = |pos: &u32| {
            let query = &QueryInt8::of_row(rows, *pos);
            let near = Walk { links, rows, query }.nearest(ef);
            select(rows, near, layout.stride())
        };
        let mut chosen: Vec<Vec<(u32, f32)>> = Vec::with_capacity(batch.len());
        for part in batch.chunks(PART) {
            steps.reach(n_in + chosen.len())?;
            chosen.par_extend(part.par_iter().map(choose));
        }
        let mut back = Vec::new();
        for (pos, chosen) in batch.iter().zip(chosen) {
            back.extend(chosen.iter().map(|(near, score)| (*near, *pos, *score)));
            write(words, layout, *pos, chosen.iter().map(|near| near.0));
        }
        link_back(words, layout, rows, back);
        n_in += batch.len();
    }
    Ok(())
}

/// Adds the links (from, to, score) that answer those of a batch.
fn link_back(words: &mut [u32], layout: &Layout, rows: Rows<'_>, mut back: Vec<(u32, u32, f32)>) {
    back.sort_unstable_by_key(|link| (link.0, link.1));
    let links = Links { words, layout };
    let of_one: Vec<&[(u32, u32, f32)]> = back.chunk_by(|a, b| a.0 == b.0).collect();
    let lists: Vec<(u32, Vec<u32>)> = of_one
        .par_iter()
        .map(|added| (added[0].0, merged(links, rows, added)))
        .collect();
    for (from, list) in lists {
        write(words, layout, from, list.into_iter());
    }
}

/// The links of a row with some added, the most useful of them where that is too many.
fn merged(links: Links<'_>, rows: Rows<'_>, added: &[(u32, u32, f32)]) -> Vec<u32> {
    let from = added[0].0;
    let mut list: Vec<u32> = links.of(from).collect();
    if list.len() + added.len() <= links.layout.stride() {
        list.extend(added.iter().map(|link| link.1));
        return list;
    }
    let query = QueryInt8::of_row(rows, from);
    let mut products = Vec::new();
    simd::dot_some_i8(&query.values, rows.values, &list, &mut products);
    let scores = list.iter().zip(products);
    let scores =
        scores.map(|(pos, product)| (*pos, query.score(product, rows.steps[*pos as usize])));
    let mut near: Vec<(u32, f32)> = scores.collect();
    near.extend(added.iter().map(|link| (link.1, link.2)));
    near.sort_unstable_by(|a, b| by_score(*a, *b));
    let chosen = select(rows, near, links.layout.stride());
    chosen.into_iter().map(|near| near.0).collect()
}

/// Keeps of rows, closest first, those that are about closer to the row in question than to each
/// one kept before (algorithm 4): links in all directions, and not many to one cluster.
fn select(rows: Rows<'_>, near: Vec<(u32, f32)>, most: usize) -> Vec<(u32, f32)> {
    let mut kept: Vec<(u32, f32)> = Vec::with_capacity(most);
    let mut positions = Vec::with_capacity(most);
    let mut products = Vec::new();
    for (pos, score) in near {
        if kept.len() == most {
            break;
        }
        let values = &rows.values[pos as usize * rows.dim..][..rows.dim];
        simd::dot_some_i8(values, rows.values, &positions, &mut products);
        let step = rows.steps[pos as usize];
        let closer = |(other, product): (&u32, &i32)| {
            let between = *product as f32 * (step * rows.steps[*other as usize]);
            (1.0 - between) * SLACK < 1.0 - score
        };
        if !positions.iter().zip(&products).any(closer) {
            kept.push((pos, score));
            positions.push(pos);
        }
    }
    kept
}

fn write(words: &mut [u32], layout: &Layout, pos: u32, links: impl Iterator<Item = u32>) {
    let list = &mut words[layout.list_at(pos as usize)..][..layout.stride()];
    let links = links.chain(std::iter::repeat(NONE));
    list.iter_mut()
        .zip(links)
        .for_each(|(word, link)| *word = link);
}
