//! Equal passages are one result, and a document has no more results than it may have.

mod support;

use std::fs;
use std::path::Path;

use reread_engine::{
    By, Cause, Change, Effect, Engine, Error, Fold, Hit, Place, Remedy, SearchOptions, SecondPass,
    Why,
};
use support::engine;

/// One answer in many places, and others beside it.
fn with_copies(n_copies: usize) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    let write = |path: &str, text: &str| write(root.path(), path, text);
    for copy in 0..n_copies {
        // White space does not make another text.
        let between = ["  ", "\n"][copy % 2];
        let text = format!("the generator starts{between}when the power fails\n");
        write(&format!("copies/{copy:03}.txt"), &text);
    }
    for other in 0..30 {
        write(
            &format!("{other}.txt"),
            &format!("power of number{other}\n"),
        );
    }
    root
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn indexed(root: &Path) -> Engine {
    let engine = engine(root);
    engine.update().expect("indexed");
    engine
}

fn search(engine: &Engine, query: &str, options: &SearchOptions) -> Vec<Hit> {
    engine.search(query, options).expect("an answer").hits
}

fn why(engine: &Engine, query: &str, path: &str, options: &SearchOptions) -> Why {
    let place = Place {
        document: path.to_owned(),
        lines: None,
    };
    engine.why(query, &place, options).expect("a diagnosis")
}

#[test]
fn copies_are_one_result_and_each_is_named_once() {
    for n_copies in [1, 2, 12, 150] {
        let root = with_copies(n_copies);
        let engine = indexed(root.path());
        let options = SearchOptions::default();
        let result = engine
            .search("when the power fails", &options)
            .expect("an answer");
        assert_eq!(result.hits.len(), 10);
        // Copies do not use up the depth.
        assert_eq!(result.second_pass.scored, 20, "{n_copies} copies");
        assert_eq!(result.first_pass.n_folded, n_copies - 1);
        assert_eq!(result.first_pass.n_candidates, 20);
        let best = &result.hits[0];
        let others = best.also_at.iter().map(|passage| &*passage.path);
        let mut paths: Vec<&str> = others.chain([&*best.passage.path]).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), n_copies);
        assert!(paths.iter().all(|path| path.starts_with("copies/")));
        assert!(result.hits[1..].iter().all(|hit| hit.also_at.is_empty()));
        let ranks: Vec<u32> = result.hits.iter().map(|hit| hit.ranks.first_pass).collect();
        assert!(ranks.iter().all(|rank| *rank <= 20), "{ranks:?}");
    }
}

#[test]
fn filters_apply_first_and_documents_each_count() {
    let root = with_copies(4);
    let engine = indexed(root.path());
    let mut only = SearchOptions::default();
    only.first_pass.filter = only
        .first_pass
        .filter
        .with_paths(&["copies/002.txt"])
        .expect("a glob");
    let hits = search(&engine, "power", &only);
    assert_eq!((hits.len(), &*hits[0].passage.path), (1, "copies/002.txt"));
    assert!(hits[0].also_at.is_empty());

    let never = SearchOptions::default().with_fold(Fold::Never);
    let by_document = SearchOptions::default().with_by(By::Document);
    for options in [never, by_document] {
        let hits = search(&engine, "when the power fails", &options);
        let copies = hits
            .iter()
            .filter(|hit| hit.passage.path.starts_with("copies/"));
        assert_eq!(copies.count(), 4);
        assert!(hits.iter().all(|hit| hit.also_at.is_empty()));
    }
}

#[test]
fn versions_are_folded_on_request() {
    let root = tempfile::tempdir().expect("a folder");
    let seconds = ["ten", "twelve", "fifteen"];
    for time in seconds {
        let text = format!(
            "When the power fails, the generator in the basement takes over within {time} seconds."
        );
        write(root.path(), &format!("{time}.txt"), &text);
    }
    write(root.path(), "other.txt", "Power is work over time.");
    let engine = indexed(root.path());
    let similar = SearchOptions::default().with_fold(Fold::Similar);
    let hits = search(&engine, "when the power fails", &similar);
    assert_eq!((hits.len(), hits[0].also_at.len()), (2, 2));
    assert_eq!(
        search(&engine, "when the power fails", &SearchOptions::default()).len(),
        4
    );

    let refused = engine.search("power", &similar.with_by(By::Document));
    assert!(matches!(
        refused,
        Err(Error::InvalidOption { option: "fold", .. })
    ));
}

