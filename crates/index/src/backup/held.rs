//! One generation whose files cannot go away while they are copied.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::Result;
use crate::format::atomic::{io_error, open_file, sync_folder};
use crate::format::catalog::{Catalog, decode_catalog};
use crate::format::checked;
use crate::format::header::{self, FileKind, HEADER_BYTES};
use crate::format::manifest::{FileRef, Manifest};
use crate::index_folder::is_unfinished;

/// How often a backup begins again when a newer generation takes the place of what it reads.
pub(super) const ATTEMPTS: usize = 10;

/// What was copied by [`backup`](super::backup()) or [`restore`](super::restore()).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Copied {
    /// The folder that holds the copy.
    pub folder: PathBuf,
    /// The generation that the copy has.
    pub generation: u64,
    /// Its files.
    pub n_files: usize,
    /// Their bytes.
    pub n_bytes: u64,
}

/// A generation of which every file is open.
///
/// A writer unlinks files of older generations and changes none, and an open file keeps its content
/// when its name goes. So nothing has to be written to the index to hold it, and an index can be
/// copied that this process may only read.
pub(super) struct Held {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
    /// Whether a part of what was to be indexed is still missing in it.
    pub(super) unfinished: bool,
    files: Vec<HeldFile>,
}

struct HeldFile {
    described: FileRef,
    kind: Option<FileKind>,
    open: File,
}

impl Held {
    /// Opens all files of the current generation, or of the next one when a writer removes some of
    /// them in between.
    pub(super) fn take(folder: &Path) -> Result<Self> {
        let mut attempt = 1;
        loop {
            let manifest = Manifest::read(folder)?;
            let unfinished = is_unfinished(folder);
            match open_all(folder, &manifest) {
                Ok(files) => {
                    return Ok(Self {
                        folder: folder.to_owned(),
                        manifest,
                        unfinished,
                        files,
                    });
                }
                Err(error) => {
                    let now = Manifest::read(folder)?;
                    if attempt == ATTEMPTS || now.generation == manifest.generation {
                        return Err(error);
                    }
                }
            }
            attempt += 1;
        }
    }

    /// Whether a newer generation has taken its place.
    pub(super) fn is_replaced(&self) -> bool {
        let now = Manifest::read(&self.folder);
        now.is_ok_and(|now| now.generation != self.manifest.generation)
    }

    /// Copies and verifies every file that `renamed` has a new name for to that name below `to`, and
    /// syncs them and their folders.
    pub(super) fn copy_to(
        &self,
        to: &Path,
        renamed: &dyn Fn(&str) -> Option<String>,
    ) -> Result<()> {
        let mut folders = BTreeSet::new();
        for file in &self.files {
            let name = &file.described.name;
            let Some(new) = renamed(name) else { continue };
            let target = to.join(new);
            let parent = target.parent().expect("a file lies in a folder");
            fs::create_dir_all(parent).map_err(|source| io_error("create", parent, source))?;
            let parents = parent
                .ancestors()
                .take_while(|parent| parent.starts_with(to));
            folders.extend(parents.map(Path::to_owned));
            let path = self.folder.join(name);
            checked::copy(&file.open, &path, &file.described, file.kind, &target)?;
        }
        // Each folder before the one that names it.
        folders
            .iter()
            .rev()
            .try_for_each(|folder| sync_folder(folder))
    }

    /// Its catalog, read from the open file.
    pub(super) fn catalog(&self) -> Result<Catalog> {
        let path = self.folder.join(&self.manifest.catalog.name);
        let catalog = self
            .files
            .iter()
            .find(|file| file.kind == Some(FileKind::Catalog));
        let file = catalog.expect("a manifest names a catalog");
        let mut bytes = Vec::new();
        checked::read(&file.open, &path, &file.described, file.kind, &mut bytes)?;
        let header = header::decode(&path, &bytes, FileKind::Catalog)?;
        decode_catalog(&path, header.version, &bytes[HEADER_BYTES..])
    }

    pub(super) fn copied(&self, folder: &Path, generation: u64) -> Copied {
        let len = |file: &HeldFile| {
            let front = file.kind.map_or(0, |_| HEADER_BYTES as u64);
            file.described.len_bytes + front
        };
        Copied {
            folder: folder.to_owned(),
            generation,
            n_files: self.files.len(),
            n_bytes: self.files.iter().map(len).sum(),
        }
    }
}

fn open_all(folder: &Path, manifest: &Manifest) -> Result<Vec<HeldFile>> {
    let files = manifest.files().into_iter().map(|(described, kind)| {
        let path = folder.join(&described.name);
        Ok(HeldFile {
            described: described.clone(),
            kind,
            open: open_file(&path)?,
        })
    });
    files.collect()
}
