//! The lexical arm: BM25 over the words of every passage.
//!
//! Only this module names tantivy. It keeps the postings, lengths and deletions; the terms, the reading
//! of queries ([`Query`]) and the scoring are our own.
//!
//! Scoring visits every posting of every term of the query, whatever the size: for the best 100 of
//! 500 000 passages of 90 words and queries of seven terms that takes 1.0 ms of CPU, tantivy's
//! block-max WAND 3.4 ms and its own exhaustive search 1.2 ms (60 000 passages: 0.3, 0.7 and 0.35).
//! It also makes scores independent of how passages are spread over segments.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use reread_retrieval::{Note, Query};
use tantivy::schema::Schema;

use crate::{Error, Result};

mod best;
mod constraint;
mod schema;
mod search;
mod segment;
mod sought;
mod words;
mod writer;

pub use constraint::Constraint;
pub use search::Found as LexicalFound;
pub use writer::{LexicalPassage, LexicalWriter};

use constraint::Lookup;
use schema::{Fields, failed, open_index};
use segment::{Segment, Statistics};

/// A snapshot of a lexical index, open for searching.
///
/// It reads what was committed when it was opened, whatever a writer does later, and takes no lock
/// and writes nothing, so the folder may be read-only.
pub struct LexicalIndex {
    path: PathBuf,
    index: tantivy::Index,
    schema: Schema,
    fields: Fields,
    segments: Vec<Segment>,
    statistics: Statistics,
}

impl LexicalIndex {
    /// Opens the index in `dir`.
    ///
    /// # Errors
    /// [`Error::Lexical`] if there is no index that this version reads.
    pub fn open(dir: &Path) -> Result<Self> {
        guarded(dir, || Self::open_here(dir))
    }

    fn open_here(dir: &Path) -> Result<Self> {
        let (index, fields) = open_index(dir)?;
        let segments = index
            .searchable_segments()
            .and_then(|segments| {
                segments
                    .iter()
                    .map(|segment| Segment::open(segment, fields))
                    .collect::<Result<Vec<_>, _>>()
            })
            .map_err(|source| failed("open it", dir, source))?;
        let statistics = Statistics::new(&segments, fields);
        let schema = index.schema();
        Ok(Self {
            path: dir.to_owned(),
            index,
            schema,
            fields,
            segments,
            statistics,
        })
    }

    /// Tells whether it has all that this version writes. One of an earlier version is searched as
    /// far as it goes and never written to.
    pub fn is_current(&self) -> bool {
        self.fields.more.is_some()
    }

    /// Returns the number of passages, without deleted ones.
    pub fn n_passages(&self) -> usize {
        self.segments
            .iter()
            .map(|segment| segment.reader.num_docs() as usize)
            .sum()
    }

    /// Returns the keys and BM25 scores of the `k` best passages, higher scores first, equal
    /// scores by ascending key. Passages without any word of the query are not returned, unless it asks
    /// for documents by title, path or tags.
    ///
    /// Only passages whose key `allowed` accepts take part, and all of those do: the filter acts
    /// before the cut to `k`. The query's phrases and exclusions do not act here; they come as a
    /// [`Constraint`], which the caller makes part of `allowed` so that both arms obey it.
    ///
    /// BM25 as in Robertson and Zaragoza 2009 with Lucene's idf, `ln(1 + (N - n + 0.5) / (n + 0.5))`.
    ///
    /// # Errors
    /// [`Error::Lexical`] if the index cannot be read.
    pub fn search(
        &self,
        query: &Query,
        k: usize,
        allowed: Option<&(dyn Fn(u64) -> bool + Sync)>,
    ) -> Result<Vec<(u64, f32)>> {
        Ok(self.search_and_score(query, k, allowed, &[])?.best)
    }

    /// Searches as [`search`](Self::search) does, and tells beside that what the passages with the keys
    /// `also` score and the most that any could.
    ///
    /// # Errors
    /// [`Error::Lexical`] if the index cannot be read.
    pub fn search_and_score(
        &self,
        query: &Query,
        k: usize,
        allowed: Option<&(dyn Fn(u64) -> bool + Sync)>,
        also: &[u64],
    ) -> Result<LexicalFound> {
        let (segments, statistics) = (&self.segments, &self.statistics);
        guarded(&self.path, || {
            search::search(segments, statistics, query, k, allowed, also)
                .map_err(|source| failed("search it", &self.path, source))
        })
    }

    /// Finds the passages that hold all phrases of `query` and nothing it excludes. Returns `None`
    /// if the query has neither.
    ///
    /// # Errors
    /// [`Error::Lexical`] if the index cannot be read.
    pub fn constraint(&self, query: &Query) -> Result<Option<Constraint>> {
        if query.phrases().is_empty() && query.exclusions().is_empty() {
            return Ok(None);
        }
        guarded(&self.path, || {
            let lookup = Lookup {
                segments: &self.segments,
                schema: &self.schema,
                fields: self.fields,
            };
            Constraint::new(query, lookup)
                .map(Some)
                .map_err(|source| failed("search it", &self.path, source))
        })
    }

    /// Says which words of the query no passage holds although they are nearly written like one that is held,
    /// and which of its prefixes begin too many words. An index of an earlier version says nothing.
    ///
    /// # Errors
    /// [`Error::Lexical`] if the index cannot be read.
    pub fn notes(&self, query: &Query) -> Result<Vec<Note>> {
        let Some(more) = self.fields.more else {
            return Ok(Vec::new());
        };
        guarded(&self.path, || {
            words::notes(query, more, &self.segments, &self.statistics)
                .map_err(|source| failed("search it", &self.path, source))
        })
    }

    /// The stored keys of all passages that are not deleted, ascending; one that is stored twice
    /// comes twice.
    ///
    /// # Errors
    /// [`Error::Damaged`] if the index cannot be read.
    pub fn keys(&self) -> Result<Vec<u64>> {
        guarded(&self.path, || {
            let mut keys = Vec::with_capacity(self.n_passages());
            for segment in &self.segments {
                let alive = segment.reader.doc_ids_alive();
                keys.extend(alive.map(|doc| segment.keys.get_val(doc)));
            }
            keys.sort_unstable();
            Ok(keys)
        })
    }

    /// Reads every file and compares its checksum.
    ///
    /// # Errors
    /// [`Error::Damaged`] with one of the damaged files, [`Error::Lexical`] if one cannot be read.
    pub fn verify(&self) -> Result<()> {
        let damaged = self
            .index
            .validate_checksum()
            .map_err(|source| failed("verify it", &self.path, source))?;
        match damaged.iter().min() {
            None => Ok(()),
            Some(file) => Err(Error::Damaged {
                path: self.path.join(file),
                offset: 0,
                problem: "the checksum does not match".to_owned(),
            }),
        }
    }
}

/// tantivy panics on some damaged files; that is damage, and no reason to end the program.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Error::Damaged {
            path: path.to_owned(),
            offset: 0,
            problem: "its reader failed on what it holds".to_owned(),
        })
    })
}

impl fmt::Debug for LexicalIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LexicalIndex")
            .field("path", &self.path)
            .field("n_passages", &self.n_passages())
            .field("n_segments", &self.segments.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
