//! Putting passages into a lexical index.

use std::fs;
use std::path::{Path, PathBuf};

use reread_retrieval::DocumentWords;
use tantivy::directory::error::LockError;
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::{IndexWriter, TantivyDocument, TantivyError, Term};

use super::schema::{Fields, MoreFields, create_index, failed, open_index};
use crate::{Error, Result};

/// tantivy refuses less memory per thread than this, and more threads than that.
const MIN_BUDGET_BYTES: usize = 15_000_000;
const MAX_BUDGET_BYTES: usize = 2_000_000_000;
const MAX_THREADS: usize = 8;

/// This many segments of about one size are merged into one, so that small updates leave a
/// handful of segments behind and not one each.
const SEGMENTS_PER_MERGE: usize = 4;
/// A segment is rewritten once this share of its passages is deleted: until then they count in
/// the statistics of BM25.
const MAX_DELETED_SHARE: f32 = 0.2;

/// One passage as the lexical index takes it.
#[derive(Debug, Clone, Copy)]
pub struct LexicalPassage<'p> {
    /// Names the passage in results.
    pub key: u64,
    /// Names the document that it belongs to, for deletion.
    pub document_key: u64,
    /// What it is found by of its document: title, names, metadata.
    pub document: &'p DocumentWords,
    /// The headings that the passage stands under.
    pub headings: &'p str,
    /// The passage itself.
    pub body: &'p str,
}

/// Writes a lexical index; there is one writer per folder at a time.
///
/// Files in the folder are never changed, only added, replaced by renaming and unlinked. So a
/// folder may be filled with hard links to the files of another one (all but its `*.lock` files)
/// and then be written to while the other one is read.
pub struct LexicalWriter {
    path: PathBuf,
    fields: Fields,
    more: MoreFields,
    writer: IndexWriter,
}

impl LexicalWriter {
    /// Creates an empty index in `dir`, which is created too if it does not exist.
    ///
    /// Up to `n_threads` threads, eight at most, share `budget_bytes` of memory. Each of them needs
    /// 15 MB, so that a small budget means fewer threads.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Locked`], and [`Error::Lexical`] if there is an index already.
    pub fn create(dir: &Path, budget_bytes: usize, n_threads: usize) -> Result<Self> {
        fs::create_dir_all(dir).map_err(|source| Error::Io {
            action: "create",
            path: dir.to_owned(),
            source,
        })?;
        let (index, fields) = create_index(dir)?;
        Self::new(dir, &index, fields, budget_bytes, n_threads)
    }

    /// Opens the index in `dir` to change it; the arguments are those of [`Self::create`].
    ///
    /// # Errors
    /// [`Error::Locked`], and [`Error::Lexical`] if there is no index that this version writes.
    pub fn open(dir: &Path, budget_bytes: usize, n_threads: usize) -> Result<Self> {
        let (index, fields) = open_index(dir)?;
        Self::new(dir, &index, fields, budget_bytes, n_threads)
    }

    fn new(
        dir: &Path,
        index: &tantivy::Index,
        fields: Fields,
        budget_bytes: usize,
        n_threads: usize,
    ) -> Result<Self> {
        let more = fields.more.ok_or_else(|| {
            let problem = "it is of an earlier version, which is not written to".to_owned();
            failed(
                "open it for writing",
                dir,
                TantivyError::SchemaError(problem),
            )
        })?;
        let n_threads = n_threads
            .min(budget_bytes / MIN_BUDGET_BYTES)
            .clamp(1, MAX_THREADS);
        let options = IndexWriterOptions::builder()
            .num_worker_threads(n_threads)
            .memory_budget_per_thread(
                (budget_bytes / n_threads).clamp(MIN_BUDGET_BYTES, MAX_BUDGET_BYTES),
            )
            .num_merge_threads(1)
            .build();
        let writer = index
            .writer_with_options(options)
            .map_err(|source| match source {
                TantivyError::LockFailure(LockError::LockBusy, _) => Error::Locked {
                    path: dir.to_owned(),
                    holder: None,
                },
                source => failed("open it for writing", dir, source),
            })?;
        let mut policy = LogMergePolicy::default();
        policy.set_min_num_segments(SEGMENTS_PER_MERGE);
        policy.set_del_docs_ratio_before_merge(MAX_DELETED_SHARE);
        writer.set_merge_policy(Box::new(policy));
        Ok(Self {
            path: dir.to_owned(),
            fields,
            more,
            writer,
        })
    }

    /// Adds a passage. It is found after [`Self::commit`].
    ///
    /// # Errors
    /// [`Error::Lexical`], for instance if the disk is full.
    pub fn add(&self, passage: &LexicalPassage<'_>) -> Result<()> {
        let (fields, about) = (&self.fields, passage.document);
        let mut document = TantivyDocument::new();
        document.add_u64(fields.key, passage.key);
        document.add_u64(fields.document_key, passage.document_key);
        document.add_text(fields.title, &about.title);
        document.add_text(fields.headings, passage.headings);
        for text in [about.title.as_str(), passage.headings, passage.body] {
            document.add_text(fields.text, text);
            document.add_text(self.more.surface, text);
        }
        let more = &self.more;
        for (field, text) in [
            (more.names, &about.names),
            (more.facts, &about.facts),
            (more.exact_title, &about.title),
            (more.exact_path, &about.path),
        ] {
            if !text.is_empty() {
                document.add_text(field, text);
            }
        }
        // Values of a field stand a word apart, so no phrase reaches from one tag to the next.
        for tag in about.tags.lines() {
            document.add_text(more.exact_tags, tag);
        }
        self.writer
            .add_document(document)
            .map(|_| ())
            .map_err(|source| failed("add a passage", &self.path, source))
    }

    /// Deletes the passages of a document that were added before this call.
    pub fn delete_document(&self, document_key: u64) {
        self.writer
            .delete_term(Term::from_field_u64(self.fields.document_key, document_key));
    }

    /// Makes all changes durable and visible to readers that are opened from now on, and waits
    /// until merging is done. A writer that is dropped instead leaves the index as it was.
    ///
    /// # Errors
    /// [`Error::Lexical`], for instance if the disk is full.
    pub fn commit(mut self) -> Result<()> {
        self.writer
            .commit()
            .map_err(|source| failed("commit", &self.path, source))?;
        self.writer
            .wait_merging_threads()
            .map_err(|source| failed("merge its segments", &self.path, source))
    }
}
