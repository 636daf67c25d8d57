//! Writing so that a crash leaves the old file or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::crash::step;
use crate::format::header::{self, FileKind, HEADER_BYTES};
use crate::{Error, Result};

/// Writes one file of ours under a new name: payload first, header last, then sync.
pub(crate) struct FileWriter {
    path: PathBuf,
    kind: FileKind,
    out: BufWriter<File>,
    hasher: blake3::Hasher,
    payload_len: u64,
}

impl FileWriter {
    /// Creates a file that must not exist yet.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn create(path: &Path, kind: FileKind) -> Result<Self> {
        let write = || -> io::Result<BufWriter<File>> {
            let mut out = BufWriter::with_capacity(1 << 18, File::create_new(path)?);
            out.write_all(&[0; HEADER_BYTES])?;
            Ok(out)
        };
        let out = write().map_err(|source| io_error("create", path, source))?;
        step("file created");
        Ok(Self {
            path: path.to_owned(),
            kind,
            out,
            hasher: blake3::Hasher::new(),
            payload_len: 0,
        })
    }

    /// Appends to the payload.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.payload_len += bytes.len() as u64;
        self.out
            .write_all(bytes)
            .map_err(|source| io_error("write", &self.path, source))
    }

    /// Writes the header and syncs. Returns the payload's length and digest.
    ///
    /// # Errors
    /// `Io`.
    pub(crate) fn finish(mut self) -> Result<(u64, [u8; 32])> {
        let digest = *self.hasher.finalize().as_bytes();
        let header = header::encode(self.kind, self.payload_len, digest);
        let mut write = || -> io::Result<()> {
            self.out.flush()?;
            let file = self.out.get_mut();
            file.seek(SeekFrom::Start(0))?;
            step("payload written");
            file.write_all(&header)?;
            step("header written");
            file.sync_all()
        };
        write().map_err(|source| io_error("write", &self.path, source))?;
        Ok((self.payload_len, digest))
    }
}

/// Writes a small file in one go: under a temporary name, synced, renamed into place, and the
/// folder synced.
///
/// # Errors
/// `Io`.
pub(crate) fn replace(path: &Path, kind: FileKind, payload: &[u8]) -> Result<()> {
    let temporary = path.with_extension("new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(io_error("remove", &temporary, error));
        }
        _ => {}
    }
    let mut file = FileWriter::create(&temporary, kind)?;
    file.write(payload)?;
    file.finish()?;
    step("new manifest written");
    fs::rename(&temporary, path).map_err(|source| io_error("replace", path, source))?;
    step("manifest replaced");
    sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// Makes renames, creations and removals in a folder durable.
///
/// # Errors
/// `Io`.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    // Only Unix lets a folder be opened and synced; elsewhere the rename itself is durable enough.
    if cfg!(unix) {
        File::open(folder)
            .and_then(|file| file.sync_all())
            .map_err(|source| io_error("sync", folder, source))?;
    }
    Ok(())
}

/// Fills a new folder with hard links to the files of another, or with copies where the file
/// system has no links.
///
/// # Errors
/// `Io`.
pub(crate) fn link_folder(from: &Path, to: &Path, skip: impl Fn(&Path) -> bool) -> Result<()> {
    fs::create_dir(to).map_err(|source| io_error("create", to, source))?;
    step("folder created");
    let entries = fs::read_dir(from).map_err(|source| io_error("read", from, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| io_error("read", from, source))?;
        if skip(Path::new(&entry.file_name())) {
            continue;
        }
        let target = to.join(entry.file_name());
        if fs::hard_link(entry.path(), &target).is_err() {
            fs::copy(entry.path(), &target)
                .map_err(|source| io_error("copy", &entry.path(), source))?;
        }
        step("file linked");
    }
    Ok(())
}

/// Opens a file of an index to read it. What is no file is damage: a pipe would keep us waiting, a device
/// may never end.
///
/// # Errors
/// `Io`, `Damaged`.
pub(crate) fn open_file(path: &Path) -> Result<File> {
    let unreadable = |source| read_error(path, source);
    let file = without_waiting(File::options().read(true))
        .open(path)
        .map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.is_file() {
        Ok(file)
    } else {
        Err(Error::Damaged {
            path: path.to_owned(),
            offset: 0,
            problem: "it is not a file".to_owned(),
        })
    }
}

/// Writes a small file of an index. What stands in its place is unlinked and never written through:
/// a link may lead to a file of somebody else's.
///
/// # Errors
/// `Io`.
pub(crate) fn write_marker(path: &Path, text: &str) -> Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir()) {
        fs::remove_file(path).map_err(|source| io_error("replace", path, source))?;
    }
    let mut options = File::options();
    let file = options.write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| io_error("write", path, source))
}

/// Refuses a file, or a link that leads nowhere, where `folder` or a folder above it should be.
///
/// # Errors
/// `InTheWay`.
pub(crate) fn refuse_no_folder(folder: &Path) -> Result<()> {
    let mut above = folder.ancestors();
    let Some(there) = above.find(|path| fs::symlink_metadata(path).is_ok()) else {
        return Ok(());
    };
    let is_other = match fs::metadata(there) {
        Ok(found) => !found.is_dir(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if is_other {
        return Err(Error::InTheWay {
            path: there.to_owned(),
            problem: "it is not a folder",
        });
    }
    Ok(())
}

/// Makes that a pipe is opened, or refused, at once.
pub(crate) fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NONBLOCK);
    options
}

/// Why a file that the manifest names cannot be read; a missing one is damage, also where a file
/// stands in the place of its folder.
pub(crate) fn read_error(path: &Path, source: io::Error) -> Error {
    use io::ErrorKind::{NotADirectory, NotFound};
    #[cfg(unix)]
    if source.raw_os_error() == Some(libc::ENXIO) {
        // A socket, which cannot even be opened.
        return Error::Damaged {
            path: path.to_owned(),
            offset: 0,
            problem: "it is not a file".to_owned(),
        };
    }
    if [NotFound, NotADirectory].contains(&source.kind()) {
        return Error::Damaged {
            path: path.to_owned(),
            offset: 0,
            problem: "the file is missing".to_owned(),
        };
    }
    io_error("read", path, source)
}

pub(crate) fn io_error(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn what_is_no_file_is_damage_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.expect("mkfifo").success());
        for path in [&pipe, folder.path(), Path::new("/dev/zero")] {
            let refused = open_file(path).expect_err("no file");
            assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
        }
        let below = folder.path().join("file/below");
        fs::write(folder.path().join("file"), "").expect("a file");
        let refused = open_file(&below).expect_err("no file");
        assert!(matches!(refused, Error::Damaged { .. }), "{refused}");
    }
}
