//! What is known of tags: their attributes, and how the elements of HTML behave by name.

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{Tag, TokenSinkResult};

use super::writer::Gap;

/// The value of an attribute; empty where it has none.
pub(super) fn attribute<'t>(tag: &'t Tag, name: &str) -> Option<&'t str> {
    let mut attributes = tag.attrs.iter();
    let found = attributes.find(|attribute| &*attribute.name.local == name);
    found.map(|attribute| &*attribute.value)
}

/// Whether an attribute is this word, in any case.
pub(super) fn is(tag: &Tag, name: &str, word: &str) -> bool {
    attribute(tag, name).is_some_and(|value| value.trim().eq_ignore_ascii_case(word))
}

/// The value of a property that the tag's own `style` sets, in lower case.
pub(super) fn style_of(tag: &Tag, property: &str) -> Option<String> {
    let declarations = attribute(tag, "style")?.split(';');
    let mut set = declarations.filter_map(|declaration| declaration.split_once(':'));
    let (_, value) = set.find(|(name, _)| name.trim().eq_ignore_ascii_case(property))?;
    let value = value.to_ascii_lowercase();
    Some(value.trim_end_matches("!important").trim().to_owned())
}

/// How the tokenizer has to read on after a start tag.
pub(super) fn state_after(name: &str) -> TokenSinkResult<()> {
    match name {
        "script" => TokenSinkResult::RawData(RawKind::ScriptData),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" => {
            TokenSinkResult::RawData(RawKind::Rawtext)
        }
        "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
        "plaintext" => TokenSinkResult::Plaintext,
        _ => TokenSinkResult::Continue,
    }
}

pub(super) fn heading_level(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}

/// Elements that have no content and no end tag.
pub(super) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "basefont"
            | "bgsound"
            | "br"
            | "col"
            | "embed"
            | "frame"
            | "hr"
            | "image"
            | "img"
            | "input"
            | "keygen"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Elements that end tags of inline elements do not reach across: the "special" ones of the standard.
pub(super) fn is_special(name: &str) -> bool {
    closes_paragraph(name)
        || matches!(
            name,
            "button"
                | "caption"
                | "iframe"
                | "marquee"
                | "noscript"
                | "object"
                | "select"
                | "table"
                | "tbody"
                | "td"
                | "template"
                | "textarea"
                | "tfoot"
                | "th"
                | "thead"
                | "tr"
        )
}

/// Elements before whose start an open paragraph ends.
pub(super) fn closes_paragraph(name: &str) -> bool {
    heading_level(name).is_some()
        || matches!(
            name,
            "address"
                | "article"
                | "aside"
                | "blockquote"
                | "center"
                | "dd"
                | "details"
                | "dialog"
                | "dir"
                | "div"
                | "dl"
                | "dt"
                | "fieldset"
                | "figcaption"
                | "figure"
                | "footer"
                | "form"
                | "header"
                | "hgroup"
                | "hr"
                | "li"
                | "listing"
                | "main"
                | "menu"
                | "nav"
                | "ol"
                | "p"
                | "plaintext"
                | "pre"
                | "search"
                | "section"
                | "summary"
                | "table"
                | "ul"
                | "xmp"
        )
}

/// How far the text of an element stands from the text around it; lists inside others are closer.
pub(super) fn gap_of(name: &str) -> Gap {
    match name {
        "p" | "pre" | "listing" | "xmp" | "ul" | "ol" | "menu" | "dir" | "dl" | "table"
        | "blockquote" | "hr" | "figure" | "section" | "article" | "main" | "details" => Gap::Blank,
        "div" | "tr" | "li" | "dt" | "dd" | "caption" | "br" | "header" | "footer" | "nav"
        | "aside" | "body" | "center" | "figcaption" | "summary" | "legend" | "fieldset"
        | "form" | "address" | "option" | "thead" | "tbody" | "tfoot" | "hgroup" | "search"
        | "dialog" | "mtr" => Gap::Line,
        "label" | "input" | "select" | "textarea" | "button" | "meter" | "progress" | "object"
        | "iframe" | "audio" | "video" | "canvas" | "svg" | "mtd" | "mspace" | "mtext" => {
            Gap::Space
        }
        // Elements of a page's own are mostly boxes, which no word reaches across.
        _ if name.contains('-') => Gap::Space,
        _ => Gap::None,
    }
}
