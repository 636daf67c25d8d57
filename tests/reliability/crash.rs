//! Kills `reread index` at random moments.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::place::{Place, Random, answers, content, setting};

/// What is asked of each index.
const QUESTIONS: [&str; 3] = ["number 7 of the round", "salt in the sea", "\"record 3\""];

/// How often one folder is indexed in vain before it is left in peace.
const KILLS_A_FOLDER: u64 = 3;

fn fill(place: &Place, round: &str, n_files: u64) {
    for i in 0..n_files {
        let text = format!("# File {i}\n\nThis is number {i} of the {round} round.\n");
        place.write(&format!("{i}.md"), text);
    }
    let records: Vec<String> = (0..40)
        .map(|i| format!("{{\"_id\": \"{i}\", \"text\": \"Salt of the sea, record {i}.\"}}"))
        .collect();
    place.write("records.jsonl", records.join("\n"));
}

/// A folder that was never indexed, or one that has changed since.
fn begin(update: bool) -> Place {
    let place = Place::empty();
    if update {
        fill(&place, "first", 20);
        place.write("gone.md", "# Gone\n\nThis file goes away.\n");
        place.engine().update().unwrap();
        fs::remove_file(place.root().join("gone.md")).unwrap();
    }
    fill(&place, "last", 24);
    place
}

#[test]
fn an_indexer_killed_at_random_moments_leaves_an_index_that_the_next_run_completes() {
    let n_kills = setting("REREAD_TEST_KILLS", 24);
    let seed = setting("REREAD_TEST_SEED", 20_261_125);
    let mut random = Random(seed);
    let arguments = ["index", "--commit-every", "0s", "--quiet"];

    let mut undisturbed = Place::empty();
    let mut whole = Duration::MAX;
    // The shorter of two, as another program may have kept the first one waiting.
    for _ in 0..2 {
        undisturbed = begin(false);
        let started = Instant::now();
        undisturbed.ok(&arguments);
        whole = whole.min(started.elapsed());
    }
    let wanted = content(&undisturbed.snapshot());
    let wanted_answers = answers(&undisturbed.engine(), &QUESTIONS);

    let (mut n_done, mut n_early, mut n_late, mut n_folders) = (0, 0, 0, 0);
    while n_done < n_kills {
        let update = n_folders % 2 == 1;
        n_folders += 1;
        let place = begin(update);
        for _ in 0..KILLS_A_FOLDER {
            let what = format!("seed {seed}, kill {n_done}");
            let delay = Duration::from_micros(random.below(whole.as_micros() as u64));
            let mut child = place
                .command(&arguments)
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let started = Instant::now();
            while started.elapsed() < delay && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_micros(500));
            }
            child.kill().unwrap();
            n_late += u64::from(child.wait().unwrap().success());
            n_done += 1;
            n_early += u64::from(!look_at(&place, update, &what));
        }
        place.engine().update().unwrap();
        let snapshot = place.snapshot();
        snapshot.verify().unwrap();
        assert!(!snapshot.is_unfinished(), "seed {seed}");
        assert_eq!(
            content(&snapshot),
            wanted,
            "seed {seed}, folder {n_folders}"
        );
        // Deleted passages count in BM25 until they are merged away, so only a first run's scores
        // are those of an undisturbed one.
        if !update {
            assert_eq!(
                answers(&place.engine(), &QUESTIONS),
                wanted_answers,
                "seed {seed}"
            );
        }
    }
    println!(
        "{n_done} kills in {n_folders} folders survived, seed {seed}: {n_early} before the first commit, \
         {n_late} after the end"
    );
}

/// Checks what a kill has left. Returns whether there is an index.
fn look_at(place: &Place, had_index: bool, what: &str) -> bool {
    if !had_index && !place.index().join("MANIFEST").exists() {
        return false;
    }
    let snapshot = place.snapshot();
    snapshot
        .verify()
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = answers(&place.engine(), &QUESTIONS);
    assert!(!found.is_empty(), "{what}");
    true
}

#[test]
fn what_a_kill_leaves_says_so_until_the_next_run() {
    let place = begin(false);
    place.ok(&["index", "--quiet"]);
    let whole = place.ok(&["status", "--verify"]);
    assert!(!whole.contains("unfinished"), "{whole}");
    // As a kill between two commits leaves it.
    fs::write(place.index().join("UNFINISHED"), "").unwrap();
    let status = place.ok(&["status", "--verify"]);
    assert!(
        status.contains("unfinished") && status.contains("`reread index`"),
        "{status}"
    );
    let json = place.ok(&["status", "--json"]);
    assert!(json.contains("\"unfinished\":true"), "{json}");
    let search = place.run(&["search", "--no-refresh", "--no-rerank", "salt"]);
    let said = String::from_utf8(search.stderr).unwrap();
    assert!(said.contains("not indexed yet"), "{said}");
    let next = place.run(&["index"]);
    let said = String::from_utf8(next.stderr).unwrap();
    assert!(
        said.contains("finished a run that had been stopped"),
        "{said}"
    );
    assert!(!place.ok(&["status"]).contains("unfinished"));
}

#[test]
fn a_short_run_is_one_commit_and_a_long_one_several() {
    let place = begin(false);
    place.ok(&["index", "--quiet"]);
    assert_eq!(place.snapshot().generation(), 1);
    let other = begin(false);
    other.ok(&["index", "--quiet", "--commit-every", "0s"]);
    let snapshot = other.snapshot();
    assert!(snapshot.generation() > 10, "{}", snapshot.generation());
    // The commits on the way are merged at the end.
    assert_eq!(snapshot.status().n_segments, 1);
    assert_eq!(content(&snapshot), content(&place.snapshot()));
}
