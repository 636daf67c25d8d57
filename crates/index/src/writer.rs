//! The writer: changes documents and publishes them as one new generation.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use crate::crash::step;
use crate::embed::{EMBED_BATCH, embed};
use crate::format::atomic;
use crate::format::catalog::{
    Catalog, DocumentRecord, Origin, Outcome, Source, forget_files, write_catalog,
};
use crate::format::manifest::{FileRef, Manifest, SegmentRef};
use crate::index_folder::{
    Lock, check_apart, clear_unfinished, highest_left, lock, mark_unfinished, names, refuse_backup,
    remove_rubbish, remove_uncommitted, stored_root,
};
use crate::lexical::LexicalPassage;
use crate::lock_holder::Done;
use crate::merge;
use crate::next_lexical::NextLexical;
use crate::options::{IndexOptions, Scope};
use crate::prepare::{Prepared, PreparedPassage, prepare};
use crate::segment::{GraphBuild, SegmentWriter, TextDigest};
use crate::snapshot::Snapshot;
use crate::stored_words::words_of;
use crate::{Error, Result};
use reread_document::{ChunkOptions, Document, FoundFile};
use reread_models::{CancelToken, Embedder};
use reread_retrieval::unix_ns;

/// Changes an index. One at a time: a second writer is refused with [`Error::Locked`].
///
/// Nothing is visible to readers before [`commit`](Self::commit), or before a long run of
/// [`update`](crate::update()) commits a part; dropping the writer leaves the index as the last
/// commit made it.
pub struct IndexWriter {
    folder: PathBuf,
    lock: Lock,
    /// What was in the folder before this writer wrote to it.
    before: Vec<String>,
    embedder: Arc<dyn Embedder>,
    options: IndexOptions,
    chunk_options: ChunkOptions,
    scope: Scope,
    /// Whether readers must see all changes of this writer or none.
    at_once: bool,
    /// Whether the commit leaves nothing of a folder to be done.
    follows_folder: bool,
    base: Option<Arc<Snapshot>>,
    manifest: Manifest,
    catalog: Catalog,
    changed: bool,
    segment: Option<SegmentWriter>,
    lexical: Option<NextLexical>,
    pending: Vec<Pending>,
    /// Documents of the segment being written that were taken out again in the same run.
    withdrawn: Vec<DocumentRecord>,
    counts: WriteCounts,
    /// Stops what this writer does.
    cancel: CancelToken,
}

impl fmt::Debug for IndexWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexWriter")
            .field("folder", &self.folder)
            .field("options", &self.options)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl Drop for IndexWriter {
    /// Takes away what was written for a commit that did not come: a failed run on a full disk must not
    /// keep the disk full.
    fn drop(&mut self) {
        self.segment = None;
        self.lexical = None;
        remove_uncommitted(&self.folder, &self.before);
    }
}

/// What a writer has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WriteCounts {
    /// Passages added.
    pub n_passages: usize,
    /// Of these, those that the model embedded.
    pub n_embedded: usize,
    /// Of these, those whose vector was known from an equal text.
    pub n_reused: usize,
}

/// A passage that waits for its vector.
struct Pending {
    key: u64,
    passage: PreparedPassage,
}

impl IndexWriter {
    /// Takes the writer's lock on an index folder, which is created if need be, and reads the
    /// current generation. `root` is the folder that is indexed, if there is one.
    ///
    /// # Errors
    /// `Locked`, `Io`, `WrongModel`, and what reading an index can fail with.
    pub fn open(
        folder: &Path,
        root: Option<&Path>,
        embedder: Arc<dyn Embedder>,
        options: IndexOptions,
    ) -> Result<Self> {
        if let Some(root) = root {
            check_apart(folder, root)?;
        }
        refuse_backup(folder)?;
        let lock = lock(folder)?;
        let base = match Snapshot::open(folder) {
            Ok(snapshot) => Some(Arc::new(snapshot)),
            Err(Error::NoIndex { .. }) => None,
            Err(error) => return Err(error),
        };
        if base.is_none() {
            remove_rubbish(folder, &[]);
        }
        Self::begin(folder, lock, root, base, embedder, options)
    }

    /// Like [`open`](Self::open), but begins an index from nothing, whatever the folder holds: a
    /// damaged index or one of another model. What was there stays until the commit.
    ///
    /// # Errors
    /// `Locked`, `Io`, `InvalidOption`.
    pub fn create(
        folder: &Path,
        root: Option<&Path>,
        embedder: Arc<dyn Embedder>,
        options: IndexOptions,
    ) -> Result<Self> {
        if let Some(root) = root {
            check_apart(folder, root)?;
        }
        refuse_backup(folder)?;
        let lock = lock(folder)?;
        let mut writer = Self::begin(folder, lock, root, None, embedder, options)?;
        writer.at_once = true;
        Ok(writer)
    }

