//! What a walk passes over without a word, counted for whoever wonders why nothing was found.

use std::collections::HashSet;
use std::path::Path;

use crate::error::Result;
use crate::problem::{Problem, Reason};
use crate::walk::{HiddenFiles, IGNORE_FILE, IgnoreFiles, Links, Walk, WalkOptions, walk};

/// Files that a walk passes over, by the first reason that applies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassedOver {
    /// Symbolic links to files or folders.
    pub links: usize,
    /// Files whose name, or a folder's, begins with a dot.
    pub hidden: usize,
    /// Files that a `.gitignore`, `.ignore` or `.rereadignore` names.
    pub ignored: usize,
    /// Pipes, sockets and devices.
    pub special: usize,
    /// Files that are larger than the limit.
    pub too_large: usize,
    /// Files and folders that cannot be looked at, and those with names that cannot be used.
    pub unreadable: usize,
}

/// Counts the files that a walk with these options passes over, stores of version control and what is
/// excluded by the options left aside. Walks the folder once more, without a rule.
///
/// # Errors
/// As for [`walk`].
pub fn passed_over(root: &Path, found: &Walk, options: &WalkOptions) -> Result<PassedOver> {
    let everything = options
        .clone()
        .with_hidden(HiddenFiles::Include)
        .with_ignore_files(IgnoreFiles::Disregard)
        .with_links(Links::Skip)
        .with_max_file_bytes(u64::MAX);
    let all = walk(root, &everything)?;
    let known: HashSet<&str> = found
        .files
        .iter()
        .map(|file| file.path.as_str())
        .chain(found.problems.iter().map(|problem| problem.path.as_str()))
        .collect();
    let is_too_large = |problem: &&Problem| matches!(problem.reason, Reason::TooLarge { .. });
    let is_pattern = |problem: &&Problem| matches!(problem.reason, Reason::IgnorePattern(_));
    let too_large = found.problems.iter().filter(is_too_large).count();
    let n_patterns = found.problems.iter().filter(is_pattern).count();
    let mut counts = PassedOver {
        links: found.skipped.symlinks,
        special: found.skipped.special,
        too_large,
        unreadable: found.problems.len() - too_large - n_patterns,
        ..PassedOver::default()
    };
    // Links and pipes that are hidden or ignored come only by the second walk.
    if options.links == Links::Skip {
        counts.links = counts.links.max(all.skipped.symlinks);
    }
    counts.special = counts.special.max(all.skipped.special);
    let passed = all.files.iter().map(|file| file.path.as_str());
    for path in passed.filter(|path| !known.contains(path) && !is_ignore_file(path)) {
        if options.hidden == HiddenFiles::Skip && path.split('/').any(|part| part.starts_with('.'))
        {
            counts.hidden += 1;
        } else {
            counts.ignored += 1;
        }
    }
    Ok(counts)
}

/// Whether a file is there to say what is ignored, and nobody would look for it.
fn is_ignore_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    [".gitignore", ".ignore", IGNORE_FILE].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passed_over_is_counted_by_its_reason() {
        let top = tempfile::tempdir().unwrap();
        for (name, content) in [
            (".gitignore", "*.log\nbuild/\n"),
            ("a.log", ""),
            ("build/b.txt", ""),
            ("build/deep/c.txt", ""),
            (".notes/d.md", ""),
            (".git/config", ""),
            ("e.md", ""),
        ] {
            let path = top.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink("e.md", top.path().join("link.md")).unwrap();
        let count = |options: &WalkOptions| {
            let found = walk(top.path(), options).unwrap();
            passed_over(top.path(), &found, options).unwrap()
        };
        let options = WalkOptions::default();
        let counts = count(&options);
        assert_eq!((counts.ignored, counts.hidden, counts.special), (3, 1, 0));
        #[cfg(unix)]
        assert_eq!(counts.links, 1);
        let counts = count(&options.clone().with_hidden(HiddenFiles::Include));
        assert_eq!((counts.ignored, counts.hidden), (3, 0));
        let counts = count(&options.with_ignore_files(IgnoreFiles::Disregard));
        assert_eq!((counts.ignored, counts.hidden), (0, 1));
    }
}
