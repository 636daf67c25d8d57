//! What a document says about a word that is broken at the end of a line.

use std::collections::HashMap;

use super::line_end::{Break, is_letter};

/// What becomes of the halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// One word without a hyphen.
    Word,
    /// One word with a hyphen.
    Hyphenated,
    /// They stay where they are.
    Apart,
}

/// A document of this many words uses most of its vocabulary more than once.
const MANY_WORDS: usize = 1000;

/// So many words that are broken for certain show that a program has broken the document's words. Where
/// people break lines, they do so after hyphens that were there before.
const MIN_BROKEN: usize = 3;

/// Words before which a hyphen stands for the rest of a word to come, as in `pre- and postwar`.
const CONJUNCTIONS: &str = "and or nor to of und oder bis sowie bzw et ou y e o u en och eller og";

/// What words end in that is hardly ever a word itself.
const ENDINGS: &str = "\
    able ably age ages ally als ance ances ancy ant ary ate ated ates ating ation ational ations \
    ative atory bility bly cal cally cated cation cations cies cious cy ded dom ed ence ences ency ent \
    ently ents er ers ery es ess est ety ful fully graphy ial ially ians ible ibly ic ical \
    ically ics ied ier ies iest ified ifies ify ily iness ing ings ingly ious ish ism isms ist istic ists \
    ities ity ive ively ization ize ized izes izing isation ise ised ising lar larly lated lation less \
    ling logies logist logists logy ly ment mentary mentation ments metry mation mations \
    nal nally ness nesses nomic nomical ology ory ous ously pher phers phic ples ral rally ric \
    rical rity sion sional sions sity sive sively sphere spheres tal tance tation tations \
    ted tem tems tence ter ters tial tially tic tical tically tics ties tified ting tings tion tional \
    tionally tioned tioning tions tious tism tive tively tives tivity tor tors tory tude tudes tural ture \
    tured tures turing ty ular ularly uous ure ures vide vided \
    chen heit heiten isch ische ischen keit keiten lich liche lichen licher mus schaft \
    schaften tung tungen ung ungen zung zungen";

/// Which of the words in question a document holds elsewhere.
pub(super) struct Evidence {
    seen: HashMap<String, bool>,
    n_words: usize,
    /// Whether a program has broken words at line ends.
    is_typeset: bool,
}

impl Evidence {
    /// Reads the document once, whatever the number of breaks.
    pub(super) fn of(text: &str, breaks: &[&Break]) -> Self {
        let mut seen = HashMap::new();
        let mut halves = Vec::new();
        for found in breaks {
            let (head, tail) = (&text[found.head.clone()], &text[found.tail.clone()]);
            let words = [
                head.into(),
                tail.into(),
                pair(head, tail),
                format!("{head}{tail}"),
            ];
            seen.extend(words.map(|word: String| (word.to_lowercase(), false)));
            halves.extend([found.head.start, found.tail.start]);
        }
        let mut evidence = Self {
            seen,
            n_words: 0,
            is_typeset: false,
        };
        if !breaks.is_empty() {
            evidence.read(text, &halves);
            let n_of = |join| {
                breaks
                    .iter()
                    .filter(|found| evidence.certain(text, found) == Some(join))
                    .count()
            };
            let n_broken = n_of(Join::Word);
            evidence.is_typeset = n_broken >= MIN_BROKEN && n_broken > n_of(Join::Hyphenated);
        }
        evidence
    }

    fn read(&mut self, text: &str, halves: &[usize]) {
        let mut halves = halves.iter().copied().peekable();
        let mut before: Option<(usize, &str)> = None;
        for (start, word) in words(text) {
            self.n_words += 1;
            while halves.next_if(|half| *half < start).is_some() {}
            if halves.next_if_eq(&start).is_some() {
                before = None;
                continue;
            }
            self.see(word);
            if let Some((end, first)) = before
                && text[end..start] == *"-"
            {
                self.see(&pair(first, word));
            }
            before = Some((start + word.len(), word));
        }
    }

    fn see(&mut self, word: &str) {
        if let Some(seen) = self.seen.get_mut(word) {
            *seen = true;
        } else if word.contains(char::is_uppercase)
            && let Some(seen) = self.seen.get_mut(&word.to_lowercase())
        {
            *seen = true;
        }
    }

    fn has(&self, word: &str) -> bool {
        self.seen
            .get(&word.to_lowercase())
            .is_some_and(|seen| *seen)
    }

    /// What becomes of a broken word.
    pub(super) fn join(&self, text: &str, found: &Break) -> Join {
        self.certain(text, found).unwrap_or_else(|| {
            let (head, tail) = (&text[found.head.clone()], &text[found.tail.clone()]);
            let is_known = self.has(head) || self.has(tail) || self.n_words < MANY_WORDS;
            if self.is_typeset && !is_known {
                Join::Word
            } else {
                Join::Hyphenated
            }
        })
    }

    /// The same where the document, or the word itself, leaves no doubt.
    fn certain(&self, text: &str, found: &Break) -> Option<Join> {
        let (head, tail) = (&text[found.head.clone()], &text[found.tail.clone()]);
        let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
        if found.is_soft {
            let join = if is_number(tail) {
                Join::Apart
            } else {
                Join::Word
            };
            return Some(join);
        }
        if is_number(head) || is_number(tail) {
            return Some(Join::Hyphenated);
        }
        if self.has(&format!("{head}{tail}")) {
            return Some(Join::Word);
        }
        if self.has(&pair(head, tail)) {
            return Some(Join::Hyphenated);
        }
        let before = &text[found.head_start..found.head.start];
        let after = &text[found.tail.end..found.tail_end];
        let lower_tail = tail.to_lowercase();
        if lists(CONJUNCTIONS, &lower_tail) && !after.starts_with('-') {
            return Some(Join::Apart);
        }
        let is_longer = before.ends_with(['-', '/', '.']) || after.starts_with('-');
        if is_longer || is_short(head) || is_short(tail) || !has_one_case(head, tail) {
            return Some(Join::Hyphenated);
        }
        lists(ENDINGS, &lower_tail).then_some(Join::Word)
    }
}

fn pair(head: &str, tail: &str) -> String {
    format!("{head}-{tail}")
}

/// Whether this is a single letter, as the first of `e-mail` and the last of `vitamin-C`.
fn is_short(half: &str) -> bool {
    half.chars().nth(1).is_none()
}

/// Whether the halves go on as one word does: `DNA-binding` and `Anglo-Saxon` do not.
fn has_one_case(head: &str, tail: &str) -> bool {
    let is_all = |word: &str, is: fn(char) -> bool| !word.contains(|c: char| !is(c));
    let not_lower = |c: char| !c.is_lowercase();
    let not_upper = |c: char| !c.is_uppercase();
    if is_all(head, not_lower) {
        is_all(tail, not_lower)
    } else {
        is_all(tail, not_upper)
    }
}

fn lists(words: &str, word: &str) -> bool {
    words.split(' ').any(|known| known == word)
}

/// The words of a text and where they begin.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + text[rest..].find(is_letter)?;
        let word = &text[start..];
        let len = word.find(|c: char| !is_letter(c)).unwrap_or(word.len());
        rest = start + len;
        Some((start, &word[..len]))
    })
}
