//! Finding the library of ONNX Runtime.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

use super::error::{OnnxError, Result};

/// Where a folder that somebody names as "the runtime" may keep the library: itself, the Python
/// package, what `pip install --target` made, a release archive.
const PLACES: [&str; 4] = [".", "capi", "onnxruntime/capi", "lib"];

/// The library's file name as the system's loader knows it, for instance `libonnxruntime.so`.
pub(super) fn default_name() -> PathBuf {
    PathBuf::from(format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}"))
}

/// Finds the library file that `path` names, as a full path without links.
pub(super) fn locate(path: &Path) -> Result<PathBuf> {
    let not_found = || OnnxError::LibraryNotFound {
        path: path.to_owned(),
    };
    let file = if path.is_dir() {
        PLACES
            .iter()
            .find_map(|place| newest_in(&path.join(place)))
            .ok_or_else(not_found)?
    } else {
        path.to_owned()
    };
    fs::canonicalize(&file).map_err(|_| not_found())
}

/// The library in `folder`: the one without a version, else the one with the highest.
fn newest_in(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    let libraries = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        let version = version_of(path.file_name()?.to_str()?)?;
        Some((version, path))
    });
    let newest = libraries.max_by(|(a, _), (b, _)| a.is_empty().cmp(&b.is_empty()).then(a.cmp(b)));
    newest.map(|(_, path)| path)
}

/// The version in the name of a library, empty where it has none; `None` if the file is something
/// else, such as `libonnxruntime_providers_shared.so`.
fn version_of(file_name: &str) -> Option<Vec<u32>> {
    let rest = file_name
        .strip_prefix(DLL_PREFIX)?
        .strip_prefix("onnxruntime")?;
    // Linux appends the version (`.so.1.24.4`), macOS puts it in between (`.1.24.4.dylib`).
    let version = match rest.strip_suffix(DLL_SUFFIX) {
        Some(version) => version,
        None => rest.strip_prefix(DLL_SUFFIX)?,
    };
    let parts = version.split('.').skip(1).map(|part| part.parse().ok());
    if version.is_empty() || version.starts_with('.') {
        parts.collect()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(version: &str) -> String {
        if cfg!(target_os = "linux") {
            format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}{version}")
        } else {
            format!("{DLL_PREFIX}onnxruntime{version}{DLL_SUFFIX}")
        }
    }

    #[test]
    fn the_highest_version_is_taken_and_the_unversioned_name_before_all() {
        let folder = tempfile::tempdir().unwrap();
        let capi = folder.path().join("onnxruntime/capi");
        fs::create_dir_all(&capi).unwrap();
        let providers = format!("{DLL_PREFIX}onnxruntime_providers_shared{DLL_SUFFIX}");
        for name in [named(".1.9.0"), named(".1.24.4"), providers] {
            fs::write(capi.join(name), "").unwrap();
        }
        let found = locate(folder.path()).unwrap();
        assert_eq!(
            found.file_name().unwrap().to_str().unwrap(),
            named(".1.24.4")
        );

        fs::write(capi.join(named("")), "").unwrap();
        let found = locate(folder.path()).unwrap();
        assert_eq!(found.file_name().unwrap().to_str().unwrap(), named(""));
    }

    #[test]
    fn a_missing_library_says_how_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            folder.path().to_owned(),
            folder.path().join("libonnxruntime.so"),
        ] {
            let message = locate(&path).unwrap_err().to_string();
            assert!(message.contains("pip install onnxruntime"), "{message}");
            assert!(
                message.contains("onnxruntime/capi/libonnxruntime.so"),
                "{message}"
            );
        }
    }
}
