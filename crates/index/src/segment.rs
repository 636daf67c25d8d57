//! A segment: passages and their vectors in flat, immutable, memory-mapped files.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::chunk::Cut;
use crate::dense::{self, DenseHits, DensePart, DenseSearch, Graph, HnswOptions, SharedQuantised};
use crate::format::atomic::{self, FileWriter, io_error};
use crate::format::header::{FileKind, HEADER_BYTES};
use crate::format::manifest::{FileRef, GraphRef, SegmentRef, segment_folder};
use crate::format::mmap::{MappedFile, f32_bytes};
use crate::{Error, Result};

/// Bytes of one passage record.
const RECORD_BYTES: usize = 72;

/// Separates the headings of a heading path; no heading holds it.
const HEADING_SEPARATOR: char = '\u{1f}';

/// Bytes of the digest that tells whether two embedded texts are the same.
pub(crate) const TEXT_DIGEST_BYTES: usize = 16;

/// The digest of a text that is embedded.
pub(crate) type TextDigest = [u8; TEXT_DIGEST_BYTES];

/// Digests the text that is embedded, so that it is not embedded again.
pub(crate) fn text_digest(text: &str) -> TextDigest {
    let mut digest = [0; TEXT_DIGEST_BYTES];
    digest.copy_from_slice(&blake3::hash(text.as_bytes()).as_bytes()[..TEXT_DIGEST_BYTES]);
    digest
}

/// What is stored of a passage, without its strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) key: u64,
    pub(crate) start_byte: u64,
    pub(crate) end_byte: u64,
    strings_at: u64,
    heading_len: u32,
    text_len: u32,
    pub(crate) start_line: u32,
    pub(crate) end_line: u32,
    pub(crate) page: u32,
    pub(crate) text_digest: TextDigest,
}

impl Record {
    fn encode(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[0..8].copy_from_slice(&self.key.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.start_byte.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.end_byte.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.strings_at.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.heading_len.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.text_len.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.start_line.to_le_bytes());
        bytes[44..48].copy_from_slice(&self.end_line.to_le_bytes());
        bytes[48..52].copy_from_slice(&self.page.to_le_bytes());
        bytes[56..72].copy_from_slice(&self.text_digest);
        bytes
    }

