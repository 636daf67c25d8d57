//! Mends an index from what is sound in it, and publishes that as the next generation.
//!
//! Passages and the catalog are the sources of all else: vectors are embedded from passages again,
//! 8-bit copies and graphs made from vectors, BM25 from passages. What stood in damaged passages is
//! dropped from the catalog, so that the next run over the folder reads it again.

use std::path::Path;
use std::time::SystemTime;

use super::arms::{check_catalog, check_lexical, check_segment};
use super::check::{Check, Closed, Subject};
use super::derive::{Embedding, OpenEmbedder, derive_lexical, derive_segment, embed_segment};
use super::files::{self, Unsound};
use super::vectors;
use crate::format::atomic;
use crate::format::catalog::{
    Catalog, Origin, forget_files, is_older, read_catalog, write_catalog,
};
use crate::format::manifest::{Manifest, SegmentRef};
use crate::index_folder::{
    highest_left, lock, mark_unfinished, names, refuse_backup, remove_rubbish, remove_uncommitted,
};
use crate::run::IndexRun;
use crate::{Error, Result, merge};
use reread_retrieval::unix_ns;

/// Whether a repair may lose documents that an application added, which stand in no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loss {
    /// It may not, and fails instead.
    #[default]
    Refuse,
    /// It may, where their passages are damaged.
    Accept,
}

/// What [`mend`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Mended {
    /// Segments whose 8-bit copies and graph were made from their vectors.
    pub n_segments: usize,
    /// Passages whose vectors were embedded again.
    pub n_embedded: usize,
    /// Whether BM25 was made from the stored texts.
    pub lexical: bool,
    /// Files whose passages are damaged: the next run over the folder reads them again.
    pub dropped: Vec<String>,
    /// Documents of an application whose passages are damaged.
    pub lost: Vec<String>,
}

/// How much of a segment can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Sound,
    /// Something made from its vectors is damaged.
    Derived,
    Vectors,
    Passages,
}

/// Makes what is damaged again and publishes it as the next generation. What was there stays until
/// then. Where nothing is damaged, nothing is written.
///
/// # Errors
/// `IsBackup`; `Locked`; `NoIndex`, and `Damaged` where manifest or catalog are damaged: the index is then as it
/// was, and only a rebuild or a backup helps; `WouldLose`; `WrongModel` and what the embedder fails
/// with; `Cancelled`; `Io`, `Lexical`.
pub fn mend(
    folder: &Path,
    embedder: &OpenEmbedder<'_>,
    loss: Loss,
    run: &IndexRun<'_>,
) -> Result<Mended> {
    refuse_backup(folder)?;
    // Taking the lock would make a folder of what is none.
    Manifest::read(folder)?;
    let lock = lock(folder)?;
    let manifest = Manifest::read(folder)?;
    let checked = files::check(folder, &manifest);
    if let Some(error) = checked.unreadable {
        return Err(error);
    }
    let unsound = &checked.unsound;
    let catalog = sound_catalog(folder, &manifest, &checked.check, unsound)?;
    let states = states(folder, &manifest, &catalog, unsound, run)?;
    let lexical = check_lexical(folder, &manifest, &catalog, unsound);
    let lexical = lexical.n_findings > 0 || lexical.not_checked.is_some();
    if states.iter().all(|state| *state == State::Sound) && !lexical {
        return Ok(Mended::default());
    }
    let mut repair = Repair::begin(folder, manifest, catalog);
    repair.mended.lexical = lexical;
    let in_state = |wanted: State| -> Vec<u32> {
        let segments = repair.manifest.segments.iter().zip(&states);
        let wanted = segments.filter(|(_, state)| **state == wanted);
        wanted.map(|(segment, _)| segment.number).collect()
    };
    let damaged = in_state(State::Passages);
    let derived = in_state(State::Derived);
    let vectors = in_state(State::Vectors);
    let before = names(folder)?;
    let mended = (|| {
        repair.drop_sources(&damaged, loss)?;
        repair.derive(&derived, run)?;
        repair.embed(&vectors, embedder, run)?;
        run.check()?;
        repair.publish()
    })();
    if mended.is_err() {
        remove_uncommitted(folder, &before);
    }
    drop(lock);
    mended
}

/// The catalog, which cannot be made from anything else.
fn sound_catalog(
    folder: &Path,
    manifest: &Manifest,
    checked: &Check,
    unsound: &Unsound,
) -> Result<Catalog> {
    let path = folder.join(&manifest.catalog.name);
    let damaged = |offset: Option<u64>, problem: &str| Error::Damaged {
        path: path.clone(),
        offset: offset.unwrap_or(0),
        problem: problem.to_owned(),
    };
    if unsound.contains(&manifest.catalog.name) {
        let found = checked.findings.iter().find(|finding| finding.path == path);
        let offset = found.and_then(|finding| finding.offset);
        return Err(damaged(offset, "it cannot be remade from anything else"));
    }
    let catalog = read_catalog(folder, manifest)?;
    match check_catalog(folder, manifest, &catalog).findings.first() {
        None => Ok(catalog),
        Some(finding) => Err(damaged(finding.offset, &finding.problem)),
    }
}

