//! An index follows its folder, and costs what has changed.

mod support;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use reread_engine::{
    CancelToken, ChunkOptions, Document, Engine, Error, IndexOptions, IndexRun, SearchOptions,
};
use support::{LongestWord, WordHash, engine, engine_with};

fn write(root: &std::path::Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("inside the root")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn paths(engine: &Engine, query: &str) -> Vec<String> {
    let result = engine
        .search(query, &SearchOptions::default())
        .expect("an answer");
    result
        .hits
        .into_iter()
        .map(|hit| hit.passage.path)
        .collect()
}

#[test]
fn changed_new_and_removed_files_are_followed() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "a.md", "# Apples\napples grow on trees");
    write(root.path(), "b/b.txt", "bananas grow on plants");
    let engine = engine(root.path());
    let summary = engine.update().expect("indexed");
    assert_eq!(
        (summary.n_added, summary.n_changed, summary.n_removed),
        (2, 0, 0)
    );
    assert_eq!(paths(&engine, "bananas")[0], "b/b.txt");

    write(root.path(), "a.md", "# Cherries\ncherries are red");
    write(root.path(), "c.txt", "dates are sweet");
    fs::remove_file(root.path().join("b/b.txt")).expect("removed");
    let summary = engine.update().expect("indexed");
    assert_eq!(
        (summary.n_added, summary.n_changed, summary.n_removed),
        (1, 1, 1)
    );
    assert_eq!(paths(&engine, "cherries")[0], "a.md");
    assert_eq!(paths(&engine, "sweet dates")[0], "c.txt");
    assert!(!paths(&engine, "bananas").contains(&"b/b.txt".to_owned()));
    assert!(
        paths(&engine, "apples grow on trees")
            .iter()
            .all(|path| path != "b/b.txt")
    );
}

#[test]
fn a_run_with_nothing_to_do_writes_nothing() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "a.md", "apples");
    // A file just written may change again within its clock's tick; an older one is trusted.
    let past = std::time::SystemTime::now() - std::time::Duration::from_secs(3_600);
    let file = fs::File::options()
        .write(true)
        .open(root.path().join("a.md"))
        .expect("a file");
    file.set_modified(past).expect("a time");
    let engine = engine(root.path());
    engine.update().expect("indexed");
    let before = engine.status().expect("status").generation;
    let summary = engine.update().expect("indexed");
    assert_eq!((summary.n_unchanged, summary.n_embedded), (1, 0));
    assert!(!summary.changed);
    assert_eq!(engine.status().expect("status").generation, before);
}

#[test]
fn a_renamed_file_is_found_under_its_new_name_and_not_embedded_again() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "a.md", "# Apples\napples grow on trees");
    write(root.path(), "b.md", "# Bananas\nbananas grow on plants");
    let embedder = Arc::new(WordHash::new("word hash"));
    let engine = engine_with(root.path(), Arc::clone(&embedder));
    engine.update().expect("indexed");
    let before = embedder.n_embedded.load(Ordering::Relaxed);
    fs::rename(root.path().join("a.md"), root.path().join("z.md")).expect("renamed");
    let summary = engine.update().expect("indexed");
    assert_eq!((summary.n_added, summary.n_removed), (1, 1));
    assert_eq!(embedder.n_embedded.load(Ordering::Relaxed), before);
    assert_eq!(paths(&engine, "apples")[0], "z.md");
}

#[test]
fn only_the_changed_passages_of_a_file_are_embedded_again() {
    let root = tempfile::tempdir().expect("a folder");
    let sections: Vec<String> = (0..20)
        .map(|i| format!("# Section {i}\nthis is the text of number {i}\n"))
        .collect();
    write(root.path(), "a.md", &sections.concat());
    let embedder = Arc::new(WordHash::new("word hash"));
    let engine = engine_with(root.path(), Arc::clone(&embedder));
    engine.update().expect("indexed");
    let before = embedder.n_embedded.load(Ordering::Relaxed);
    let mut changed = sections;
    changed[7] = "# Section 7\nsomething else altogether\n".to_owned();
    write(root.path(), "a.md", &changed.concat());
    let summary = engine.update().expect("indexed");
    assert_eq!(summary.n_embedded, 1);
    assert_eq!(embedder.n_embedded.load(Ordering::Relaxed), before + 1);
    assert_eq!(engine.status().expect("status").n_passages, 20);
}

