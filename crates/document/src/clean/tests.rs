use super::*;
use crate::document::Heading;

fn cleaned(path: &str, mut document: Document) -> (Document, Option<Problem>) {
    let documents = std::slice::from_mut(&mut document);
    let problem = clean(path, documents);
    (document, problem)
}

fn text_of(path: &str, kind: DocumentKind, text: &str) -> String {
    let (document, _) = cleaned(path, Document::new("a", text).with_kind(kind));
    document.text
}

#[test]
fn every_kind_is_freed_of_what_nobody_sees() {
    for kind in DocumentKind::ALL {
        let heading = Heading {
            range: 0..11,
            level: 1,
            text: "Sun\u{AD}rise".to_owned(),
        };
        let document = Document::new("a", "Sun\u{AD}rise\n\u{FEFF}word\u{2060}s\u{200B}!\n")
            .with_kind(kind)
            .with_title("Sun\u{200B}rise Wi\u{2011}Fi")
            .with_headings(vec![heading])
            .with_metadata("tags", "light\u{AD}house");
        let (document, problem) = cleaned("a", document);
        assert_eq!(document.text, "Sunrise\nwords!\n");
        assert_eq!(document.headings[0].text, "Sunrise");
        assert_eq!(document.headings[0].range, 0..8);
        assert_eq!(document.title, "Sunrise Wi-Fi");
        assert_eq!(document.metadata["tags"], Value::from("lighthouse"));
        assert_eq!(problem, None);
    }
}

#[test]
fn code_keeps_its_hyphens() {
    let text = "let a = b-\nc;\nthe magne-\ntosphere\n";
    assert_eq!(text_of("a.rs", DocumentKind::Code, text), text);
    assert_eq!(text_of("a.csv", DocumentKind::Text, text), text);
    let fenced = format!("```\n{text}```\n\nThe magne-\ntosphere is.\n");
    assert_eq!(
        text_of("a.md", DocumentKind::Markdown, &fenced),
        format!("```\n{text}```\n\nThe magne-tosphere\nis.\n")
    );
}

#[test]
fn soft_hyphens_join_in_every_kind_but_code() {
    for kind in DocumentKind::ALL {
        let text = text_of("a", kind, "The mag\u{AD}ne\u{AD}\ntosphere is big.\n");
        let expected = match kind {
            DocumentKind::Code => "The magne\u{AD}\ntosphere is big.\n",
            _ => "The magnetosphere\nis big.\n",
        };
        assert_eq!(text, expected, "{kind}");
    }
}

#[test]
fn headings_and_pages_stay_where_they_are() {
    let text = "The magne\u{AD}\ntosphere is.\nTwo\nend\n";
    let at = text.find("tosphere").unwrap();
    let two = text.find("Two").unwrap();
    let heading = Heading {
        range: two..two + 4,
        level: 2,
        text: "Two".to_owned(),
    };
    let document = Document::new("a", text)
        .with_kind(DocumentKind::Pdf)
        .with_headings(vec![heading])
        .with_pages(vec![0, at]);
    let (document, _) = cleaned("a.pdf", document);
    assert_eq!(document.text, "The magnetosphere\nis.\nTwo\nend\n");
    assert_eq!(&document.text[document.pages[1]..], "is.\nTwo\nend\n");
    assert_eq!(&document.text[document.headings[0].range.clone()], "Two\n");
}

#[test]
fn what_is_left_out_is_said() {
    let picture = "iVBORw0KGgoAAAANSUhEUgAAAAUA".repeat(100);
    let text = format!("Before\n![chart](data:image/png;base64,{picture})\nAfter\n");
    let (document, problem) = cleaned("a.md", Document::new("a", text));
    assert_eq!(
        document.text,
        "Before\n![chart]([encoded data, 3 KB])\nAfter\n"
    );
    assert_eq!(
        problem.unwrap().to_string(),
        "a.md: holds 3 KB of encoded data or minified code, which is not indexed"
    );
}
