//! Metadata of documents as the catalog keeps it.

use reread_document::{Date, Metadata, Value};

use serde::{Deserialize, Serialize};

/// What is known of a document beside its text, ascending by the bytes of the names.
pub(crate) type StoredMetadata = Vec<(String, StoredValue)>;

/// One fact about a document.
///
/// A list holds no list, so that no file can nest them deeper than a reader can follow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum StoredValue {
    One(StoredItem),
    List(Vec<StoredItem>),
}

/// A fact that is no list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum StoredItem {
    Text(String),
    /// Finite.
    Number(f64),
    /// A day of the calendar.
    Date {
        year: u16,
        month: u8,
        day: u8,
    },
}

/// Whether these are facts that a document can have, as a reader has to find before it uses them.
pub(crate) fn is_sound(metadata: &StoredMetadata) -> bool {
    let ascending = metadata.is_sorted_by(|one, next| one.0 < next.0);
    ascending
        && metadata
            .iter()
            .all(|(_, value)| items(value).iter().all(is_item))
}

fn items(value: &StoredValue) -> &[StoredItem] {
    match value {
        StoredValue::One(item) => std::slice::from_ref(item),
        StoredValue::List(items) => items,
    }
}

fn is_item(item: &StoredItem) -> bool {
    match *item {
        StoredItem::Text(_) => true,
        StoredItem::Number(number) => number.is_finite(),
        StoredItem::Date { year, month, day } => Date::new(year, month, day).is_some(),
    }
}

/// What the catalog keeps of metadata. A list inside a list becomes a part of it.
pub(crate) fn stored(metadata: &Metadata) -> StoredMetadata {
    let stored = |value: &Value| match value {
        Value::List(values) => {
            let mut items = Vec::with_capacity(values.len());
            flatten(values, &mut items);
            StoredValue::List(items)
        }
        value => StoredValue::One(item(value)),
    };
    metadata
        .iter()
        .map(|(name, value)| (name.clone(), stored(value)))
        .collect()
}

fn flatten(values: &[Value], items: &mut Vec<StoredItem>) {
    for value in values {
        match value {
            Value::List(inner) => flatten(inner, items),
            value => items.push(item(value)),
        }
    }
}

fn item(value: &Value) -> StoredItem {
    match value {
        Value::Text(text) => StoredItem::Text(text.clone()),
        Value::Number(number) if number.is_finite() => StoredItem::Number(*number),
        // As `Value::from` does it: what is not finite cannot be compared.
        Value::Number(number) => StoredItem::Text(number.to_string()),
        Value::Date(date) => {
            let (year, month, day) = date.parts();
            StoredItem::Date { year, month, day }
        }
        Value::List(_) => unreachable!("a list is taken apart before"),
    }
}

/// The metadata that [`is_sound`] has passed, or [`stored`] has made.
pub(crate) fn metadata(stored: &StoredMetadata) -> Metadata {
    let value = |value: &StoredValue| match value {
        StoredValue::One(item) => of_item(item),
        StoredValue::List(items) => Value::List(items.iter().map(of_item).collect()),
    };
    stored
        .iter()
        .map(|(name, stored)| (name.clone(), value(stored)))
        .collect()
}

fn of_item(item: &StoredItem) -> Value {
    match item {
        StoredItem::Text(text) => Value::Text(text.clone()),
        StoredItem::Number(number) => Value::Number(*number),
        StoredItem::Date { year, month, day } => {
            let date = Date::new(*year, *month, *day);
            Value::Date(date.expect("a day of the calendar, as every stored one is"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(value: impl Into<Value>) -> Metadata {
        [("fact".to_owned(), value.into())].into()
    }

    #[test]
    fn metadata_is_read_as_it_was_stored() {
        let day = Date::new(2024, 2, 29).expect("a day");
        let list = vec![Value::from("a"), 2.into(), day.into()];
        for value in [Value::from("x"), 1.5.into(), day.into(), Value::List(list)] {
            let facts = facts(value);
            assert!(is_sound(&stored(&facts)));
            assert_eq!(metadata(&stored(&facts)), facts);
        }
    }

    #[test]
    fn what_cannot_be_kept_as_it_is_gets_the_nearest_form() {
        let nested = vec![vec![Value::from("a")], vec!["b".into(), "c".into()]];
        let flat = facts(vec!["a", "b", "c"]);
        assert_eq!(metadata(&stored(&facts(nested))), flat);
        let endless = facts(Value::Number(f64::INFINITY));
        assert_eq!(metadata(&stored(&endless)), facts("inf"));
    }

    #[test]
    fn what_no_document_can_have_is_not_sound() {
        let one = |name: &str, item| (name.to_owned(), StoredValue::One(item));
        let date = |month, day| StoredItem::Date {
            year: 2023,
            month,
            day,
        };
        assert!(!is_sound(&vec![one("a", date(2, 29))]));
        assert!(!is_sound(&vec![one("a", StoredItem::Number(f64::NAN))]));
        let twice = vec![one("a", date(1, 1)), one("a", date(1, 1))];
        assert!(!is_sound(&twice));
    }
}
