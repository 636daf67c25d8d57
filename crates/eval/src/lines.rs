//! Lines of judgements, queries and runs, plain or packed with gzip.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::{Error, Result};

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A longer line is none of judgements, queries or runs; reading stops before memory is full.
const MAX_LINE_BYTES: u64 = 16 << 20;

/// The lines of a file that are not blank, with their numbers from 1. They end with a line feed, a
/// carriage return, or both.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead>,
    number: u64,
    bytes: Vec<u8>,
    /// Whether a line feed that comes next belongs to the line before.
    after_return: bool,
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
        let file = File::open(path).map_err(failed)?;
        Self::of(path, Box::new(BufReader::new(file)))
    }

    /// The lines of what is read from `reader`; errors call it `name`.
    pub(super) fn of(name: &Path, mut reader: Box<dyn BufRead>) -> Result<Self> {
        // The name may say what it likes: a download is often unpacked, or packed, by the way.
        let begin = reader.fill_buf();
        let packed = begin
            .map_err(|source| cannot_read(name, source))?
            .starts_with(&GZIP);
        if packed {
            reader = Box::new(BufReader::new(MultiGzDecoder::new(reader)));
        }
        Ok(Self {
            path: name.to_owned(),
            reader,
            number: 0,
            bytes: Vec::new(),
            after_return: false,
        })
    }

    /// Calls `read` with each line, until it fails.
    pub(super) fn for_each(mut self, mut read: impl FnMut(&Line<'_>) -> Result<()>) -> Result<()> {
        while let Some(line) = self.next_line() {
            read(&line?)?;
        }
        Ok(())
    }

    /// The next line that is not blank; `None` at the end. After `BadLine` the lines behind it can
    /// still be read.
    pub(super) fn next_line(&mut self) -> Option<Result<Line<'_>>> {
        loop {
            self.bytes.clear();
            match self.read_line() {
                Ok(0) => return None,
                Ok(_) => self.number += 1,
                Err(source) => return Some(Err(cannot_read(&self.path, source))),
            }
            let blank = |byte: &u8| byte.is_ascii_whitespace();
            if !self.bytes.iter().all(blank) {
                break;
            }
        }
        if self.bytes.len() as u64 > MAX_LINE_BYTES {
            return Some(Err(self.no_text("a line of less than 16 MiB")));
        }
        let Ok(text) = str::from_utf8(&self.bytes) else {
            return Some(Err(self.no_text("UTF-8 text")));
        };
        let text = text.trim_end_matches(['\n', '\r']);
        let text = if self.number == 1 {
            text.trim_start_matches('\u{feff}')
        } else {
            text
        };
        Some(Ok(Line {
            path: &self.path,
            number: self.number,
            text,
        }))
    }

    /// Reads a line with its end. Returns how many bytes it has in the file, of which no more than
    /// are needed to know it as too long are kept.
    ///
    /// Where a carriage return ends it, the next byte is not waited for: who asks one question at a
    /// time has not written it yet.
    fn read_line(&mut self) -> io::Result<usize> {
        let mut n_bytes = 0;
        loop {
            let buffer = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                buffer => buffer?,
            };
            if std::mem::take(&mut self.after_return) && buffer.first() == Some(&b'\n') {
                self.reader.consume(1);
                continue;
            }
            let end = buffer
                .iter()
                .position(|&byte| matches!(byte, b'\n' | b'\r'));
            let taken = &buffer[..end.map_or(buffer.len(), |end| end + 1)];
            let room = (MAX_LINE_BYTES as usize + 1).saturating_sub(self.bytes.len());
            self.bytes
                .extend_from_slice(&taken[..taken.len().min(room)]);
            self.after_return = taken.last() == Some(&b'\r');
            let n_taken = taken.len();
            n_bytes += n_taken;
            self.reader.consume(n_taken);
            if end.is_some() || n_taken == 0 {
                return Ok(n_bytes);
            }
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
    fn a_line_ends_with_a_line_feed_a_carriage_return_or_both() {
        let expected = [
            (1, "a".to_owned()),
            (2, "b".to_owned()),
            (4, "c".to_owned()),
        ];
        for text in [
            "a\rb\r\rc",
            "a\nb\n\nc\n",
            "a\r\nb\r\n\r\nc\r",
            "a\rb\n\nc\r\n",
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_follows_a_bad_line_is_still_read() {
        let mut bytes = b"a\n\xff\n".to_vec();
        bytes.resize(bytes.len() + MAX_LINE_BYTES as usize + 1, b'x');
        bytes.extend(b"\nb\n");
        let mut lines = Lines::of(Path::new("f"), Box::new(io::Cursor::new(bytes))).unwrap();
        let mut found = Vec::new();
        while let Some(line) = lines.next_line() {
            found.push(
                line.map(|line| line.number)
                    .map_err(|error| error.to_string()),
            );
        }
        assert_eq!(found.len(), 4);
        assert_eq!((&found[0], &found[3]), (&Ok(1), &Ok(4)));
        assert!(
            found[1]
                .as_ref()
                .unwrap_err()
                .contains("f:2: expected UTF-8")
        );
        assert!(
            found[2]
                .as_ref()
                .unwrap_err()
                .contains("f:3: expected a line of less")
        );
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
