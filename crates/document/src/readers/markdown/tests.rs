use proptest::prelude::*;

use super::*;
use crate::document::Heading;

fn read(path: &str, text: String) -> Document {
    let mut output = super::read(Input::new(path, text.into_bytes()));
    output.documents.remove(0)
}

fn outline(text: &str) -> Vec<(u8, String, String)> {
    let document = read("notes/a.md", text.to_owned());
    let words = |h: &Heading| {
        (
            h.level,
            h.text.clone(),
            document.text[h.range.clone()].to_owned(),
        )
    };
    document.headings.iter().map(words).collect()
}

#[test]
fn both_forms_of_headings_are_found_with_their_lines() {
    let found = outline("# One *two* `x` #\nbody\n\nSet\ntext\n====\nmore\n  ## Last");
    assert_eq!(
        found,
        [
            (1, "One two x".into(), "# One two x #\n".into()),
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
    assert_eq!(document.text.lines().count(), source.lines().count());
    assert_eq!(document.text.trim_start(), "# First\nbody\n");
}

#[test]
fn front_matter_fills_the_metadata() {
    let of = |source: &str| {
        let document = read("a.md", source.to_owned());
        assert_eq!(document.text.trim(), "text", "{source}");
        serde_json::to_string(&document.metadata).unwrap()
    };
    let yaml = "---\r\ntitle: T\r\nDate: 2024-03-01\r\ntags: a, b\r\n---\r\ntext\r\n";
    assert_eq!(
        of(yaml),
        r#"{"date":"2024-03-01","tags":["a","b"],"title":"T"}"#
    );
    let toml = "+++\ntitle = \"T\"\n[params]\nweight = 3\n+++\ntext\n";
    assert_eq!(of(toml), r#"{"params.weight":3,"title":"T"}"#);
    let zola = "+++\n[taxonomies]\ntags = [\"a\"]\n+++\ntext\n";
    assert_eq!(of(zola), r#"{"tags":["a"],"taxonomies.tags":["a"]}"#);
    for source in [
        "---\na: [\n---\n\ntext\n",
        "---\n---\ntext",
        "\u{FEFF}---\n# no\n...\ntext",
    ] {
        assert_eq!(of(source), "{}", "{source}");
    }
    let below = read("a.md", "text\n\n---\na: b\n---\n".into());
    assert!(below.metadata.is_empty() && below.text.contains("a: b"));
}

#[test]
fn titles_of_front_matter_are_read_as_they_are_written() {
    for (front_matter, title) in [
        (
            "---\ntitle: >-\n  The long\n  way home\n---\n",
            "The long way home",
        ),
        (
            "---\ntitle: |\n  The long\n  way home\n---\n",
            "The long way home",
        ),
        ("---\ntitle: Harbour # draft\n---\n", "Harbour"),
        ("---\ntitle: 'C#: it''s easy'\n---\n", "C#: it's easy"),
        ("---\nTitle: 1.10\n---\n", "1.10"),
        ("---\ntitle: Rust: a guide\n---\n", "Rust: a guide"),
        ("---\nx: [\ntitle: Harbour\n---\n", "Harbour"),
        ("\u{FEFF}---\r\ntitle: Harbour\r\n---\r\n", "Harbour"),
        ("+++\ntitle = \"Harbour\"\n+++\n", "Harbour"),
        (
            "+++\ntitle = \"\"\"\nThe long\nway\"\"\"\n+++\n",
            "The long way",
        ),
        ("+++\noops\ntitle = \"Harbour\"\n+++\n", "Harbour"),
        ("---\ntitle: ~\n---\n", "a"),
    ] {
        let document = read("a.md", front_matter.to_owned());
        assert_eq!(document.title, title, "{front_matter}");
        assert_eq!(document.text.trim(), "", "{front_matter}");
    }
}

#[test]
fn front_matter_that_cannot_be_read_is_reported_by_its_line() {
    let output = super::read(Input::new(
        "a.md",
        b"---\ntitle: T\ntags: [a\n---\ntext\n".to_vec(),
    ));
    assert_eq!(output.documents[0].title, "T");
    let message = output.problems[0].to_string();
    assert!(
        message.starts_with("a.md:3: this entry of the front matter is not valid: "),
        "{message}"
    );
    let many: Vec<String> = (0..70).map(|i| format!("n{i}: {i}\n")).collect();
    let many = many.concat();
    let output = super::read(Input::new("a.md", format!("---\n{many}---\n").into_bytes()));
    let message = output.problems[0].to_string();
    assert!(
        message.ends_with("`n64` and 5 more are shortened or left out"),
        "{message}"
    );
}

#[test]
fn the_first_outermost_heading_or_the_name_is_the_title() {
    assert_eq!(read("a/b.md", "## Two\n# One\n".into()).title, "One");
    assert_eq!(read("a/b.md", "## Two\n".into()).title, "b");
    assert_eq!(
        read("a/b.md", "---\ntitle: >\n  long\n---\n\n# One\n".into()).title,
        "long"
    );
}

fn text(source: &str) -> String {
    let text = read("a.md", source.to_owned()).text;
    let n_lines = |text: &str| text.matches('\n').count();
    assert_eq!(n_lines(&text), n_lines(source), "{source}");
    text
}

#[test]
fn words_are_whole() {
    for (source, expected) in [
        ("cr&egrave;me br&#251;l&#xe9;e", "crème brûlée"),
        ("**bo**ld", "bold"),
        ("<b>bo</b>ld <SPAN class='x'>w</SPAN>ord", "bold word"),
        ("un*frigging*believable", "unfriggingbelievable"),
        ("`foo`s and `` a`b ``", "foos and a`b"),
        ("***both*** ~~out~~", "both out"),
        (
            "snake\\_case 1\\. \\*x\\* \\\\ a\\b",
            "snake_case 1. *x* \\ a\\b",
        ),
        ("a\\\nb  \nc", "a\nb  \nc"),
        (
            "fish &amp; chips, 5&nbsp;m, &lt;b&gt;",
            "fish & chips, 5 m, <b>",
        ),
        ("sun<wbr>light", "sunlight"),
        ("2*3*4", "2*3*4"),
        ("one<br>two", "one two"),
        (
            "_a_ snake_case_name 2 * 3 * 4",
            "a snake_case_name 2 * 3 * 4",
        ),
        (
            "$x_i * y_j$ and $$a * b * c$$",
            "$x_i * y_j$ and $$a * b * c$$",
        ),
        (
            "| a\\|b | **c**d |\n|---|---|\n| `x` | y |",
            "| a\\|b | cd |\n|---|---|\n| x | y |",
        ),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn code_and_marks_of_lines_stay_as_they_are() {
    for source in [
        "```sh\n# x &amp; **y** \\_\n[a]: b\n```\n",
        "    *x* &amp;\n",
        "# One\n\n- a\n  1. b\n\n> c\n\n---\n\n- [ ] d\n",
        "Set\n===\n",
        "a < b && c > d, 5 > 4\n",
    ] {
        assert_eq!(text(source), source);
    }
}

#[test]
fn links_are_their_words_and_addresses_elsewhere() {
    for (source, expected) in [
        ("see [the *plan*](plan.md \"Plan\").", "see the plan."),
        ("[plan](#top)s", "plans"),
        (
            "[Paper](https://arxiv.org/abs/2401.01234)",
            "Paper (https://arxiv.org/abs/2401.01234)",
        ),
        ("[plan](https://a.b/c)s", "plans"),
        ("<https://a.b/c> <me@a.b>", "https://a.b/c me@a.b"),
        ("[me](mailto:me@a.b)", "me (me@a.b)"),
        ("[https://a.b](https://a.b)", "https://a.b"),
        ("![a map](map.png) of", "a map of"),
        ("x![a](b.png)y", "x a y"),
        ("[![Build](https://a.b/c.svg)](https://a.b)", "Build"),
        (
            "![a](data:image/png;base64,AAAA)",
            "a (data:image/png;base64,AAAA)",
        ),
        (
            "[[Harbour]]s by [[Harbour|the port]]",
            "Harbours by the port (Harbour)",
        ),
        ("[not a link] [nor](this", "[not a link] [nor](this"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn references_are_read_and_their_definitions_left_out() {
    let source = "See [the plan][p], [p] and [p][].\n\n> [q]\n>\n> [q]: y.md\n\n[p]: x.md\n[r]:\n  z.md 'Z'\n\
                  \n[//]: # (one)\n[//]: # (two)\n\nEnd [q].\n\n[p]: other.md\n";
    let expected = "See the plan, p and p.\n\n> q\n>\n> \n\n\n\n\n\n\n\n\nEnd q.\n\n\n";
    assert_eq!(text(source), expected);
}

#[test]
fn notes_and_small_letters_stand_in_the_line() {
    for (source, expected) in [
        (
            "sank[^1].\n\n[^1]: In *1912*.\n",
            "sank 1.\n\n1: In 1912.\n",
        ),
        ("sank[^a]and[^a]\n\n[^a]: x", "sank a and a\n\na: x"),
        (
            "sank<sup>1</sup> sank<sup>[2](#n2)</sup>.",
            "sank 1 sank 2.",
        ),
        (
            "10^6^ H~2~O m^2^ 10<sup>6</sup> H<sub>2</sub>O 5 m<sup>2</sup>",
            "10^6 H₂O m² 10^6 H₂O 5 m²",
        ),
        ("**10**^6^ the 1<sup>st</sup>", "10^6 the 1st"),
        (
            "x^2 + y^2 = z^2, ~5 to ~10, a^b c^d",
            "x^2 + y^2 = z^2, ~5 to ~10, a^b c^d",
        ),
        (
            "<sup>small print, **bold** &amp; more</sup>",
            "small print, bold & more",
        ),
        ("open<sup>1 and on\n\nmore</sup>.", "open 1 and on\n\nmore."),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn html_leaves_its_words() {
    for (source, expected) in [
        ("a <!-- not\nseen --> b", "a \n b"),
        ("<!--\n\nnot\n\n-->\n\nb\n", "\n\n\n\n\n\nb\n"),
        ("<!-- open\n\nb\n", " open\n\nb\n"),
        (
            "<p align=\"center\">\n  <img src='x.png' alt='A &amp; B'>\n</p>\n",
            " \n   A & B \n \n",
        ),
        ("<td>a</td><td>10<sup>6</sup> &eacute;t&eacute;</td>\n", "<"),
        (
            "<details><summary>Why?</summary>\n\nBe*cause*.\n\n</details>\n",
            "  Why? \n\nBecause.\n\n \n",
        ),
        ("<script>\nlet x;\n</script>\nx\n", "\n\n \nx\n"),
    ] {
        if expected == "<" {
            assert_eq!(
                text(source).split_whitespace().collect::<Vec<_>>(),
                ["a", "10^6", "été"]
            );
        } else {
            assert_eq!(text(source), expected, "{source}");
        }
    }
}

#[test]
fn modules_of_mdx_are_no_text() {
    let source = "---\ntitle: T\n---\n\nimport Tabs from '@theme/Tabs';\n\nexport const a = {\n  b: 1,\n\n  \
                  c: 2,\n};\n\n# Head\n\nimport duties rose.\n\n{/* note */}\n\n<Tabs>\n\nin\n\n</Tabs>\n";
    let of = |path| read(path, source.to_owned());
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        words(&of("a.mdx").text),
        words("# Head import duties rose. in")
    );
    assert_eq!(
        of("a.mdx").text.matches('\n').count(),
        source.matches('\n').count()
    );
    assert!(of("a.md").text.contains("import Tabs"));
}

#[test]
fn headings_have_the_words_that_are_seen() {
    let source = "# **Bo**ld `x` [link](https://a.b) &amp; 10^6^ {#id}\ntext\n\n<!-- a -->\n## Two[^1]\n\n[^1]: x\n";
    let document = read("a.md", source.to_owned());
    let words: Vec<_> = document
        .headings
        .iter()
        .map(|heading| heading.text.as_str())
        .collect();
    assert_eq!(words, ["Bold x link & 10^6", "Two 1"]);
    let lines = |heading: &Heading| document.text[heading.range.clone()].to_owned();
    assert_eq!(lines(&document.headings[1]), "## Two 1\n");
    assert!(lines(&document.headings[0]).starts_with("# Bold x"));
}

#[test]
fn front_matter_alone_is_a_document_with_a_title() {
    let document = read("a.md", "---\ntitle: Ada Lovelace\n---\n".to_owned());
    assert_eq!(
        (document.title.as_str(), document.text.trim()),
        ("Ada Lovelace", "")
    );
}

#[test]
fn hostile_text_takes_no_longer() {
    for piece in [
        "[", "![", "**", "<b", "<!--", "&", "^a", "~", "[^1]", "<sup>", "[a]: b\n", "> ", "`", "$",
    ] {
        let _ = read("a.mdx", piece.repeat(20_000));
    }
    let definition = format!("[a]: https://{}\n\n", "x".repeat(10_000));
    let document = read("a.md", format!("{definition}{}", "[a] ".repeat(20_000)));
    assert!(document.text.len() < 1 << 20, "{}", document.text.len());
}

proptest! {
    #[test]
    fn no_word_and_no_line_is_lost(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "word ", "a", "é", "1", "*", "**", "_", "~", "^", "`", "[", "]", "!", "#", "> ", "- ",
                "| ", "|-|\n", "\n", "\n\n", " ", "\\", "    ", "===\n", "---\n", "<b>", "</b>", "<sup>",
                "</sup>", "&amp;", "$", "```\n", "[^1]", "+++\n",
            ]),
            0..40,
        ),
    ) {
        let source = format!("x{}", pieces.concat());
        let document = read("a.md", source.clone());
        prop_assert_eq!(document.text.matches('\n').count(), source.matches('\n').count());
        let n_words = |text: &str| text.matches("word").count() + text.matches('é').count();
        prop_assert_eq!(n_words(&document.text), n_words(&source), "{}", document.text);
        for heading in &document.headings {
            prop_assert!(document.text.get(heading.range.clone()).is_some());
        }
    }
}
