//! The part of a passage that is shown: a few lines around the words of the query.

use std::collections::HashSet;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use super::clean_char;

/// How many lines are shown.
const MAX_LINES: usize = 3;

/// How far before the first matched word the text may begin, in columns, to begin with a sentence.
const LEAD: usize = 60;

/// A line of a snippet, cut where marked words begin and end.
pub(crate) type Line = Vec<Piece>;

/// Some characters of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    /// Whether it matches a word of the query.
    pub(crate) marked: bool,
}

/// One character as it is shown.
#[derive(Debug, Clone, Copy)]
struct Cell {
    c: char,
    width: usize,
    /// Which of the marked ranges it belongs to.
    mark: Option<usize>,
}

/// Up to three lines of at most `width` columns, around the best cluster of marked words.
///
/// Contains nothing that a terminal would obey. `keep_lines` shows the lines of the text as they
/// are, which suits code; otherwise the text is wrapped.
pub(crate) fn snippet(
    text: &str,
    marks: &[Range<usize>],
    width: usize,
    keep_lines: bool,
) -> Vec<Line> {
    let width = width.max(10);
    if keep_lines {
        source_lines(text, marks, width)
    } else {
        wrapped(text, marks, width)
    }
}

fn wrapped(text: &str, marks: &[Range<usize>], width: usize) -> Vec<Line> {
    let cells = cells(text, 0, marks, true);
    let budget = width * MAX_LINES - width / 4;
    let words = mark_words(text, marks);
    let start = best_start(&cells, &words, budget);
    let mut lines = Vec::new();
    let mut at = start;
    let ellipsis = Cell {
        c: '…',
        width: 1,
        mark: None,
    };
    while at < cells.len() && lines.len() < MAX_LINES {
        let room = if lines.is_empty() && start > 0 {
            width - 1
        } else {
            width
        };
        let last = lines.len() + 1 == MAX_LINES;
        let mut end = line_end(&cells, at, room);
        let cut_off = last && next_line(&cells, end) < cells.len();
        if cut_off {
            end = line_end(&cells, at, room - 1);
        }
        let mut line: Vec<Cell> = cells[at..end].to_vec();
        if lines.is_empty() && start > 0 {
            line.insert(0, ellipsis);
        }
        if cut_off {
            line.push(ellipsis);
        }
        lines.push(pieces(&line));
        at = next_line(&cells, end);
    }
    lines
}

fn source_lines(text: &str, marks: &[Range<usize>], width: usize) -> Vec<Line> {
    let mut offset = 0;
    let mut lines = Vec::new();
    for line in text.split('\n') {
        lines.push(cells(line, offset, marks, false));
        offset += line.len() + 1;
    }
    let words = mark_words(text, marks);
    let blank = |line: &Vec<Cell>| line.iter().all(|cell| cell.c == ' ');
    let first = (0..lines.len())
        .filter(|&first| !blank(&lines[first]))
        .min_by_key(|&first| {
            let shown = lines[first..].iter().take(MAX_LINES).flatten();
            std::cmp::Reverse(worth(shown, &words))
        });
    let Some(first) = first else {
        return Vec::new();
    };
    let shown = &lines[first..lines.len().min(first + MAX_LINES)];
    // What all lines are indented by says nothing.
    let indent = |line: &Vec<Cell>| line.iter().take_while(|cell| cell.c == ' ').count();
    let common = shown
        .iter()
        .filter(|line| !blank(line))
        .map(indent)
        .min()
        .unwrap_or(0);
    let mut out: Vec<Line> = Vec::new();
    for line in shown {
        let line = line.get(common..).unwrap_or(&[]);
        let mut end = fitting(line, 0, width);
        let cut_off = end < line.len();
        if cut_off {
            end = fitting(line, 0, width - 1);
        }
        let mut line = line[..end].to_vec();
        if cut_off {
            line.push(Cell {
                c: '…',
                width: 1,
                mark: None,
            });
        }
        out.push(pieces(&line));
    }
    while out.last().is_some_and(Vec::is_empty) {
        out.pop();
    }
    out
}

