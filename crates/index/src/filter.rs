//! Filters on documents, applied before any candidate is cut off.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::dense::Allowed;
use crate::document::DocumentKind;
use crate::format::manifest::Source;
use crate::refusal::Refusal;
use crate::{Error, Result};

/// Which documents a search may return. The default lets every document pass.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Filter {
    paths: GlobSet,
    kinds: Vec<DocumentKind>,
    modified_since_ns: Option<i64>,
}

impl Filter {
    /// Keeps documents whose path matches at least one of the patterns (`*` and `?` stay within a
    /// folder's name, `**` does not; a pattern without `/` also matches a bare file name).
    ///
    /// # Errors
    /// `InvalidOption` when a pattern is not a glob.
    pub fn with_paths<S: AsRef<str>>(mut self, patterns: &[S]) -> Result<Self> {
        let invalid = |pattern: &str| Error::InvalidOption {
            option: "path",
            value: format!("{pattern:?}"),
            bound: "a glob such as `docs/**` or `*.md`",
        };
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let pattern = pattern
                .as_ref()
                .strip_prefix("./")
                .unwrap_or(pattern.as_ref());
            set.add(glob(pattern).ok_or_else(|| invalid(pattern))?);
            if !pattern.contains('/') {
                set.add(glob(&format!("**/{pattern}")).ok_or_else(|| invalid(pattern))?);
            }
            // A folder's name stands for everything in it.
            let folder = pattern.trim_end_matches('/');
            set.add(glob(&format!("{folder}/**")).ok_or_else(|| invalid(pattern))?);
        }
        self.paths = set
            .build()
            .map_err(|_| invalid("these patterns together"))?;
        Ok(self)
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

    /// Whether every document passes.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty() && self.kinds.is_empty() && self.modified_since_ns.is_none()
    }

    pub(crate) fn passes(&self, source: &Source) -> bool {
        self.refusal(source).is_none()
    }

    /// The first part of the filter that a source does not pass.
    pub(crate) fn refusal(&self, source: &Source) -> Option<Refusal> {
        if !self.paths.is_empty() && !self.paths.is_match(&source.path) {
            return Some(Refusal::Path);
        }
        if !self.kinds.is_empty() && !self.kinds.contains(&source.kind) {
            return Some(Refusal::Kind(source.kind));
        }
        self.modified_since_ns
            .is_some_and(|since| source.modified_ns < since)
            .then_some(Refusal::ModifiedBefore)
    }
}

fn glob(pattern: &str) -> Option<Glob> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .ok()
}

/// Unix time in nanoseconds; times before 1970 are negative, and what does not fit is clamped.
pub(crate) fn unix_ns(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |ns| -ns),
    }
}

/// A set of passages, one bit each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PassageSet {
    words: Vec<u64>,
}

impl PassageSet {
    pub(crate) fn empty(n_passages: u32) -> Self {
        Self {
            words: vec![0; (n_passages as usize).div_ceil(64)],
        }
    }

    pub(crate) fn insert(&mut self, position: u32) {
        if let Some(word) = self.words.get_mut(position as usize / 64) {
            *word |= 1 << (position % 64);
        }
    }

    pub(crate) fn insert_range(&mut self, range: Range<u32>) {
        for position in range {
            self.insert(position);
        }
    }

    pub(crate) fn contains(&self, position: u32) -> bool {
        let word = self.words.get(position as usize / 64);
        word.is_some_and(|word| word >> (position % 64) & 1 == 1)
    }

    /// The passages of the segment whose first one is at `base`.
    pub(crate) fn from(&self, base: u32) -> Allowed<'_> {
        Allowed::new(&self.words, base as usize)
    }

    pub(crate) fn intersect(&mut self, other: &Self) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::manifest::{Origin, Outcome};

    fn source(path: &str) -> Source {
        Source {
            path: path.to_owned(),
            origin: Origin::Folder,
            kind: DocumentKind::Markdown,
            size_bytes: 1,
            modified_ns: 1_000,
            changed_ns: 0,
            digest: [0; 32],
            outcome: Outcome::Indexed,
            documents: Vec::new(),
        }
    }

    #[test]
    fn a_pattern_without_a_slash_matches_in_every_folder() {
        let filter = Filter::default().with_paths(&["*.md"]).expect("a glob");
        assert!(filter.passes(&source("readme.md")));
        assert!(filter.passes(&source("docs/deep/readme.md")));
        assert!(!filter.passes(&source("docs/deep/readme.txt")));
    }

    #[test]
    fn a_folder_stands_for_everything_in_it() {
        let filter = Filter::default().with_paths(&["docs/"]).expect("a glob");
        assert!(filter.passes(&source("docs/deep/readme.md")));
        assert!(!filter.passes(&source("other/docs.md")));
    }

    #[test]
    fn kinds_and_times_are_both_required() {
        let filter = Filter::default()
            .with_kinds(vec![DocumentKind::Markdown])
            .with_modified_since(UNIX_EPOCH + std::time::Duration::from_micros(1));
        assert!(filter.passes(&source("a.md")));
        let older = Source {
            modified_ns: 999,
            ..source("a.md")
        };
        assert!(!filter.passes(&older));
        let other = Source {
            kind: DocumentKind::Code,
            ..source("a.rs")
        };
        assert!(!filter.passes(&other));
    }

    #[test]
    fn a_broken_glob_is_refused_by_name() {
        let error = Filter::default()
            .with_paths(&["a[b"])
            .expect_err("not a glob");
        assert!(error.to_string().contains("a[b"));
    }

    #[test]
    fn sets_intersect() {
        let mut a = PassageSet::empty(200);
        a.insert_range(10..130);
        let mut b = PassageSet::empty(200);
        b.insert_range(120..200);
        a.intersect(&b);
        let members: Vec<u32> = (0..10_000).filter(|&i| a.contains(i)).collect();
        assert_eq!(members, (120..130).collect::<Vec<u32>>());
    }
}
