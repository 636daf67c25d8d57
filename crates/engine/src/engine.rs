//! The engine: an index, two models, and what is done with them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use reread_document::Document;
use reread_index::backup::{self, Copied, Overwrite};
use reread_index::doctor::{self, Diagnosis, Loss, Mended};
use reread_index::{IndexOptions, IndexRun, IndexSummary, IndexWriter, Snapshot, Status};
use reread_models::{CancelToken, CrossEncoder, Embedder, Models, Scale};
use reread_rerank::ScoreCache;
use reread_retrieval::{FirstPass, LocalFirstPass};

use crate::current::Current;
use crate::scales::Scales;
use crate::writer::{Opening, Writer};
use crate::{Error, Result};

/// The name of the index folder inside an indexed folder.
const INDEX_FOLDER: &str = ".reread";

/// Two-pass retrieval over one index.
///
/// `Send + Sync`: any number of threads may search while one indexes. A search sees one generation of
/// the index, whole: the one that this engine had opened last when the search began. Each of this
/// engine's own writes opens the new one; what another process has written is seen after
/// [`reload`](Self::reload), and after the next run over the folder. Models and index are opened
/// when they are first needed.
pub struct Engine {
    root: Option<PathBuf>,
    index_folder: Option<PathBuf>,
    options: IndexOptions,
    models: Models,
    embedder: Lazy<dyn Embedder>,
    cross_encoder: Lazy<dyn CrossEncoder>,
    scales: Scales,
    first_pass: Option<Arc<dyn FirstPass>>,
    current: Current,
    scores: OnceLock<ScoreCache>,
    threads: Option<Arc<rayon::ThreadPool>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("root", &self.root)
            .field("index_folder", &self.index_folder)
            .field("options", &self.options)
            .field("models", &self.models)
            .finish_non_exhaustive()
    }
}

/// Gathers what an [`Engine`] is made of.
#[derive(Default)]
pub struct EngineBuilder {
    root: Option<PathBuf>,
    index_folder: Option<PathBuf>,
    options: IndexOptions,
    models: Models,
    embedder: Option<Arc<dyn Embedder>>,
    cross_encoder: Option<Arc<dyn CrossEncoder>>,
    first_pass: Option<Arc<dyn FirstPass>>,
    n_threads: usize,
}

