//! Facts about a document are read back from their plain form.

use reread_engine::{Metadata, Value};
use serde::{Deserialize, Deserializer};

/// A fact as JSON has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Plain {
    Number(f64),
    Text(String),
    List(Vec<Plain>),
}

/// Reads metadata. A date comes back as text, as nothing in JSON tells the two apart.
pub(crate) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Metadata, D::Error> {
    let plain = std::collections::BTreeMap::<String, Plain>::deserialize(deserializer)?;
    Ok(plain
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect())
}

impl From<Plain> for Value {
    fn from(plain: Plain) -> Self {
        match plain {
            Plain::Number(number) => Self::Number(number),
            Plain::Text(text) => Self::Text(text),
            Plain::List(values) => Self::List(values.into_iter().map(Self::from).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::search::Hit;

    const HIT: &str = r#"{"rank":1,"score":0.5,"relevance":null,"doc_id":"a.md","path":"a.md",
        "title":"","heading_path":[],"start_line":1,"end_line":1,"start_byte":0,"end_byte":1,"page":null,
        "text":"a","highlights":[],METADATA"scores":{"bm25":null,"vector":0.5,"first_pass":1.0,
        "cross_encoder":null,"probability":null,"final":0.5},"ranks":{"bm25":null,"vector":1,"first_pass":1,
        "cross_encoder":null,"final":1},"move":0}"#;

    #[test]
    fn facts_come_back_as_they_were_written() {
        let facts = r#"{"author":"Ann","date":"2024-03-01","tags":["a",2],"weight":1.5}"#;
        let json = HIT.replace("METADATA", &format!("\"metadata\":{facts},"));
        let hit: Hit = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&hit.metadata).unwrap(), facts);
    }

    #[test]
    fn a_result_from_before_there_was_metadata_is_read() {
        let hit: Hit = serde_json::from_str(&HIT.replace("METADATA", "")).unwrap();
        assert!(hit.metadata.is_empty());
    }
}
