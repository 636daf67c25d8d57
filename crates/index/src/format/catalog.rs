//! The catalog: what was indexed, and where its passages are.
//!
//! As in MANIFEST, nothing but these structures and types of the standard library.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::format::atomic::FileWriter;
use crate::format::codec;
use crate::format::header::{FORMAT_VERSION, FileKind, HEADER_BYTES};
use crate::format::manifest::{FileRef, Manifest, read_checked};
use crate::format::metadata::{self, StoredMetadata};
use crate::{Error, Result};

/// The first version with metadata of documents.
const WITH_METADATA: u32 = 3;

/// What was indexed, ascending by path.
pub(crate) type Catalog = Vec<Source>;

/// A file of the folder, or a document an application handed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Source<D = DocumentRecord> {
    pub(crate) path: String,
    pub(crate) origin: Origin,
    pub(crate) kind: StoredKind,
    pub(crate) size_bytes: u64,
    pub(crate) modified_ns: i64,
    pub(crate) changed_ns: i64,
    pub(crate) digest: [u8; 32],
    pub(crate) outcome: Outcome,
    pub(crate) documents: Vec<D>,
}

/// Where a source came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Origin {
    Folder,
    Application,
}

/// The sort of a document. A variant's place in the list is its number on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum StoredKind {
    Text,
    Markdown,
    Html,
    Pdf,
    Code,
    JsonLines,
}

/// What became of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Outcome {
    Indexed,
    Binary,
    Failed(String),
}

/// A document and where its passages are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DocumentRecord {
    pub(crate) key: u64,
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) segment: u32,
    pub(crate) first: u32,
    pub(crate) n_passages: u32,
    pub(crate) metadata: StoredMetadata,
}

/// Reads the catalog that a manifest names.
///
/// # Errors
/// `Io`, `Damaged`, `UnsupportedVersion`.
pub(crate) fn read_catalog(folder: &Path, manifest: &Manifest) -> Result<Catalog> {
    let path = folder.join(&manifest.catalog.name);
    let payload = read_checked(&path, FileKind::Catalog)?;
    decode_catalog(&path, payload.version, &payload.bytes)
}

/// Whether the catalog that a manifest names is of an earlier version, whose readers saw less in files than
/// those of this one.
///
/// # Errors
/// `Io`, `Damaged`, `UnsupportedVersion`.
pub(crate) fn is_older(folder: &Path, manifest: &Manifest) -> Result<bool> {
    let path = folder.join(&manifest.catalog.name);
    Ok(read_checked(&path, FileKind::Catalog)?.version < FORMAT_VERSION)
}

/// Forgets how the files of a folder looked, so that the next run reads them again.
pub(crate) fn forget_files(catalog: &mut Catalog) {
    for source in catalog {
        if source.origin == Origin::Folder {
            source.digest = [0; 32];
            source.changed_ns = 0;
        }
    }
}

/// Decodes the catalog in a file of this version.
///
/// # Errors
/// `Damaged`.
pub(crate) fn decode_catalog(path: &Path, version: u32, payload: &[u8]) -> Result<Catalog> {
    if version < WITH_METADATA {
        let catalog: Vec<Source<version_2::DocumentRecord>> = codec::decode(path, payload)?;
        return Ok(catalog.into_iter().map(version_2::current).collect());
    }
    let catalog: Catalog = codec::decode(path, payload)?;
    let unsound = |document: &&DocumentRecord| !metadata::is_sound(&document.metadata);
    let mut documents = catalog.iter().flat_map(|source| &source.documents);
    match documents.find(unsound) {
        None => Ok(catalog),
        Some(document) => Err(Error::Damaged {
            path: path.to_owned(),
            offset: HEADER_BYTES as u64,
            problem: format!("the metadata of {:?} is not valid", document.id),
        }),
    }
}

/// The catalog as version 2 has it: without metadata.
mod version_2 {
    use serde::Deserialize;

    use super::Source;

    #[derive(Deserialize)]
    pub(super) struct DocumentRecord {
        key: u64,
        id: String,
        title: String,
        segment: u32,
        first: u32,
        n_passages: u32,
    }

    /// A source as it is today.
    pub(super) fn current(source: Source<DocumentRecord>) -> Source {
        let document = |document: DocumentRecord| super::DocumentRecord {
            key: document.key,
            id: document.id,
            title: document.title,
            segment: document.segment,
            first: document.first,
            n_passages: document.n_passages,
            metadata: Vec::new(),
        };
        Source {
            path: source.path,
            origin: source.origin,
            kind: source.kind,
            size_bytes: source.size_bytes,
            modified_ns: source.modified_ns,
            changed_ns: source.changed_ns,
            digest: source.digest,
            outcome: source.outcome,
            documents: source.documents.into_iter().map(document).collect(),
        }
    }
}

/// Writes a catalog under its generation's name.
///
/// # Errors
/// `Io`.
pub(crate) fn write_catalog(folder: &Path, generation: u64, catalog: &Catalog) -> Result<FileRef> {
    let name = format!("catalog-{generation}");
    let path = folder.join(&name);
    let mut file = FileWriter::create(&path, FileKind::Catalog)?;
    file.write(&codec::encode(&path, catalog)?)?;
    let (len_bytes, digest) = file.finish()?;
    Ok(FileRef {
        name,
        len_bytes,
        digest,
    })
}
