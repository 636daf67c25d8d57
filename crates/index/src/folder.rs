//! Brings an index in step with a folder.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::format::catalog::{Catalog, Origin, Outcome, Source};
use crate::merge;
use crate::options::{IndexOptions, Scope};
use crate::snapshot::Snapshot;
use crate::writer::{IndexWriter, Prepared, failed, prepare};
use reread_models::Embedder;

use crate::{Error, Result};
use reread_document::{
    ChunkOptions, DocumentKind, ExtractOptions, Extraction, FoundFile, HiddenFiles, Problem,
    Reason, Walk, WalkOptions, extract, walk,
};
use reread_retrieval::unix_ns;

/// A file changed this shortly before the last commit may have changed again within its clock's
/// tick, so its bytes are compared.
const RACY_NS: u64 = 2_000_000_000;

/// Says in a folder how it is searched; it is no document.
const CONFIGURATION: &str = "reread.toml";

/// How many files are read at a time.
const READ_AHEAD: usize = 64;

/// How many bytes of files are read at a time.
const READ_AHEAD_BYTES: u64 = 64 << 20;

/// The share of a run's time that its commits may take: one in so many.
const CHECKPOINT_SHARE: u32 = 50;

/// Watches a long run: is told how far it is, and may stop it.
pub trait Observer: Sync {
    /// Is told how far the run is, often.
    fn progress(&self, _progress: &IndexProgress) {}

    /// Whether the run shall stop; the index is then left as the last commit made it.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Watches nothing.
impl Observer for () {}

/// How far an indexing run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct IndexProgress {
    /// Files to look at.
    pub n_files: usize,
    /// Files looked at.
    pub n_files_done: usize,
    /// Bytes of the files that must be read.
    pub n_bytes: u64,
    /// Bytes of these that are indexed.
    pub n_bytes_done: u64,
    /// Passages written so far.
    pub n_passages: usize,
    /// Steps of building a graph, which comes last: each vector is put in, then looked up. 0 before.
    pub n_graph_steps: usize,
    /// Steps of these that are done.
    pub n_graph_steps_done: usize,
}

/// What an indexing run did.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct IndexSummary {
    /// Files that were not in the index before.
    pub n_added: usize,
    /// Files whose content had changed.
    pub n_changed: usize,
    /// Files that are gone.
    pub n_removed: usize,
    /// Files as they were.
    pub n_unchanged: usize,
    /// Files that hold no text.
    pub n_binary: usize,
    /// Symbolic links, which are never followed.
    pub n_symlinks: usize,
    /// Pipes, sockets and devices.
    pub n_special: usize,
    /// Passages written.
    pub n_passages: usize,
    /// Of these, those that the model embedded; the others' texts were known.
    pub n_embedded: usize,
    /// What could not be read, and why. The rest was indexed.
    pub problems: Vec<Problem>,
    /// Whether what can be found has changed. A new generation that only takes over file times does
    /// not count.
    pub changed: bool,
    /// Whether an earlier run had been stopped before its end, and this one went on from there.
    pub resumed: bool,
    /// How long it took.
    pub elapsed: Duration,
}

/// A file to be read, and what the index knows of it.
struct Job {
    file: FoundFile,
    known: Option<Known>,
}

#[derive(Clone, Copy)]
struct Known {
    digest: [u8; 32],
    must_cut: bool,
}

/// What a file was read into.
enum Reading {
    Unchanged,
    Vanished,
    Failed(Source, Problem),
    Read {
        source: Source,
        documents: Vec<Prepared>,
        problems: Vec<Problem>,
    },
}

/// Looks whether an index is in step with `root`, without a model and without the lock.
///
/// Returns the summary of a run that has nothing to do, or `None` where there is work for
/// [`index_folder`].
///
/// # Errors
/// `Io` when the folder cannot be walked.
pub fn nothing_to_do(
    snapshot: &Snapshot,
    root: &Path,
    options: &IndexOptions,
) -> Result<Option<IndexSummary>> {
    let started = Instant::now();
    let scope = options.scope(Some(snapshot.manifest.scope()));
    let found = walk_root(root, snapshot.folder(), scope)?;
    let must_cut = options
        .chunk
        .as_ref()
        .is_some_and(|chunk| *chunk != snapshot.chunk_options());
    let state = IndexState {
        catalog: &snapshot.catalog,
        written_ns: snapshot.manifest.written_ns,
        must_cut,
    };
    let mut summary = new_summary(&found);
    let segments = &snapshot.manifest.segments;
    let graphs = options.graphs();
    let graph_is_due = graphs.is_some_and(|hnsw| merge::graph_is_due(segments, &hnsw));
    if graph_is_due || snapshot.is_unfinished() {
        return Ok(None);
    }
    if must_cut || scope != snapshot.manifest.scope() || !missing(state.catalog, &found).is_empty()
    {
        return Ok(None);
    }
    let jobs = plan(&state, found, &mut summary);
    summary.n_binary = n_binary(state.catalog);
    summary.elapsed = started.elapsed();
    Ok(jobs.is_empty().then_some(summary))
}

