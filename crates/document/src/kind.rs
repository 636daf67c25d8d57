//! Decides what sort of document a file is: by its name first, by its content second.

use crate::document::DocumentKind;

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
}