/// The characters of a part of a text that begins at byte `offset`; `fold` joins white space.
fn cells(text: &str, offset: usize, marks: &[Range<usize>], fold: bool) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::with_capacity(text.len());
    let mut next_mark = 0;
    for (at, c) in text.char_indices() {
        let at = offset + at;
        while marks.get(next_mark).is_some_and(|mark| mark.end <= at) {
            next_mark += 1;
        }
        let mark = marks
            .get(next_mark)
            .filter(|mark| mark.contains(&at))
            .map(|_| next_mark);
        let c = clean_char(c);
        let c = if c.is_whitespace() { ' ' } else { c };
        if fold && c == ' ' && cells.last().is_none_or(|cell| cell.c == ' ') {
            continue;
        }
        cells.push(Cell {
            c,
            width: c.width().unwrap_or(0),
            mark,
        });
    }
    while cells.last().is_some_and(|cell| cell.c == ' ') {
        cells.pop();
    }
    cells
}

/// For each mark a number that equal words share.
fn mark_words(text: &str, marks: &[Range<usize>]) -> Vec<usize> {
    let mut known: Vec<String> = Vec::new();
    marks
        .iter()
        .map(|mark| {
            let word = text.get(mark.clone()).unwrap_or("").to_lowercase();
            known
                .iter()
                .position(|other| *other == word)
                .unwrap_or_else(|| {
                    known.push(word);
                    known.len() - 1
                })
        })
        .collect()
}

/// How much of the query is in some cells: different words count most, then repetitions.
fn worth<'a>(cells: impl Iterator<Item = &'a Cell>, words: &[usize]) -> usize {
    let marks: HashSet<usize> = cells.filter_map(|cell| cell.mark).collect();
    let distinct: HashSet<usize> = marks
        .iter()
        .filter_map(|&mark| words.get(mark).copied())
        .collect();
    distinct.len() * 100 + marks.len().min(99)
}

/// Where a window of `budget` columns shows most of the query.
fn best_start(cells: &[Cell], words: &[usize], budget: usize) -> usize {
    let width: usize = cells.iter().map(|cell| cell.width).sum();
    if width <= budget {
        return 0;
    }
    let is_first = |&pos: &usize| {
        cells[pos].mark.is_some() && (pos == 0 || cells[pos].mark != cells[pos - 1].mark)
    };
    let mut best = (0, worth(cells[..fitting(cells, 0, budget)].iter(), words));
    for anchor in (0..cells.len()).filter(is_first) {
        let start = lead_in(cells, anchor);
        let worth = worth(cells[start..fitting(cells, start, budget)].iter(), words);
        if worth > best.1 {
            best = (start, worth);
        }
    }
    best.0
}

/// The beginning of the sentence before `anchor` if that is near, else of a word a little before.
fn lead_in(cells: &[Cell], anchor: usize) -> usize {
    let mut columns = 0;
    let mut word = anchor;
    for pos in (0..anchor).rev() {
        columns += cells[pos].width;
        if columns > LEAD {
            break;
        }
        if pos == 0 {
            return 0;
        }
        let after_blank = cells[pos - 1].c == ' ' && cells[pos].c != ' ';
        if after_blank && pos >= 2 && matches!(cells[pos - 2].c, '.' | '!' | '?' | ':') {
            return pos;
        }
        if after_blank && columns <= LEAD / 3 {
            word = pos;
        }
    }
    word
}

/// The end of the longest run from `start` that is at most `width` columns wide.
fn fitting(cells: &[Cell], start: usize, width: usize) -> usize {
    let mut columns = 0;
    for (pos, cell) in cells.iter().enumerate().skip(start) {
        columns += cell.width;
        if columns > width {
            return pos;
        }
    }
    cells.len()
}

/// Where a line that starts at `start` ends: before a blank if there is one, else where it is full.
fn line_end(cells: &[Cell], start: usize, width: usize) -> usize {
    let full = fitting(cells, start, width).max(start + 1).min(cells.len());
    if full == cells.len() || cells[full].c == ' ' {
        return full;
    }
    let blank = (start + 1..full).rev().find(|&pos| cells[pos].c == ' ');
    // Text without blanks, and lines that would be mostly empty, are cut at the edge.
    blank
        .filter(|&blank| blank - start >= (full - start) / 2)
        .unwrap_or(full)
}