    fn begin(
        folder: &Path,
        lock: Lock,
        root: Option<&Path>,
        base: Option<Arc<Snapshot>>,
        embedder: Arc<dyn Embedder>,
        options: IndexOptions,
    ) -> Result<Self> {
        let mut manifest = if let Some(base) = &base {
            continued(base, root, embedder.as_ref())?
        } else {
            let root = root.map(|root| stored_root(folder, root));
            Manifest::empty(root.unwrap_or_default(), embedder.as_ref())
        };
        if base.is_some() {
            remove_rubbish(folder, &manifest.entries());
        }
        // Names that are taken are passed over: of what could not be removed, and of an index that is
        // rebuilt, whose files go when the new manifest is in place.
        let left = highest_left(folder, &manifest.entries());
        if left > 0 {
            manifest.generation = manifest.generation.max(left);
            let next = u32::try_from(left).unwrap_or(u32::MAX - 1) + 1;
            manifest.next_segment = manifest.next_segment.max(next);
        }
        let stored = base.as_ref().map(|_| manifest.chunk_options());
        let chunk_options = options.chunk.clone().or(stored).unwrap_or_default();
        chunk_options.check()?;
        options.hnsw.check()?;
        let scope = options.scope(base.as_ref().map(|base| base.manifest.scope()));
        let catalog = base
            .as_ref()
            .map(|base| base.catalog.clone())
            .unwrap_or_default();
        Ok(Self {
            folder: folder.to_owned(),
            lock,
            before: names(folder)?,
            embedder,
            options,
            chunk_options,
            scope,
            at_once: false,
            follows_folder: false,
            base,
            manifest,
            catalog,
            changed: false,
            segment: None,
            lexical: None,
            pending: Vec::new(),
            withdrawn: Vec::new(),
            counts: WriteCounts::default(),
            cancel: CancelToken::default(),
        })
    }

    /// How documents are cut in this run.
    pub fn chunk_options(&self) -> &ChunkOptions {
        &self.chunk_options
    }

    /// Puts a document of an application in place of the one with the same id.
    ///
    /// # Errors
    /// `Io`, `Lexical`, `Embedder`, `BadEmbedding`.
    pub fn put_document(&mut self, document: &Document) -> Result<()> {
        let source = Source {
            path: document.id.clone(),
            origin: Origin::Application,
            kind: document.kind.into(),
            size_bytes: document.text.len() as u64,
            modified_ns: unix_ns(SystemTime::now()),
            changed_ns: 0,
            digest: *blake3::hash(document.text.as_bytes()).as_bytes(),
            outcome: Outcome::Indexed,
            documents: Vec::new(),
        };
        let prepared = prepare(document, self.embedder.as_ref(), &self.chunk_options)?;
        self.put(source, vec![prepared], &mut |_| {})
    }

    /// Removes a document of an application. Returns whether there was one.
    ///
    /// # Errors
    /// `Io`, `Lexical`.
    pub fn remove_document(&mut self, id: &str) -> Result<bool> {
        let at = self
            .catalog
            .binary_search_by(|source| source.path.as_str().cmp(id));
        match at.ok().map(|at| self.catalog[at].origin) {
            Some(Origin::Application) => self.remove(id),
            _ => Ok(false),
        }
    }

    pub(crate) fn scope(&self) -> Scope {
        self.scope
    }

    pub(crate) fn options(&self) -> &IndexOptions {
        &self.options
    }

    pub(crate) fn embedder(&self) -> &Arc<dyn Embedder> {
        &self.embedder
    }

    /// When the generation was written that this writer goes on from, in Unix nanoseconds.
    pub(crate) fn written_ns(&self) -> u64 {
        self.manifest.written_ns
    }

