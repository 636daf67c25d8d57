//! Values of options: choices, and parsers that flags and configuration files share.

use std::time::{Duration, SystemTime};

use clap::ValueEnum;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ZonedDateTime};
use reread_engine::{BadCalibration, BadCondition, Calibration, Condition, InstructionSet};
use unicode_width::UnicodeWidthStr;

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ColorArg {
    #[default]
    Auto,
    Always,
    Never,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// For people
    Text,
    /// One JSON object per answer
    Json,
    /// One JSON object per result
    Jsonl,
    /// For evaluation tools
    Trec,
}

/// Reads a whole number between two bounds.
pub(crate) fn bounded<const MIN: usize, const MAX: usize>(text: &str) -> Result<usize, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (MIN..=MAX).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {MIN} to {MAX}"))
}

/// Reads a weight.
pub(crate) fn weight(text: &str) -> Result<f32, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| "must be a number from 0 to 1".to_owned())
}

/// Reads what `reread tune` writes of a cross-encoder's scores.
pub(crate) fn calibration(text: &str) -> Result<Calibration, String> {
    text.parse()
        .map_err(|problem: BadCalibration| format!("{problem}, as `reread tune` writes them"))
}

/// Longer values are not shown whole in errors.
pub(crate) const MAX_SHOWN: usize = 200;

/// Reads a condition on metadata; the error shows where in it something else was expected.
pub(crate) fn condition(text: &str) -> Result<Condition, String> {
    text.parse().map_err(|bad: BadCondition| {
        let said = format!("must be a condition: {bad}");
        let (before, found) = (text.get(..bad.bytes.start), text.get(bad.bytes.clone()));
        // A long one would fill the screen, and the place is named by its column anyway.
        let is_shown = text.width() <= MAX_SHOWN && !text.contains(char::is_control);
        let (Some(before), Some(found), true) = (before, found, is_shown) else {
            return said;
        };
        let (indent, carets) = (before.width(), "^".repeat(found.width().max(1)));
        format!("{said}\n  {text}\n  {:indent$}{carets}", "")
    })
}

/// Reads the name of an instruction set that this machine has.
pub(crate) fn cpu(text: &str) -> Result<InstructionSet, String> {
    let names = |sets: &[InstructionSet]| {
        let names: Vec<&str> = sets.iter().map(|set| set.name()).collect();
        names.join(", ")
    };
    let available = InstructionSet::available();
    let has = || format!("this machine has {}", names(&available));
    let set: InstructionSet = text.parse().map_err(|_| has())?;
    if available.contains(&set) {
        Ok(set)
    } else {
        Err(has())
    }
}

/// Reads a number that is not negative.
pub(crate) fn finite(text: &str) -> Result<f32, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number: &f32| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "must be a number, 0 or more".to_owned())
}

/// Reads a size in bytes, with K, M, G or T for powers of 1,024.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let invalid = || "must be a size such as 500K, 64M or 1G".to_owned();
    let letters = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[letters.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(invalid()),
    };
    let number: u64 = letters.trim().parse().map_err(|_| invalid())?;
    let bytes = number.checked_mul(1 << shift).filter(|&bytes| bytes > 0);
    bytes.ok_or_else(invalid)
}

/// Reads how long a search may take, which may be no time at all.
pub(crate) fn budget(text: &str) -> Result<Duration, String> {
    span(text)
        .filter(|limit| *limit <= Duration::from_secs(3_600))
        .ok_or_else(|| "must be a time such as 150ms or 2s, at most 1h".to_owned())
}

/// Reads seconds, or a number with a unit.
fn span(text: &str) -> Option<Duration> {
    match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => Duration::try_from(text.parse::<SignedDuration>().ok()?).ok(),
    }
}

/// Reads a time limit of up to an hour: seconds, or a number with a unit.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    span(text)
        .filter(|limit| (Duration::from_millis(1)..=Duration::from_secs(3_600)).contains(limit))
        .ok_or_else(|| "must be a time such as 30s or 2m, at most 1h".to_owned())
}

