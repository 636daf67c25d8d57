//! Changes to a document's text that take its headings and pages along.

use std::ops::Range;

use crate::document::Document;

/// A stretch of text, and what stands there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) with: String,
}

/// Makes changes that are in order of the text, none overlapping another, at character boundaries.
///
/// A heading or page that begins inside a changed stretch begins after it.
pub(super) fn apply(document: &mut Document, edits: &[Edit]) {
    if edits.is_empty() {
        return;
    }
    let old = std::mem::take(&mut document.text);
    let mut text = String::with_capacity(old.len());
    // Where each change ends, in the old text and in the new one.
    let mut ends = Vec::with_capacity(edits.len());
    let mut at = 0;
    for edit in edits {
        text.push_str(&old[at..edit.range.start]);
        text.push_str(&edit.with);
        at = edit.range.end;
        ends.push((at, text.len()));
    }
    text.push_str(&old[at..]);
    let moved = |offset: usize| {
        let n_before = edits.partition_point(|edit| edit.range.start < offset);
        match n_before.checked_sub(1).map(|last| ends[last]) {
            Some((end, new_end)) => new_end + offset.saturating_sub(end),
            None => offset,
        }
    };
    for heading in &mut document.headings {
        heading.range = moved(heading.range.start)..moved(heading.range.end);
    }
    for page in &mut document.pages {
        *page = moved(*page);
    }
    document.text = text;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Heading;

    #[test]
    fn headings_and_pages_move_along() {
        let heading = Heading {
            range: 4..8,
            level: 1,
            text: "two".to_owned(),
        };
        let mut document = Document::new("a", "one\ntwo\nthree\n")
            .with_headings(vec![heading])
            .with_pages(vec![0, 8, 14]);
        let edit = |range: Range<usize>, with: &str| Edit {
            range,
            with: with.to_owned(),
        };
        apply(&mut document, &[edit(0..1, ""), edit(6..9, "2!\nT")]);
        assert_eq!(document.text, "ne\ntw2!\nThree\n");
        let heading = &document.headings[0];
        assert_eq!(&document.text[heading.range.clone()], "tw2!\nT");
        assert_eq!(document.pages, [0, 9, 14]);
    }

    #[test]
    fn what_is_not_touched_stays() {
        let mut document = Document::new("a", "é b").with_pages(vec![0, 3]);
        let before = document.clone();
        apply(&mut document, &[]);
        assert_eq!(document, before);
    }
}
