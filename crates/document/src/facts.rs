//! Gathers what a file says about itself into metadata, within bounds.

use std::collections::BTreeSet;

use crate::metadata::{Date, Metadata, Value};
use crate::node::{Entries, Node, is_null};
use crate::problem::Reason;
use crate::text::boundary_before;

/// How many names of one document are kept, and how many values under one name.
const MAX_COUNT: usize = 64;
/// Longer texts are shortened, and longer names left out: what is that long is no fact to search by.
const MAX_BYTES: usize = 1 << 10;
/// How many maps may lie in one another.
const MAX_DEPTH: usize = 8;
/// Up to here whole numbers are exact as `f64`. Beyond they are most likely keys, and kept as text.
const MAX_WHOLE: u64 = 1 << 53;

/// Metadata in the making. Names are trimmed and lower case, maps inside maps become `a.b`; what is
/// empty is left out. What comes first is kept where there is too much.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    metadata: Metadata,
    limits: Limits,
}

/// The names of metadata that were too long or too many.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    first: Option<String>,
    /// Names that are shortened or left out, up to a number that nobody counts on.
    names: BTreeSet<String>,
}

impl Limits {
    /// The most names that are counted.
    const MAX_COUNTED: usize = 1_000;

    fn hit(&mut self, name: &str) {
        if self.names.len() < Self::MAX_COUNTED {
            let name = &name[..boundary_before(name, 64)];
            self.first.get_or_insert_with(|| name.to_owned());
            self.names.insert(name.to_owned());
        }
    }

    /// Adds those of another document of the same file.
    pub(crate) fn add(&mut self, other: &Self) {
        for name in other.first.iter().chain(&other.names) {
            self.hit(name);
        }
    }

    /// What to say of them; `None` where everything fits.
    pub(crate) fn reason(self) -> Option<Reason> {
        let n_more = self.names.len().saturating_sub(1);
        self.first
            .map(|name| Reason::MetadataLimit { name, n_more })
    }
}

impl Facts {
    /// All entries of a map, in order, but for the names that `leaves_out` is true for. Names that
    /// were there before are passed over.
    pub(crate) fn add_entries(&mut self, entries: &Entries, leaves_out: impl Fn(&str) -> bool) {
        let before: BTreeSet<String> = self.metadata.keys().cloned().collect();
        for (name, node) in entries {
            let is_known = || tidy_name("", name).is_some_and(|name| before.contains(&name));
            if !leaves_out(name) && !is_known() {
                self.add_under("", name, node, 0);
            }
        }
    }

    /// One more value of a name, from a place that has no types: a second one makes it a list.
    pub(crate) fn append(&mut self, name: &str, value: &str) {
        if let Some(name) = self.usable_name("", name) {
            self.add_text(&name, value, true);
        }
    }

    pub(crate) fn into_metadata(self) -> Metadata {
        self.metadata
    }

    /// The metadata, and what did not fit into them.
    pub(crate) fn into_parts(self) -> (Metadata, Limits) {
        (self.metadata, self.limits)
    }

    fn add_under(&mut self, above: &str, name: &str, node: &Node, depth: usize) {
        let Some(name) = self.usable_name(above, name) else {
            return;
        };
        match node {
            Node::Map(entries) => self.add_map(&name, entries, depth),
            Node::List(nodes) => self.add_list(&name, nodes, depth),
            Node::Plain(text) => self.add_text(&name, text, true),
            Node::Text(text) => self.add_text(&name, text, false),
            Node::Null | Node::Truth(_) | Node::Number(_) => {
                if let Some(value) = self.scalar(&name, node) {
                    self.add(&name, value);
                }
            }
        }
    }

    /// The entries of a map as `name.below`. Where it says what it is called, as a person in a list of
    /// authors does, it stands for that under its own name too.
    fn add_map(&mut self, name: &str, entries: &Entries, depth: usize) {
        if depth >= MAX_DEPTH {
            return self.limits.hit(name);
        }
        for (below, node) in entries {
            if below.trim().eq_ignore_ascii_case("name")
                && let Some(value) = self.scalar(name, node)
            {
                self.add(name, value);
            }
            self.add_under(name, below, node, depth + 1);
        }
    }

    fn add_list(&mut self, name: &str, nodes: &[Node], depth: usize) {
        let mut values = Vec::new();
        for node in nodes {
            if let Node::Map(entries) = node {
                self.add_map(name, entries, depth);
            } else if let Some(value) = self.scalar(name, node) {
                values.push(value);
            }
        }
        if !values.is_empty() {
            self.add(name, Value::List(values));
        }
    }

    /// A text, or the labels that it lists: `tags: harbour, tides`.
    fn add_text(&mut self, name: &str, text: &str, may_be_number: bool) {
        let as_value = |text: &str| {
            if may_be_number {
                Node::Plain(text.to_owned())
            } else {
                Node::Text(text.to_owned())
            }
        };
        if holds_labels(name) && text.contains([',', ';']) {
            let labels: Vec<Node> = text.split([',', ';']).map(as_value).collect();
            self.add_list(name, &labels, 0);
        } else if let Some(value) = self.scalar(name, &as_value(text)) {
            self.add(name, value);
        }
    }

