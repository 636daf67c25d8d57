//! A segment: passages and their vectors in flat, immutable, memory-mapped files.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::crash::step;
use crate::dense::{
    self, DenseHits, DensePart, DenseSearch, Graph, GraphCheck, HnswOptions, SharedQuantised, Steps,
};
use crate::format::atomic::{self, FileWriter, io_error};
use crate::format::header::{FileKind, HEADER_BYTES};
use crate::format::manifest::{FileRef, GraphRef, SegmentRef, segment_folder};
use crate::format::mmap::{MappedFile, f32_bytes};
use crate::{Error, Result};
use reread_document::Cut;
use reread_models::CancelToken;

mod store;

pub(crate) use store::{
    PassageStore, Record, TextDigest, joined_headings, split_headings, text_digest,
};

/// Writes one segment, passage by passage.
pub(crate) struct SegmentWriter {
    folder: PathBuf,
    number: u32,
    dim: usize,
    passages: FileWriter,
    vectors: FileWriter,
    records: Vec<u8>,
    heap_len: u64,
    n_passages: u32,
}

impl SegmentWriter {
    /// Starts a segment in a new folder below `index_folder`.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn create(index_folder: &Path, number: u32, dim: usize) -> Result<Self> {
        let folder = index_folder.join(segment_folder(number));
        fs::create_dir(&folder).map_err(|source| io_error("create", &folder, source))?;
        Ok(Self {
            passages: FileWriter::create(&folder.join("passages"), FileKind::Passages)?,
            vectors: FileWriter::create(&folder.join("vectors"), FileKind::Vectors)?,
            folder,
            number,
            dim,
            records: Vec::new(),
            heap_len: 0,
            n_passages: 0,
        })
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn n_passages(&self) -> u32 {
        self.n_passages
    }

    /// Appends a passage cut from `document_text`. Returns its position.
    ///
    /// # Errors
    /// `Io`; `BadEmbedding` when the segment is full.
    pub(crate) fn push(
        &mut self,
        key: u64,
        cut: &Cut,
        text: &str,
        digest: TextDigest,
        vector: &[f32],
    ) -> Result<u32> {
        let headings = joined_headings(&cut.heading_path);
        let record = Record {
            key,
            start_byte: cut.range.start as u64,
            end_byte: cut.range.end as u64,
            strings_at: self.heap_len,
            heading_len: headings.len() as u32,
            text_len: text.len() as u32,
            start_line: *cut.locator.lines().start(),
            end_line: *cut.locator.lines().end(),
            page: cut.locator.page().unwrap_or(0),
            text_digest: digest,
        };
        self.append(&record, headings.as_bytes(), text.as_bytes(), vector)
    }

    /// Appends a passage of another segment, with its vector. Returns its position.
    ///
    /// # Errors
    /// `Io`, `Damaged`.
    pub(crate) fn copy(
        &mut self,
        from: &PassageStore,
        position: u32,
        vector: &[f32],
    ) -> Result<u32> {
        let record = from.record(position)?;
        let (headings, text) = from.strings(&record)?;
        let record = Record {
            strings_at: self.heap_len,
            ..record
        };
        self.append(&record, headings.as_bytes(), text.as_bytes(), vector)
    }

    fn append(
        &mut self,
        record: &Record,
        headings: &[u8],
        text: &[u8],
        vector: &[f32],
    ) -> Result<u32> {
        self.passages.write(headings)?;
        self.passages.write(text)?;
        self.heap_len += (headings.len() + text.len()) as u64;
        self.records.extend_from_slice(&record.encode());
        self.vectors.write(&f32_bytes(vector))?;
        let position = self.n_passages;
        self.n_passages = position.checked_add(1).ok_or(Error::InvalidOption {
            option: "passages of one segment",
            value: "more than u32".to_owned(),
            bound: "at most 4,294,967,295",
        })?;
        Ok(position)
    }

