//! How results are written. Whatever comes out of a document is cleaned before a terminal sees it.

pub(crate) mod doctor;
pub(crate) mod emptiness;
pub(crate) mod errors;
pub(crate) mod eval;
pub(crate) mod explain;
pub(crate) mod json;
pub(crate) mod judge;
pub(crate) mod people;
mod shorten;
pub(crate) mod shown;
mod snippet;
pub(crate) mod trec;
pub(crate) mod warnings;
pub(crate) mod why;
pub(crate) mod worth_it;

use std::io::Write;
use std::time::Duration;

use reread_engine::Warning;

/// Written in place of what a terminal would obey.
const REPLACEMENT: char = '\u{fffd}';

/// Writes a line to the standard error. Nothing is left to do where that fails.
pub(crate) fn say(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Says what the user should know of an answer, where the answer's own format has no place for it.
pub(crate) fn say_warnings(warnings: &[Warning]) {
    for warning in warnings::sentences(warnings) {
        say(&format!("warning: {}", clean(&warning)));
    }
}

/// A text on one line, without anything that a terminal would obey.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(clean_char).collect()
}

/// White space becomes a blank; control characters, and those that reorder a line, are replaced.
pub(crate) fn clean_char(c: char) -> char {
    match c {
        '\t' | '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => ' ',
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => REPLACEMENT,
        c if c.is_control() => REPLACEMENT,
        c => c,
    }
}

/// As [`clean`], with the line ends and tabs of the text.
pub(crate) fn clean_lines(text: &str) -> String {
    let keep = |c| {
        if c == '\n' || c == '\t' {
            c
        } else {
            clean_char(c)
        }
    };
    text.chars().map(keep).collect()
}

/// A count with a comma between groups of three digits.
pub(crate) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (pos, digit) in digits.chars().enumerate() {
        if pos > 0 && (digits.len() - pos).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count and its noun, with an `s` where there is not exactly one.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(count))
}

/// A time for people: `0.4 ms`, `41 ms`, `1.3 s`, `41 s`, `3 min`, `2.5 h`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 0.001 => format!("{:.1} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}

/// A size for people.
pub(crate) fn bytes(len: u64) -> String {
    match len as f64 {
        n if n < 1_024.0 => format!("{len} bytes"),
        n if n < 1_048_576.0 => format!("{:.1} KiB", n / 1_024.0),
        n if n < 1_073_741_824.0 => format!("{:.1} MiB", n / 1_048_576.0),
        n => format!("{:.1} GiB", n / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let hostile = "a\u{1b}[31mred\u{7}\u{9b}2J\r\nb\u{202e}c\u{7f}";
        let cleaned = clean(hostile);
        assert!(
            cleaned.chars().all(|c| !c.is_control() && c != '\u{202e}'),
            "{cleaned:?}"
        );
        assert!(cleaned.starts_with('a') && cleaned.contains("[31mred"));
        assert_eq!(clean_lines("a\n\tb\u{1b}"), "a\n\tb\u{fffd}");
    }

    #[test]
    fn counts_have_commas() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(2_000, "file"), "2,000 files");
    }

    #[test]
    fn times_have_the_unit_that_suits_them() {
        let shown: Vec<String> = [0.0004, 0.041, 1.26, 41.2, 180.0, 9_000.0]
            .map(Duration::from_secs_f64)
            .map(duration)
            .into();
        assert_eq!(
            shown,
            ["0.4 ms", "41 ms", "1.3 s", "41 s", "3 min", "2.5 h"]
        );
    }
}
