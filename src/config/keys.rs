//! The keys of configuration files: one table, from which they are read, checked and listed.
//!
//! Every key has the form of its flag, and is read by the same parser.

use toml::de::DeValue;

use crate::args::{
    Settings, bounded, budget, calibration, choice, condition, cpu, finite, size, timeout, weight,
};

/// A key of a configuration file.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) owner: Owner,
    read: Read,
}

/// Reads a value into its place among the settings; the error says what the value must be.
type Read = fn(&mut Settings, &DeValue<'_>) -> Result<(), String>;

/// Whose file it is, or whose file may hold a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    Anyone,
    User,
}

/// Every key, in the order in which they are listed.
#[rustfmt::skip] // A row a key.
pub(super) static KEYS: [Key; 33] = [
    anyone("top_k", |s, v| one(&mut s.search.top_k, v, bounded::<1, 1_000>)),
    anyone("depth", |s, v| one(&mut s.search.depth, v, bounded::<1, 10_000>)),
    anyone("mode", |s, v| one(&mut s.search.mode, v, choice)),
    anyone("fusion", |s, v| one(&mut s.search.fusion, v, choice)),
    anyone("dense_weight", |s, v| one(&mut s.search.dense_weight, v, weight)),
    anyone("rrf_k", |s, v| one(&mut s.search.rrf_k, v, finite)),
    anyone("rerank", |s, v| switch(&mut s.search.rerank, &mut s.search.no_rerank, v)),
    anyone("rerank_weight", |s, v| one(&mut s.search.rerank_weight, v, weight)),
    anyone("budget", |s, v| one(&mut s.search.budget, v, budget)),
    anyone("stop", |s, v| one(&mut s.search.stop, v, choice)),
    anyone("min_score", |s, v| one(&mut s.search.min_score, v, finite)),
    anyone("calibration", |s, v| one(&mut s.search.calibration, v, calibration)),
    anyone("ef_search", |s, v| one(&mut s.search.ef_search, v, bounded::<1, 100_000>)),
    anyone("by", |s, v| one(&mut s.search.by, v, choice)),
    anyone("fold", |s, v| one(&mut s.search.fold, v, choice)),
    anyone("per_document", |s, v| one(&mut s.search.per_document, v, bounded::<1, 1_000>)),
    anyone("paths", |s, v| several(&mut s.search.paths, v, text)),
    anyone("types", |s, v| several(&mut s.search.types, v, choice)),
    anyone("where", |s, v| several(&mut s.search.conditions, v, condition)),
    anyone("refresh", |s, v| switch(&mut s.search.refresh, &mut s.search.no_refresh, v)),
    anyone("passage_tokens", |s, v| one(&mut s.index.passage_tokens, v, bounded::<16, 4_096>)),
    anyone("overlap_tokens", |s, v| one(&mut s.index.overlap_tokens, v, bounded::<0, 2_047>)),
    anyone("max_file_size", |s, v| one(&mut s.read.max_file_size, v, size)),
    anyone("hidden", |s, v| switch(&mut s.walk.hidden, &mut s.walk.no_hidden, v)),
    anyone("pdf_timeout", |s, v| one(&mut s.read.pdf_timeout, v, timeout)),
    user("models", |s, v| several(&mut s.models.models, v, text)),
    user("embedder", |s, v| one(&mut s.models.embedder, v, text)),
    user("cross_encoder", |s, v| one(&mut s.models.cross_encoder, v, text)),
    user("pair_tokens", |s, v| one(&mut s.models.pair_tokens, v, bounded::<16, 8_192>)),
    user("cpu", |s, v| one(&mut s.models.cpu, v, cpu)),
    user("precision", |s, v| one(&mut s.models.precision, v, choice)),
    user("onnxruntime", |s, v| one(&mut s.models.onnxruntime, v, text)),
    user("threads", |s, v| one(&mut s.models.threads, v, bounded::<1, 1_024>)),
];

const fn anyone(name: &'static str, read: Read) -> Key {
    Key {
        name,
        owner: Owner::Anyone,
        read,
    }
}

const fn user(name: &'static str, read: Read) -> Key {
    Key {
        name,
        owner: Owner::User,
        read,
    }
}

impl Key {
    /// Finds a key by its name; the error says what is wrong with `name`.
    pub(super) fn find(name: &str) -> Result<&'static Self, String> {
        if name == "index" {
            return Err(
                "is not a key; say where an index is with --index or REREAD_INDEX".to_owned(),
            );
        }
        let found = KEYS.iter().find(|key| key.name == name);
        found.ok_or_else(|| format!("is not a key; the keys are {}", names(|_| true)))
    }

    /// Reads a value that stands in the file of `owner`; the error says what the value must be.
    pub(super) fn read(
        &self,
        settings: &mut Settings,
        value: &DeValue<'_>,
        owner: Owner,
    ) -> Result<(), String> {
        if self.owner == Owner::User && owner == Owner::Anyone {
            return Err("is allowed only in the user's own configuration: \
                        a folder does not choose what runs on your machine"
                .to_owned());
        }
        (self.read)(settings, value)
    }
}

/// The names of the keys that may stand in any file, or in that of the user alone.
pub(crate) fn names_of(owner: Owner) -> String {
    names(|key| key.owner == owner)
}

fn names(which: impl Fn(&Key) -> bool) -> String {
    let names = KEYS.iter().filter(|key| which(key)).map(|key| key.name);
    names.collect::<Vec<_>>().join(", ")
}

/// Reads a number or a string as its flag would.
fn one<T>(
    setting: &mut Option<T>,
    value: &DeValue<'_>,
    parse: fn(&str) -> Result<T, String>,
) -> Result<(), String> {
    *setting = Some(match value {
        DeValue::String(text) => parse(text)?,
        DeValue::Integer(number) if number.radix() == 10 => parse(&plain(number.as_str()))?,
        DeValue::Float(number) => parse(&plain(number.as_str()))?,
        other => {
            let kind = kind(other);
            return Err(format!("must be a number or a string, not {kind}"));
        }
    });
    Ok(())
}

/// Reads one string, or a list of strings.
fn several<T>(
    setting: &mut Vec<T>,
    value: &DeValue<'_>,
    parse: fn(&str) -> Result<T, String>,
) -> Result<(), String> {
    let items = match value {
        DeValue::Array(items) => items.iter().map(|item| item.get_ref().as_str()).collect(),
        value => vec![value.as_str()],
    };
    let strings: Option<Vec<&str>> = items.into_iter().collect();
    let strings = strings.ok_or("must be a list of strings, such as [\"docs/**\"]")?;
    *setting = strings.into_iter().map(parse).collect::<Result<_, _>>()?;
    Ok(())
}

/// Reads a switch, which has a flag for yes and one for no.
fn switch(yes: &mut bool, no: &mut bool, value: &DeValue<'_>) -> Result<(), String> {
    *yes = value.as_bool().ok_or("must be true or false")?;
    *no = !*yes;
    Ok(())
}

/// Any text will do.
#[allow(clippy::unnecessary_wraps)] // It stands where parsers stand.
fn text<T: From<String>>(text: &str) -> Result<T, String> {
    Ok(text.to_owned().into())
}

/// A number of TOML as a flag would have it.
fn plain(number: &str) -> String {
    number.replace('_', "")
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
        _ => "this",
    }
}
