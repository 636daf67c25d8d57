//! Why nothing in a folder can be searched, and what to do about it.

use std::collections::BTreeMap;
use std::path::Path;

use reread_engine::{PassedOver, Snapshot};

use super::{clean, counted};

/// How many types of files are named.
const MAX_TYPES: usize = 5;

/// What a folder holds in place of documents.
#[derive(Debug, Default)]
pub(crate) struct Emptiness {
    /// What was passed over without a look.
    pub(crate) passed_over: PassedOver,
    /// Files of types that are not read, by their ending.
    pub(crate) unread: BTreeMap<String, usize>,
    /// Files without a word.
    pub(crate) n_empty: usize,
    /// Files that could not be read.
    pub(crate) n_failed: usize,
}

impl Emptiness {
    /// What an index without a passage says of its files, and what it passes over.
    pub(crate) fn of(snapshot: &Snapshot, passed_over: PassedOver) -> Self {
        let mut found = Self {
            passed_over,
            ..Self::default()
        };
        for source in snapshot.sources() {
            if source.failure.is_some() {
                found.n_failed += 1;
            } else if source.is_binary {
                *found.unread.entry(ending(&source.path)).or_default() += 1;
            } else {
                found.n_empty += 1;
            }
        }
        found
    }

    /// The reasons, a line each after the first.
    pub(crate) fn lines(&self, folder: &Path) -> Vec<String> {
        let folder = clean(&folder.display().to_string());
        let reasons = self.reasons();
        if reasons.is_empty() {
            return vec![format!("there is no file in {folder}")];
        }
        let mut lines = vec![format!("nothing in {folder} can be searched:")];
        lines.extend(reasons.into_iter().map(|reason| format!("  {reason}")));
        lines
    }

    fn reasons(&self) -> Vec<String> {
        let passed = &self.passed_over;
        let n_unread = self.unread.values().sum();
        let reason = |count: usize, noun: &str, one: &str, more: &str| {
            let verb = if count == 1 { one } else { more };
            (count > 0).then(|| format!("{} {verb}", counted(count, noun)))
        };
        let same = |count, noun, verb| reason(count, noun, verb, verb);
        let reasons = [
            reason(
                passed.ignored,
                "file",
                "is named by a .gitignore, .ignore or .rereadignore; --no-ignore includes it",
                "are named by a .gitignore, .ignore or .rereadignore; --no-ignore includes them",
            ),
            reason(
                passed.links,
                "symbolic link",
                "is not followed; --follow follows it",
                "are not followed; --follow follows them",
            ),
            reason(
                passed.hidden,
                "hidden file",
                "is left out; --hidden includes it",
                "are left out; --hidden includes them",
            ),
            reason(
                passed.too_large,
                "file",
                "is larger than the limit; --max-file-size raises it",
                "are larger than the limit; --max-file-size raises it",
            ),
            reason(
                n_unread,
                "file",
                "is of a type that is not read",
                "are of types that are not read",
            )
            .map(|said| {
                format!(
                    "{said} ({}); save them as PDF, HTML, Markdown or plain text",
                    self.types()
                )
            }),
            reason(
                self.n_empty,
                "file",
                "has no text in it",
                "have no text in them",
            ),
            same(
                self.n_failed.max(passed.unreadable),
                "file",
                "cannot be read; `reread index --rebuild` says why",
            ),
            reason(
                passed.special,
                "pipe, socket or device",
                "is left out",
                "are left out",
            ),
        ];
        reasons.into_iter().flatten().collect()
    }

    /// `3 .png, 2 .docx`, the most frequent first.
    fn types(&self) -> String {
        let mut types: Vec<(&String, &usize)> = self.unread.iter().collect();
        types.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let mut shown: Vec<String> = types
            .iter()
            .take(MAX_TYPES)
            .map(|(ending, count)| format!("{count} {}", clean(ending)))
            .collect();
        if types.len() > MAX_TYPES {
            shown.push("…".to_owned());
        }
        shown.join(", ")
    }
}

/// The ending of a file's name, in lower case.
fn ending(path: &str) -> String {
    let ending = Path::new(path)
        .extension()
        .and_then(|ending| ending.to_str());
    match ending.filter(|ending| ending.len() <= 12) {
        Some(ending) => format!(".{}", ending.to_lowercase()),
        None => "without an ending".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(change: impl FnOnce(&mut Emptiness)) -> Vec<String> {
        let mut found = Emptiness::default();
        change(&mut found);
        found.lines(Path::new("docs"))
    }

    #[test]
    fn each_reason_says_how_many_and_what_helps() {
        assert_eq!(lines(|_| ()), ["there is no file in docs"]);
        let said = lines(|found| {
            found.passed_over.ignored = 3;
            found.passed_over.links = 1;
            found.unread = [(".png".to_owned(), 2), (".docx".to_owned(), 4)].into();
        });
        assert_eq!(
            said,
            [
                "nothing in docs can be searched:",
                "  3 files are named by a .gitignore, .ignore or .rereadignore; --no-ignore includes them",
                "  1 symbolic link is not followed; --follow follows it",
                "  6 files are of types that are not read (4 .docx, 2 .png); save them as PDF, HTML, Markdown or plain text",
            ]
        );
    }

    #[test]
    fn files_are_told_apart_by_their_ending() {
        assert_eq!(ending("a/b.PNG"), ".png");
        assert_eq!(ending("Makefile"), "without an ending");
        assert_eq!(ending(".bashrc"), "without an ending");
    }
}
