//! Markdown: the text is the source, with the places of its headings.

use std::ops::Range;

use pulldown_cmark::{Event, HeadingLevel, MetadataBlockKind, Options, Parser, Tag, TagEnd};

use super::{Input, Output};
use crate::document::Heading;
use crate::facts::Facts;
use crate::front_matter;
use crate::kind::DocumentKind;
use crate::metadata::Metadata;
use crate::text;

/// Reads Markdown. The title is the front matter's, else the first heading of level 1, else the
/// file's name.
///
/// Front matter is blanked in the text, so that it is in no passage and no offset moves.
pub(crate) fn read(mut input: Input) -> Output {
    let mut text = text::decode(std::mem::take(&mut input.bytes));
    let outline = Outline::of(&text);
    let title = outline.title.or_else(|| {
        outline
            .headings
            .iter()
            .find(|h| h.level == 1)
            .map(|h| h.text.clone())
    });
    let metadata = metadata(&text, outline.front_matter.clone());
    if let Some(range) = outline.front_matter {
        text = blanked(&text, range);
    }
    let mut document = input.document(DocumentKind::Markdown, text);
    document.headings = outline.headings;
    document.metadata = metadata;
    if let Some(title) = title.filter(|title| !title.is_empty()) {
        document = document.with_title(title);
    }
    document.into()
}

/// What the front matter says beside the title; nothing where it cannot be read. YAML stands at
/// `front_matter`; TOML is part of the text.
fn metadata(text: &str, front_matter: Option<Range<usize>>) -> Metadata {
    let map = match front_matter {
        Some(range) => {
            let inside = text[range].trim_end().split_once('\n');
            let inside = inside.and_then(|(_, inside)| inside.rsplit_once('\n'));
            inside.and_then(|(yaml, _)| front_matter::yaml(yaml))
        }
        None => front_matter::toml_of(text),
    };
    let mut facts = Facts::default();
    facts.add_map(&map.unwrap_or_default(), |name| name == "title");
    facts.into_metadata()
}

#[derive(Default)]
struct Outline {
    title: Option<String>,
    front_matter: Option<Range<usize>>,
    headings: Vec<Heading>,
}

impl Outline {
    fn of(text: &str) -> Self {
        let mut outline = Self::default();
        let options = Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
            | Options::ENABLE_HEADING_ATTRIBUTES
            | Options::ENABLE_TABLES;
        // Headings inside quotes and lists do not divide the document.
        let mut n_containers = 0_usize;
        let mut in_front_matter = false;
        let mut heading: Option<Heading> = None;
        for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
            match event {
                Event::Start(Tag::BlockQuote(_) | Tag::Item) => n_containers += 1,
                Event::End(TagEnd::BlockQuote(_) | TagEnd::Item) => {
                    n_containers = n_containers.saturating_sub(1);
                }
                Event::Start(Tag::MetadataBlock(MetadataBlockKind::YamlStyle)) => {
                    in_front_matter = outline.front_matter.is_none() && range.start == 0;
                    if in_front_matter {
                        outline.front_matter = Some(whole_lines(text, range));
                    }
                }
                Event::End(TagEnd::MetadataBlock(_)) => in_front_matter = false,
                Event::Text(words) if in_front_matter => {
                    outline.title = outline.title.or_else(|| front_matter_title(&words));
                }
                Event::Start(Tag::Heading { level, .. }) if n_containers == 0 => {
                    let range = whole_lines(text, range);
                    heading = Some(Heading {
                        range,
                        level: level_of(level),
                        text: String::new(),
                    });
                }
                Event::End(TagEnd::Heading(_)) => outline.headings.extend(heading.take().map(tidy)),
                Event::Text(words) | Event::Code(words) => {
                    if let Some(heading) = &mut heading {
                        heading.text.push_str(&words);
                    }
                }
                Event::SoftBreak | Event::HardBreak => {
                    if let Some(heading) = &mut heading {
                        heading.text.push(' ');
                    }
                }
                _ => {}
            }
        }
        outline
    }
}

fn tidy(mut heading: Heading) -> Heading {
    heading.text = heading
        .text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    heading
}

/// The range widened to the lines it stands on, line end included.
fn whole_lines(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = if text[..range.end].ends_with('\n') {
        range.end
    } else {
        text[range.end..]
            .find('\n')
            .map_or(text.len(), |at| range.end + at + 1)
    };
    start..end
}