impl fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("root", &self.root)
            .field("index_folder", &self.index_folder)
            .field("options", &self.options)
            .field("models", &self.models)
            .field("n_threads", &self.n_threads)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Begins an engine.
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// The folder that is indexed, if there is one.
    pub fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// The index folder, if there is one.
    pub fn index_folder(&self) -> Option<&Path> {
        self.index_folder.as_deref()
    }

    /// Brings the index in step with its folder, creating it if need be.
    ///
    /// Where nothing has changed, no model is opened and nothing is written.
    ///
    /// # Errors
    /// `NoRoot`, `NotAFolder`, and what indexing can fail with. A file that cannot be read is
    /// reported in the summary and the rest goes on.
    pub fn update(&self) -> Result<IndexSummary> {
        self.update_with(&IndexRun::default())
    }

    /// Like [`update`](Self::update), for a caller who watches the run or may stop it.
    ///
    /// # Errors
    /// As for [`update`](Self::update), and `Index` with `Cancelled`: the index is then as
    /// the last commit made it, and the next run goes on from there.
    pub fn update_with(&self, run: &IndexRun<'_>) -> Result<IndexSummary> {
        self.update_as(&self.options, run)
    }

    /// Like [`update_with`](Self::update_with), for a caller that waits for an answer: graphs, which large
    /// segments are searched by, are left to the next [`update`](Self::update), and until then
    /// these segments are scanned.
    ///
    /// # Errors
    /// As for [`update_with`](Self::update_with).
    pub fn refresh(&self, run: &IndexRun<'_>) -> Result<IndexSummary> {
        self.update_as(&self.options.clone().with_build_graphs(false), run)
    }

    fn update_as(&self, options: &IndexOptions, run: &IndexRun<'_>) -> Result<IndexSummary> {
        self.install(|| {
            let root = self.root.as_deref().ok_or(Error::NoRoot)?;
            if !root.is_dir() {
                return Err(Error::NotAFolder {
                    path: root.to_owned(),
                });
            }
            if let Ok(snapshot) = self.reload()
                && let Some(summary) = reread_index::nothing_to_do(&snapshot, root, options)?
            {
                return Ok(summary);
            }
            let writer = self.opening(options.clone(), run.cancel())?.open()?;
            let summary = reread_index::update(writer, root, run)?;
            self.reload()?;
            Ok(summary)
        })
    }

    /// Says whether the index can be written now, or who is writing to it and how far that is.
    ///
    /// # Errors
    /// `NoIndexFolder`; `Index` with `Locked` while another writer is at work.
    pub fn check_free(&self) -> Result<()> {
        Ok(reread_index::check_free(self.require_index_folder()?)?)
    }

    /// Builds the index of its folder from nothing, whatever is there: a damaged index, or one of
    /// another model. The old one stays in place until the new one is complete.
    ///
    /// # Errors
    /// As for [`update_with`](Self::update_with).
    pub fn rebuild(&self, run: &IndexRun<'_>) -> Result<IndexSummary> {
        self.install(|| {
            let root = self.root.as_deref().ok_or(Error::NoRoot)?;
            let index_folder = self.require_index_folder()?;
            if !root.is_dir() {
                return Err(Error::NotAFolder {
                    path: root.to_owned(),
                });
            }
            let embedder = self.embedder_within(run.cancel())?;
            let options = self.options.clone();
            let writer = IndexWriter::create(index_folder, Some(root), embedder, options)?;
            let summary = reread_index::update(writer, root, run)?;
            self.reload()?;
            Ok(summary)
        })
    }

    /// Checks everything in the index; see [`doctor`].
    ///
    /// # Errors
    /// `NoIndexFolder`, and what [`doctor::diagnose`] can fail with.
    pub fn diagnose(&self) -> Result<Diagnosis> {
        let index_folder = self.require_index_folder()?;
        Ok(self.install(|| doctor::diagnose(index_folder))?)
    }

    /// Mends the index from what is sound in it; see [`doctor::mend`]. The embedder is opened if
    /// vectors are damaged.
    ///
    /// # Errors
    /// `NoIndexFolder`, and what [`doctor::mend`] can fail with; the index is then as it was.
    pub fn mend(&self, loss: Loss, run: &IndexRun<'_>) -> Result<Mended> {
        let index_folder = self.require_index_folder()?;
        let embedder = || {
            let opened = self.embedder_within(run.cancel());
            opened.map_err(|error| match error {
                Error::Cancelled(_) => reread_index::Error::Cancelled,
                error => reread_index::Error::Embedder(error.into()),
            })
        };
        let mended = self.install(|| doctor::mend(index_folder, &embedder, loss, run))?;
        // Searches go on with what they have where it cannot be opened.
        let _: Result<Arc<Snapshot>> = self.reload();
        Ok(mended)
    }

    /// Copies the index to a backup while searches and a writer go on; see [`backup::backup`].
    ///
    /// # Errors
    /// `NoIndexFolder`, and what [`backup::backup`] can fail with.
    pub fn backup(&self, to: &Path) -> Result<Copied> {
        let index_folder = self.require_index_folder()?;
        Ok(backup::backup(index_folder, to)?)
    }

    /// Puts a backup in place of the index; see [`backup::restore`]. Searches use it from now on.
    ///
    /// # Errors
    /// `NoIndexFolder`, and what [`backup::restore`] can fail with; the index is then as it was.
    pub fn restore(&self, from: &Path, overwrite: Overwrite) -> Result<Copied> {
        let index_folder = self.require_index_folder()?;
        let restored = backup::restore(from, index_folder, self.root.as_deref(), overwrite)?;
        self.reload()?;
        Ok(restored)
    }

    /// Opens a writer for documents that come from the application: for as long as it lives, no other
    /// writer changes the index.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use reread_engine::{BoxError, Document, Embedder, Engine, ModelIdentity, SearchOptions};
    /// use reread_engine::SecondPass;
    ///
    /// /// Tells texts apart by their length, which is enough to show a writer.
    /// struct ByLength(ModelIdentity);
    ///
    /// impl Embedder for ByLength {
    ///     fn model(&self) -> &ModelIdentity {
    ///         &self.0
    ///     }
    ///
    ///     fn dim(&self) -> usize {
    ///         2
    ///     }
    ///
    ///     fn embed_query(&self, query: &str) -> Result<Vec<f32>, BoxError> {
    ///         let angle = query.len() as f32 / 100.0;
    ///         Ok(vec![angle.cos(), angle.sin()])
    ///     }
    ///
    ///     fn embed_passages(&self, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
    ///         let rows: Result<Vec<_>, _> = passages.iter().map(|text| self.embed_query(text)).collect();
    ///         Ok(rows?.concat())
    ///     }
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let name = || "by length".to_owned();
    /// let model = ModelIdentity { name: name(), revision: String::new(), digest: name() };
    /// let engine = Engine::builder()
    ///     .index_folder(folder.path())
    ///     .embedder(Arc::new(ByLength(model)))
    ///     .build()?;
    ///
    /// let mut writer = engine.writer()?;
    /// writer.put(&Document::new("yeast", "Yeast makes the dough rise."))?;
    /// writer.put(&Document::new("steel", "Carbon makes iron hard."))?;
    /// writer.commit()?;
    ///
    /// let options = SearchOptions::default().with_second_pass(SecondPass::Off);
    /// let found = engine.search("dough", &options)?;
    /// assert_eq!(found.hits[0].passage.doc_id, "yeast");
    ///
    /// // The same writer goes on.
    /// assert!(writer.remove("steel")?);
    /// writer.commit()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `NoIndexFolder`; `Models`; `Index` with `Locked` while another writer is at work, and
    /// with what opening an index can fail with.
    pub fn writer(&self) -> Result<Writer> {
        let opening = self.opening(self.options.clone(), &CancelToken::default())?;
        Writer::open(opening, self.current.clone(), self.threads.clone())
    }

    /// Adds documents that come from the application, each in place of one with the same id, and
    /// commits. Who adds more later keeps a [`writer`](Self::writer), which commits faster.
    ///
    /// # Errors
    /// What indexing can fail with; the index is then as it was.
    pub fn add_documents(&self, documents: &[Document]) -> Result<()> {
        let mut writer = self.writer()?;
        for document in documents {
            writer.put(document)?;
        }
        writer.commit()
    }

    /// Removes a document that an application has added, and commits. Returns whether there was
    /// one.
    ///
    /// # Errors
    /// What indexing can fail with; the index is then as it was.
    pub fn remove_document(&self, id: &str) -> Result<bool> {
        let mut writer = self.writer()?;
        let removed = writer.remove(id)?;
        writer.commit()?;
        Ok(removed)
    }

    /// What the index holds.
    ///
    /// # Errors
    /// What opening an index can fail with.
    pub fn status(&self) -> Result<Status> {
        Ok(self.snapshot()?.status())
    }

    /// The first pass that searches ask now: the one that was given, or the index as it is.
    ///
    /// # Errors
    /// What opening an index can fail with.
    pub fn first_pass(&self) -> Result<Arc<dyn FirstPass>> {
        match &self.first_pass {
            Some(first_pass) => Ok(Arc::clone(first_pass)),
            None => Ok(self.snapshot()?),
        }
    }

    /// Asks the first pass what only one with its passages at hand can say.
    ///
    /// # Errors
    /// `NotLocal` where it has none; what opening an index and `ask` can fail with.
    pub fn with_local<T>(&self, ask: impl FnOnce(&dyn LocalFirstPass) -> Result<T>) -> Result<T> {
        let first_pass = self.first_pass()?;
        ask(first_pass.local().ok_or(Error::NotLocal)?)
    }

    /// The snapshot of the index that searches use now; opened if none is.
    ///
    /// # Errors
    /// What opening an index can fail with.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>> {
        match self.current.get() {
            Some(snapshot) => Ok(snapshot),
            None => self.reload(),
        }
    }

    /// Opens the current generation, which another process may have written.
    ///
    /// # Errors
    /// What opening an index can fail with; searches then go on with the one they had.
    pub fn reload(&self) -> Result<Arc<Snapshot>> {
        let index_folder = self.require_index_folder()?;
        let snapshot = Arc::new(Snapshot::open(index_folder)?);
        if let Some(root) = &self.root {
            snapshot.check_root(root)?;
        }
        self.current.set(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// The bi-encoder; opened if it is not yet.
    ///
    /// # Errors
    /// `Models`.
    pub fn embedder(&self) -> Result<Arc<dyn Embedder>> {
        self.embedder_within(&CancelToken::default())
    }

    /// The bi-encoder; opened if it is not yet, unless `cancel` stops that.
    ///
    /// # Errors
    /// `Models`, `Cancelled`.
    pub(crate) fn embedder_within(&self, cancel: &CancelToken) -> Result<Arc<dyn Embedder>> {
        let open = || Ok(self.models.open_embedder_within(cancel)?);
        self.embedder.get_or_open(open)
    }

    /// The cross-encoder; opened if it is not yet.
    ///
    /// # Errors
    /// `Models`.
    pub fn cross_encoder(&self) -> Result<Arc<dyn CrossEncoder>> {
        self.cross_encoder_within(&CancelToken::default())
    }

    /// The cross-encoder; opened if it is not yet, unless `cancel` stops that.
    ///
    /// # Errors
    /// `Models`, `Cancelled`.
    pub(crate) fn cross_encoder_within(
        &self,
        cancel: &CancelToken,
    ) -> Result<Arc<dyn CrossEncoder>> {
        let open = || Ok(self.models.open_cross_encoder_within(cancel)?);
        self.cross_encoder.get_or_open(open)
    }

    /// What the cosines of the bi-encoder mean; measured once where the model does not say.
    ///
    /// # Errors
    /// `Index` with `Embedder` where the model fails.
    pub fn cosine_scale(&self, embedder: &dyn Embedder) -> Result<Scale> {
        self.scales.of_cosines(embedder)
    }

    /// What the logits of the cross-encoder mean; measured once where the model does not say.
    ///
    /// # Errors
    /// `Rerank` where the model fails.
    pub fn logit_scale(&self, cross_encoder: &dyn CrossEncoder) -> Result<Scale> {
        self.scales.of_logits(cross_encoder)
    }

    /// Keeps every score of the cross-encoder from now on, in `scores.cache` in the index folder, and
    /// uses those that were kept before: for measuring again and again, where the same questions
    /// meet the same passages. Those of a model without a
    /// [fingerprint](CrossEncoder::fingerprint) are not kept.
    ///
    /// # Errors
    /// `NoIndexFolder`. A file that cannot be read or written is no error: see
    /// [`ScoreCache::problem`].
    pub fn keep_scores(&self) -> Result<&ScoreCache> {
        let index_folder = self.require_index_folder()?;
        Ok(self.scores.get_or_init(|| ScoreCache::open(index_folder)))
    }

    /// The scores that are kept, if they are.
    pub fn score_cache(&self) -> Option<&ScoreCache> {
        self.scores.get()
    }

    /// Runs on this engine's own threads, where it has any.
    pub(crate) fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.threads {
            Some(threads) => threads.install(work),
            None => work(),
        }
    }

    fn require_index_folder(&self) -> Result<&Path> {
        self.index_folder().ok_or(Error::NoIndexFolder)
    }

    fn opening(&self, options: IndexOptions, cancel: &CancelToken) -> Result<Opening> {
        Ok(Opening {
            index_folder: self.require_index_folder()?.to_owned(),
            root: self.root.clone(),
            embedder: self.embedder_within(cancel)?,
            options,
        })
    }
}

