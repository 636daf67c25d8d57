//! Stored passages: records of fixed width behind a heap of strings.

use std::path::Path;

use crate::Result;
use crate::format::header::{FileKind, HEADER_BYTES};
use crate::format::manifest::SegmentRef;
use crate::format::mmap::MappedFile;

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
    pub(super) strings_at: u64,
    pub(super) heading_len: u32,
    pub(super) text_len: u32,
    pub(crate) start_line: u32,
    pub(crate) end_line: u32,
    pub(crate) page: u32,
    pub(crate) text_digest: TextDigest,
}

impl Record {
    pub(super) fn encode(&self) -> [u8; RECORD_BYTES] {
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

/// The open file of a segment's passages.
pub(crate) struct PassageStore {
    file: MappedFile,
    n_passages: usize,
}

impl PassageStore {
    /// Opens the passages of a segment and checks that their number is the one it says.
    ///
    /// # Errors
    /// `Io`, `Damaged`, `UnsupportedVersion`.
    pub(crate) fn open(index_folder: &Path, segment: &SegmentRef) -> Result<Self> {
        let path = index_folder.join(&segment.passages.name);
        let file = MappedFile::open_as(&path, FileKind::Passages, &segment.passages)?;
        let n_passages = segment.n_passages as usize;
        check_record_count(&file, n_passages)?;
        Ok(Self { file, n_passages })
    }

    /// The stored record at a position.
    ///
    /// # Errors
    /// `Damaged` when the position lies outside the segment.
    pub(crate) fn record(&self, position: u32) -> Result<Record> {
        let records_at = self.records_at();
        let at = records_at + position as usize * RECORD_BYTES;
        let end = self.file.payload().len() - 8;
        let bytes = self.file.bytes(at.min(end)..(at + RECORD_BYTES).min(end))?;
        match bytes.first_chunk::<RECORD_BYTES>() {
            Some(bytes) => Ok(Record::decode(bytes)),
            None => Err(self
                .file
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
            self.file.damaged(at, "a passage's text is not there")
        };
        let heap = &self.file.payload()[..self.records_at()];
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

    /// Where in the file of passages the record at a position begins.
    pub(crate) fn record_offset(&self, position: u32) -> u64 {
        (HEADER_BYTES + self.records_at() + position as usize * RECORD_BYTES) as u64
    }

    /// Compares the file with its digest.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn verify(&self) -> Result<()> {
        self.file.verify()
    }

    fn records_at(&self) -> usize {
        // `open` has checked that the records fit.
        self.file.payload().len() - 8 - self.n_passages * RECORD_BYTES
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
        Err(passages.damaged(16, "it holds a different number of passages"))
    }
}

/// Joins a heading path as a segment stores it.
pub(crate) fn joined_headings(headings: &[String]) -> String {
    let mut joined = String::new();
    for (i, heading) in headings.iter().enumerate() {
        if i > 0 {
            joined.push(HEADING_SEPARATOR);
        }
        joined.extend(heading.chars().filter(|&c| c != HEADING_SEPARATOR));
    }
    joined
}

/// Splits a heading path as a segment stores it.
pub(crate) fn split_headings(joined: &str) -> Vec<String> {
    if joined.is_empty() {
        return Vec::new();
    }
    joined.split(HEADING_SEPARATOR).map(str::to_owned).collect()
}
