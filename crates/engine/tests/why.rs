//! Why was a place missed? Each cause by itself, over a small folder with the shipped models.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use reread_engine::{
    By, Cause, Change, DocumentKind, Effect, Engine, Error, Filter, Fusion, LeftOut, Mode, Models,
    Place, Query, Refusal, RetrieveOptions, SearchOptions, SecondPass, Warning, Why,
};

const RISE: &str = "what makes dough rise";
const OVEN: &str = "dough in the oven";
const FILLER: &str = "Nothing of interest is said in this sentence, which only takes up room. ";

/// More notes on bread than the first pass hands on, and a few things beside them.
fn folder() -> &'static tempfile::TempDir {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        for i in 0..130 {
            let note = format!("Yeast and dough and bread in the oven, number {i}.\n");
            write(&format!("notes/{i}.md"), &note);
        }
        write(
            "bread.md",
            "# Bread\n\n## Rising\n\nYeast makes the dough rise.\n\n## Storing\n\nKeep it in a box.\n",
        );
        write("cut.txt", &format!("Intro.\n{}\nEnd.\n", FILLER.repeat(40)));
        write(
            "late.txt",
            &format!("{}\nGlaciers carve valleys.\n", FILLER.repeat(8)),
        );
        write("zinc.txt", "Carbon makes iron hard. Steel is an alloy of both.\n");
        write("records.jsonl", "{\"_id\": \"sea\", \"text\": \"Salt water.\"}\nno record\n{\"_id\": \"lake\", \"text\": \"Fresh water.\"}\n\n{\"_id\": \"nothing\", \"title\": \"\", \"text\": \" \"}\n");
        write("rules.md", "---\n\n***\n");
        write("tail.md", "# Tail\n\nWords.\n\n# ***\n---\n");
        write("ada.md", "---\ntitle: Ada Lovelace\n---\n");
        write("skip.log", "words\n");
        write(".rereadignore", "*.log\n");
        write(".hidden.md", "words\n");
        write("image.png", "\u{89}PNG\0\0\0\0\u{1}");
        write("broken.pdf", "%PDF-1.7 and nothing else");
        write("empty.md", "");
        engine(folder.path(), 256).update().expect("indexed");
        folder
    })
}

fn engine(root: &Path, pair_tokens: usize) -> Engine {
    let models = Models::default().with_max_pair_tokens(pair_tokens);
    Engine::builder()
        .root(root)
        .models(models)
        .build()
        .expect("an engine")
}

fn place(text: &str) -> Place {
    let (document, lines) = text.split_once(':').map_or((text, None), |(path, lines)| {
        let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
        let number = |text: &str| text.parse().expect("a line");
        (path, Some(number(first)..=number(last)))
    });
    Place {
        document: document.to_owned(),
        lines,
    }
}

fn ask(query: &str, at: &str, options: &SearchOptions) -> Result<Why, Error> {
    engine(folder().path(), 256).why(query, &place(at), options)
}

fn why(query: &str, at: &str, options: &SearchOptions) -> Why {
    ask(query, at, options).expect("a diagnosis")
}

fn first_pass(change: impl FnOnce(&mut RetrieveOptions)) -> SearchOptions {
    let mut first_pass = RetrieveOptions::default();
    change(&mut first_pass);
    SearchOptions::default().with_first_pass(first_pass)
}

/// The path at a rank of the answer.
fn path_at(query: &str, rank: usize, options: &SearchOptions) -> String {
    let options = options.clone().with_top_k(100);
    let result = engine(folder().path(), 256)
        .search(query, &options)
        .expect("an answer");
    result.hits[rank - 1].passage.path.clone()
}

/// Searches as a remedy says, and checks that what it promises comes true.
fn assert_remedies_hold(query: &str, why: &Why, options: &SearchOptions) {
    for remedy in &why.remedies {
        let mut changed = options.clone();
        match remedy.change {
            Change::TopK(top_k) => changed.top_k = top_k as usize,
            Change::Depth(depth) => changed.first_pass.depth = depth,
            Change::RerankWeight(weight) => changed.second_pass = SecondPass::Rerank { weight },
            Change::NoSecondPass => changed.second_pass = SecondPass::Off,
            Change::Mode(mode) => changed.first_pass.mode = mode,
            Change::DenseWeight(dense_weight) => {
                changed.first_pass.fusion = Fusion::Blend { dense_weight };
            }
            _ => continue,
        }
        if !matches!(remedy.change, Change::TopK(_)) {
            changed.top_k = changed.first_pass.depth.max(100);
        }
        let result = engine(folder().path(), 256)
            .search(query, &changed)
            .expect("an answer");
        let mut hits = result.hits.into_iter();
        let hit = hits.find(|hit| Some(&hit.passage.path) == why.passage.as_ref().map(|p| &p.path));
        let hit = hit.unwrap_or_else(|| panic!("{remedy:?} does not find it"));
        match remedy.effect {
            Effect::Rank(rank) => assert_eq!(hit.rank, rank, "{remedy:?}"),
            Effect::Candidate(rank) => assert_eq!(hit.ranks.first_pass, rank, "{remedy:?}"),
            _ => (),
        }
    }
}

