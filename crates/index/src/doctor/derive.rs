//! Makes segments and BM25 again from stored passages and vectors.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::dense::{HnswOptions, validate_rows};
use crate::embed::{EMBED_BATCH, embed};
use crate::format::atomic::{self, io_error};
use crate::format::catalog::{Catalog, DocumentRecord};
use crate::format::foreign;
use crate::format::header::FileKind;
use crate::format::manifest::{FileRef, Manifest, SegmentRef, segment_folder};
use crate::format::mmap::MappedFile;
use crate::lexical::LexicalWriter;
use crate::next_lexical::{is_lock, make_readable};
use crate::run::{IndexProgress, IndexRun};
use crate::segment::{
    GraphBuild, PassageStore, SegmentWriter, split_headings, write_graph, write_quantised,
};
use crate::stored_words::add_stored;
use crate::{Error, Result};
use reread_models::{CancelToken, Embedder};
use reread_retrieval::contextual_text;

/// Memory for the words of a new BM25 index, as a writer has it by default.
const LEXICAL_BYTES: usize = 64 << 20;

/// Opens the embedder that an index was built with. Asked only if vectors must be embedded again.
pub type OpenEmbedder<'a> = dyn Fn() -> Result<Arc<dyn Embedder>> + 'a;

/// The embedder that an index was built with, and who watches it.
pub(super) struct Embedding<'a> {
    embedder: Arc<dyn Embedder>,
    run: &'a IndexRun<'a>,
}

impl<'a> Embedding<'a> {
    /// Opens the embedder and refuses another one than the index was built with.
    pub(super) fn open(
        manifest: &Manifest,
        open: &OpenEmbedder<'_>,
        run: &'a IndexRun<'a>,
    ) -> Result<Self> {
        let embedder = open()?;
        if embedder.model().digest == manifest.model.digest {
            return Ok(Self { embedder, run });
        }
        Err(Error::WrongModel {
            built_with: Box::new(manifest.model()),
            given: Box::new(embedder.model().clone()),
        })
    }
}

/// How a segment's graph is built again: there is one where there was one.
fn graph_of(from: &SegmentRef, cancel: &CancelToken) -> GraphBuild<'static> {
    let least = if from.graph.is_some() { 0 } else { usize::MAX };
    GraphBuild::unwatched(HnswOptions::default().with_from_passages(least), cancel)
}

/// A new segment with the passages and vectors of another, and copies and graph made of these.
pub(super) fn derive_segment(
    index: &Path,
    from: &SegmentRef,
    number: u32,
    dim: usize,
    cancel: &CancelToken,
) -> Result<SegmentRef> {
    let name = segment_folder(number);
    let folder = index.join(&name);
    fs::create_dir(&folder).map_err(|source| io_error("create", &folder, source))?;
    let take = |file: &FileRef, base: &str| -> Result<FileRef> {
        let (old, new) = (index.join(&file.name), folder.join(base));
        if fs::hard_link(&old, &new).is_err() {
            fs::copy(&old, &new).map_err(|source| io_error("copy", &old, source))?;
        }
        Ok(FileRef {
            name: format!("{name}/{base}"),
            ..file.clone()
        })
    };
    let passages = take(&from.passages, "passages")?;
    let vectors = take(&from.vectors, "vectors")?;
    let mapped = MappedFile::open(&folder.join("vectors"), FileKind::Vectors)?;
    let rows = mapped.f32s(0..mapped.payload().len())?;
    validate_rows("of the index", rows, dim)?;
    let (len_bytes, digest) = write_quantised(&folder, rows, dim)?;
    let graph = write_graph(
        &folder,
        &name,
        rows.len() / dim,
        dim,
        &graph_of(from, cancel),
    )?;
    atomic::sync_folder(&folder)?;
    Ok(SegmentRef {
        number,
        passages,
        vectors,
        quantised: FileRef {
            name: format!("{name}/quantised"),
            len_bytes,
            digest,
        },
        graph,
        ..from.clone()
    })
}

/// A new segment with the passages of another that are not deleted, embedded again. Moves its
/// documents there. Returns also the number of passages.
pub(super) fn embed_segment(
    index: &Path,
    from: &SegmentRef,
    number: u32,
    dim: usize,
    catalog: &mut Catalog,
    embedding: &Embedding<'_>,
) -> Result<(SegmentRef, usize)> {
    let store = PassageStore::open(index, from)?;
    let mut writer = SegmentWriter::create(index, number, dim)?;
    let sources = catalog.iter_mut().flat_map(|source| &mut source.documents);
    let mut inside: Vec<&mut DocumentRecord> = sources
        .filter(|document| document.segment == from.number)
        .collect();
    inside.sort_unstable_by_key(|document| document.first);
    let mut pending: Vec<(u32, String)> = Vec::new();
    let mut first = 0;
    for document in inside {
        for position in document.first..document.first.saturating_add(document.n_passages) {
            pending.push((position, embedded_text(&store, document, position)?));
            if pending.len() == EMBED_BATCH {
                flush(&mut writer, &store, &mut pending, dim, embedding)?;
            }
        }
        document.first = first;
        first += document.n_passages;
    }
    flush(&mut writer, &store, &mut pending, dim, embedding)?;
    Ok((
        writer.finish(Some(&graph_of(from, embedding.run.cancel())))?,
        first as usize,
    ))
}

fn flush(
    writer: &mut SegmentWriter,
    store: &PassageStore,
    pending: &mut Vec<(u32, String)>,
    dim: usize,
    embedding: &Embedding<'_>,
) -> Result<()> {
    embedding.run.check()?;
    let texts: Vec<&str> = pending.iter().map(|(_, text)| text.as_str()).collect();
    let rows = embed(
        embedding.embedder.as_ref(),
        &texts,
        dim,
        embedding.run.cancel(),
    )?;
    for ((position, _), row) in pending.iter().zip(rows.chunks_exact(dim)) {
        writer.copy(store, *position, row)?;
    }
    pending.clear();
    embedding.run.tell(&IndexProgress {
        n_passages: writer.n_passages() as usize,
        ..IndexProgress::default()
    });
    Ok(())
}

/// The text of a stored passage as it was embedded.
fn embedded_text(store: &PassageStore, document: &DocumentRecord, position: u32) -> Result<String> {
    let record = store.record(position)?;
    let (headings, text) = store.strings(&record)?;
    Ok(contextual_text(
        &document.title,
        &split_headings(headings),
        text,
    ))
}

/// Makes BM25 again from the stored passages, and names it in the manifest.
pub(super) fn derive_lexical(
    index: &Path,
    manifest: &mut Manifest,
    catalog: &Catalog,
) -> Result<()> {
    let name = format!("lexical-{}", manifest.generation);
    let folder = index.join(&name);
    let writer = LexicalWriter::create(&folder, LEXICAL_BYTES, 1)?;
    add_stored(index, &manifest.segments, catalog, u64::MAX, &writer)?;
    writer.commit()?;
    atomic::sync_folder(&folder)?;
    make_readable(index, &folder);
    manifest.lexical_files = foreign::describe(index, &name, &[], |_| true, is_lock)?;
    manifest.lexical = name;
    Ok(())
}
