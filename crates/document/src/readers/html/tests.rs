mod broken;
mod kept;
mod pages;
mod shifted;
mod tables;

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::document::Document;
use crate::guard::Guard;
use crate::problem::Reason;

fn read(path: &str, bytes: Vec<u8>) -> Document {
    let mut output = super::read(Input::new(path, bytes));
    output.documents.remove(0)
}

fn page(source: &str) -> Document {
    read("a/page.html", source.as_bytes().to_vec())
}

fn text(source: &str) -> String {
    page(source).text
}

#[test]
fn blocks_become_lines_and_paragraphs() {
    let source = "<title> The\n title</title><p>One\n two <b>three</b>four.<p>Next<br>line<div>a</div><div>b</div>";
    assert_eq!(text(source), "One two threefour.\n\nNext\nline\n\na\nb");
    assert_eq!(page(source).title, "The title");
}

#[test]
fn headings_are_found_with_their_lines() {
    let source = "<h1>A &amp;\n<i>B</i></h1><p>text</p><div><h2><a id=x></a>C</h2></div>more<h3></h3><h2>open<p>end";
    let document = page(source);
    let found: Vec<_> = document
        .headings
        .iter()
        .map(|h| (h.level, h.text.as_str(), &document.text[h.range.clone()]))
        .collect();
    assert_eq!(
        found,
        [
            (1, "A & B", "A & B\n"),
            (2, "C", "C\n"),
            (2, "open", "open\n")
        ]
    );
    assert_eq!(document.text, "A & B\n\ntext\n\nC\n\nmore\n\nopen\n\nend");
    assert_eq!(document.title, "A & B");
}

#[test]
fn lists_tables_and_literal_text_keep_their_shape() {
    let list = "<ul><li><p>one</p><p>more</p></li><li>two<ol><li>x<li>y</ol></ul><dl><dt>term<dd><p>what</p></dl>";
    assert_eq!(
        text(list),
        "- one\n\nmore\n\n- two\n  1. x\n  2. y\n\nterm\nwhat"
    );
    let table = "<table><tr><th>a<th>b<tr><td><p>1</p><td><p>2</p><p>3</p><tr><td><td>4</table>end";
    assert_eq!(
        text(table),
        "| a | b |\n| --- | --- |\n| 1 | 2 3 |\n| | 4 |\n\nend"
    );
    let table = "<table><tr><td>a<td>b<tr><td><p>1</p><td><p>2</p><p>3</p><tr><td><td>4</table>end";
    assert_eq!(text(table), "a | b\n1 | 2\n3\n\n| 4\n\nend");
    let pre = "x<pre>\n  if a:\n\n\n\tb  c\n\n</pre>y";
    assert_eq!(text(pre), "x\n\n  if a:\n\n\n\tb  c\n\ny");
}

#[test]
fn what_a_page_does_not_show_is_left_out() {
    let source = "<head><style>p{}</style><script>if (a < b) '</p>'</script></head>a<noscript>no</noscript>\
                  <template><p>t</p></template><svg><title>s</title><text>s</text></svg><!-- c -->b&shy;c\u{200b}d";
    assert_eq!(text(source), "abcd");
    assert_eq!(page(source).title, "page");
}

#[test]
fn navigation_is_left_out_where_there_is_other_text() {
    let source = "<div class='navheader x'><div>Prev</div></div><nav>menu<nav>sub</nav></nav>\
                  <article><header><h1>T</h1></header>body</article>";
    assert_eq!(text(source), "T\n\nbody");
    assert_eq!(text("<nav><a>One</a> <a>Two</a></nav>"), "One Two");
    // A missing end tag must not swallow the page.
    assert_eq!(text("<div class=toc>menu<p>body"), "menu\n\nbody");
}

#[test]
fn whole_elements_of_xhtml_are_closed() {
    let source = "<?xml version='1.0'?><html><head><title/><script src='x'/></head><body><div class='toc'/>text</body></html>";
    assert_eq!(text(source), "text");
}

#[test]
fn what_a_page_says_about_itself_is_metadata() {
    let source = "<html lang=en-GB><head><META NAME=Author CONTENT=' Ada '><meta charset=utf-8>\
                  <meta property='article:published_time' content='2024-03-01T10:00:00Z'/>\
                  <meta property=og:title content=T><meta property=article:tag content=a>\
                  <meta property=article:tag content=b><meta name=version content=2>\
                  <meta name=empty content=''></head><noscript><meta name=no content=x></noscript>text";
    let document = page(source);
    let expected = r#"{"article:published_time":"2024-03-01","article:tag":["a","b"],"author":"Ada","lang":"en-GB","version":2}"#;
    assert_eq!(serde_json::to_string(&document.metadata).unwrap(), expected);
    assert_eq!(document.text, "text");
    // Also where nothing but navigation is there, and the page is read twice.
    let nav = page("<html lang=de><nav>menu</nav>");
    assert_eq!(nav.metadata.len(), 1);
}