    /// Completes the segment: records, quantised vectors and, where it is asked for and pays, the graph.
    ///
    /// # Errors
    /// `Io`, or `Cancelled` while the graph was built.
    pub(crate) fn finish(mut self, graph: Option<&GraphBuild<'_>>) -> Result<SegmentRef> {
        self.passages.write(&self.records)?;
        self.passages
            .write(&u64::from(self.n_passages).to_le_bytes())?;
        let name = segment_folder(self.number);
        let file_ref = |file: &str, (len_bytes, digest)| FileRef {
            name: format!("{name}/{file}"),
            len_bytes,
            digest,
        };
        let passages = file_ref("passages", self.passages.finish()?);
        let vectors = file_ref("vectors", self.vectors.finish()?);
        let mapped = MappedFile::open(&self.folder.join("vectors"), FileKind::Vectors)?;
        let rows = mapped.f32s(0..mapped.payload().len())?;
        let quantised = file_ref("quantised", write_quantised(&self.folder, rows, self.dim)?);
        let n = self.n_passages as usize;
        let graph = match graph {
            Some(build) => write_graph(&self.folder, &name, n, self.dim, build)?,
            None => None,
        };
        atomic::sync_folder(&self.folder)?;
        Ok(SegmentRef {
            number: self.number,
            n_passages: self.n_passages,
            passages,
            vectors,
            quantised,
            deleted: Vec::new(),
            graph,
        })
    }
}

/// Bytes before the steps: the largest error, padded so that what follows is aligned.
const FRONT_BYTES: usize = 64;

/// Where the int8 rows begin, behind the steps and padded so that rows are aligned.
fn values_at(n_passages: usize) -> usize {
    FRONT_BYTES + (n_passages * 4).next_multiple_of(64)
}

/// Writes the 8-bit copies of a segment's rows. Returns the payload's length and digest.
///
/// # Errors
/// `Io`.
pub(crate) fn write_quantised(folder: &Path, rows: &[f32], dim: usize) -> Result<(u64, [u8; 32])> {
    let quantised = dense::quantise(rows, dim);
    let mut file = FileWriter::create(&folder.join("quantised"), FileKind::Quantised)?;
    let mut front = vec![0; values_at(quantised.steps.len())];
    front[..4].copy_from_slice(&quantised.max_error.to_le_bytes());
    let steps = f32_bytes(&quantised.steps);
    front[FRONT_BYTES..FRONT_BYTES + steps.len()].copy_from_slice(&steps);
    file.write(&front)?;
    for block in quantised.values.chunks(1 << 16) {
        let bytes: Vec<u8> = block.iter().map(|&value| value.cast_unsigned()).collect();
        file.write(&bytes)?;
    }
    file.finish()
}

/// How the graph of a segment is built, and who watches that.
pub(crate) struct GraphBuild<'a> {
    pub(crate) hnsw: HnswOptions,
    /// Is told now and then how many steps of how many are done.
    pub(crate) told: &'a dyn Fn(usize, usize),
    pub(crate) cancel: CancelToken,
}

impl GraphBuild<'_> {
    /// A build that nobody watches, and that stops when `cancel` says so.
    pub(crate) fn unwatched(hnsw: HnswOptions, cancel: &CancelToken) -> Self {
        GraphBuild {
            hnsw,
            told: &|_, _| {},
            cancel: cancel.clone(),
        }
    }
}

/// Builds and writes the graph of a segment that is large enough for one. Its rows and their 8-bit
/// copies are written.
///
/// # Errors
/// `Io`, `Cancelled`.
pub(crate) fn write_graph(
    folder: &Path,
    name: &str,
    n: usize,
    dim: usize,
    build: &GraphBuild<'_>,
) -> Result<Option<GraphRef>> {
    if n < build.hnsw.from_passages {
        return Ok(None);
    }
    let open = |file, kind| MappedFile::open(&folder.join(file), kind).map(Arc::new);
    let vectors = open("vectors", FileKind::Vectors)?;
    let quantised = open("quantised", FileKind::Quantised)?;
    let part = dense_part("", dim, n, &vectors, &quantised)?;
    step("graph begun");
    let told = |n_done| (build.told)(n_done, 2 * n);
    let graph = part.build_graph(&build.hnsw, &Steps::new(&told, &build.cancel))?;
    let (len_bytes, digest) = graph.write(&folder.join("graph"))?;
    Ok(Some(GraphRef {
        file: FileRef {
            name: format!("{name}/graph"),
            len_bytes,
            digest,
        },
        n_lost: graph.n_lost() as u32,
    }))
}

