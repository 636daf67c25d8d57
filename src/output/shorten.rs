//! Text cut to a width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Cut at the end to this many columns.
pub(super) fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut columns = 1;
    for c in text.chars() {
        columns += c.width().unwrap_or(0);
        if columns > width {
            break;
        }
        out.push(c);
    }
    // A single letter is no heading.
    if out.width() < 4 {
        String::new()
    } else {
        out.trim_end().to_owned() + "…"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_cut_to_what_is_left() {
        assert_eq!(shorten("Backup > Restore", 20), "Backup > Restore");
        assert_eq!(shorten("Backup > Restore", 10), "Backup >…");
        assert_eq!(shorten("備份與還原的方法", 9), "備份與還…");
        assert_eq!(shorten("Backup", 3), "");
        assert_eq!(shorten("Backup", 0), "");
    }
}
