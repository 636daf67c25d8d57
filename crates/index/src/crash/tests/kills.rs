//! Ends an indexer at random moments, many of them while segments are merged and graphs are built.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{AFTER_US, answers, child, content, index, sound, succeeds, write};
use crate::Snapshot;

/// How often an indexer is ended, if a person does not say.
const N_KILLS: u64 = 30;

/// How often one folder is indexed in vain before it is left in peace.
const KILLS_A_FOLDER: u64 = 3;

/// How long a run may go on after a step, in microseconds.
const MAX_DELAY_US: usize = 5_000;

/// Documents in each file: enough for a graph to take a while.
const N_RECORDS: usize = 400;

fn fill(root: &Path, round: &str) {
    for i in 0..8 {
        let records: Vec<String> = (0..N_RECORDS)
            .map(|n| {
                format!(
                    "{{\"_id\":\"r{i}x{n}\",\"text\":\"record number {n} of the {round} {i}\"}}"
                )
            })
            .collect();
        write(root, &format!("{i}.jsonl"), &records.join("\n"));
    }
    write(
        root,
        "same.md",
        "# Same\nThis stays as it is, whatever happens.",
    );
}

/// A folder that was never indexed, or one that has changed since.
fn begin(update: bool) -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    if update {
        fill(root.path(), "first");
        index(root.path());
    }
    fill(root.path(), "last");
    root
}

fn setting(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(default, |value| value.parse().expect("a number"))
}

/// Lines of a file that another process is writing.
fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The step of a line, without how many of its name came before.
fn name(line: &str) -> &str {
    line.split(',').next().unwrap_or_default()
}

#[test]
fn an_indexer_that_ends_at_any_moment_leaves_a_sound_index_that_the_next_run_completes() {
    let n_kills = setting("REREAD_TEST_KILLS", N_KILLS);
    let mut random = setting("REREAD_TEST_SEED", 20_261_128) | 1;
    let mut below = move |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % bound as u64) as usize
    };
    let elsewhere = tempfile::tempdir().expect("a folder");
    let steps = elsewhere.path().join("steps");
    let undisturbed = begin(false);
    assert!(succeeds(child(undisturbed.path(), None, Some(&steps))));
    let all = lines(&steps);
    let is_early = |line: &&String| line.ends_with(", 0 before") || line.ends_with(", 1 before");
    let early: Vec<String> = all.iter().filter(is_early).cloned().collect();
    let wanted = Snapshot::open(&undisturbed.path().join(".reread")).expect("an index");
    assert!(wanted.status().n_graph_passages > 0, "no graph was built");

    let mut ended_after: BTreeMap<String, usize> = BTreeMap::new();
    let mut n_done = 0;
    for n_folders in 0.. {
        let update = n_folders % 2 == 1;
        let root = begin(update);
        let folder = root.path().join(".reread");
        for kill in 0..KILLS_A_FOLDER {
            // Some time after a step. A run that goes on from an earlier one has fewer.
            let choice = if kill == 0 { &all } else { &early };
            let at = &choice[below(choice.len())];
            let _ = fs::remove_file(&steps);
            let mut command = child(root.path(), Some(at), Some(&steps));
            command.env(AFTER_US, below(MAX_DELAY_US).to_string());
            let last = if succeeds(command) {
                "its end".to_owned()
            } else {
                lines(&steps)
                    .last()
                    .map_or("its start", |line| name(line))
                    .to_owned()
            };
            n_done += 1;
            if update || folder.join("MANIFEST").exists() {
                let snapshot = sound(&folder, &format!("kill {n_done}, after {last}"));
                assert!(
                    !update || answers(&snapshot)[0][0] == "same.md",
                    "kill {n_done}"
                );
            }
            *ended_after.entry(last).or_default() += 1;
        }
        index(root.path());
        let snapshot = sound(&folder, &format!("after kill {n_done}"));
        assert!(!snapshot.is_unfinished(), "after kill {n_done}");
        assert!(
            content(&snapshot) == content(&wanted),
            "other content after kill {n_done}"
        );
        assert!(
            snapshot.status().n_graph_passages > 0,
            "no graph after kill {n_done}"
        );
        if n_done >= n_kills {
            break;
        }
    }
    println!("{n_done} ends survived; the last that was done before: {ended_after:?}");
}
