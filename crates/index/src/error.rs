use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use reread_models::{BoxError, Cancelled, ModelIdentity};
use reread_retrieval::{InvalidOption, PassageKey};

use crate::lock_holder::LockHolder;

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in the first pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `create`, …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it was refused.
        source: io::Error,
    },
    /// A file of the index does not hold what was written to it. [`doctor`](crate::doctor) says what can be
    /// mended.
    #[error("{} is damaged at byte {offset}: {problem}", path.display())]
    Damaged {
        /// The damaged file.
        path: PathBuf,
        /// Where in the file the damage shows.
        offset: u64,
        /// What was found there.
        problem: String,
    },
    /// The index was written by a version that this one does not read.
    #[error(
        "{} has format version {found}, but this version reads {supported}",
        path.display(),
        supported = range(supported)
    )]
    UnsupportedVersion {
        /// The file that says so.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The versions that can be read.
        supported: RangeInclusive<u32>,
    },
    /// There is no index in this folder.
    #[error("there is no index in {}", path.display())]
    NoIndex {
        /// The index folder.
        path: PathBuf,
    },
    /// The index has no passage of this key, or none any more.
    #[error("the index in {} has no {key}", path.display())]
    NoPassage {
        /// The index folder.
        path: PathBuf,
        /// The key.
        key: PassageKey,
    },
    /// The index was built with another model.
    #[error(
        "the index was built with {built_with}, not with {given}; use that model or rebuild the index"
    )]
    WrongModel {
        /// The model of the index.
        built_with: Box<ModelIdentity>,
        /// The model that was to be used.
        given: Box<ModelIdentity>,
    },
    /// Something else stands where an index or a backup needs a name. It is left alone.
    #[error(
        "{} is in the way: {problem}; move it away, or choose another place",
        path.display()
    )]
    InTheWay {
        /// The file or folder.
        path: PathBuf,
        /// What it is, or is not.
        problem: &'static str,
    },
    /// A folder with other things in it was given as the index folder.
    #[error(
        "{} holds other files and is not an index; give a new or empty folder outside the indexed files",
        path.display()
    )]
    NotAnIndex {
        /// The folder.
        path: PathBuf,
    },
    /// A folder with other things in it was given as the place of a backup.
    #[error(
        "{} is not a place for a backup: give a new or empty folder outside the index and other backups, or \
         an earlier backup",
        path.display()
    )]
    NotABackup {
        /// The folder.
        path: PathBuf,
    },
    /// A backup was to be restored to an index that it lies in, that lies in it, or that it is.
    #[error(
        "the backup {} and the index folder {} overlap; give another index folder, or move \
         the backup",
        path.display(),
        index.display()
    )]
    NotApart {
        /// The backup.
        path: PathBuf,
        /// The index folder.
        index: PathBuf,
    },
    /// There is no backup in this folder.
    #[error("there is no backup in {}", path.display())]
    NoBackup {
        /// The folder.
        path: PathBuf,
    },
    /// A file of the backup that was to be restored does not hold what was written to it.
    #[error(
        "{} of the backup is damaged at byte {offset}: {problem}; the index is unchanged: restore \
         another backup, or repair the index",
        path.display()
    )]
    DamagedBackup {
        /// The damaged file.
        path: PathBuf,
        /// Where in the file the damage shows.
        offset: u64,
        /// What was found there.
        problem: String,
    },
    /// The operating system refused to read the backup that was to be restored.
    #[error(
        "cannot read {} of the backup, so the index is unchanged; make the file readable, or restore \
         another backup",
        path.display()
    )]
    UnreadableBackup {
        /// The file or folder.
        path: PathBuf,
        /// Why it was refused.
        source: io::Error,
    },
    /// A backup was to be changed. What is restored from it can be.
    #[error("{} is a backup, and backups are not changed", path.display())]
    IsBackup {
        /// The folder.
        path: PathBuf,
    },
    /// An index stands where a backup is to be restored, and nobody has
    /// [allowed](crate::backup::Overwrite::Allow) that it is replaced.
    #[error("there is an index in {}, which a restored backup would replace", path.display())]
    IndexExists {
        /// The index folder.
        path: PathBuf,
    },
    /// The index belongs to another folder.
    #[error(
        "the index in {} was built for {built_for}, not for {given}; give that folder or another index",
        path.display()
    )]
    OtherFolder {
        /// The index folder.
        path: PathBuf,
        /// The folder it was built for.
        built_for: String,
        /// The folder that was given.
        given: String,
    },
    /// Passages are damaged that hold documents of an application, which stand in no file.
    #[error(
        "a repair would lose {}, which an application added and no file holds, because {} is damaged; restore a backup, or allow the loss",
        listed(documents),
        path.display()
    )]
    WouldLose {
        /// The damaged file.
        path: PathBuf,
        /// The ids of the documents.
        documents: Vec<String>,
    },
    /// Another process or thread is writing to this index.
    #[error(
        "{} is writing to {}; wait until it is done",
        holder.map_or("another process".to_owned(), |holder| holder.to_string()),
        path.display()
    )]
    Locked {
        /// The index folder.
        path: PathBuf,
        /// Who is writing, where that is known.
        holder: Option<LockHolder>,
    },
    /// An option lies outside its bounds.
    #[error("{option} is {value}, but must be {bound}")]
    InvalidOption {
        /// The option's name.
        option: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        bound: &'static str,
    },
    /// The folder could not be walked, or documents cannot be cut as asked.
    #[error(transparent)]
    Document(#[from] reread_document::Error),
    /// The model failed.
    #[error("the embedding model failed")]
    Embedder(#[source] BoxError),
    /// The model returned vectors that cannot be used.
    #[error("the embedding model {model} returned unusable vectors: {problem}")]
    BadEmbedding {
        /// The model.
        model: String,
        /// What is wrong with them.
        problem: String,
    },
    /// The lexical index failed.
    #[error("the lexical index in {} failed while trying to {action}", path.display())]
    Lexical {
        /// What was tried.
        action: &'static str,
        /// The lexical index's folder.
        path: PathBuf,
        /// What it said.
        source: BoxError,
    },
    /// The caller asked to stop.
    #[error("stopped on request")]
    Cancelled,
}

impl From<InvalidOption> for Error {
    fn from(error: InvalidOption) -> Self {
        Self::InvalidOption {
            option: error.option,
            value: error.value,
            bound: error.bound,
        }
    }
}

impl From<Cancelled> for Error {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

fn range(versions: &RangeInclusive<u32>) -> String {
    format!("{} to {}", versions.start(), versions.end())
}

/// The first few documents, and how many more there are.
fn listed(documents: &[String]) -> String {
    const NAMED: usize = 5;
    let named: Vec<String> = documents
        .iter()
        .take(NAMED)
        .map(|id| format!("{id:?}"))
        .collect();
    match documents.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}