    /// Lets others know how far the run over the folder is.
    pub(crate) fn tell(&mut self, done: Done) {
        self.lock.tell(done);
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Begins a run whose commit leaves nothing of a folder to be done. Returns whether an earlier one
    /// was stopped half way; the commit then merges what it has left.
    /// `cancel` stops it.
    pub(crate) fn begin_run(&mut self, cancel: &CancelToken) -> bool {
        self.cancel = cancel.clone();
        self.follows_folder = true;
        let resumed = self.base.as_ref().is_some_and(|base| base.is_unfinished());
        self.changed |= resumed;
        resumed
    }

    /// What has been done so far.
    pub(crate) fn counts(&self) -> WriteCounts {
        self.counts
    }

    /// Whether this run reads or cuts documents in another way than the index did.
    pub(crate) fn cuts_again(&self) -> bool {
        self.is_older()
            || self.base.is_some() && self.manifest.chunk_options() != self.chunk_options
    }

    /// Whether an earlier version wrote what this writer goes on from.
    fn is_older(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.is_older)
    }

    /// Puts a source in place of the one with the same path, with these documents.
    ///
    /// `told` is given, after each batch, how many passages have been written.
    pub(crate) fn put(
        &mut self,
        mut source: Source,
        documents: Vec<Prepared>,
        told: &mut dyn FnMut(usize),
    ) -> Result<()> {
        self.remove(&source.path)?;
        self.changed = true;
        for document in documents {
            let record = self.add_document(&source, document)?;
            source.documents.push(record);
            while self.pending.len() >= EMBED_BATCH {
                self.flush(EMBED_BATCH)?;
                told(self.counts.n_passages);
                self.lock.tell_passages(self.counts.n_passages);
                self.cancel.check()?;
            }
        }
        let at = self
            .catalog
            .partition_point(|other| other.path < source.path);
        self.catalog.insert(at, source);
        Ok(())
    }

    /// Removes a source and its documents. Returns whether there was one.
    pub(crate) fn remove(&mut self, path: &str) -> Result<bool> {
        let Ok(at) = self
            .catalog
            .binary_search_by(|source| source.path.as_str().cmp(path))
        else {
            return Ok(false);
        };
        let source = self.catalog.remove(at);
        self.changed = true;
        for document in source.documents {
            self.lexical()?.writer().delete_document(document.key);
            if self
                .segment
                .as_ref()
                .is_some_and(|s| s.number() == document.segment)
            {
                self.withdrawn.push(document);
            } else {
                merge::delete(&mut self.manifest.segments, &document);
            }
        }
        Ok(true)
    }

    /// Changes what is recorded of a source whose content is as it was.
    ///
    /// What could not be read before and holds documents can be read again.
    pub(crate) fn touch(&mut self, file: &FoundFile) {
        self.changed = true;
        if let Some(source) = self.known_mut(file)
            && !source.documents.is_empty()
        {
            source.outcome = Outcome::Indexed;
        }
    }

    /// Records that a source cannot be read now. What is indexed of it stays.
    pub(crate) fn mark_unreadable(&mut self, file: &FoundFile, reason: String) {
        self.changed = true;
        if let Some(source) = self.known_mut(file) {
            source.outcome = Outcome::Failed(reason);
        }
    }

    /// The source of a file, with the file's size and times taken over.
    fn known_mut(&mut self, file: &FoundFile) -> Option<&mut Source> {
        let found = self
            .catalog
            .binary_search_by(|source| source.path.as_str().cmp(&file.path));
        let source = self.catalog.get_mut(found.ok()?)?;
        source.size_bytes = file.len_bytes;
        source.modified_ns = unix_ns(file.modified);
        source.changed_ns = file.changed_ns;
        Some(source)
    }

    /// Publishes all changes as one new generation. Returns whether there was anything to publish,
    /// and what was done.
    ///
    /// # Errors
    /// `Io`, `Lexical`, `Embedder`, `BadEmbedding`; the index is then as it was.
    pub fn commit(self) -> Result<(bool, WriteCounts)> {
        self.commit_watched(&|_, _| {})
    }

    /// Publishes all changes as [`commit`](Self::commit) does, and goes on from there with the same
    /// lock. Returns the generation that readers now see, whether there was anything to publish or
    /// not.
    ///
    /// # Errors
    /// As for [`commit`](Self::commit). What was changed since the last commit can then not be
    /// published any more: drop this writer and open another.
    pub fn commit_and_go_on(&mut self) -> Result<Arc<Snapshot>> {
        let published = self.publish_all(&|_, _| {})?;
        let base = match &self.base {
            Some(base) if !published => Arc::clone(base),
            _ => Arc::new(Snapshot::open(&self.folder)?),
        };
        self.base = Some(Arc::clone(&base));
        self.before = names(&self.folder)?;
        self.changed = false;
        self.at_once = false;
        self.counts = WriteCounts::default();
        Ok(base)
    }

