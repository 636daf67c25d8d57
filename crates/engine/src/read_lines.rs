//! Reads lines of a document as the index sees them.

use std::fs::File;
use std::io::{self, Read};
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};

use reread_document::{Document, ExtractOptions, Extraction, Lines, extract};
use reread_index::IndexOptions;

use crate::spelled::spelled;
use crate::{Error, Result};

/// Larger files are not read, unless the options say so: what an index takes in by default.
const MAX_BYTES: u64 = 64 << 20;

/// Returns lines, from 1, of the document at `path` in the folder `root`; `None` is all of it.
///
/// The lines are those that results name: of HTML and PDF the extracted text's, of JSON Lines the
/// file's, each as its record's text. Lines after the last are left out. Reads the file, not the
/// index.
///
/// # Errors
/// `Outside` for a path that leads out of `root`, by `..` or, unless the options follow them, by a symbolic
/// link;
/// `Unreadable`; `NoSuchLines` when the document ends before the first line.
pub fn read_lines(
    root: &Path,
    path: &Path,
    lines: Option<RangeInclusive<u32>>,
    options: &IndexOptions,
) -> Result<String> {
    let (full, name) = inside(root, path, options.links == Some(true))?;
    let unreadable = |problem: String| Error::Unreadable {
        path: path.to_owned(),
        problem,
    };
    let bytes = read(&full, options.max_file_bytes.unwrap_or(MAX_BYTES)).map_err(&unreadable)?;
    let extract_options = ExtractOptions::default().with_time_limit(options.pdf_timeout);
    let documents = match extract(&name, bytes, &extract_options) {
        Extraction::Binary => return Err(unreadable("it holds no text".to_owned())),
        Extraction::Read {
            documents,
            problems,
        } => {
            if let (true, Some(problem)) = (documents.is_empty(), problems.first()) {
                return Err(unreadable(format!("it {}", problem.reason)));
            }
            documents
        }
    };
    let lines = lines.unwrap_or(1..=u32::MAX);
    let (text, last) = select(&documents, &lines);
    if last < *lines.start() && (last > 0 || *lines.start() > 1) {
        return Err(Error::NoSuchLines {
            path: path.to_owned(),
            first: *lines.start(),
            last,
        });
    }
    Ok(text)
}

/// The file's real path, and its name relative to the folder. With `links`, those in the folder may lead
/// out of it.
fn inside(root: &Path, path: &Path, links: bool) -> Result<(PathBuf, String)> {
    let outside = || Error::Outside {
        path: path.to_owned(),
        root: root.to_owned(),
    };
    // What is outside by its name is refused before anything is said of whether it exists.
    if path.is_relative() && leads_up(path) {
        return Err(outside());
    }
    let unreadable = |at: &Path, error: io::Error| Error::Unreadable {
        path: at.to_owned(),
        problem: error.to_string(),
    };
    let real_root = root
        .canonicalize()
        .map_err(|error| unreadable(root, error))?;
    if path.is_absolute() && !path.starts_with(root) && !path.starts_with(&real_root) {
        return Err(outside());
    }
    let full = root
        .join(spelled(root, path))
        .canonicalize()
        .map_err(|error| unreadable(path, error))?;
    // What is inside by its name is not outside, for who follows links.
    let by_name = || {
        path.strip_prefix(root)
            .or_else(|_| path.strip_prefix(&real_root))
    };
    let relative = match full.strip_prefix(&real_root) {
        Ok(relative) => relative,
        Err(_) if links && !goes_up(path) => by_name().unwrap_or(path),
        Err(_) => return Err(outside()),
    };
    let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
    let name = parts.join("/");
    Ok((full, name))
}

fn goes_up(path: &Path) -> bool {
    path.components().any(|part| part == Component::ParentDir)
}

