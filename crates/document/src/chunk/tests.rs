use std::time::{Duration, Instant};

use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

use super::section::usable_headings;
use super::*;
use crate::document::Heading;
use crate::words::is_wordless;

fn document(text: &str, headings: Vec<Heading>) -> Document {
    Document::new("a.txt", text)
        .with_title("Title")
        .with_headings(headings)
}

fn heading(text: &str, line: &str, level: u8) -> Heading {
    let start = text.find(line).unwrap();
    Heading {
        range: start..start + line.len(),
        level,
        text: line.trim_matches(['#', ' ', '\n']).into(),
    }
}

/// A document whose lines that begin with `#` are headings.
fn marked(text: &str) -> Document {
    let lines = text
        .split_inclusive('\n')
        .filter(|line| line.starts_with('#'));
    let level = |line: &str| line.bytes().take_while(|&byte| byte == b'#').count() as u8;
    document(
        text,
        lines.map(|line| heading(text, line, level(line))).collect(),
    )
}

fn words(text: &str) -> Vec<Range<usize>> {
    text.split_word_bound_indices()
        .filter(|(_, word)| !word.trim().is_empty())
        .map(|(at, word)| at..at + word.len())
        .collect()
}

fn small(overlap_tokens: usize) -> ChunkOptions {
    ChunkOptions::default()
        .with_max_tokens(16)
        .with_overlap_tokens(overlap_tokens)
}

fn texts<'a>(document: &'a Document, options: &ChunkOptions) -> Vec<&'a str> {
    let tokens = words(&document.text);
    let cuts = chunk(document, &tokens, options);
    cuts.into_iter()
        .map(|cut| &document.text[cut.range])
        .collect()
}

