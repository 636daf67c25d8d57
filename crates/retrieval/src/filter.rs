//! Filters on documents, applied before any candidate is cut off.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use reread_document::{DocumentKind, Metadata};

use crate::condition::Condition;
use crate::invalid_option::InvalidOption;
use crate::path_pattern::PathPattern;
use crate::refusal::Refusal;
use crate::spelling::composed;

/// Which documents a search may return. The default lets every document pass.
///
/// A closed type: a first pass either asks it of each document ([`refusal`](Self::refusal)) or
/// translates its parts ([`path_patterns`](Self::path_patterns), [`kinds`](Self::kinds),
/// [`modified_since_ns`](Self::modified_since_ns), [`condition`](Self::condition)) into a language of its own.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    paths: Vec<PathPattern>,
    kinds: Vec<DocumentKind>,
    modified_since_ns: Option<i64>,
    condition: Option<Condition>,
}

/// What a filter looks at of a document. A file may hold several documents, such as the records of JSON Lines;
/// they share path, kind and time, and each has metadata of its own.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Its file's path relative to the indexed folder, with `/` between its parts.
    pub path: &'a str,
    /// Its kind.
    pub kind: DocumentKind,
    /// When its file was last modified, in Unix nanoseconds.
    pub modified_ns: i64,
    /// What is known of it beside its text.
    pub metadata: &'a Metadata,
}

impl Filter {
    /// Keeps documents whose path is one of these, lies in one of these folders, or matches one of these
    /// globs (`*` and `?` stay within a folder's name, `**` does not; a pattern without `/` also matches
    /// a bare file name). However accents are composed, the name is the same; case is significant.
    ///
    /// Where a path is also a glob, as `app/[slug]/page.tsx` is, both are kept until the filter is
    /// [settled](Self::settled).
    ///
    /// # Errors
    /// Where a pattern is empty.
    pub fn with_paths<S: AsRef<str>>(mut self, patterns: &[S]) -> Result<Self, InvalidOption> {
        let patterns = patterns
            .iter()
            .map(|pattern| PathPattern::new(pattern.as_ref()));
        self.paths = patterns.collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// Decides for each path whether it is the name of a file or folder, or a glob: it is a glob only
    /// where none of these paths has that very name. `paths` is not asked where nothing is to be
    /// decided.
    ///
    /// # Errors
    /// Where a pattern is neither the name of one of them nor a glob.
    pub fn settled<'a, I>(&self, paths: impl FnOnce() -> I) -> Result<Cow<'_, Self>, InvalidOption>
    where
        I: Iterator<Item = &'a str>,
    {
        if self.paths.is_empty() {
            return Ok(Cow::Borrowed(self));
        }
        let mut is_literal = vec![false; self.paths.len()];
        for path in paths() {
            let path = composed(path);
            for (pattern, is_literal) in self.paths.iter().zip(&mut is_literal) {
                *is_literal = *is_literal || pattern.names(&path);
            }
        }
        let mut settled = self.clone();
        for (pattern, is_literal) in settled.paths.iter_mut().zip(is_literal) {
            pattern.settle(is_literal)?;
        }
        Ok(Cow::Owned(settled))
    }

    /// Keeps documents of one of these kinds.
    #[must_use]
    pub fn with_kinds(mut self, kinds: Vec<DocumentKind>) -> Self {
        self.kinds = kinds;
        self
    }

    /// Keeps documents whose file was modified at this time or later.
    #[must_use]
    pub fn with_modified_since(mut self, time: SystemTime) -> Self {
        self.modified_since_ns = Some(unix_ns(time));
        self
    }

    /// Keeps documents whose metadata fits this condition. It takes the place of an earlier one; join two
    /// with [`Condition::and`].
    #[must_use]
    pub fn with_condition(mut self, condition: Condition) -> Self {
        self.condition = Some(condition);
        self
    }

    /// Whether every document passes.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
            && self.kinds.is_empty()
            && self.modified_since_ns.is_none()
            && self.condition.is_none()
    }

    /// The globs of which a path must match one, each spelled out; none lets every path pass.
    pub fn path_patterns(&self) -> Vec<String> {
        self.paths.iter().flat_map(PathPattern::globs).collect()
    }

    /// The kinds of which a document must be one; none lets every kind pass.
    pub fn kinds(&self) -> &[DocumentKind] {
        &self.kinds
    }

    /// The Unix time in nanoseconds before which a file must not have been modified last.
    pub fn modified_since_ns(&self) -> Option<i64> {
        self.modified_since_ns
    }

    /// What the metadata must be; `None` lets any pass.
    pub fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }

    /// The first part of the filter that a document does not pass; `None` if it passes.
    pub fn refusal(&self, document: &Facts<'_>) -> Option<Refusal> {
        if !self.paths.is_empty() {
            let path = composed(document.path);
            if !self.paths.iter().any(|pattern| pattern.matches(&path)) {
                return Some(Refusal::Path);
            }
        }
        if !self.kinds.is_empty() && !self.kinds.contains(&document.kind) {
            return Some(Refusal::Kind(document.kind));
        }
        if let Some(since) = self.modified_since_ns
            && document.modified_ns < since
        {
            return Some(Refusal::ModifiedBefore);
        }
        let failing = self.condition.as_ref()?.failing(document.metadata)?;
        Some(Refusal::Condition(failing.clone()))
    }
}