impl EngineBuilder {
    /// Sets the folder to index. Unless another is given, its index is `.reread` inside it.
    #[must_use]
    pub fn root(mut self, root: impl Into<PathBuf>) -> Self {
        self.root = Some(root.into());
        self
    }

    /// Sets the index folder. Without a root the index holds what the application adds.
    #[must_use]
    pub fn index_folder(mut self, index_folder: impl Into<PathBuf>) -> Self {
        self.index_folder = Some(index_folder.into());
        self
    }

    /// Sets which models are used and where they are found.
    #[must_use]
    pub fn models(mut self, models: Models) -> Self {
        self.models = models;
        self
    }

    /// Sets a bi-encoder of the application's own.
    #[must_use]
    pub fn embedder(mut self, embedder: Arc<dyn Embedder>) -> Self {
        self.embedder = Some(embedder);
        self
    }

    /// Sets a cross-encoder of the application's own.
    #[must_use]
    pub fn cross_encoder(mut self, cross_encoder: Arc<dyn CrossEncoder>) -> Self {
        self.cross_encoder = Some(cross_encoder);
        self
    }

    /// Sets a first pass of the application's own, which searches then ask instead of an index.
    #[must_use]
    pub fn first_pass(mut self, first_pass: Arc<dyn FirstPass>) -> Self {
        self.first_pass = Some(first_pass);
        self
    }

