//! Configuration files: `reread.toml` in the folder that is searched, and the user's own.
//!
//! A folder may come from someone else, so its file cannot say where models, indexes or libraries
//! are. Every key has the form of its flag, and is read by the same parser.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use etcetera::BaseStrategy;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::args::{
    Settings, bounded, budget, calibration, choice, cpu, finite, size, timeout, weight,
};

/// The name of a folder's configuration file.
pub(crate) const FOLDER_FILE: &str = "reread.toml";

/// Longer files are no configuration.
const MAX_BYTES: u64 = 64 << 10;

/// Every key, and whose file may hold it.
const KEYS: [(&str, Owner); 31] = [
    ("top_k", Owner::Anyone),
    ("depth", Owner::Anyone),
    ("mode", Owner::Anyone),
    ("fusion", Owner::Anyone),
    ("dense_weight", Owner::Anyone),
    ("rrf_k", Owner::Anyone),
    ("rerank", Owner::Anyone),
    ("rerank_weight", Owner::Anyone),
    ("budget", Owner::Anyone),
    ("stop", Owner::Anyone),
    ("min_score", Owner::Anyone),
    ("min_probability", Owner::Anyone),
    ("calibration", Owner::Anyone),
    ("ef_search", Owner::Anyone),
    ("by", Owner::Anyone),
    ("paths", Owner::Anyone),
    ("types", Owner::Anyone),
    ("refresh", Owner::Anyone),
    ("passage_tokens", Owner::Anyone),
    ("overlap_tokens", Owner::Anyone),
    ("max_file_size", Owner::Anyone),
    ("hidden", Owner::Anyone),
    ("pdf_timeout", Owner::Anyone),
    ("models", Owner::User),
    ("embedder", Owner::User),
    ("cross_encoder", Owner::User),
    ("pair_tokens", Owner::User),
    ("cpu", Owner::User),
    ("precision", Owner::User),
    ("onnxruntime", Owner::User),
    ("threads", Owner::User),
];

/// Whose file it is, or whose file may hold a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Anyone,
    User,
}

/// Reads both configuration files, the folder's before the user's. A file that is not there says
/// nothing.
pub(crate) fn read(folder: Option<&Path>) -> anyhow::Result<Settings> {
    let of_folder = folder.map_or(Ok(Settings::default()), |folder| {
        read_file(&folder.join(FOLDER_FILE), Owner::Anyone)
    })?;
    let of_user = user_file().map_or(Ok(Settings::default()), |path| {
        read_file(&path, Owner::User)
    })?;
    Ok(of_folder.or(of_user))
}

/// Where the user's configuration file is, whether or not there is one.
fn user_file() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.config_dir().join("reread").join("config.toml"))
}

fn read_file(path: &Path, owner: Owner) -> anyhow::Result<Settings> {
    let failed = || format!("cannot read the configuration {}", path.display());
    // A pipe of this name would keep us waiting.
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => (),
        Ok(_) => return Ok(Settings::default()),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Settings::default());
        }
        Err(error) => return Err(error).with_context(failed),
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .with_context(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!(
            "{} is longer than a configuration file can be ({MAX_BYTES} bytes)",
            path.display()
        );
    }
    let text = String::from_utf8(bytes).with_context(failed)?;
    parse(&text, owner).map_err(|error| {
        anyhow::anyhow!(
            "{}:{}: {}",
            path.display(),
            line_of(&text, error.offset),
            error.problem
        )
    })
}

/// What is wrong with a configuration file, and at which byte.
#[derive(Debug)]
struct ConfigError {
    offset: usize,
    problem: String,
}

fn parse(text: &str, owner: Owner) -> Result<Settings, ConfigError> {
    let table = DeTable::parse(text).map_err(|error| ConfigError {
        offset: error.span().map_or(0, |span| span.start),
        problem: error.message().to_owned(),
    })?;
    let mut settings = Settings::default();
    for (key, value) in table.get_ref() {
        let offset = key.span().start;
        let key = key.get_ref();
        set(&mut settings, key, value, owner).map_err(|problem| ConfigError {
            offset,
            problem: format!("`{key}` {problem}"),
        })?;
    }
    Ok(settings)
}

