//! A crash leaves the old index or the new one; damage is an error or a right answer.

#![allow(clippy::print_stdout, reason = "how much was tried is worth seeing")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use reread_engine::{Error, IndexOptions, Mode, RetrieveOptions, SearchOptions, SecondPass};
use reread_index::IndexWriter;
use support::{WordHash, engine};

/// Set for a child process that indexes this folder, again and again, until it is killed.
const CHILD: &str = "REREAD_TEST_CHILD_ROOT";

fn fill(root: &Path, n_files: usize, word: &str) {
    for i in 0..n_files {
        let text = format!(
            "# File {i}\n{word} number{i}\n\n{}",
            "filler words ".repeat(50)
        );
        fs::write(root.join(format!("{i}.md")), text).expect("a file");
    }
}

#[test]
fn child_that_indexes_until_it_is_killed() {
    let Some(root) = std::env::var_os(CHILD).map(PathBuf::from) else {
        return;
    };
    let engine = engine(&root);
    for round in 0.. {
        fill(&root, 12, &format!("round{round}"));
        engine.update().expect("indexed");
    }
}

#[test]
fn a_damaged_vector_is_not_taken_over() {
    for updates in [1, 8] {
        let root = tempfile::tempdir().expect("a folder");
        fill(root.path(), 3, "first");
        engine(root.path()).update().expect("indexed");
        let vectors = root.path().join(".reread/segment-1/vectors");
        let mut bytes = fs::read(&vectors).expect("vectors");
        // The sign of each value.
        for at in (64 + 3..bytes.len()).step_by(4) {
            bytes[at] ^= 0x80;
        }
        fs::write(&vectors, bytes).expect("damaged");
        let run = |update: usize| {
            let name = root.path().join(format!("update{update}.md"));
            if updates == 1 {
                // The same text again, whose vector is known.
                fs::copy(root.path().join("0.md"), name).expect("a file");
            } else {
                // New text, until the first segment is merged with the new ones.
                fs::write(name, format!("water number{update}")).expect("a file");
            }
            engine(root.path()).update()
        };
        let refused = (0..updates).find_map(|update| run(update).err());
        let refused = refused.expect("damage is seen");
        assert!(refused.to_string().contains("vectors"), "{refused}");
    }
}

