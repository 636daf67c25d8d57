//! Numbers that no `f64` or integer of 64 bits holds, which parsers of JSON round or refuse.

use std::borrow::Cow;

/// A record in which such numbers stand in quotes, so that an `_id` of twenty-five digits keeps them
/// all, and `1e999` in one field does not cost the record.
///
/// What is no JSON is left for the parser to refuse.
pub(super) fn exact_numbers(record: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    let mut at = 0;
    let bytes = record.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b'-' | b'0'..=b'9' => {
                let len = record[at..]
                    .find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
                    .unwrap_or(record.len() - at);
                let number = &record[at..at + len];
                if !is_held(number) {
                    out.push_str(&record[done..at]);
                    out.push('"');
                    out.push_str(number);
                    out.push('"');
                    done = at + len;
                }
                at += len;
            }
            _ => at += 1,
        }
    }
    if done == 0 {
        return Cow::Borrowed(record);
    }
    out.push_str(&record[done..]);
    Cow::Owned(out)
}

/// Behind the quote that closes the string which opens at `at`.
fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Whether a number is within range, and exact where it is a whole one. What is no number is none of
/// our concern.
fn is_held(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let is_json = digits == "0" || !digits.starts_with('0');
        return number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() || !is_json;
    }
    number.parse::<f64>().is_ok_and(f64::is_finite) || number.parse::<f64>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_that_would_be_lost_are_put_in_quotes() {
        let lost = r#"{"a": 12345678901234567890123, "b": [1e999, -1e999], "c": "1e999 \" 1e999"}"#;
        let kept =
            r#"{"a": "12345678901234567890123", "b": ["1e999", "-1e999"], "c": "1e999 \" 1e999"}"#;
        assert_eq!(exact_numbers(lost), kept);
        for same in [
            r#"{"a": 1.5e3, "b": -7, "c": 18446744073709551615, "d": 0.1}"#,
            r#"{"a": "\\", "b": 007, "c": 00000000000000000000000001}"#,
            r#"{"é": "ü", 1-2: - }"#,
            "\"\\",
            "",
        ] {
            assert!(
                matches!(exact_numbers(same), Cow::Borrowed(text) if text == same),
                "{same}"
            );
        }
    }
}
