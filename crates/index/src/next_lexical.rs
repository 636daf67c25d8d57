//! The lexical folder of the coming generation.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::crash::step;
use crate::format::atomic::{self, io_error};
use crate::format::catalog::Catalog;
use crate::format::foreign;
use crate::format::manifest::Manifest;
use crate::lexical::LexicalWriter;
use crate::snapshot::Snapshot;
use crate::stored_words::add_stored;

/// Threads of the lexical index: it takes a hundredth of the time of embedding.
const LEXICAL_THREADS: usize = 1;

/// A lexical folder that is being written.
pub(crate) struct NextLexical {
    name: String,
    writer: LexicalWriter,
    /// Stored passages of documents with lower keys are still to be added: those of an index of an
    /// earlier version, whose lexical folder cannot be continued.
    missing_below: u64,
}

impl NextLexical {
    /// Begins as links to the files of the current generation, or empty where there is none that this version
    /// continues.
    ///
    /// # Errors
    /// `Io`, `Locked`, `Lexical`.
    pub(crate) fn begin(
        folder: &Path,
        manifest: &Manifest,
        base: Option<&Snapshot>,
        budget_bytes: usize,
    ) -> Result<Self> {
        let name = format!("lexical-{}", manifest.generation + 1);
        let path = folder.join(&name);
        let is_continued = base.is_some_and(|base| base.lexical().is_current());
        let writer = if is_continued {
            atomic::link_folder(&folder.join(&manifest.lexical), &path, is_lock)?;
            LexicalWriter::open(&path, budget_bytes, LEXICAL_THREADS)?
        } else {
            fs::create_dir(&path).map_err(|source| io_error("create", &path, source))?;
            LexicalWriter::create(&path, budget_bytes, LEXICAL_THREADS)?
        };
        let known = base.map_or(0, |base| base.manifest.next_key);
        Ok(Self {
            name,
            writer,
            missing_below: if is_continued { 0 } else { known },
        })
    }

    /// What passages are added to and documents deleted from.
    pub(crate) fn writer(&self) -> &LexicalWriter {
        &self.writer
    }

    /// Completes the folder and names it in the manifest, whose segments hold all passages.
    ///
    /// # Errors
    /// `Io`, `Damaged`, `Lexical`.
    pub(crate) fn finish(
        self,
        folder: &Path,
        manifest: &mut Manifest,
        catalog: &Catalog,
    ) -> Result<()> {
        let (name, segments) = (self.name, &manifest.segments);
        add_stored(folder, segments, catalog, self.missing_below, &self.writer)?;
        self.writer.commit()?;
        step("lexical index committed");
        atomic::sync_folder(&folder.join(&name))?;
        make_readable(folder, &folder.join(&name));
        // tantivy replaces its two lists of files at every commit and nothing else.
        let is_list = |file: &Path| file.extension().is_some_and(|it| it == "json");
        let known = &manifest.lexical_files;
        manifest.lexical_files = foreign::describe(folder, &name, known, is_list, is_lock)?;
        manifest.lexical = name;
        Ok(())
    }
}

/// tantivy keeps two of its files to their owner alone; whoever may read the index may read them.
pub(crate) fn make_readable(index_folder: &Path, lexical: &Path) {
    let Ok(ours) = fs::metadata(index_folder.join("LOCK")) else {
        return;
    };
    for file in ["meta.json", ".managed.json"] {
        // Where it cannot be changed, the index still serves its owner.
        let _ = fs::set_permissions(lexical.join(file), ours.permissions());
    }
}

/// tantivy's locks belong to one folder; a link would tie two generations together.
pub(crate) fn is_lock(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| extension == "lock")
}
