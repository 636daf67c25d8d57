//! The formats that are read, one row each: the only place that lists them.

use crate::file_name::file_name;
use crate::guard::Guard;
use crate::kind::DocumentKind;
use crate::readers::{Reader, html, json_lines, notebook, pdf, plain};

/// What there is to know of a format.
pub(crate) struct Format {
    pub(crate) kind: DocumentKind,
    /// What it is called: the usual ending of such a file where there is one.
    pub(crate) name: &'static str,
    /// Other names, that under which it is stored among them.
    pub(crate) other_names: &'static [&'static str],
    /// The first bytes of every such file, which count for more than its name.
    magic: Option<&'static [u8]>,
    /// Files that are known by their whole name, lower case, with a blank between them.
    file_names: &'static str,
    /// Extensions without the dot, lower case, with a blank between them.
    extensions: &'static str,
    /// Tells by its content a file whose name says nothing.
    looks_like: Option<fn(&[u8]) -> bool>,
    /// Whether the file itself is text, so that one that is not is left alone.
    pub(crate) bytes: Bytes,
    /// What keeps the reader from harm.
    pub(crate) guard: Guard,
    pub(crate) reader: Reader,
}

/// What the bytes of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bytes {
    /// Text in some encoding.
    Text,
    /// Anything; the reader finds out.
    Any,
}

/// A file that nothing else claims is read as this.
const FALLBACK: DocumentKind = DocumentKind::Text;

/// The table.
pub(crate) static FORMATS: [Format; 6] = [
    Format {
        kind: DocumentKind::Text,
        name: "text",
        other_names: &["txt"],
        magic: None,
        file_names: "",
        extensions: "txt text rst adoc log csv tsv",
        looks_like: None,
        bytes: Bytes::Text,
        guard: Guard::None,
        reader: plain::prose,
    },
    Format {
        kind: DocumentKind::Markdown,
        name: "md",
        other_names: &["markdown"],
        magic: None,
        file_names: "",
        extensions: "ipynb md markdown mdown mdx mkd",
        looks_like: None,
        bytes: Bytes::Text,
        // Front matter goes through two more parsers.
        guard: Guard::OwnThread,
        reader: notebook::read,
    },
    Format {
        kind: DocumentKind::Html,
        name: "html",
        other_names: &["htm"],
        magic: None,
        file_names: "",
        extensions: "htm html xhtml",
        looks_like: Some(html::looks_like_html),
        bytes: Bytes::Text,
        // The tokenizer takes long for an element of very many attributes.
        guard: Guard::OwnThread,
        reader: html::read,
    },
    Format {
        kind: DocumentKind::Pdf,
        name: "pdf",
        other_names: &[],
        magic: Some(b"%PDF-"),
        file_names: "",
        extensions: "pdf",
        looks_like: None,
        bytes: Bytes::Any,
        // Damaged files make the parser panic, hang and recurse.
        guard: Guard::OwnThread,
        reader: pdf::read,
    },
    Format {
        kind: DocumentKind::Code,
        name: "code",
        other_names: &[],
        magic: None,
        file_names: "build cmakelists.txt dockerfile gemfile jenkinsfile justfile makefile",
        extensions: "\
            ada asm awk bash bat bazel bzl c cc cfg cjs clj cljs cmake cmd cpp cr cs css cu cuh \
            cxx d dart diff dts el elm erl ex exs f f90 fish fs fsx gd glsl go gql gradle graphql \
            groovy h hcl hh hlsl hpp hrl hs hxx inc ini java jl js json json5 jsx kt kts less \
            lisp lua m mak mjs mk ml mli mm nim nix pas patch php pl pm properties proto ps1 py \
            pyi pyx r rb rkt rs s sass scala scm scss sh sol sql sv svelte swift tcl tf toml ts \
            tsx v vala vb vhd vhdl vim vue xml xsd xsl xslt yaml yml zig zsh",
        looks_like: None,
        bytes: Bytes::Text,
        guard: Guard::None,
        reader: plain::code,
    },
    Format {
        kind: DocumentKind::JsonLines,
        name: "jsonl",
        other_names: &["json-lines", "jsonlines"],
        magic: None,
        file_names: "",
        extensions: "jsonl ndjson",
        looks_like: None,
        bytes: Bytes::Text,
        guard: Guard::None,
        reader: json_lines::read,
    },
];