#[test]
fn another_way_of_cutting_cuts_everything_again() {
    let root = tempfile::tempdir().expect("a folder");
    let text: Vec<String> = (0..400).map(|i| format!("word{i}")).collect();
    write(root.path(), "a.txt", &text.join(" "));
    let engine = engine(root.path());
    engine.update().expect("indexed");
    let before = engine.status().expect("status").n_passages;
    let chunk = ChunkOptions::default()
        .with_max_tokens(50)
        .with_overlap_tokens(5);
    let finer = Engine::builder()
        .root(root.path())
        .embedder(Arc::new(WordHash::new("word hash")))
        .cross_encoder(Arc::new(LongestWord::new()))
        .index_options(IndexOptions::default().with_chunk(chunk))
        .build()
        .expect("an engine");
    finer.update().expect("indexed");
    let status = finer.status().expect("status");
    assert!(
        status.n_passages > before,
        "{} and {before}",
        status.n_passages
    );
    assert_eq!(status.max_tokens, 50);
}

#[test]
fn an_index_is_refused_to_another_embedder_and_both_are_named() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "a.md", "apples");
    engine(root.path()).update().expect("indexed");
    let other = engine_with(root.path(), Arc::new(WordHash::new("another model")));
    let error = other
        .search("apples", &SearchOptions::default())
        .expect_err("another model");
    assert!(matches!(
        error,
        Error::Index(reread_index::Error::WrongModel { .. })
    ));
    let text = error.to_string();
    assert!(
        text.contains("word hash") && text.contains("another model"),
        "{text}"
    );
    write(root.path(), "b.md", "bananas");
    let error = other.update().expect_err("another model");
    assert!(matches!(
        error,
        Error::Index(reread_index::Error::WrongModel { .. })
    ));
}

#[test]
fn an_application_adds_replaces_and_removes_documents() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::builder()
        .index_folder(folder.path().join("index"))
        .embedder(Arc::new(WordHash::new("word hash")))
        .cross_encoder(Arc::new(LongestWord::new()))
        .build()
        .expect("an engine");
    let document = |id: &str, text: &str| Document::new(id, text);
    engine
        .add_documents(&[
            document("one", "apples are red"),
            document("two", "bananas are yellow"),
        ])
        .expect("added");
    assert_eq!(paths(&engine, "yellow bananas")[0], "two");
    engine
        .add_documents(&[document("two", "blueberries are blue")])
        .expect("replaced");
    assert_eq!(engine.status().expect("status").n_documents, 2);
    assert_eq!(paths(&engine, "blueberries")[0], "two");
    assert!(engine.remove_document("one").expect("removed"));
    assert!(!engine.remove_document("one").expect("nothing to remove"));
    assert_eq!(paths(&engine, "apples are red"), ["two"]);
}

#[test]
fn a_cancelled_run_leaves_the_index_as_it_was() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "a.md", "apples");
    let engine = engine(root.path());
    engine.update().expect("indexed");
    write(root.path(), "b.md", "bananas");
    let cancel = CancelToken::new();
    cancel.cancel();
    let run = IndexRun::default().with_cancel(&cancel);
    let error = engine.update_with(&run).expect_err("cancelled");
    assert!(matches!(error, Error::Cancelled(_)));
    let status = engine.reload().expect("still there").status();
    assert_eq!((status.generation, status.n_documents), (1, 1));
    engine.update().expect("the next run does the work");
    assert_eq!(engine.status().expect("status").n_documents, 2);
}

