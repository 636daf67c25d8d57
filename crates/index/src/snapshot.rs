//! A snapshot: one generation of the index, open for reading.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use reread_document::{ChunkOptions, Locator, Metadata};
use reread_models::ModelIdentity;
use reread_retrieval::{DocumentKey, DocumentNames, Filter, Passage, PassageKey};

use crate::format::catalog::{Catalog, DocumentRecord, Origin, Source, is_older, read_catalog};
use crate::format::manifest::Manifest;
use crate::format::{foreign, metadata};
use crate::index_folder::{is_unfinished, stored_root};
use crate::lexical::LexicalIndex;
use crate::passage_set::PassageSet;
use crate::position::{DocId, PassageId};
use crate::segment::{Segment, TextDigest, split_headings};
use crate::{Error, Result};

/// How often a reader tries again when a writer removes files between two of its reads.
const OPEN_ATTEMPTS: usize = 5;

/// One generation of the index, open for reading. Later commits do not change it.
pub struct Snapshot {
    folder: PathBuf,
    pub(crate) manifest: Manifest,
    model: ModelIdentity,
    pub(crate) catalog: Catalog,
    /// Whether an earlier version wrote it, so that files must be read again and words be indexed again.
    pub(crate) is_older: bool,
    /// Ascending by key, which is the order of indexing.
    documents: Vec<DocumentPlace>,
    segments: Vec<OpenSegment>,
    lexical: LexicalIndex,
    by_text: OnceLock<HashMap<TextDigest, PassageId>>,
    /// Of each document, in the same order.
    metadata: OnceLock<Vec<Metadata>>,
    unfinished: bool,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("folder", &self.folder)
            .field("generation", &self.generation())
            .field("n_documents", &self.n_documents())
            .field("n_passages", &self.n_passages())
            .finish_non_exhaustive()
    }
}

/// A segment and where its passages stand in the snapshot.
pub(crate) struct OpenSegment {
    pub(crate) segment: Segment,
    pub(crate) base: u32,
    any_deleted: bool,
}

/// Where a document is in the catalog.
#[derive(Debug, Clone, Copy)]
struct DocumentPlace {
    key: u64,
    source: u32,
    document: u32,
    first: PassageId,
    n_passages: u32,
}