impl Format {
    /// The row of a kind.
    pub(crate) fn of(kind: DocumentKind) -> &'static Self {
        FORMATS
            .iter()
            .find(|format| format.kind == kind)
            .expect("a test compares the kinds with the rows")
    }

    /// The format of the file called `path` that holds `bytes`: by its first bytes, else by its
    /// name, its extension, or what it looks like.
    pub(crate) fn of_file(path: &str, bytes: &[u8]) -> &'static Self {
        let name = file_name(path).to_ascii_lowercase();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        let first = |holds: &dyn Fn(&Self) -> bool| FORMATS.iter().find(|format| holds(format));
        first(&|format| format.magic.is_some_and(|magic| bytes.starts_with(magic)))
            .or_else(|| first(&|format| lists(format.file_names, &name)))
            .or_else(|| first(&|format| lists(format.extensions, extension)))
            .or_else(|| first(&|format| format.looks_like.is_some_and(|is_it| is_it(bytes))))
            .unwrap_or_else(|| Self::of(FALLBACK))
    }
}

fn lists(words: &str, word: &str) -> bool {
    words
        .split(' ')
        .any(|known| known == word && !word.is_empty())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn kind_of(path: &str, bytes: &[u8]) -> DocumentKind {
        Format::of_file(path, bytes).kind
    }

    #[test]
    fn every_kind_has_one_row() {
        // The parser of a kind's stored name lists them all when it knows none.
        let error = serde_json::from_str::<DocumentKind>("\"none\"").unwrap_err();
        let stored = error.to_string().matches('`').count() / 2 - 1;
        assert_eq!(stored, FORMATS.len(), "{error}");
        let kinds: HashSet<_> = FORMATS.iter().map(|format| format.kind).collect();
        assert_eq!(kinds.len(), FORMATS.len());
    }

    #[test]
    fn no_two_rows_claim_the_same_file_or_name() {
        let of_row = |format: &Format| -> Vec<&'static str> {
            let words = format
                .file_names
                .split(' ')
                .chain(format.extensions.split(' '));
            words.filter(|word| !word.is_empty()).collect()
        };
        let words: Vec<_> = FORMATS.iter().flat_map(of_row).collect();
        let different: HashSet<_> = words.iter().collect();
        assert_eq!(different.len(), words.len());
        let is_plain =
            |word: &str| word == word.to_lowercase() && !word.contains(char::is_whitespace);
        assert!(words.iter().all(|word| is_plain(word)));
        let names: Vec<_> = FORMATS
            .iter()
            .flat_map(|format| format.other_names.iter().chain([&format.name]))
            .collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len());
    }

    #[test]
    fn the_list_of_extensions_is_read_as_a_list() {
        let is_code = |extension| kind_of(&format!("a.{extension}"), b"") == DocumentKind::Code;
        assert!(is_code("ada") && is_code("kts") && is_code("zsh"));
        assert!(!is_code("") && !is_code("s sass") && !is_code("docx"));
    }

    #[test]
    fn the_name_decides_before_the_content() {
        assert_eq!(kind_of("a/B.MD", b"<html>"), DocumentKind::Markdown);
        assert_eq!(kind_of("x.rs", b"<html>"), DocumentKind::Code);
        assert_eq!(kind_of("Makefile", b"all:"), DocumentKind::Code);
        assert_eq!(kind_of("CMakeLists.txt", b"x"), DocumentKind::Code);
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
}