    fn scalar(&mut self, name: &str, node: &Node) -> Option<Value> {
        match node {
            Node::Truth(truth) => Some(Value::Text(truth.to_string())),
            Node::Number(number) => Some(of_number(number)),
            Node::Plain(text) => match text.trim() {
                text if is_null(text) => None,
                "True" | "TRUE" => Some("true".into()),
                "False" | "FALSE" => Some("false".into()),
                text => match number(text) {
                    Some(number) => Some(of_number(&number)),
                    None => self.text(name, text),
                },
            },
            Node::Text(text) => self.text(name, text),
            Node::Null | Node::List(_) | Node::Map(_) => None,
        }
    }

    /// A text as a value, shortened between two words where it is too long.
    fn text(&mut self, name: &str, text: &str) -> Option<Value> {
        let mut text = text.trim();
        // Notes mark a tag as they do in their text.
        if holds_labels(name) && text.len() > 1 {
            text = text.strip_prefix('#').unwrap_or(text);
        }
        if text.len() > MAX_BYTES {
            self.limits.hit(name);
            let start = &text[..boundary_before(text, MAX_BYTES)];
            text = start.rsplit_once(char::is_whitespace)?.0.trim_end();
        }
        of_text(text)
    }

    /// Adds a value or the values of a list.
    fn add(&mut self, name: &str, value: Value) {
        let is_full = self.metadata.len() >= MAX_COUNT;
        match (self.metadata.get_mut(name), value) {
            (None, _) if is_full => self.limits.hit(name),
            (None, mut value) => {
                if let Value::List(values) = &mut value
                    && values.len() > MAX_COUNT
                {
                    values.truncate(MAX_COUNT);
                    self.limits.hit(name);
                }
                self.metadata.insert(name.to_owned(), value);
            }
            (Some(there), value) => {
                if !append(there, value) {
                    self.limits.hit(name);
                }
            }
        }
    }

    fn usable_name(&mut self, above: &str, name: &str) -> Option<String> {
        let usable = tidy_name(above, name);
        if usable.is_none() && !name.trim().is_empty() {
            self.limits.hit(name);
        }
        usable
    }
}

/// Adds a value, or the values of a list, that is not there yet; false if there is no room.
fn append(there: &mut Value, value: Value) -> bool {
    let added = match value {
        Value::List(values) => values,
        value => vec![value],
    };
    let mut has_room = true;
    for value in added {
        match &mut *there {
            Value::List(values) if values.contains(&value) => {}
            Value::List(values) if values.len() >= MAX_COUNT => has_room = false,
            Value::List(values) => values.push(value),
            only if *only == value => {}
            only => *only = Value::List(vec![only.clone(), value]),
        }
    }
    has_room
}

/// Whether a name holds labels, which a text may list with commas between them.
fn holds_labels(name: &str) -> bool {
    let last = name.rsplit(['.', ':', '_', '-']).next().unwrap_or(name);
    matches!(last, "tags" | "tag" | "keywords" | "keyword" | "categories")
}

/// The number that a text is, in the plain form that no name or key has by chance: `007`, `1e3` and
/// `+1` are none, `1.5e3` is one.
pub(crate) fn number(text: &str) -> Option<serde_json::Number> {
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let digits = digits.strip_prefix('-').unwrap_or(digits);
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let exponent_digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let has_plain_exponent = exponent_digits.bytes().all(|b| b.is_ascii_digit())
        && (exponent == "0" || digits.contains('.'));
    // JSON's own grammar refuses the rest: leading zeros, and a point without digits around it.
    (is_plain && has_plain_exponent && !digits.is_empty())
        .then(|| serde_json::from_str(text).ok())?
}

fn of_number(number: &serde_json::Number) -> Value {
    let whole = number
        .as_u64()
        .or_else(|| number.as_i64().map(i64::unsigned_abs));
    match number.as_f64() {
        Some(value) if whole.is_none_or(|whole| whole <= MAX_WHOLE) => Value::from(value),
        _ => Value::Text(number.to_string()),
    }
}

fn of_text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| day(text).map_or_else(|| Value::from(text), Value::Date))
}

/// The day that a text is, perhaps with a time of the day behind it.
fn day(text: &str) -> Option<Date> {
    let time = text.get(10..)?;
    let is_time = time.strip_prefix(['T', 't', ' ']).is_some_and(|time| {
        let starts_with_hour = time.starts_with(|c: char| c.is_ascii_digit());
        let is_of_time =
            |c: char| c.is_ascii_digit() || matches!(c, ':' | '.' | '+' | '-' | 'Z' | 'z' | ' ');
        starts_with_hour && time.chars().all(is_of_time)
    });
    (time.is_empty() || is_time).then(|| text[..10].parse().ok())?
}

fn tidy_name(above: &str, name: &str) -> Option<String> {
    let name = name.trim().to_lowercase();
    let is_usable = !name.is_empty() && above.len() + name.len() < MAX_BYTES;
    is_usable.then(|| {
        if above.is_empty() {
            name
        } else {
            format!("{above}.{name}")
        }
    })
}

#[cfg(test)]
mod tests;
