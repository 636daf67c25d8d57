//! What a path of a filter means: the file or folder of that very name, or else a glob.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::invalid_option::InvalidOption;
use crate::spelling::composed;

/// A path or a glob, as a filter has it.
#[derive(Debug, Clone)]
pub(crate) struct PathPattern {
    /// As it was given.
    given: String,
    /// The path that it is, if it is one; empty for the folder that is indexed.
    literal: String,
    /// Whether only a folder may be meant.
    is_folder: bool,
    /// Its meanings as globs.
    globs: Vec<String>,
    /// The same, ready to use; `None` where it is no glob.
    set: Option<GlobSet>,
    /// Whether there is a file or folder of the very name, so that no glob is meant.
    is_literal: bool,
}

impl PathPattern {
    /// # Errors
    /// Where it is neither a path nor a glob: it is empty.
    pub(crate) fn new(given: &str) -> Result<Self, InvalidOption> {
        if given.is_empty() {
            return Err(neither(given));
        }
        let spelled = composed(given);
        let globs = meanings(&spelled);
        let mut set = GlobSetBuilder::new();
        let is_glob = globs.iter().all(|meant| match glob(meant) {
            Some(glob) => {
                set.add(glob);
                true
            }
            None => false,
        });
        Ok(Self {
            given: given.to_owned(),
            literal: plain(&spelled),
            is_folder: spelled.ends_with('/'),
            set: set.build().ok().filter(|_| is_glob),
            globs: if is_glob { globs } else { Vec::new() },
            is_literal: false,
        })
    }

    /// Its meanings as globs: the path that it may be, and the glob.
    pub(crate) fn globs(&self) -> Vec<String> {
        let path = globset::escape(&self.literal);
        let mut globs = vec![format!("{path}/**").trim_start_matches('/').to_owned()];
        if !self.is_folder && !path.is_empty() {
            globs.insert(0, path);
        }
        if !self.is_literal {
            let others = self.globs.iter().filter(|glob| !globs.contains(glob));
            globs.extend(others.cloned().collect::<Vec<_>>());
        }
        globs
    }

    /// Whether a composed path lets a document pass.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let by_glob = || self.set.as_ref().is_some_and(|set| set.is_match(path));
        self.names(path) || !self.is_literal && by_glob()
    }

    /// Whether this is the very name of a file, composed, or of a folder around it.
    pub(crate) fn names(&self, path: &str) -> bool {
        match path.strip_prefix(self.literal.as_str()) {
            Some("") => !self.is_folder,
            Some(rest) => self.literal.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }

    /// Decides for the path, as there is a file or folder of this name, or else for the glob.
    ///
    /// # Errors
    /// Where it is neither.
    pub(crate) fn settle(&mut self, is_literal: bool) -> Result<(), InvalidOption> {
        self.is_literal = is_literal;
        if is_literal || self.set.is_some() {
            Ok(())
        } else {
            Err(neither(&self.given))
        }
    }
}

/// A path without `.`, `..` and what else says nothing.
fn plain(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => (),
            ".." if parts.last().is_some_and(|last| *last != "..") => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The globs that a pattern stands for.
fn meanings(pattern: &str) -> Vec<String> {
    let from_here = pattern.strip_prefix("./");
    let pattern = from_here.unwrap_or(pattern);
    let mut globs = vec![pattern.to_owned()];
    if from_here.is_none() && !pattern.contains('/') {
        globs.push(format!("**/{pattern}"));
    }
    // A folder's name stands for everything in it.
    globs.push(format!("{}/**", pattern.trim_end_matches('/')));
    globs
}

fn neither(pattern: &str) -> InvalidOption {
    let bound = "a path in the folder or a glob such as `docs/**` or `*.md`";
    InvalidOption::new("path", format!("{pattern:?}"), bound)
}

fn glob(pattern: &str) -> Option<Glob> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_the_same_however_it_is_written() {
        for (path, expected) in [
            ("docs/a.md", "docs/a.md"),
            ("./docs//a.md", "docs/a.md"),
            ("docs/", "docs"),
            ("x/../docs/./a.md", "docs/a.md"),
            (".", ""),
            ("../a.md", "../a.md"),
        ] {
            assert_eq!(plain(path), expected, "{path}");
        }
    }

    #[test]
    fn a_folder_is_not_a_file_and_a_beginning_is_no_folder() {
        let named = |pattern: &str, path: &str| PathPattern::new(pattern).expect("one").names(path);
        assert!(named("docs", "docs/a.md") && named("docs/", "docs/a.md") && named(".", "a"));
        assert!(named("a.md", "a.md") && !named("a.md/", "a.md"));
        assert!(!named("docs", "docs2/a.md") && !named("doc", "docs/a.md"));
    }

    #[test]
    fn the_globs_hold_the_path_too() {
        let pattern = PathPattern::new("app/[slug]").expect("one");
        assert_eq!(
            pattern.globs(),
            [
                "app/[[]slug[]]",
                "app/[[]slug[]]/**",
                "app/[slug]",
                "app/[slug]/**"
            ]
        );
        assert_eq!(
            PathPattern::new("docs/").expect("one").globs(),
            ["docs/**", "docs/"]
        );
    }
}
