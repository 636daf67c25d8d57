//! `reread backup` and `reread restore` while an index is searched and updated.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

#[path = "common/place.rs"]
mod place;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use place::{Place, err, files, out, status};
use reread_engine::{Engine, Snapshot};

fn assert_sound(place: &Place, index: &Path) {
    let checked = place.run(&["doctor", "--index", index.to_str().unwrap()]);
    assert_eq!(status(&checked), 0, "{}{}", out(&checked), err(&checked));
}

#[test]
fn backups_made_while_another_process_indexes_are_all_sound() {
    let place = Place::indexed();
    let backups = tempfile::tempdir().unwrap();
    let engine = Engine::builder().root(place.docs.path()).build().unwrap();
    let done = AtomicBool::new(false);
    let mut generations = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..25 {
                place.write(
                    "bread.md",
                    format!("# Bread\n\nLoaf number {round} rises.\n"),
                );
                place.write(&format!("new-{round}.txt"), format!("Note {round}.\n"));
                let indexed = place.run(&["index"]);
                assert_eq!(status(&indexed), 0, "{}", err(&indexed));
            }
            done.store(true, Ordering::SeqCst);
        });
        let mut round = 0;
        while !done.load(Ordering::SeqCst) || round < 3 {
            let to = backups.path().join(format!("backup-{}", round % 2));
            let copied = engine.backup(&to).unwrap();
            let snapshot = Snapshot::open(&to).unwrap();
            assert_eq!(snapshot.generation(), copied.generation);
            // Each round of the other process adds one file to the three there were.
            assert_eq!(snapshot.n_documents() as u64, copied.generation + 2);
            assert_sound(&place, &to);
            generations.push(copied.generation);
            round += 1;
        }
    });
    assert!(generations.is_sorted(), "{generations:?}");
    generations.dedup();
    assert!(
        generations.len() > 3,
        "the index changed meanwhile: {generations:?}"
    );
}

#[test]
fn what_is_restored_answers_as_before_and_catches_up() {
    let place = Place::indexed();
    let backups = tempfile::tempdir().unwrap();
    let to = backups.path().join("backup");
    let to = to.to_str().unwrap();
    let ask = || {
        let answer = place.run(&["search", "--no-refresh", "why does dough rise"]);
        out(&answer).to_owned()
    };
    let before = ask();
    let (exit, report) = place.json(&["backup", "--json", to]);
    assert_eq!((exit, &report["generation"]), (0, &1.into()), "{report}");

    place.write("bread.md", "# Bread\n\nNothing of the kind.\n");
    assert_eq!(status(&place.run(&["index"])), 0);
    assert_ne!(ask(), before);
    let refused = place.run(&["restore", to]);
    assert_eq!(status(&refused), 2);
    assert!(err(&refused).contains("--force"), "{}", err(&refused));
    let (exit, report) = place.json(&["restore", "--force", "--json", to]);
    assert_eq!(
        (exit, report["generation"].as_u64() > Some(2)),
        (0, true),
        "{report}"
    );
    assert_eq!(ask(), before);
    assert_sound(&place, &place.index());

    let (_, summary) = place.json(&["index", "--json"]);
    assert_eq!(summary["files"]["changed"], 1, "{summary}");
    fs::remove_dir_all(place.index()).unwrap();
    let restored = place.run(&["restore", to]);
    assert_eq!(status(&restored), 0, "{}", err(&restored));
    assert!(err(&restored).contains("restored to"), "{}", err(&restored));
    assert_eq!(ask(), before);
}

#[test]
fn a_backup_serves_another_copy_of_the_folder() {
    let place = Place::indexed();
    let backups = tempfile::tempdir().unwrap();
    let to = backups.path().join("backup");
    assert_eq!(status(&place.run(&["backup", to.to_str().unwrap()])), 0);
    let other = Place::empty();
    for path in ["bread.md", "steel.txt", "notes/backup.html"] {
        other.write(
            path,
            fs::read_to_string(place.docs.path().join(path)).unwrap(),
        );
    }
    let index = backups.path().join("elsewhere");
    let index = index.to_str().unwrap();
    let restored = other.run(&["restore", to.to_str().unwrap(), "--index", index]);
    assert_eq!(status(&restored), 0, "{}", err(&restored));
    let (_, summary) = other.json(&["index", "--json", "--index", index]);
    assert_eq!(
        summary["passages"]["embedded"], 0,
        "nothing is embedded again: {summary}"
    );
    assert_eq!(summary["files"]["unchanged"], 3, "{summary}");
}

#[cfg(unix)]
#[test]
fn a_backup_needs_no_right_to_write_to_the_index() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::indexed();
    let backups = tempfile::tempdir().unwrap();
    let before = files(&place.index());
    let set = |mode| fs::set_permissions(place.index(), fs::Permissions::from_mode(mode)).unwrap();
    set(0o555);
    let to = backups.path().join("backup");
    let copied = place.run(&["backup", to.to_str().unwrap()]);
    set(0o755);
    assert_eq!(status(&copied), 0, "{}", err(&copied));
    assert_eq!(files(&place.index()), before);
}

#[test]
fn what_cannot_be_backed_up_or_restored_is_said() {
    let place = Place::empty();
    let none = place.run(&["backup", "backup"]);
    assert_eq!(status(&none), 2);
    assert!(
        err(&none).contains("there is no index in"),
        "{}",
        err(&none)
    );
    let none = place.run(&["restore", "backup"]);
    assert_eq!(status(&none), 2);
    assert!(
        err(&none).contains("there is no backup in"),
        "{}",
        err(&none)
    );
    assert!(!place.index().exists());
}