#[test]
fn the_declared_encoding_is_used() {
    let source =
        b"<meta http-equiv=Content-Type content='text/html; charset=ISO-8859-2'><p>\xB3\xF3d\xBC"
            .to_vec();
    assert_eq!(read("a.html", source).text, "łódź");
    let source = b"<?xml version=\"1.0\" encoding=\"iso-8859-5\"?><html><p>\xBC\xD8\xE0".to_vec();
    assert_eq!(read("a.html", source).text, "Мир");
    // A wrong declaration, a common one.
    let source = "<meta charset=latin1><p>größer".as_bytes().to_vec();
    assert_eq!(read("a.html", source).text, "größer");
    assert_eq!(
        declared_encoding(b"<meta name=x><META CHARSET = \"utf-8\">"),
        Some(encoding_rs::UTF_8)
    );
    assert_eq!(declared_encoding(b"<meta charset"), None);
    assert_eq!(declared_encoding(b"<p>charset=latin1"), None);
}

#[test]
fn hostile_pages_take_linear_time() {
    let start = Instant::now();
    let deep = "<div>".repeat(100_000) + "deep";
    assert_eq!(text(&deep), "deep");
    let lists = "<ul><li>x".repeat(100_000);
    assert!(text(&lists).len() < lists.len() * 4);
    for piece in [
        "<b><p>",
        "<a><table>",
        "<pre>\n",
        "<h1>",
        "&",
        "<td>",
        "<!--",
        "</",
        "<nav>",
        "<font color=1><p>x",
        "<sup>1",
        "a<sup>1</sup>",
        "<figcaption>x",
        "<figure><img alt=x>",
        "<ol reversed><li>x",
        "<ruby>a<rt>b",
        "<table><tr><th>a<th>b<tr><td>c",
        "<td rowspan=9999>x<tr>",
        "<th colspan=999 rowspan=999>x<tr><td colspan=999>",
        "<math><msup><mi>x</mi>",
        "<svg><path/>",
        "<p hidden>x",
        "<button>x",
        "<a href=#x>1",
        "<div class=menu>x",
        "<abbr title=x>y",
        "<title>x",
        "<q>x",
        "<noscript>x",
        "<a b='",
    ] {
        let _ = page(&piece.repeat(100_000));
    }
    let wide = "<table><tr><th>x".to_owned()
        + &"<td rowspan=9999>y".repeat(50_000)
        + &"<tr><td>z".repeat(50_000);
    assert!(text(&(wide + "</table>")).len() < 4 << 20);
    // Two seconds of work; a busy machine takes its time.
    assert!(
        start.elapsed() < Duration::from_secs(60),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_page_that_takes_too_long_is_given_up() {
    let attributes = (0..400_000).fold(String::new(), |all, at| all + " a" + &at.to_string());
    let limit = Duration::from_millis(20);
    let input = Input::new("a.html", format!("<p{attributes}>").into_bytes());
    let outcome = Guard::OwnThread.run(super::read, input, limit);
    assert_eq!(outcome, Output::failed("a.html", Reason::TimeLimit(limit)));
}

#[test]
fn a_page_that_nobody_waits_for_is_not_read_on() {
    let input = Input::new("a.html", "<p>word".repeat(10_000).into_bytes());
    input.given_up.set();
    assert_eq!(super::read(input).documents[0].text, "");
}

proptest! {
    #[test]
    fn any_page_is_read(pieces in prop::collection::vec(
        prop_oneof![
            Just("<p>"), Just("</p>"), Just("<h1>"), Just("</h1>"), Just("<h3>"), Just("<li>"),
            Just("<ul>"), Just("</ul>"), Just("<pre>"), Just("</pre>"), Just("<td>"), Just("<tr>"),
            Just("<table>"), Just("</table>"), Just("<br>"), Just("<nav>"), Just("</nav>"), Just("<dd>"),
            Just("<script>"), Just("</script>"), Just("<title>"), Just("</title>"), Just("word"),
            Just("<sup>"), Just("</sup>"), Just("<sub>"), Just("2"), Just("<a href=#x>"), Just("</a>"),
            Just("<div class=menu>"), Just("</div>"), Just("<button>"), Just("</button>"), Just("<th>"),
            Just("<ol reversed>"), Just("</ol>"), Just("</li>"), Just("</td>"), Just("</tr>"), Just("<p hidden>"),
            Just("<b aria-hidden=true>"), Just("</b>"), Just("<figure>"), Just("</figure>"), Just("<img alt=é>"),
            Just("<figcaption>"), Just("<ruby>"), Just("<rt>"), Just("</rt>"), Just("</ruby>"), Just("<math>"),
            Just("<msup>"), Just("<mi>"), Just("</mi>"), Just("</msup>"), Just("</math>"), Just("<svg>"),
            Just("</svg>"), Just("<abbr title=é>"), Just("</abbr>"), Just("<q>"), Just("</q>"), Just("<header>"),
            Just("</header>"), Just("<thead>"), Just("<td rowspan=2 colspan=2>"), Just("<summary>"),
            Just(" "), Just("\n\n"), Just("ß\u{ad}"), Just("<!--"), Just("-->"), Just("&nbsp;"), Just("\0"),
        ], 0..60)) {
        let document = page(&pieces.concat());
        let mut end = 0;
        for heading in &document.headings {
            prop_assert!(heading.range.start >= end);
            end = heading.range.end;
            let line = document.text.get(heading.range.clone()).unwrap_or_default();
            prop_assert_eq!(line.trim(), heading.text.as_str());
            prop_assert!(!heading.text.is_empty() && line.ends_with('\n'));
            prop_assert!(heading.range.start == 0 || document.text[..heading.range.start].ends_with('\n'));
        }
    }
}
