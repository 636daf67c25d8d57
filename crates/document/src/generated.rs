//! Files that programs write for programs, known by their names.

use crate::file_name::file_name;
use crate::problem::Reason;

/// Lists of exact versions and digests, lower case.
const LOCK_FILES: &[&str] = &[
    ".terraform.lock.hcl",
    "buf.lock",
    "bun.lock",
    "bun.lockb",
    "cargo.lock",
    "cartfile.resolved",
    "composer.lock",
    "conda-lock.yml",
    "deno.lock",
    "flake.lock",
    "gemfile.lock",
    "go.sum",
    "go.work.sum",
    "gradle.lockfile",
    "mix.lock",
    "module.bazel.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "package.resolved",
    "packages.lock.json",
    "paket.lock",
    "pdm.lock",
    "pipfile.lock",
    "pixi.lock",
    "pnpm-lock.yaml",
    "podfile.lock",
    "poetry.lock",
    "pubspec.lock",
    "pylock.toml",
    "rebar.lock",
    "stack.yaml.lock",
    "uv.lock",
    "yarn.lock",
];

/// How the maps from built code to its source end, lower case.
const SOURCE_MAPS: &[&str] = &[".cjs.map", ".css.map", ".js.map", ".mjs.map", ".ts.map"];

/// Why the file `path` is not read, where its name says that nobody reads it.
pub(crate) fn reason(path: &str) -> Option<Reason> {
    let name = file_name(path).to_ascii_lowercase();
    if LOCK_FILES.contains(&name.as_str()) {
        Some(Reason::Generated("a lock file"))
    } else if SOURCE_MAPS.iter().any(|ending| name.ends_with(ending)) {
        Some(Reason::Generated("a source map"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lock_files_and_source_maps_are_known_by_name() {
        for path in [
            "Cargo.lock",
            "web/package-lock.json",
            "a/b/go.sum",
            "dist/app.JS.map",
        ] {
            assert!(reason(path).is_some(), "{path}");
        }
        for path in [
            "Cargo.toml",
            "package.json",
            "lock.md",
            "my-cargo.lock.txt",
            "sea.map",
            "go.mod",
        ] {
            assert_eq!(reason(path), None, "{path}");
        }
    }

    #[test]
    fn the_list_can_match() {
        assert!(LOCK_FILES.is_sorted());
        assert!(
            LOCK_FILES
                .iter()
                .all(|name| *name == name.to_ascii_lowercase())
        );
    }
}
