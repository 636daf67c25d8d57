//! Where a place stands in the text of a passage. Pure functions.

use std::ops::{Range, RangeInclusive};

use reread_document::DocumentKind;
use reread_retrieval::Passage;

/// The bytes of a passage's text that lie on these lines of its document, without the last line
/// end. `None` if the passage has none of them. Nothing at the beginning for a record of JSON Lines: its
/// line is the whole record, of which any part will do.
pub fn of_lines(passage: &Passage, lines: &RangeInclusive<u32>) -> Option<Range<usize>> {
    if lines.start() > passage.lines().end() || lines.end() < passage.lines().start() {
        return None;
    }
    if passage.kind == DocumentKind::JsonLines {
        return Some(0..0);
    }
    let mut at = 0;
    let mut span: Option<Range<usize>> = None;
    let numbered = passage.text.split('\n').zip(*passage.lines().start()..);
    for (line, number) in numbered {
        if lines.contains(&number) {
            span.get_or_insert(at..at).end = at + line.len();
        }
        at += line.len() + 1;
    }
    span
}

/// The bytes of `text` that hold the words of `quote`, which has one blank between words; blanks and
/// line ends of the text count as one blank.
pub fn of_quote(text: &str, quote: &str) -> Option<Range<usize>> {
    let mut joined = String::with_capacity(text.len());
    // Where each word begins, in the joined text and in the text.
    let mut starts = Vec::new();
    for word in text.split_whitespace() {
        if !joined.is_empty() {
            joined.push(' ');
        }
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        starts.push((joined.len(), at));
        joined.push_str(word);
    }
    let found = joined.find(quote)?;
    let in_text = |at: usize| {
        let after = starts.partition_point(|&(start, _)| start <= at);
        let (start, original) = *starts.get(after.checked_sub(1)?)?;
        Some(original + (at - start))
    };
    let last = (found + quote.len()).checked_sub(1)?;
    Some(in_text(found)?..in_text(last)? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_found_across_line_ends() {
        let text = "one  two\nthree four";
        assert_eq!(of_quote(text, "two three"), Some(5..14));
        assert_eq!(of_quote(text, "ne two"), Some(1..8));
        assert_eq!(of_quote(text, "two four"), None);
        assert_eq!(of_quote("", "a"), None);
        assert_eq!(of_quote("für alle", "für"), Some(0..4));
    }
}