/// Reads how long something goes on before something else is done.
pub(crate) fn pause(text: &str) -> Result<Duration, String> {
    span(text)
        .filter(|pause| *pause <= Duration::from_secs(86_400))
        .ok_or_else(|| "must be a time such as 30s or 2m, at most 24h".to_owned())
}

/// Reads a point in time: a date, a time, or how long ago it was.
pub(crate) fn since(text: &str) -> Result<SystemTime, String> {
    point_in_time(text.trim(), &ZonedDateTime::now())
        .and_then(|time| SystemTime::try_from(time).ok())
        .ok_or_else(|| {
        "must be a date (2025-03-01), a time (2025-03-01T12:00:00Z), or how long ago (7d, 2 weeks)"
            .to_owned()
    })
}

fn point_in_time(text: &str, now: &ZonedDateTime) -> Option<Timestamp> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    if let Ok(zoned) = text.parse::<ZonedDateTime>() {
        return Some(zoned.timestamp());
    }
    // A date alone parses as its midnight.
    if let Ok(local) = text.parse::<DateTime>() {
        return local
            .to_zoned_datetime(TimeZone::system())
            .ok()
            .map(|zoned| zoned.timestamp());
    }
    let span: Span = text.parse().ok()?;
    now.checked_sub(span.abs())
        .ok()
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        assert_eq!(size("10"), Ok(10));
        assert_eq!(size("64M"), Ok(64 << 20));
        assert_eq!(size("1 GiB"), Ok(1 << 30));
        assert_eq!(size("500kb"), Ok(500 << 10));
        for bad in ["", "M", "-1", "1.5x", "0", "99999999999T", "1é", "１"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn time_limits_are_seconds_or_spans() {
        assert_eq!(timeout("30"), Ok(Duration::from_secs(30)));
        assert_eq!(timeout("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(timeout("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "0", "-3s", "inf", "NaN", "2h", "soon"] {
            assert!(timeout(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn points_in_time_are_dates_times_or_spans() {
        let now: ZonedDateTime = "2025-03-15T10:00:00[UTC]".parse().unwrap();
        let at = |text| point_in_time(text, &now).map(|time| time.to_string());
        assert_eq!(at("2025-03-01T12:00:00Z").unwrap(), "2025-03-01T12:00:00Z");
        assert_eq!(
            at("2025-03-01T12:00:00+02:00").unwrap(),
            "2025-03-01T10:00:00Z"
        );
        assert_eq!(at("7d").unwrap(), "2025-03-08T10:00:00Z");
        assert_eq!(at("2 weeks").unwrap(), "2025-03-01T10:00:00Z");
        assert_eq!(at("2 weeks ago").unwrap(), "2025-03-01T10:00:00Z");
        assert!(at("2025-03-01").is_some());
        for bad in ["", "soon", "2025-13-01", "7"] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_bad_condition_is_shown_with_the_place() {
        assert!(condition("lang = 'en' and year >= 2020").is_ok());
        let bad = condition("länge == 3").unwrap_err();
        let lines: Vec<&str> = bad.lines().collect();
        assert!(lines[0].ends_with("found `==` at column 7, expected `=`, `!=`, `<`, `<=`, `>`, `>=`, `in` or `contains`"), "{bad}");
        assert_eq!(lines[1..], ["  länge == 3", "        ^^"]);
        let bad = condition("has").unwrap_err();
        assert!(bad.ends_with("\n  has\n     ^"), "{bad}");
        assert_eq!(condition("has\n").unwrap_err().lines().count(), 1);
        let long = format!("{} ==", "x".repeat(10_000));
        assert_eq!(condition(&long).unwrap_err().lines().count(), 1);
    }

    #[test]
    fn numbers_outside_their_bounds_are_refused() {
        assert_eq!(bounded::<1, 1_000>("10"), Ok(10));
        assert!(bounded::<1, 1_000>("0").is_err());
        assert!(bounded::<1, 1_000>("-1").is_err());
        assert_eq!(weight("0.25"), Ok(0.25));
        assert!(weight("1.1").is_err() && weight("NaN").is_err());
        assert!(finite("inf").is_err() && finite("-1").is_err());
    }
}