/// Unix time in nanoseconds; times before 1970 are negative, and what does not fit is clamped.
pub fn unix_ns(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static NOTHING: Metadata = Metadata::new();

    fn markdown(path: &str) -> Facts<'_> {
        Facts {
            path,
            kind: DocumentKind::Markdown,
            modified_ns: 1_000,
            metadata: &NOTHING,
        }
    }

    fn passes(filter: &Filter, path: &str) -> bool {
        filter.refusal(&markdown(path)).is_none()
    }

    #[test]
    fn a_pattern_without_a_slash_matches_in_every_folder() {
        let filter = Filter::default().with_paths(&["*.md"]).expect("a glob");
        assert!(passes(&filter, "readme.md"));
        assert!(passes(&filter, "docs/deep/readme.md"));
        assert!(!passes(&filter, "docs/deep/readme.txt"));
    }

    #[test]
    fn a_folder_stands_for_everything_in_it() {
        let filter = Filter::default().with_paths(&["docs/"]).expect("a glob");
        assert!(passes(&filter, "docs/deep/readme.md"));
        assert!(!passes(&filter, "other/docs.md"));
    }

    #[test]
    fn kinds_and_times_are_both_required() {
        let filter = Filter::default()
            .with_kinds(vec![DocumentKind::Markdown])
            .with_modified_since(UNIX_EPOCH + std::time::Duration::from_micros(1));
        assert!(passes(&filter, "a.md"));
        let older = Facts {
            modified_ns: 999,
            ..markdown("a.md")
        };
        assert_eq!(filter.refusal(&older), Some(Refusal::ModifiedBefore));
        let other = Facts {
            kind: DocumentKind::Code,
            ..markdown("a.rs")
        };
        let refusal = Refusal::Kind(DocumentKind::Code);
        assert_eq!(filter.refusal(&other), Some(refusal));
    }

    #[test]
    fn the_part_of_a_condition_that_fails_is_the_refusal() {
        let read = |text: &str| text.parse::<Condition>().expect("a condition");
        let filter = Filter::default().with_condition(read("lang = 'en' and year >= 2020"));
        assert!(!filter.is_empty());
        let of = |year: i32| {
            Metadata::from([
                ("lang".to_owned(), "en".into()),
                ("year".to_owned(), year.into()),
            ])
        };
        let refusal = |metadata: &Metadata| {
            filter.refusal(&Facts {
                metadata,
                ..markdown("a.md")
            })
        };
        assert_eq!(refusal(&of(2020)), None);
        let failing = Refusal::Condition(read("year >= 2020"));
        assert_eq!(refusal(&of(2019)), Some(failing));
        let failing = Refusal::Condition(read("lang = 'en'"));
        assert_eq!(refusal(&NOTHING), Some(failing));
    }

    /// The filter as a folder with these files understands it, and what of them passes.
    fn among<'a>(pattern: &str, files: &[&'a str]) -> Result<Vec<&'a str>, InvalidOption> {
        let filter = Filter::default().with_paths(&[pattern])?;
        let filter = filter.settled(|| files.iter().copied())?;
        Ok(files
            .iter()
            .copied()
            .filter(|path| passes(&filter, path))
            .collect())
    }

    #[test]
    fn a_path_is_taken_as_it_stands_before_it_is_a_glob() {
        let files = [
            "app/[slug]/page.tsx",
            "app/s/page.tsx",
            "what?.md",
            "whats.md",
            "a*b.md",
            "axb.md",
            "[old]/x.md",
            "o/x.md",
            "{a,b}.md",
            "a.md",
            "sub/a.md",
            "odd[.md",
        ];
        for (pattern, expected) in [
            ("app/[slug]/page.tsx", &["app/[slug]/page.tsx"][..]),
            ("app/[slug]", &["app/[slug]/page.tsx"]),
            ("app/[s]/page.tsx", &["app/s/page.tsx"]),
            ("what?.md", &["what?.md"]),
            ("a*b.md", &["a*b.md"]),
            ("[old]/", &["[old]/x.md"]),
            ("[old]", &["[old]/x.md"]),
            ("[o]/x.md", &["o/x.md"]),
            ("{a,b}.md", &["{a,b}.md"]),
            ("./a.md", &["a.md"]),
            ("a.md", &["a.md"]),
            ("**/a.md", &["a.md", "sub/a.md"]),
            ("odd[.md", &["odd[.md"]),
            ("sub", &["sub/a.md"]),
            ("./sub/../sub//", &["sub/a.md"]),
            ("SUB", &[]),
            ("../a.md", &[]),
            (".", &files),
        ] {
            assert_eq!(
                among(pattern, &files).expect("a glob"),
                expected,
                "{pattern}"
            );
        }
    }

    #[test]
    fn accents_may_be_composed_or_not() {
        let (one, two) = ("caf\u{e9}/men\u{fc}.md", "cafe\u{301}/menu\u{308}.md");
        for stored in [one, two] {
            let files = [stored, "cafe/menu.md"];
            for typed in [
                one,
                two,
                "caf\u{e9}",
                "cafe\u{301}/",
                "caf\u{e9}/*",
                "**/menu\u{308}.md",
            ] {
                let found = among(typed, &files).expect("a glob");
                assert!(found.contains(&stored), "{typed:?}");
                assert_eq!(found.len(), 1, "{typed:?}");
            }
        }
    }

    #[test]
    fn what_is_neither_a_path_nor_a_glob_is_refused_by_name() {
        let error = among("a[b", &["ab"]).expect_err("not a glob");
        assert!(error.to_string().contains("a[b"), "{error}");
        assert!(among("", &["ab"]).is_err());
    }
}
