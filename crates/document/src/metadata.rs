//! What is known of a document beside its text, by name.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// Facts about a document by name, such as `author` or `year`: from a page's own words about itself, or
/// from the application that hands it in.
pub type Metadata = BTreeMap<String, Value>;

/// One fact about a document.
///
/// Its form in JSON is the plain one: a string, a number, a date as `2024-03-01`, an array.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Words.
    Text(String),
    /// A number; never infinite, and never "not a number".
    Number(f64),
    /// A day.
    Date(Date),
    /// Several facts under one name, such as tags.
    List(Vec<Value>),
}

/// A day of the Gregorian calendar. Its text form is `2024-03-01`; days are ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// Why a text is no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a day such as 2024-03-01")]
pub struct BadDate;

impl Date {
    /// A day; `None` where the calendar has none of these numbers.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let n_days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if is_leap => 29,
            2 => 28,
            _ => return None,
        };
        ((1..=n_days).contains(&day) && year <= 9999).then_some(Self { year, month, day })
    }

    /// Year, month and day, the last two from 1.
    pub fn parts(self) -> (u16, u8, u8) {
        (self.year, self.month, self.day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl FromStr for Date {
    type Err = BadDate;

    /// Reads `2024-03-01`, also where a time of the day follows behind a `T` or a blank.
    fn from_str(text: &str) -> Result<Self, BadDate> {
        let day = text.split(['T', ' ']).next().unwrap_or(text);
        let parts: Vec<&str> = day.split('-').collect();
        let &[year, month, day] = &parts[..] else {
            return Err(BadDate);
        };
        let is_plain =
            |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
        if !is_plain(year, 4) || !is_plain(month, 2) || !is_plain(day, 2) {
            return Err(BadDate);
        }
        let numbers = (year.parse(), month.parse(), day.parse());
        let (Ok(year), Ok(month), Ok(day)) = numbers else {
            return Err(BadDate);
        };
        Self::new(year, month, day).ok_or(BadDate)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<f64> for Value {
    /// What is not finite becomes text, as no comparison could be made with it.
    fn from(number: f64) -> Self {
        if number.is_finite() {
            Self::Number(number)
        } else {
            Self::Text(number.to_string())
        }
    }
}

impl From<Date> for Value {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            // A whole number is written as one.
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 2f64.powi(53) => {
                serializer.serialize_i64(*number as i64)
            }
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Date(date) => serializer.collect_str(date),
            Self::List(values) => serializer.collect_seq(values),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!("2024-02-29".parse(), Ok(Date::new(2024, 2, 29).unwrap()));
        assert_eq!(
            "2024-02-29T10:00:00Z".parse::<Date>().unwrap().to_string(),
            "2024-02-29"
        );
        for bad in [
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "24-01-01",
            "2024-1-1",
            "",
            "soon",
            "+024-01-01",
        ] {
            assert_eq!(bad.parse::<Date>(), Err(BadDate), "{bad}");
        }
        assert!(Date::new(1999, 12, 31) < Date::new(2000, 1, 1));
    }

    #[test]
    fn json_is_the_plain_form() {
        let value = Value::List(vec![
            2020.into(),
            1.5f64.into(),
            "en".into(),
            Date::new(2024, 3, 1).unwrap().into(),
        ]);
        let json = serde_json::to_string(&value).unwrap();
        assert_eq!(json, r#"[2020,1.5,"en","2024-03-01"]"#);
    }
}