    /// Sets how the index is built.
    #[must_use]
    pub fn index_options(mut self, options: IndexOptions) -> Self {
        self.options = options;
        self
    }

    /// Gives the engine threads of its own. 0, the default, leaves it to the rayon pool it is
    /// called in: by default one thread a core, shared by all engines of the process.
    #[must_use]
    pub fn threads(mut self, n_threads: usize) -> Self {
        self.n_threads = n_threads;
        self
    }

    /// Makes the engine. Opens nothing yet.
    ///
    /// # Errors
    /// `Threads`.
    pub fn build(self) -> Result<Engine> {
        let n_threads = self.n_threads;
        let pool = || {
            rayon::ThreadPoolBuilder::new()
                .num_threads(n_threads)
                .build()
        };
        let threads = (n_threads > 0)
            .then(pool)
            .transpose()
            .map_err(|error| Error::Threads {
                n_threads,
                source: error.into(),
            })?;
        let inside = || self.root.as_ref().map(|root| root.join(INDEX_FOLDER));
        Ok(Engine {
            index_folder: self.index_folder.clone().or_else(inside),
            root: self.root,
            options: self.options,
            models: self.models,
            embedder: Lazy::new(self.embedder),
            cross_encoder: Lazy::new(self.cross_encoder),
            scales: Scales::default(),
            first_pass: self.first_pass,
            current: Current::default(),
            scores: OnceLock::new(),
            threads: threads.map(Arc::new),
        })
    }
}

/// Removes an index: all that was ever written to it, but nothing else in its folder.
///
/// # Errors
/// `Index` while a writer is at work, or where a file cannot be removed.
pub fn remove_index(index_folder: &Path) -> Result<()> {
    reread_index::remove_index(index_folder)?;
    // It is not there unless something was measured.
    let _: std::io::Result<()> = std::fs::remove_file(index_folder.join(ScoreCache::FILE_NAME));
    Ok(())
}

/// Opened at its first use.
struct Lazy<T: ?Sized>(Mutex<Option<Arc<T>>>);

impl<T: ?Sized> Lazy<T> {
    fn new(open: Option<Arc<T>>) -> Self {
        Self(Mutex::new(open))
    }

    fn get_or_open(&self, open: impl FnOnce() -> Result<Arc<T>>) -> Result<Arc<T>> {
        if let Some(open) = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
        {
            return Ok(Arc::clone(open));
        }
        // The lock is not held while a model opens: that work is spread over threads which may
        // pick up another search meanwhile, and that search would wait for itself. Two that open
        // at the same time do so each for itself, and the first one stays: that one is stopped does not
        // concern the other.
        let opened = open()?;
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(slot.get_or_insert(opened)))
    }
}