    /// As [`commit`](Self::commit). `told` is given how many steps of building a graph are done, out of how
    /// many; when that is stopped, all else may be committed already.
    ///
    /// # Errors
    /// Also `Cancelled`.
    pub(crate) fn commit_watched(
        mut self,
        told: &dyn Fn(usize, usize),
    ) -> Result<(bool, WriteCounts)> {
        let published = self.publish_all(told)?;
        Ok((published, self.counts))
    }

    /// Publishes all changes. Returns whether there was anything to publish.
    fn publish_all(&mut self, told: &dyn Fn(usize, usize)) -> Result<bool> {
        let hnsw = self.options.graphs();
        let cancel = self.cancel.clone();
        let graphs = hnsw.map(|hnsw| GraphBuild { hnsw, told, cancel });
        let graph_is_due =
            |segments: &[SegmentRef]| hnsw.is_some_and(|hnsw| merge::graph_is_due(segments, &hnsw));
        let as_it_was = !self.changed && !self.cuts_again() && self.scope == self.manifest.scope();
        if as_it_was && self.base.is_some() && !graph_is_due(&self.manifest.segments) {
            return Ok(false);
        }
        // All at once, a segment is written once; otherwise merging gives it its graph.
        self.write_out(graphs.as_ref().filter(|_| self.at_once))?;
        if self.may_checkpoint() && graph_is_due(&self.manifest.segments) {
            // What is indexed can be found while the graph is built.
            self.publish()?;
            self.done_with_folder();
        }
        merge::merge_small(
            &self.folder,
            &mut self.manifest,
            &mut self.catalog,
            graphs.as_ref(),
        )?;
        step("segments merged");
        self.publish()?;
        self.done_with_folder();
        Ok(true)
    }

    /// Whether what is done so far may be published before the rest: not where an index is cut
    /// again or rebuilt, which readers must see as a whole.
    pub(crate) fn may_checkpoint(&self) -> bool {
        self.changed && !self.at_once && !self.cuts_again()
    }

    /// Publishes what is done so far as a generation of its own, and goes on.
    ///
    /// Until [`commit`](Self::commit) the index is marked as unfinished. Graphs and merging wait for
    /// the end, so that each passage is put into a graph once.
    pub(crate) fn checkpoint(&mut self) -> Result<()> {
        self.write_out(None)?;
        mark_unfinished(&self.folder)?;
        step("marked as unfinished");
        self.publish()?;
        self.base = Some(Arc::new(Snapshot::open(&self.folder)?));
        Ok(())
    }

    /// Says that no file is left to be indexed, if a folder is followed.
    fn done_with_folder(&self) {
        if self.follows_folder {
            clear_unfinished(&self.folder);
            step("marked as finished");
        }
    }

    /// Completes the segment and the lexical folder that are being written.
    fn write_out(&mut self, graphs: Option<&GraphBuild<'_>>) -> Result<()> {
        self.flush(self.pending.len())?;
        if let Some(segment) = self.segment.take() {
            let segment = segment.finish(graphs)?;
            step("segment finished");
            self.manifest.segments.push(segment);
            for document in self.withdrawn.drain(..) {
                merge::delete(&mut self.manifest.segments, &document);
            }
        }
        // A new index needs its lexical folder even without passages, and an older one needs a new one.
        if self.base.is_none() || self.is_older() {
            self.lexical()?;
        }
        match self.lexical.take() {
            Some(lexical) => lexical.finish(&self.folder, &mut self.manifest, &self.catalog),
            None => Ok(()),
        }
    }

    fn publish(&mut self) -> Result<()> {
        self.manifest.generation += 1;
        self.manifest.written_ns = u64::try_from(unix_ns(SystemTime::now())).unwrap_or(0);
        self.manifest.scope = self.scope.into();
        self.manifest.max_tokens = self.chunk_options.max_tokens as u32;
        self.manifest.overlap_tokens = self.chunk_options.overlap_tokens as u32;
        if self.is_older() && !self.follows_folder {
            // What this run has not looked at is as the earlier version read it.
            forget_files(&mut self.catalog);
        }
        self.manifest.catalog =
            write_catalog(&self.folder, self.manifest.generation, &self.catalog)?;
        step("catalog written");
        atomic::sync_folder(&self.folder)?;
        self.manifest.publish(&self.folder)?;
        remove_rubbish(&self.folder, &self.manifest.entries());
        Ok(())
    }