#[test]
fn a_place_that_is_shown_has_its_rank() {
    let found = why(RISE, "bread.md:5", &SearchOptions::default());
    assert_eq!(found.cause, Cause::Shown);
    assert_eq!(found.stages.answer.expect("a rank").rank, 1);
    assert!(found.above.is_empty() && found.remedies.is_empty());
    // A heading is in no passage; what stands below it is meant.
    let below = why(RISE, "bread.md:3", &SearchOptions::default());
    assert_eq!(below.passage, found.passage);
    let Warning::Between { path, line, below } = &below.warnings[0] else {
        panic!("{:?}", below.warnings);
    };
    assert_eq!((path.as_str(), *line, *below), ("bread.md", 3, 5));
    for record in ["sea", "records.jsonl:1"] {
        let found = why("salt water", record, &SearchOptions::default());
        assert_eq!(found.cause, Cause::Shown, "{record}");
    }
}

#[test]
fn a_place_that_was_put_down_has_ranks_before_and_after_and_who_stands_above() {
    let options = SearchOptions::default().with_top_k(3);
    let path = path_at(RISE, 7, &options);
    let found = why(RISE, &path, &options);
    assert_eq!(found.cause, Cause::PutDown);
    assert_eq!(found.stages.answer.expect("a rank").rank, 7);
    let above: Vec<u32> = found.above.iter().map(|hit| hit.rank).collect();
    assert_eq!(above, [1, 2, 3]);
    assert!(
        found
            .remedies
            .iter()
            .any(|remedy| remedy.change == Change::TopK(7))
    );
    assert_remedies_hold(RISE, &found, &options);
    let read = found.stages.cross_encoder.expect("read");
    assert!(read.rank >= 1 && read.rank <= 20 && read.score.is_finite());
}

#[test]
fn a_place_beyond_the_depth_is_told_the_depth_that_reaches_it() {
    let options = SearchOptions::default().with_depth(5).with_top_k(3);
    let path = path_at(RISE, 30, &options);
    let found = why(RISE, &path, &options);
    assert_eq!(found.cause, Cause::TooDeep);
    let needed = found.stages.depth_needed.expect("a depth");
    assert_eq!(needed, 30);
    assert!(
        found
            .remedies
            .iter()
            .any(|remedy| remedy.change == Change::Depth(30))
    );
    assert_remedies_hold(RISE, &found, &options);
}

#[test]
fn a_passage_is_cut_off_where_the_cross_encoder_stops_reading() {
    let engine = engine(folder().path(), 64);
    let (query, options) = (
        "what do glaciers carve",
        first_pass(|first| first.depth = 30).with_top_k(1),
    );
    let shown = engine
        .why(query, &place("late.txt:2"), &options)
        .expect("a diagnosis");
    assert_eq!(shown.cause, Cause::Shown);
    // Nothing else speaks of glaciers, so another question has to stand in the way.
    let options = first_pass(|first| {
        (first.depth, first.mode) = (30, Mode::Lexical);
    });
    let options = options.with_top_k(1);
    let query = "dough and glaciers";
    let found = engine
        .why(query, &place("late.txt:2"), &options)
        .expect("a diagnosis");
    assert_eq!(found.cause, Cause::CutOff, "{found:?}");
    let reading = found.stages.reading.expect("measured");
    assert_eq!(reading.max_tokens, 64);
    let passage = found.passage.expect("a passage");
    assert!(!passage.text[..reading.bytes_read].contains("Glaciers"));
    let Change::PairTokens(needed) = found.remedies[0].change else {
        panic!("{:?}", found.remedies)
    };
    let enough = self::engine(folder().path(), needed);
    let read = enough
        .why(query, &place("late.txt:2"), &options)
        .expect("a diagnosis");
    assert_ne!(read.cause, Cause::CutOff);
    let short = self::engine(folder().path(), needed - 1);
    let unread = short
        .why(query, &place("late.txt:2"), &options)
        .expect("a diagnosis");
    assert_eq!(unread.cause, Cause::CutOff);
    // The first line was read in part, which is not to its end.
    let part = engine
        .why(query, &place("late.txt:1"), &options)
        .expect("a diagnosis");
    assert_eq!(part.cause, Cause::CutOff);
}

