//! Which of a document's metadata are words that people search by.

use std::collections::HashSet;

use crate::metadata::{Metadata, Value};

/// The most text of one document that is searched beside its passages: some 600 words. Beyond it
/// are lists that say no more what the document is about.
const MAX_BYTES: usize = 4 << 10;

/// Names that say what a document is about, by their last word. They come first, so that the limit
/// falls on the others.
const ABOUT: [&str; 18] = [
    "tag",
    "tags",
    "alias",
    "aliases",
    "keyword",
    "keywords",
    "category",
    "categories",
    "topic",
    "topics",
    "subject",
    "description",
    "summary",
    "abstract",
    "subtitle",
    "author",
    "authors",
    "name",
];

/// Names that hold labels, where a number is a label too: `tags: [2024, budget]`.
const LABELS: [&str; 8] = [
    "tag",
    "tags",
    "alias",
    "aliases",
    "keyword",
    "keywords",
    "category",
    "categories",
];

/// Names, by their last word, whose texts are written for machines.
const FOR_MACHINES: [&str; 66] = [
    // Keys.
    "id",
    "ids",
    "uid",
    "uuid",
    "guid",
    // Hashes and secrets.
    "hash",
    "sha",
    "sha1",
    "sha256",
    "sha512",
    "md5",
    "checksum",
    "digest",
    "etag",
    "integrity",
    "fingerprint",
    "signature",
    "token",
    "nonce",
    "verification",
    // Addresses.
    "url",
    "urls",
    "uri",
    "href",
    "link",
    "links",
    "permalink",
    "canonical",
    "src",
    "path",
    "image",
    "images",
    "img",
    "thumbnail",
    "icon",
    "favicon",
    "logo",
    // Looks.
    "layout",
    "template",
    "theme",
    "color",
    "colour",
    "scheme",
    "style",
    "class",
    "classes",
    "css",
    "cssclass",
    "cssclasses",
    "bodyclass",
    "card",
    "viewport",
    // How browsers, crawlers and site makers treat the page.
    "robots",
    "googlebot",
    "generator",
    "charset",
    "encoding",
    "mimetype",
    "referrer",
    "compatible",
    "capable",
    "detection",
    "locale",
    "lang",
    "outputs",
    "renderer",
];

/// Names that begin with one of these words are written for machines, whatever follows.
const FOR_MACHINES_FIRST: [&str; 5] = ["csrf", "msapplication", "redirect", "template", "viewport"];

/// Ends of file names that stand in front matter beside words.
const FILE_ENDS: [&str; 12] = [
    ".jpg", ".jpeg", ".png", ".gif", ".svg", ".webp", ".avif", ".ico", ".css", ".js", ".mp3",
    ".mp4",
];

/// Returns the words among a document's metadata that people search by: its tags, aliases and
/// keywords, its description, its authors, and any other text.
///
/// Left out is what nobody types: keys, hashes, encoded data, addresses, names of layouts and
/// templates, truth values, days, and numbers other than labels (`tags: [2024]`). `title` is left out
/// too, as it is the title of the document. Values stand on lines of their own, each text once, what
/// says most about the document first, at most 4 KiB in all. Empty where there is nothing to search.
///
/// ```
/// use reread_document::{Metadata, searchable_text};
///
/// let mut metadata = Metadata::new();
/// metadata.insert("tags".to_owned(), vec!["harbour", "tides"].into());
/// metadata.insert("layout".to_owned(), "post".into());
/// metadata.insert("place".to_owned(), "Whitby".into());
/// assert_eq!(searchable_text(&metadata), "harbour\ntides\nWhitby");
/// ```
pub fn searchable_text(metadata: &Metadata) -> String {
    let mut searched = Searched::default();
    for says_most in [true, false] {
        for (name, value) in metadata {
            if is_in(&ABOUT, last_word(name)) == says_most && !is_for_machines(name) {
                searched.add(value, is_in(&LABELS, last_word(name)));
            }
        }
    }
    searched.text
}

