//! Headings with no text below them, which are passages of their own: findable, and worth less than a
//! passage that says something under the same words.

use reread_document::DocumentKind;

use crate::candidate::Candidate;
use crate::passage::Passage;

/// What the score of a bare heading counts. A heading is short and holds little but words of the
/// question, so both arms rank it above the text that answers; with half of its score it stays above what
/// is off the point.
const BARE_SHARE: f32 = 0.5;

/// A longer heading is a sentence and says something itself.
const MAX_HEADING_WORDS: usize = 6;

/// Of what may be a whole text as well as a heading, only this much is taken for a heading.
const MAX_LABEL_WORDS: usize = 3;

/// Lowers the scores of bare headings and puts the candidates in order again: by score, else as they
/// were.
pub fn lower_bare_headings(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    for candidate in &mut candidates {
        if candidate.score > 0.0 && is_bare_heading(&candidate.passage) {
            candidate.score *= BARE_SHARE;
        }
    }
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    for (candidate, rank) in candidates.iter_mut().zip(1..) {
        candidate.rank = rank;
    }
    candidates
}

/// Whether a passage is a heading, or the title of its document, and nothing else.
pub fn is_bare_heading(passage: &Passage) -> bool {
    let text = passage.text.trim();
    if passage.kind == DocumentKind::Markdown && is_marked_heading(text) {
        return true;
    }
    let is_title = text == passage.title && passage.bytes.is_empty();
    let is_line = passage.kind == DocumentKind::Html && text.lines().nth(1).is_none();
    let is_label = text.ends_with(char::is_alphabetic) && n_words(text) <= MAX_LABEL_WORDS;
    (is_title || is_line) && is_label
}

/// Whether a text is a short heading of Markdown and nothing else.
pub fn is_marked_heading(text: &str) -> bool {
    let mut lines = text.trim().lines();
    let (first, second) = (lines.next().unwrap_or(""), lines.next());
    let is_marked = first.starts_with('#') && second.is_none();
    let is_underlined = second.is_some_and(is_mark) && lines.next().is_none();
    (is_marked || is_underlined) && n_words(text) <= MAX_HEADING_WORDS
}

/// The words of a text, without the signs that mark it as a heading.
fn n_words(text: &str) -> usize {
    let words = text.split_whitespace();
    words.filter(|word| !is_mark(word)).count()
}

/// Whether these are the signs that mark a line as a heading.
fn is_mark(text: &str) -> bool {
    text.trim()
        .bytes()
        .all(|byte| matches!(byte, b'#' | b'=' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passage::{DocumentKey, PassageKey};

    fn passage(key: u64, kind: DocumentKind, title: &str, text: &str) -> Passage {
        let passage = Passage::new(PassageKey(key), DocumentKey(key), "a", text);
        let mut passage = passage.with_kind(kind).with_title(title);
        if title == text {
            passage.bytes = 0..0;
        }
        passage
    }

    #[test]
    fn headings_and_titles_alone_are_told_from_texts() {
        let is_bare = |kind, title, text| is_bare_heading(&passage(1, kind, title, text));
        for text in ["# Cleaning", "## How do I clean it? ##", "Cleaning\n======"] {
            assert!(is_bare(DocumentKind::Markdown, "Care", text), "{text}");
            assert!(!is_bare(DocumentKind::Text, "Care", text), "{text}");
        }
        assert!(is_bare(DocumentKind::Html, "Care", "Cleaning"));
        assert!(is_bare(DocumentKind::JsonLines, "Cleaning", "Cleaning"));
        for (kind, title, text) in [
            (DocumentKind::Markdown, "Care", "Cleaning"),
            (DocumentKind::Markdown, "Care", "# Rinse\nit well"),
            (
                DocumentKind::Markdown,
                "",
                "# Light makes sugar out of water and air",
            ),
            (DocumentKind::Html, "Care", "Rinse it."),
            (DocumentKind::Html, "Price", "42"),
            (DocumentKind::Html, "Care", "Rinse\nit"),
            (DocumentKind::JsonLines, "Capital", "Paris"),
            (
                DocumentKind::JsonLines,
                "Effect of masks on influenza",
                "Effect of masks on influenza",
            ),
        ] {
            assert!(!is_bare(kind, title, text), "{text}");
        }
    }

    #[test]
    fn a_text_comes_before_a_heading_of_the_same_words() {
        let candidate = |key, text: &str, score, rank| Candidate {
            passage: passage(key, DocumentKind::Markdown, "", text),
            score,
            rank,
            lexical: None,
            dense: None,
            bm25: None,
            lexical_share: None,
            cosine: None,
        };
        let candidates = vec![
            candidate(1, "# Cleaning", 1.0, 1),
            candidate(2, "Clean it well.", 0.6, 2),
            candidate(3, "Off the point.", 0.2, 3),
            candidate(4, "# Cold", -0.1, 4),
        ];
        let lowered = lower_bare_headings(candidates);
        let order: Vec<_> = lowered
            .iter()
            .map(|it| (it.passage.key.0, it.score, it.rank))
            .collect();
        assert_eq!(order, [(2, 0.6, 1), (1, 0.5, 2), (3, 0.2, 3), (4, -0.1, 4)]);
    }
}
