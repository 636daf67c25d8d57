//! Keeps segments few: deletes in place, merges what is small or mostly deleted.

use std::path::Path;

use crate::Result;
use crate::crash::step;
use crate::dense::HnswOptions;
use crate::format::catalog::{Catalog, DocumentRecord};
use crate::format::manifest::{Manifest, SegmentRef};
use crate::segment::{GraphBuild, Segment, SegmentWriter};

/// A segment joins a merge when it is at most this many times as large as all others in it
/// together: a passage is then rewritten a logarithmic number of times.
const GROWTH: u64 = 2;

/// Marks a document's passages as deleted.
pub(crate) fn delete(segments: &mut [SegmentRef], document: &DocumentRecord) {
    let Some(segment) = segments.iter_mut().find(|s| s.number == document.segment) else {
        return;
    };
    if document.n_passages == 0 {
        return;
    }
    let range = (document.first, document.first + document.n_passages);
    let at = segment
        .deleted
        .partition_point(|&(start, _)| start < range.0);
    segment.deleted.insert(at, range);
    join_neighbours(&mut segment.deleted);
}

fn join_neighbours(ranges: &mut Vec<(u32, u32)>) {
    ranges.dedup_by(|next, previous| {
        let touches = next.0 <= previous.1;
        if touches {
            previous.1 = previous.1.max(next.1);
        }
        touches
    });
}

/// Whether [`merge_small`] would build a graph, which may take minutes.
pub(crate) fn graph_is_due(segments: &[SegmentRef], hnsw: &HnswOptions) -> bool {
    let mut segments = segments.to_vec();
    segments.retain(|segment| n_live(segment) > 0);
    let chosen = choose(&segments, Some(hnsw.from_passages));
    let n_live: u64 = chosen.iter().map(|&pos| n_live(&segments[pos])).sum();
    n_live >= hnsw.from_passages as u64
}

/// Merges the segments for which it pays into one, and drops those with nothing left in them.
///
/// Without `graphs` no graph is built, and none is given up: segments that have one stay as they are.
///
/// # Errors
/// `Io`, `Damaged`, or `Cancelled` while a graph was built.
pub(crate) fn merge_small(
    folder: &Path,
    manifest: &mut Manifest,
    catalog: &mut Catalog,
    graphs: Option<&GraphBuild<'_>>,
) -> Result<()> {
    manifest.segments.retain(|segment| n_live(segment) > 0);
    let chosen = choose(
        &manifest.segments,
        graphs.map(|build| build.hnsw.from_passages),
    );
    if chosen.is_empty() {
        return Ok(());
    }
    let merged: Vec<SegmentRef> = chosen
        .iter()
        .map(|&pos| manifest.segments[pos].clone())
        .collect();
    step("merging begun");
    let number = manifest.take_segment_number(folder)?;
    let dim = manifest.dim as usize;
    let model = manifest.model().to_string();
    let mut writer = SegmentWriter::create(folder, number, dim)?;
    for part in &merged {
        let segment = Segment::open(folder, part, &model, dim)?;
        // What is damaged must not get a new digest.
        segment.verify()?;
        let mut documents: Vec<&mut DocumentRecord> = catalog
            .iter_mut()
            .flat_map(|source| &mut source.documents)
            .filter(|document| document.segment == part.number)
            .collect();
        documents.sort_unstable_by_key(|document| document.first);
        for document in documents {
            let first = writer.n_passages();
            for position in document.first..document.first + document.n_passages {
                writer.copy(segment.passages(), position, segment.vector(position)?)?;
            }
            document.segment = number;
            document.first = first;
        }
    }
    let new = writer.finish(graphs)?;
    manifest
        .segments
        .retain(|segment| merged.iter().all(|part| part.number != segment.number));
    manifest.segments.push(new);
    Ok(())
}

/// Positions of the segments to merge; none, or enough to be worth it. `graph_from` is the size from which
/// a segment gets a graph, if graphs are built. A segment of that size that has none, as a long run leaves
/// it, is rewritten as well.
///
/// Once they are merged there is nothing more to merge.
fn choose(segments: &[SegmentRef], graph_from: Option<usize>) -> Vec<usize> {
    let lacks_graph =
        |segment: &SegmentRef| graph_from.is_some_and(|from| without_graph(segment, from));
    let mostly_deleted = |segment: &SegmentRef| n_live(segment) * 2 < u64::from(segment.n_passages);
    let pays = |segment: &SegmentRef| mostly_deleted(segment) || lacks_graph(segment);
    let stays = |segment: &SegmentRef| graph_from.is_none() && segment.graph.is_some();

    let mut chosen: Vec<usize> = Vec::new();
    let mut total = 0;
    loop {
        let n_before = chosen.len();
        for (pos, segment) in segments.iter().enumerate().rev() {
            if stays(segment) || chosen.contains(&pos) {
                continue;
            }
            let live = n_live(segment);
            let youngest = pos + 1 == segments.len();
            let small = total > 0 && live <= GROWTH * total;
            if youngest || small || pays(segment) {
                chosen.push(pos);
                total += live;
            }
        }
        // What has joined may be enough for a larger one to join.
        if chosen.len() == n_before {
            break;
        }
    }
    chosen.sort_unstable();
    if chosen.len() > 1 || chosen.iter().any(|&pos| pays(&segments[pos])) {
        chosen
    } else {
        Vec::new()
    }
}

