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
