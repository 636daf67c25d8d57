//! Mends an index from what is sound in it, and publishes that as the next generation.
//!
//! Passages and the catalog are the sources of all else: vectors are embedded from passages again,
//! 8-bit copies and graphs made from vectors, BM25 from passages. What stood in damaged passages is
//! dropped from the catalog, so that the next run over the folder reads it again.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::arms::{check_catalog, check_lexical, check_segment};
use super::derive::{Embedding, derive_lexical, derive_segment, embed_segment};
use super::files::{self, Unsound};
use super::{Check, Subject, vectors};
use crate::filter::unix_ns;
use crate::format::atomic;
use crate::format::manifest::{Catalog, Manifest, Origin, SegmentRef, write_catalog};
use crate::index_folder::{highest_number, lock, remove_rubbish};
use crate::{Embedder, Error, Observer, Result, merge};

/// Opens the embedder that an index was built with. Asked only if vectors must be embedded again.
pub type OpenEmbedder<'a> = dyn Fn() -> Result<Arc<dyn Embedder>> + 'a;

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

/// Makes anew what is damaged and publishes it as the next generation. What was there stays until
/// then. Where nothing is damaged, nothing is written.
///
/// # Errors
/// `Locked`; `NoIndex`, and `Damaged` where manifest or catalog are damaged: the index is then as it
/// was, and only a rebuild or a backup helps; `WouldLose`; `WrongModel` and what the embedder fails
/// with; `Cancelled`; `Io`, `Lexical`.
pub fn mend(
    folder: &Path,
    embedder: &OpenEmbedder<'_>,
    loss: Loss,
    observer: &dyn Observer,
) -> Result<Mended> {
    // Taking the lock would make a folder of what is none.
    Manifest::read(folder)?;
    let lock = lock(folder)?;
    let mut manifest = Manifest::read(folder)?;
    let (checked, unsound) = files::check(folder, &manifest);
    let mut catalog = sound_catalog(folder, &manifest, &checked, &unsound)?;
    let states = states(folder, &manifest, &catalog, &unsound);
    let lexical = check_lexical(folder, &manifest, &catalog, &unsound);
    let mut mended = Mended {
        lexical: lexical.n_findings > 0 || lexical.not_checked.is_some(),
        ..Mended::default()
    };
    if states.iter().all(|state| *state == State::Sound) && !mended.lexical {
        return Ok(mended);
    }

    let last = highest_number(folder).max(manifest.generation);
    let next_segment = u32::try_from(last)
        .unwrap_or(u32::MAX - 1)
        .saturating_add(1);
    manifest.next_segment = manifest.next_segment.max(next_segment);
    let damaged = in_state(&manifest, &states, State::Passages);
    let to_derive = in_state(&manifest, &states, State::Derived);
    let to_embed = in_state(&manifest, &states, State::Vectors);
    drop_sources(
        folder,
        &mut manifest,
        &mut catalog,
        &damaged,
        loss,
        &mut mended,
    )?;
    for old in to_derive {
        replace_segment(&mut manifest, &mut catalog, old, |old, number, dim, _| {
            mended.n_segments += 1;
            derive_segment(folder, old, number, dim)
        })?;
    }
    if !to_embed.is_empty() {
        let embedding = Embedding::open(&manifest, embedder, observer)?;
        for old in to_embed {
            replace_segment(
                &mut manifest,
                &mut catalog,
                old,
                |old, number, dim, catalog| {
                    let (new, n) = embed_segment(folder, old, number, dim, catalog, &embedding)?;
                    mended.n_embedded += n;
                    Ok(new)
                },
            )?;
        }
    }
    manifest.generation = last + 1;
    if mended.lexical {
        derive_lexical(folder, &mut manifest, &catalog)?;
    }
    publish(folder, &mut manifest, &catalog)?;
    drop(lock);
    Ok(mended)
}