/// Texts put together, each once, up to the limit.
#[derive(Default)]
struct Searched {
    text: String,
    seen: HashSet<String>,
}

impl Searched {
    fn add(&mut self, value: &Value, are_labels: bool) {
        match value {
            Value::Text(text) if !is_no_text(text) => self.add_line(text),
            Value::Number(number) if are_labels => self.add_line(&number.to_string()),
            Value::List(values) => {
                for value in values {
                    self.add(value, are_labels);
                }
            }
            Value::Text(_) | Value::Number(_) | Value::Date(_) => {}
        }
    }

    /// Adds the words of a text that are words. Pages say the same about themselves under several
    /// names.
    fn add_line(&mut self, text: &str) {
        let words: Vec<&str> = text.split_whitespace().filter(|w| is_word(w)).collect();
        let mut line = words.join(" ");
        let room = MAX_BYTES.saturating_sub(self.text.len() + 1);
        if line.len() > room {
            let end = line[..crate::text::boundary_before(&line, room)].rfind(' ');
            line.truncate(end.unwrap_or(0));
        }
        if line.is_empty() || self.seen.contains(&line) {
            return;
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(&line);
        self.seen.insert(line);
    }
}

/// Whether what goes by this name says nothing to people.
fn is_for_machines(name: &str) -> bool {
    let first = words_of(name).next().unwrap_or(name);
    let last = last_word(name);
    matches!(name, "title" | "og:type")
        || is_in(&FOR_MACHINES, last)
        || is_in(&FOR_MACHINES_FIRST, first)
        || ["url", "uri", "uuid"].iter().any(|end| last.ends_with(end))
}

fn words_of(name: &str) -> impl DoubleEndedIterator<Item = &str> {
    name.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

fn last_word(name: &str) -> &str {
    words_of(name).next_back().unwrap_or(name)
}

fn is_in(words: &[&str], word: &str) -> bool {
    words.contains(&word)
}

/// Whether a whole text is a truth value, or figures and signs alone, such as a version.
fn is_no_text(text: &str) -> bool {
    let has_no_letter = || {
        text.chars()
            .all(|c| c.is_ascii() && !c.is_ascii_alphabetic())
    };
    matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off"
    ) || has_no_letter()
}

/// Whether a piece of text between blanks is a word, and not an address or encoded data.
fn is_word(word: &str) -> bool {
    !is_address(word) && !is_encoded(word)
}

fn is_address(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let starts = |start: &&str| lower.starts_with(start);
    let starts_as_address = [
        "www.", "mailto:", "data:", "urn:", "/", "./", "../", "~/", "\\\\",
    ];
    lower.contains("://")
        || starts_as_address.iter().any(starts)
        || FILE_ENDS.iter().any(|end| lower.ends_with(end))
}

/// Whether a word is a key, a hash, a colour or base64: hexadecimal digits, or letters of both cases
/// and digits that take turns as they do in no name.
fn is_encoded(word: &str) -> bool {
    let bytes = word.as_bytes();
    let any = |is: fn(&u8) -> bool| bytes.iter().any(is);
    let is_hex = |bytes: &[u8]| {
        bytes
            .iter()
            .all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
    };
    let is_colour = word
        .strip_prefix('#')
        .is_some_and(|hex| matches!(hex.len(), 6 | 8) && is_hex(hex.as_bytes()));
    let is_hexadecimal = bytes.len() >= 16
        && is_hex(bytes)
        && any(u8::is_ascii_digit)
        && any(u8::is_ascii_alphabetic);
    is_colour || is_hexadecimal || (bytes.len() >= 20 && n_turns(bytes) * 4 >= bytes.len())
}

/// How often a letter follows a digit, a digit a letter, or a capital a small letter.
fn n_turns(bytes: &[u8]) -> usize {
    let is_turn = |pair: &[u8]| {
        let (a, b) = (pair[0], pair[1]);
        (a.is_ascii_alphabetic() && b.is_ascii_digit())
            || (a.is_ascii_digit() && b.is_ascii_alphabetic())
            || (a.is_ascii_lowercase() && b.is_ascii_uppercase())
    };
    bytes.windows(2).filter(|pair| is_turn(pair)).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Date;

    fn text_of(facts: &[(&str, Value)]) -> String {
        let facts = facts
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        searchable_text(&facts.collect())
    }

    #[test]
    fn texts_and_lists_of_texts_are_searched_what_says_most_first() {
        let text = text_of(&[
            ("aliases", vec!["Ada Byron", "Countess"].into()),
            ("author", "Grace".into()),
            ("client", "Acme Corp".into()),
            ("og:description", "On engines.".into()),
            ("taxonomies.tags", vec!["maths"].into()),
        ]);
        assert_eq!(
            text,
            "Ada Byron\nCountess\nGrace\nOn engines.\nmaths\nAcme Corp"
        );
        assert_eq!(text_of(&[]), "");
    }

    #[test]
    fn what_machines_read_is_left_out() {
        let hash = "9f86d081884c7d659a2feaa0c55ad015";
        for (name, value) in [
            ("id", "abc"),
            ("doc_id", "abc"),
            ("og:url", "stove"),
            ("coverurl", "stove"),
            ("layout", "post"),
            ("og:image", "stove"),
            ("template_name", "page"),
            ("theme-color", "teal"),
            ("csrf-param", "word"),
            ("google-site-verification", "word"),
            ("twitter:card", "summary"),
            ("og:type", "website"),
            ("title", "Stove"),
            ("lang", "en"),
            ("note", "true"),
            ("note", "1.0.2"),
            ("note", "https://example.org/a"),
            ("note", "/old/place/"),
            ("note", "images/stove.PNG"),
            ("note", hash),
            ("note", "550e8400-e29b-41d4-a716-446655440000"),
            ("note", "aGVsbG8gd29ybGQgMTIzNDU2Nzg5MA"),
            ("note", "#ff8800"),
        ] {
            assert_eq!(text_of(&[(name, value.into())]), "", "{name}: {value}");
        }
        let day = Date::new(2024, 3, 1).unwrap();
        let numbers: Value = vec![1, 2].into();
        assert_eq!(
            text_of(&[("date", day.into()), ("n", 2.into()), ("place", numbers)]),
            ""
        );
    }

    #[test]
    fn words_that_only_look_odd_are_kept() {
        for text in [
            "GPT-4",
            "🚀",
            "C++",
            "ada@example.org",
            "Donaudampfschifffahrtsgesellschaftskapitän",
            "GeForceRTX4090TiSuper",
            "Version-2-Release-Candidate-Final",
            "apollo-11-landing-1969-07-20",
            "#harbour",
            "日本語",
            "chapter 12",
        ] {
            assert_eq!(text_of(&[("note", text.into())]), text);
        }
        let mixed = "see https://example.org/a for tides";
        assert_eq!(text_of(&[("note", mixed.into())]), "see for tides");
        assert_eq!(text_of(&[("image.alt", "A boat".into())]), "A boat");
    }

    #[test]
    fn numbers_are_labels_where_labels_stand() {
        let tags = Value::List(vec![2024.into(), "budget".into()]);
        assert_eq!(text_of(&[("tags", tags)]), "2024\nbudget");
    }

    #[test]
    fn one_text_is_there_once_and_the_whole_is_bounded() {
        let same = "On engines.";
        let twice = [
            ("description", same.into()),
            ("og:description", same.into()),
        ];
        assert_eq!(text_of(&twice), same);
        let many: Vec<String> = (0..2_000).map(|i| format!("word{i}")).collect();
        let text = text_of(&[("a", many.into()), ("tags", vec!["first"].into())]);
        assert!(text.starts_with("first\nword0\n"));
        assert!(text.len() <= MAX_BYTES && text.len() > MAX_BYTES - 16);
        let long = "é ".repeat(5_000);
        assert!(text_of(&[("a", long.into())]).len() <= MAX_BYTES);
        assert_eq!(text_of(&[("a", "x".repeat(5_000).into())]), "");
    }
}
