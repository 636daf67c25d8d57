//! Names of a catalogue, and the layout of the folder that its models are downloaded to.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{OnnxError, Result};

/// How many names an error offers instead of an unknown one.
const N_CLOSE_NAMES: usize = 3;

/// A model that can be had by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CatalogueEntry {
    /// Its short name, which no other entry has.
    pub(super) name: String,
    /// Its repository on the hub, `owner/name`; variants may share one.
    pub(super) repository: String,
    /// The model file in the repository.
    pub(super) onnx_file: String,
    /// Further files that the model needs.
    pub(super) extra_files: Vec<String>,
    /// Whether it is a quantised variant, which has to be asked for by its short name.
    pub(super) quantised: bool,
}

/// A downloaded model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// The model file.
    pub(super) onnx: PathBuf,
    /// The revision that was downloaded.
    pub(super) revision: String,
}

/// Finds the entry called `name`: by its short name, its repository, or the repository's name
/// without the owner. Case and punctuation do not matter. Returns its position.
///
/// # Errors
/// [`OnnxError::UnknownModel`], with the closest names.
pub(super) fn find_in_catalogue(entries: &[CatalogueEntry], name: &str) -> Result<usize> {
    let wanted = letters_of(name);
    let without_owner = letters_of(owner_and_name(name).1);
    let by_name = entries
        .iter()
        .position(|entry| letters_of(&entry.name) == wanted);
    let by_repository =
        |wanted: &str, repository: fn(&CatalogueEntry) -> String, quantised: bool| {
            entries
                .iter()
                .position(|entry| entry.quantised == quantised && repository(entry) == wanted)
        };
    let whole = |entry: &CatalogueEntry| letters_of(&entry.repository);
    let short = |entry: &CatalogueEntry| letters_of(owner_and_name(&entry.repository).1);
    by_name
        .or_else(|| by_repository(&wanted, whole, false))
        .or_else(|| by_repository(&wanted, whole, true))
        // The catalogue often points to a converted copy under another owner.
        .or_else(|| by_repository(&without_owner, short, false))
        .or_else(|| by_repository(&without_owner, short, true))
        .ok_or_else(|| OnnxError::UnknownModel {
            name: name.to_owned(),
            close: close_names(entries, &wanted),
        })
}

/// Finds a whole download of `entry` in the hub's cache folder `cache`.
///
/// The layout is the hub's own: `models--owner--name/refs/main` names the revision, and its files
/// are in `models--owner--name/snapshots/REVISION`.
pub(super) fn find_snapshot(cache: &Path, entry: &CatalogueEntry) -> Option<Snapshot> {
    let folder = cache.join(format!("models--{}", entry.repository.replace('/', "--")));
    let revision = fs::read_to_string(folder.join("refs/main"))
        .ok()?
        .trim()
        .to_owned();
    let snapshot = folder.join("snapshots").join(&revision);
    let extra_files = entry.extra_files.iter().map(String::as_str);
    let whole = extra_files
        .chain([entry.onnx_file.as_str(), "tokenizer.json"])
        .all(|file| snapshot.join(file).is_file());
    whole.then(|| Snapshot {
        onnx: snapshot.join(&entry.onnx_file),
        revision,
    })
}

fn close_names(entries: &[CatalogueEntry], wanted: &str) -> Vec<String> {
    let mut names: Vec<(usize, &str)> = entries
        .iter()
        .map(|entry| {
            let repository = letters_of(owner_and_name(&entry.repository).1);
            let names = [
                letters_of(&entry.name),
                letters_of(&entry.repository),
                repository,
            ];
            let distance = names.iter().map(|name| edit_distance(name, wanted)).min();
            (distance.unwrap_or(usize::MAX), entry.name.as_str())
        })
        .collect();
    names.sort_unstable();
    names
        .into_iter()
        .take(N_CLOSE_NAMES)
        .map(|(_, name)| name.to_owned())
        .collect()
}

fn letters_of(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn owner_and_name(repository: &str) -> (&str, &str) {
    repository.rsplit_once('/').unwrap_or(("", repository))
}

/// Levenshtein distance in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (n_before, a_char) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = n_before + 1;
        for (pos, &b_char) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a_char != b_char);
            diagonal = row[pos + 1];
            row[pos + 1] = replaced.min(row[pos] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<CatalogueEntry> {
        let entry = |name: &str, repository: &str, onnx_file: &str| CatalogueEntry {
            name: name.to_owned(),
            repository: repository.to_owned(),
            onnx_file: onnx_file.to_owned(),
            extra_files: Vec::new(),
            quantised: name.ends_with('Q'),
        };
        vec![
            entry(
                "NomicEmbedTextV15Q",
                "nomic-ai/nomic-embed-text-v1.5",
                "onnx/model_quantized.onnx",
            ),
            entry(
                "NomicEmbedTextV15",
                "nomic-ai/nomic-embed-text-v1.5",
                "onnx/model.onnx",
            ),
            entry(
                "BGESmallENV15",
                "Xenova/bge-small-en-v1.5",
                "onnx/model.onnx",
            ),
        ]
    }

    #[test]
    fn a_model_is_found_by_any_of_its_names() {
        let entries = entries();
        for name in [
            "BGESmallENV15",
            "xenova/bge-small-en-v1.5",
            "bge-small-en-v1.5",
            "BAAI/bge-small-en-v1.5",
        ] {
            assert_eq!(find_in_catalogue(&entries, name).unwrap(), 2, "{name}");
        }
    }

    #[test]
    fn a_shared_repository_means_the_variant_that_is_not_quantised() {
        let entries = entries();
        assert_eq!(
            find_in_catalogue(&entries, "nomic-embed-text-v1.5").unwrap(),
            1
        );
        assert_eq!(
            find_in_catalogue(&entries, "NomicEmbedTextV15Q").unwrap(),
            0
        );
    }

    #[test]
    fn an_unknown_name_gets_the_closest_ones() {
        let error = find_in_catalogue(&entries(), "bge-smal-en-1.5").unwrap_err();
        let OnnxError::UnknownModel { close, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(close[0], "BGESmallENV15");
        assert!(error.to_string().contains("did you mean BGESmallENV15"));
    }

    #[test]
    fn only_a_whole_download_counts() {
        let cache = tempfile::tempdir().unwrap();
        let entry = &entries()[2];
        let model = cache.path().join("models--Xenova--bge-small-en-v1.5");
        let snapshot = model.join("snapshots/abc");
        fs::create_dir_all(snapshot.join("onnx")).unwrap();
        fs::create_dir_all(model.join("refs")).unwrap();
        fs::write(model.join("refs/main"), "abc").unwrap();
        fs::write(snapshot.join("onnx/model.onnx"), "").unwrap();
        assert_eq!(find_snapshot(cache.path(), entry), None);

        fs::write(snapshot.join("tokenizer.json"), "").unwrap();
        let found = find_snapshot(cache.path(), entry).unwrap();
        assert_eq!(
            found,
            Snapshot {
                onnx: snapshot.join("onnx/model.onnx"),
                revision: "abc".into()
            }
        );
    }

    #[test]
    fn edit_distances_agree_with_known_ones() {
        for (a, b, distance) in [
            ("", "", 0),
            ("kitten", "sitting", 3),
            ("ab", "", 2),
            ("flaw", "lawn", 2),
        ] {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
            assert_eq!(edit_distance(b, a), distance, "{b} {a}");
        }
    }
}
