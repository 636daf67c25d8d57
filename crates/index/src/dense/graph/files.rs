//! The files of a graph: their list, their checksums and what stands beside the graph itself.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// A file of a graph, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphFile {
    /// Its name within the graph's folder.
    pub name: String,
    /// Its length.
    pub len_bytes: u64,
    /// The blake3 hash of its content.
    pub checksum: [u8; 32],
}

/// What is kept beside the graph.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Aside {
    /// `(row in the graph, row equal to it)`, ascending.
    pub(super) equal: Vec<(u32, u32)>,
    /// Rows that the graph does not find, ascending.
    pub(super) lost: Vec<u32>,
}

impl Aside {
    /// Returns magic, then u32 values, all little-endian: version, host, `dim`, `n`, the number of
    /// pairs, the number of lost rows, the pairs, the lost rows. The caller's list of files holds
    /// the length and the checksum.
    pub(super) fn encode(&self, n: usize, dim: usize) -> Vec<u8> {
        let Aside { equal, lost } = self;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(HOST.to_le_bytes());
        bytes.extend((dim as u32).to_le_bytes());
        for count in [n, equal.len(), lost.len()] {
            bytes.extend((count as u32).to_le_bytes());
        }
        for (kept, left_out) in equal {
            bytes.extend(kept.to_le_bytes());
            bytes.extend(left_out.to_le_bytes());
        }
        for pos in lost {
            bytes.extend(pos.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Aside::encode`] writes. `path` names the file in errors.
    pub(super) fn decode(path: &Path, bytes: &[u8], n: usize, dim: usize) -> Result<Aside> {
        let payload = bytes
            .strip_prefix(&MAGIC)
            .ok_or_else(|| damaged(path, 0, "it does not start like a file of a graph"))?;
        let (words, rest) = payload.as_chunks::<4>();
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let [
            version,
            host,
            found_dim,
            found_n,
            n_equal,
            n_lost,
            positions @ ..,
        ] = &words[..]
        else {
            return Err(damaged(
                path,
                bytes.len() as u64,
                "it ends within its header",
            ));
        };
        if *version != VERSION {
            let (found, supported) = (*version, VERSION);
            return Err(Error::UnsupportedVersion {
                path: path.to_owned(),
                found,
                supported,
            });
        }
        if *host != HOST {
            return Err(damaged(
                path,
                12,
                "it was written on another kind of machine",
            ));
        }
        if (*found_dim as usize, *found_n as usize) != (dim, n) {
            return Err(damaged(path, 16, "it was built from other rows"));
        }
        let n_positions = u64::from(*n_equal) * 2 + u64::from(*n_lost);
        if positions.len() as u64 != n_positions || !rest.is_empty() {
            return Err(damaged(path, 24, "its counts do not match its length"));
        }
        let known = positions.iter().all(|pos| (*pos as usize) < n);
        if !known || (*n_equal as usize) > n.saturating_sub(1) {
            return Err(damaged(path, 32, "it names rows that do not exist"));
        }
        let (pairs, lost) = positions.split_at(*n_equal as usize * 2);
        let equal: Vec<(u32, u32)> = pairs
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[a, b]| (*a, *b))
            .collect();
        if !equal.is_sorted() || !lost.is_sorted() {
            return Err(damaged(path, 32, "its rows are out of order"));
        }
        Ok(Aside {
            equal,
            lost: lost.to_vec(),
        })
    }
}

/// Syncs a file that has been written, and says what it holds.
pub(super) fn sync_and_sum(folder: &Path, name: &str) -> Result<GraphFile> {
    let path = folder.join(name);
    let summed = File::options()
        .read(true)
        .write(true)
        .open(&path)
        .and_then(|file| {
            file.sync_all()?;
            checksum(&file)
        });
    let (len_bytes, checksum) = summed.map_err(io_error("write", &path))?;
    Ok(GraphFile {
        name: name.to_owned(),
        len_bytes,
        checksum,
    })
}

/// Checks that a file is as it was written.
pub(super) fn verify(folder: &Path, expected: &GraphFile) -> Result<()> {
    let path = folder.join(&expected.name);
    let file = File::open(&path).map_err(io_error("read", &path))?;
    let len_bytes = file.metadata().map_err(io_error("read", &path))?.len();
    if len_bytes != expected.len_bytes {
        let problem = format!("it has {len_bytes} bytes, not {}", expected.len_bytes);
        return Err(damaged(&path, len_bytes.min(expected.len_bytes), &problem));
    }
    let (_, checksum) = checksum(&file).map_err(io_error("read", &path))?;
    if checksum != expected.checksum {
        return Err(damaged(&path, 0, "the checksum does not match"));
    }
    Ok(())
}

pub(super) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path: PathBuf = path.to_owned();
    move |source| Error::Io {
        action,
        path,
        source,
    }
}

pub(super) fn damaged(path: &Path, offset: u64, problem: &str) -> Error {
    Error::Damaged {
        path: path.to_owned(),
        offset,
        problem: problem.to_owned(),
    }
}

const MAGIC: [u8; 8] = *b"\x89RRgrf\r\n";
const VERSION: u32 = 1;

/// `hnsw_rs` writes numbers as they lie in memory: the byte order and the width of `usize`.
const HOST: u32 = if cfg!(target_endian = "little") {
    0
} else {
    1 << 16
} | usize::BITS;

fn checksum(mut file: &File) -> io::Result<(u64, [u8; 32])> {
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((hasher.count(), hasher.finalize().into())),
            n => hasher.update(&buffer[..n]),
        };
    }
}
