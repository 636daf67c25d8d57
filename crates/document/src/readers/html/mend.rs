//! Mends a page whose rest was swallowed by something that has no end.
//!
//! A browser shows nothing of such a page either, but whoever indexes it wants to find it.

/// What has swallowed the rest of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Swallower {
    /// An element whose content is plain text, by name.
    Element(String),
    /// A comment.
    Comment,
    /// A tag, most likely by a quotation mark that is not closed.
    Tag,
}

impl Swallower {
    /// Its name for people.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Element(name) => format!("a <{name}>"),
            Self::Comment => "a comment".to_owned(),
            Self::Tag => "a quotation mark inside a tag".to_owned(),
        }
    }
}

/// Tags that are never part of a title, of a style or of a script, unless these have no end.
const PAGE_TAGS: [&str; 12] = [
    "</head", "<body", "<meta", "<link", "<main", "<article", "<header", "<nav", "<h1", "<h2",
    "<div", "<p>",
];

/// The same page with an end put where it is most likely missing: `swallower` begins on line `line`,
/// counted from 1, or after it. `None` where no such place is found.
pub(super) fn mended(source: &str, swallower: &Swallower, line: u64) -> Option<String> {
    let from = line_start(source, line);
    let tail = source.get(from..)?;
    let (at, end) = match swallower {
        Swallower::Element(name) => (end_of_element(tail, name)?, format!("</{name}>")),
        Swallower::Comment => (end_of_comment(tail)?, "-->".to_owned()),
        Swallower::Tag => end_of_tag(tail)?,
    };
    let (before, after) = source.split_at(from + at);
    let has_rest = !after.trim().is_empty();
    has_rest.then(|| [before, &end, after].concat())
}

/// Whether a title holds so much of a page that its end tag is one of something else.
pub(super) fn holds_page(title: &str) -> bool {
    let title = title.to_ascii_lowercase();
    let n_tags = PAGE_TAGS.iter().filter(|tag| title.contains(**tag)).count();
    n_tags > 1 || title.contains("</head")
}

/// Where a line begins; lines end as HTML says, in any way.
fn line_start(source: &str, line: u64) -> usize {
    let mut n_lines = 1;
    let bytes = source.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if n_lines >= line {
            return at;
        }
        let ends_line = *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
        n_lines += u64::from(ends_line);
    }
    0
}

/// A title and a field end with their first line or before the first tag, other elements before the
/// first tag that cannot be inside.
fn end_of_element(tail: &str, name: &str) -> Option<usize> {
    let tail = tail.to_ascii_lowercase();
    let start = tail.find(&format!("<{name}"))?;
    let start = start + tail[start..].find('>')? + 1;
    let content = &tail[start..];
    if matches!(name, "title" | "textarea") {
        return Some(start + end_of_line(content));
    }
    let tags = PAGE_TAGS.iter().filter_map(|tag| content.find(tag));
    tags.min().map(|at| start + at)
}

/// A comment ends with its first line or before the first tag.
fn end_of_comment(tail: &str) -> Option<usize> {
    let closed = tail.rfind("-->").map_or(0, |at| at + 3);
    let start = closed + tail[closed..].find("<!--")? + 4;
    Some(start + end_of_line(&tail[start..]))
}

/// The end of the first line that is not blank, or the first tag if that comes earlier.
fn end_of_line(text: &str) -> usize {
    let words = text.len() - text.trim_start().len();
    let line = text[words..]
        .find(['\n', '\r'])
        .unwrap_or(text.len() - words)
        + words;
    let is_tag =
        |after: &str| after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
    let mut signs = text[..line].match_indices('<');
    signs
        .find(|(at, _)| is_tag(&text[at + 1..]))
        .map_or(line, |(at, _)| at)
}

/// Where the quotation mark of the tag without an end is closed: before the next `>` or line end.
fn end_of_tag(tail: &str) -> Option<(usize, String)> {
    let bytes = tail.as_bytes();
    let mut at = 0;
    loop {
        at += tail[at..].find('<')? + 1;
        let is_tag = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'/';
        if !bytes.get(at).is_some_and(is_tag) {
            continue;
        }
        match tag_from(bytes, at) {
            TagEnd::At(end) => at = end,
            TagEnd::Missing { open } => {
                let (quote, start) = open?;
                let close = start + tail[start..].find(['>', '\n', '\r'])?;
                let end = if bytes[close] == b'>' { "" } else { ">" };
                return Some((close, format!("{}{end}", char::from(quote))));
            }
        }
    }
}

/// Where a tag ends.
enum TagEnd {
    /// Behind its `>`.
    At(usize),
    /// Nowhere; perhaps since this quotation mark is open, which ends here.
    Missing { open: Option<(u8, usize)> },
}

/// Follows a tag, from behind its `<`. Only a value has quotation marks around it.
fn tag_from(bytes: &[u8], start: usize) -> TagEnd {
    let mut open = None;
    let mut last = b' ';
    for (at, &byte) in bytes.iter().enumerate().skip(start) {
        match open {
            Some((quote, _)) => {
                if byte == quote {
                    open = None;
                }
            }
            None if byte == b'>' => return TagEnd::At(at + 1),
            None => {
                if last == b'=' && matches!(byte, b'"' | b'\'') {
                    open = Some((byte, at + 1));
                }
            }
        }
        if !byte.is_ascii_whitespace() {
            last = byte;
        }
    }
    TagEnd::Missing { open }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_put_where_they_are_missing() {
        let element = |name: &str| Swallower::Element(name.to_owned());
        for (source, swallower, expected) in [
            (
                "<title>My page\n<p>text",
                element("title"),
                "<title>My page</title>\n<p>text",
            ),
            (
                "<title>a < b <meta x>",
                element("title"),
                "<title>a < b </title><meta x>",
            ),
            (
                "<TITLE>\nA\r\nb",
                element("title"),
                "<TITLE>\nA</title>\r\nb",
            ),
            (
                "<style>p{}<body>x",
                element("style"),
                "<style>p{}</style><body>x",
            ),
            (
                "a<!-- b --><!-- c\nd",
                Swallower::Comment,
                "a<!-- b --><!-- c-->\nd",
            ),
            ("<!-- c <p>d", Swallower::Comment, "<!-- c --><p>d"),
            (
                "<b c='d'>e <a f=\"g>h",
                Swallower::Tag,
                "<b c='d'>e <a f=\"g\">h",
            ),
            ("<a f='g\nh", Swallower::Tag, "<a f='g'>\nh"),
        ] {
            assert_eq!(mended(source, &swallower, 1).as_deref(), Some(expected));
        }
        assert_eq!(mended("<script>x", &element("script"), 1), None);
        assert_eq!(mended("a < b", &Swallower::Tag, 1), None);
    }

    #[test]
    fn titles_about_html_hold_no_page() {
        assert!(!holds_page("The <body> element"));
        assert!(holds_page("T\n<meta charset=utf-8>\n<body>"));
    }
}