impl Snapshot {
    /// Opens the current generation of an index folder.
    ///
    /// Reads the manifest and the catalog; passages and vectors are mapped, not read.
    ///
    /// # Errors
    /// `NoIndex`, `Io`, `Damaged`, `UnsupportedVersion`, `Lexical`.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut manifest = Manifest::read(folder)?;
        for _ in 1..OPEN_ATTEMPTS {
            match Self::open_generation(folder, &manifest) {
                Ok(snapshot) => return Ok(snapshot),
                Err(error) => {
                    // A writer may have committed meanwhile and removed what this manifest names.
                    let current = Manifest::read(folder)?;
                    if current.generation == manifest.generation {
                        return Err(error);
                    }
                    manifest = current;
                }
            }
        }
        Self::open_generation(folder, &manifest)
    }

    fn open_generation(folder: &Path, manifest: &Manifest) -> Result<Self> {
        let catalog = read_catalog(folder, manifest)?;
        let is_older = is_older(folder, manifest)?;
        let model = manifest.model();
        let model_name = model.to_string();
        let mut segments = Vec::with_capacity(manifest.segments.len());
        let mut base = 0u32;
        for part in &manifest.segments {
            let segment = Segment::open(folder, part, &model_name, manifest.dim as usize)?;
            segments.push(OpenSegment {
                segment,
                base,
                any_deleted: !part.deleted.is_empty(),
            });
            base = base
                .checked_add(part.n_passages)
                .ok_or_else(|| Error::Damaged {
                    path: folder.join(crate::format::manifest::MANIFEST),
                    offset: 0,
                    problem: "it counts more passages than an index can hold".to_owned(),
                })?;
        }
        let documents = place_documents(folder, manifest, &catalog, &segments)?;
        foreign::check(folder, &manifest.lexical_files)?;
        let lexical = LexicalIndex::open(&folder.join(&manifest.lexical))?;
        Ok(Self {
            folder: folder.to_owned(),
            manifest: manifest.clone(),
            model,
            catalog,
            // A backup of an earlier version is restored with its words.
            is_older: is_older || !lexical.is_current(),
            documents,
            segments,
            lexical,
            by_text: OnceLock::new(),
            metadata: OnceLock::new(),
            unfinished: is_unfinished(folder),
        })
    }

    /// The index folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The embedder that the index was built with.
    pub fn model(&self) -> &ModelIdentity {
        &self.model
    }

    /// Refuses another embedder than the one the index was built with.
    ///
    /// # Errors
    /// `WrongModel`, which names both.
    pub fn check_model(&self, given: &ModelIdentity) -> Result<()> {
        check_model(self.model(), given)
    }

    /// Refuses another folder than the one the index was built for.
    ///
    /// # Errors
    /// `OtherFolder`, which names both.
    pub fn check_root(&self, root: &Path) -> Result<()> {
        let from_folder = self
            .catalog
            .iter()
            .any(|source| source.origin == Origin::Folder);
        let given = stored_root(&self.folder, root);
        if !from_folder || given == self.manifest.root {
            return Ok(());
        }
        let named = |root: String| {
            if root.is_empty() {
                "the folder around it".to_owned()
            } else {
                root
            }
        };
        Err(Error::OtherFolder {
            path: self.folder.clone(),
            built_for: named(self.manifest.root.clone()),
            given: named(given),
        })
    }

    /// Whether a part of its folder was still to be indexed when it was opened: a long run was at work,
    /// or had been stopped.
    pub fn is_unfinished(&self) -> bool {
        self.unfinished
    }

    /// Which commit this is, from 1.
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// The folder that was indexed, where the index is not inside it.
    pub fn root(&self) -> Option<&Path> {
        (!self.manifest.root.is_empty()).then(|| Path::new(&self.manifest.root))
    }

    /// How its documents were cut.
    pub fn chunk_options(&self) -> ChunkOptions {
        self.manifest.chunk_options()
    }

    /// Passages that can be found.
    pub fn n_passages(&self) -> usize {
        self.documents
            .iter()
            .map(|place| place.n_passages as usize)
            .sum()
    }

    /// Documents in the index.
    pub fn n_documents(&self) -> usize {
        self.documents.len()
    }

    /// A passage with all that is known of it.
    ///
    /// # Errors
    /// `NoPassage` for a key of no live passage; `Damaged` when the passage store does not hold it.
    pub fn passage(&self, key: PassageKey) -> Result<Passage> {
        let id = self.passage_of_key(key.0);
        self.passage_at(id.ok_or_else(|| self.no_passage(key))?)
    }

    /// The passage at a position.
    ///
    /// # Errors
    /// `Damaged` when the passage store does not hold it.
    pub(crate) fn passage_at(&self, id: PassageId) -> Result<Passage> {
        let open = self.segment_of(id)?;
        let record = open.segment.record(id.0 - open.base)?;
        let (headings, text) = open.segment.strings(&record)?;
        let document = self
            .document_of_key(record.key)
            .ok_or_else(|| self.unknown(id))?;
        let (source, described) = self.document(document)?;
        let place = Locator::new(
            record.start_line..=record.end_line,
            (record.page > 0).then_some(record.page),
        );
        let (key, document) = (PassageKey(record.key), DocumentKey(described.key));
        Ok(Passage::new(key, document, described.id.as_str(), text)
            .with_path(source.path.as_str())
            .with_title(described.title.as_str())
            .with_kind(source.kind.into())
            .with_heading_path(split_headings(headings))
            .with_place(record.start_byte..record.end_byte, place)
            .with_metadata(metadata::metadata(&described.metadata)))
    }

    /// All passages of a document, in the order of its text; none for a key that no document has, or has
    /// any more.
    ///
    /// # Errors
    /// `Damaged` when the passage store does not hold one.
    pub fn passages_of(&self, document: DocumentKey) -> Result<Vec<Passage>> {
        let found = self
            .documents
            .binary_search_by_key(&document.0, |place| place.key);
        let Ok(at) = found else {
            return Ok(Vec::new());
        };
        let place = self.documents[at];
        let positions = (0..place.n_passages).map(|i| PassageId(place.first.0 + i));
        positions.map(|id| self.passage_at(id)).collect()
    }

    /// Every document with what it may be called, in the order of indexing.
    pub fn documents(&self) -> impl Iterator<Item = DocumentNames> {
        self.documents.iter().map(|place| {
            let source = &self.catalog[place.source as usize];
            DocumentNames {
                key: DocumentKey(place.key),
                id: source.documents[place.document as usize].id.clone(),
                path: source.path.clone(),
            }
        })
    }

    /// Compares the files of passages, vectors and words with their digests. Reads all of them.
    ///
    /// # Errors
    /// `Damaged`, naming the file.
    pub fn verify(&self) -> Result<()> {
        for open in &self.segments {
            open.segment.verify()?;
        }
        foreign::verify(&self.folder, &self.manifest.lexical_files)
    }

    pub(crate) fn lexical(&self) -> &LexicalIndex {
        &self.lexical
    }

    pub(crate) fn segments(&self) -> &[OpenSegment] {
        &self.segments
    }

    /// Passage ids up to this one may occur.
    pub(crate) fn n_positions(&self) -> u32 {
        self.segments
            .last()
            .map_or(0, |open| open.base + open.segment.n_passages())
    }

    /// The passages that a search may return: live ones that pass the filter. `None` when that is
    /// every stored passage.
    ///
    /// # Errors
    /// `InvalidOption` for a path that is neither in the index nor a glob.
    pub(crate) fn allowed(&self, filter: &Filter) -> Result<Option<PassageSet>> {
        let any_deleted = self.segments.iter().any(|open| open.any_deleted);
        if filter.is_empty() && !any_deleted {
            return Ok(None);
        }
        let filter = &self.settled(filter)?;
        let mut set = PassageSet::empty(self.n_positions());
        let nothing = Metadata::new();
        let passes = |source: &Source, metadata| filter.refusal(&source.facts(metadata)).is_none();
        // One answer for all documents of a source, where they do not differ for the filter.
        let by_source = |source: &Source| filter.condition().is_none() || has_no_metadata(source);
        let of_source = |source: &Source| by_source(source).then(|| passes(source, &nothing));
        let of_sources: Vec<Option<bool>> = self.catalog.iter().map(of_source).collect();
        for (pos, place) in self.documents.iter().enumerate() {
            let of_source = of_sources[place.source as usize];
            let passes = of_source.unwrap_or_else(|| {
                let source = &self.catalog[place.source as usize];
                passes(source, &self.metadata()[pos])
            });
            if passes {
                set.insert_range(place.first.0..place.first.0 + place.n_passages);
            }
        }
        Ok(Some(set))
    }

    /// A filter whose paths are those of this index, where it has them.
    ///
    /// # Errors
    /// `InvalidOption` for a path that is neither in the index nor a glob.
    pub(crate) fn settled<'a>(&self, filter: &'a Filter) -> Result<Cow<'a, Filter>> {
        let paths = || self.catalog.iter().map(|source| source.path.as_str());
        Ok(filter.settled(paths)?)
    }

    /// The metadata of every document, as filters read it; made when it is first asked for.
    fn metadata(&self) -> &[Metadata] {
        self.metadata.get_or_init(|| {
            let documents = self.documents.iter();
            let record = |place: &DocumentPlace| {
                &self.catalog[place.source as usize].documents[place.document as usize]
            };
            documents
                .map(|place| metadata::metadata(&record(place).metadata))
                .collect()
        })
    }

    /// Every live passage with its stable key.
    pub(crate) fn live_keys(&self) -> impl Iterator<Item = (u64, PassageId)> {
        self.documents.iter().flat_map(|place| {
            (0..place.n_passages).map(|i| (place.key + u64::from(i), PassageId(place.first.0 + i)))
        })
    }

    /// The passage with a stable key, if it is live.
    pub(crate) fn passage_of_key(&self, key: u64) -> Option<PassageId> {
        let place = self.documents.get(self.document_of_key(key)?.0 as usize)?;
        let ordinal = u32::try_from(key - place.key).ok()?;
        (ordinal < place.n_passages).then(|| PassageId(place.first.0 + ordinal))
    }

    /// The live passage whose embedded text has this digest, so that its vector can be reused.
    pub(crate) fn passage_with_text(&self, digest: &TextDigest) -> Option<PassageId> {
        let by_text = self.by_text.get_or_init(|| {
            let mut map = HashMap::new();
            for open in &self.segments {
                for position in 0..open.segment.n_passages() {
                    if let Ok(record) = open.segment.record(position) {
                        map.insert(record.text_digest, PassageId(open.base + position));
                    }
                }
            }
            map
        });
        by_text.get(digest).copied()
    }

    /// The stored embedding of a passage, as wide as the index says and of length 1.
    ///
    /// # Errors
    /// `NoPassage`, `Damaged`.
    pub fn vector(&self, key: PassageKey) -> Result<&[f32]> {
        let id = self.passage_of_key(key.0);
        let id = id.ok_or_else(|| self.no_passage(key))?;
        let open = self.segment_of(id)?;
        open.segment.vector(id.0 - open.base)
    }

    /// As [`vector`](Self::vector), compared with its rounded copy, so that no damaged one is taken over.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn sound_vector(&self, id: PassageId) -> Result<&[f32]> {
        let open = self.segment_of(id)?;
        open.segment.sound_vector(id.0 - open.base)
    }

    /// The key of the passage at a position.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn key_of(&self, id: PassageId) -> Result<PassageKey> {
        let open = self.segment_of(id)?;
        Ok(PassageKey(open.segment.record(id.0 - open.base)?.key))
    }

    /// What the catalog says of the source and the document of a passage.
    ///
    /// # Errors
    /// `NoPassage`, `Damaged`.
    pub(crate) fn document_of(&self, key: PassageKey) -> Result<(&Source, &DocumentRecord)> {
        let document = self.document_of_key(key.0);
        self.document(document.ok_or_else(|| self.no_passage(key))?)
    }

    fn segment_of(&self, id: PassageId) -> Result<&OpenSegment> {
        let after = self.segments.partition_point(|open| open.base <= id.0);
        let open = after.checked_sub(1).and_then(|pos| self.segments.get(pos));
        open.filter(|open| id.0 - open.base < open.segment.n_passages())
            .ok_or_else(|| self.unknown(id))
    }

    fn document_of_key(&self, key: u64) -> Option<DocId> {
        let after = self.documents.partition_point(|place| place.key <= key);
        let pos = after.checked_sub(1)?;
        let place = self.documents[pos];
        (key - place.key < u64::from(place.n_passages)).then_some(DocId(pos as u32))
    }

    fn document(&self, id: DocId) -> Result<(&Source, &DocumentRecord)> {
        let unknown = || Error::Damaged {
            path: self.folder.join(&self.manifest.catalog.name),
            offset: 0,
            problem: format!("it has no document {}", id.0),
        };
        let place = self.documents.get(id.0 as usize).ok_or_else(unknown)?;
        let source = &self.catalog[place.source as usize];
        Ok((source, &source.documents[place.document as usize]))
    }

    fn no_passage(&self, key: PassageKey) -> Error {
        Error::NoPassage {
            path: self.folder.clone(),
            key,
        }
    }

    fn unknown(&self, id: PassageId) -> Error {
        Error::Damaged {
            path: self.folder.join(&self.manifest.catalog.name),
            offset: 0,
            problem: format!("it has no {id}"),
        }
    }
}

