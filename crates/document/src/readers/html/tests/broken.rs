//! Pages in which something has no end.

use crate::problem::{Problem, Reason};

use super::super::Input;
use crate::document::Document;

fn read(source: &str) -> (Document, Vec<Problem>) {
    let mut output = super::super::read(Input::new("a.html", source.as_bytes().to_vec()));
    (output.documents.remove(0), output.problems)
}

#[test]
fn nothing_swallows_the_rest_of_a_page_in_silence() {
    let body = "<body><h1>Tides</h1><p>Water rises twice a day.</body></html>";
    for (head, title, what) in [
        ("<title>Ports\n", "Ports", "a <title>"),
        ("<title>Ports<meta name=x content=y>", "Ports", "a <title>"),
        ("<title>\n  Ports\n<style>p{}</style>", "Ports", "a <title>"),
        ("<style>p{}\n", "Tides", "a <style>"),
        ("<script>var a;\n", "Tides", "a <script>"),
        ("<!-- head\n", "Tides", "a comment"),
        ("<textarea>", "Tides", "a <textarea>"),
        ("<p class=\"x>", "Tides", "a quotation mark inside a tag"),
    ] {
        let source = format!("<!doctype html><html>\n<head>{head}{body}");
        let (document, problems) = read(&source);
        assert_eq!(document.title, title, "{head}");
        assert!(
            document.text.ends_with("Tides\n\nWater rises twice a day."),
            "{head}: {}",
            document.text
        );
        assert_eq!(
            problems,
            [Problem::of_file(
                "a.html",
                Reason::Unclosed(what.to_owned())
            )]
        );
    }
    // A drawing's title ends the page's.
    let (document, problems) = read(&format!(
        "<title>Ports\n<meta x><body><svg><title>i</title></svg>{body}"
    ));
    assert_eq!(document.title, "Ports");
    assert!(document.text.ends_with("twice a day."), "{}", document.text);
    assert_eq!(problems.len(), 1);
}

#[test]
fn sound_pages_are_no_problem() {
    for source in [
        "",
        "<",
        "a <",
        "<p",
        "<!--",
        "a<!-- b --",
        "<title>x</title>",
        "</",
        "<p class='x",
        "<plaintext>a<b>",
        "<title>The <body> element</title>x",
        "<script>x</script>",
        "a &am",
        "<p>a</p><",
    ] {
        let (document, problems) = read(source);
        assert_eq!(problems, [], "{source}");
        assert!(!document.text.contains("end-of"), "{source}");
    }
}

#[test]
fn missing_and_crossed_end_tags_lose_nothing() {
    for (source, expected) in [
        ("<div hidden>a<p>b", "a\n\nb"),
        ("<nav><a href=x>Menu</a><p>Body", "Menu\n\nBody"),
        ("<ul><li hidden>a</ul>b", "b"),
        ("<b><p>a</b>b</p>c", "ab\n\nc"),
        ("<p>a</div>b</section>c", "a\nb\n\nc"),
        ("<table><tr><td>a</tr></table></td>b", "a\n\nb"),
        ("<svg><g><p>a</p>b", "a\n\nb"),
        ("<svg><path/><title>t</title><style>s</style></svg>a", "a"),
        ("a<svg/>b", "a b"),
        ("<ol><li>a<ol><li>b</ol><li>c", "1. a\n  1. b\n2. c"),
        ("<select><option>a<p>b", "a\n\nb"),
        ("<h1>a<h2>b</h1>c", "a\n\nb\n\nc"),
        ("<html><body>a</body></html><p>b", "a\n\nb"),
        ("<template><p>a", "a"),
    ] {
        let (document, _) = read(source);
        assert_eq!(document.text, expected, "{source}");
    }
}
