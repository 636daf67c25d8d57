//! A writer that an application keeps, and the metadata of the documents that it puts.

#[allow(dead_code)] // Each test uses a part of it.
mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reread_document::{Date, Metadata};
use reread_engine::{
    BoxError, Document, Embedder, Engine, Error, ModelIdentity, SearchOptions, SecondPass,
};
use support::WordHash;

/// Fails when it is told to.
struct Failing {
    words: WordHash,
    fails: AtomicBool,
}

impl Embedder for Failing {
    fn model(&self) -> &ModelIdentity {
        self.words.model()
    }

    fn dim(&self) -> usize {
        self.words.dim()
    }

    fn embed_query(&self, query: &str) -> Result<Vec<f32>, BoxError> {
        self.words.embed_query(query)
    }

    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
        if self.fails.load(Ordering::Relaxed) {
            return Err("out of order".into());
        }
        self.words.embed_passages(passages)
    }
}

fn engine_with(folder: &Path, embedder: Arc<dyn Embedder>) -> Engine {
    let builder = Engine::builder().index_folder(folder).embedder(embedder);
    builder.build().expect("an engine")
}

fn engine(folder: &Path) -> Engine {
    engine_with(folder, Arc::new(WordHash::new("words")))
}

fn document(id: &str, text: &str) -> Document {
    Document::new(id, text)
}

/// The ids of the documents that a search finds, best first.
fn found(engine: &Engine, question: &str) -> Vec<String> {
    let options = SearchOptions::default().with_second_pass(SecondPass::Off);
    let result = engine.search(question, &options).expect("an answer");
    let hits = result.hits.into_iter();
    hits.map(|hit| hit.passage.doc_id).collect()
}

fn n_documents(folder: &Path) -> usize {
    engine(folder).status().expect("a status").n_documents
}

#[test]
fn what_is_committed_is_seen_by_the_next_search_and_nothing_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let mut writer = engine.writer().expect("a writer");
    writer
        .put(&document("fruit", "apples are red"))
        .expect("put");
    assert!(engine.snapshot().is_err(), "there is no index yet");
    writer.commit().expect("committed");
    assert_eq!(found(&engine, "apples"), ["fruit"]);

    writer
        .put(&document("tree", "pears are green"))
        .expect("put");
    writer
        .put(&document("fruit", "plums are blue"))
        .expect("put");
    assert_eq!(found(&engine, "apples"), ["fruit"]);
    writer.commit().expect("committed");
    assert_eq!(found(&engine, "plums are blue")[0], "fruit");
    assert_eq!(found(&engine, "pears are green")[0], "tree");

    assert!(writer.remove("fruit").expect("removed"));
    assert!(!writer.remove("nobody").expect("nothing to remove"));
    writer.commit().expect("committed");
    assert_eq!(found(&engine, "plums are blue"), ["tree"]);
}

#[test]
fn what_is_not_committed_is_gone_with_the_writer() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let mut writer = engine.writer().expect("a writer");
    writer.put(&document("one", "apples")).expect("put");
    writer.commit().expect("committed");
    writer.put(&document("two", "pears")).expect("put");
    writer.remove("one").expect("removed");
    drop(writer);
    assert_eq!(found(&engine, "apples"), ["one"]);
    assert_eq!(n_documents(folder.path()), 1);
    assert!(!engine.diagnose().expect("a diagnosis").has_leftovers());
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let mut writer = engine.writer().expect("a writer");
    writer.commit().expect("committed");
    let refused = engine.add_documents(&[document("one", "apples")]);
    let locked = matches!(
        refused,
        Err(Error::Index(reread_index::Error::Locked { .. }))
    );
    assert!(locked, "{refused:?}");
    drop(writer);
    engine
        .add_documents(&[document("one", "apples")])
        .expect("added");
}

#[test]
fn a_hundred_commits_in_a_row_leave_few_segments_and_a_sound_index() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let mut writer = engine.writer().expect("a writer");
    for i in 0..100 {
        let text = format!("number {i} of many words");
        writer.put(&document(&format!("d{i}"), &text)).expect("put");
        if i % 10 == 9 {
            assert!(writer.remove(&format!("d{}", i - 5)).expect("removed"));
        }
        writer.commit().expect("committed");
        let status = engine.status().expect("a status");
        assert_eq!(status.generation, i + 1);
        assert!(status.n_segments < 12, "{status:?}");
        assert!(!status.unfinished);
    }
    assert_eq!(engine.status().expect("a status").n_documents, 90);
    let diagnosis = engine.diagnose().expect("a diagnosis");
    let verdict = diagnosis.verdict();
    assert_eq!(
        verdict,
        reread_engine::doctor::Verdict::Sound,
        "{diagnosis:?}"
    );
    assert!(!diagnosis.has_leftovers(), "{diagnosis:?}");
}

#[test]
fn a_writer_that_fails_begins_again_from_the_last_commit() {
    let folder = tempfile::tempdir().expect("a folder");
    let embedder = Arc::new(Failing {
        words: WordHash::new("words"),
        fails: AtomicBool::new(false),
    });
    let engine = engine_with(folder.path(), embedder.clone());
    let mut writer = engine.writer().expect("a writer");
    writer.put(&document("one", "apples")).expect("put");
    writer.commit().expect("committed");

    writer.put(&document("two", "pears")).expect("put");
    embedder.fails.store(true, Ordering::Relaxed);
    writer.commit().expect_err("the model fails");
    embedder.fails.store(false, Ordering::Relaxed);
    writer.put(&document("three", "plums")).expect("put");
    writer.commit().expect("committed");
    assert_eq!(found(&engine, "apples pears plums").len(), 2);
    let verdict = engine.diagnose().expect("a diagnosis").verdict();
    assert_eq!(verdict, reread_engine::doctor::Verdict::Sound);
}

#[test]
fn passages_have_the_metadata_of_their_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let day = Date::new(2024, 3, 1).expect("a day");
    let mut described = document("one", "apples are red");
    described.metadata = [
        ("author".to_owned(), "Anne".into()),
        ("day".to_owned(), day.into()),
        ("tags".to_owned(), vec!["red", "sweet"].into()),
        ("year".to_owned(), 2024.into()),
    ]
    .into();
    let plain = document("two", "pears are green");
    engine
        .add_documents(&[described.clone(), plain])
        .expect("added");
    let options = SearchOptions::default().with_second_pass(SecondPass::Off);
    let result = engine
        .search("apples are red", &options)
        .expect("an answer");
    for hit in result.hits {
        let expected = match hit.passage.doc_id.as_str() {
            "one" => described.metadata.clone(),
            _ => Metadata::new(),
        };
        assert_eq!(hit.passage.metadata, expected);
    }
    // Also after a merge and in a new process.
    engine
        .add_documents(&[document("three", "plums")])
        .expect("added");
    let snapshot = reread_engine::Snapshot::open(folder.path()).expect("opens");
    let one = snapshot
        .documents()
        .find(|names| names.id == "one")
        .expect("there");
    let passages = snapshot.passages_of(one.key).expect("read");
    assert_eq!(passages[0].metadata, described.metadata);
}