fn states(
    folder: &Path,
    manifest: &Manifest,
    catalog: &Catalog,
    unsound: &Unsound,
    run: &IndexRun<'_>,
) -> Result<Vec<State>> {
    let state = |segment: &SegmentRef| {
        run.check()?;
        let mut check = Check::new(Subject::Passages);
        let readable = match check_segment(&mut check, folder, catalog, segment, unsound) {
            // What the system refuses to read is not known to be damaged.
            Err(Closed::Failed(error @ Error::Io { .. })) => return Err(error),
            other => other.is_ok(),
        };
        Ok(if !readable || check.n_findings > 0 {
            State::Passages
        } else if !vectors::are_usable(folder, manifest, segment, unsound) {
            State::Vectors
        } else if !vectors::is_faithful(folder, manifest, segment, unsound) {
            State::Derived
        } else {
            State::Sound
        })
    };
    manifest.segments.iter().map(state).collect()
}

/// The generation that is made.
struct Repair<'a> {
    folder: &'a Path,
    manifest: Manifest,
    catalog: Catalog,
    mended: Mended,
}

impl<'a> Repair<'a> {
    /// Begins from a generation, with numbers behind all that the folder has.
    fn begin(folder: &'a Path, mut manifest: Manifest, catalog: Catalog) -> Self {
        let last = highest_left(folder, &[]).max(manifest.generation);
        let free = u32::try_from(last).unwrap_or(u32::MAX - 1) + 1;
        manifest.next_segment = manifest.next_segment.max(free);
        manifest.generation = last.saturating_add(1);
        Self {
            folder,
            manifest,
            catalog,
            mended: Mended::default(),
        }
    }

    /// Drops segments with damaged passages, and each source that has a document in one.
    fn drop_sources(&mut self, damaged: &[u32], loss: Loss) -> Result<()> {
        let segments = &mut self.manifest.segments;
        let is_damaged = |segment: &SegmentRef| damaged.contains(&segment.number);
        let Some(first) = segments.iter().find(|s| is_damaged(s)).cloned() else {
            return Ok(());
        };
        segments.retain(|segment| !is_damaged(segment));
        for source in std::mem::take(&mut self.catalog) {
            let mut documents = source.documents.iter();
            if !documents.any(|d| d.n_passages > 0 && damaged.contains(&d.segment)) {
                self.catalog.push(source);
                continue;
            }
            for document in &source.documents {
                merge::delete(segments, document);
            }
            match source.origin {
                Origin::Folder => self.mended.dropped.push(source.path),
                Origin::Application => self.mended.lost.push(source.path),
            }
        }
        segments.retain(|segment| merge::n_live(segment) > 0);
        self.mended.lexical = true;
        if loss == Loss::Refuse && !self.mended.lost.is_empty() {
            return Err(Error::WouldLose {
                path: self.folder.join(&first.passages.name),
                documents: self.mended.lost.clone(),
            });
        }
        Ok(())
    }

    /// Makes the 8-bit copies and graphs of segments again.
    fn derive(&mut self, numbers: &[u32], run: &IndexRun<'_>) -> Result<()> {
        for &old in numbers {
            run.check()?;
            let folder = self.folder;
            let made = self.replace_segment(old, |old, number, dim, _| {
                derive_segment(folder, old, number, dim, run.cancel())
            })?;
            self.mended.n_segments += usize::from(made);
        }
        Ok(())
    }

    /// Embeds the passages of segments again.
    fn embed(
        &mut self,
        numbers: &[u32],
        embedder: &OpenEmbedder<'_>,
        run: &IndexRun<'_>,
    ) -> Result<()> {
        if numbers.is_empty() {
            return Ok(());
        }
        let embedding = Embedding::open(&self.manifest, embedder, run)?;
        for &old in numbers {
            let folder = self.folder;
            let mut n_embedded = 0;
            self.replace_segment(old, |old, number, dim, catalog| {
                let (new, n) = embed_segment(folder, old, number, dim, catalog, &embedding)?;
                n_embedded = n;
                Ok(new)
            })?;
            self.mended.n_embedded += n_embedded;
        }
        Ok(())
    }

    /// Puts a segment that `make` writes in place of another, unless that is gone: with dropped
    /// sources all of it may be. `make` is given the old one, the new number and the width of
    /// vectors, and may move documents. Returns whether it was asked.
    fn replace_segment(
        &mut self,
        old: u32,
        make: impl FnOnce(&SegmentRef, u32, usize, &mut Catalog) -> Result<SegmentRef>,
    ) -> Result<bool> {
        let manifest = &mut self.manifest;
        let dim = manifest.dim as usize;
        let Some(pos) = manifest.segments.iter().position(|s| s.number == old) else {
            return Ok(false);
        };
        let number = manifest.take_segment_number(self.folder)?;
        let place = &mut manifest.segments[pos];
        *place = make(place, number, dim, &mut self.catalog)?;
        let sources = self.catalog.iter_mut();
        for document in sources.flat_map(|source| &mut source.documents) {
            if document.segment == old {
                document.segment = number;
            }
        }
        Ok(true)
    }

    /// Writes what is left to write and makes it the current generation.
    fn publish(mut self) -> Result<Mended> {
        let manifest = &mut self.manifest;
        if is_older(self.folder, manifest)? {
            // Files are still as the earlier version read them.
            forget_files(&mut self.catalog);
        }
        if self.mended.lexical {
            derive_lexical(self.folder, manifest, &self.catalog)?;
        }
        manifest.written_ns = u64::try_from(unix_ns(SystemTime::now())).unwrap_or(0);
        manifest.catalog = write_catalog(self.folder, manifest.generation, &self.catalog)?;
        atomic::sync_folder(self.folder)?;
        if !self.mended.dropped.is_empty() {
            // What is to be read again is missing until then, and searches say so.
            mark_unfinished(self.folder)?;
        }
        manifest.publish(self.folder)?;
        remove_rubbish(self.folder, &manifest.entries());
        Ok(self.mended)
    }
}