fn set(
    settings: &mut Settings,
    key: &str,
    value: &Spanned<DeValue<'_>>,
    owner: Owner,
) -> Result<(), String> {
    let known = KEYS.iter().find(|(name, _)| *name == key);
    match known {
        None => return Err(unknown(key)),
        Some((_, Owner::User)) if owner == Owner::Anyone => {
            return Err("may stand in the user's own configuration only: \
                        a folder does not choose what runs on your machine"
                .to_owned());
        }
        Some(_) => (),
    }
    let value = value.get_ref();
    let (search, models) = (&mut settings.search, &mut settings.models);
    match key {
        "top_k" => search.top_k = Some(bounded::<1, 1_000>(&scalar(value)?)?),
        "depth" => search.depth = Some(bounded::<1, 10_000>(&scalar(value)?)?),
        "mode" => search.mode = Some(choice(&scalar(value)?)?),
        "fusion" => search.fusion = Some(choice(&scalar(value)?)?),
        "dense_weight" => search.dense_weight = Some(weight(&scalar(value)?)?),
        "rrf_k" => search.rrf_k = Some(finite(&scalar(value)?)?),
        "rerank" => (search.rerank, search.no_rerank) = yes_or_no(value)?,
        "rerank_weight" => search.rerank_weight = Some(weight(&scalar(value)?)?),
        "ef_search" => search.ef_search = Some(bounded::<1, 100_000>(&scalar(value)?)?),
        "budget" => search.budget = Some(budget(&scalar(value)?)?),
        "stop" => search.stop = Some(choice(&scalar(value)?)?),
        "min_score" => search.min_score = Some(finite(&scalar(value)?)?),
        "min_probability" => search.min_probability = Some(weight(&scalar(value)?)?),
        "calibration" => search.calibration = Some(calibration(&scalar(value)?)?),
        "by" => search.by = Some(choice(&scalar(value)?)?),
        "paths" => search.paths = list(value)?,
        "types" => {
            let names = list(value)?;
            search.types = names
                .iter()
                .map(|name| choice(name))
                .collect::<Result<_, _>>()?;
        }
        "refresh" => (search.refresh, search.no_refresh) = yes_or_no(value)?,
        "passage_tokens" => {
            settings.index.passage_tokens = Some(bounded::<16, 4_096>(&scalar(value)?)?);
        }
        "overlap_tokens" => {
            settings.index.overlap_tokens = Some(bounded::<0, 2_047>(&scalar(value)?)?);
        }
        "max_file_size" => settings.read.max_file_size = Some(size(&scalar(value)?)?),
        "hidden" => (settings.walk.hidden, settings.walk.no_hidden) = yes_or_no(value)?,
        "pdf_timeout" => settings.read.pdf_timeout = Some(timeout(&scalar(value)?)?),
        "models" => models.models = list(value)?.into_iter().map(PathBuf::from).collect(),
        "embedder" => models.embedder = Some(scalar(value)?),
        "cross_encoder" => models.cross_encoder = Some(scalar(value)?),
        "pair_tokens" => models.pair_tokens = Some(bounded::<16, 8_192>(&scalar(value)?)?),
        "cpu" => models.cpu = Some(cpu(&scalar(value)?)?),
        "precision" => models.precision = Some(choice(&scalar(value)?)?),
        "onnxruntime" => models.onnxruntime = Some(scalar(value)?.into()),
        "threads" => models.threads = Some(bounded::<1, 1_024>(&scalar(value)?)?),
        _ => return Err(unknown(key)),
    }
    Ok(())
}

fn unknown(key: &str) -> String {
    if key == "index" {
        return "is no key; say where an index is with --index or REREAD_INDEX".to_owned();
    }
    let names: Vec<&str> = KEYS.iter().map(|(name, _)| *name).collect();
    format!("is no key; there are {}", names.join(", "))
}

