//! Many readers beside a writer, in threads and in processes of their own.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use reread_engine::{IndexOptions, Snapshot};
use reread_index::IndexWriter;
use serde_json::Value;

use crate::place::{Place, content, embedder, setting};

const N_FILES: usize = 8;

/// How often all files are replaced, at least, however slow the machine is.
const LEAST_ROUNDS: usize = 8;

/// Every file holds the same round: an index of two rounds is half a generation.
fn fill(place: &Place, round: usize) {
    for i in 0..N_FILES {
        let text = format!("# File {i}\n\nEverywhere stands round{round} and nothing else.\n");
        place.write(&format!("{i}.md"), text);
    }
}

fn rounds(texts: impl Iterator<Item = String>) -> HashSet<String> {
    let word = |text: String| {
        let at = text.find("round").expect("a round");
        text[at..].split(' ').next().unwrap_or_default().to_owned()
    };
    texts.map(word).collect()
}

fn is_whole(snapshot: &Snapshot) {
    let content = content(snapshot);
    assert_eq!(content.len(), N_FILES);
    let found = rounds(content.into_iter().map(|(_, text, _)| text));
    assert_eq!(
        found.len(),
        1,
        "{found:?} in generation {}",
        snapshot.generation()
    );
}

/// Asks the command, which opens the index again each time.
fn ask_command(place: &Place) {
    let args = [
        "search",
        "--no-refresh",
        "--no-rerank",
        "--mode",
        "lexical",
        "--json",
        "--fold",
        "never",
        "everywhere",
    ];
    let answer: Value = serde_json::from_str(&place.ok(&args)).unwrap();
    let hits = answer["hits"].as_array().unwrap();
    assert_eq!(hits.len(), N_FILES);
    let texts = hits
        .iter()
        .map(|hit| hit["text"].as_str().unwrap().to_owned());
    assert_eq!(rounds(texts).len(), 1, "{answer}");
}

/// Lets the readers end, also where the writer fails.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_reader_sees_half_a_generation_while_a_writer_goes_on() {
    let time = Duration::from_secs(setting("REREAD_TEST_STRESS_SECONDS", 6));
    let place = Place::empty();
    fill(&place, 0);
    place.engine().update().unwrap();
    let kept = place.snapshot();
    let before = content(&kept);

    let stop = AtomicBool::new(false);
    let (n_opened, n_asked, n_written) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    let again = || !stop.load(Ordering::Relaxed);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let engine = place.engine();
                while again() {
                    is_whole(&engine.reload().unwrap());
                    n_opened.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                while again() {
                    ask_command(&place);
                    n_asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let _stop = StopAtEnd(&stop);
        let started = Instant::now();
        let engine = place.engine();
        let mut round = 0;
        while started.elapsed() < time || round < LEAST_ROUNDS {
            round += 1;
            fill(&place, round);
            // The built command now and then, the library else.
            if round % 8 == 0 {
                place.ok(&["index", "--quiet"]);
            } else {
                engine.update().unwrap();
            }
            n_written.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert_eq!(content(&kept), before, "a reader keeps its snapshot");
    place.snapshot().verify().unwrap();
    let count = |n: &AtomicUsize| n.load(Ordering::Relaxed);
    let (n_opened, n_asked, n_written) = (count(&n_opened), count(&n_asked), count(&n_written));
    println!(
        "{n_written} generations; {n_opened} opened by threads, {n_asked} searches by processes"
    );
    assert!(n_written >= LEAST_ROUNDS && n_opened > 20 && n_asked > 5);
}

#[test]
fn a_second_writer_is_told_who_is_writing() {
    let place = Place::empty();
    fill(&place, 0);
    place.ok(&["index", "--quiet"]);
    fill(&place, 1);
    let writer = IndexWriter::open(
        &place.index(),
        Some(place.root()),
        embedder(),
        IndexOptions::default(),
    )
    .unwrap();
    let refused = place.run(&["index"]);
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr).unwrap();
    let pid = std::process::id();
    assert!(
        said.contains(&format!("process {pid}, which started ")),
        "{said}"
    );
    // A search goes on with what there is.
    let search = place.run(&["search", "--no-rerank", "everywhere"]);
    assert_eq!(search.status.code(), Some(0));
    let said = String::from_utf8(search.stderr).unwrap();
    assert!(said.contains(&pid.to_string()), "{said}");
    drop(writer);
    place.ok(&["index", "--quiet"]);
}

#[test]
fn writers_of_one_process_take_turns() {
    let place = Place::empty();
    fill(&place, 0);
    place.engine().update().unwrap();
    let n_done = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let engine = place.engine();
                for i in 0..5 {
                    let id = format!("{:?}-{i}", thread::current().id());
                    let text = "Everywhere stands round0 and nothing else.";
                    let document = reread_engine::Document::new(id, text);
                    loop {
                        match engine.add_documents(std::slice::from_ref(&document)) {
                            Ok(()) => break,
                            Err(reread_engine::Error::Index(
                                reread_engine::IndexError::Locked { .. },
                            )) => thread::sleep(Duration::from_millis(3)),
                            Err(error) => panic!("{error}"),
                        }
                    }
                    n_done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let snapshot = place.snapshot();
    snapshot.verify().unwrap();
    assert_eq!(
        snapshot.n_documents(),
        N_FILES + n_done.load(Ordering::Relaxed)
    );
}
