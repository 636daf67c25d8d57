//! Gathers what a file says about itself into metadata, within bounds.

use serde_json::Value as Json;

use crate::metadata::{Date, Metadata, Value};

/// How many names of one document are kept, and how many values under one name.
const MAX_COUNT: usize = 64;
/// Longer names and texts are left out: what is that long is no fact to search by.
const MAX_BYTES: usize = 1 << 10;
/// How many maps may lie in one another.
const MAX_DEPTH: usize = 8;
/// Up to here whole numbers are exact as `f64`. Beyond they are most likely keys, and kept as text.
const MAX_WHOLE: u64 = 1 << 53;

/// Metadata in the making. Names are trimmed and lower case, maps inside maps become `a.b`; what is
/// empty, too long or too much is left out in silence.
#[derive(Debug, Default)]
pub(crate) struct Facts(Metadata);

impl Facts {
    /// All of a map, under the names that `leaves_out` is false for. An earlier value of a name stays.
    pub(crate) fn add_map(
        &mut self,
        map: &serde_json::Map<String, Json>,
        leaves_out: impl Fn(&str) -> bool,
    ) {
        for (name, value) in map.iter().filter(|(name, _)| !leaves_out(name)) {
            self.add_under("", name, value, 0);
        }
    }

    /// One more value of a name: a second one makes it a list.
    pub(crate) fn append(&mut self, name: &str, value: &str) {
        let (Some(name), Some(value)) = (tidy_name("", name), untyped(value)) else {
            return;
        };
        match self.0.get_mut(&name) {
            None => self.insert(name, value),
            Some(Value::List(values)) if values.len() >= MAX_COUNT || values.contains(&value) => {}
            Some(Value::List(values)) => values.push(value),
            Some(only) if *only == value => {}
            Some(only) => *only = Value::List(vec![only.clone(), value]),
        }
    }

    pub(crate) fn into_metadata(self) -> Metadata {
        self.0
    }

    fn add_under(&mut self, above: &str, name: &str, value: &Json, depth: usize) {
        let Some(name) = tidy_name(above, name) else {
            return;
        };
        if let Json::Object(map) = value {
            if depth < MAX_DEPTH {
                for (below, value) in map {
                    self.add_under(&name, below, value, depth + 1);
                }
            }
        } else if let Some(value) = of_json(value)
            && !self.0.contains_key(&name)
        {
            self.insert(name, value);
        }
    }

    fn insert(&mut self, name: String, value: Value) {
        if self.0.len() < MAX_COUNT {
            self.0.insert(name, value);
        }
    }
}

/// A value from a place that has no types, such as an attribute of HTML: a number or a day if it is
/// written as one.
pub(crate) fn untyped(text: &str) -> Option<Value> {
    match number(text.trim()) {
        Some(number) => Some(of_number(&number)),
        None => of_text(text),
    }
}

/// The number that a text is, in the plain form that no name or key has by chance: `007`, `1e3` and
/// `+1` are none.
pub(crate) fn number(text: &str) -> Option<serde_json::Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    // JSON's own grammar refuses the rest: leading zeros, and a point without digits around it.
    (is_plain && !digits.is_empty()).then(|| serde_json::from_str(text).ok())?
}

fn of_json(value: &Json) -> Option<Value> {
    if let Json::Array(values) = value {
        let values: Vec<Value> = values
            .iter()
            .filter_map(of_scalar)
            .take(MAX_COUNT)
            .collect();
        return (!values.is_empty()).then_some(Value::List(values));
    }
    of_scalar(value)
}

fn of_scalar(value: &Json) -> Option<Value> {
    match value {
        Json::Bool(truth) => Some(Value::Text(truth.to_string())),
        Json::Number(number) => Some(of_number(number)),
        Json::String(text) => of_text(text),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
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
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_BYTES {
        return None;
    }
    Some(day(text).map_or_else(|| Value::from(text), Value::Date))
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
mod tests {
    use serde_json::json;

    use super::*;

    fn facts(json: &Json) -> String {
        let mut facts = Facts::default();
        facts.add_map(json.as_object().unwrap(), |name| name == "text");
        serde_json::to_string(&facts.into_metadata()).unwrap()
    }

    #[test]
    fn names_are_tidied_and_maps_flattened() {
        let json = json!({" Author ": "Ada ", "text": "no", "A": {"b": {"C": 1.5}, "d": true}});
        assert_eq!(facts(&json), r#"{"a.b.c":1.5,"a.d":"true","author":"Ada"}"#);
    }

    #[test]
    fn lists_hold_what_is_plain_and_nothing_empty_is_kept() {
        let json = json!({"tags": ["a", 2, null, [1], {"x": 1}, " "], "e": [], "n": null, "s": ""});
        assert_eq!(facts(&json), r#"{"tags":["a",2]}"#);
    }

    #[test]
    fn bounds_hold() {
        let mut many: serde_json::Map<_, _> =
            (0..99).map(|i| (format!("n{i:03}"), json!(i))).collect();
        many.insert("a".to_owned(), json!((0..99).collect::<Vec<_>>()));
        many.insert("b".to_owned(), json!("x".repeat(MAX_BYTES + 1)));
        many.insert("c".repeat(MAX_BYTES), json!("x"));
        let mut facts = Facts::default();
        facts.add_map(&many, |_| false);
        let metadata = facts.into_metadata();
        assert_eq!(metadata.len(), MAX_COUNT);
        assert!(matches!(&metadata["a"], Value::List(values) if values.len() == MAX_COUNT));
        assert!(!metadata.contains_key("b") && metadata.keys().all(|name| name.len() < MAX_BYTES));
    }

    #[test]
    fn days_are_dates_and_sentences_that_begin_with_one_are_not() {
        let date = Value::Date(Date::new(2024, 3, 1).unwrap());
        for text in [
            "2024-03-01",
            "2024-03-01T10:00:00+01:00",
            "2024-03-01 10:00:00.5 Z",
        ] {
            assert_eq!(of_text(text), Some(date.clone()), "{text}");
        }
        for text in [
            "2024-03-01 a Friday",
            "2024-03-011",
            "2024-02-30",
            "2024-03-0é",
            "2024",
        ] {
            assert_eq!(of_text(text), Some(Value::from(text)), "{text}");
        }
    }

    #[test]
    fn only_plain_numbers_are_numbers() {
        for (text, value) in [("2020", 2020.0), ("-1.5", -1.5), ("0", 0.0), ("0.25", 0.25)] {
            assert_eq!(untyped(text), Some(Value::Number(value)));
        }
        for text in [
            "007",
            "+1",
            "1e3",
            "1.",
            ".5",
            "1.2.3",
            "-",
            "90071992547409930",
        ] {
            assert_eq!(untyped(text), Some(Value::from(text)), "{text}");
        }
    }

    #[test]
    fn a_repeated_name_becomes_a_list() {
        let mut facts = Facts::default();
        for (name, value) in [
            ("Tag", "a"),
            ("tag", "a"),
            ("tag", "b"),
            ("tag", "c"),
            ("lang", "en"),
        ] {
            facts.append(name, value);
        }
        let json = serde_json::to_string(&facts.into_metadata()).unwrap();
        assert_eq!(json, r#"{"lang":"en","tag":["a","b","c"]}"#);
    }
}
