//! Words of stored passages, put into a lexical index.

use std::path::Path;

use reread_retrieval::DocumentWords;

use crate::Result;
use crate::format::catalog::{Catalog, DocumentRecord, Source};
use crate::format::manifest::SegmentRef;
use crate::format::metadata;
use crate::lexical::{LexicalPassage, LexicalWriter};
use crate::segment::{PassageStore, split_headings};

/// What the passages of a document are found by beside their text.
pub(crate) fn words_of(source: &Source, document: &DocumentRecord) -> DocumentWords {
    let metadata = metadata::metadata(&document.metadata);
    DocumentWords::of(&document.id, &source.path, &document.title, &metadata)
}

/// Adds the stored passages of all documents whose key is below `below`.
///
/// # Errors
/// `Io`, `Damaged`, `Lexical`.
pub(crate) fn add_stored(
    index: &Path,
    segments: &[SegmentRef],
    catalog: &Catalog,
    below: u64,
    writer: &LexicalWriter,
) -> Result<()> {
    for segment in segments {
        let store = PassageStore::open(index, segment)?;
        for source in catalog {
            let inside = |it: &&DocumentRecord| it.segment == segment.number && it.key < below;
            for document in source.documents.iter().filter(inside) {
                add_document(&store, source, document, writer)?;
            }
        }
    }
    Ok(())
}

fn add_document(
    store: &PassageStore,
    source: &Source,
    document: &DocumentRecord,
    writer: &LexicalWriter,
) -> Result<()> {
    let words = words_of(source, document);
    for position in document.first..document.first.saturating_add(document.n_passages) {
        let record = store.record(position)?;
        let (headings, text) = store.strings(&record)?;
        writer.add(&LexicalPassage {
            key: record.key,
            document_key: document.key,
            document: &words,
            headings: &split_headings(headings).join("\n"),
            body: text,
        })?;
    }
    Ok(())
}
