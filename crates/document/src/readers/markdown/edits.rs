//! Changes to a text that move no line.

use std::ops::Range;

/// What stands in place of stretches of a text, in any order. Of two that overlap the one that begins
/// first counts.
#[derive(Debug, Default)]
pub(super) struct Edits(Vec<(Range<usize>, String)>);

/// A changed text, which knows where each place of the old one is now.
pub(super) struct Edited {
    pub(super) text: String,
    /// Old and new range of each change, ascending.
    moved: Vec<(Range<usize>, Range<usize>)>,
}

impl Edits {
    pub(super) fn replace(&mut self, range: Range<usize>, with: impl Into<String>) {
        if range.start < range.end {
            self.0.push((range, with.into()));
        }
    }

    pub(super) fn remove(&mut self, range: Range<usize>) {
        self.replace(range, "");
    }

    /// Makes the changes. Line ends in what is replaced stay.
    pub(super) fn apply(mut self, source: &str) -> Edited {
        self.0.sort_by_key(|(range, _)| range.start);
        let mut text = String::with_capacity(source.len());
        let mut moved = Vec::with_capacity(self.0.len());
        let mut at = 0;
        for (range, with) in self.0 {
            if range.start < at {
                continue;
            }
            text.push_str(&source[at..range.start]);
            let start = text.len();
            text.push_str(&with);
            let n_lines = |text: &str| text.bytes().filter(|&byte| byte == b'\n').count();
            let n_lost = n_lines(&source[range.clone()]).saturating_sub(n_lines(&with));
            text.extend(std::iter::repeat_n('\n', n_lost));
            at = range.end;
            moved.push((range, start..text.len()));
        }
        text.push_str(&source[at..]);
        Edited { text, moved }
    }
}

impl Edited {
    /// Where a stretch of the old text is now, with all that has come inside it.
    pub(super) fn range(&self, old: Range<usize>) -> Range<usize> {
        let n_before = self
            .moved
            .partition_point(|(from, _)| from.start < old.start);
        let start = self.after(n_before, old.start);
        let n_before = self.moved.partition_point(|(from, _)| from.start < old.end);
        let end = self.after(n_before, old.end);
        start..end.max(start)
    }

    /// Where `old` is now, before which `n_before` changes begin.
    fn after(&self, n_before: usize, old: usize) -> usize {
        match n_before.checked_sub(1).map(|last| &self.moved[last]) {
            // Inside a change: at its end.
            Some((from, to)) => to.end + old.saturating_sub(from.end),
            None => old,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_and_places_are_found_again() {
        let mut edits = Edits::default();
        edits.replace(8..9, "é");
        edits.remove(0..2);
        edits.replace(4..7, "x");
        edits.replace(5..8, "lost");
        let edited = edits.apply("**a b\n**&c\n");
        assert_eq!(edited.text, "a x\n*éc\n");
        assert_eq!(&edited.text[edited.range(2..4)], "a ");
        assert_eq!(&edited.text[edited.range(0..3)], "a");
        assert_eq!(&edited.text[edited.range(7..10)], "*éc");
        assert_eq!(&edited.text[edited.range(4..7)], "x\n");
        assert_eq!(edited.range(0..11), 0..edited.text.len());
    }
}
