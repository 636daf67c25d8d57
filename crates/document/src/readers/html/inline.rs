//! What the end of an element inside a line changes of the words it held.

use super::writer::{Mark, TextWriter};
use crate::readers::script::{Joined, Shift, grouped, join, looks_like_reference};

/// An element inside a line whose words are looked at when it ends.
#[derive(Debug)]
pub(super) enum Inline {
    /// Raised or lowered text, and whether it is known to refer to a note.
    Shifted(Shift, bool),
    /// A link to somewhere on the page, which may be the mark of a note.
    Anchor,
    /// A part of a formula.
    Group,
    /// What an abbreviation stands for.
    Abbreviation(String),
}

/// Longer text is left as it is, so that time stays linear however elements are nested.
const MAX_BYTES: usize = 4 << 10;

impl Inline {
    /// The element that began at `mark` has ended.
    pub(super) fn end(self, writer: &mut TextWriter, mark: &Mark) {
        let written = writer.since(mark);
        let is_short = !written.trim().is_empty() && written.len() <= MAX_BYTES;
        if !is_short || !writer.is_in_line_since(mark) {
            return;
        }
        let written = written.trim().to_owned();
        match self {
            Self::Shifted(shift, is_reference) => {
                end_shifted(writer, mark, &written, shift, is_reference);
            }
            Self::Anchor => end_anchor(writer, mark, &written),
            Self::Group => writer.replace_words(mark, &grouped(&written)),
            Self::Abbreviation(meaning) => {
                if !written.contains(&meaning) {
                    writer.text(&format!(" ({meaning})"));
                }
            }
        }
    }
}

fn end_shifted(writer: &mut TextWriter, mark: &Mark, text: &str, shift: Shift, is_reference: bool) {
    let follows_word = TextWriter::follows_word(mark)
        && writer.before(mark).ends_with(|c: char| !c.is_whitespace());
    if !follows_word {
        match shift {
            Shift::Up if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                writer.end_number(mark);
            }
            Shift::Up => writer.end_word(),
            Shift::Down => {}
        }
        return;
    }
    let follows_mark = TextWriter::follows_mark(mark);
    if follows_mark && text.chars().all(|c| matches!(c, ',' | ';' | '–' | '-')) {
        writer.replace(mark, text);
        return writer.end_word();
    }
    let is_reference = is_reference || follows_mark || looks_like_reference(text);
    match join(writer.before(mark), text, shift, is_reference) {
        Joined::To(form) => writer.replace(mark, &form),
        Joined::Apart => {
            writer.replace(mark, &format!(" {text}"));
            writer.end_word();
        }
    }
}

/// A number that is a link and stands at a word is the mark of a note, raised or not.
fn end_anchor(writer: &mut TextWriter, mark: &Mark, text: &str) {
    let bracketed = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let number = bracketed.unwrap_or(text);
    let is_number = number.len() < 8 && number.bytes().all(|byte| byte.is_ascii_digit());
    let follows_word = TextWriter::follows_word(mark)
        && writer
            .before(mark)
            .ends_with(|c: char| !c.is_whitespace() && !matches!(c, '[' | '('));
    if is_number && follows_word {
        writer.replace(mark, &format!(" {text}"));
        writer.end_word();
    }
}
