//! Paths as people see them: so that they open from where the person stands.

use std::path::{Path, PathBuf};

use reread_engine::Problem;

use super::clean;

/// The folder that stored paths are relative to, as the person has named it.
#[derive(Debug, Clone)]
pub(crate) struct Shown(PathBuf);

impl Shown {
    /// Paths in this folder.
    pub(crate) fn in_folder(folder: &Path) -> Self {
        // `./a.md` opens no better than `a.md`.
        Self(
            folder
                .components()
                .filter(|part| part.as_os_str() != ".")
                .collect(),
        )
    }

    /// A stored path, without anything that a terminal would obey.
    pub(crate) fn path(&self, stored: &str) -> String {
        clean(&self.0.join(stored).to_string_lossy())
    }

    /// What a person has named: a file by its path, anything else as it is.
    pub(crate) fn named(&self, name: &str) -> String {
        let is_file = Path::new(name).is_relative() && self.0.join(name).exists();
        if is_file {
            self.path(name)
        } else {
            clean(name)
        }
    }

    /// A problem with a file.
    pub(crate) fn problem(&self, problem: &Problem) -> String {
        let shown = Problem {
            path: self.path(&problem.path),
            ..problem.clone()
        };
        clean(&shown.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_begins_where_the_person_stands() {
        for (folder, path) in [
            (".", "a/b.md"),
            ("", "a/b.md"),
            ("./", "a/b.md"),
            ("docs", "docs/a/b.md"),
            ("docs/", "docs/a/b.md"),
            ("./docs", "docs/a/b.md"),
            ("..", "../a/b.md"),
            ("/srv/docs", "/srv/docs/a/b.md"),
        ] {
            assert_eq!(
                Shown::in_folder(Path::new(folder)).path("a/b.md"),
                path,
                "{folder}"
            );
        }
    }

    #[test]
    fn what_is_no_file_stays_as_it_is_named() {
        let shown = Shown::in_folder(Path::new("src"));
        assert_eq!(shown.named("main.rs"), "src/main.rs");
        assert_eq!(shown.named("record 7"), "record 7");
    }
}
