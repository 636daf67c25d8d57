//! YAML as entries in the order of the file. The only file that names `saphyr_parser`.

use saphyr_parser::{Event, Parser, ScalarStyle};

use crate::node::{Entries, Node};

/// How deep YAML may nest.
const MAX_DEPTH: usize = 16;

/// Why a text is no map.
#[derive(Debug, PartialEq)]
pub(super) enum NoMap {
    /// It is sound, but something else, such as a sentence.
    Other,
    /// It is damaged or nests too deep; the parser's words.
    Damaged(String),
}

/// The names and values of the first map of YAML.
///
/// Aliases are left out instead of followed, so that a few lines cannot stand for a million.
pub(super) fn map(source: &str) -> Result<Entries, NoMap> {
    let mut open: Vec<Open> = Vec::new();
    let mut map = None;
    for event in Parser::new_from_str(source) {
        let event = event.map_err(|error| NoMap::Damaged(error.info().to_owned()))?;
        let done = match event.0 {
            Event::MappingStart(..) => {
                open.push(Open::Map(Vec::new(), None));
                None
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                None
            }
            Event::Scalar(text, ScalarStyle::Plain, ..) => Some(Node::Plain(text.into_owned())),
            Event::Scalar(text, ..) => Some(Node::Text(text.into_owned())),
            Event::Alias(_) => Some(Node::Null),
            Event::MappingEnd | Event::SequenceEnd => open.pop().map(Open::close),
            _ => None,
        };
        if open.len() > MAX_DEPTH {
            return Err(NoMap::Damaged("it nests too deep".to_owned()));
        }
        match (done, open.last_mut()) {
            (Some(value), Some(inside)) => inside.take(value),
            (Some(Node::Map(entries)), None) if map.is_none() => map = Some(entries),
            (Some(_), None) => return Err(NoMap::Other),
            (None, _) => {}
        }
    }
    map.ok_or(NoMap::Other)
}

/// A map or a list whose end has not come yet.
enum Open {
    /// With a name that still lacks its value.
    Map(Entries, Option<Node>),
    List(Vec<Node>),
}

impl Open {
    fn take(&mut self, value: Node) {
        match self {
            Self::List(values) => values.push(value),
            Self::Map(entries, name) => match name.take() {
                None => *name = Some(value),
                // A list or map as a name is passed over.
                Some(Node::Text(name) | Node::Plain(name)) => entries.push((name, value)),
                Some(_) => {}
            },
        }
    }

    fn close(self) -> Node {
        match self {
            Self::Map(entries, _) => Node::Map(entries),
            Self::List(values) => Node::List(values),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::facts::Facts;

    fn facts(source: &str) -> String {
        let mut facts = Facts::default();
        facts.add_entries(&map(source).unwrap(), |_| false);
        serde_json::to_string(&facts.into_metadata()).unwrap()
    }

    #[test]
    fn yaml_has_its_types() {
        let source = "title: A B # draft\ndate: 2024-03-01\nyear: 2024\nversion: '1.0'\nzip: 007\n\
                      draft: no\ndone: true\nnothing: ~\ntags: [x, 2]\nauthors:\n  - Ada\n  - \"Bob\"\n\
                      seo:\n  robots: all\nlong: >-\n  two\n  lines\n12: twelve\nn: 1.5e3\n";
        let expected = "{\"12\":\"twelve\",\"authors\":[\"Ada\",\"Bob\"],\"date\":\"2024-03-01\",\
                        \"done\":\"true\",\"draft\":\"no\",\"long\":\"two lines\",\"n\":1500,\
                        \"seo.robots\":\"all\",\"tags\":[\"x\",2],\"title\":\"A B\",\
                        \"version\":\"1.0\",\"year\":2024,\"zip\":\"007\"}";
        assert_eq!(facts(source), expected);
    }

    #[test]
    fn line_ends_do_not_matter() {
        let source = "title: >\n  two\n  lines\ntags:\n- a\n- b\n";
        assert_eq!(map(&source.replace('\n', "\r\n")), map(source));
    }

    #[test]
    fn what_is_no_map_is_told_apart_from_what_is_damaged() {
        for source in ["", "words", "- a", "two words\nand more", "---\n---\n"] {
            assert_eq!(map(source), Err(NoMap::Other), "{source}");
        }
        let deep = format!("a: {}", "[".repeat(5_000));
        for source in ["a: [", "a: 1\nb: c: d", "a: 1\n\"a", &deep] {
            assert!(matches!(map(source), Err(NoMap::Damaged(_))), "{source}");
        }
    }

    #[test]
    fn aliases_do_not_multiply() {
        let mut source = "a: &a [x, x, x, x]\n".to_owned();
        for (name, below) in ('b'..='z').zip('a'..) {
            let list = format!("[*{below}, *{below}, *{below}, *{below}]");
            let _ = writeln!(source, "{name}: &{name} {list}");
        }
        assert_eq!(facts(&source), r#"{"a":["x","x","x","x"]}"#);
    }
}