/// Brings the index in step with `root` and commits.
///
/// A long run commits as it goes ([`IndexOptions::checkpoint`]), so that one which is killed loses
/// little: the next one finds the rest to be done.
///
/// A file of unchanged size and time costs a look at its metadata; otherwise its bytes are
/// compared by digest, and only other bytes are cut and embedded again.
///
/// # Errors
/// What the writer fails with, and `Cancelled`. A file that cannot be read is not an error but a
/// problem of the summary.
pub fn index_folder(
    mut writer: IndexWriter,
    root: &Path,
    observer: &dyn Observer,
) -> Result<IndexSummary> {
    let started = Instant::now();
    let found = walk_root(root, writer.folder(), writer.scope())?;
    let mut summary = new_summary(&found);
    summary.resumed = writer.begin_run();
    let mut pace = Pace::new(writer.options().checkpoint);
    for path in missing(writer.catalog(), &found) {
        summary.n_removed += usize::from(writer.remove(&path)?);
    }
    let mut progress = IndexProgress {
        n_files: found.files.len(),
        ..IndexProgress::default()
    };
    let jobs = plan(&writer.state(), found, &mut summary);
    progress.n_files_done = summary.n_unchanged;
    progress.n_bytes = jobs.iter().map(|job| job.file.len_bytes).sum();
    observer.progress(&progress);
    let reader = Reader::of(&writer);
    let mut write = |batch: &[Job], readings: Vec<Result<Reading>>| {
        for (job, reading) in batch.iter().zip(readings) {
            if observer.cancelled() {
                return Err(Error::Cancelled);
            }
            apply(
                &mut writer,
                job,
                reading?,
                &mut summary,
                &mut |n_passages| {
                    progress.n_passages = n_passages;
                    observer.progress(&progress);
                    !observer.cancelled()
                },
            )?;
            progress.n_files_done += 1;
            progress.n_bytes_done += job.file.len_bytes;
            if pace.is_due() && writer.may_checkpoint() {
                pace.time(|| writer.checkpoint())?;
            }
        }
        observer.progress(&progress);
        Ok(())
    };
    // One batch is embedded and written while the next is read and cut, so that no thread waits for
    // a file that takes long.
    let mut batches = batches(&jobs);
    let mut read = batches.next().map(|batch| (batch, reader.read(batch)));
    while let Some((batch, readings)) = read {
        let next = batches.next();
        let (ahead, written) = rayon::join(
            || next.map(|batch| (batch, reader.read(batch))),
            || write(batch, readings),
        );
        written?;
        read = ahead;
    }
    summary.n_binary = n_binary(writer.catalog());
    if observer.cancelled() {
        return Err(Error::Cancelled);
    }
    let (_, counts) = writer.commit_watched(&|n_done, n_steps| {
        observer.progress(&IndexProgress {
            n_graph_steps: n_steps,
            n_graph_steps_done: n_done,
            ..progress
        });
        !observer.cancelled()
    })?;
    summary.n_passages = counts.n_passages;
    summary.n_embedded = counts.n_embedded;
    summary.changed = summary.n_added + summary.n_changed + summary.n_removed > 0;
    progress.n_passages = counts.n_passages;
    observer.progress(&progress);
    summary.elapsed = started.elapsed();
    Ok(summary)
}

/// Says when a run has worked long enough to commit what it has done.
struct Pace {
    checkpoint: Duration,
    since: Instant,
    cost: Duration,
}

impl Pace {
    fn new(checkpoint: Duration) -> Self {
        Self {
            checkpoint,
            since: Instant::now(),
            cost: Duration::ZERO,
        }
    }

    fn is_due(&self) -> bool {
        let dear = self.cost.saturating_mul(CHECKPOINT_SHARE);
        self.checkpoint.is_zero() || self.since.elapsed() >= self.checkpoint.max(dear)
    }

    /// Runs a commit and remembers what it took.
    fn time<T>(&mut self, commit: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let done = commit();
        self.cost = started.elapsed();
        self.since = Instant::now();
        done
    }
}

pub(crate) fn walk_root(root: &Path, index_folder: &Path, scope: Scope) -> Result<Walk> {
    let walk_options = WalkOptions::default()
        .with_hidden(if scope.hidden {
            HiddenFiles::Include
        } else {
            HiddenFiles::Skip
        })
        .with_max_file_bytes(scope.max_file_bytes)
        .with_excluded(root.join(CONFIGURATION))
        .with_excluded(index_folder);
    Ok(walk(root, &walk_options)?)
}

fn new_summary(found: &Walk) -> IndexSummary {
    IndexSummary {
        n_symlinks: found.skipped.symlinks,
        n_special: found.skipped.special,
        problems: found.problems.clone(),
        ..IndexSummary::default()
    }
}

