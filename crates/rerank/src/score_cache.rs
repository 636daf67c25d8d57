//! Scores that the cross-encoder has given before, so that measuring again costs nothing.
//!
//! ```text
//! scores.cache, any number of records of 32 bytes, little-endian:
//! 0        16          20          24        32
//! | key    | logit f32 | time u32  | check   |
//! ```
//!
//! The key is a digest of everything that decides the logit: the scorer's fingerprint, the query and
//! the passage's text. So nothing in it is ever out of date, and the file may be deleted at any time.
//! The time, in microseconds, is what the pair cost when it was scored. The check is a digest of the
//! bytes before it; a record that it does not agree with is passed over.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The file's name in its folder.
const FILE: &str = "scores.cache";

const RECORD_BYTES: usize = 32;

/// The most pairs that are kept: 32 MiB. Beyond it the older half goes when the file is next opened.
const MAX_PAIRS: usize = 1 << 20;

type Key = [u8; 16];

/// What a pair got when it was scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Known {
    pub(crate) logit: f32,
    /// Its share of the time that the call took.
    pub(crate) time: Duration,
}

/// The scores that are known, and the file that new ones are appended to.
#[derive(Debug)]
pub struct ScoreCache {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    known: HashMap<Key, Known>,
    /// The file, or why new scores do not reach it.
    file: io::Result<File>,
}

impl ScoreCache {
    /// The name of the file in its folder.
    pub const FILE_NAME: &str = FILE;

    /// Reads the file, if it is there, and makes it shorter if it has grown too long. What cannot be
    /// read is not known; where nothing can be written, scores are kept in memory.
    pub fn open(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let mut known = HashMap::new();
        let file = read_file(&path, &mut known);
        let inner = Mutex::new(Inner { known, file });
        Self { path, inner }
    }

    /// The file. It may be deleted at any time.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why new scores are not written to the file, if they are not.
    pub fn problem(&self) -> Option<String> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.file.as_ref().err().map(io::Error::to_string)
    }

    /// What is known of each passage.
    pub(crate) fn look_up(
        &self,
        fingerprint: &str,
        query: &str,
        passages: &[&str],
    ) -> Vec<Option<Known>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |passage: &&str| inner.known.get(&key(fingerprint, query, passage)).copied();
        passages.iter().map(of).collect()
    }

    /// Keeps the logits of passages that took `time` together.
    pub(crate) fn keep(
        &self,
        fingerprint: &str,
        query: &str,
        scored: &[(&str, f32)],
        time: Duration,
    ) {
        let time = time / u32::try_from(scored.len()).unwrap_or(u32::MAX).max(1);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = Vec::with_capacity(scored.len() * RECORD_BYTES);
        for &(passage, logit) in scored {
            if inner.known.len() >= MAX_PAIRS {
                break;
            }
            let (key, known) = (key(fingerprint, query, passage), Known { logit, time });
            inner.known.insert(key, known);
            bytes.extend_from_slice(&encode(key, known));
        }
        // One write, so that the records of two processes do not mix.
        if let Ok(file) = &mut inner.file
            && let Err(error) = file.write_all(&bytes)
        {
            inner.file = Err(error);
        }
    }
}