/// Whether a filter can tell no document of this source from another.
fn has_no_metadata(source: &Source) -> bool {
    let mut documents = source.documents.iter();
    documents.all(|document| document.metadata.is_empty())
}

/// Refuses another embedder than the one that vectors were made with.
///
/// # Errors
/// `WrongModel`, which names both.
pub fn check_model(built_with: &ModelIdentity, given: &ModelIdentity) -> Result<()> {
    if given.digest == built_with.digest {
        return Ok(());
    }
    Err(Error::WrongModel {
        built_with: Box::new(built_with.clone()),
        given: Box::new(given.clone()),
    })
}

/// Lists documents by key and checks that their passages exist.
fn place_documents(
    folder: &Path,
    manifest: &Manifest,
    catalog: &Catalog,
    segments: &[OpenSegment],
) -> Result<Vec<DocumentPlace>> {
    let by_number: HashMap<u32, &OpenSegment> = segments
        .iter()
        .map(|open| (open.segment.number, open))
        .collect();
    let mut places = Vec::new();
    for (source_pos, source) in catalog.iter().enumerate() {
        for (document_pos, document) in source.documents.iter().enumerate() {
            let end = document.first.checked_add(document.n_passages);
            let open = by_number.get(&document.segment);
            let first = match (open, end) {
                // A document without passages owns a key and no place.
                _ if document.n_passages == 0 => 0,
                (Some(open), Some(end)) if end <= open.segment.n_passages() => {
                    open.base + document.first
                }
                _ => {
                    return Err(Error::Damaged {
                        path: folder.join(&manifest.catalog.name),
                        offset: 0,
                        problem: format!("{} lies outside its segment", document.id),
                    });
                }
            };
            places.push(DocumentPlace {
                key: document.key,
                source: source_pos as u32,
                document: document_pos as u32,
                first: PassageId(first),
                n_passages: document.n_passages,
            });
        }
    }
    places.sort_unstable_by_key(|place| place.key);
    Ok(places)
}
