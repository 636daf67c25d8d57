//! `reread models`: the models that can be used, and where they were looked for.

use std::io::Write;
use std::path::{Path, PathBuf};

use reread_engine::{DEFAULT_CROSS_ENCODER, DEFAULT_EMBEDDER, Models};
use reread_wire::models::{self as wire, Model};
use serde_json::Value;

use super::raw_stdout;
use crate::args::{CommonArgs, ModelsArgs, Settings};
use crate::output::{bytes, clean, json};
use crate::{Outcome, resolve};

/// Longer files are no configuration of a model.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// The names under which publishers put their licence.
const LICENCES: [&str; 4] = ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE"];

pub(crate) fn run(args: ModelsArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    let flags = Settings {
        models: args.models,
        ..Settings::default()
    };
    let settings = resolve::settings(flags, None, common)?;
    let models = resolve::models(&settings.models);
    let found: Vec<Model> = models
        .list()
        .iter()
        .map(|folder| describe(folder))
        .collect();
    let outcome = if found.is_empty() {
        Outcome::NothingFound
    } else {
        Outcome::Found
    };
    let mut out = raw_stdout();
    if args.json {
        json::write_line(&mut out, &wire::Models::new(found, &models))?;
    } else {
        write_people(&mut out, &found, &models)?;
    }
    out.flush()?;
    Ok(outcome)
}

fn write_people(out: &mut impl Write, found: &[Model], models: &Models) -> std::io::Result<()> {
    for model in found {
        let default = if model.default { "  (default)" } else { "" };
        writeln!(out, "{}{default}", clean(&model.name))?;
        let mut row = |name: &str, value: &str| writeln!(out, "  {name:<10}{}", clean(value));
        row("role", &model.role)?;
        let revision = model.revision.as_deref().unwrap_or("unknown");
        row(
            "revision",
            &format!(
                "{revision} of {}",
                model.upstream.as_deref().unwrap_or("unknown")
            ),
        )?;
        row(
            "files",
            &format!("{}, {}", model.format, bytes(model.size_bytes)),
        )?;
        let licence = model
            .licence
            .as_ref()
            .map(|path| path.display().to_string());
        row("licence", licence.as_deref().unwrap_or("no licence file"))?;
        row("folder", &model.folder.display().to_string())?;
    }
    writeln!(
        out,
        "used now: {} and {}",
        clean(&models.embedder),
        clean(&models.cross_encoder)
    )?;
    writeln!(out, "looked for in (first match wins):")?;
    for folder in &models.search {
        let missing = if folder.is_dir() {
            ""
        } else {
            "  (no such folder)"
        };
        writeln!(out, "  {}{missing}", clean(&folder.display().to_string()))?;
    }
    let hub = if cfg!(feature = "hub") {
        "Names from fastembed's catalogue work too; such a model is downloaded when it is first used."
    } else {
        "Names from fastembed's catalogue work if this program is built with the feature `hub`."
    };
    writeln!(out, "{hub}")
}

/// A model folder, by what its files say.
fn describe(folder: &Path) -> Model {
    let name = folder
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let config = config(&folder.join("config.json"));
    let text = |key: &str| {
        let value = config.get(key).and_then(Value::as_str);
        value.filter(|value| !value.is_empty()).map(str::to_owned)
    };
    Model {
        role: role(folder, &config).to_owned(),
        upstream: text("_name_or_path"),
        revision: text("revision"),
        format: if folder.join("model.safetensors").is_file() {
            "safetensors"
        } else {
            "ONNX"
        }
        .to_owned(),
        size_bytes: size(folder),
        licence: LICENCES
            .map(|file| folder.join(file))
            .into_iter()
            .find(|path| path.is_file()),
        default: name == DEFAULT_EMBEDDER || name == DEFAULT_CROSS_ENCODER,
        folder: folder.to_owned(),
        name,
    }
}

/// A classifier reads pairs; what pools its tokens embeds.
fn role(folder: &Path, config: &Value) -> &'static str {
    let architecture = config.get("architectures").and_then(|names| names.get(0));
    match architecture.and_then(Value::as_str) {
        Some(name) if name.ends_with("ForSequenceClassification") => "cross-encoder",
        Some(_) => "embedder",
        None if folder.join("1_Pooling").is_dir() => "embedder",
        None => "unknown",
    }
}

fn config(path: &Path) -> Value {
    let small = path
        .metadata()
        .is_ok_and(|file| file.is_file() && file.len() <= MAX_CONFIG_BYTES);
    let text = small.then(|| std::fs::read(path).ok()).flatten();
    text.and_then(|text| serde_json::from_slice(&text).ok())
        .unwrap_or(Value::Null)
}

/// Bytes of the files of a folder and of the folders in it, without the weights as they were packed
/// when the model was opened.
fn size(folder: &Path) -> u64 {
    let of_folder = |folder: &Path| -> Vec<(PathBuf, std::fs::Metadata)> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let is_packed = |path: &Path| path.extension().is_some_and(|end| end == "packed");
        entries
            .filter(|entry| !is_packed(&entry.path()))
            .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
            .collect()
    };
    let files = |list: &[(PathBuf, std::fs::Metadata)]| -> u64 {
        list.iter()
            .filter(|(_, file)| file.is_file())
            .map(|(_, file)| file.len())
            .sum()
    };
    let here = of_folder(folder);
    let below = here.iter().filter(|(_, entry)| entry.is_dir());
    files(&here) + below.map(|(path, _)| files(&of_folder(path))).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_models_are_described() {
        let found: Vec<Model> = Models::default()
            .list()
            .iter()
            .map(|folder| describe(folder))
            .collect();
        for (name, role) in [
            (DEFAULT_EMBEDDER, "embedder"),
            (DEFAULT_CROSS_ENCODER, "cross-encoder"),
        ] {
            let model = found.iter().find(|model| model.name == name).unwrap();
            assert_eq!(model.role, role);
            assert!(model.default && model.licence.is_some() && model.size_bytes > 1_000_000);
            assert!(model.upstream.is_some() && model.revision.is_some());
        }
    }

    #[test]
    fn packed_weights_are_no_part_of_a_model() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.safetensors"), "12345").unwrap();
        std::fs::write(folder.path().join("model.avx2.packed"), "123").unwrap();
        assert_eq!(describe(folder.path()).size_bytes, 5);
    }

    #[test]
    fn a_folder_that_says_nothing_is_listed_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.onnx"), "not a model").unwrap();
        std::fs::write(folder.path().join("config.json"), "[broken").unwrap();
        let model = describe(folder.path());
        assert_eq!((&*model.role, &*model.format), ("unknown", "ONNX"));
        assert_eq!(model.revision, None);
    }
}
