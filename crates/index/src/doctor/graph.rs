//! Whether a graph reaches every vector. Knows of a graph only that a segment searches by it.

use std::path::Path;

use rayon::prelude::*;

use super::Check;
use crate::Result;
use crate::dense::DenseSearch;
use crate::format::manifest::SegmentRef;
use crate::segment::Segment;

/// Vectors of each graph that are looked for, spread evenly. All are in segments of up to so many;
/// a search takes some milliseconds.
const MOST_SOUGHT: usize = 10_000;

/// How many hits a vector may be among when it is searched for.
const HITS: usize = 10;

/// Looks for the vectors of a segment by its graph. Returns how many were looked for.
pub(super) fn check(
    check: &mut Check,
    folder: &Path,
    described: &SegmentRef,
    segment: &Segment,
) -> usize {
    if described.graph.is_none() {
        return 0;
    }
    let stride = segment.n_passages().div_ceil(MOST_SOUGHT as u32).max(1);
    let positions: Vec<u32> = (0..segment.n_passages()).step_by(stride as usize).collect();
    let reached: Result<Vec<bool>> = positions
        .par_iter()
        .map(|&position| finds_itself(segment, position))
        .collect();
    let reached = match reached {
        Ok(reached) => reached,
        Err(error) => {
            check.fail(&error);
            return 0;
        }
    };
    let path = folder.join(format!("segment-{}/graph", described.number));
    for (position, _) in positions
        .iter()
        .zip(reached)
        .filter(|(_, reached)| !reached)
    {
        check.find(
            &path,
            None,
            format!("a search by it does not reach vector {position}"),
        );
    }
    positions.len()
}

/// Whether a search for a vector finds it, or enough others that are just as near.
fn finds_itself(segment: &Segment, position: u32) -> Result<bool> {
    let query = segment.vector(position)?;
    let hits = segment
        .search_dense(query, HITS, &DenseSearch::default())?
        .hits;
    let own = crate::simd::dot_f32(query, query);
    let last = hits.last().map_or(f32::MIN, |(_, score)| *score);
    Ok(hits.iter().any(|(found, _)| *found == position) || hits.len() == HITS && last >= own)
}