#[test]
fn what_one_arm_has_and_the_blend_has_not_is_lost_in_fusion() {
    let options = first_pass(|first| first.fusion = Fusion::Blend { dense_weight: 1.0 });
    let query = "dough in the oven of an alloy";
    let found = why(query, "zinc.txt", &options);
    assert_eq!(found.cause, Cause::LostInFusion, "{:?}", found.stages);
    assert_eq!(found.stages.lexical.expect("a rank").rank, 1);
    assert!(found.stages.dense.expect("a rank").rank > 100);
    assert!(found.stages.first_pass.expect("a rank").rank > 100);
    let changes: Vec<&Change> = found.remedies.iter().map(|remedy| &remedy.change).collect();
    assert!(
        changes.contains(&&Change::Mode(Mode::Lexical)),
        "{changes:?}"
    );
    assert!(
        changes
            .iter()
            .any(|change| matches!(change, Change::DenseWeight(_)))
    );
    assert_remedies_hold(query, &found, &options);
}

#[test]
fn ranks_are_found_beyond_what_a_search_looks_at() {
    let found = why(OVEN, "zinc.txt", &SearchOptions::default());
    assert_eq!(found.cause, Cause::NotRetrieved);
    assert_eq!(found.stages.lexical, None);
    assert!(found.stages.dense.expect("a rank").rank > 100);
    let needed = found.stages.depth_needed.expect("a depth");
    assert!(needed > 100);
    assert_remedies_hold(OVEN, &found, &SearchOptions::default());
    let lexical = why(
        OVEN,
        "zinc.txt",
        &first_pass(|first| first.mode = Mode::Lexical),
    );
    assert_eq!(lexical.cause, Cause::NotRetrieved);
    assert_eq!(
        (lexical.stages.first_pass, lexical.stages.n_dense),
        (None, 0)
    );
    assert_eq!(lexical.remedies[0].change, Change::Mode(Mode::Hybrid));
}

#[test]
fn the_filter_that_removes_a_place_is_named() {
    let paths = Filter::default().with_paths(&["*.txt"]).expect("a glob");
    let kinds = Filter::default().with_kinds(vec![DocumentKind::Text]);
    let later = SystemTime::now() + Duration::from_secs(86_400);
    let since = Filter::default().with_modified_since(later);
    for (query, filter, refusal) in [
        (RISE, paths, Refusal::Path),
        (RISE, kinds, Refusal::Kind(DocumentKind::Markdown)),
        (RISE, since, Refusal::ModifiedBefore),
        (
            "dough \"steel is\"",
            Filter::default(),
            Refusal::Phrase(Query::parse("\"steel is\"").phrases()[0].clone()),
        ),
        (
            "steel -yeast -carbon",
            Filter::default(),
            Refusal::Exclusion(Query::parse("steel -yeast").exclusions()[0].clone()),
        ),
    ] {
        let found = why(
            query,
            "bread.md:5",
            &first_pass(|first| first.filter = filter),
        );
        assert_eq!(found.cause, Cause::FilteredOut(refusal.clone()), "{query}");
        assert_eq!(found.remedies[0].change, Change::WithoutRefusal(refusal));
    }
    // So it is with a phrase that no passage holds.
    let query = "\"dough makes yeast\"";
    let found = why(query, "bread.md:5", &SearchOptions::default());
    let refusal = Refusal::Phrase(Query::parse(query).phrases()[0].clone());
    assert_eq!(found.cause, Cause::FilteredOut(refusal));
}

#[test]
fn a_line_that_no_passage_holds_as_a_whole_is_cut_apart() {
    let found = why(RISE, "cut.txt:2", &SearchOptions::default());
    let Cause::CutApart(pieces) = &found.cause else {
        panic!("{:?}", found.cause)
    };
    assert!(pieces.len() > 2, "{pieces:?}");
    assert!(pieces.iter().all(|lines| lines.contains(&2)));
    assert!(matches!(found.remedies[0].change, Change::PassageTokens(_)));
    // A neighbour of the cut is whole.
    let whole = why(RISE, "cut.txt:1", &SearchOptions::default());
    assert!(
        !matches!(whole.cause, Cause::CutApart(_)),
        "{:?}",
        whole.cause
    );
}

