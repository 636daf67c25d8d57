//! The sorts of documents.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The sort of a document, decided by its file's name and content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DocumentKind {
    /// Plain text.
    Text,
    /// Markdown.
    Markdown,
    /// HTML, indexed as the text it shows.
    Html,
    /// PDF, indexed as the text on its pages.
    Pdf,
    /// Source code and configuration.
    Code,
    /// One record of a JSON Lines file.
    JsonLines,
}

impl DocumentKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Text,
        Self::Markdown,
        Self::Html,
        Self::Pdf,
        Self::Code,
        Self::JsonLines,
    ];

    /// The name, as [`FromStr`] reads it: the usual ending of such a file where there is one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Code => "code",
            Self::JsonLines => "jsonl",
        }
    }

    /// Other names that [`FromStr`] reads, that of the index files among them.
    pub fn other_names(self) -> &'static [&'static str] {
        match self {
            Self::Text => &["txt"],
            Self::Markdown => &["markdown"],
            Self::Html => &["htm"],
            Self::Pdf | Self::Code => &[],
            Self::JsonLines => &["json-lines", "jsonlines"],
        }
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for DocumentKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        let is_called = |kind: &Self| kind.name() == name || kind.other_names().contains(&name);
        let found = Self::ALL.into_iter().find(is_called);
        found.ok_or_else(|| UnknownKind {
            given: name.to_owned(),
        })
    }
}

/// A name that no kind of document goes by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no kind of document `{given}`; there are {}",
    DocumentKind::ALL.map(DocumentKind::name).join(", ")
)]
#[non_exhaustive]
pub struct UnknownKind {
    /// The name that was given.
    pub given: String,
}

/// Extensions of source code and configuration, lower case.
const CODE: &str = "\
    ada asm awk bash bat bazel bzl c cc cfg cjs clj cljs cmake cmd cpp cr cs css cu cuh cxx d \
    dart diff dts el elm erl ex exs f f90 fish fs fsx gd glsl go gql gradle graphql groovy h hcl \
    hh hlsl hpp hrl hs hxx inc ini java jl js json json5 jsx kt kts less lisp lua m mak mjs mk \
    ml mli mm nim nix pas patch php pl pm properties proto ps1 py pyi pyx r rb rkt rs s sass \
    scala scm scss sh sol sql sv svelte swift tcl tf toml ts tsx v vala vb vhd vhdl vim vue xml \
    xsd xsl xslt yaml yml zig zsh";

/// Files that are known by their whole name, lower case.
const CODE_NAMES: [&str; 7] = [
    "build",
    "cmakelists.txt",
    "dockerfile",
    "gemfile",
    "jenkinsfile",
    "justfile",
    "makefile",
];

/// The kind of the file called `path` that holds `bytes`.
pub(crate) fn kind_of(path: &str, bytes: &[u8]) -> DocumentKind {
    // Whatever its name says, a PDF is nothing else.
    if bytes.starts_with(b"%PDF-") {
        return DocumentKind::Pdf;
    }
    let name = file_name(path).to_ascii_lowercase();
    if CODE_NAMES.contains(&name.as_str()) {
        return DocumentKind::Code;
    }
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "md" | "markdown" | "mdown" | "mdx" | "mkd" => DocumentKind::Markdown,
        "htm" | "html" | "xhtml" => DocumentKind::Html,
        "pdf" => DocumentKind::Pdf,
        "jsonl" | "ndjson" => DocumentKind::JsonLines,
        extension if is_code(extension) => DocumentKind::Code,
        "txt" | "text" | "rst" | "adoc" | "log" | "csv" | "tsv" => DocumentKind::Text,
        _ if looks_like_html(bytes) => DocumentKind::Html,
        _ => DocumentKind::Text,
    }
}

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The last part of a path without its extension.
pub(crate) fn file_stem(path: &str) -> &str {
    let name = file_name(path);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

fn is_code(extension: &str) -> bool {
    CODE.split(' ').any(|known| known == extension)
}

fn looks_like_html(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(1024)];
    let start = start
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(start)
        .trim_ascii_start();
    let begins = |tag: &[u8]| {
        start
            .get(..tag.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(tag))
    };
    let names_html = || {
        start
            .windows(5)
            .any(|window| window.eq_ignore_ascii_case(b"<html"))
    };
    begins(b"<!doctype html") || begins(b"<html") || (begins(b"<?xml") && names_html())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_extensions_is_read_as_a_list() {
        assert!(is_code("ada") && is_code("kts") && is_code("zsh"));
        assert!(!is_code("") && !is_code("s sass") && !is_code("docx"));
    }

    #[test]
    fn the_name_decides_before_the_content() {
        assert_eq!(kind_of("a/B.MD", b"<html>"), DocumentKind::Markdown);
        assert_eq!(kind_of("x.rs", b"<html>"), DocumentKind::Code);
        assert_eq!(kind_of("Makefile", b"all:"), DocumentKind::Code);
        assert_eq!(kind_of("corpus.jsonl", b""), DocumentKind::JsonLines);
        assert_eq!(kind_of("notes.txt", b"<html>"), DocumentKind::Text);
    }

    #[test]
    fn the_content_decides_where_the_name_says_nothing() {
        assert_eq!(
            kind_of("page", b"\xEF\xBB\xBF\n <!DOCTYPE HTML><p>"),
            DocumentKind::Html
        );
        assert_eq!(
            kind_of("page", b"<?xml version='1.0'?>\n<HTML>"),
            DocumentKind::Html
        );
        assert_eq!(kind_of("page.odd", b"plain"), DocumentKind::Text);
        assert_eq!(kind_of("paper.txt", b"%PDF-1.4"), DocumentKind::Pdf);
    }

    #[test]
    fn a_stem_is_never_empty() {
        assert_eq!(file_stem("a/b.tar.gz"), "b.tar");
        assert_eq!(file_stem("a/.profile"), ".profile");
        assert_eq!(file_stem("a/README"), "README");
    }

    #[test]
    fn a_kind_is_known_by_each_of_its_names_and_by_the_one_it_is_stored_under() {
        for kind in DocumentKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            for name in kind.other_names() {
                assert_eq!(name.parse(), Ok(kind));
            }
            let stored = serde_json::to_value(kind).unwrap();
            assert_eq!(stored.as_str().unwrap().parse(), Ok(kind));
        }
        let error = "docx".parse::<DocumentKind>().unwrap_err();
        assert!(error.to_string().ends_with("code, jsonl"), "{error}");
    }
}
