//! `docs/format.md` read by a second reader: `format/read_index.py` knows an index from that page alone,
//! and has to list what the engine lists.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[allow(dead_code)] // Each test uses a part of it.
#[path = "common/place.rs"]
mod place;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use place::{Place, err, files, status};
use reread_document::{Date, Value as Fact};
use reread_engine::{Document, DocumentKind, Engine, HnswOptions, IndexOptions, Passage, Snapshot};
use serde_json::{Value, json};

/// What runs Python 3 here, or says that nothing does.
fn python() -> Option<&'static str> {
    let works = |name: &&str| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|output| output.stdout.starts_with(b"Python 3"))
    };
    let found = ["python3", "python"].into_iter().find(works);
    if found.is_none() {
        // Past the test harness, which hides what passing tests print.
        let message = b"\nSKIPPED (second reader of the format): there is no Python 3\n";
        std::io::stderr().write_all(message).unwrap();
    }
    found
}

fn read_index(python: &str, index: &Path) -> Output {
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/format/read_index.py");
    let mut command = Command::new(python);
    command.arg("-B").arg(reader).arg(index).output().unwrap()
}

/// What the engine says of an index, in the form of the reader.
fn listed(index: &Path) -> Value {
    let snapshot = Snapshot::open(index).unwrap();
    let status = snapshot.status();
    let mut passages = Vec::new();
    for document in snapshot.documents() {
        for passage in snapshot.passages_of(document.key).unwrap() {
            let vector = snapshot.vector(passage.key).unwrap();
            assert_eq!(
                (&passage.doc_id, &passage.path),
                (&document.id, &document.path)
            );
            passages.push(listed_passage(&passage, vector));
        }
    }
    json!({
        "generation": status.generation,
        "model": [status.model.name, status.model.revision, status.model.digest],
        "dim": status.dim,
        "max_tokens": status.max_tokens,
        "overlap_tokens": status.overlap_tokens,
        "n_segments": status.n_segments,
        "n_deleted": status.n_deleted,
        "n_sources": status.n_sources,
        "n_documents": status.n_documents,
        "passages": passages,
    })
}

fn listed_passage(passage: &Passage, vector: &[f32]) -> Value {
    let digest = blake3::hash(passage.contextual_text().as_bytes());
    let bytes = vector.iter().flat_map(|value| value.to_le_bytes());
    let kind = match passage.kind {
        DocumentKind::Text => "text",
        DocumentKind::Markdown => "markdown",
        DocumentKind::Html => "html",
        DocumentKind::Pdf => "pdf",
        DocumentKind::Code => "code",
        DocumentKind::JsonLines => "json_lines",
        other => panic!("{other:?} is not in the description"),
    };
    json!({
        "path": passage.path,
        "document": passage.doc_id,
        "title": passage.title,
        "kind": kind,
        "headings": passage.heading_path,
        "bytes": [passage.bytes.start, passage.bytes.end],
        "lines": [passage.lines().start(), passage.lines().end()],
        "page": passage.page(),
        "metadata": passage.metadata,
        "text": passage.text,
        "text_digest": hex(digest.as_bytes()[..16].iter().copied()),
        "vector": hex(bytes),
    })
}

