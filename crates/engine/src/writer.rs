//! A writer that an application keeps.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rayon::ThreadPool;
use reread_document::Document;
use reread_index::{IndexOptions, IndexWriter};
use reread_models::Embedder;

use crate::Result;
use crate::current::Current;

/// How a writer of the index is opened.
pub(crate) struct Opening {
    pub(crate) index_folder: PathBuf,
    pub(crate) root: Option<PathBuf>,
    pub(crate) embedder: Arc<dyn Embedder>,
    pub(crate) options: IndexOptions,
}

impl Opening {
    pub(crate) fn open(&self) -> Result<IndexWriter> {
        let embedder = Arc::clone(&self.embedder);
        let options = self.options.clone();
        let opened = IndexWriter::open(&self.index_folder, self.root.as_deref(), embedder, options);
        Ok(opened?)
    }
}

/// Changes an index on behalf of an application; see [`Engine::writer`](crate::Engine::writer).
///
/// It keeps the writer's lock and the models open, so that many commits are cheap. Searches see
/// nothing of what it does before [`commit`](Self::commit); what is not committed when it is dropped is
/// gone. After an error it begins again from the last commit: what was put or removed since then is
/// gone as well, and the next call takes the lock again.
pub struct Writer {
    opening: Opening,
    /// None after an error, until the next call.
    open: Option<IndexWriter>,
    current: Current,
    threads: Option<Arc<ThreadPool>>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl Writer {
    pub(crate) fn open(
        opening: Opening,
        current: Current,
        threads: Option<Arc<ThreadPool>>,
    ) -> Result<Self> {
        Ok(Self {
            open: Some(opening.open()?),
            opening,
            current,
            threads,
        })
    }

    /// Puts a document in place of the application's one with the same id, if there is one.
    ///
    /// # Errors
    /// What indexing can fail with.
    pub fn put(&mut self, document: &Document) -> Result<()> {
        self.change(|writer| writer.put_document(document))
    }

    /// Removes a document that an application has put. Returns whether there was one.
    ///
    /// # Errors
    /// What indexing can fail with.
    pub fn remove(&mut self, id: &str) -> Result<bool> {
        self.change(|writer| writer.remove_document(id))
    }

    /// Publishes all changes as one new generation, which the engine's next search sees, and goes on.
    ///
    /// # Errors
    /// What indexing can fail with.
    pub fn commit(&mut self) -> Result<()> {
        let snapshot = self.change(IndexWriter::commit_and_go_on)?;
        self.current.set(snapshot);
        Ok(())
    }

    /// Changes the index on the engine's threads. A writer that has failed may have written half of
    /// something, so it is given up.
    fn change<T: Send>(
        &mut self,
        work: impl FnOnce(&mut IndexWriter) -> reread_index::Result<T> + Send,
    ) -> Result<T> {
        let mut writer = match self.open.take() {
            Some(writer) => writer,
            None => self.opening.open()?,
        };
        let done = match &self.threads {
            Some(threads) => threads.install(|| work(&mut writer)),
            None => work(&mut writer),
        }?;
        self.open = Some(writer);
        Ok(done)
    }
}
