//! Whether vectors are usable, their 8-bit copies faithful, and searches find what is near.

use std::ops::Range;
use std::path::Path;

use rayon::prelude::*;

use super::arms::open_sound;
use super::check::{Check, Closed, Subject};
use super::files::Unsound;
use super::graph;
use crate::dense::{DenseSearch, quantise, validate_rows};
use crate::format::header::{FileKind, HEADER_BYTES};
use crate::format::manifest::{Manifest, SegmentRef};
use crate::format::mmap::MappedFile;
use crate::segment::Segment;
use crate::{Result, simd};

/// Vectors of each segment that are searched for.
const SAMPLE: usize = 64;

/// How many neighbours each of them should find.
const NEIGHBOURS: usize = 10;

/// The least share of neighbours that a graph has to find. Graphs were measured at .99 and more
/// (`benches/dense.rs`); a scan has to find all.
const LEAST_GRAPH_RECALL: f64 = 0.95;

/// Rows rounded again at a time.
const BLOCK: u32 = 4096;

/// The checks of one or all segments, and what was looked at.
pub(super) struct Looked {
    rows: Check,
    graph: Check,
    recall: Check,
    n_rows: usize,
    n_by_graph: usize,
    n_found: usize,
    n_sought: usize,
}

/// The checks of vectors and of the searches over them.
pub(super) fn check(folder: &Path, manifest: &Manifest, unsound: &Unsound) -> Vec<Check> {
    let mut looked = Looked::new();
    for described in &manifest.segments {
        looked.look(folder, manifest, described, unsound);
    }
    looked.rows.extent = format!("{} vectors", looked.n_rows);
    looked.graph.extent = match looked.n_by_graph {
        0 => "none: all vectors are scanned".to_owned(),
        n => format!("{n} vectors looked for"),
    };
    let share = match looked.n_sought {
        0 => 1.0,
        sought => looked.n_found as f64 / sought as f64,
    };
    looked.recall.extent = format!("{share:.4} of {} neighbours found", looked.n_sought);
    vec![looked.rows, looked.graph, looked.recall]
}

/// Whether the vectors of a segment are there and usable, whatever became of its other files.
pub(super) fn are_usable(
    folder: &Path,
    manifest: &Manifest,
    described: &SegmentRef,
    unsound: &Unsound,
) -> bool {
    let mut check = Check::new(Subject::Vectors);
    check_rows(&mut check, folder, manifest, described, unsound).is_ok() && check.n_findings == 0
}

/// Whether nothing is wrong with what is derived from a segment's vectors.
pub(super) fn is_faithful(
    folder: &Path,
    manifest: &Manifest,
    described: &SegmentRef,
    unsound: &Unsound,
) -> bool {
    let mut looked = Looked::new();
    looked.look(folder, manifest, described, unsound);
    let checks = [looked.rows, looked.graph, looked.recall];
    checks
        .iter()
        .all(|check| check.n_findings == 0 && check.not_checked.is_none())
}

impl Looked {
    fn new() -> Self {
        Self {
            rows: Check::new(Subject::Vectors),
            graph: Check::new(Subject::Graph),
            recall: Check::new(Subject::Recall),
            n_rows: 0,
            n_by_graph: 0,
            n_found: 0,
            n_sought: 0,
        }
    }

    fn look(
        &mut self,
        folder: &Path,
        manifest: &Manifest,
        described: &SegmentRef,
        unsound: &Unsound,
    ) {
        let before = self.rows.n_findings;
        match check_rows(&mut self.rows, folder, manifest, described, unsound) {
            Ok(n_rows) => self.n_rows += n_rows,
            Err(closed) => self.rows.close(closed),
        }
        match open_sound(folder, manifest, described, unsound) {
            Ok(_) if self.rows.n_findings > before => {
                let reason = || Some(format!("segment {} is damaged", described.number));
                self.graph.not_checked = reason();
                self.recall.not_checked = reason();
            }
            Ok(segment) => self.look_into(folder, described, &segment),
            Err(Closed::Failed(error)) => self.rows.fail(&error),
            Err(Closed::Blocked(reason)) => {
                for check in [&mut self.rows, &mut self.graph, &mut self.recall] {
                    check.not_checked = Some(reason.clone());
                }
            }
        }
    }

    fn look_into(&mut self, folder: &Path, described: &SegmentRef, segment: &Segment) {
        if let Err(error) = check_copies(&mut self.rows, folder, described, segment) {
            self.rows.fail(&error);
        }
        self.n_by_graph += graph::check(&mut self.graph, folder, described, segment);
        match sample(segment) {
            Ok((found, sought)) => {
                check_recall(&mut self.recall, folder, described, found, sought);
                self.n_found += found;
                self.n_sought += sought;
            }
            Err(error) => self.recall.fail(&error),
        }
    }
}

