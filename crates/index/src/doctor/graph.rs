//! Whether a graph reaches every vector.

use std::path::Path;

use super::check::Check;
use crate::format::manifest::SegmentRef;
use crate::segment::Segment;

/// Follows every link of a segment's graph, and looks for every vector by it. Returns how many were
/// looked for.
pub(super) fn check(
    check: &mut Check,
    folder: &Path,
    described: &SegmentRef,
    segment: &Segment,
) -> usize {
    let path = folder.join(format!("segment-{}/graph", described.number));
    match segment.check_graph() {
        Err(error) => {
            check.fail(&error);
            0
        }
        Ok(None) => 0,
        Ok(Some(found)) => {
            if found.n_bad_links > 0 {
                let problem = format!("{} of its words name no row", found.n_bad_links);
                check.find(&path, None, problem);
            }
            for position in found.unfound {
                let problem = format!("a search through it does not reach vector {position}");
                check.find(&path, None, problem);
            }
            segment.n_passages() as usize
        }
    }
}
