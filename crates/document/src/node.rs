//! What a file says about itself as it stands there, before it becomes metadata.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

/// Names and what stands under them, in the order of the file.
pub(crate) type Entries = Vec<(String, Node)>;

/// What stands under a name, whatever the language it is written in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Null,
    Truth(bool),
    Number(Number),
    Text(String),
    /// Text without quotes in a language that tells numbers by their looks. Kept as it is written, so
    /// that a title of `1.10` remains one.
    Plain(String),
    List(Vec<Node>),
    Map(Entries),
}

impl Node {
    /// The words in one line, as of a title: a text, a number as it is written, or a list of these.
    /// `None` where there are none.
    pub(crate) fn to_line(&self) -> Option<String> {
        let words: Vec<String> = self
            .texts()?
            .iter()
            .flat_map(|text| text.split_whitespace())
            .map(str::to_owned)
            .collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// The texts and numbers in it: one, or those of a list. `None` where something else stands there
    /// that no text can be made of: a map, or a list with more than texts, numbers and nulls.
    pub(crate) fn texts(&self) -> Option<Vec<String>> {
        match self {
            Self::Plain(text) if is_null(text) => Some(Vec::new()),
            Self::Text(text) | Self::Plain(text) => Some(vec![text.clone()]),
            Self::Number(number) => Some(vec![number.to_string()]),
            Self::Null | Self::Truth(_) => Some(Vec::new()),
            Self::List(nodes) => {
                let texts: Option<Vec<_>> = nodes
                    .iter()
                    .map(|node| match node {
                        Self::List(_) => None,
                        _ => node.texts(),
                    })
                    .collect();
                texts.map(|texts| texts.concat())
            }
            Self::Map(_) => None,
        }
    }
}

/// How YAML writes that there is nothing.
pub(crate) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// What stands under a name, read in its first spelling.
pub(crate) fn entry<'e>(entries: &'e Entries, name: &str) -> Option<&'e Node> {
    let mut found = entries
        .iter()
        .filter(|(other, _)| other.trim().eq_ignore_ascii_case(name));
    found.next().map(|(_, node)| node)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Node, E> {
        Ok(Node::Truth(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node, E> {
        let number = Number::from_f64(number);
        Ok(number.map_or(Node::Null, Node::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Node, E> {
        Ok(Node::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = items.next_element()? {
            nodes.push(node);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = items.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(json: &str) -> Node {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_order_of_the_file_is_kept() {
        let Node::Map(entries) = node(r#"{"b": 1.5e3, "a": [null, true, "x"], "B": {}}"#) else {
            panic!("this is a map");
        };
        let names: Vec<_> = entries.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b", "a", "B"]);
        assert_eq!(entry(&entries, "b"), Some(&entries[0].1));
        assert_eq!(entry(&entries, "c"), None);
    }

    #[test]
    fn texts_are_made_of_what_has_words() {
        let line = |json| node(json).to_line();
        assert_eq!(line(r#"" a\n b ""#).as_deref(), Some("a b"));
        assert_eq!(line(r#"["a", 2, null]"#).as_deref(), Some("a 2"));
        assert_eq!(line("1984").as_deref(), Some("1984"));
        assert_eq!(
            Node::Plain("1.10".into()).to_line().as_deref(),
            Some("1.10")
        );
        for empty in [
            "null",
            "true",
            r#""  ""#,
            "[]",
            r#"{"a": "b"}"#,
            r#"[["a"]]"#,
        ] {
            assert_eq!(line(empty), None, "{empty}");
        }
        assert_eq!(node(r#"[{"a": "b"}]"#).texts(), None);
        assert_eq!(node("false").texts(), Some(Vec::new()));
    }
}
