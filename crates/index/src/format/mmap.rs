//! Memory-mapped files; the only place of the format where `unsafe` stands.
#![allow(unsafe_code)]

use std::ops::Range;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

use crate::format::atomic::{open_file, read_error};
use crate::format::header::{self, FileKind, HEADER_BYTES, Header};
use crate::format::manifest::FileRef;
use crate::{Error, Result};

/// A mapped file of ours whose header has been checked.
#[derive(Debug)]
pub(crate) struct MappedFile {
    path: PathBuf,
    map: Mmap,
    header: Header,
}

impl MappedFile {
    /// Maps a file and checks its header.
    ///
    /// # Errors
    /// `Io`, `Damaged`, `UnsupportedVersion`.
    pub(crate) fn open(path: &Path, kind: FileKind) -> Result<Self> {
        let unreadable = |source| read_error(path, source);
        let file = open_file(path)?;
        // SAFETY: files of the index are written once under a new name and never changed or cut
        // afterwards, only unlinked, which leaves a mapping intact. Another program that alters
        // them is outside what any mapped format can defend against.
        let map = unsafe { Mmap::map(&file) }.map_err(unreadable)?;
        let header = header::decode(path, &map, kind)?;
        Ok(Self {
            path: path.to_owned(),
            map,
            header,
        })
    }

    /// Maps the file that a manifest names, and refuses another one in its place.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_as(path: &Path, kind: FileKind, file: &FileRef) -> Result<Self> {
        let mapped = Self::open(path, kind)?;
        if mapped.payload().len() as u64 != file.len_bytes || mapped.digest() != file.digest {
            return Err(mapped.damaged(16, "the manifest names another file"));
        }
        Ok(mapped)
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        self.header.digest
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.map[HEADER_BYTES..]
    }

    /// Compares the payload with the digest in its header.
    ///
    /// # Errors
    /// `Damaged`.
    pub(crate) fn verify(&self) -> Result<()> {
        if *blake3::hash(self.payload()).as_bytes() == self.header.digest {
            Ok(())
        } else {
            Err(self.damaged(HEADER_BYTES, "the content does not match its digest"))
        }
    }

    /// The payload's bytes in `range`, or damage at its start.
    ///
    /// # Errors
    /// `Damaged` when the range lies outside the payload.
    pub(crate) fn bytes(&self, range: Range<usize>) -> Result<&[u8]> {
        let at = range.start;
        self.payload().get(range).ok_or_else(|| {
            self.damaged(
                HEADER_BYTES.saturating_add(at),
                "it points outside the file",
            )
        })
    }

    /// Bytes of the payload as little-endian f32 values.
    ///
    /// # Errors
    /// `Damaged` when the range lies outside the payload or is no whole number of aligned values.
    pub(crate) fn f32s(&self, range: Range<usize>) -> Result<&[f32]> {
        let at = range.start;
        let bytes = self.bytes(range)?;
        // SAFETY: every bit pattern is a valid f32; `align_to` hands out only aligned values.
        let (front, values, back) = unsafe { bytes.align_to::<f32>() };
        if front.is_empty() && back.is_empty() {
            Ok(values)
        } else {
            Err(self.damaged(HEADER_BYTES + at, "it does not hold whole f32 values"))
        }
    }

    /// The f32 value at a byte of the payload.
    ///
    /// # Errors
    /// As for [`f32s`](Self::f32s).
    pub(crate) fn f32_at(&self, at: usize) -> Result<f32> {
        Ok(self.f32s(at..at.saturating_add(4))?[0])
    }

    /// Bytes of the payload as little-endian u32 values.
    ///
    /// # Errors
    /// `Damaged` when the range lies outside the payload or is no whole number of aligned values.
    pub(crate) fn u32s(&self, range: Range<usize>) -> Result<&[u32]> {
        let at = range.start;
        let bytes = self.bytes(range)?;
        // SAFETY: every bit pattern is a valid u32; `align_to` hands out only aligned values.
        let (front, values, back) = unsafe { bytes.align_to::<u32>() };
        if front.is_empty() && back.is_empty() {
            Ok(values)
        } else {
            Err(self.damaged(HEADER_BYTES + at, "it does not hold whole u32 values"))
        }
    }

    /// Bytes of the payload as i8 values.
    ///
    /// # Errors
    /// `Damaged` when the range lies outside the payload.
    pub(crate) fn i8s(&self, range: Range<usize>) -> Result<&[i8]> {
        let bytes = self.bytes(range)?;
        // SAFETY: u8 and i8 have the same size and alignment, and every bit pattern is valid.
        Ok(unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast::<i8>(), bytes.len()) })
    }

    /// Damage at a byte of the payload.
    pub(crate) fn damaged_payload(&self, at: usize, problem: &str) -> Error {
        self.damaged(HEADER_BYTES + at, problem)
    }

    pub(crate) fn damaged(&self, offset: usize, problem: &str) -> Error {
        Error::Damaged {
            path: self.path.clone(),
            offset: offset as u64,
            problem: problem.to_owned(),
        }
    }
}

/// The bytes of f32 values as they are written to a file.
pub(crate) fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

/// The bytes of u32 values as they are written to a file.
pub(crate) fn u32_bytes(values: &[u32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[cfg(not(target_endian = "little"))]
compile_error!(
    "the mapped arrays of the index are little-endian; a big-endian reader must convert"
);