    fn decode(bytes: &[u8; RECORD_BYTES]) -> Self {
        let u32_at = |at: usize| {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        let u64_at = |at: usize| u64::from(u32_at(at)) | (u64::from(u32_at(at + 4)) << 32);
        let mut text_digest = [0; TEXT_DIGEST_BYTES];
        text_digest.copy_from_slice(&bytes[56..72]);
        Self {
            key: u64_at(0),
            start_byte: u64_at(8),
            end_byte: u64_at(16),
            strings_at: u64_at(24),
            heading_len: u32_at(32),
            text_len: u32_at(36),
            start_line: u32_at(40),
            end_line: u32_at(44),
            page: u32_at(48),
            text_digest,
        }
    }
}

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
            start_line: cut.start_line,
            end_line: cut.end_line,
            page: cut.page.unwrap_or(0),
            text_digest: digest,
        };
        self.append(&record, headings.as_bytes(), text.as_bytes(), vector)
    }

    /// Appends a passage of another segment. Returns its position.
    ///
    /// # Errors
    /// `Io`, `Damaged`.
    pub(crate) fn copy(&mut self, from: &Segment, position: u32) -> Result<u32> {
        let record = from.record(position)?;
        let (headings, text) = from.strings(&record)?;
        let record = Record {
            strings_at: self.heap_len,
            ..record
        };
        self.append(
            &record,
            headings.as_bytes(),
            text.as_bytes(),
            from.vector(position)?,
        )
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

    /// Completes the segment: records, quantised vectors and, where it pays, the graph.
    ///
    /// # Errors
    /// `Io`, or what the graph's build fails with.
    pub(crate) fn finish(mut self, hnsw: &HnswOptions) -> Result<SegmentRef> {
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
        let open = |file, kind| MappedFile::open(&self.folder.join(file), kind).map(Arc::new);
        let mapped = open("vectors", FileKind::Vectors)?;
        let rows = mapped.f32s(0..mapped.payload().len())?;
        let quantised = file_ref("quantised", write_quantised(&self.folder, rows, self.dim)?);
        let n = self.n_passages as usize;
        let graph = if n < hnsw.from_passages {
            None
        } else {
            let int8 = open("quantised", FileKind::Quantised)?;
            let part = dense_part("", self.dim, n, &mapped, &int8)?;
            let graph = Graph::build(&part, hnsw, &|_| true)?;
            Some(GraphRef {
                file: file_ref("graph", graph.write(&self.folder.join("graph"))?),
                n_lost: graph.n_lost() as u32,
            })
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

fn joined_headings(headings: &[String]) -> String {
    let mut joined = String::new();
    for (i, heading) in headings.iter().enumerate() {
        if i > 0 {
            joined.push(HEADING_SEPARATOR);
        }
        joined.extend(heading.chars().filter(|&c| c != HEADING_SEPARATOR));
    }
    joined
}

/// Bytes before the steps: the largest error, padded so that what follows is aligned.
const FRONT_BYTES: usize = 64;

/// Where the int8 rows begin, behind the steps and padded so that rows are aligned.
fn values_at(n_passages: usize) -> usize {
    FRONT_BYTES + (n_passages * 4).next_multiple_of(64)
}

fn write_quantised(folder: &Path, rows: &[f32], dim: usize) -> Result<(u64, [u8; 32])> {
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

/// A part of a mapped file as values; its bounds were checked when the segment was opened.
struct MappedValues {
    file: Arc<MappedFile>,
    bytes: Range<usize>,
}

impl AsRef<[f32]> for MappedValues {
    fn as_ref(&self) -> &[f32] {
        self.file.f32s(self.bytes.clone()).unwrap_or_default()
    }
}

impl AsRef<[i8]> for MappedValues {
    fn as_ref(&self) -> &[i8] {
        self.file.i8s(self.bytes.clone()).unwrap_or_default()
    }
}

/// An open segment.
pub(crate) struct Segment {
    pub(crate) number: u32,
    n_passages: u32,
    dim: usize,
    passages: MappedFile,
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
        let open = |file: &FileRef, kind| -> Result<MappedFile> {
            let mapped = MappedFile::open(&index_folder.join(&file.name), kind)?;
            if mapped.payload().len() as u64 != file.len_bytes || mapped.digest() != file.digest {
                return Err(mapped.damaged(16, "the manifest names another file"));
            }
            Ok(mapped)
        };
        let n = segment.n_passages as usize;
        let passages = open(&segment.passages, FileKind::Passages)?;
        let vectors = Arc::new(open(&segment.vectors, FileKind::Vectors)?);
        let quantised = Arc::new(open(&segment.quantised, FileKind::Quantised)?);
        let fits = |file: &MappedFile, len: Option<usize>| {
            if len == Some(file.payload().len()) {
                Ok(())
            } else {
                Err(file.damaged(16, "its length does not fit the number of passages"))
            }
        };
        let cells = n.checked_mul(dim);
        fits(&vectors, cells.and_then(|cells| cells.checked_mul(4)))?;
        fits(
            &quantised,
            cells.and_then(|cells| cells.checked_add(values_at(n))),
        )?;
        check_record_count(&passages, n)?;
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
        self.dense.search(query, k, search)
    }

    pub(crate) fn n_passages(&self) -> u32 {
        self.n_passages
    }

    /// The stored record at a position.
    ///
    /// # Errors
    /// `Damaged` when the position lies outside the segment.
    pub(crate) fn record(&self, position: u32) -> Result<Record> {
        let records_at = self.records_at();
        let at = records_at + position as usize * RECORD_BYTES;
        let end = self.passages.payload().len() - 8;
        let bytes = self
            .passages
            .bytes(at.min(end)..(at + RECORD_BYTES).min(end))?;
        match bytes.first_chunk::<RECORD_BYTES>() {
            Some(bytes) => Ok(Record::decode(bytes)),
            None => Err(self
                .passages
                .damaged(HEADER_BYTES + at, "a record lies outside the file")),
        }
    }

    /// The heading path, still joined, and the text of a record.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn strings(&self, record: &Record) -> Result<(&str, &str)> {
        let damaged = || {
            let at = HEADER_BYTES.saturating_add(record.strings_at as usize);
            self.passages.damaged(at, "a passage's text is not there")
        };
        let heap = &self.passages.payload()[..self.records_at()];
        let start = usize::try_from(record.strings_at).map_err(|_| damaged())?;
        let middle = start
            .checked_add(record.heading_len as usize)
            .ok_or_else(damaged)?;
        let end = middle
            .checked_add(record.text_len as usize)
            .ok_or_else(damaged)?;
        let text = |range| {
            heap.get(range)
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .ok_or_else(damaged)
        };
        Ok((text(start..middle)?, text(middle..end)?))
    }

    /// The embedding at a position.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn vector(&self, position: u32) -> Result<&[f32]> {
        let at = position as usize * self.dim;
        self.vectors.f32s(at * 4..(at + self.dim) * 4)
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

    fn records_at(&self) -> usize {
        // `open` has checked that the records fit.
        self.passages.payload().len() - 8 - self.n_passages as usize * RECORD_BYTES
    }
}

fn check_record_count(passages: &MappedFile, n: usize) -> Result<()> {
    let payload = passages.payload();
    let recorded = payload
        .last_chunk::<8>()
        .map(|bytes| u64::from_le_bytes(*bytes));
    if recorded == Some(n as u64) && (payload.len() - 8) / RECORD_BYTES >= n {
        Ok(())
    } else {
        Err(passages.damaged(16, "it holds another number of passages"))
    }
}

/// The dense side of a segment over its mapped files, whose lengths have been checked.
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
    let max_error = quantised.f32s(0..4)?.first().copied().unwrap_or_default();
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

/// Splits a heading path as a segment stores it.
pub(crate) fn split_headings(joined: &str) -> Vec<String> {
    if joined.is_empty() {
        return Vec::new();
    }
    joined.split(HEADING_SEPARATOR).map(str::to_owned).collect()
}