fn hex(bytes: impl Iterator<Item = u8>) -> String {
    bytes.fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A document of an application, with pages and without a heading.
fn paged() -> Document {
    let text = "The first page speaks of rivers.\n\nThe second page speaks of lakes.\n";
    Document::new("waters", text)
        .with_kind(DocumentKind::Pdf)
        .with_pages(vec![0, 34])
        .with_metadata("author", "Ångström")
        .with_metadata("depth", 4.25)
        .with_metadata("read", Date::new(2024, 2, 29).unwrap())
        .with_metadata("tags", vec!["river", "lake"])
        .with_metadata("year", 2024)
        .with_metadata("none", Fact::List(Vec::new()))
}

/// An index with several kinds of documents, an empty one, deleted passages and several segments.
fn varied() -> Place {
    let place = Place::empty();
    let mut long = String::from("# Notes\n\n## Größe\n\n");
    long.push_str(&"Über die Größe ‖ von Dingen aller Art und Zahl. ".repeat(12));
    long.push('\n');
    for i in 0..60 {
        let _ = write!(
            long,
            "\n## Part {i}\n\nPart {i} says what part {i} is about, at length.\n"
        );
    }
    place.write("notes/long.md", &long);
    place.write(
        "steel.txt",
        "Carbon makes iron hard. Steel is an alloy of both.\n",
    );
    place.write("empty.txt", "");
    place.write("nothing.bin", "\0\0\0\0");
    place.write(
        "page.html",
        "<h1>Backup</h1><p>To restore a backup, stop the server first.</p>",
    );
    place.write(
        "records.jsonl",
        "{\"_id\": \"a\", \"title\": \"A\", \"text\": \"The first record.\"}\n\
         {\"_id\": \"b\", \"text\": \"The second record.\"}\n",
    );
    let indexed = place.run(&["index", "--passage-tokens", "64"]);
    assert_eq!(status(&indexed), 0, "{}", err(&indexed));
    place.write("steel.txt", "Carbon makes iron hard, again.\n");
    assert_eq!(status(&place.run(&["index"])), 0);
    let engine = Engine::builder().root(place.docs.path()).build().unwrap();
    engine.add_documents(&[paged()]).unwrap();
    place
}

/// Compares what the reader lists with what the engine lists.
fn compare(python: &str, index: &Path) -> Value {
    let output = read_index(python, index);
    assert_eq!(status(&output), 0, "{}", err(&output));
    let mut read: Value = serde_json::from_slice(&output.stdout).unwrap();
    let expected = listed(index);
    // Keys are no part of what the engine says of a passage; their order is that of its list.
    for passage in read["passages"].as_array_mut().unwrap() {
        assert!(passage.as_object_mut().unwrap().remove("key").is_some());
    }
    let pairs = read["passages"].as_array().unwrap().iter();
    for (passage, wanted) in pairs.zip(expected["passages"].as_array().unwrap()) {
        assert_eq!(passage, wanted);
    }
    assert_eq!(read, expected);
    read
}

#[test]
fn a_reader_written_from_the_description_lists_what_the_engine_lists() {
    let Some(python) = python() else { return };
    let place = varied();
    let read = compare(python, &place.index());
    let passages = read["passages"].as_array().unwrap();
    assert!(passages.len() > 20, "{}", passages.len());
    assert!(
        read["n_deleted"].as_u64() > Some(0) && read["n_segments"].as_u64() > Some(1),
        "{read}"
    );
    assert!(
        passages
            .iter()
            .any(|passage| passage["page"] == 2 || passage["page"] == 1)
    );
    assert!(passages.iter().any(|passage| {
        passage["headings"]
            .as_array()
            .unwrap()
            .contains(&"Größe".into())
    }));

    let backup = tempfile::tempdir().unwrap();
    let to = backup.path().join("backup");
    let engine = Engine::builder().root(place.docs.path()).build().unwrap();
    engine.backup(&to).unwrap();
    assert_eq!(compare(python, &to), read);
}

#[test]
fn the_reader_reads_an_index_with_a_graph() {
    let Some(python) = python() else { return };
    let place = Place::empty();
    place.write(
        "steel.txt",
        "Carbon makes iron hard. Steel is an alloy of both.\n",
    );
    for number in 0..60 {
        let text = format!("Yeast makes dough number {} rise.\n", number / 2);
        place.write(&format!("{number:02}.txt"), &text);
    }
    let hnsw = HnswOptions::default().with_from_passages(1);
    let engine = Engine::builder()
        .root(place.docs.path())
        .index_options(IndexOptions::default().with_hnsw(hnsw))
        .build()
        .unwrap();
    engine.update().unwrap();
    assert!(engine.status().unwrap().n_graph_passages > 0);
    compare(python, &place.index());
}

#[test]
fn the_reader_reads_what_earlier_versions_have_written() {
    let Some(python) = python() else { return };
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let without = compare(python, &fixtures.join("index-v2"));
    assert_eq!(without["passages"][0]["metadata"], json!({}));
    let metadata = json!({
        "author": "Anne",
        "day": "2024-03-01",
        "tags": ["iron", "carbon"],
        "year": 2024,
    });
    for version in ["index-v3", "index-v4"] {
        let with = compare(python, &fixtures.join(version));
        assert_eq!(with["passages"][1]["metadata"], metadata);
    }
}

#[test]
fn the_reader_refuses_every_damaged_file() {
    let Some(python) = python() else { return };
    let place = Place::indexed();
    let mut damaged: Vec<PathBuf> = files(&place.index());
    damaged.retain(|path| !path.ends_with(".gitignore"));
    assert!(damaged.len() >= 10);
    for path in damaged {
        let sound = fs::read(&path).unwrap();
        let mut flipped = sound.clone();
        flipped[sound.len() / 2] ^= 0x10;
        fs::remove_file(&path).unwrap();
        fs::write(&path, flipped).unwrap();
        let output = read_index(python, &place.index());
        assert_ne!(status(&output), 0, "{}", path.display());
        fs::write(&path, sound).unwrap();
    }
    assert_eq!(status(&read_index(python, &place.index())), 0);
}