#[test]
fn many_small_commits_stay_searchable_and_few_segments_remain() {
    let root = tempfile::tempdir().expect("a folder");
    let engine = engine(root.path());
    for i in 0..30 {
        write(
            root.path(),
            &format!("file{i}.txt"),
            &format!("unique{i} stands here"),
        );
        engine.update().expect("indexed");
    }
    for i in (0..30).step_by(3) {
        fs::remove_file(root.path().join(format!("file{i}.txt"))).expect("removed");
        engine.update().expect("indexed");
    }
    let status = engine.status().expect("status");
    assert_eq!(status.n_documents, 20);
    assert!(status.n_segments < 8, "{}", status.n_segments);
    for i in 0..30 {
        let found = paths(&engine, &format!("unique{i}"));
        let expected = format!("file{i}.txt");
        assert_eq!(
            found.first() == Some(&expected),
            i % 3 != 0,
            "unique{i}: {found:?}"
        );
    }
    engine
        .snapshot()
        .expect("open")
        .verify()
        .expect("every digest is right");
}

#[test]
fn a_binary_file_is_counted_and_a_broken_one_reported() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "good.md", "apples");
    fs::write(root.path().join("picture.bin"), [0u8, 1, 2, 0, 255]).expect("a file");
    fs::write(root.path().join("broken.pdf"), b"%PDF-1.4 this is not one").expect("a file");
    let engine = engine(root.path());
    let summary = engine.update().expect("indexed");
    assert_eq!(summary.n_binary, 1);
    assert_eq!(summary.problems.len(), 1, "{:?}", summary.problems);
    assert_eq!(summary.problems[0].path, "broken.pdf");
    assert_eq!(paths(&engine, "apples")[0], "good.md");
    assert_eq!(engine.status().expect("status").failed.len(), 1);
}

#[test]
fn a_file_in_place_of_a_folder_is_refused_by_name() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "a.md", "apples");
    let error = engine(&root.path().join("a.md"))
        .update()
        .expect_err("a file");
    assert!(matches!(error, Error::NotAFolder { .. }));
}

#[test]
fn a_document_given_twice_in_one_call_is_there_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::builder()
        .index_folder(folder.path().join("index"))
        .embedder(Arc::new(WordHash::new("word hash")))
        .cross_encoder(Arc::new(LongestWord::new()))
        .build()
        .expect("an engine");
    let document = |text: &str| Document::new("one", text);
    engine
        .add_documents(&[document("apples are red"), document("bananas are yellow")])
        .expect("added");
    let hits = engine
        .search("apples bananas", &SearchOptions::default())
        .expect("ok")
        .hits;
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].passage.text, "bananas are yellow");
    assert_eq!(engine.status().expect("status").n_passages, 1);
}

#[test]
fn an_index_remembers_which_files_it_takes_in() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), ".hidden.md", "apples");
    write(root.path(), "plain.md", "bananas");
    let with_hidden = |hidden| {
        Engine::builder()
            .root(root.path())
            .embedder(Arc::new(WordHash::new("word hash")))
            .cross_encoder(Arc::new(LongestWord::new()))
            .index_options(IndexOptions::default().with_hidden(hidden))
            .build()
            .expect("an engine")
    };
    with_hidden(true).update().expect("indexed");
    let plain = engine(root.path());
    plain.update().expect("indexed");
    assert_eq!(plain.status().expect("status").n_documents, 2);
    with_hidden(false).update().expect("indexed");
    plain.reload().expect("open");
    assert_eq!(plain.status().expect("status").n_documents, 1);
}

