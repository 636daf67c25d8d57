//! Finds a file whose name is stored in another spelling than it was typed in.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use reread_retrieval::composed;

/// A path in the folder `root` as its names are stored, where they differ from those given in how their
/// accents are composed; names that are not there stay. Reads the folders on the way that hold no name
/// of the very spelling.
pub fn spelled(root: &Path, path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        let Component::Normal(name) = part else {
            found.push(part);
            continue;
        };
        let folder = root.join(&found);
        let is_there = folder.join(name).symlink_metadata().is_ok();
        match name.to_str() {
            Some(text) if !is_there && !text.is_ascii() => {
                found.push(stored_in(&folder, text).unwrap_or_else(|| name.to_owned()));
            }
            _ => found.push(name),
        }
    }
    found
}

/// The first name in a folder, in their order, that looks like `name`.
fn stored_in(folder: &Path, name: &str) -> Option<OsString> {
    let name = composed(name);
    let entries = folder.read_dir().ok()?.flatten();
    let names = entries.map(|entry| entry.file_name());
    let alike = |stored: &OsString| {
        stored
            .to_str()
            .is_some_and(|stored| composed(stored) == name)
    };
    names.filter(alike).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_either_spelling() {
        let root = tempfile::tempdir().unwrap();
        let (one, two) = ("caf\u{e9}", "cafe\u{301}");
        std::fs::create_dir(root.path().join(two)).unwrap();
        std::fs::write(root.path().join(two).join("\u{fc}.md"), "x").unwrap();
        let stored = Path::new(two).join("\u{fc}.md");
        for folder in [one, two] {
            for file in ["\u{fc}.md", "u\u{308}.md"] {
                let typed = Path::new(folder).join(file);
                assert_eq!(spelled(root.path(), &typed), stored);
                let full = root.path().join(&typed);
                assert_eq!(spelled(root.path(), &full), root.path().join(&stored));
            }
        }
        for other in ["cafe", "caf\u{e8}/x", "../a"] {
            assert_eq!(spelled(root.path(), Path::new(other)), Path::new(other));
        }
        // The very spelling comes first.
        std::fs::create_dir(root.path().join(one)).unwrap();
        assert_eq!(spelled(root.path(), Path::new(one)), Path::new(one));
    }
}