fn publish(folder: &Path, manifest: &mut Manifest, catalog: &Catalog) -> Result<()> {
    manifest.written_ns = u64::try_from(unix_ns(SystemTime::now())).unwrap_or(0);
    manifest.catalog = write_catalog(folder, manifest.generation, catalog)?;
    atomic::sync_folder(folder)?;
    manifest.publish(folder)?;
    remove_rubbish(folder, &manifest.entries());
    Ok(())
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
        return Err(damaged(offset, "it cannot be made from anything else"));
    }
    let catalog = manifest.read_catalog(folder)?;
    match check_catalog(folder, manifest, &catalog).findings.first() {
        None => Ok(catalog),
        Some(finding) => Err(damaged(finding.offset, &finding.problem)),
    }
}

fn states(folder: &Path, manifest: &Manifest, catalog: &Catalog, unsound: &Unsound) -> Vec<State> {
    let state = |segment: &SegmentRef| {
        let mut check = Check::new(Subject::Passages);
        let readable = check_segment(&mut check, folder, catalog, segment, unsound).is_ok();
        if !readable || check.n_findings > 0 {
            State::Passages
        } else if !vectors::are_usable(folder, manifest, segment, unsound) {
            State::Vectors
        } else if !vectors::is_faithful(folder, manifest, segment, unsound) {
            State::Derived
        } else {
            State::Sound
        }
    };
    manifest.segments.iter().map(state).collect()
}

fn in_state(manifest: &Manifest, states: &[State], wanted: State) -> Vec<u32> {
    let segments = manifest.segments.iter().zip(states);
    segments
        .filter(|(_, state)| **state == wanted)
        .map(|(segment, _)| segment.number)
        .collect()
}

/// Drops segments with damaged passages, and each source that has a document in one.
fn drop_sources(
    folder: &Path,
    manifest: &mut Manifest,
    catalog: &mut Catalog,
    damaged: &[u32],
    loss: Loss,
    mended: &mut Mended,
) -> Result<()> {
    let is_damaged = |segment: &SegmentRef| damaged.contains(&segment.number);
    let Some(first) = manifest.segments.iter().find(|s| is_damaged(s)).cloned() else {
        return Ok(());
    };
    manifest.segments.retain(|segment| !is_damaged(segment));
    let mut kept = Catalog::new();
    for source in catalog.drain(..) {
        let mut documents = source.documents.iter();
        if !documents.any(|d| d.n_passages > 0 && damaged.contains(&d.segment)) {
            kept.push(source);
            continue;
        }
        for document in &source.documents {
            merge::delete(&mut manifest.segments, document);
        }
        match source.origin {
            Origin::Folder => mended.dropped.push(source.path),
            Origin::Application => mended.lost.push(source.path),
        }
    }
    *catalog = kept;
    manifest
        .segments
        .retain(|segment| merge::n_live(segment) > 0);
    mended.lexical = true;
    if loss == Loss::Refuse && !mended.lost.is_empty() {
        return Err(Error::WouldLose {
            path: folder.join(&first.passages.name),
            documents: mended.lost.clone(),
        });
    }
    Ok(())
}

/// Puts a segment that `make` writes in place of another. `make` is given that, the new
/// number and the width of vectors, and may move documents.
fn replace_segment(
    manifest: &mut Manifest,
    catalog: &mut Catalog,
    old: u32,
    make: impl FnOnce(&SegmentRef, u32, usize, &mut Catalog) -> Result<SegmentRef>,
) -> Result<()> {
    // With dropped documents all of it may be gone.
    let Some(pos) = manifest.segments.iter().position(|s| s.number == old) else {
        return Ok(());
    };
    let number = manifest.next_segment;
    manifest.next_segment = number.saturating_add(1);
    manifest.segments[pos] = make(
        &manifest.segments[pos],
        number,
        manifest.dim as usize,
        catalog,
    )?;
    for document in catalog.iter_mut().flat_map(|source| &mut source.documents) {
        if document.segment == old {
            document.segment = number;
        }
    }
    Ok(())
}
