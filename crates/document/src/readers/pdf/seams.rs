//! Where two pieces of text on a page meet inside what the assembled text takes for one word.

use std::collections::HashMap;
use std::ops::Range;

/// Some text that is drawn at once.
#[derive(Debug, Clone)]
pub(super) struct Piece<'p> {
    pub(super) text: &'p str,
    /// From its left to its right edge, in points.
    pub(super) x: Range<f32>,
    /// Its lower edge, in points above that of the page.
    pub(super) y: f32,
    /// The size of its letters, in points.
    pub(super) size: f32,
}

/// The seams of a page, by what has been made of both sides together.
#[derive(Debug, Default)]
pub(super) struct Seams(HashMap<String, Seam>);

#[derive(Debug)]
struct Seam {
    /// How many bytes of the word stand before it.
    at: usize,
    /// What belongs there.
    sign: &'static str,
    /// How many there are on the page, and how often the word stands there.
    n_seams: usize,
    n_words: usize,
}

impl Seams {
    /// Finds the seams between pieces that follow each other.
    pub(super) fn of<'p>(pieces: impl Iterator<Item = Piece<'p>>) -> Self {
        let mut seams = Self::default();
        let mut before: Option<Piece<'_>> = None;
        for piece in pieces.filter(|piece| !piece.text.trim().is_empty()) {
            if let Some(before) = &before {
                seams.add_hyphen(before, &piece);
                seams.add_raised(before, &piece);
            }
            before = Some(piece);
        }
        seams
    }

    /// Puts the seams into the text of the page. A word that stands there more often than there are
    /// seams also stands there by itself, and stays.
    pub(super) fn apply(mut self, text: String) -> String {
        if self.0.is_empty() {
            return text;
        }
        for word in words(&text) {
            if let Some(seam) = self.0.get_mut(&text[word]) {
                seam.n_words += 1;
            }
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for word in words(&text) {
            let seam = self.0.get(&text[word.clone()]);
            if let Some(seam) = seam.filter(|seam| seam.n_words <= seam.n_seams) {
                let split = word.start + seam.at;
                out.push_str(&text[at..split]);
                out.push_str(seam.sign);
                at = split;
            }
        }
        out.push_str(&text[at..]);
        out
    }

    /// A hyphen at the end of a line, between two small letters as the library asks for.
    fn add_hyphen(&mut self, before: &Piece<'_>, after: &Piece<'_>) {
        let Some(left) = before.text.trim_end().strip_suffix('-') else {
            return;
        };
        let (head, tail) = (last_word(left), first_word(after.text));
        if head.ends_with(|c: char| c.is_ascii_lowercase())
            && tail.starts_with(|c: char| c.is_ascii_lowercase())
        {
            self.add(head, tail, "-\n");
        }
    }

    /// A small figure above the end of a word, the mark of a footnote, or of a number, its power.
    fn add_raised(&mut self, before: &Piece<'_>, after: &Piece<'_>) {
        let (left, right) = (before.text.trim_end(), after.text.trim());
        let is_figure = right
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b',' | b'-'));
        if !is_figure || !is_raised(before, after) {
            return;
        }
        let (head, tail) = (last_word(left), first_word(right));
        let is_number = head.bytes().all(|b| b.is_ascii_digit());
        // Of the name of a unit, such as `cm`, the figure is a part.
        let is_unit = !is_number && head.chars().count() < 4;
        if !is_unit {
            self.add(head, tail, if is_number { "^" } else { " " });
        }
    }

    fn add(&mut self, head: &str, tail: &str, sign: &'static str) {
        if head.is_empty() || tail.is_empty() {
            return;
        }
        let new = Seam {
            at: head.len(),
            sign,
            n_seams: 0,
            n_words: 0,
        };
        let seam = self.0.entry(format!("{head}{tail}")).or_insert(new);
        seam.n_seams += 1;
    }
}

/// Whether `after` is smaller than `before` and stands at its end, but not lower. The library may have
/// moved what is raised down to the line.
fn is_raised(before: &Piece<'_>, after: &Piece<'_>) -> bool {
    let rise = after.y - before.y;
    after.size < before.size * 0.85
        && (-0.05 * before.size..before.size).contains(&rise)
        && (after.x.start - before.x.end).abs() < before.size * 0.5
}

fn last_word(text: &str) -> &str {
    let len: usize = text
        .chars()
        .rev()
        .take_while(|c| c.is_alphanumeric())
        .map(char::len_utf8)
        .sum();
    &text[text.len() - len..]
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    &text[..text
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(text.len())]
}

/// Where the words of a text are.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + text[rest..].find(char::is_alphanumeric)?;
        rest = start + first_word(&text[start..]).len();
        Some(start..rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str, x: Range<f32>, y: f32, size: f32) -> Piece<'_> {
        Piece { text, x, y, size }
    }

    /// Lines of a column, one below the other.
    fn lines(lines: &[&str]) -> Seams {
        let rows = lines.iter().enumerate();
        Seams::of(
            rows.map(|(row, &text)| piece(text, 72.0..300.0, 700.0 - 14.0 * row as f32, 12.0)),
        )
    }

    #[test]
    fn a_line_end_inside_a_word_is_put_back() {
        let seams = lines(&[
            "the price-",
            "determining factor and mag-",
            "netism, a well-",
            "Known",
        ]);
        let joined = "the pricedetermining factor and magnetism, a well-\nKnown";
        assert_eq!(
            seams.apply(joined.to_owned()),
            "the price-\ndetermining factor and mag-\nnetism, a well-\nKnown"
        );
    }

    #[test]
    fn a_word_that_also_stands_on_one_line_is_left() {
        let text = "an input, and more input";
        assert_eq!(
            lines(&["an in-", "put, and more input"]).apply(text.to_owned()),
            text
        );
        assert_eq!(lines(&["nothing", "here-"]).apply(text.to_owned()), text);
    }

    #[test]
    fn raised_figures_stand_apart() {
        let page = [
            piece("It sank", 72.0..120.0, 700.0, 12.0),
            piece("1", 120.0..124.0, 705.0, 7.0),
            piece(" 10", 130.0..150.0, 700.0, 12.0),
            piece("6", 150.0..154.0, 705.0, 7.0),
            piece("12 cm", 160.0..190.0, 700.0, 12.0),
            piece("2", 190.0..194.0, 705.0, 7.0),
            piece("area", 200.0..230.0, 700.0, 12.0),
            piece("51", 230.0..238.0, 698.0, 7.0),
        ];
        let text = "It sank1 106 12 cm2 area51".to_owned();
        let seams = Seams::of(page.into_iter());
        assert_eq!(seams.apply(text), "It sank 1 10^6 12 cm2 area51");
    }
}