/// A part of a mapped file as values; its bounds were checked when the segment was opened.
struct MappedValues {
    file: Arc<MappedFile>,
    bytes: Range<usize>,
}

impl AsRef<[f32]> for MappedValues {
    fn as_ref(&self) -> &[f32] {
        let values = self.file.f32s(self.bytes.clone());
        values.expect("the file has the length that was checked when it was opened")
    }
}

impl AsRef<[i8]> for MappedValues {
    fn as_ref(&self) -> &[i8] {
        let values = self.file.i8s(self.bytes.clone());
        values.expect("the file has the length that was checked when it was opened")
    }
}

/// An open segment.
pub(crate) struct Segment {
    pub(crate) number: u32,
    n_passages: u32,
    dim: usize,
    passages: PassageStore,
    vectors: Arc<MappedFile>,
    quantised: Arc<MappedFile>,
    dense: DensePart,
}

impl Segment {
    /// Opens a segment and checks that its files belong together. `model` names the embedder in
    /// errors.
    ///
    /// # Errors
    /// `Io`, `Damaged`, `UnsupportedVersion`.
    pub(crate) fn open(
        index_folder: &Path,
        segment: &SegmentRef,
        model: &str,
        dim: usize,
    ) -> Result<Self> {
        let open =
            |file: &FileRef, kind| MappedFile::open_as(&index_folder.join(&file.name), kind, file);
        let n = segment.n_passages as usize;
        let passages = PassageStore::open(index_folder, segment)?;
        let vectors = Arc::new(open(&segment.vectors, FileKind::Vectors)?);
        let quantised = Arc::new(open(&segment.quantised, FileKind::Quantised)?);
        let fits = |file: &MappedFile, len: Option<usize>| {
            if len == Some(file.payload().len()) {
                Ok(())
            } else {
                Err(file.damaged(16, "its length does not match the number of passages"))
            }
        };
        let cells = n.checked_mul(dim);
        fits(&vectors, cells.and_then(|cells| cells.checked_mul(4)))?;
        fits(
            &quantised,
            cells.and_then(|cells| cells.checked_add(values_at(n))),
        )?;
        let mut dense = dense_part(model, dim, n, &vectors, &quantised)?;
        if let Some(graph) = &segment.graph {
            let mapped = open(&graph.file, FileKind::Graph)?;
            dense = dense.with_graph(Graph::from_mapped(mapped, n, dim)?)?;
        }
        Ok(Self {
            number: segment.number,
            n_passages: segment.n_passages,
            dim,
            passages,
            vectors,
            quantised,
            dense,
        })
    }

    /// The `k` vectors closest to a query.
    ///
    /// # Errors
    /// `BadEmbedding`, `InvalidOption`.
    pub(crate) fn search_dense(
        &self,
        query: &[f32],
        k: usize,
        search: &DenseSearch<'_>,
    ) -> Result<DenseHits> {
        let found = self.dense.search(query, k, search)?;
        // A cosine is at most 1; anything else comes from a damaged vector.
        let most = 1.01 * crate::simd::dot_f32(query, query).sqrt().max(1.0);
        match found.hits.iter().find(|(_, score)| score.abs() > most) {
            None => Ok(found),
            Some((position, _)) => {
                let at = HEADER_BYTES + *position as usize * self.dim * 4;
                Err(self.vectors.damaged(at, "a vector is not of length 1"))
            }
        }
    }

    pub(crate) fn n_passages(&self) -> u32 {
        self.n_passages
    }

    /// Its stored passages.
    pub(crate) fn passages(&self) -> &PassageStore {
        &self.passages
    }