#[test]
fn a_passage_that_is_folded_is_said_to_be() {
    let root = with_copies(3);
    let engine = indexed(root.path());
    let options = SearchOptions::default();
    let query = "when the power fails";
    let best = search(&engine, query, &options).remove(0);
    let shown = why(&engine, query, &best.passage.path, &options);
    assert_eq!((shown.cause, shown.stand_in), (Cause::Shown, None));

    let folded = why(&engine, query, &best.also_at[0].path, &options);
    assert_eq!(folded.cause, Cause::Folded { rank: 1 });
    assert_eq!(
        (folded.cause.name(), folded.cause.fate().name()),
        ("folded", "found")
    );
    assert_eq!(folded.stand_in.expect("another").key, best.passage.key);
    assert_eq!(folded.passage.expect("itself").key, best.also_at[0].key);
    let answer = folded.stages.answer.expect("a rank");
    assert_eq!(
        (answer.rank, answer.score.to_bits()),
        (1, best.score.to_bits())
    );
    let [
        Remedy {
            change: Change::Fold(Fold::Never),
            effect,
            ..
        },
    ] = folded.remedies[..]
    else {
        panic!("{:?}", folded.remedies)
    };
    let alone = search(&engine, query, &options.clone().with_fold(Fold::Never));
    let at = alone
        .iter()
        .find(|hit| hit.passage.path == best.also_at[0].path);
    assert_eq!(effect, Effect::Rank(at.expect("a result").rank));

    // What stands too far down stands there for its copies, too.
    let other = search(&engine, query, &options.clone().with_top_k(20)).remove(4);
    write(root.path(), "z/copy.txt", &other.passage.text);
    engine.update().expect("indexed");
    let few = options.with_top_k(2);
    let below = why(&engine, query, "z/copy.txt", &few);
    assert!(
        matches!(below.cause, Cause::PutDown | Cause::Shown),
        "{:?}",
        below.cause
    );
    assert!(below.stages.answer.expect("a rank").rank > 2);
}

#[test]
fn a_document_has_no_more_results_than_it_may() {
    let root = tempfile::tempdir().expect("a folder");
    let sections: Vec<String> = (0..150)
        .map(|s| format!("# S{s}\npelican pelican {s}\n"))
        .collect();
    write(root.path(), "long.md", &sections.concat());
    for other in 0..8 {
        let text = format!("a pelican among many other words of number {other}");
        write(root.path(), &format!("{other}.txt"), &text);
    }
    let engine = indexed(root.path());
    let base = SearchOptions::default().with_second_pass(SecondPass::Off);
    let n_long = |hits: &[Hit]| {
        hits.iter()
            .filter(|hit| hit.passage.path == "long.md")
            .count()
    };
    for limit in [1, 2, 3] {
        let options = base.clone().with_per_document(limit);
        let hits = search(&engine, "pelican", &options);
        assert_eq!(hits.len(), (8 + limit).min(10));
        assert_eq!(n_long(&hits), limit.max(10 - 8).min(limit));
        let ranks: Vec<u32> = hits.iter().map(|hit| hit.rank).collect();
        assert_eq!(ranks, (1..=hits.len() as u32).collect::<Vec<_>>());
        assert!(hits.iter().all(|hit| hit.moved == 0), "nothing was read");
    }
    assert_eq!(n_long(&search(&engine, "pelican", &base)), 10);
    let none = engine.search("pelican", &base.clone().with_per_document(0));
    assert!(matches!(
        none,
        Err(Error::InvalidOption {
            option: "per-document",
            ..
        })
    ));

    let two = base.with_per_document(2);
    let second = &search(&engine, "pelican", &two.clone().with_per_document(3))[2];
    let place = Place {
        document: "long.md".to_owned(),
        lines: Some(second.passage.lines().clone()),
    };
    let full = engine.why("pelican", &place, &two).expect("a diagnosis");
    let expected = Cause::DocumentFull {
        per_document: 2,
        n_above: 2,
    };
    assert_eq!(
        (full.cause.clone(), full.cause.name()),
        (expected, "filtered_out")
    );
    assert_eq!(full.above.len(), 2);
    let [
        Remedy {
            change: Change::PerDocument(3),
            effect: Effect::Rank(3),
            ..
        },
    ] = full.remedies[..]
    else {
        panic!("{:?}", full.remedies)
    };
}
