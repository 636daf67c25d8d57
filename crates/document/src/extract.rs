//! Reads a file's bytes into documents.

use std::time::Duration;

use crate::clean::clean;
use crate::document::Document;
use crate::format::{Bytes, Format};
use crate::generated;
use crate::problem::Problem;
use crate::readers::Input;
use crate::text;

/// How files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExtractOptions {
    /// How long the reader of one file may take, for formats with a guarded reader such as PDF and
    /// HTML. 30 s by default: a manual of a thousand pages takes about 5 s on one slow core, and a
    /// parser that hangs takes forever.
    pub time_limit: Duration,
}

/// What a file was read into.
#[derive(Debug, Clone, PartialEq)]
pub enum Extraction {
    /// The file holds text.
    Read {
        /// Its documents: one, or one per record of a JSON Lines file, or none if the problems
        /// say why.
        documents: Vec<Document>,
        /// What was left out.
        problems: Vec<Problem>,
    },
    /// The file holds no text in any encoding; nothing is wrong with it.
    Binary,
}

/// Reads the file called `path`, relative to the indexed folder, from its bytes.
///
/// Whatever the format, characters that nobody sees are removed, encoded data and minified code are
/// replaced by a few words, and words that a hyphen breaks at the end of a line are put together; no
/// line gets another number by it. Lock files and source maps are not read.
///
/// Never fails as a whole: what cannot be used is among the problems. Apart from the time limit,
/// the outcome depends on the arguments only.
pub fn extract(path: &str, bytes: Vec<u8>, options: &ExtractOptions) -> Extraction {
    if let Some(reason) = generated::reason(path) {
        return Extraction::Read {
            documents: Vec::new(),
            problems: vec![Problem::of_file(path, reason)],
        };
    }
    let format = Format::of_file(path, &bytes);
    if format.bytes == Bytes::Text && text::is_binary(&bytes) {
        return Extraction::Binary;
    }
    let input = Input::new(path, bytes);
    let mut output = format.guard.run(format.reader, input, options.time_limit);
    output.problems.extend(clean(path, &mut output.documents));
    Extraction::Read {
        documents: output.documents,
        problems: output.problems,
    }
}

impl Default for ExtractOptions {
    fn default() -> Self {
        Self {
            time_limit: Duration::from_secs(30),
        }
    }
}

impl ExtractOptions {
    /// Sets how long the parser of one file may take.
    #[must_use]
    pub fn with_time_limit(mut self, time_limit: Duration) -> Self {
        self.time_limit = time_limit;
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::document::Lines;
    use crate::kind::DocumentKind;

    fn read(path: &str, bytes: &[u8]) -> (Vec<Document>, Vec<Problem>) {
        match extract(path, bytes.to_vec(), &ExtractOptions::default()) {
            Extraction::Read {
                documents,
                problems,
            } => (documents, problems),
            Extraction::Binary => panic!("{path} was taken for a binary file"),
        }
    }

    #[test]
    fn each_kind_has_its_reader() {
        for (path, bytes, kind, title) in [
            ("d/notes", &b"# x"[..], DocumentKind::Text, "notes"),
            ("d/a.md", b"# x", DocumentKind::Markdown, "x"),
            ("d/a.html", b"<h1>x</h1>", DocumentKind::Html, "x"),
            (
                "d/page",
                b"<!doctype html><h1>x</h1>",
                DocumentKind::Html,
                "x",
            ),
            ("d/a.rs", b"fn x() {}", DocumentKind::Code, "a.rs"),
            (
                "d/a.jsonl",
                b"{\"title\":\"x\",\"text\":\"\"}",
                DocumentKind::JsonLines,
                "x",
            ),
        ] {
            let (documents, problems) = read(path, bytes);
            assert_eq!(
                (documents[0].kind, documents[0].title.as_str()),
                (kind, title),
                "{path}"
            );
            assert_eq!(problems, [], "{path}");
        }
    }

    #[test]
    fn a_file_of_an_old_macintosh_has_lines() {
        let (documents, _) = read("a.jsonl", b"{\"text\":\"one\"}\r{\"text\":\"two\"}\r");
        let lines: Vec<_> = documents.iter().map(|document| document.lines).collect();
        assert_eq!(lines, [Lines::Single(1), Lines::Single(2)]);
        for path in ["a.txt", "a.md", "a.csv", "a.rs", "README"] {
            let (documents, _) = read(path, b"# One\r\rtwo\rthree\r");
            assert_eq!(documents[0].text, "# One\n\ntwo\nthree\n", "{path}");
        }
        assert_eq!(read("a.md", b"# One\r\rtwo\r").0[0].headings[0].range, 0..6);
    }

    #[test]
    fn what_programs_write_for_programs_is_left_out_and_named() {
        let lock = b"[[package]]\nname = \"a\"\n";
        let (documents, problems) = read("web/Cargo.lock", lock);
        assert_eq!(documents, []);
        assert_eq!(
            problems[0].to_string(),
            "web/Cargo.lock: is a lock file, written by a program, and not indexed"
        );
    }

    #[test]
    fn what_a_reader_finds_is_cleaned() {
        for (path, source, expected) in [
            ("a.html", "<p>sun&shy;light&#8203;</p>", "sunlight"),
            (
                "a.txt",
                "The magne\u{AD}\ntosphere is\n",
                "The magnetosphere\nis\n",
            ),
            ("a.rs", "// sun\u{200B}light\n", "// sunlight\n"),
            (
                "a.jsonl",
                r#"{"text": "sun\u00adlight wi\u2011fi"}"#,
                "sunlight wi-fi",
            ),
        ] {
            let (documents, problems) = read(path, source.as_bytes());
            assert_eq!(documents[0].text.trim_end(), expected.trim_end(), "{path}");
            assert_eq!(problems, []);
        }
    }

    #[test]
    fn a_broken_pdf_is_a_problem_of_its_file() {
        let (documents, problems) = read("a.pdf", b"%PDF-1.7\ngarbage");
        assert_eq!(documents, []);
        assert!(
            problems[0]
                .to_string()
                .starts_with("a.pdf: is not a readable PDF: ")
        );
    }

    #[test]
    fn binary_files_are_neither_documents_nor_problems() {
        let options = ExtractOptions::default();
        for path in ["a.txt", "a.html", "a.jsonl", "a"] {
            assert_eq!(
                extract(path, b"\x7fELF\0\x01\0".to_vec(), &options),
                Extraction::Binary
            );
        }
    }

    #[test]
    fn empty_files_are_empty_documents() {
        for path in ["a.txt", "a.html", "a.md", "a.c"] {
            for bytes in [&b""[..], b"\xEF\xBB\xBF", b"\xFF\xFE"] {
                let (documents, problems) = read(path, bytes);
                assert_eq!(
                    (documents[0].text.as_str(), problems.len()),
                    ("", 0),
                    "{path}"
                );
            }
        }
        assert_eq!(read("a.jsonl", b"\xEF\xBB\xBF"), (vec![], vec![]));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived_and_cut(
            name in prop_oneof![Just("a.md"), Just("a.html"), Just("a.jsonl"), Just("a.c"), Just("a")],
            text in "([#=\\-<>{}\"':a-c \n\r\t`*|&;/\\[\\]]|\\PC){0,200}",
        ) {
            let options = ExtractOptions::default();
            if let Extraction::Read { documents, .. } = extract(name, text.into_bytes(), &options) {
                for document in documents {
                    crate::chunk(&document, &[], &crate::ChunkOptions::default());
                }
            }
        }
    }
}