/// Each row is finite and of length 1. Returns how many there are.
fn check_rows(
    check: &mut Check,
    folder: &Path,
    manifest: &Manifest,
    described: &SegmentRef,
    unsound: &Unsound,
) -> Result<usize, Closed> {
    if unsound.contains(&described.vectors.name) {
        return Err(Closed::of_segment(described));
    }
    let path = folder.join(&described.vectors.name);
    let file = MappedFile::open_as(&path, FileKind::Vectors, &described.vectors)?;
    let (n, dim) = (described.n_passages as usize, manifest.dim as usize);
    let cells = n.checked_mul(dim).and_then(|cells| cells.checked_mul(4));
    if dim == 0 || cells != Some(file.payload().len()) {
        let problem = "its length does not match the number of passages";
        return Err(file.damaged(16, problem).into());
    }
    let rows = file.f32s(0..file.payload().len())?;
    for (position, row) in rows.chunks_exact(dim).enumerate() {
        if validate_rows("", row, dim).is_err() {
            let at = (HEADER_BYTES + position * dim * 4) as u64;
            let problem = format!("vector {position} is not finite or not of length 1");
            check.find(&path, Some(at), problem);
        }
    }
    Ok(n)
}

/// Each 8-bit row is the rounding of its vector, and the bound that a scan relies on holds.
fn check_copies(
    check: &mut Check,
    folder: &Path,
    described: &SegmentRef,
    segment: &Segment,
) -> Result<()> {
    let path = folder.join(&described.quantised.name);
    let n = segment.n_passages();
    let mut largest = 0.0_f32;
    for start in (0..n).step_by(BLOCK as usize) {
        let block = start..n.min(start.saturating_add(BLOCK));
        largest = largest.max(check_block(check, &path, segment, block)?);
    }
    let stored = segment.max_error()?;
    if !(stored.is_finite() && stored >= largest) {
        let problem =
            format!("it says that copies are at most {stored} steps off, but one is {largest} off");
        check.find(&path, Some(HEADER_BYTES as u64), problem);
    }
    Ok(())
}

/// Compares a block of copies. Returns the largest distance from a vector to its rounding.
fn check_block(
    check: &mut Check,
    path: &Path,
    segment: &Segment,
    block: Range<u32>,
) -> Result<f32> {
    let rows = segment.vectors(block.clone())?;
    let dim = rows.len() / block.len();
    let rounded = quantise(rows, dim);
    let expected = rounded.steps.iter().zip(rounded.values.chunks_exact(dim));
    for (position, (step, values)) in block.zip(expected) {
        let (stored_step, stored) = segment.quantised_row(position)?;
        if stored_step.to_bits() != step.to_bits() || stored != values {
            let problem = format!("the 8-bit copy of vector {position} is not its rounding");
            check.find(path, Some(segment.copy_offset(position)), problem);
        }
    }
    Ok(rounded.max_error)
}

fn check_recall(
    check: &mut Check,
    folder: &Path,
    described: &SegmentRef,
    found: usize,
    sought: usize,
) {
    let (by_graph, least) = match described.graph {
        Some(_) => ("graph", LEAST_GRAPH_RECALL),
        None => ("scan", 1.0),
    };
    if (found as f64) < sought as f64 * least {
        let path = folder.join(format!("segment-{}", described.number));
        let problem = format!(
            "its {by_graph} finds {found} of {sought} nearest vectors, but should find {least}"
        );
        check.find(&path, None, problem);
    }
}

/// Searches for vectors of the segment themselves, spread evenly. Returns how many of their nearest
/// vectors were found, and how many there are.
fn sample(segment: &Segment) -> Result<(usize, usize)> {
    let n = segment.n_passages() as usize;
    let stride = n.div_ceil(SAMPLE).max(1);
    let k = NEIGHBOURS.min(n);
    let positions: Vec<usize> = (0..n).step_by(stride).collect();
    let found = positions.par_iter().map(|&position| {
        let query = segment.vector(position as u32)?;
        let hits = segment
            .search_dense(query, k, &DenseSearch::default())?
            .hits;
        let floor = kth_best(segment, query, k)?;
        // Equal scores are equally near, whichever of them was found.
        Ok(hits.iter().filter(|(_, score)| *score >= floor).count())
    });
    let found: Vec<usize> = found.collect::<Result<_>>()?;
    Ok((found.iter().sum(), positions.len() * k))
}

/// The `k`-th best product of a query with every vector.
fn kth_best(segment: &Segment, query: &[f32], k: usize) -> Result<f32> {
    let mut scores: Vec<f32> = (0..segment.n_passages())
        .map(|position| Ok(simd::dot_f32(query, segment.vector(position)?)))
        .collect::<Result<_>>()?;
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    Ok(scores.get(k.saturating_sub(1)).copied().unwrap_or(f32::MIN))
}
