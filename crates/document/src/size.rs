//! Sizes for people.

/// `60 KB`, in steps of a thousand.
pub(crate) fn size(n_bytes: usize) -> String {
    match n_bytes as f64 {
        n if n < 1_000.0 => format!("{n_bytes} bytes"),
        n if n < 1_000_000.0 => format!("{:.0} KB", n / 1_000.0),
        n => format!("{:.1} MB", n / 1_000_000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_keeps_them_short() {
        assert_eq!(size(812), "812 bytes");
        assert_eq!(size(61_440), "61 KB");
        assert_eq!(size(2_340_000), "2.3 MB");
    }
}
