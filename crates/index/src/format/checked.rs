//! Reading whole files against what a manifest says of them.
//!
//! Files are read, not mapped: a sector that the disk cannot read is then an error and not the end of
//! the process.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use crate::format::atomic::{io_error, open_file, read_error};
use crate::format::header::{self, FileKind, HEADER_BYTES};
use crate::format::manifest::FileRef;
use crate::{Error, Result};

/// Bytes read at a time.
const BLOCK_BYTES: usize = 1 << 18;

/// Compares a file with what the manifest says of it. Foreign files have no kind.
///
/// # Errors
/// `Io`, `Damaged`, `UnsupportedVersion`.
pub(crate) fn verify(path: &Path, file: &FileRef, kind: Option<FileKind>) -> Result<()> {
    let open = open_file(path)?;
    read_through(&open, path, file, kind, &mut |_| Ok(()))
}

/// Copies an open file, which was found at `path`, to a new one and compares it on the way. What has
/// been written of an unsound one is left there.
///
/// # Errors
/// As [`verify`], and `Io` for the new file.
pub(crate) fn copy(
    open: &File,
    path: &Path,
    file: &FileRef,
    kind: Option<FileKind>,
    to: &Path,
) -> Result<()> {
    let unwritable = |source: io::Error| io_error("write", to, source);
    let mut out = File::create_new(to).map_err(unwritable)?;
    read_through(open, path, file, kind, &mut |bytes| {
        out.write_all(bytes).map_err(unwritable)
    })?;
    out.sync_all().map_err(unwritable)
}

/// Reads all of an open file, which was found at `path`, and compares it.
///
/// # Errors
/// As [`verify`].
pub(crate) fn read(
    open: &File,
    path: &Path,
    file: &FileRef,
    kind: Option<FileKind>,
    into: &mut Vec<u8>,
) -> Result<()> {
    read_through(open, path, file, kind, &mut |bytes| {
        into.extend_from_slice(bytes);
        Ok(())
    })
}

/// Reads a file from its beginning, hands all of it to `take`, and compares length, header and
/// digest.
fn read_through(
    mut open: &File,
    path: &Path,
    file: &FileRef,
    kind: Option<FileKind>,
    take: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let damaged = |offset: u64, problem: &str| Error::Damaged {
        path: path.to_owned(),
        offset,
        problem: problem.to_owned(),
    };
    let unreadable = |source| read_error(path, source);
    let found_len = open.metadata().map_err(unreadable)?.len();
    let front_len = kind.map_or(0, |_| HEADER_BYTES as u64);
    let len_bytes = file.len_bytes.saturating_add(front_len);
    if found_len != len_bytes {
        let problem = format!("it has {found_len} bytes, but had {len_bytes}");
        return Err(damaged(found_len.min(len_bytes), &problem));
    }
    if let Some(kind) = kind {
        let mut front = [0; HEADER_BYTES];
        open.read_exact(&mut front).map_err(unreadable)?;
        let header = header::decode_front(path, &front, found_len, kind)?;
        if header.digest != file.digest {
            let problem = "its header has a different digest from the manifest";
            return Err(damaged(32, problem));
        }
        take(&front)?;
    }
    let mut hasher = blake3::Hasher::new();
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        let n = match open.read(&mut block) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        hasher.update(&block[..n]);
        take(&block[..n])?;
    }
    if *hasher.finalize().as_bytes() == file.digest {
        return Ok(());
    }
    Err(damaged(front_len, "the content does not match its digest"))
}