    fn add_document(&mut self, source: &Source, document: Prepared) -> Result<DocumentRecord> {
        let key = self.manifest.next_key;
        let n_passages = document.passages.len() as u32;
        self.manifest.next_key += u64::from(n_passages.max(1));
        let (segment, first) = self.next_place()?;
        let record = DocumentRecord {
            key,
            id: document.id,
            title: document.title,
            segment,
            first,
            n_passages,
            metadata: document.metadata,
        };
        let words = words_of(source, &record);
        for (passage, key_of_passage) in document.passages.into_iter().zip(key..) {
            self.lexical()?.writer().add(&LexicalPassage {
                key: key_of_passage,
                document_key: key,
                document: &words,
                headings: &passage.cut.heading_path.join("\n"),
                body: &passage.text,
            })?;
            self.pending.push(Pending {
                key: key_of_passage,
                passage,
            });
        }
        Ok(record)
    }

    /// Segment number and position of the next passage.
    fn next_place(&mut self) -> Result<(u32, u32)> {
        let segment = if let Some(segment) = self.segment.take() {
            segment
        } else {
            let number = self.manifest.take_segment_number(&self.folder)?;
            SegmentWriter::create(&self.folder, number, self.manifest.dim as usize)?
        };
        let segment = self.segment.insert(segment);
        let first = segment.n_passages() + self.pending.len() as u32;
        Ok((segment.number(), first))
    }

    /// The lexical folder of the coming generation.
    fn lexical(&mut self) -> Result<&NextLexical> {
        let open = match self.lexical.take() {
            Some(open) => open,
            None => NextLexical::begin(
                &self.folder,
                &self.manifest,
                self.base.as_deref(),
                self.options.lexical_memory_bytes,
            )?,
        };
        Ok(self.lexical.insert(open))
    }

    /// Embeds the first `n` passages that wait, and writes them to the segment.
    fn flush(&mut self, n: usize) -> Result<()> {
        let pending: Vec<Pending> = self.pending.drain(..n.min(self.pending.len())).collect();
        let Some(segment) = &mut self.segment else {
            return Ok(());
        };
        let dim = self.manifest.dim as usize;
        let mut sources = HashMap::new();
        let mut texts: Vec<&str> = Vec::new();
        for Pending { passage, .. } in &pending {
            if sources.contains_key(&passage.digest) {
                continue;
            }
            let known = known_vector(self.base.as_deref(), &passage.digest)?;
            let source = known.map_or(VectorSource::New(texts.len()), VectorSource::Known);
            if matches!(source, VectorSource::New(_)) {
                texts.push(&passage.contextual);
            }
            sources.insert(passage.digest, source);
        }
        let vectors = embed(self.embedder.as_ref(), &texts, dim, &self.cancel)?;
        for Pending { key, passage } in &pending {
            let vector = match sources[&passage.digest] {
                VectorSource::Known(vector) => vector,
                VectorSource::New(row) => &vectors[row * dim..(row + 1) * dim],
            };
            segment.push(*key, &passage.cut, &passage.text, passage.digest, vector)?;
        }
        self.counts.n_passages += pending.len();
        self.counts.n_embedded += texts.len();
        self.counts.n_reused += pending.len() - texts.len();
        Ok(())
    }
}

/// Where the vector of a text comes from.
enum VectorSource<'a> {
    /// The index holds the same text.
    Known(&'a [f32]),
    /// A row of what the model has just embedded.
    New(usize),
}

fn known_vector<'a>(base: Option<&'a Snapshot>, digest: &TextDigest) -> Result<Option<&'a [f32]>> {
    let Some(base) = base else { return Ok(None) };
    base.passage_with_text(digest)
        .map(|id| base.sound_vector(id))
        .transpose()
}

/// The manifest that continues `base`, if this embedder and root fit it.
fn continued(base: &Snapshot, root: Option<&Path>, embedder: &dyn Embedder) -> Result<Manifest> {
    base.check_model(embedder.model())?;
    let mut manifest = base.manifest.clone();
    if let Some(root) = root {
        base.check_root(root)?;
        manifest.root = stored_root(base.folder(), root);
    }
    Ok(manifest)
}

impl Manifest {
    fn empty(root: String, embedder: &dyn Embedder) -> Self {
        let nothing = FileRef {
            name: String::new(),
            len_bytes: 0,
            digest: [0; 32],
        };
        Self {
            generation: 0,
            next_key: 1,
            next_segment: 1,
            root,
            written_ns: 0,
            model: embedder.model().clone().into(),
            dim: embedder.dim() as u32,
            max_tokens: 0,
            overlap_tokens: 0,
            scope: Scope::default().into(),
            catalog: nothing,
            lexical: String::new(),
            lexical_files: Vec::new(),
            segments: Vec::new(),
        }
    }
}