#[test]
fn an_indexer_killed_at_any_moment_leaves_a_sound_index() {
    let root = tempfile::tempdir().expect("a folder");
    fill(root.path(), 12, "first");
    engine(root.path()).update().expect("indexed");
    for kill in 0..40u64 {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args([
                "--exact",
                "child_that_indexes_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD, root.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a child");
        // Spread over several commits, in steps that are no multiple of one.
        std::thread::sleep(Duration::from_millis(20 + kill * 17 % 240));
        child.kill().expect("killed");
        child.wait().expect("gone");
        let engine = engine(root.path());
        let snapshot = engine.snapshot().expect("the index opens");
        snapshot.verify().expect("every digest is right");
        assert_eq!(snapshot.n_documents(), 12);
        let result = engine
            .search("number7", &SearchOptions::default())
            .expect("an answer");
        assert_eq!(result.hits[0].passage.path, "7.md");
    }
    fill(root.path(), 12, "last");
    let engine = engine(root.path());
    engine.update().expect("the next run does the work");
    let hits = engine
        .search("last", &SearchOptions::default())
        .expect("an answer")
        .hits;
    assert!(hits[0].passage.text.contains("last"));
}

#[test]
fn a_run_killed_before_its_first_commit_is_begun_again() {
    let root = tempfile::tempdir().expect("a folder");
    fill(root.path(), 3, "word");
    let writer = IndexWriter::open(
        &root.path().join(".reread"),
        Some(root.path()),
        Arc::new(WordHash::new("word hash")),
        IndexOptions::default(),
    );
    drop(writer);
    fs::create_dir(root.path().join(".reread/segment-1")).expect("rubbish of a crash");
    fs::write(root.path().join(".reread/segment-1/passages"), "half").expect("rubbish");
    let engine = engine(root.path());
    assert!(matches!(
        engine.snapshot(),
        Err(Error::Index(reread_index::Error::NoIndex { .. }))
    ));
    engine.update().expect("indexed");
    assert_eq!(engine.status().expect("status").n_documents, 3);
}

#[test]
fn a_second_writer_is_refused_while_the_first_is_at_work() {
    let root = tempfile::tempdir().expect("a folder");
    fill(root.path(), 3, "word");
    let folder = root.path().join(".reread");
    let open = || {
        let embedder = Arc::new(WordHash::new("word hash"));
        IndexWriter::open(
            &folder,
            Some(root.path()),
            embedder,
            IndexOptions::default(),
        )
    };
    let first = open().expect("the first writer");
    assert!(matches!(open(), Err(reread_index::Error::Locked { .. })));
    drop(first);
    open().expect("the lock is free again");
}

#[test]
fn a_reader_keeps_its_generation_while_a_writer_goes_on() {
    let root = tempfile::tempdir().expect("a folder");
    fill(root.path(), 12, "old");
    let reader = engine(root.path());
    reader.update().expect("indexed");
    let snapshot = reader.snapshot().expect("open");
    fill(root.path(), 12, "new");
    engine(root.path())
        .update()
        .expect("indexed by another engine");
    let hits = reader
        .search("number3", &SearchOptions::default())
        .expect("an answer")
        .hits;
    assert!(hits[0].passage.text.contains("old"));
    assert_eq!(
        reader.snapshot().expect("open").generation(),
        snapshot.generation()
    );
    reader.reload().expect("the new one");
    let hits = reader
        .search("number3", &SearchOptions::default())
        .expect("an answer")
        .hits;
    assert!(hits[0].passage.text.contains("new"));
}

#[test]
fn damage_anywhere_is_an_error_or_a_right_answer() {
    let root = tempfile::tempdir().expect("a folder");
    fill(root.path(), 5, "word");
    engine(root.path()).update().expect("indexed");
    let folder = root.path().join(".reread");
    let (mut n_cut, mut n_flipped) = (0, 0);
    for path in files(&folder) {
        let sound = fs::read(&path).expect("a file");
        for len in [
            0,
            1,
            7,
            8,
            31,
            63,
            64,
            65,
            sound.len() / 2,
            sound.len().saturating_sub(1),
        ] {
            if len < sound.len() {
                n_cut += 1;
                fs::write(&path, &sound[..len]).expect("cut");
                try_everything(root.path(), &path, &format!("cut to {len}"));
            }
        }
        let stride = (sound.len() / 40).max(1);
        for at in (0..sound.len().min(64)).chain((64..sound.len()).step_by(stride)) {
            let mut flipped = sound.clone();
            n_flipped += 1;
            flipped[at] ^= 0x55;
            fs::write(&path, &flipped).expect("flipped");
            try_everything(root.path(), &path, &format!("byte {at} flipped"));
        }
        fs::write(&path, &sound).expect("mended");
    }
    let hits = engine(root.path())
        .search("number3", &SearchOptions::default())
        .expect("ok")
        .hits;
    assert_eq!(hits[0].passage.path, "3.md");
    println!("{n_cut} cuts and {n_flipped} flipped bytes survived");
}

/// Opens and searches; what it returns does not matter, as long as it returns, and names the
/// damaged file when it can tell.
fn try_everything(root: &Path, path: &Path, what: &str) {
    let engine = engine(root);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        if let Ok(snapshot) = engine.snapshot() {
            let _: Result<_, _> = snapshot.verify();
        }
        for mode in [Mode::Lexical, Mode::Dense, Mode::Hybrid] {
            let mut first_pass = RetrieveOptions::default();
            first_pass.mode = mode;
            let options = SearchOptions::default()
                .with_first_pass(first_pass)
                .with_second_pass(SecondPass::Off);
            let _: Result<_, _> = engine.search("word number3 -none \"filler words\"", &options);
        }
    }));
    assert!(caught.is_ok(), "{}: {what}: a panic", path.display());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else if !entry.file_name().to_string_lossy().ends_with("LOCK") {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}