fn next_line(cells: &[Cell], end: usize) -> usize {
    if cells.get(end).is_some_and(|cell| cell.c == ' ') {
        end + 1
    } else {
        end
    }
}

fn pieces(cells: &[Cell]) -> Line {
    let mut line: Line = Vec::new();
    for cell in cells {
        let marked = cell.mark.is_some();
        match line.last_mut() {
            Some(piece) if piece.marked == marked => piece.text.push(cell.c),
            _ => line.push(Piece {
                text: cell.c.to_string(),
                marked,
            }),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(lines: &[Line]) -> Vec<String> {
        let join = |line: &Line| line.iter().map(|piece| piece.text.as_str()).collect();
        lines.iter().map(join).collect()
    }

    fn marks_of(text: &str, word: &str) -> Vec<Range<usize>> {
        text.match_indices(word)
            .map(|(at, _)| at..at + word.len())
            .collect()
    }

    #[test]
    fn a_short_text_is_shown_whole() {
        let text = "Yeast makes\nthe  dough rise.";
        let lines = snippet(text, &marks_of(text, "dough"), 60, false);
        assert_eq!(plain(&lines), ["Yeast makes the dough rise."]);
        let marked: Vec<&Piece> = lines[0].iter().filter(|piece| piece.marked).collect();
        assert_eq!(marked.len(), 1);
        assert_eq!(marked[0].text, "dough");
    }

    #[test]
    fn a_long_text_is_shown_around_the_marked_words() {
        let filler = "Nothing of interest is said in this sentence. ".repeat(20);
        let text = format!("{filler}The retry limit is three. {filler}");
        let marks = [marks_of(&text, "retry"), marks_of(&text, "limit")].concat();
        let lines = plain(&snippet(&text, &marks, 50, false));
        assert_eq!(lines.len(), 3);
        assert!(
            lines[0].starts_with('…') && lines[2].ends_with('…'),
            "{lines:?}"
        );
        assert!(
            lines.join(" ").contains("The retry limit is three."),
            "{lines:?}"
        );
    }

    #[test]
    fn different_words_beat_one_word_repeated() {
        let filler = "x ".repeat(300);
        let text = format!("cat cat cat {filler} cat dog {filler}");
        let mut marks = [marks_of(&text, "cat"), marks_of(&text, "dog")].concat();
        marks.sort_by_key(|mark| mark.start);
        let lines = plain(&snippet(&text, &marks, 40, false)).join(" ");
        assert!(lines.contains("cat dog"), "{lines}");
    }

    #[test]
    fn code_keeps_its_lines_and_their_relative_indent() {
        let text = "fn main() {\n    if ready {\n        retry();\n    }\n}";
        let lines = plain(&snippet(text, &marks_of(text, "retry"), 40, true));
        assert_eq!(lines, ["fn main() {", "    if ready {", "        retry();"]);
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_none_holds_a_control_character(
            text in "[ a-z\u{4e00}-\u{4e20}\n\t\u{1b}\u{9b}\u{202e}e\u{301}.]{0,600}",
            marks in prop::collection::vec((0usize..700, 0usize..20), 0..20),
            width in 1usize..120,
            keep_lines: bool,
        ) {
            let mut marks: Vec<Range<usize>> =
                marks.into_iter().map(|(start, len)| start..start + len).collect();
            marks.sort_by_key(|mark| mark.start);
            let lines = snippet(&text, &marks, width, keep_lines);
            prop_assert!(lines.len() <= MAX_LINES);
            for line in plain(&lines) {
                let columns: usize = line.chars().map(|c| c.width().unwrap_or(0)).sum();
                prop_assert!(columns <= width.max(10), "{columns} > {width}: {line:?}");
                let obeyed = |c: char| c.is_control() || c == '\u{202e}';
                prop_assert!(!line.chars().any(obeyed));
            }
        }

        #[test]
        fn a_text_that_fits_loses_nothing_but_white_space(text in "[a-z ]{0,80}") {
            let shown = plain(&snippet(&text, &[], 60, false)).join(" ");
            let words = |text: &str| text.split(' ').filter(|w| !w.is_empty()).map(str::to_owned)
                .collect::<Vec<_>>();
            prop_assume!(words(&text).iter().all(|word| word.len() < 20));
            prop_assert_eq!(words(&shown), words(&text));
        }
    }
}