/// The value of a plain `title:` line. Anything cleverer is left to YAML parsers.
fn front_matter_title(yaml: &str) -> Option<String> {
    let value = yaml
        .lines()
        .find_map(|line| line.strip_prefix("title:"))?
        .trim();
    let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
    let is_plain = !value.is_empty() && !value.starts_with(['|', '>', '&', '*', '[', '{']);
    is_plain.then(|| value.to_owned())
}

/// The same text with spaces in place of `range`, line ends kept.
fn blanked(text: &str, range: Range<usize>) -> String {
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..range.start]);
    let blank = |byte| {
        if matches!(byte, b'\n' | b'\r') {
            char::from(byte)
        } else {
            ' '
        }
    };
    out.extend(text[range.clone()].bytes().map(blank));
    out.push_str(&text[range.end..]);
    out
}

fn level_of(level: HeadingLevel) -> u8 {
    level as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    fn read(path: &str, text: String) -> Document {
        let mut output = super::read(Input::new(path, text.into_bytes()));
        output.documents.remove(0)
    }

    fn outline(text: &str) -> Vec<(u8, String, String)> {
        let document = read("notes/a.md", text.to_owned());
        let words = |h: &Heading| (h.level, h.text.clone(), text[h.range.clone()].to_owned());
        document.headings.iter().map(words).collect()
    }

    #[test]
    fn both_forms_of_headings_are_found_with_their_lines() {
        let found = outline("# One *two* `x` #\nbody\n\nSet\ntext\n====\nmore\n  ## Last");
        assert_eq!(
            found,
            [
                (1, "One two x".into(), "# One *two* `x` #\n".into()),
                (1, "Set text".into(), "Set\ntext\n====\n".into()),
                (2, "Last".into(), "  ## Last".into()),
            ]
        );
    }

    #[test]
    fn what_only_looks_like_a_heading_is_none() {
        let text = "```sh\n# comment\n```\n\n    # code\n\n> # quoted\n\n- # item\n\n#hashtag\n";
        assert_eq!(outline(text), []);
    }

    #[test]
    fn carriage_returns_belong_to_the_line_end() {
        let found = outline("# A\r\ntext\r\n## B\r\n");
        assert_eq!(found[0].2, "# A\r\n");
        assert_eq!(found[1].2, "## B\r\n");
    }

    #[test]
    fn front_matter_gives_the_title_and_is_no_body() {
        let source = "---\nlayout: x\ntitle: \"Ünïts\"\n---\n# First\nbody\n";
        let document = read("a.md", source.to_owned());
        assert_eq!(document.title, "Ünïts");
        assert_eq!(document.text.len(), source.len());
        assert_eq!(document.text.lines().count(), source.lines().count());
        assert_eq!(document.text.trim_start(), "# First\nbody\n");
    }

    #[test]
    fn front_matter_fills_the_metadata() {
        let of = |source: &str| {
            let document = read("a.md", source.to_owned());
            serde_json::to_string(&document.metadata).unwrap()
        };
        let yaml = "---\r\ntitle: T\r\nDate: 2024-03-01\r\ntags:\r\n- a\r\n- b\r\n---\r\ntext\r\n";
        assert_eq!(of(yaml), r#"{"date":"2024-03-01","tags":["a","b"]}"#);
        let toml = "+++\ntitle = \"T\"\n[params]\nweight = 3\n+++\ntext\n";
        assert_eq!(of(toml), r#"{"params.weight":3}"#);
        assert!(read("a.md", toml.into()).text.contains("weight"));
        for source in [
            "---\na: [\n---\n\ntext\n",
            "---\n---\n",
            "text\n\n---\na: b\n---\n",
        ] {
            assert_eq!(of(source), "{}", "{source}");
        }
    }

    #[test]
    fn the_first_outermost_heading_or_the_name_is_the_title() {
        assert_eq!(read("a/b.md", "## Two\n# One\n".into()).title, "One");
        assert_eq!(read("a/b.md", "## Two\n".into()).title, "b");
        assert_eq!(
            read("a/b.md", "---\ntitle: >\n  long\n---\n\n# One\n".into()).title,
            "One"
        );
    }
}