#[test]
fn sections_are_cut_apart_and_know_their_headings() {
    let text =
        "intro\n# Title\n\nfirst\n## Sub\n### Deep\nsecond\n## Bare\n# Other\nthird\n## Last\n";
    let document = marked(text);
    let cuts = chunk(&document, &words(text), &ChunkOptions::default());
    let found: Vec<_> = cuts
        .iter()
        .map(|cut| {
            (
                &text[cut.range.clone()],
                cut.heading_path.join(" > "),
                *cut.locator.lines().start(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("intro", String::new(), 1),
            ("first", String::new(), 4),
            ("second", "Sub > Deep".into(), 7),
            // Headings with nothing below them.
            ("## Bare", String::new(), 8),
            ("third", "Other".into(), 10),
            ("## Last", "Other".into(), 11),
        ]
    );
}

#[test]
fn passages_end_with_paragraphs_and_sentences() {
    let one = "One two three four five six seven eight nine ten.";
    let text = format!("{one}\n\n{one} Short one here.\n\n{one}");
    let document = document(&text, vec![]);
    let short = format!("{one} Short one here.");
    assert_eq!(texts(&document, &small(0)), [one, short.as_str(), one]);
}

#[test]
fn chinese_sentences_are_kept_whole() {
    let sentence = "这是一个句子。";
    let text = sentence.repeat(10);
    let document = document(&text, vec![]);
    for passage in texts(&document, &small(0)) {
        assert!(passage.ends_with('。'), "{passage}");
    }
}

#[test]
fn code_is_cut_between_its_blocks() {
    let block = "fn a(x: u8) {\n    let y = x;\n\n    y\n}";
    let text = [block; 4].join("\n\n");
    let mut document = document(&text, vec![]);
    document.kind = DocumentKind::Code;
    let options = ChunkOptions::default()
        .with_max_tokens(26)
        .with_overlap_tokens(0);
    assert_eq!(texts(&document, &options), [block; 4]);
}

#[test]
fn there_are_no_crumbs_at_the_end() {
    for n_words in 17..80 {
        let text = "word ".repeat(n_words);
        let document = document(&text, vec![]);
        for passage in texts(&document, &small(4)) {
            assert!(passage.len() >= 5 * 7, "{n_words}: {passage}");
        }
    }
}

#[test]
fn passages_repeat_the_end_of_the_one_before() {
    let text = "Alpha beta gamma delta. ".repeat(12);
    let document = document(&text, vec![]);
    let cuts = chunk(&document, &words(&text), &small(5));
    for pair in cuts.windows(2) {
        let shared = &text[pair[1].range.start..pair[0].range.end];
        assert_eq!(shared, "Alpha beta gamma delta.");
    }
}

#[test]
fn text_without_tokens_is_still_cut() {
    let short = document("  é \n", vec![]);
    assert_eq!(chunk(&short, &[], &ChunkOptions::default())[0].range, 2..4);
    let text = "x".repeat(100_000);
    let cuts = chunk(
        &document(&text, vec![]),
        std::slice::from_ref(&(0..text.len())),
        &ChunkOptions::default(),
    );
    assert!(cuts.iter().all(|cut| cut.range.len() <= 200 * 64));
}

#[test]
fn lines_and_pages_are_those_of_the_text() {
    let text = "one\r\ntwo\n\nthree";
    let mut paged = document(text, vec![]);
    paged.pages = vec![0, 5, 5, 10];
    let cut = &chunk(&paged, &words(text), &ChunkOptions::default())[0];
    assert_eq!(cut.locator, Locator::new(1..=4, Some(1)));
    paged.headings = vec![Heading {
        range: 5..9,
        level: 1,
        text: "two".into(),
    }];
    let cut = &chunk(&paged, &words(text), &ChunkOptions::default())[1];
    assert_eq!(cut.locator, Locator::new(4..=4, Some(4)));
    paged.lines = Lines::Single(7);
    let cut = &chunk(&paged, &words(text), &ChunkOptions::default())[1];
    assert_eq!(cut.locator, Locator::new(7..=7, Some(4)));
}

#[test]
fn options_out_of_bounds_are_named() {
    let option = |options: ChunkOptions| match options.check() {
        Err(Error::InvalidOption { option, .. }) => Some(option),
        _ => None,
    };
    assert_eq!(option(ChunkOptions::default()), None);
    assert_eq!(option(small(7)), None);
    assert_eq!(option(small(8)), Some("overlap_tokens"));
    assert_eq!(
        option(ChunkOptions::default().with_max_tokens(15)),
        Some("max_tokens")
    );
    assert_eq!(
        option(ChunkOptions::default().with_max_tokens(4097)),
        Some("max_tokens")
    );
}

#[test]
fn hostile_texts_take_linear_time() {
    let start = Instant::now();
    let blanks = format!("a{}b", " ".repeat(4 << 20));
    let feeds = "\n".repeat(4 << 20);
    let solid = "x".repeat(4 << 20);
    let headings = "# H\n".repeat(1 << 16);
    for text in [&blanks, &feeds, &solid] {
        let each: Vec<_> = (0..text.len()).map(|at| at..at + 1).collect();
        chunk(&document(text, vec![]), &each, &ChunkOptions::default());
        chunk(&document(text, vec![]), &[], &ChunkOptions::default());
    }
    let ranges = (0..1 << 16).map(|at| at * 4..at * 4 + 4);
    let all = ranges
        .map(|range| Heading {
            range,
            level: 1,
            text: "H".into(),
        })
        .collect();
    assert_eq!(
        chunk(&document(&headings, all), &[], &ChunkOptions::default()).len(),
        1 << 16
    );
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "{:?}",
        start.elapsed()
    );
}

fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Zäé]{1,12}", 2 => Just(" ".to_owned()), 1 => "[.!?,;)\"]",
        1 => "[ \n\t\r]{1,4}", 1 => "[一-龥]{1,8}[。！]?", 1 => "\\PC{0,4}", 1 => Just("\n\n".to_owned()),
    ];
    prop::collection::vec(piece, 0..200).prop_map(|pieces| pieces.concat())
}