#[test]
fn a_run_stopped_anywhere_keeps_what_was_committed_and_the_next_one_does_the_rest() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "a.md", "apples");
    let engine = engine(root.path());
    engine.update().expect("indexed");
    for name in ["b.md", "c.md", "d.md"] {
        write(root.path(), name, &format!("bananas of {name}"));
    }
    let mut n_stopped = 0;
    for n_asks in 0.. {
        let run = IndexRun::default().with_cancel(&CancelToken::after_asks(n_asks));
        match engine.update_with(&run) {
            Ok(summary) => {
                assert_eq!(summary.n_added, 3);
                break;
            }
            Err(error) => {
                let stopped = matches!(error, Error::Cancelled(_));
                assert!(stopped, "{error:?}");
                let status = engine.reload().expect("still there").status();
                assert_eq!((status.generation, status.n_documents), (1, 1));
                n_stopped += 1;
            }
        }
    }
    // Before each file is read and before it is written, before it is embedded and at the end.
    assert!(n_stopped >= 8, "{n_stopped}");
    assert_eq!(engine.status().expect("status").n_documents, 4);
}

#[test]
fn a_rebuild_keeps_the_old_index_until_the_new_one_is_complete() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "a.md", "apples");
    let engine = engine(root.path());
    engine.update().expect("indexed");
    let cancel = CancelToken::new();
    cancel.cancel();
    let run = IndexRun::default().with_cancel(&cancel);
    engine.rebuild(&run).expect_err("cancelled");
    assert_eq!(paths(&engine, "apples"), ["a.md"]);
    engine.reload().expect("the old index is there");

    let summary = engine.rebuild(&IndexRun::default()).expect("rebuilt");
    assert_eq!(summary.n_added, 1);
    assert_eq!(paths(&engine, "apples"), ["a.md"]);

    fs::write(root.path().join(".reread/MANIFEST"), "damaged").expect("a file");
    assert!(engine.reload().is_err());
    engine
        .rebuild(&IndexRun::default())
        .expect("a damaged index is rebuilt too");
    assert_eq!(paths(&engine, "apples"), ["a.md"]);
    engine
        .snapshot()
        .expect("open")
        .verify()
        .expect("every digest is right");
}

#[test]
fn a_file_from_the_future_is_not_read_at_every_run() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), "a.md", "apples");
    let future = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400);
    let file = fs::File::options()
        .write(true)
        .open(root.path().join("a.md"))
        .expect("a file");
    file.set_modified(future).expect("a time");
    let engine = engine(root.path());
    engine.update().expect("indexed");
    engine.update().expect("nothing to do");
    assert_eq!(engine.status().expect("status").generation, 1);
}

#[test]
fn an_index_of_another_folder_is_refused() {
    let (one, other) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let place = tempfile::tempdir().expect("a folder");
    write(one.path(), "a.md", "apples");
    write(other.path(), "b.md", "bananas");
    let over = |root: &std::path::Path| {
        Engine::builder()
            .root(root)
            .index_folder(place.path().join("index"))
            .embedder(Arc::new(WordHash::new("word hash")))
            .cross_encoder(Arc::new(LongestWord::new()))
            .build()
            .expect("an engine")
    };
    over(one.path()).update().expect("indexed");
    let error = over(other.path())
        .search("apples", &SearchOptions::default())
        .expect_err("another folder");
    assert!(
        matches!(error, Error::Index(reread_index::Error::OtherFolder { .. })),
        "{error}"
    );
}

#[test]
#[cfg(unix)]
fn other_content_of_the_same_size_and_time_is_noticed() {
    let root = tempfile::tempdir().expect("a folder");
    let past = std::time::SystemTime::now() - std::time::Duration::from_secs(3_600);
    let put = |text: &str| {
        write(root.path(), "a.md", text);
        let file = fs::File::options()
            .write(true)
            .open(root.path().join("a.md"))
            .expect("a file");
        file.set_modified(past).expect("a time");
    };
    put("old wombat");
    let engine = engine(root.path());
    engine.update().expect("indexed");
    put("new ocelot");
    assert_eq!(engine.update().expect("indexed").n_changed, 1);
    let hits = engine
        .search("ocelot", &SearchOptions::default())
        .expect("ok")
        .hits;
    assert_eq!(hits[0].passage.text, "new ocelot");
}
