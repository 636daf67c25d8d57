//! The HNSW graph of a segment's rows: links in one flat file, walked where they lie.
//!
//! Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using
//! Hierarchical Navigable Small World graphs", arXiv:1603.09320. What differs:
//!
//! - `hnsw_rs` builds the upper layers ([`upper`]); in the lowest, which holds all rows, these go in by
//!   batches ([`grow`]), so that a graph is the same whatever the number of threads.
//! - Rows that are equal bit for bit are one node: copies would link to each other and cut
//!   themselves off from the rest. They are told apart again after a walk.
//! - After a build each row is searched for, and links are changed until each is found
//!   ([`repair`]).
//! - A graph is one run of words ([`layout`]), the same in memory and in a mapped file. A search
//!   trusts none of them ([`search`]), and computes products in 8 bits along the way.

use std::collections::HashSet;
use std::path::Path;

use super::allowed::Allowed;
use super::scan::{QueryInt8, Rows};
use super::steps::Steps;
use crate::format::atomic::FileWriter;
use crate::format::header::FileKind;
use crate::format::mmap::{MappedFile, u32_bytes};
use crate::{Error, Result};

mod build;
mod grow;
mod layout;
mod options;
mod repair;
mod search;
mod upper;

use layout::{Layout, Links};
pub use options::HnswOptions;
use search::Walk;

/// An HNSW graph over the rows of one segment.
///
/// It holds links only, on the heap after a build and mapped after [`Graph::open`]; the rows are
/// those of the [`DensePart`](super::DensePart) that it belongs to.
pub struct Graph {
    words: Words,
    layout: Layout,
}

/// What [`DensePart::check_graph`](super::DensePart::check_graph) found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GraphCheck {
    /// Links in the lowest layer, in which all rows are.
    pub n_links: usize,
    /// Words that should name a row and do not. None in a sound graph.
    pub n_bad_links: usize,
    /// Rows that no walk finds and that every search looks at, so that they are found all the same.
    pub n_listed: usize,
    /// Rows that do not find themselves, ascending. None in a sound graph.
    pub unfound: Vec<u32>,
}

enum Words {
    Built(Vec<u32>),
    Mapped(MappedFile),
}

impl Graph {
    /// Builds the graph of rows; see [`build_graph`](super::DensePart::build_graph).
    pub(super) fn build(rows: Rows<'_>, options: &HnswOptions, steps: &Steps<'_>) -> Result<Graph> {
        options.check()?;
        let n = rows.steps.len();
        let (mut words, mut layout) = build::build(rows, options, steps)?;
        let repair = |steps: &Steps<'_>| repair::repair(&mut words, &layout, rows, steps);
        let lost = steps.behind(n, repair)?;
        layout.append_lost(&mut words, lost);
        Ok(Graph {
            words: Words::Built(words),
            layout,
        })
    }

    /// Refuses rows that the graph cannot have been built from.
    pub(super) fn check_fits(&self, rows: Rows<'_>) -> Result<()> {
        if self.len() != rows.steps.len() || self.dim() != rows.dim {
            return Err(Error::InvalidOption {
                option: "graph",
                value: format!("{} rows of {} values", self.len(), self.dim()),
                bound: "built from the same vectors",
            });
        }
        Ok(())
    }

    /// Writes the graph to a new file and syncs it. Returns the payload's length and digest.
    ///
    /// # Errors
    /// [`Error::Io`], also where the file exists.
    pub fn write(&self, path: &Path) -> Result<(u64, [u8; 32])> {
        let mut file = FileWriter::create(path, FileKind::Graph)?;
        for words in self.links().words.chunks(1 << 16) {
            file.write(&u32_bytes(words))?;
        }
        file.finish()
    }

    /// Maps the graph of `n` rows of `dim` values. Reads its front only; what it says of the links
    /// is checked when they are followed.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Damaged`] for a file that is
    /// no graph or one of other rows; [`Error::UnsupportedVersion`].
    pub fn open(path: &Path, n: usize, dim: usize) -> Result<Graph> {
        Graph::from_mapped(MappedFile::open(path, FileKind::Graph)?, n, dim)
    }

    pub(crate) fn from_mapped(file: MappedFile, n: usize, dim: usize) -> Result<Graph> {
        let words = file.u32s(0..file.payload().len())?;
        let layout = Layout::read(words)
            .map_err(|(word, problem)| file.damaged_payload(word * 4, problem))?;
        if (layout.n, layout.dim) != (n, dim) {
            return Err(file.damaged_payload(0, "it was built from other rows"));
        }
        Ok(Graph {
            words: Words::Mapped(file),
            layout,
        })
    }

    /// Compares the payload of a mapped graph with its digest.
    pub(crate) fn verify(&self) -> Result<()> {
        match &self.words {
            Words::Built(_) => Ok(()),
            Words::Mapped(file) => file.verify(),
        }
    }

    /// The number of rows it was built from.
    pub fn len(&self) -> usize {
        self.layout.n
    }

    /// Whether it was built from no rows.
    pub fn is_empty(&self) -> bool {
        self.layout.n == 0
    }

    /// The width of the rows.
    pub fn dim(&self) -> usize {
        self.layout.dim
    }

    /// The number of rows that repair could not make findable, and that every search looks at one
    /// by one.
    pub fn n_lost(&self) -> usize {
        self.layout.n_lost
    }

    /// The number of rows left out because an equal one is in the graph.
    pub fn n_equal(&self) -> usize {
        self.layout.n_equal
    }

    /// Looks at every link, and searches for every row; see
    /// [`check_graph`](super::DensePart::check_graph).
    pub(super) fn check(&self, rows: Rows<'_>, steps: &Steps<'_>) -> Result<GraphCheck> {
        self.check_fits(rows)?;
        let links = self.links();
        let listed: HashSet<u32> = links.lost().collect();
        let mut unfound = repair::lost_rows(links, rows, steps)?;
        unfound.retain(|pos| !listed.contains(pos));
        Ok(GraphCheck {
            n_links: (0..self.layout.n as u32)
                .map(|pos| links.of(pos).count())
                .sum(),
            n_bad_links: links.n_bad(),
            n_listed: listed.len(),
            unfound,
        })
    }

    /// Bytes of the graph, without the rows.
    pub fn size_bytes(&self) -> usize {
        size_of_val(self.links().words)
    }

    /// Returns about the `k` best rows, best first, ties by position. `query` is finite, and as
    /// wide as the rows, which are those that the graph was built from.
    pub(super) fn search(
        &self,
        rows: Rows<'_>,
        query: &[f32],
        k: usize,
        ef_search: usize,
        allowed: Option<Allowed<'_>>,
    ) -> Vec<(u32, f32)> {
        if k == 0 || self.layout.n == 0 {
            return Vec::new();
        }
        let walk = Walk {
            links: self.links(),
            rows,
            query: &QueryInt8::new(query, rows.max_error),
        };
        let ef = ef_search.min(self.layout.n).max(k);
        walk.search(query, k, ef, allowed)
    }

    fn links(&self) -> Links<'_> {
        let words = match &self.words {
            Words::Built(words) => words,
            Words::Mapped(file) => {
                let words = file.u32s(0..file.payload().len());
                words.expect("the whole payload is words, as was found when it was opened")
            }
        };
        Links {
            words,
            layout: &self.layout,
        }
    }
}

#[cfg(test)]
mod tests;
