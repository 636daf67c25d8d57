//! Build-time options of an index.

use std::time::Duration;

use crate::dense::HnswOptions;
use reread_document::ChunkOptions;

/// How long a run works before it commits, at least: what a kill may cost, and long enough for
/// everyday updates to be one commit.
const CHECKPOINT: Duration = Duration::from_secs(15);

/// How an index is built. Options of a search are [`RetrieveOptions`](reread_retrieval::RetrieveOptions).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct IndexOptions {
    /// How documents are cut. `None` keeps what the index was built with, or the default for a new
    /// one; another value cuts every document again (unchanged passages are not embedded again).
    pub chunk: Option<ChunkOptions>,
    /// When and how the HNSW graph is built.
    pub hnsw: HnswOptions,
    /// Larger files are reported and left out. `None` keeps what the index was built with, or 64 MiB
    /// for a new one: longer texts are logs and dumps.
    pub max_file_bytes: Option<u64>,
    /// Whether hidden files and folders are indexed. `None` keeps what the index was built with, or
    /// leaves them out of a new one, as other search tools do.
    pub hidden: Option<bool>,
    /// Whether files are indexed that an ignore file names. `None` keeps what the index was built with, or
    /// leaves them out of a new one.
    pub ignored: Option<bool>,
    /// Whether symbolic links are followed. `None` keeps what the index was built with, or does not for a
    /// new one: what they lead to may lie anywhere.
    pub links: Option<bool>,
    /// How long reading one file of a guarded format (PDF, HTML, Markdown) may take. 30 s by default: a 1,600-page manual takes about 7.
    pub pdf_timeout: Duration,
    /// How long a run over a folder works before it commits what it has done, so that one that is
    /// killed is gone on with from there. It waits longer where commits would otherwise take more than
    /// about a fiftieth of its time. 15 s by default; [`Duration::MAX`] commits once, at the end, and
    /// zero after every file, which is for tests.
    pub checkpoint: Duration,
    /// Whether the run builds graphs, as it does by default. A caller that waits for an answer leaves that
    /// to a later run: until then large segments are scanned.
    pub build_graphs: bool,
    /// Memory that the lexical index may use before it writes a part to disk, in bytes.
    pub lexical_memory_bytes: usize,
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self {
            chunk: None,
            hnsw: HnswOptions::default(),
            max_file_bytes: None,
            hidden: None,
            ignored: None,
            links: None,
            pdf_timeout: Duration::from_secs(30),
            checkpoint: CHECKPOINT,
            build_graphs: true,
            lexical_memory_bytes: 64 << 20,
        }
    }
}

impl IndexOptions {
    /// Sets how documents are cut.
    #[must_use]
    pub fn with_chunk(mut self, chunk: ChunkOptions) -> Self {
        self.chunk = Some(chunk);
        self
    }

    /// Sets when and how the HNSW graph is built.
    #[must_use]
    pub fn with_hnsw(mut self, hnsw: HnswOptions) -> Self {
        self.hnsw = hnsw;
        self
    }

    /// Sets the size in bytes from which a file is left out.
    #[must_use]
    pub fn with_max_file_bytes(mut self, max_file_bytes: u64) -> Self {
        self.max_file_bytes = Some(max_file_bytes);
        self
    }

    /// Sets whether hidden files and folders are indexed.
    #[must_use]
    pub fn with_hidden(mut self, hidden: bool) -> Self {
        self.hidden = Some(hidden);
        self
    }

    /// Sets whether files are indexed that an ignore file names.
    #[must_use]
    pub fn with_ignored(mut self, ignored: bool) -> Self {
        self.ignored = Some(ignored);
        self
    }

    /// Sets whether symbolic links are followed.
    #[must_use]
    pub fn with_links(mut self, links: bool) -> Self {
        self.links = Some(links);
        self
    }

    /// Which files are taken in: what these options say, else what the index was built with.
    pub(crate) fn scope(&self, stored: Option<Scope>) -> Scope {
        let stored = stored.unwrap_or_default();
        Scope {
            hidden: self.hidden.unwrap_or(stored.hidden),
            ignored: self.ignored.unwrap_or(stored.ignored),
            links: self.links.unwrap_or(stored.links),
            max_file_bytes: self.max_file_bytes.unwrap_or(stored.max_file_bytes),
        }
    }

    /// Sets how long one PDF may take.
    #[must_use]
    pub fn with_pdf_timeout(mut self, pdf_timeout: Duration) -> Self {
        self.pdf_timeout = pdf_timeout;
        self
    }

    /// Sets how long a run works before it commits what it has done.
    #[must_use]
    pub fn with_checkpoint(mut self, checkpoint: Duration) -> Self {
        self.checkpoint = checkpoint;
        self
    }

    /// Sets whether the run builds graphs.
    #[must_use]
    pub fn with_build_graphs(mut self, build_graphs: bool) -> Self {
        self.build_graphs = build_graphs;
        self
    }

    /// How graphs are built in this run, if they are.
    pub(crate) fn graphs(&self) -> Option<HnswOptions> {
        self.build_graphs.then_some(self.hnsw)
    }
}

/// Which files of a folder an index takes in; kept in the manifest, so that a later run without
/// options does not remove what an earlier one has taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope {
    pub(crate) hidden: bool,
    pub(crate) ignored: bool,
    pub(crate) links: bool,
    pub(crate) max_file_bytes: u64,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            hidden: false,
            ignored: false,
            links: false,
            max_file_bytes: 64 << 20,
        }
    }
}