fn without_graph(segment: &SegmentRef, graph_from: usize) -> bool {
    segment.graph.is_none() && segment.n_passages as usize >= graph_from
}

/// How many passages of a segment are not deleted.
pub(crate) fn n_live(segment: &SegmentRef) -> u64 {
    let deleted: u32 = segment
        .deleted
        .iter()
        .map(|&(start, end)| end - start)
        .sum();
    u64::from(segment.n_passages.saturating_sub(deleted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::manifest::{FileRef, GraphRef};

    fn segment(number: u32, n_passages: u32) -> SegmentRef {
        let file = FileRef {
            name: "x".to_owned(),
            len_bytes: 0,
            digest: [0; 32],
        };
        SegmentRef {
            number,
            n_passages,
            passages: file.clone(),
            vectors: file.clone(),
            quantised: file,
            deleted: Vec::new(),
            graph: None,
        }
    }

    fn record(segment: u32, first: u32, n_passages: u32) -> DocumentRecord {
        DocumentRecord {
            key: 1,
            id: "d".to_owned(),
            title: String::new(),
            segment,
            first,
            n_passages,
            metadata: Vec::new(),
        }
    }

    #[test]
    fn deleted_ranges_stay_sorted_and_joined() {
        let mut segments = [segment(1, 100)];
        for (first, n) in [(50, 10), (0, 5), (60, 5), (5, 5)] {
            delete(&mut segments, &record(1, first, n));
        }
        assert_eq!(segments[0].deleted, [(0, 10), (50, 65)]);
        assert_eq!(n_live(&segments[0]), 75);
    }

    #[test]
    fn a_large_old_segment_is_left_alone() {
        assert_eq!(
            choose(&[segment(1, 10_000), segment(2, 10)], None),
            Vec::<usize>::new()
        );
        assert_eq!(
            choose(&[segment(1, 10_000), segment(2, 15), segment(3, 10)], None),
            [1, 2]
        );
    }

    #[test]
    fn a_mostly_deleted_segment_is_rewritten() {
        let mut old = segment(1, 100);
        old.deleted = vec![(0, 60)];
        assert_eq!(choose(&[old, segment(2, 10)], None), [0, 1]);
    }

    #[test]
    fn a_large_segment_without_a_graph_is_given_one() {
        assert_eq!(
            choose(&[segment(1, 10_000), segment(2, 10)], Some(10_000)),
            [0, 1]
        );
        assert_eq!(choose(&[segment(1, 10_000)], Some(10_000)), [0]);
        assert!(choose(&[segment(1, 9_999), segment(2, 10)], Some(10_000)).is_empty());
    }

    #[test]
    fn what_has_joined_lets_a_larger_one_join() {
        let segments = [segment(1, 18), segment(2, 30), segment(3, 9)];
        assert_eq!(choose(&segments, None), [0, 1, 2]);
    }

    #[test]
    fn without_graphs_a_segment_with_one_stays() {
        let mut with_graph = segment(1, 10_000);
        with_graph.graph = Some(GraphRef {
            file: with_graph.quantised.clone(),
            n_lost: 0,
        });
        with_graph.deleted = vec![(0, 9_000)];
        let segments = [with_graph, segment(2, 10_000), segment(3, 6_000)];
        assert_eq!(choose(&segments, None), [1, 2]);
        assert_eq!(choose(&segments, Some(10_000)), [0, 1, 2]);
        let hnsw = HnswOptions::default().with_from_passages(10_000);
        assert!(graph_is_due(&segments, &hnsw));
        assert!(!graph_is_due(&[segment(1, 9_999)], &hnsw));
    }

    #[test]
    fn many_small_commits_leave_few_segments() {
        let mut segments: Vec<SegmentRef> = Vec::new();
        for number in 0..1_000 {
            segments.push(segment(number, 3));
            let chosen = choose(&segments, None);
            if !chosen.is_empty() {
                let n = chosen.iter().map(|&pos| segments[pos].n_passages).sum();
                for &pos in chosen.iter().rev() {
                    segments.remove(pos);
                }
                segments.push(segment(number + 10_000, n));
            }
            assert!(segments.len() < 12);
        }
    }
}