/// A number or a string as the text that its flag would have.
fn scalar(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().replace('_', "")),
        DeValue::Float(number) => Ok(number.as_str().replace('_', "")),
        other => Err(format!(
            "must be a number or a string, not {}",
            name_of(other)
        )),
    }
}

/// A switch and its opposite.
fn yes_or_no(value: &DeValue<'_>) -> Result<(bool, bool), String> {
    let yes = value
        .as_bool()
        .ok_or_else(|| "must be true or false".to_owned())?;
    Ok((yes, !yes))
}

/// One string, or a list of strings.
fn list(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let invalid = || "must be a list of strings, such as [\"docs/**\"]".to_owned();
    match value {
        DeValue::String(text) => Ok(vec![text.to_string()]),
        DeValue::Array(items) => items
            .iter()
            .map(|item| {
                item.get_ref()
                    .as_str()
                    .map(str::to_owned)
                    .ok_or_else(invalid)
            })
            .collect(),
        _ => Err(invalid()),
    }
}

fn name_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
        _ => "this",
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|&&byte| byte == b'\n')
        .count()
        + 1
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A value that each key accepts.
    fn example(key: &str) -> &'static str {
        match key {
            "mode" => "\"lexical\"",
            "fusion" => "\"rrf\"",
            "stop" => "\"never\"",
            "by" => "\"document\"",
            "paths" | "models" => "[\"a\", \"b\"]",
            "types" => "[\"md\", \"pdf\"]",
            "rerank" | "refresh" | "hidden" => "false",
            "calibration" => "\"0.5 -1 a1b2c3\"",
            "dense_weight" | "rerank_weight" | "min_probability" => "0.25",
            "pdf_timeout" => "\"90s\"",
            "max_file_size" => "\"1M\"",
            "embedder" | "cross_encoder" | "onnxruntime" => "\"name\"",
            "cpu" => "\"portable\"",
            "precision" => "\"f32\"",
            _ => "100",
        }
    }

    #[test]
    fn every_key_is_read() {
        for (key, _) in KEYS {
            let settings = parse(&format!("{key} = {}", example(key)), Owner::User).unwrap();
            assert_ne!(settings, Settings::default(), "{key}");
        }
    }

    #[test]
    fn a_folder_does_not_choose_what_runs() {
        for (key, owner) in KEYS {
            let read = parse(&format!("{key} = {}", example(key)), Owner::Anyone);
            assert_eq!(read.is_ok(), owner == Owner::Anyone, "{key}");
        }
    }

    #[test]
    fn values_mean_what_they_mean_as_flags() {
        let text = "depth = 1_000\nrerank = false\npdf_timeout = 2.5\npaths = \"docs\"";
        let settings = parse(text, Owner::Anyone).unwrap();
        assert_eq!(settings.search.depth, Some(1_000));
        assert!(settings.search.no_rerank);
        assert_eq!(
            settings.read.pdf_timeout,
            Some(Duration::from_millis(2_500))
        );
        assert_eq!(settings.search.paths, ["docs"]);
    }

    #[test]
    fn errors_name_line_and_key() {
        let cases = [
            ("top_k = 5\ntop_x = 5", 2, "`top_x` is no key"),
            ("\n\ntop_k = 0", 3, "`top_k` must be a whole number from 1"),
            ("mode = \"both\"", 1, "`mode` must be one of lexical"),
            ("rerank = 1", 1, "`rerank` must be true or false"),
            ("paths = [1]", 1, "`paths` must be a list"),
            ("[search]\ntop_k = 5", 1, "`search` is no key"),
            (
                "top_k = true",
                1,
                "`top_k` must be a number or a string, not true or false",
            ),
            ("top_k = 5\ndepth = = 3", 2, ""),
            ("top_k = 5\ntop_k = 6", 2, ""),
            ("index = \"/elsewhere\"", 1, "--index"),
        ];
        for (text, line, problem) in cases {
            let error = parse(text, Owner::Anyone).unwrap_err();
            assert_eq!(line_of(text, error.offset), line, "{text}");
            assert!(error.problem.contains(problem), "{}", error.problem);
        }
    }
}