/// Takes in what the file holds, and opens it to append to it.
fn read_file(path: &Path, known: &mut HashMap<Key, Known>) -> io::Result<File> {
    let mut bytes = Vec::new();
    match std::fs::metadata(path) {
        // A pipe of this name would keep us waiting, and no more is read than can be kept.
        Ok(metadata) if metadata.is_file() => {
            let most = 2 * MAX_PAIRS * RECORD_BYTES;
            File::open(path)?
                .take(most as u64)
                .read_to_end(&mut bytes)?;
        }
        Ok(_) => return Err(io::Error::other("it is not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (),
        Err(error) => return Err(error),
    }
    let records = bytes.chunks_exact(RECORD_BYTES);
    let sound: Vec<&[u8]> = records.filter(|record| decode(record).is_some()).collect();
    let mut kept = &sound[..];
    if kept.len() >= MAX_PAIRS {
        kept = &kept[kept.len() - MAX_PAIRS / 2..];
    }
    known.extend(kept.iter().filter_map(|record| decode(record)));
    // A process that was killed while it wrote leaves half a record, behind which none is found.
    if kept.len() * RECORD_BYTES != bytes.len() {
        replace(path, kept)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

fn key(fingerprint: &str, query: &str, passage: &str) -> Key {
    let mut digest = blake3::Hasher::new_derive_key("reread score cache 1");
    for part in [fingerprint, query, passage] {
        digest.update(&(part.len() as u64).to_le_bytes());
        digest.update(part.as_bytes());
    }
    first_bytes(&digest)
}

fn first_bytes<const N: usize>(digest: &blake3::Hasher) -> [u8; N] {
    let mut bytes = [0; N];
    digest.finalize_xof().fill(&mut bytes);
    bytes
}

fn check(record: &[u8]) -> [u8; 8] {
    let mut digest = blake3::Hasher::new_derive_key("reread score cache 1, check");
    digest.update(record);
    first_bytes(&digest)
}

fn encode(key: Key, known: Known) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    let micros = u32::try_from(known.time.as_micros()).unwrap_or(u32::MAX);
    record[..16].copy_from_slice(&key);
    record[16..20].copy_from_slice(&known.logit.to_le_bytes());
    record[20..24].copy_from_slice(&micros.to_le_bytes());
    let check = check(&record[..24]);
    record[24..].copy_from_slice(&check);
    record
}

fn decode(record: &[u8]) -> Option<(Key, Known)> {
    let (body, found) = record.split_at_checked(24)?;
    if check(body) != found {
        return None;
    }
    let key = body.first_chunk::<16>()?;
    let logit = f32::from_le_bytes(*body[16..].first_chunk()?);
    let micros = u32::from_le_bytes(*body[20..].first_chunk()?);
    let time = Duration::from_micros(micros.into());
    logit.is_finite().then_some((*key, Known { logit, time }))
}

/// Writes the records again beside the file, and puts them in its place.
fn replace(path: &Path, records: &[&[u8]]) -> io::Result<()> {
    let temporary = path.with_extension("cache.new");
    std::fs::write(&temporary, records.concat())?;
    std::fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_micros(30);

    fn logits(cache: &ScoreCache, passages: &[&str]) -> Vec<Option<f32>> {
        let known = cache.look_up("model", "question", passages);
        known
            .into_iter()
            .map(|known| known.map(|known| known.logit))
            .collect()
    }

    fn filled(folder: &Path) -> ScoreCache {
        let cache = ScoreCache::open(folder);
        let scored = [("a", 1.5), ("b", -2.0), ("c", 0.0)];
        cache.keep("model", "question", &scored, 3 * TIME);
        cache
    }

    #[test]
    fn scores_are_known_again_after_opening() {
        let folder = tempfile::tempdir().unwrap();
        let expected = [Some(1.5), None, Some(-2.0)];
        let cache = filled(folder.path());
        assert_eq!(logits(&cache, &["a", "x", "b"]), expected);
        drop(cache);
        let cache = ScoreCache::open(folder.path());
        assert_eq!(logits(&cache, &["a", "x", "b"]), expected);
        let known = cache.look_up("model", "question", &["a"])[0].unwrap();
        assert_eq!(known.time, TIME);
    }

    #[test]
    fn another_model_question_or_split_of_the_two_is_another_pair() {
        let folder = tempfile::tempdir().unwrap();
        let cache = filled(folder.path());
        assert_eq!(cache.look_up("other", "question", &["a"]), [None]);
        assert_eq!(cache.look_up("model", "questio", &["na"]), [None]);
        assert_eq!(cache.look_up("modelq", "uestion", &["a"]), [None]);
    }

    #[test]
    fn damage_loses_the_record_it_is_in_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        drop(filled(folder.path()));
        let path = folder.path().join(FILE);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            std::fs::write(&path, &damaged).unwrap();
            let cache = ScoreCache::open(folder.path());
            let mut expected = [Some(1.5), Some(-2.0), Some(0.0)];
            expected[at / RECORD_BYTES] = None;
            assert_eq!(logits(&cache, &["a", "b", "c"]), expected, "byte {at}");
        }
        for len in 0..whole.len() {
            std::fs::write(&path, &whole[..len]).unwrap();
            let cache = ScoreCache::open(folder.path());
            let known = logits(&cache, &["a", "b", "c"]);
            let n_known = known.iter().flatten().count();
            assert_eq!(n_known, len / RECORD_BYTES, "cut at {len}");
            // What is appended after a cut is found again.
            cache.keep("model", "question", &[("d", 4.0)], TIME);
            let cache = ScoreCache::open(folder.path());
            assert_eq!(logits(&cache, &["d"]), [Some(4.0)]);
        }
    }

    #[test]
    fn where_nothing_can_be_written_scores_are_kept_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(FILE)).unwrap();
        let cache = filled(folder.path());
        assert_eq!(logits(&cache, &["a"]), [Some(1.5)]);
        assert!(cache.problem().is_some());
        assert!(filled(&folder.path().join("nowhere")).problem().is_some());
    }

    #[test]
    fn a_file_that_has_grown_too_long_keeps_its_newer_half() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let record = |number: usize| {
            let logit = number as f32;
            let key = key("model", "question", &number.to_string());
            encode(key, Known { logit, time: TIME })
        };
        let bytes: Vec<u8> = (0..MAX_PAIRS).flat_map(record).collect();
        std::fs::write(&path, bytes).unwrap();
        let cache = ScoreCache::open(folder.path());
        let last = (MAX_PAIRS - 1).to_string();
        assert_eq!(
            logits(&cache, &["0", &last]),
            [None, Some((MAX_PAIRS - 1) as f32)]
        );
        let len = std::fs::metadata(&path).unwrap().len();
        assert_eq!(len, (MAX_PAIRS / 2 * RECORD_BYTES) as u64);
    }
}
