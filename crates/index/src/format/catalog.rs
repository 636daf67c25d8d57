//! The catalog: what was indexed, and where its passages are.
//!
//! As in MANIFEST, nothing but these structures and types of the standard library.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::format::atomic::FileWriter;
use crate::format::codec;
use crate::format::header::FileKind;
use crate::format::manifest::{FileRef, Manifest, read_checked};

/// What was indexed, ascending by path.
pub(crate) type Catalog = Vec<Source>;

/// A file of the folder, or a document an application handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) origin: Origin,
    pub(crate) kind: StoredKind,
    pub(crate) size_bytes: u64,
    pub(crate) modified_ns: i64,
    pub(crate) changed_ns: i64,
    pub(crate) digest: [u8; 32],
    pub(crate) outcome: Outcome,
    pub(crate) documents: Vec<DocumentRecord>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DocumentRecord {
    pub(crate) key: u64,
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) segment: u32,
    pub(crate) first: u32,
    pub(crate) n_passages: u32,
}

/// Reads the catalog that a manifest names.
///
/// # Errors
/// `Io`, `Damaged`, `UnsupportedVersion`.
pub(crate) fn read_catalog(folder: &Path, manifest: &Manifest) -> Result<Catalog> {
    let path = folder.join(&manifest.catalog.name);
    codec::decode(&path, &read_checked(&path, FileKind::Catalog)?)
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
