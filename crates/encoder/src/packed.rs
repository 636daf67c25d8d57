//! Packed weights in a file, so that the next opening of the model reads them as they are.
//!
//! ```text
//! at   bytes
//!  0     8   magic
//!  8     4   version of the layout
//! 12     4   version of the arithmetic
//! 16    16   instruction set, its name, then zeros
//! 32     8   length of what follows the digest, 0 where the weights decide it
//! 40     8   zeros
//! 48    32   digest of the model: weights, configuration and tokenizer (blake3)
//! 80    16   zeros
//! 96    32   digest of what follows (blake3)
//! 128        the matrices: see `StoredInt8`
//! ```
//!
//! All integers are little-endian. The first 96 bytes are known before the file is read, so one that
//! differs in a bit of them is not used, whatever the reason: damaged, older, of another model or of
//! another instruction set. Such a file, like one whose content has another digest, is replaced.
//!
//! The weights file is hashed at every opening instead of trusting its time of change: that takes
//! 4 to 8 ms, and is the model's identity, which whoever keeps vectors asks for anyway.
//!
//! The file is mapped, and the products read it where it is; see `docs/performance.md`.

use std::fs;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::ARITHMETIC;
use crate::cancel::{CancelToken, Cancelled};
use crate::instruction_set::InstructionSet;
use crate::kernels::{Int8Panels, LAYOUT_VERSION, StoredInt8};
use crate::mapped;

/// Letters between control bytes, so that damage by text mode shows.
const MAGIC: [u8; 8] = *b"\x89RRW\r\n\x1a\n";

/// The length of what is known before the file is read. The digest of the content follows.
const KNOWN_BYTES: usize = 96;

/// Where the content begins.
const FRONT_BYTES: usize = KNOWN_BYTES + blake3::OUT_LEN;

/// The end of the file's name.
const EXTENSION: &str = "packed";

/// The beginning of the name of a file that is being written.
const TEMPORARY: &str = ".packing-";

/// Nobody takes this long to write a file.
const LONG_AGO: Duration = Duration::from_secs(3600);

type Known = [u8; KNOWN_BYTES];

/// The files that the packed weights of one model may be in.
#[derive(Debug)]
pub(crate) struct PackedFiles {
    /// The one that is written if it can be is the first.
    paths: Vec<PathBuf>,
    model: blake3::Hash,
    set: InstructionSet,
}

impl PackedFiles {
    /// The file beside the model in `dir`, and another one in the folder `elsewhere`.
    pub(crate) fn new(
        dir: &Path,
        elsewhere: Option<&Path>,
        model: blake3::Hash,
        set: InstructionSet,
    ) -> Self {
        let mut paths = vec![dir.join(format!("model.{set}.{EXTENSION}"))];
        paths.extend(elsewhere.map(|folder| folder.join(name_elsewhere(dir, set))));
        Self { paths, model, set }
    }

    /// Reads the matrices from the first file that is sound.
    pub(crate) fn read(&self, stored: &StoredInt8) -> Option<Vec<Int8Panels>> {
        if !stored.fits_a_file() {
            return None;
        }
        let expected = self.known(stored);
        let read = |path: &PathBuf| read(path, &expected, stored).ok().flatten();
        self.paths.iter().find_map(read)
    }

    /// Writes the matrices to the first file that can be written. That none can is no error: they
    /// will be packed again. Where `cancel` says to stop before a file is whole, none is left.
    pub(crate) fn write(
        &self,
        stored: &StoredInt8,
        matrices: &[Int8Panels],
        cancel: &CancelToken,
    ) -> Result<(), Cancelled> {
        if !stored.fits_a_file() {
            return Ok(());
        }
        let known = self.known(stored);
        for path in &self.paths {
            cancel.check()?;
            if write(path, &known, matrices, cancel).is_ok() {
                return Ok(());
            }
        }
        // The last one may have ended early.
        cancel.check()
    }

    /// The first bytes of a file of this model.
    fn known(&self, stored: &StoredInt8) -> Known {
        // No file is empty, so 0 can say that the weights decide.
        let n_bytes = stored.n_bytes().unwrap_or(0);
        let mut known = [0; KNOWN_BYTES];
        let mut put = |at: usize, bytes: &[u8]| known[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &MAGIC);
        put(8, &LAYOUT_VERSION.to_le_bytes());
        put(12, &ARITHMETIC.to_le_bytes());
        put(16, self.set.name().as_bytes());
        put(32, &n_bytes.to_le_bytes());
        put(48, self.model.as_bytes());
        known
    }
}

/// A name that tells the models of a folder for all of them apart, and that stays when a model
/// changes, so that its file is replaced.
fn name_elsewhere(dir: &Path, set: InstructionSet) -> String {
    let whole = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    let place = blake3::hash(whole.as_os_str().as_encoded_bytes()).to_hex();
    let name = whole.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}-{}.{set}.{EXTENSION}", &place[..16])
}

/// Maps a file and finds the matrices in it, or tells that it is not the one that is expected.
fn read(path: &Path, expected: &Known, stored: &StoredInt8) -> io::Result<Option<Vec<Int8Panels>>> {
    // What is no file might never end, or never begin.
    if !fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let file = Arc::new(mapped::map(path)?);
    let Some((front, content)) = file.split_at_checked(FRONT_BYTES) else {
        return Ok(None);
    };
    let (known, digest) = front.split_at(KNOWN_BYTES);
    if known != expected || blake3::Hasher::new().update_rayon(content).finalize() != *digest {
        return Ok(None);
    }
    Ok(stored.find(&file, FRONT_BYTES))
}

/// Writes a file under a temporary name and puts it in place. It is not synced: a file that a
/// crash has left in parts has another digest.
fn write(
    path: &Path,
    known: &Known,
    matrices: &[Int8Panels],
    cancel: &CancelToken,
) -> io::Result<()> {
    let folder = path.parent().expect("a file in a folder");
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
    }
    remove_left_behind(folder);
    let mut file = temporary(folder)?;
    let mut hasher = blake3::Hasher::new();
    file.write_all(known)?;
    file.write_all(&[0; blake3::OUT_LEN])?;
    StoredInt8::write(matrices, |bytes| {
        // The temporary file is removed where this ends early.
        cancel.check().map_err(io::Error::other)?;
        hasher.update_rayon(bytes);
        file.write_all(bytes)
    })?;
    file.seek(SeekFrom::Start(KNOWN_BYTES as u64))?;
    file.write_all(hasher.finalize().as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// Removes what runs that were killed while they wrote have left in the folder: nobody writes for so
/// long. What cannot be removed stays.
fn remove_left_behind(folder: &Path) {
    let is_left_behind = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let age = entry.metadata().and_then(|metadata| metadata.modified());
        let age = age.ok().and_then(|changed| changed.elapsed().ok());
        name.starts_with(TEMPORARY)
            && name.ends_with(EXTENSION)
            && age.is_some_and(|age| age > LONG_AGO)
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(is_left_behind) {
        let _ = fs::remove_file(entry.path());
    }
}

/// Makes a file that nobody else writes, for everyone to read, as files usually are.
fn temporary(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    let suffix = format!(".{EXTENSION}");
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY).suffix(&suffix);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}
