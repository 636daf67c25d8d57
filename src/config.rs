//! Configuration files: `reread.toml` in the folder that is searched, and the user's own.
//!
//! A folder may come from someone else, so its file cannot say where models, indexes or libraries
//! are.

mod edited;
mod keys;

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use etcetera::BaseStrategy;
use toml::de::DeTable;

pub(crate) use edited::Edited;
pub(crate) use keys::{Owner, names_of};

use crate::args::Settings;
use keys::Key;

/// The name of a folder's configuration file.
pub(crate) const FOLDER_FILE: &str = "reread.toml";

/// Longer files are no configuration.
const MAX_BYTES: u64 = 64 << 10;

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
    let bytes = bytes_of(path).with_context(failed)?;
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

/// A file's first bytes, one more than it may have; none where there is no file.
fn bytes_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            File::open(path)?
                .take(MAX_BYTES + 1)
                .read_to_end(&mut bytes)?;
        }
        // A pipe of this name would keep us waiting.
        Ok(_) => (),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => (),
        Err(error) => return Err(error),
    }
    Ok(bytes)
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
        Key::find(key)
            .and_then(|key| key.read(&mut settings, value.get_ref(), owner))
            .map_err(|problem| ConfigError {
                offset,
                // The rest shows the place in the value, which needs lines of its own.
                problem: format!("`{key}` {}", problem.lines().next().unwrap_or_default()),
            })?;
    }
    Ok(settings)
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

    use super::keys::KEYS;
    use super::*;

    /// A value that each key accepts.
    fn example(key: &str) -> &'static str {
        match key {
            "mode" => "\"lexical\"",
            "fusion" => "\"rrf\"",
            "stop" | "fold" => "\"never\"",
            "by" => "\"document\"",
            "where" => "\"has author\"",
            "paths" | "models" => "[\"a\", \"b\"]",
            "types" => "[\"md\", \"pdf\"]",
            "rerank" | "refresh" | "hidden" => "false",
            "calibration" => "\"0.5 -1 a1b2c3\"",
            "dense_weight" | "rerank_weight" => "0.25",
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
        for Key { name, .. } in &KEYS {
            let settings = parse(&format!("{name} = {}", example(name)), Owner::User).unwrap();
            assert_ne!(settings, Settings::default(), "{name}");
        }
    }

    #[test]
    fn a_folder_does_not_choose_what_runs() {
        for Key { name, owner, .. } in &KEYS {
            let read = parse(&format!("{name} = {}", example(name)), Owner::Anyone);
            assert_eq!(read.is_ok(), *owner == Owner::Anyone, "{name}");
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
            ("top_k = 5\ntop_x = 5", 2, "`top_x` is not a key"),
            ("\n\ntop_k = 0", 3, "`top_k` must be a whole number from 1"),
            ("mode = \"both\"", 1, "`mode` must be one of lexical"),
            ("rerank = 1", 1, "`rerank` must be true or false"),
            ("paths = [1]", 1, "`paths` must be a list"),
            ("[search]\ntop_k = 5", 1, "`search` is not a key"),
            (
                "top_k = true",
                1,
                "`top_k` must be a number or a string, not true or false",
            ),
            ("top_k = 5\ndepth = = 3", 2, ""),
            ("top_k = 5\ntop_k = 6", 2, ""),
            ("index = \"/elsewhere\"", 1, "--index"),
            ("where = \"year >\"", 1, "`where` must be a condition"),
        ];
        for (text, line, problem) in cases {
            let error = parse(text, Owner::Anyone).unwrap_err();
            assert_eq!(line_of(text, error.offset), line, "{text}");
            assert!(error.problem.contains(problem), "{}", error.problem);
            assert!(!error.problem.contains('\n'), "{}", error.problem);
        }
    }
}
