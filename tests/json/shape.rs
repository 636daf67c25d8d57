//! The types of fields, and a look at whether values are of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Fields by their paths, such as `hits[].scores.bm25`.
pub(crate) type Fields = BTreeMap<String, Shape>;

/// What a field may hold.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    kind: Kind,
    or_null: bool,
}

#[derive(Debug, Clone)]
enum Kind {
    Boolean,
    Integer,
    Number,
    String,
    /// A string, a number or an array.
    Value,
    Object,
    Array(Box<Kind>),
    Map(Box<Kind>),
}

impl Shape {
    /// Reads `array of strings or null`.
    pub(crate) fn parse(text: &str) -> Self {
        let (kind, or_null) = match text.strip_suffix(" or null") {
            Some(kind) => (kind, true),
            None => (text, false),
        };
        let kind = Kind::parse(kind);
        Self { kind, or_null }
    }
}

impl Kind {
    fn parse(text: &str) -> Self {
        let (name, of) = match text.split_once(" of ") {
            Some((name, of)) => (name, Some(Box::new(Self::parse(of)))),
            None => (text, None),
        };
        match (name.trim_end_matches('s'), of) {
            ("boolean", None) => Self::Boolean,
            ("integer", None) => Self::Integer,
            ("number", None) => Self::Number,
            ("string", None) => Self::String,
            ("value", None) => Self::Value,
            ("object", None) => Self::Object,
            ("array", Some(of)) => Self::Array(of),
            ("map", Some(of)) => Self::Map(of),
            _ => panic!("{text} is no type"),
        }
    }
}

/// Looks at an answer: notes the path of each field, and complains of those that are not described or are of
/// another type.
pub(crate) fn look(
    answer: &Value,
    fields: &Fields,
    paths: &mut BTreeSet<String>,
    complaints: &mut Vec<String>,
) {
    let mut look = Look {
        fields,
        paths,
        complaints,
    };
    look.at(answer, "", &Kind::Object);
}

struct Look<'a> {
    fields: &'a Fields,
    paths: &'a mut BTreeSet<String>,
    complaints: &'a mut Vec<String>,
}

impl Look<'_> {
    fn at(&mut self, value: &Value, path: &str, kind: &Kind) {
        match (value, kind) {
            (Value::Object(members), Kind::Object) => {
                for (name, value) in members {
                    let dot = if path.is_empty() { "" } else { "." };
                    self.field(value, format!("{path}{dot}{name}"));
                }
            }
            (Value::Object(members), Kind::Map(of)) => {
                for value in members.values() {
                    self.at(value, &format!("{path}{{}}"), of);
                }
            }
            (Value::Array(values), Kind::Array(of)) => {
                for value in values {
                    self.at(value, &format!("{path}[]"), of);
                }
            }
            (Value::Bool(_), Kind::Boolean)
            | (Value::String(_), Kind::String)
            | (Value::Number(_), Kind::Number)
            | (Value::String(_) | Value::Number(_) | Value::Array(_), Kind::Value) => {}
            (Value::Number(number), Kind::Integer) if number.is_i64() => {}
            _ => self.complain(format!("`{path}` is no {kind:?}: {value}")),
        }
    }

    fn field(&mut self, value: &Value, path: String) {
        match self.fields.get(&path) {
            None => self.complain(format!("`{path}` is not described")),
            Some(shape) if value.is_null() && shape.or_null => {}
            Some(shape) => self.at(value, &path, &shape.kind),
        }
        self.paths.insert(path);
    }

    /// The same is said once.
    fn complain(&mut self, complaint: String) {
        if !self.complaints.contains(&complaint) {
            self.complaints.push(complaint);
        }
    }
}