fn n_binary(catalog: &Catalog) -> usize {
    catalog
        .iter()
        .filter(|source| source.outcome == Outcome::Binary)
        .count()
}

/// Cuts the work into what is read at a time: so many files, and so many bytes unless one file
/// alone is larger.
fn batches(jobs: &[Job]) -> impl Iterator<Item = &[Job]> {
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

/// Paths of the index that are no longer in the folder. What cannot be looked at now may well be
/// there, so it stays.
fn missing(catalog: &Catalog, found: &Walk) -> Vec<String> {
    let present: HashSet<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
    let closed: Vec<&str> = found
        .problems
        .iter()
        .filter(|problem| matches!(problem.reason, Reason::Unreadable(_)))
        .map(|problem| problem.path.as_str())
        .collect();
    let unseen = |path: &str| {
        closed.iter().any(|&folder| {
            folder.is_empty()
                || path
                    .strip_prefix(folder)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    catalog
        .iter()
        .filter(|s| s.origin == Origin::Folder && !present.contains(s.path.as_str()))
        .filter(|source| !unseen(&source.path))
        .map(|source| source.path.clone())
        .collect()
}

/// What an index knows before a run.
pub(crate) struct IndexState<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) written_ns: u64,
    pub(crate) must_cut: bool,
}

/// The files that must be read; counts the others.
fn plan(state: &IndexState<'_>, found: Walk, summary: &mut IndexSummary) -> Vec<Job> {
    let IndexState {
        catalog,
        written_ns,
        must_cut,
    } = *state;
    let written_ns = i64::try_from(written_ns).unwrap_or(i64::MAX);
    let racy = |modified_ns: i64| modified_ns.abs_diff(written_ns) <= RACY_NS;
    let mut jobs = Vec::new();
    for file in found.files {
        let at = catalog.binary_search_by(|source| source.path.as_str().cmp(&file.path));
        let source = at
            .ok()
            .map(|at| &catalog[at])
            .filter(|s| s.origin == Origin::Folder);
        let modified_ns = unix_ns(file.modified);
        let as_it_was = source.is_some_and(|source| {
            source.size_bytes == file.len_bytes
                && source.modified_ns == modified_ns
                && source.changed_ns == file.changed_ns
                && !racy(modified_ns)
                // Where the system tells no change of permissions, an unreadable file is tried again.
                && (source.digest != [0; 32] || file.changed_ns != 0)
        });
        if as_it_was && !must_cut {
            if let Some(Source {
                outcome: Outcome::Failed(reason),
                path,
                ..
            }) = source
            {
                let reason = Reason::Earlier(reason.clone());
                summary.problems.push(Problem {
                    path: path.clone(),
                    line: None,
                    reason,
                });
            }
            summary.n_unchanged += 1;
        } else {
            let known = source.map(|source| Known {
                digest: source.digest,
                must_cut,
            });
            jobs.push(Job { file, known });
        }
    }
    jobs
}

/// Reads files and cuts them, beside the writer.
struct Reader {
    embedder: Arc<dyn Embedder>,
    scope: Scope,
    pdf_timeout: Duration,
    chunk_options: ChunkOptions,
}

impl Reader {
    fn of(writer: &IndexWriter) -> Self {
        Self {
            embedder: Arc::clone(writer.embedder()),
            scope: writer.scope(),
            pdf_timeout: writer.options().pdf_timeout,
            chunk_options: writer.chunk_options().clone(),
        }
    }

    fn read(&self, batch: &[Job]) -> Vec<Result<Reading>> {
        batch.par_iter().map(|job| self.read_one(job)).collect()
    }

    fn read_one(&self, job: &Job) -> Result<Reading> {
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
        let options = ExtractOptions::default().with_time_limit(self.pdf_timeout);
        match extract(&file.path, bytes, &options) {
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

fn apply(
    writer: &mut IndexWriter,
    job: &Job,
    reading: Reading,
    summary: &mut IndexSummary,
    go_on: &mut dyn FnMut(usize) -> bool,
) -> Result<()> {
    let path = &job.file.path;
    match reading {
        Reading::Unchanged => {
            writer.touch(&job.file);
            summary.n_unchanged += 1;
        }
        Reading::Vanished => {
            summary.n_removed += usize::from(writer.remove(path)?);
        }
        Reading::Failed(source, problem) => {
            summary.problems.push(problem);
            // What was indexed of it stays until the file can be read again or is gone.
            match (&job.known, &source.outcome) {
                (Some(_), Outcome::Failed(reason)) => {
                    writer.mark_unreadable(&job.file, reason.clone());
                }
                _ => writer.put(source, Vec::new(), go_on)?,
            }
        }
        Reading::Read {
            source,
            documents,
            problems,
        } => {
            summary.problems.extend(problems);
            match job.known {
                None => summary.n_added += 1,
                Some(_) => summary.n_changed += 1,
            }
            writer.put(source, documents, go_on)?;
        }
    }
    Ok(())
}
