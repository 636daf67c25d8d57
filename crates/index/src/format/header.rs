//! The 64 bytes at the front of every file of ours.

use std::path::Path;

use crate::{Error, Result};

/// The one version number of the whole format, which every new file gets.
pub(crate) const FORMAT_VERSION: u32 = 4;

/// Files of this version and later ones are read: an index that is continued keeps those it has.
pub(crate) const MIN_VERSION: u32 = 2;

/// Letters between control bytes, so that damage by text mode shows (the idea is PNG's).
pub(crate) const MAGIC: [u8; 8] = *b"\x89RRD\r\n\x1a\n";

/// The header's length; a multiple of 64 keeps mapped rows aligned.
pub(crate) const HEADER_BYTES: usize = 64;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum FileKind {
    Manifest = 1,
    Catalog = 2,
    Passages = 3,
    Vectors = 4,
    Quantised = 5,
    Graph = 6,
}

/// A header that has been checked against its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) version: u32,
    pub(crate) payload_len: u64,
    pub(crate) digest: [u8; 32],
}

/// Builds the header of a payload.
pub(crate) fn encode(kind: FileKind, payload_len: u64, digest: [u8; 32]) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes[12..16].copy_from_slice(&(kind as u32).to_le_bytes());
    bytes[16..24].copy_from_slice(&payload_len.to_le_bytes());
    bytes[32..].copy_from_slice(&digest);
    bytes
}

/// Checks a file's header, field by field: magic, version, kind, length.
///
/// # Errors
/// `Damaged` with the offset of the first field that is wrong, `UnsupportedVersion`.
pub(crate) fn decode(path: &Path, file: &[u8], kind: FileKind) -> Result<Header> {
    decode_front(path, file, file.len() as u64, kind)
}

/// As [`decode`], where only the first bytes of a file of `file_len` bytes are at hand.
///
/// # Errors
/// As [`decode`].
pub(crate) fn decode_front(
    path: &Path,
    front: &[u8],
    file_len: u64,
    kind: FileKind,
) -> Result<Header> {
    let damaged = |offset: u64, problem: &str| Error::Damaged {
        path: path.to_owned(),
        offset,
        problem: problem.to_owned(),
    };
    let header = front
        .first_chunk::<HEADER_BYTES>()
        .ok_or_else(|| damaged(front.len() as u64, "the file ends inside its header"))?;
    if header[..8] != MAGIC {
        return Err(damaged(0, "this is not a file of an index"));
    }
    let version = u32_at(header, 8);
    if !(MIN_VERSION..=FORMAT_VERSION).contains(&version) {
        return Err(Error::UnsupportedVersion {
            path: path.to_owned(),
            found: version,
            supported: MIN_VERSION..=FORMAT_VERSION,
        });
    }
    if u32_at(header, 12) != kind as u32 {
        return Err(damaged(12, "the file is of another kind"));
    }
    let payload_len = u64_at(header, 16);
    if file_len.checked_sub(HEADER_BYTES as u64) != Some(payload_len) {
        return Err(damaged(16, "the file's length is not the one recorded"));
    }
    if header[24..32] != [0; 8] {
        return Err(damaged(24, "reserved bytes are not zero"));
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(&header[32..]);
    Ok(Header {
        version,
        payload_len,
        digest,
    })
}

fn u32_at(header: &[u8; HEADER_BYTES], at: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&header[at..at + 4]);
    u32::from_le_bytes(bytes)
}

fn u64_at(header: &[u8; HEADER_BYTES], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&header[at..at + 8]);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        let mut file = encode(FileKind::Catalog, 3, *blake3::hash(b"abc").as_bytes()).to_vec();
        file.extend_from_slice(b"abc");
        file
    }

    #[test]
    fn a_header_reads_back() {
        let header = decode(Path::new("x"), &file(), FileKind::Catalog).expect("sound");
        assert_eq!(header.payload_len, 3);
        assert_eq!(header.digest, *blake3::hash(b"abc").as_bytes());
    }

    #[test]
    fn a_file_cut_anywhere_is_reported_as_damage() {
        let file = file();
        for len in 0..file.len() {
            let result = decode(Path::new("x"), &file[..len], FileKind::Catalog);
            assert!(matches!(result, Err(Error::Damaged { .. })), "cut at {len}");
        }
    }

    #[test]
    fn a_flipped_byte_before_the_digest_is_an_error() {
        for at in 0..32 {
            let mut file = file();
            file[at] ^= 0x41;
            let result = decode(Path::new("x"), &file, FileKind::Catalog);
            assert!(result.is_err(), "byte {at}");
        }
    }

    #[test]
    fn another_version_is_refused_by_name() {
        for found in [0, MIN_VERSION - 1, FORMAT_VERSION + 1, 9] {
            let mut file = file();
            file[8..12].copy_from_slice(&found.to_le_bytes());
            let result = decode(Path::new("x"), &file, FileKind::Catalog);
            let Err(error @ Error::UnsupportedVersion { .. }) = result else {
                panic!("version {found} is read");
            };
            assert!(error.to_string().contains("reads 2 to 4"), "{error}");
        }
    }

    #[test]
    fn an_older_version_in_the_range_is_read_and_known() {
        let mut file = file();
        file[8..12].copy_from_slice(&MIN_VERSION.to_le_bytes());
        let header = decode(Path::new("x"), &file, FileKind::Catalog).expect("read");
        assert_eq!(header.version, MIN_VERSION);
    }
}
