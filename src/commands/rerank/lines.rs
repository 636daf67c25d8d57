//! The lines that are put in order, and what of each is read.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The fields of a record that hold its text, unless another is named: the first that says something.
const FIELDS: [&str; 6] = ["text", "contents", "content", "body", "passage", "title"];

/// A line of the input that is not blank.
pub(super) struct Line<'a> {
    /// From 1; blank lines count.
    pub(super) number: usize,
    /// Without its end.
    pub(super) bytes: &'a [u8],
}

/// What is read of a line.
#[derive(Debug, PartialEq)]
pub(super) struct Read<'a> {
    pub(super) text: Cow<'a, str>,
    /// The field that it is; `None` for the whole line.
    pub(super) field: Option<&'a str>,
}

/// The lines that are not blank. Where the input has no line feed, carriage returns end its lines.
pub(super) fn lines(input: &[u8]) -> Vec<Line<'_>> {
    let end = if input.contains(&b'\n') { b'\n' } else { b'\r' };
    input
        .split(|&byte| byte == end)
        .zip(1..)
        .map(|(bytes, number)| Line { number, bytes })
        .filter(|line| !is_blank(line.bytes))
        .collect()
}

fn is_blank(line: &[u8]) -> bool {
    line.trim_ascii().is_empty() || str::from_utf8(line).is_ok_and(|line| line.trim().is_empty())
}

/// Reads the text of a record of JSON Lines: its field `field`, or the first that usually holds the text.
/// Any other line is read as it stands.
pub(super) fn read<'a>(line: &'a str, field: Option<&'a str>) -> Read<'a> {
    let line = line.trim_start_matches('\u{feff}').trim_end_matches('\r');
    let whole = Read {
        text: Cow::Borrowed(line),
        field: None,
    };
    if !line.trim_start().starts_with('{') {
        return whole;
    }
    let Ok(record) = serde_json::from_str::<Map<String, Value>>(line) else {
        return whole;
    };
    let of_field = |name: &'a str| {
        let text = text(find(&record, name)?)?;
        Some(Read {
            text: Cow::Owned(text),
            field: Some(name),
        })
    };
    let said = match field {
        Some(field) => of_field(field),
        None => FIELDS.iter().find_map(|name| of_field(name)),
    };
    said.unwrap_or(whole)
}

/// A field of a record; `a.b` is the field `b` in `a`, where there is no field of the very name.
fn find<'v>(record: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    record.get(name).or_else(|| {
        let (outer, inner) = name.split_once('.')?;
        find(record.get(outer)?.as_object()?, inner)
    })
}

/// What a value says, if anything; of a list all its items.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Array(items) => items.iter().filter_map(text).collect::<Vec<_>>().join("\n"),
        _ => return None,
    };
    Some(text).filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_are_left_out_and_still_counted() {
        let found = |input: &'static [u8]| -> Vec<(usize, &[u8])> {
            lines(input)
                .iter()
                .map(|line| (line.number, line.bytes))
                .collect()
        };
        let expected = [(1, &b"a"[..]), (4, b"b\xff"), (5, b"c")];
        assert_eq!(found(b"a\n\n \t\r\nb\xff\nc"), expected);
        assert_eq!(found(b"a\r\r \rb\xff\rc\r"), expected);
        assert_eq!(
            found("a\n\u{a0}\u{2003}\nb\n".as_bytes()),
            [(1, &b"a"[..]), (3, b"b")]
        );
        assert_eq!(found(b"a\rb\n"), [(1, &b"a\rb"[..])]);
    }

    #[test]
    fn a_record_is_read_by_the_field_that_holds_its_text() {
        let read = |line, field| read(line, field);
        let texts = [
            (r#"{"_id": "1", "text": "a \u00e9"}"#, "a é", "text"),
            (r#"{"contents": "b", "id": "x"}"#, "b", "contents"),
            (r#"{"body": ["b", "c", 4]}"#, "b\nc\n4", "body"),
            (r#"{"text": " ", "passage": "p"}"#, "p", "passage"),
            (r#"{"title": "t", "text": ""}"#, "t", "title"),
        ];
        for (line, text, field) in texts {
            let found = read(line, None);
            assert_eq!(
                (found.text.as_ref(), found.field),
                (text, Some(field)),
                "{line}"
            );
        }
        let record = r#"{"text": "a", "abstract": "b", "more": {"deep": "c"}, "x.y": "d"}"#;
        for (field, text) in [
            ("abstract", "b"),
            ("more.deep", "c"),
            ("x.y", "d"),
            ("text", "a"),
        ] {
            assert_eq!(read(record, Some(field)).text, text);
        }
    }

    #[test]
    fn any_other_line_is_read_as_it_stands() {
        let lines = [
            "plain",
            "{",
            "{\"text\": \"cut off",
            "[1, 2]",
            "{\"other\": \"field\"}",
            "{}",
        ];
        for line in lines {
            let whole = Read {
                text: line.into(),
                field: None,
            };
            assert_eq!(read(line, None), whole);
            assert_eq!(read(line, Some("text")), whole);
        }
        assert_eq!(read("\u{feff}a\r", None).text, "a");
    }
}
