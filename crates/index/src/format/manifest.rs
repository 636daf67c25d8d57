//! MANIFEST, the commit point.
//!
//! The structures here hold nothing but each other and types of the standard library: the bytes on disk follow
//! from their fields, so no change elsewhere may reach them. `convert` is where they meet other types.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::format::atomic::{self, open_file, read_error};
use crate::format::codec;
use crate::format::header::{self, FileKind, HEADER_BYTES};
use crate::{Error, Result};

/// The manifest's file name.
pub(crate) const MANIFEST: &str = "MANIFEST";

/// Names everything that belongs to one generation of the index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) generation: u64,
    pub(crate) next_key: u64,
    pub(crate) next_segment: u32,
    pub(crate) root: String,
    pub(crate) written_ns: u64,
    pub(crate) model: StoredModel,
    pub(crate) dim: u32,
    pub(crate) max_tokens: u32,
    pub(crate) overlap_tokens: u32,
    pub(crate) scope: StoredScope,
    pub(crate) catalog: FileRef,
    pub(crate) lexical: String,
    pub(crate) lexical_files: Vec<FileRef>,
    pub(crate) segments: Vec<SegmentRef>,
}

/// The embedder that the vectors were made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredModel {
    pub(crate) name: String,
    pub(crate) revision: String,
    pub(crate) digest: String,
}

/// Which files of a folder were taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredScope {
    /// What is taken in beside the usual, a bit each: hidden files, ignored ones, and what links lead to.
    pub(crate) extra: u8,
    pub(crate) max_file_bytes: u64,
}

/// A file by name, length and digest of its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRef {
    pub(crate) name: String,
    pub(crate) len_bytes: u64,
    pub(crate) digest: [u8; 32],
}

/// A segment and what has been deleted from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SegmentRef {
    pub(crate) number: u32,
    pub(crate) n_passages: u32,
    pub(crate) passages: FileRef,
    pub(crate) vectors: FileRef,
    pub(crate) quantised: FileRef,
    pub(crate) deleted: Vec<(u32, u32)>,
    pub(crate) graph: Option<GraphRef>,
}

/// The HNSW graph of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GraphRef {
    pub(crate) file: FileRef,
    pub(crate) n_lost: u32,
}

impl SegmentRef {
    /// Its files, each with its kind; foreign ones have none.
    pub(crate) fn files(&self) -> Vec<(&FileRef, Option<FileKind>)> {
        let mut files = vec![
            (&self.passages, Some(FileKind::Passages)),
            (&self.vectors, Some(FileKind::Vectors)),
            (&self.quantised, Some(FileKind::Quantised)),
        ];
        let graph = self.graph.iter().map(|graph| &graph.file);
        files.extend(graph.map(|file| (file, Some(FileKind::Graph))));
        files
    }

    /// Gives it another number, which moves its files to another folder.
    pub(crate) fn renumber(&mut self, number: u32) {
        let (old, new) = (segment_folder(self.number), segment_folder(number));
        self.number = number;
        let own = [&mut self.passages, &mut self.vectors, &mut self.quantised];
        let graph = self.graph.iter_mut().map(|graph| &mut graph.file);
        for file in own.into_iter().chain(graph) {
            file.move_to(&old, &new);
        }
    }
}

impl FileRef {
    /// Names it in another folder.
    pub(crate) fn move_to(&mut self, old: &str, new: &str) {
        if let Some(rest) = self.name.strip_prefix(old) {
            self.name = format!("{new}{rest}");
        }
    }
}

impl Manifest {
    /// Reads and checks the manifest of an index folder.
    ///
    /// # Errors
    /// `NoIndex`, `InTheWay`, `Io`, `Damaged`, `UnsupportedVersion`.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST);
        if let Err(error) = fs::symlink_metadata(&path) {
            atomic::refuse_no_folder(folder)?;
            if error.kind() == io::ErrorKind::NotFound {
                return Err(Error::NoIndex {
                    path: folder.to_owned(),
                });
            }
        }
        Self::decode(&path, &read_checked(&path, FileKind::Manifest)?.bytes)
    }

    /// Decodes a manifest and checks the names in it.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn decode(path: &Path, payload: &[u8]) -> Result<Self> {
        let manifest: Self = codec::decode(path, payload)?;
        manifest.check_names(path)?;
        Ok(manifest)
    }

    /// Makes this manifest the current one.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn publish(&self, folder: &Path) -> Result<()> {
        let path = folder.join(MANIFEST);
        atomic::replace(&path, FileKind::Manifest, &codec::encode(&path, self)?)
    }

    /// The number of a new segment, which no other gets.
    ///
    /// # Errors
    /// `Damaged` where there is none left, which takes a number that no writer has come to.
    pub(crate) fn take_segment_number(&mut self, folder: &Path) -> Result<u32> {
        let number = self.next_segment;
        self.next_segment = number.checked_add(1).ok_or_else(|| Error::Damaged {
            path: folder.join(MANIFEST),
            offset: HEADER_BYTES as u64,
            problem: "its numbers are used up".to_owned(),
        })?;
        Ok(number)
    }

    /// Every file of this generation but MANIFEST; foreign ones have no kind.
    pub(crate) fn files(&self) -> Vec<(&FileRef, Option<FileKind>)> {
        let mut files = vec![(&self.catalog, Some(FileKind::Catalog))];
        files.extend(self.segments.iter().flat_map(SegmentRef::files));
        files.extend(self.lexical_files.iter().map(|file| (file, None)));
        files
    }

    /// Every file and folder directly inside the index folder that this generation needs.
    pub(crate) fn entries(&self) -> Vec<String> {
        let mut names = vec![self.catalog.name.clone(), self.lexical.clone()];
        names.extend(
            self.segments
                .iter()
                .map(|segment| segment_folder(segment.number)),
        );
        names
    }

    /// Names from a file must stay inside the index folder.
    fn check_names(&self, path: &Path) -> Result<()> {
        let files = self.files();
        let names = files.iter().map(|(file, _)| &file.name);
        let names = names.chain([&self.lexical]);
        for name in names {
            let inside = Path::new(name)
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_)));
            if name.is_empty() || !inside {
                return Err(Error::Damaged {
                    path: path.to_owned(),
                    offset: HEADER_BYTES as u64,
                    problem: format!("it names a file outside the index: {name:?}"),
                });
            }
        }
        Ok(())
    }
}

/// The name of a segment's folder.
pub(crate) fn segment_folder(number: u32) -> String {
    format!("segment-{number}")
}

/// What stands behind the header of a small file, and the version that the header names.
pub(crate) struct Payload {
    pub(crate) version: u32,
    pub(crate) bytes: Vec<u8>,
}

/// Reads a small file whole and checks its digest.
///
/// # Errors
/// `Io`, `Damaged`, `UnsupportedVersion`.
pub(crate) fn read_checked(path: &Path, kind: FileKind) -> Result<Payload> {
    let mut file = Vec::new();
    open_file(path)?
        .read_to_end(&mut file)
        .map_err(|source| read_error(path, source))?;
    let header = header::decode(path, &file, kind)?;
    let bytes = file.split_off(HEADER_BYTES);
    if *blake3::hash(&bytes).as_bytes() == header.digest {
        Ok(Payload {
            version: header.version,
            bytes,
        })
    } else {
        Err(Error::Damaged {
            path: path.to_owned(),
            offset: HEADER_BYTES as u64,
            problem: "the content does not match its digest".to_owned(),
        })
    }
}
