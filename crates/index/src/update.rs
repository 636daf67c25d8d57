//! Brings an index in step with a folder.

mod pace;
mod plan;
mod read;
mod summary;
mod walk;

use std::path::Path;
use std::time::Instant;

use crate::Result;
use crate::format::catalog::{Outcome, Source};
use crate::lock_holder::Done;
use crate::merge;
use crate::options::IndexOptions;
use crate::prepare::Prepared;
use crate::run::{IndexProgress, IndexRun};
use crate::snapshot::Snapshot;
use crate::writer::IndexWriter;

use pace::Pace;
use plan::{IndexState, Job, missing, plan};
use read::{Reader, Reading, batches};
pub use summary::{EmptyDocument, IndexSummary};
use summary::{empty, n_binary, new_summary};
pub(crate) use walk::{walk_options, walk_root};

/// Looks whether an index is in step with `root`, without a model and without the lock.
///
/// Returns the summary of a run that has nothing to do, or `None` where there is work for
/// [`update`].
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
        .is_some_and(|chunk| *chunk != snapshot.chunk_options())
        || snapshot.is_older;
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
    summary.empty = empty(state.catalog);
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
/// What the writer fails with, and `Cancelled` where the run is stopped. A file that cannot be read is not an error but a
/// problem of the summary.
pub fn update(writer: IndexWriter, root: &Path, run: &IndexRun<'_>) -> Result<IndexSummary> {
    let started = Instant::now();
    let (mut following, jobs) = Following::begin(writer, root, run)?;
    following.index(&jobs)?;
    let mut summary = following.commit()?;
    summary.elapsed = started.elapsed();
    Ok(summary)
}

/// A run over a folder that is under way.
struct Following<'a> {
    writer: IndexWriter,
    run: &'a IndexRun<'a>,
    summary: IndexSummary,
    progress: IndexProgress,
    pace: Pace,
}

impl<'a> Following<'a> {
    /// Takes out what is gone, and returns also what has to be read.
    fn begin(
        mut writer: IndexWriter,
        root: &Path,
        run: &'a IndexRun<'a>,
    ) -> Result<(Self, Vec<Job>)> {
        let found = walk_root(root, writer.folder(), writer.scope())?;
        let mut summary = new_summary(&found);
        summary.resumed = writer.begin_run(run.cancel());
        let pace = Pace::new(writer.options().checkpoint);
        for path in missing(writer.catalog(), &found) {
            summary.n_removed += usize::from(writer.remove(&path)?);
        }
        let n_files = found.files.len();
        let state = IndexState {
            catalog: writer.catalog(),
            written_ns: writer.written_ns(),
            must_cut: writer.cuts_again(),
        };
        let jobs = plan(&state, found, &mut summary);
        let progress = IndexProgress {
            n_files,
            n_files_done: summary.n_unchanged,
            n_bytes: jobs.iter().map(|job| job.file.len_bytes).sum(),
            ..IndexProgress::default()
        };
        run.tell(&progress);
        let mut following = Self {
            writer,
            run,
            summary,
            progress,
            pace,
        };
        following.tell_others();
        Ok((following, jobs))
    }

    /// Lets those who wait for the lock know how far this run is.
    fn tell_others(&mut self) {
        self.writer.tell(Done {
            n_files_done: self.progress.n_files_done as u64,
            n_files: self.progress.n_files as u64,
            n_passages: self.writer.counts().n_passages as u64,
        });
    }

    /// Reads, cuts, embeds and writes.
    ///
    /// One batch is embedded and written while the next is read and cut, so that no thread waits for
    /// a file that takes long.
    fn index(&mut self, jobs: &[Job]) -> Result<()> {
        let reader = Reader::of(&self.writer, self.run.cancel());
        let mut batches = batches(jobs);
        let mut read = batches.next().map(|batch| (batch, reader.read(batch)));
        while let Some((batch, readings)) = read {
            let next = batches.next();
            let (ahead, written) = rayon::join(
                || next.map(|batch| (batch, reader.read(batch))),
                || self.write(batch, readings),
            );
            written?;
            read = ahead;
        }
        Ok(())
    }

    fn write(&mut self, batch: &[Job], readings: Vec<Result<Reading>>) -> Result<()> {
        for (job, reading) in batch.iter().zip(readings) {
            self.run.check()?;
            self.apply(job, reading?)?;
            self.progress.n_files_done += 1;
            self.progress.n_bytes_done += job.file.len_bytes;
            self.tell_others();
            if self.pace.is_due() && self.writer.may_checkpoint() {
                self.pace.time(|| self.writer.checkpoint())?;
            }
        }
        self.run.tell(&self.progress);
        Ok(())
    }

    /// Takes over what a file was read into.
    fn apply(&mut self, job: &Job, reading: Reading) -> Result<()> {
        match reading {
            Reading::Unchanged => {
                self.writer.touch(&job.file);
                self.summary.n_unchanged += 1;
            }
            Reading::Vanished => {
                self.summary.n_removed += usize::from(self.writer.remove(&job.file.path)?);
            }
            Reading::Failed(source, problem) => {
                self.summary.problems.push(problem);
                // What was indexed of it stays until the file can be read again or is gone.
                match (&job.known, &source.outcome) {
                    (Some(_), Outcome::Failed(reason)) => {
                        self.writer.mark_unreadable(&job.file, reason.clone());
                    }
                    _ => self.put(source, Vec::new())?,
                }
            }
            Reading::Read {
                source,
                documents,
                problems,
            } => {
                self.summary.problems.extend(problems);
                match job.known {
                    None => self.summary.n_added += 1,
                    Some(_) => self.summary.n_changed += 1,
                }
                self.put(source, documents)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, source: Source, documents: Vec<Prepared>) -> Result<()> {
        let (run, progress) = (self.run, &mut self.progress);
        self.writer.put(source, documents, &mut |n_passages| {
            progress.n_passages = n_passages;
            run.tell(progress);
        })
    }

    fn commit(self) -> Result<IndexSummary> {
        let Self {
            writer,
            run,
            mut summary,
            mut progress,
            ..
        } = self;
        run.check()?;
        summary.n_binary = n_binary(writer.catalog());
        summary.empty = empty(writer.catalog());
        let (_, counts) = writer.commit_watched(&|n_done, n_steps| {
            run.tell(&IndexProgress {
                n_graph_steps: n_steps,
                n_graph_steps_done: n_done,
                ..progress
            });
        })?;
        summary.n_passages = counts.n_passages;
        summary.n_embedded = counts.n_embedded;
        summary.changed = summary.n_added + summary.n_changed + summary.n_removed > 0;
        progress.n_passages = counts.n_passages;
        run.tell(&progress);
        Ok(summary)
    }
}
