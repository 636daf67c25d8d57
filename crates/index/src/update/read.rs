//! Reads and cuts files beside the writer.

use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;
use reread_document::{ChunkOptions, DocumentKind, ExtractOptions, Extraction, Problem, extract};
use reread_models::{CancelToken, Embedder};
use reread_retrieval::unix_ns;

use super::plan::Job;
use crate::Result;
use crate::format::catalog::{Origin, Outcome, Source};
use crate::options::Scope;
use crate::prepare::{Prepared, prepare};
use crate::writer::IndexWriter;

/// How many files are read at a time.
const READ_AHEAD: usize = 64;

/// How many bytes of files are read at a time.
const READ_AHEAD_BYTES: u64 = 64 << 20;

/// What a file was read into.
pub(super) enum Reading {
    Unchanged,
    Vanished,
    Failed(Source, Problem),
    Read {
        source: Source,
        documents: Vec<Prepared>,
        problems: Vec<Problem>,
    },
}

/// Cuts the work into what is read at a time: a number of files, and of bytes unless one file
/// alone is larger.
pub(super) fn batches(jobs: &[Job]) -> impl Iterator<Item = &[Job]> {
    let mut rest = jobs;
    std::iter::from_fn(move || {
        let mut n_bytes = 0;
        let fits = |job: &&Job| {
            n_bytes += job.file.len_bytes;
            n_bytes <= READ_AHEAD_BYTES
        };
        let n = rest.iter().take(READ_AHEAD).take_while(fits).count().max(1);
        let batch = rest.get(..n)?;
        rest = &rest[n..];
        Some(batch)
    })
}

/// Reads files and cuts them, beside the writer.
pub(super) struct Reader {
    embedder: Arc<dyn Embedder>,
    scope: Scope,
    pdf_timeout: Duration,
    chunk_options: ChunkOptions,
    cancel: CancelToken,
}

impl Reader {
    pub(super) fn of(writer: &IndexWriter, cancel: &CancelToken) -> Self {
        Self {
            embedder: Arc::clone(writer.embedder()),
            scope: writer.scope(),
            pdf_timeout: writer.options().pdf_timeout,
            chunk_options: writer.chunk_options().clone(),
            cancel: cancel.clone(),
        }
    }

    /// Reads and cuts files, each on a thread of its own.
    pub(super) fn read(&self, batch: &[Job]) -> Vec<Result<Reading>> {
        batch.par_iter().map(|job| self.read_one(job)).collect()
    }

    fn read_one(&self, job: &Job) -> Result<Reading> {
        self.cancel.check()?;
        let file = &job.file;
        let mut source = Source {
            path: file.path.clone(),
            origin: Origin::Folder,
            kind: DocumentKind::Text.into(),
            size_bytes: file.len_bytes,
            modified_ns: unix_ns(file.modified),
            changed_ns: file.changed_ns,
            digest: [0; 32],
            outcome: Outcome::Indexed,
            documents: Vec::new(),
        };
        let bytes = match file.read(self.scope.max_file_bytes) {
            Ok(bytes) => bytes,
            Err(_) if !file.full_path.exists() => return Ok(Reading::Vanished),
            Err(problem) => {
                return Ok(Reading::Failed(
                    failed(source, problem.reason.to_string()),
                    problem,
                ));
            }
        };
        source.digest = *blake3::hash(&bytes).as_bytes();
        source.size_bytes = bytes.len() as u64;
        if job
            .known
            .is_some_and(|known| known.digest == source.digest && !known.must_cut)
        {
            return Ok(Reading::Unchanged);
        }
        self.cut(source, bytes)
    }

    /// Reads the documents of a file and cuts them.
    fn cut(&self, mut source: Source, bytes: Vec<u8>) -> Result<Reading> {
        let options = ExtractOptions::default().with_time_limit(self.pdf_timeout);
        match extract(&source.path, bytes, &options) {
            Extraction::Binary => {
                source.outcome = Outcome::Binary;
                Ok(Reading::Read {
                    source,
                    documents: Vec::new(),
                    problems: Vec::new(),
                })
            }
            Extraction::Read {
                documents,
                problems,
            } => {
                if let Some(document) = documents.first() {
                    source.kind = document.kind.into();
                } else if let Some(problem) = problems.first() {
                    source.outcome = Outcome::Failed(problem.reason.to_string());
                }
                let embedder = self.embedder.as_ref();
                let documents: Result<Vec<Prepared>> = documents
                    .par_iter()
                    .map(|document| prepare(document, embedder, &self.chunk_options))
                    .collect();
                Ok(Reading::Read {
                    source,
                    documents: documents?,
                    problems,
                })
            }
        }
    }
}

/// A source that could not be read, as the catalog remembers it.
fn failed(mut source: Source, reason: String) -> Source {
    source.outcome = Outcome::Failed(reason);
    source
}
