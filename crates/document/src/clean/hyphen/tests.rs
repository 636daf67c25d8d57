use super::*;

fn joined(text: &str) -> String {
    let edits = edits(text, &breaks(text), &Prose::All);
    let mut out = String::new();
    let mut at = 0;
    for edit in edits {
        out.push_str(&text[at..edit.range.start]);
        out.push_str(&edit.with);
        at = edit.range.end;
    }
    out.push_str(&text[at..]);
    assert_eq!(out.matches('\n').count(), text.matches('\n').count());
    out
}

#[test]
fn the_rest_of_the_document_decides() {
    assert_eq!(
        joined("The magne-\ntosphere is large. A Magnetosphere shields.\n"),
        "The magnetosphere\nis large. A Magnetosphere shields.\n"
    );
    assert_eq!(
        joined("The price-\ndetermining factor. Price-determining or not.\n"),
        "The price-determining\nfactor. Price-determining or not.\n"
    );
    // The halves themselves say nothing.
    assert_eq!(joined("a well-\nknown fact\n"), "a well-known\nfact\n");
}

#[test]
fn what_is_no_word_goes_with_the_other_half() {
    assert_eq!(
        joined("some informa-\ntion here\n"),
        "some information\nhere\n"
    );
    assert_eq!(
        joined("die Wahrschein-\nlichkeit und Frei-\nheit, ja\n"),
        "die Wahrschein-lichkeit\nund Freiheit,\nja\n"
    );
}

#[test]
fn in_a_typeset_document_what_is_unknown_is_broken() {
    let rest = "so sesqui-\npedalian a word\n";
    let broken = "the condi-\ntion of a sta-\ntion in any na-\ntion is\n";
    let words = "word after word ".repeat(500);
    let long = format!("{words}{broken}{rest}");
    assert!(joined(&long).ends_with("so sesquipedalian\na word\n"));
    // One half is known; the document is short; nobody has broken words in it.
    for text in [
        format!("sesqui {long}"),
        format!("{broken}{rest}"),
        format!("{words}{rest}"),
    ] {
        assert!(joined(&text).ends_with("so sesqui-pedalian\na word\n"));
    }
}

#[test]
fn true_hyphens_stay() {
    for (broken, whole) in [
        ("a state-of-the-\nart thing", "a state-of-the-art\nthing"),
        ("an e-\nmail came", "an e-mail\ncame"),
        ("the DNA-\nbinding part", "the DNA-binding\npart"),
        ("the Anglo-\nSaxon king", "the Anglo-Saxon\nking"),
        ("after COVID-\n19 came", "after COVID-19\ncame"),
        ("from 2019-\n2024 and", "from 2019-2024\nand"),
        ("a 16-\nbit word", "a 16-bit\nword"),
        ("out-\nof-date news", "out-of-date\nnews"),
    ] {
        assert_eq!(joined(broken), whole);
    }
}

#[test]
fn hyphens_that_break_no_word_are_left() {
    for text in [
        "pre- and\npost-war",
        "pre-\nand post-war, Vor-\nund Nachteile, short- or\nlong-term",
        "a dash -\nand more --\nhere\n---\n-\nword",
        "Heading\n-------\ntext",
        "- one-\n- two\n* three-\n* four",
        "word-\n\nparagraph",
        "see https://example.org/a-\nb",
        "foo_bar-\nbaz",
        "the end-\n12\nof the page",
        "an item-\n2. another\nitem-\nb) more",
        "中文-\n文字",
        "word-\n> quoted",
        "word-",
        "-\n-\n",
    ] {
        assert_eq!(joined(text), text);
    }
}

#[test]
fn lines_keep_their_numbers_and_their_beginnings() {
    assert_eq!(
        joined("  the informa-\n  tion, and\n"),
        "  the information,\n  and\n"
    );
    assert_eq!(
        joined("> the informa-\n> tion is\n"),
        "> the information\n> is\n"
    );
    assert_eq!(
        joined("the informa- \r\n tion is\r\n"),
        "the information\r\n is\r\n"
    );
    // A line that would be left empty gets the word instead.
    assert_eq!(joined("the informa-\ntion\nis\n"), "the\ninformation\nis\n");
    assert_eq!(
        joined("the informa-\r\ntion\r\nis\r\n"),
        "the\r\ninformation\r\nis\r\n"
    );
    assert_eq!(joined("informa-\ntion\n"), "information\n\n");
    assert_eq!(joined("informa-\r\ntion\r\n"), "information\r\n\r\n");
    assert_eq!(
        joined("of inter-\nnationaliza-\ntion is\n"),
        "of\ninter-nationalization\nis\n"
    );
}

#[test]
fn soft_hyphens_always_join() {
    assert_eq!(joined("magne\u{AD}\ntosphere is"), "magnetosphere\nis");
    assert_eq!(joined("Anglo\u{AD}\nSaxon is"), "AngloSaxon\nis");
    assert_eq!(joined("page\u{AD}\n12\nis"), "page\u{AD}\n12\nis");
}

#[test]
fn twins_of_the_hyphen_are_written_as_one() {
    let edits = plain("wi\u{2011}fi, e\u{2010}mail – no");
    let ranges: Vec<_> = edits.iter().map(|edit| edit.range.clone()).collect();
    assert_eq!(ranges, [2..5, 10..13]);
    assert!(edits.iter().all(|edit| edit.with == "-"));
}

#[test]
fn hostile_text_takes_no_longer() {
    for unit in [
        "a-\n",
        "ab- \u{AD}\n",
        "-\n",
        "a-\n>",
        "ab-\nab-\ncd\n",
        "Ab-\n ",
    ] {
        let text = unit.repeat((1 << 20) / unit.len());
        let _ = joined(&text);
    }
}
