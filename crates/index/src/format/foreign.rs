//! Files that other crates write: the manifest holds their lengths and digests.

use std::fs;
use std::path::Path;

use crate::format::atomic::{io_error, open_file, read_error};
use crate::format::manifest::FileRef;
use crate::{Error, Result};

/// Foreign files up to this size are compared with their digest at every open; larger ones only by
/// length, and by digest on request.
const SMALL_BYTES: u64 = 64 << 10;

/// Describes every file of a folder inside the index folder, sorted by name.
///
/// A file of the same base name in `known` is taken to be the same: foreign files are written once
/// and linked from generation to generation, except those that `changes` names.
///
/// # Errors
/// `Io`.
pub(crate) fn describe(
    index_folder: &Path,
    folder: &str,
    known: &[FileRef],
    changes: impl Fn(&Path) -> bool,
    skip: impl Fn(&Path) -> bool,
) -> Result<Vec<FileRef>> {
    let path = index_folder.join(folder);
    let unreadable = |source| io_error("read", &path, source);
    let mut files = Vec::new();
    for entry in fs::read_dir(&path).map_err(unreadable)? {
        let base = entry.map_err(unreadable)?.file_name();
        let base = Path::new(&base);
        if skip(base) {
            continue;
        }
        let name = format!("{folder}/{}", base.display());
        let before = known
            .iter()
            .find(|file| Path::new(&file.name).file_name() == base.file_name());
        let (len_bytes, digest) = match before {
            Some(before) if !changes(base) => (before.len_bytes, before.digest),
            _ => digest_file(&path.join(base))?,
        };
        files.push(FileRef {
            name,
            len_bytes,
            digest,
        });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Compares lengths, and the digests of small files.
///
/// # Errors
/// `Io`, `Damaged`.
pub(crate) fn check(index_folder: &Path, files: &[FileRef]) -> Result<()> {
    for file in files {
        let path = index_folder.join(&file.name);
        let metadata = fs::metadata(&path).map_err(|source| read_error(&path, source))?;
        let len_bytes = metadata.len();
        if len_bytes != file.len_bytes {
            return Err(Error::Damaged {
                path,
                offset: len_bytes.min(file.len_bytes),
                problem: format!("it has {len_bytes} bytes, but had {}", file.len_bytes),
            });
        }
        if len_bytes <= SMALL_BYTES {
            verify_file(&path, file)?;
        }
    }
    Ok(())
}

/// Compares every file with its digest.
///
/// # Errors
/// `Io`, `Damaged`.
pub(crate) fn verify(index_folder: &Path, files: &[FileRef]) -> Result<()> {
    files
        .iter()
        .try_for_each(|file| verify_file(&index_folder.join(&file.name), file))
}

fn verify_file(path: &Path, file: &FileRef) -> Result<()> {
    if digest_file(path)? == (file.len_bytes, file.digest) {
        return Ok(());
    }
    Err(Error::Damaged {
        path: path.to_owned(),
        offset: 0,
        problem: "the content does not match its digest".to_owned(),
    })
}

fn digest_file(path: &Path) -> Result<(u64, [u8; 32])> {
    let mut hasher = blake3::Hasher::new();
    let len_bytes = std::io::copy(&mut open_file(path)?, &mut hasher);
    let len_bytes = len_bytes.map_err(|source| read_error(path, source))?;
    Ok((len_bytes, *hasher.finalize().as_bytes()))
}