fn leads_up(path: &Path) -> bool {
    let mut depth = 0i32;
    for part in path.components() {
        match part {
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            _ => (),
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>, String> {
    let metadata = path.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| {
            file.take(max_bytes.saturating_add(1))
                .read_to_end(&mut bytes)
        })
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > max_bytes {
        return Err(format!(
            "it is larger than {max_bytes} bytes, the limit for a file"
        ));
    }
    Ok(bytes)
}

/// The lines that are asked for, each with a line end, and the number of the last line there is.
fn select(documents: &[Document], lines: &RangeInclusive<u32>) -> (String, u32) {
    let mut text = String::new();
    let mut last = 0;
    for document in documents {
        match document.lines {
            Lines::Single(line) => {
                last = last.max(line);
                if lines.contains(&line) {
                    push_line(&mut text, &document.text);
                }
            }
            Lines::OfText => {
                for (line, number) in document.text.lines().zip(1u32..) {
                    last = number;
                    if lines.contains(&number) {
                        push_line(&mut text, line);
                    }
                }
            }
        }
    }
    (text, last)
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("notes")).unwrap();
        std::fs::write(folder.path().join("notes/a.md"), "# One\ntwo\nthree\n").unwrap();
        std::fs::write(folder.path().join("page.html"), "<p>first</p><p>second</p>").unwrap();
        let records = "{\"_id\":\"x\",\"text\":\"ten\"}\n{\"_id\":\"y\",\"text\":\"eleven\"}\n";
        std::fs::write(folder.path().join("corpus.jsonl"), records).unwrap();
        folder
    }

    fn lines(
        folder: &Path,
        path: impl AsRef<Path>,
        lines: Option<RangeInclusive<u32>>,
    ) -> Result<String> {
        read_lines(folder, path.as_ref(), lines, &IndexOptions::default())
    }

    #[test]
    fn lines_are_counted_from_one_and_cut_at_the_end() {
        let folder = folder();
        let root = folder.path();
        assert_eq!(
            lines(root, "notes/a.md", Some(2..=3)).unwrap(),
            "two\nthree\n"
        );
        assert_eq!(lines(root, "notes/a.md", Some(3..=9)).unwrap(), "three\n");
        assert_eq!(
            lines(root, "notes/a.md", None).unwrap(),
            "# One\ntwo\nthree\n"
        );
        assert_eq!(
            lines(root, root.join("notes/a.md"), Some(2..=2)).unwrap(),
            "two\n"
        );
        let error = lines(root, "notes/a.md", Some(4..=9)).unwrap_err();
        assert!(
            matches!(
                error,
                Error::NoSuchLines {
                    first: 4,
                    last: 3,
                    ..
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn names_are_read_in_either_spelling() {
        let folder = folder();
        std::fs::write(folder.path().join("cafe\u{301}.md"), "open\n").unwrap();
        for name in ["caf\u{e9}.md", "cafe\u{301}.md"] {
            assert_eq!(lines(folder.path(), name, None).unwrap(), "open\n");
        }
    }

    #[test]
    fn markup_is_gone_and_a_record_is_its_text() {
        let folder = folder();
        let shown = lines(folder.path(), "page.html", None).unwrap();
        assert!(shown.contains("first") && !shown.contains('<'), "{shown}");
        assert_eq!(
            lines(folder.path(), "corpus.jsonl", Some(2..=2)).unwrap(),
            "eleven\n"
        );
    }

    #[test]
    fn nothing_outside_the_folder_is_read() {
        let folder = folder();
        let root = folder.path().join("notes");
        let outside = folder.path().join("page.html");
        let mut paths = vec![
            PathBuf::from("../page.html"),
            outside.clone(),
            PathBuf::from("../nowhere"),
        ];
        paths.push("x/../../page.html".into());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&outside, root.join("link.html")).unwrap();
            paths.push("link.html".into());
        }
        for path in paths {
            let error = lines(&root, &path, None).unwrap_err();
            assert!(
                matches!(error, Error::Outside { .. }),
                "{}: {error}",
                path.display()
            );
            let options = IndexOptions::default().with_links(true);
            let followed = read_lines(&root, &path, None, &options);
            assert_eq!(
                followed.is_ok(),
                path.ends_with("link.html"),
                "{}",
                path.display()
            );
        }
    }

    #[test]
    fn what_is_no_text_file_is_refused_by_name() {
        let folder = folder();
        std::fs::write(folder.path().join("image.png"), b"\x89PNG\0\0\0\0\x01\x02").unwrap();
        for path in ["notes", "image.png", "missing.md"] {
            let error = lines(folder.path(), path, None).unwrap_err();
            assert!(matches!(error, Error::Unreadable { .. }), "{error}");
            assert!(error.to_string().contains(path), "{error}");
        }
    }
}
