//! Tags, comments and text of the HTML that stands in Markdown.

use std::ops::Range;

use pulldown_cmark::{Event, Parser};

/// A stretch of HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(Range<usize>),
    Tag(Range<usize>),
    /// A comment, a declaration, a script or a style sheet.
    Unseen(Range<usize>),
}

/// Elements that stand inside words and sentences. What stands on both sides of others is apart.
const INLINE: [&str; 33] = [
    "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em",
    "font", "i", "ins", "kbd", "label", "mark", "q", "rb", "ruby", "s", "samp", "small", "span",
    "strike", "strong", "time", "tt", "u", "var", "wbr",
];

/// The other elements of HTML. Anything else in pointed brackets is what people write so: `<your name>`,
/// `Vec<String>`.
const APART: &str = "\
    address area article aside audio base blockquote body br button canvas caption center col colgroup \
    dd details dialog dir div dl dt embed fieldset figcaption figure footer form frame frameset h1 h2 \
    h3 h4 h5 h6 head header hgroup hr html iframe img input legend li link main map math menu meta \
    nav noscript object ol optgroup option p param picture pre progress script section select \
    source style summary sub sup svg table tbody td template textarea tfoot th thead title tr track ul \
    video";

/// Longest name of an entity: `&CounterClockwiseContourIntegral;`.
const MAX_ENTITY_BYTES: usize = 33;

/// Cuts HTML into pieces, in time proportional to its length. What is never closed is text.
pub(super) fn pieces(html: &str) -> Vec<Piece> {
    let mut cutter = Cutter {
        html,
        missing: Vec::new(),
    };
    let mut pieces = Vec::new();
    let (mut done, mut at) = (0, 0);
    while let Some(found) = html[at..].find('<') {
        let start = at + found;
        let Some(piece) = cutter.piece(start) else {
            at = start + 1;
            continue;
        };
        if done < start {
            pieces.push(Piece::Text(done..start));
        }
        let (Piece::Text(range) | Piece::Tag(range) | Piece::Unseen(range)) = &piece;
        (done, at) = (range.end, range.end);
        pieces.push(piece);
    }
    if done < html.len() {
        pieces.push(Piece::Text(done..html.len()));
    }
    pieces
}

struct Cutter<'h> {
    html: &'h str,
    /// Ends that come no more. Looking for one in vain is enough.
    missing: Vec<&'static str>,
}

impl Cutter<'_> {
    /// The tag or comment that begins at `start`.
    fn piece(&mut self, start: usize) -> Option<Piece> {
        let rest = &self.html[start..];
        if rest.starts_with("<!--") {
            let len = self.len_to(rest, "-->").unwrap_or("<!--".len());
            return Some(Piece::Unseen(start..start + len));
        }
        if rest.starts_with("<!") || rest.starts_with("<?") {
            let len = self.len_to(rest, ">")?;
            return Some(Piece::Unseen(start..start + len));
        }
        let name = name(rest);
        if name.is_empty() {
            return None;
        }
        let end = start + self.tag_len(rest)?;
        let close = match name.as_str() {
            "script" => Some("</script"),
            "style" => Some("</style"),
            _ => None,
        };
        if let Some(close) = close.filter(|_| !rest.starts_with("</"))
            && let Some(len) = self.len_to(&self.html[end..], close)
        {
            return Some(Piece::Unseen(start..end + len - close.len()));
        }
        Some(Piece::Tag(start..end))
    }

    /// Up to the `>` that is in no quotes; up to the next one once a quote has not been closed.
    fn tag_len(&mut self, rest: &str) -> Option<usize> {
        const QUOTE: &str = "\"";
        if !self.missing.contains(&QUOTE) {
            let mut quote = None;
            for (at, byte) in rest.bytes().enumerate() {
                match (byte, quote) {
                    (b'>', None) => return Some(at + 1),
                    (b'"' | b'\'', None) => quote = Some(byte),
                    (byte, Some(open)) if byte == open => quote = None,
                    _ => {}
                }
            }
            self.missing.push(QUOTE);
        }
        self.len_to(rest, ">")
    }

    /// Up to the end of `what`, in letters of either case.
    fn len_to(&mut self, rest: &str, what: &'static str) -> Option<usize> {
        if self.missing.contains(&what) {
            return None;
        }
        let is_it = |window: &[u8]| window.eq_ignore_ascii_case(what.as_bytes());
        let at = rest.as_bytes().windows(what.len()).position(is_it);
        if at.is_none() {
            self.missing.push(what);
        }
        at.map(|at| at + what.len())
    }
}

/// The name of the element that a tag begins or ends, lower case; empty if it is no tag.
pub(super) fn name(tag: &str) -> String {
    let tag = tag.strip_prefix('<').unwrap_or(tag);
    let tag = tag.strip_prefix('/').unwrap_or(tag);
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let len = tag.find(|c| !is_of_name(c)).unwrap_or(tag.len());
    if tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
        tag[..len].to_ascii_lowercase()
    } else {
        String::new()
    }
}

