//! What a Markdown file says about itself before its text: YAML or TOML, as maps of JSON's types.
//! The only file that names `saphyr_parser` and `toml`.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value as Json};

use crate::facts::number;

/// Front matter beyond this is not looked into.
const MAX_BYTES: usize = 64 << 10;
/// How deep YAML may nest.
const MAX_DEPTH: usize = 16;

/// The names and values of YAML; none if it is no map, damaged, or nests too deep.
///
/// Aliases are left out instead of followed, so that a few lines cannot stand for a million.
pub(crate) fn yaml(source: &str) -> Option<Map<String, Json>> {
    if source.len() > MAX_BYTES {
        return None;
    }
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(source) {
        let done = match event.ok()?.0 {
            Event::MappingStart(..) => {
                open.push(Open::Map(Map::new(), None));
                None
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                None
            }
            Event::Scalar(text, style, ..) => Some(scalar(&text, style)),
            Event::Alias(_) => Some(Json::Null),
            Event::MappingEnd | Event::SequenceEnd => Some(open.pop()?.close()),
            _ => None,
        };
        if open.len() > MAX_DEPTH {
            return None;
        }
        match (done, open.last_mut()) {
            (Some(value), Some(inside)) => inside.take(value),
            // The first document ends here; nothing after it counts.
            (Some(Json::Object(map)), None) => return Some(map),
            (Some(_), None) => return None,
            (None, _) => {}
        }
    }
    None
}

/// A map or a list whose end has not come yet.
enum Open {
    /// With a name that still lacks its value.
    Map(Map<String, Json>, Option<Json>),
    List(Vec<Json>),
}

impl Open {
    fn take(&mut self, value: Json) {
        match self {
            Self::List(values) => values.push(value),
            Self::Map(map, name) => match name.take() {
                None => *name = Some(value),
                // Names that are numbers are names too; a map as a name is passed over.
                Some(Json::String(name)) => drop(map.insert(name, value)),
                Some(Json::Number(name)) => drop(map.insert(name.to_string(), value)),
                Some(_) => {}
            },
        }
    }

    fn close(self) -> Json {
        match self {
            Self::Map(map, _) => Json::Object(map),
            Self::List(values) => Json::Array(values),
        }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Json {
    if style != ScalarStyle::Plain {
        return Json::from(text);
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "true" | "True" | "TRUE" => Json::Bool(true),
        "false" | "False" | "FALSE" => Json::Bool(false),
        _ => number(text).map_or_else(|| Json::from(text), Json::Number),
    }
}

/// The names and values of TOML between lines of `+++` at the very beginning of a file.
pub(crate) fn toml_of(text: &str) -> Option<Map<String, Json>> {
    let rest = text.strip_prefix("+++")?;
    let rest = rest
        .strip_prefix("\r\n")
        .or_else(|| rest.strip_prefix('\n'))?;
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "+++" {
            let table: toml::Table = rest[..end].parse().ok()?;
            return Some(
                table
                    .into_iter()
                    .map(|(name, value)| (name, of_toml(value)))
                    .collect(),
            );
        }
        end += line.len();
        if end > MAX_BYTES {
            return None;
        }
    }
    None
}

fn of_toml(value: toml::Value) -> Json {
    match value {
        toml::Value::String(text) => Json::String(text),
        toml::Value::Integer(number) => Json::from(number),
        toml::Value::Float(number) => Json::from(number),
        toml::Value::Boolean(truth) => Json::Bool(truth),
        toml::Value::Datetime(time) => Json::String(time.to_string()),
        toml::Value::Array(values) => values.into_iter().map(of_toml).collect(),
        toml::Value::Table(table) => table
            .into_iter()
            .map(|(name, value)| (name, of_toml(value)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_has_its_types() {
        let source = "title: A B\ndate: 2024-03-01\nyear: 2024\nversion: '1.0'\nzip: 007\ndraft: no\n\
                      done: true\nnothing: ~\ntags: [x, 2]\nauthors:\n  - Ada\n  - \"Bob\"\n\
                      seo:\n  robots: all\nlong: >\n  two\n  lines\n12: twelve\n";
        let expected = json!({
            "title": "A B", "date": "2024-03-01", "year": 2024, "version": "1.0", "zip": "007",
            "draft": "no", "done": true, "nothing": null, "tags": ["x", 2], "authors": ["Ada", "Bob"],
            "seo": {"robots": "all"}, "long": "two lines\n", "12": "twelve",
        });
        assert_eq!(yaml(source).map(Json::Object), Some(expected));
    }

    #[test]
    fn what_is_no_sound_map_is_nothing() {
        for source in [
            "",
            "words",
            "- a",
            "a: [",
            "a: b: c",
            "\"a",
            "a: \t- x\n b",
            "%",
            "---\n---\n",
        ] {
            assert_eq!(yaml(source), None, "{source}");
        }
        assert_eq!(yaml(&format!("a: {}", "[".repeat(5_000))), None);
        assert_eq!(yaml(&format!("a: {}", "x".repeat(MAX_BYTES))), None);
    }

    #[test]
    fn aliases_do_not_multiply() {
        let mut source = "a: &a [x, x, x, x]\n".to_owned();
        for (name, below) in ('b'..='z').zip('a'..) {
            let list = format!("[*{below}, *{below}, *{below}, *{below}]");
            let _ = writeln!(source, "{name}: &{name} {list}");
        }
        let map = yaml(&source).unwrap();
        assert_eq!(map["a"], json!(["x", "x", "x", "x"]));
        assert_eq!(map["z"], json!([null, null, null, null]));
    }

    #[test]
    fn toml_is_read_between_its_fences_only() {
        let text =
            "+++\r\ntitle = \"T\"\r\ndate = 2024-03-01T10:00:00Z\n[extra]\nweight = 2\n+++\nbody\n";
        let expected =
            json!({"title": "T", "date": "2024-03-01T10:00:00Z", "extra": {"weight": 2}});
        assert_eq!(toml_of(text).map(Json::Object), Some(expected));
        for text in [
            "+++\na = 1\n",
            "x\n+++\na = 1\n+++\n",
            "+++\na =\n+++\n",
            "+++ a\n+++\n",
            "+++",
        ] {
            assert_eq!(toml_of(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_front_matter_is_survived(
            source in "([a-c:\\-\\[\\]{}&*!|>'\"%@`#?,~=+. \n\t]|\\PC){0,80}",
        ) {
            let _ = yaml(&source);
            let _ = toml_of(&format!("+++\n{source}\n+++\n"));
        }
    }
}