    /// The stored record at a position.
    ///
    /// # Errors
    /// `Damaged` when the position lies outside the segment.
    pub(crate) fn record(&self, position: u32) -> Result<Record> {
        self.passages.record(position)
    }

    /// The heading path, still joined, and the text of a record.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn strings(&self, record: &Record) -> Result<(&str, &str)> {
        self.passages.strings(record)
    }

    /// The embedding at a position.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn vector(&self, position: u32) -> Result<&[f32]> {
        let at = position as usize * self.dim;
        self.vectors.f32s(at * 4..(at + self.dim) * 4)
    }

    /// The embedding at a position, if its rounded copy is one of it.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn sound_vector(&self, position: u32) -> Result<&[f32]> {
        let vector = self.vector(position)?;
        let (step, values) = self.quantised_row(position)?;
        let error = |(value, rounded): (&f32, &i8)| (value - step * f32::from(*rounded)).powi(2);
        let error: f32 = vector.iter().zip(values).map(error).sum::<f32>().sqrt();
        // Also refuses what is not a number.
        if error <= step * self.max_error()? * 1.001 {
            return Ok(vector);
        }
        let at = HEADER_BYTES + position as usize * self.dim * 4;
        let problem = "a vector is not the one that its 8-bit copy was made from";
        Err(self.vectors.damaged(at, problem))
    }

    /// The embeddings at these positions, row-major.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn vectors(&self, positions: Range<u32>) -> Result<&[f32]> {
        let at = |position: u32| position as usize * self.dim * 4;
        self.vectors.f32s(at(positions.start)..at(positions.end))
    }

    /// The step and the 8-bit values of the rounded copy at a position.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn quantised_row(&self, position: u32) -> Result<(f32, &[i8])> {
        let (position, n) = (position as usize, self.n_passages as usize);
        let step_at = FRONT_BYTES + position * 4;
        let values_at = values_at(n) + position * self.dim;
        let step = self.quantised.f32_at(step_at)?;
        let values = self.quantised.i8s(values_at..values_at + self.dim)?;
        Ok((step, values))
    }

    /// Where in the file of 8-bit copies the values at a position begin.
    pub(crate) fn copy_offset(&self, position: u32) -> u64 {
        let n = self.n_passages as usize;
        (HEADER_BYTES + values_at(n) + position as usize * self.dim) as u64
    }

    /// The largest distance of a row from its rounded copy, in steps of that row.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn max_error(&self) -> Result<f32> {
        self.quantised.f32_at(0)
    }

    /// Looks at every link of its graph, and for every vector by it. `None` where it has no graph.
    ///
    /// # Errors
    /// `InvalidOption` if the graph is one of other rows.
    pub(crate) fn check_graph(&self) -> Result<Option<GraphCheck>> {
        let graph = self.dense.graph();
        graph
            .map(|graph| self.dense.check_graph(graph, &Steps::unwatched()))
            .transpose()
    }

    /// Compares every file with its digest.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn verify(&self) -> Result<()> {
        self.passages.verify()?;
        self.vectors.verify()?;
        self.quantised.verify()?;
        self.dense.graph().map_or(Ok(()), Graph::verify)
    }
}

/// The dense side of a segment over its mapped files, whose lengths have been checked: those of the
/// vectors and of their copies are the ones of `n` rows.
fn dense_part(
    model: &str,
    dim: usize,
    n: usize,
    vectors: &Arc<MappedFile>,
    quantised: &Arc<MappedFile>,
) -> Result<DensePart> {
    let part = |file: &Arc<MappedFile>, bytes| {
        Arc::new(MappedValues {
            file: Arc::clone(file),
            bytes,
        })
    };
    let max_error = quantised.f32_at(0)?;
    let shared = SharedQuantised {
        values: part(quantised, values_at(n)..quantised.payload().len()),
        steps: part(quantised, FRONT_BYTES..FRONT_BYTES + n * 4),
        max_error,
    };
    DensePart::new(
        model,
        dim,
        part(vectors, 0..vectors.payload().len()),
        shared,
    )
}