/// Whether this is the name of an element of HTML.
pub(super) fn is_element(name: &str) -> bool {
    is_inline(name) || APART.split(' ').any(|element| element == name)
}

pub(super) fn is_inline(name: &str) -> bool {
    INLINE.contains(&name)
}

/// The value of an attribute in quotes, as it is shown.
pub(super) fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    loop {
        let (before, behind) = rest.split_once('=')?;
        let behind = behind.trim_start();
        let quote = behind.chars().next()?;
        let is_quoted = matches!(quote, '"' | '\'');
        let (value, after) = if is_quoted {
            behind[1..].split_once(quote)?
        } else {
            behind.split_at(behind.find([' ', '>']).unwrap_or(behind.len()))
        };
        let before = before.trim_end();
        let is_it = before
            .rsplit(|c: char| c.is_whitespace() || matches!(c, '"' | '\''))
            .next()
            .is_some_and(|last| last.eq_ignore_ascii_case(name));
        if is_it {
            return Some(decoded(value));
        }
        rest = after;
    }
}

/// Text with characters in place of entities.
pub(super) fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (range, with) in entities(text) {
        out.push_str(&text[done..range.start]);
        out.push_str(&with);
        done = range.end;
    }
    out.push_str(&text[done..]);
    out
}

/// The entities in a text and what they stand for.
pub(super) fn entities(text: &str) -> impl Iterator<Item = (Range<usize>, String)> {
    text.match_indices('&').filter_map(|(at, _)| {
        let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'#';
        let rest = &text.as_bytes()[at + 1..];
        let len = rest
            .iter()
            .take(MAX_ENTITY_BYTES)
            .take_while(|byte| is_of_name(byte))
            .count();
        if rest.get(len) != Some(&b';') {
            return None;
        }
        let range = at..at + len + 2;
        let entity = &text[range.clone()];
        // Markdown's own parser knows them all.
        let mut events = Parser::new(entity);
        let shown = events.find_map(|event| match event {
            Event::Text(shown) => Some(shown.into_string()),
            _ => None,
        })?;
        (shown != entity).then_some((range, shown))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(html: &str) -> Vec<(char, &str)> {
        let named = |piece| match piece {
            Piece::Text(range) => ('t', &html[range]),
            Piece::Tag(range) => ('<', &html[range]),
            Piece::Unseen(range) => ('-', &html[range]),
        };
        pieces(html).into_iter().map(named).collect()
    }

    #[test]
    fn html_is_cut_into_pieces() {
        assert_eq!(
            cut("<p title='a>b'>x < y<!-- no\n<b> --> <BR/>z"),
            [
                ('<', "<p title='a>b'>"),
                ('t', "x < y"),
                ('-', "<!-- no\n<b> -->"),
                ('t', " "),
                ('<', "<BR/>"),
                ('t', "z")
            ]
        );
        assert_eq!(
            cut("<script>if (a<b) {}</SCRIPT>x"),
            [('-', "<script>if (a<b) {}"), ('<', "</SCRIPT>"), ('t', "x")]
        );
    }

    #[test]
    fn what_is_never_closed_swallows_nothing() {
        assert_eq!(
            cut("<!-- a <b>"),
            [('-', "<!--"), ('t', " a "), ('<', "<b>")]
        );
        assert_eq!(cut("<style>a"), [('<', "<style>"), ('t', "a")]);
        assert_eq!(cut("<a href=\"x>y"), [('<', "<a href=\"x>"), ('t', "y")]);
        assert_eq!(cut("<a x"), [('t', "<a x")]);
        for hostile in ["<!--", "<a \"", "<script>", "<a", "<!", "<", "&"] {
            let html = hostile.repeat(200_000);
            assert!(pieces(&html).len() <= 400_000);
            assert!(decoded(&html).len() <= html.len());
        }
    }

    #[test]
    fn elements_are_told_from_other_words_in_brackets() {
        assert!(
            ["sup", "b", "h1", "video", "address"]
                .into_iter()
                .all(is_element)
        );
        assert!(!["string", "your-name", "t", ""].into_iter().any(is_element));
    }

    #[test]
    fn names_attributes_and_entities_are_read() {
        assert_eq!(
            (name("</Sup >"), name("<My.Tab x>")),
            ("sup".into(), "my.tab".into())
        );
        assert_eq!((name("<1>"), name("<")), (String::new(), String::new()));
        let tag = "<img src=\"a alt=b\" ALT = 'A &amp; B'/>";
        assert_eq!(attribute(tag, "alt").as_deref(), Some("A & B"));
        assert_eq!(
            attribute("<img data-alt=\"x\" alt=y>", "alt").as_deref(),
            Some("y")
        );
        assert_eq!(attribute("<img>", "alt"), None);
        assert_eq!(
            decoded("cr&egrave;me &#x41;&#66; &unknown; & &amp"),
            "crème AB &unknown; & &amp"
        );
    }
}
