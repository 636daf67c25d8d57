use std::time::{Duration, Instant};

use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

use super::*;

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
    let short = document("  \u{1} \n", vec![]);
    assert_eq!(chunk(&short, &[], &ChunkOptions::default())[0].range, 2..3);
    let text = "x".repeat(100_000);
    let cuts = chunk(
        &document(&text, vec![]),
        std::slice::from_ref(&(0..text.len())),
        &ChunkOptions::default(),
    );
    assert!(cuts.iter().all(|cut| cut.range.len() <= 200 * 64));
    assert_eq!(
        chunk(&document(" \n\t", vec![]), &[], &ChunkOptions::default()),
        []
    );
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
    let headings = "# h\n".repeat(1 << 16);
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
            text: "h".into(),
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
    fn every_visible_byte_is_in_a_passage(
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
            .map(|(range, level)| Heading { range, level, text: "h".into() }).collect();
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
            prop_assert!(passage.is_some_and(|p| !p.is_empty() && p.trim() == p), "{cut:?}");
            covered[cut.range.clone()].fill(true);
            prop_assert!(!cut.locator.lines().is_empty());
            let line = |at: usize| text[..at].matches('\n').count() as u32 + 1;
            prop_assert_eq!(&cut.locator, &Locator::new(line(cut.range.start)..=line(cut.range.end), None));
        }
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
            prop_assert!(covered[at] || c.is_whitespace(), "{at} of {text:?}");
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
