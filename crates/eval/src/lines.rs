//! Lines of judgements, queries and runs, plain or packed with gzip.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::{Error, Result};

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A longer line is none of judgements, queries or runs; reading stops before memory is full.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// The lines of a file that are not blank, with their numbers from 1.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    number: u64,
}

/// A line and where it stands.
pub(super) struct Line<'a> {
    pub(super) path: &'a Path,
    pub(super) number: u64,
    pub(super) text: &'a str,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let failed = |source| cannot_read(path, source);
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        // The name may say what it likes: a download is often unpacked, or packed, by the way.
        let packed = file.fill_buf().map_err(failed)?.starts_with(&GZIP);
        let reader: Box<dyn BufRead> = if packed {
            Box::new(BufReader::new(MultiGzDecoder::new(file)))
        } else {
            Box::new(file)
        };
        Ok(Self {
            path: path.to_owned(),
            reader,
            number: 0,
        })
    }

    /// Calls `read` with each line, until it fails.
    pub(super) fn for_each(mut self, mut read: impl FnMut(&Line<'_>) -> Result<()>) -> Result<()> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let mut limited = self.reader.by_ref().take(MAX_LINE_BYTES);
            let n_bytes = limited
                .read_until(b'\n', &mut bytes)
                .map_err(|source| cannot_read(&self.path, source))?;
            if n_bytes == 0 {
                return Ok(());
            }
            self.number += 1;
            let text = str::from_utf8(&bytes).map_err(|_| self.no_text("UTF-8 text"))?;
            if n_bytes as u64 == MAX_LINE_BYTES {
                return Err(self.no_text("a line of less than 16 MiB"));
            }
            let text = text.trim_end_matches(['\n', '\r']);
            let text = if self.number == 1 {
                text.trim_start_matches('\u{feff}')
            } else {
                text
            };
            if text.trim().is_empty() {
                continue;
            }
            read(&Line {
                path: &self.path,
                number: self.number,
                text,
            })?;
        }
    }

    fn no_text(&self, expected: &'static str) -> Error {
        Error::BadLine {
            path: self.path.clone(),
            line: self.number,
            expected,
            found: "something else".to_owned(),
        }
    }
}

impl Line<'_> {
    /// The error for a line that is not what it should be. Only its beginning is shown.
    pub(super) fn bad(&self, expected: &'static str) -> Error {
        const SHOWN: usize = 80;
        let mut found: String = self.text.chars().take(SHOWN).collect();
        if found.len() < self.text.len() {
            found.push('…');
        }
        Error::BadLine {
            path: self.path.to_owned(),
            line: self.number,
            expected,
            found: format!("{found:?}"),
        }
    }

    /// The error for a line that says again what an earlier one has said.
    pub(super) fn repeated(&self, what: String, first: u64) -> Error {
        Error::RepeatedLine {
            path: self.path.to_owned(),
            line: self.number,
            first,
            what,
        }
    }
}

pub(super) fn cannot_read(path: &Path, source: io::Error) -> Error {
    Error::CannotRead {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(u64, String)>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        let mut lines = Vec::new();
        Lines::open(&path)?.for_each(|line| {
            lines.push((line.number, line.text.to_owned()));
            Ok(())
        })?;
        Ok(lines)
    }

    #[test]
    fn blank_lines_are_counted_and_left_out() {
        let lines = read(b"\xef\xbb\xbfa\r\n\n  \nb").unwrap();
        assert_eq!(lines, [(1, "a".to_owned()), (4, "b".to_owned())]);
    }

    #[test]
    fn gzip_is_known_by_its_first_bytes_and_may_have_several_members() {
        let mut packed = Vec::new();
        for text in ["a\n", "b\n"] {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(text.as_bytes()).unwrap();
            packed.extend(encoder.finish().unwrap());
        }
        assert_eq!(read(&packed).unwrap().len(), 2);
        let cut = read(&packed[..packed.len() - 12]).unwrap_err();
        assert!(matches!(cut, Error::CannotRead { .. }), "{cut}");
    }

    #[test]
    fn bytes_that_are_no_text_are_named_by_line() {
        let error = read(b"a\n\xff\n").unwrap_err();
        assert!(matches!(error, Error::BadLine { line: 2, .. }), "{error}");
    }
}
