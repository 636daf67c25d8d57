//! Where model folders are looked for, and what makes a folder one.

use std::path::{Path, PathBuf};

/// How far above an executable the checkout may be that it was built in: `target/TRIPLE/debug/deps` is the
/// nearest of five folders, and one is to spare for a target folder that lies deeper.
const MAX_ABOVE: usize = 6;

/// Whether the built-in encoder runs this folder.
pub(crate) fn is_native(path: &Path) -> bool {
    path.join("model.safetensors").is_file()
}

/// The folder of a model: the path itself where it is one, else the first match below the folders in
/// `search`.
pub(crate) fn find(search: &[PathBuf], name: &str) -> Option<PathBuf> {
    let path = Path::new(name);
    if path.is_dir() && is_model_folder(path) {
        return Some(path.to_owned());
    }
    let mut candidates = search.iter().map(|folder| folder.join(name));
    candidates.find(|path| is_model_folder(path))
}

/// Every model folder below the folders in `search`, each name once.
pub(crate) fn list(search: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in search {
        let Ok(entries) = std::fs::read_dir(folder) else {
            continue;
        };
        let mut here: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|p| is_model_folder(p))
            .collect();
        here.sort();
        for path in here {
            if found
                .iter()
                .all(|known| known.file_name() != path.file_name())
            {
                found.push(path);
            }
        }
    }
    found
}

/// Where an installed program keeps its models: beside `executable`.
pub(crate) fn beside(executable: &Path) -> Vec<PathBuf> {
    let beside = |folder: &Path| vec![folder.join("models"), folder.join("../share/reread/models")];
    executable.parent().map(beside).unwrap_or_default()
}

/// The models of the checkout that `executable` was built in: the nearest `data/models` above it.
pub(crate) fn above(executable: &Path) -> Option<PathBuf> {
    let above = executable.ancestors().skip(1).take(MAX_ABOVE);
    above
        .map(|folder| folder.join("data/models"))
        .find(|models| models.is_dir())
}

fn is_model_folder(path: &Path) -> bool {
    ["model.safetensors", "model.onnx", "onnx/model.onnx"]
        .iter()
        .any(|file| path.join(file).is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder with these files in it, all empty.
    fn folder_with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        folder
    }

    #[test]
    fn an_executable_in_any_target_folder_finds_the_models_of_its_checkout() {
        let checkout = folder_with(&["data/models/a/model.safetensors"]);
        for executable in [
            "target/debug/reread",
            "target/debug/examples/own_documents",
            "target/x86_64-unknown-linux-gnu/release/deps/engine-0123",
            "target/coverage/x86_64-unknown-linux-gnu/debug/deps/engine-0123",
        ] {
            let found = above(&checkout.path().join(executable));
            assert_eq!(found, Some(checkout.path().join("data/models")));
        }
    }

    #[test]
    fn an_executable_far_below_or_elsewhere_finds_none() {
        let checkout = folder_with(&["data/models/a/model.safetensors"]);
        assert_eq!(above(&checkout.path().join("1/2/3/4/5/6/reread")), None);
        assert_eq!(above(&folder_with(&[]).path().join("bin/reread")), None);
        assert_eq!(above(Path::new("")), None);
    }

    #[test]
    fn the_first_folder_that_holds_a_model_of_the_name_wins() {
        let first = folder_with(&["a/model.onnx", "b/readme.md"]);
        let second = folder_with(&["a/model.safetensors", "b/onnx/model.onnx"]);
        let search = [first.path().to_owned(), second.path().to_owned()];
        assert_eq!(find(&search, "a"), Some(first.path().join("a")));
        assert_eq!(find(&search, "b"), Some(second.path().join("b")));
        assert_eq!(find(&search, "c"), None);
        let named = second.path().join("a");
        assert_eq!(find(&[], named.to_str().unwrap()), Some(named));
        assert_eq!(
            list(&search),
            [first.path().join("a"), second.path().join("b")]
        );
    }
}