#[test]
fn what_is_not_indexed_is_told_why() {
    for (path, reason) in [
        ("nowhere.md", LeftOut::NoSuchFile),
        ("image.png", LeftOut::NoText),
        ("empty.md", LeftOut::Empty),
        ("skip.log", LeftOut::Ignored),
        (".hidden.md", LeftOut::Hidden),
        (".reread/MANIFEST", LeftOut::Store),
        ("records.jsonl:4", LeftOut::NoRecord),
        ("records.jsonl:5", LeftOut::Empty),
        ("nothing", LeftOut::Empty),
        ("rules.md", LeftOut::Empty),
        ("tail.md:5", LeftOut::NoWord),
    ] {
        let found = why(RISE, path, &SearchOptions::default());
        assert_eq!(found.cause, Cause::NotIndexed(reason), "{path}");
    }
    let bad = why(RISE, "records.jsonl:2", &SearchOptions::default());
    let Cause::NotIndexed(LeftOut::BadLine(reason)) = bad.cause else {
        panic!("{:?}", bad.cause)
    };
    assert!(reason.starts_with("it is not a record: "), "{reason}");
    let beyond = ask(RISE, "tail.md:7", &SearchOptions::default()).expect_err("refused");
    assert!(
        matches!(beyond, Error::NoSuchLines { last: 6, .. }),
        "{beyond}"
    );
    let titled = why(RISE, "ada.md:2", &SearchOptions::default());
    assert_eq!(titled.passage.expect("a passage").text, "Ada Lovelace");
    let broken = why(RISE, "broken.pdf", &SearchOptions::default());
    let Cause::NotIndexed(LeftOut::Failed(reason)) = broken.cause else {
        panic!("{:?}", broken.cause)
    };
    assert!(reason.contains("PDF"), "{reason}");
}

#[test]
fn a_file_that_came_later_or_is_too_large_is_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("small.md"), "small").expect("a file");
    fs::write(folder.path().join("large.md"), "large ".repeat(100)).expect("a file");
    let options = reread_engine::IndexOptions::default().with_max_file_bytes(100);
    let builder = Engine::builder().root(folder.path()).index_options(options);
    let engine = builder.build().expect("an engine");
    engine.update().expect("indexed");
    fs::write(folder.path().join("late.md"), "late").expect("a file");
    let cause = |path: &str| {
        let found = engine.why("words", &place(path), &SearchOptions::default());
        found.expect("a diagnosis").cause
    };
    let too_large = LeftOut::TooLarge {
        len_bytes: 600,
        limit_bytes: 100,
    };
    assert_eq!(cause("large.md"), Cause::NotIndexed(too_large));
    assert_eq!(cause("late.md"), Cause::NotIndexed(LeftOut::NotYet));
    #[cfg(unix)]
    {
        let link = folder.path().join("link.md");
        std::os::unix::fs::symlink(folder.path().join("small.md"), link).expect("a link");
        assert_eq!(cause("link.md"), Cause::NotIndexed(LeftOut::Link));
    }
}

#[test]
fn bad_input_is_refused_by_name() {
    let default = SearchOptions::default();
    let error = |query: &str, at: &str| ask(query, at, &default).expect_err("refused");
    assert!(matches!(error(RISE, "/etc/passwd"), Error::Outside { .. }));
    assert!(matches!(
        error(RISE, "notes/../../x.md"),
        Error::Outside { .. }
    ));
    assert!(matches!(error(RISE, "notes"), Error::IsAFolder { .. }));
    assert!(matches!(error(RISE, ""), Error::IsAFolder { .. }));
    let lines = error(RISE, "bread.md:99");
    assert!(
        matches!(
            lines,
            Error::NoSuchLines {
                first: 99,
                last: 9,
                ..
            }
        ),
        "{lines}"
    );
    assert!(matches!(
        error("  ", "bread.md"),
        Error::InvalidOption {
            option: "query",
            ..
        }
    ));
    let inside = folder().path().join("bread.md");
    let found = why(RISE, &inside.to_string_lossy(), &default);
    assert_eq!(found.cause, Cause::Shown);
}

#[test]
fn documents_are_ranked_among_documents() {
    let options = SearchOptions::default()
        .with_by(By::Document)
        .with_top_k(20);
    let result = engine(folder().path(), 256)
        .search(RISE, &options)
        .expect("an answer");
    for hit in [&result.hits[0], &result.hits[12], &result.hits[19]] {
        let found = why(RISE, &hit.passage.path, &options);
        assert_eq!(found.cause, Cause::Shown);
        assert_eq!(found.stages.answer.expect("a rank").rank, hit.rank);
    }
}
