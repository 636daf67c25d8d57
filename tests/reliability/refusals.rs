//! A full disk, closed folders and files, and files that change while they are read.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Output;

use crate::place::{BINARY, Place, answers, content};

/// A user without rights of its own.
const NOBODY: u32 = 65_534;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn many(place: &Place, round: &str) {
    for i in 0..8 {
        let text = format!("# {round} {i}\n\n{}", "Words of some length. ".repeat(200));
        place.write(&format!("{i}.md"), text);
    }
}

#[test]
fn a_full_disk_is_named_and_leaves_the_index_as_it_was() {
    let place = Place::empty();
    place.write("old.md", "# Old\n\nSalt makes sea water heavy.\n");
    place.ok(&["index", "--quiet"]);
    let before = content(&place.snapshot());
    many(&place, "more");
    let names = || names(&place.index());
    let names_before = names();
    // Blocks of 512 bytes. A file that grows beyond the limit is refused as on a full disk; the
    // signal that goes with it does not end the command.
    for n_blocks in [1, 8, 40, 100] {
        let limits = format!("ulimit -f {n_blocks}");
        let output = place.limited(&limits, &["index"]);
        let message = said(&output);
        assert_eq!(
            output.status.code(),
            Some(2),
            "{n_blocks} blocks: {message}"
        );
        assert!(
            message.contains(".reread") && message.contains("File too large"),
            "{message}"
        );
        assert_eq!(names(), names_before, "{n_blocks} blocks leave nothing");
        let snapshot = place.snapshot();
        snapshot.verify().unwrap();
        assert_eq!(content(&snapshot), before, "{n_blocks} blocks");
    }
    place.ok(&["index", "--quiet"]);
    assert!(content(&place.snapshot()).len() > before.len());
    let n_names = names().len();
    assert!(n_names <= 7, "{n_names} names: rubbish is left");
}

/// What is directly in a folder.
fn names(folder: &std::path::Path) -> BTreeSet<std::ffi::OsString> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

/// Runs the command as someone who owns nothing, where the tests run as root.
fn as_somebody(place: &Place, args: &[&str]) -> Output {
    let mut command = place.command(args);
    let is_root = fs::metadata("/proc/self").is_ok_and(|it| {
        use std::os::unix::fs::MetadataExt;
        it.uid() == 0
    });
    if is_root {
        // A copy that anybody may run, beside models that anybody may read.
        let bin = place.home.path().join("reread");
        if !bin.exists() {
            fs::copy(BINARY, &bin).unwrap();
        }
        let models = place.home.path().join("models");
        if !models.exists() {
            let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/models");
            copy_folder(&shipped, &models);
        }
        fs::set_permissions(place.home.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut other = std::process::Command::new(bin);
        other.args(command.get_args());
        place.settle(&mut other);
        other.env("REREAD_MODELS", models).uid(NOBODY).gid(NOBODY);
        command = other;
    }
    command.output().unwrap()
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_closed_index_is_searched_as_it_is_and_a_closed_file_is_reported() {
    let place = Place::empty();
    place.write("sea.md", "# Sea\n\nSalt makes sea water heavy.\n");
    place.write("lake.md", "# Lake\n\nA lake holds fresh water.\n");
    place.ok(&["index", "--quiet"]);
    let before = answers(&place.engine(), &["salt"]);
    let close = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    close(place.root(), 0o755);
    place.write("new.md", "# New\n\nNot yet indexed.\n");
    close(&place.index(), 0o555);
    close(&place.index().join("LOCK"), 0o444);

    let index = as_somebody(&place, &["index"]);
    assert_eq!(index.status.code(), Some(2), "{}", said(&index));
    let message = said(&index);
    assert!(
        message.contains("LOCK") && message.contains("ermission denied"),
        "{message}"
    );
    let search = as_somebody(&place, &["search", "--no-rerank", "salt"]);
    assert_eq!(search.status.code(), Some(0), "{}", said(&search));
    assert!(
        said(&search).contains("searching the index as it is"),
        "{}",
        said(&search)
    );
    assert_eq!(answers(&place.engine(), &["salt"]), before);

    // A file that may not be read keeps what is indexed of it, and is named.
    close(&place.root().join("sea.md"), 0o000);
    let elsewhere = place.home.path().join("index");
    fs::create_dir(&elsewhere).unwrap();
    close(&elsewhere, 0o777);
    let index = as_somebody(&place, &["index", "--index", elsewhere.to_str().unwrap()]);
    assert_eq!(index.status.code(), Some(0), "{}", said(&index));
    let message = said(&index);
    assert!(
        message.contains("sea.md: ") && message.contains("1 problem"),
        "{message}"
    );
    close(&place.root().join("sea.md"), 0o644);
    close(&place.index(), 0o755);
    close(&place.index().join("LOCK"), 0o644);
    place.ok(&["index", "--quiet"]);
    assert_eq!(content(&place.snapshot()).len(), 3);
}

#[test]
fn a_backup_that_cannot_be_read_is_told_from_an_index_that_cannot_be_written() {
    let place = Place::empty();
    let close = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    close(place.root(), 0o755);
    place.write("sea.md", "# Sea\n\nSalt makes sea water heavy.\n");
    place.ok(&["index", "--quiet"]);
    let backup = place.home.path().join("backup");
    place.ok(&["backup", "--quiet", backup.to_str().unwrap()]);
    let restored = || {
        let output = as_somebody(&place, &["restore", "--force", backup.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        said(&output)
    };
    let message = restored();
    assert!(message.contains(".reread/LOCK"), "{message}");
    close(&backup, 0o000);
    let message = restored();
    close(&backup, 0o755);
    assert!(
        message
            .contains("MANIFEST of the backup, so the index is unchanged; make the file readable"),
        "{message}"
    );
}

#[test]
fn files_that_change_and_vanish_while_they_are_read_end_up_as_they_are() {
    let place = Place::empty();
    many(&place, "first");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                round += 1;
                let file = place.root().join(format!("{}.md", round % 8));
                match round % 3 {
                    0 => drop(fs::remove_file(file)),
                    1 => drop(fs::write(file, format!("# Round {round}\n\nshort"))),
                    _ => drop(fs::write(file, format!("long {round} ").repeat(400))),
                }
            }
        });
        let engine = place.engine();
        for _ in 0..30 {
            engine.update().unwrap();
            engine.snapshot().unwrap().verify().unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    place.engine().update().unwrap();
    let fresh = Place::empty();
    for entry in fs::read_dir(place.root()).unwrap().flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), fresh.root().join(entry.file_name())).unwrap();
        }
    }
    fresh.engine().update().unwrap();
    assert_eq!(content(&place.snapshot()), content(&fresh.snapshot()));
}