/// Ranges that need not be in order, on character boundaries or inside the text.
fn any_ranges() -> impl Strategy<Value = Vec<Range<usize>>> {
    prop::collection::vec((0..1500_usize, 0..40_usize), 0..60).prop_map(|ranges| {
        ranges
            .into_iter()
            .map(|(start, len)| start..start + len)
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_word_is_in_a_passage_or_a_heading(
        text in any_text(),
        heading_ranges in any_ranges(),
        levels in prop::collection::vec(any::<u8>(), 60),
        wild in any_ranges(),
        use_words in any::<bool>(),
        is_code in any::<bool>(),
        max_tokens in 0..40_usize,
        overlap_tokens in 0..30_usize,
    ) {
        let mut ranges = heading_ranges;
        ranges.sort_by_key(|range| range.start);
        let headings = ranges.into_iter().take(8).zip(levels)
            .map(|(range, level)| Heading { text: text.get(range.clone()).unwrap_or("").to_owned(), range, level }).collect();
        let mut document = document(&text, headings);
        if is_code {
            document.kind = DocumentKind::Code;
        }
        let tokens = if use_words { words(&text) } else { wild };
        let options = ChunkOptions::default()
            .with_max_tokens(max_tokens).with_overlap_tokens(overlap_tokens);
        let cuts = chunk(&document, &tokens, &options);

        let mut covered = vec![false; text.len()];
        for cut in &cuts {
            let passage = text.get(cut.range.clone());
            if cuts.len() == 1 && cut.range.is_empty() {
                prop_assert_eq!(cut.text(&document), "Title");
                continue;
            }
            prop_assert!(passage.is_some_and(|p| !is_wordless(p) && p.trim() == p), "{cut:?}");
            covered[cut.range.clone()].fill(true);
            prop_assert!(!cut.locator.lines().is_empty());
            let line = |at: usize| text[..at].matches('\n').count() as u32 + 1;
            prop_assert_eq!(&cut.locator, &Locator::new(line(cut.range.start)..=line(cut.range.end), None));
        }
        prop_assert!(!cuts.is_empty());
        for pair in cuts.windows(2) {
            prop_assert!(pair[0].range.start < pair[1].range.start);
            prop_assert!(pair[0].range.end < pair[1].range.end);
        }
        let headings = usable_headings(&document);
        for heading in &headings {
            let is_inside = |cut: &&Cut| cut.range.start < heading.range.end && heading.range.start < cut.range.end;
            for cut in cuts.iter().filter(is_inside) {
                prop_assert!(heading.range.start <= cut.range.start && cut.range.end <= heading.range.end);
            }
            covered[heading.range.clone()].fill(true);
        }
        for (at, c) in text.char_indices() {
            // A single small letter is left out, if nothing but signs stands beside it.
            let is_word = !is_wordless(c.encode_utf8(&mut [0; 4]));
            prop_assert!(covered[at] || !is_word, "{at} of {text:?}");
        }
        if use_words {
            let max = options.max_tokens.clamp(16, 4096);
            for cut in &cuts {
                let n = tokens.iter().filter(|t| cut.range.contains(&t.start)).count();
                prop_assert!(n <= max, "{n} tokens in {cut:?}");
            }
        }
    }
}

#[test]
fn a_title_without_a_text_is_a_passage() {
    for text in ["", " \n\t", "\u{feff}\u{200b}\n", "---\n\n***", "{ }"] {
        let titled = document(text, vec![]);
        let cuts = chunk(&titled, &words(text), &ChunkOptions::default());
        assert_eq!(cuts.len(), 1, "{text:?}");
        assert_eq!((&cuts[0].range, cuts[0].text(&titled)), (&(0..0), "Title"));
        assert_eq!(cuts[0].locator, Locator::new(1..=1, None));
        for title in ["", " ", "---", "\u{200b}"] {
            let untitled = Document::new("a.txt", text).with_title(title);
            assert_eq!(chunk(&untitled, &[], &ChunkOptions::default()), []);
        }
    }
    let record = document("", vec![]).with_lines(Lines::Single(7));
    let cuts = chunk(&record, &[], &ChunkOptions::default());
    assert_eq!(cuts[0].locator, Locator::new(7..=7, None));
    let mut paged = document("", vec![]);
    paged.pages = vec![0];
    let cuts = chunk(&paged, &[], &ChunkOptions::default());
    assert_eq!(cuts[0].locator.page(), Some(1));
}

#[test]
fn the_name_of_a_file_is_no_title_of_its_own() {
    let of = |path: &str, bytes: &str| {
        let options = crate::ExtractOptions::default();
        match crate::extract(path, bytes.into(), &options) {
            crate::Extraction::Read { documents, .. } => {
                let cut = |document| chunk(document, &[], &ChunkOptions::default());
                documents.iter().map(|document| cut(document).len()).sum()
            }
            crate::Extraction::Binary => 0,
        }
    };
    for path in [
        "ada.txt", "ada.md", "ada.html", "ada.rs", "d/ada", "ada.csv",
    ] {
        for bytes in ["", "\n \n", "---\n"] {
            assert_eq!(of(path, bytes), 0, "{path} {bytes:?}");
        }
    }
    assert_eq!(of("ada.md", "---\ntitle: ada\n---\n"), 1);
    assert_eq!(of("ada.html", "<title>ada</title>"), 1);
    assert_eq!(of("a.jsonl", "{\"title\":\"a\",\"text\":\"\"}"), 0);
    assert_eq!(of("a.jsonl", "{\"title\":\"Ada\",\"text\":\"\"}"), 1);
}

#[test]
fn what_holds_no_word_is_in_no_passage_and_its_heading_is() {
    let text = "---\n# Notes\n## Cleaning\n\n---\n## Repairs\n### Pump\n### ---\n## Rust\n\nOil it.\n# Empty\n## *\n";
    let document = marked(text);
    let cuts = chunk(&document, &words(text), &ChunkOptions::default());
    let found: Vec<_> = cuts
        .iter()
        .map(|cut| (cut.text(&document), cut.heading_path.join(" > ")))
        .collect();
    assert_eq!(
        found,
        [
            ("## Cleaning", "Notes".to_owned()),
            ("### Pump", "Notes > Repairs".to_owned()),
            ("Oil it.", "Notes > Rust".to_owned()),
            ("# Empty", String::new()),
        ]
    );
}

#[test]
fn imports_and_fences_are_no_words_of_markdown() {
    let of = |id: &str, text: &str| {
        let document = Document::new(id, text).with_kind(DocumentKind::Markdown);
        chunk(&document, &[], &ChunkOptions::default()).len()
    };
    let imports = "import Tabs from '@theme/Tabs';\nimport \"./a.css\"\n";
    assert_eq!((of("a.mdx", imports), of("a.md", imports)), (0, 1));
    assert_eq!(of("a.mdx", &format!("```js\n{imports}```\n")), 1);
    assert_eq!(of("a.mdx", "import tariffs rose from 2 to 3 %\n"), 1);
    assert_eq!(
        (of("a.md", "```rust\n```\n"), of("a.md", "~~~\n}\n~~~")),
        (0, 0)
    );
    assert_eq!(of("a.md", "```cargo test```"), 1);
}

/// The first words of each passage, with the last of its headings.
fn with_last_heading<'a>(document: &'a Document, options: &ChunkOptions) -> Vec<(&'a str, String)> {
    let cuts = chunk(document, &words(&document.text), options);
    let last = |cut: &Cut| cut.heading_path.last().cloned().unwrap_or_default();
    cuts.iter()
        .map(|cut| (cut.text(document), last(cut)))
        .collect()
}

#[test]
fn rows_that_are_cut_off_carry_the_names_of_their_columns() {
    let rows: Vec<String> = (0..40)
        .map(|row| format!("| Sort {row} | It is hard. Very hard. | {row}0 |"))
        .collect();
    let table = format!(
        "| Wood | Note | Price |\n|---|---|---|\n{}\n",
        rows.join("\n")
    );
    let text = format!("# Woods\n\nWhat they cost.\n\n{table}\nPrices are of May.\n");
    let document = marked(&text).with_kind(DocumentKind::Markdown);
    let options = ChunkOptions::default()
        .with_max_tokens(64)
        .with_overlap_tokens(10);
    let passages = with_last_heading(&document, &options);
    assert!(passages.len() > 5);
    assert!(passages[0].0.starts_with("What") && passages[0].1 == "Woods");
    for (passage, heading) in &passages[1..] {
        assert_eq!(heading, "Wood | Note | Price", "{passage}");
        assert!(passage.starts_with("| Sort"), "{passage}");
    }
    for (passage, _) in &passages[..passages.len() - 1] {
        assert!(passage.ends_with("0 |"), "{passage}");
    }
    // A table that is whole needs no names above it, and neither does what stands below one.
    let whole = with_last_heading(&document, &ChunkOptions::default().with_max_tokens(4096));
    assert_eq!(whole[0].1, "Woods");
}

#[test]
fn records_of_values_are_cut_between_each_other() {
    let records: Vec<String> = (0..60)
        .map(|row| format!("Sort {row},\"It is hard.\nVery hard.\",{row}0"))
        .collect();
    let text = format!("Wood,Note,Price\n{}\n", records.join("\n"));
    let document = Document::new("woods.csv", text).with_title("woods");
    let options = ChunkOptions::default()
        .with_max_tokens(64)
        .with_overlap_tokens(10);
    let passages = with_last_heading(&document, &options);
    assert!(passages.len() > 5);
    assert_eq!(passages[0].1, "");
    for (passage, heading) in &passages[1..] {
        assert_eq!(heading, "Wood | Note | Price");
        assert!(
            passage.starts_with("Sort") && passage.ends_with('0'),
            "{passage}"
        );
    }
}

#[test]
fn a_row_that_is_too_long_is_cut_all_the_same() {
    let long = "word ".repeat(100);
    let text = format!("| A | B |\n|---|---|\n| 1 | {long} |\n| 2 | short |\n");
    let document = document(&text, vec![]);
    let passages = with_last_heading(&document, &small(4));
    assert!(passages.len() > 6);
    assert!(passages[1..].iter().all(|(_, heading)| heading == "A | B"));
}
