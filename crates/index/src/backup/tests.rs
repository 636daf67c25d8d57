//! Where backups may go, what a crash leaves, and what restoring keeps.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::doctor::tests::{document, embedder, index};
use crate::doctor::{Verdict, diagnose};
use crate::index_folder::{ASIDE, ASIDE_MARKER, BACKUP, IGNORE, LOCK, is_aside, names};
use crate::{Error, IndexOptions, IndexWriter, Snapshot};

fn add(folder: &Path, i: usize) {
    let writer = IndexWriter::open(folder, None, embedder(), IndexOptions::default());
    let mut writer = writer.expect("a writer");
    writer.put_document(&document(i)).expect("put");
    writer.commit().expect("committed");
}

fn ids(folder: &Path) -> Vec<String> {
    let snapshot = Snapshot::open(folder).expect("opens");
    snapshot.sources().map(|source| source.path).collect()
}

fn assert_sound(folder: &Path) {
    let diagnosis = diagnose(folder).expect("a diagnosis");
    assert_eq!(diagnosis.verdict(), Verdict::Sound, "{diagnosis:?}");
    assert!(!diagnosis.has_leftovers(), "{diagnosis:?}");
}

/// Every file below a folder by its name in it, but locks.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for name in names(folder).expect("read") {
        let path = folder.join(&name);
        if path.is_dir() {
            let inside = files(&path).into_iter();
            found.extend(inside.map(|(file, bytes)| (format!("{name}/{file}"), bytes)));
        } else if !name.to_lowercase().ends_with("lock") {
            found.insert(name, fs::read(path).expect("read"));
        }
    }
    found
}

/// An index of three documents, and a folder for backups.
fn places() -> (TempDir, TempDir) {
    (index(3, usize::MAX), tempfile::tempdir().expect("a folder"))
}

#[test]
fn a_backup_is_the_index_and_restoring_it_into_nothing_gives_the_index_again() {
    let (index, place) = places();
    let to = place.path().join("deep/down/backup");
    let copied = backup(index.path(), &to).expect("backed up");
    assert_sound(&to);
    let mut copy = files(&to);
    assert!(copy.remove(BACKUP).is_some());
    assert_eq!(copy, files(index.path()));
    assert_eq!(
        copied.n_files + 2,
        copy.len(),
        "all but MANIFEST and .gitignore are counted"
    );

    let again = place.path().join("again");
    restore(&to, &again, None, Overwrite::Refuse).expect("restored");
    assert_eq!(files(&again), files(index.path()));
    assert_sound(&again);
    add(&again, 7);
    assert_eq!(ids(&again).len(), 4, "the writer goes on from it");
}

#[test]
fn an_earlier_backup_is_replaced_and_other_folders_are_left_alone() {
    let (index, place) = places();
    let to = place.path().join("backup");
    fs::create_dir(&to).expect("an empty folder");
    backup(index.path(), &to).expect("backed up");
    add(index.path(), 9);
    backup(index.path(), &to).expect("replaced");
    assert_eq!(ids(&to).len(), 4);
    assert_eq!(names(place.path()).expect("read"), ["backup"]);

    let other = place.path().join("other");
    fs::create_dir(&other).expect("a folder");
    for name in ["letter.txt", BACKUP] {
        fs::write(other.join(name), "dear").expect("a file");
        let refused = backup(index.path(), &other);
        assert!(
            matches!(refused, Err(Error::NotABackup { .. })),
            "{refused:?}"
        );
    }
    fs::write(to.join("letter.txt"), "dear").expect("a file in a backup");
    let inside = index.path().join("backup");
    let live = self::index(1, usize::MAX);
    for path in [&to, &inside, live.path(), index.path()] {
        let refused = backup(index.path(), path);
        assert!(
            matches!(refused, Err(Error::NotABackup { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(fs::read(to.join("letter.txt")).expect("there"), b"dear");
    assert_eq!(ids(live.path()).len(), 1);
}

#[test]
fn a_crash_between_the_two_renames_loses_no_backup() {
    let (index, place) = places();
    let to = place.path().join("backup");
    let old = place.path().join("backup.old");
    let put_aside = || {
        fs::write(to.join(ASIDE), ASIDE_MARKER).expect("as a crash leaves it");
        fs::rename(&to, &old).expect("as a crash leaves it");
    };
    backup(index.path(), &to).expect("backed up");
    put_aside();
    let restored = place.path().join("restored");
    restore(&to, &restored, None, Overwrite::Refuse).expect("found under its second name");
    assert_sound(&restored);

    put_aside();
    fs::create_dir(place.path().join("backup.new")).expect("as a crash leaves it");
    fs::write(place.path().join("backup.new").join(ASIDE), "").expect("as a crash leaves it");
    add(index.path(), 9);
    backup(index.path(), &to).expect("backed up");
    assert_eq!(ids(&to).len(), 4);
    assert_eq!(
        names(place.path()).expect("read").len(),
        2,
        "nothing is left over"
    );
    assert!(!to.join(ASIDE).exists(), "it has its own name");
}

#[test]
fn what_a_backup_has_not_left_beside_it_is_named_and_left_alone() {
    let (index, place) = places();
    let to = place.path().join("backup");
    let own = place.path().join("own");
    backup(index.path(), &to).expect("backed up");
    backup(index.path(), &own).expect("backed up");
    for beside in ["backup.new", "backup.old"].map(|name| place.path().join(name)) {
        let refused = || {
            let refused = backup(index.path(), &to);
            let named = matches!(&refused, Err(Error::InTheWay { path, .. }) if *path == beside);
            assert!(named, "{refused:?}");
        };
        fs::write(&beside, "dear").expect("a file");
        refused();
        assert_eq!(fs::read(&beside).expect("there"), b"dear");
        fs::remove_file(&beside).expect("removed");

        fs::create_dir(&beside).expect("an empty folder");
        refused();
        fs::write(beside.join(LOCK), "dear").expect("a file");
        refused();
        fs::remove_dir_all(&beside).expect("removed");

        // A backup of the user's own.
        fs::rename(&own, &beside).expect("renamed");
        refused();
        assert_sound(&beside);
        fs::rename(&to, place.path().join("moved")).expect("renamed");
        let missing = restore(&to, index.path(), None, Overwrite::Allow);
        assert!(
            matches!(missing, Err(Error::NoBackup { .. })),
            "{missing:?}"
        );
        assert_sound(&beside);
        fs::rename(place.path().join("moved"), &to).expect("renamed");
        restore(&to, index.path(), None, Overwrite::Allow).expect("nothing is in its way");
        fs::rename(&beside, &own).expect("renamed");
        #[cfg(unix)]
        {
            fs::write(own.join(ASIDE), "").expect("marked");
            std::os::unix::fs::symlink(&own, &beside).expect("a link");
            refused();
            fs::remove_file(&beside).expect("removed");
            fs::remove_file(own.join(ASIDE)).expect("removed");
        }
    }
    backup(index.path(), &to).expect("the way is free");
}

#[test]
fn one_backup_at_a_time_goes_to_a_place() {
    let (index, place) = places();
    let to = place.path().join("backup");
    let target = Target::settle(index.path(), &to).expect("free");
    let _lock = target.stage(index.path()).expect("staged");
    let refused = backup(index.path(), &to);
    assert!(matches!(refused, Err(Error::Locked { .. })), "{refused:?}");
}

#[test]
fn a_backup_that_is_being_put_in_place_is_not_taken_for_a_crash() {
    let (index, place) = places();
    let to = place.path().join("backup");
    backup(index.path(), &to).expect("backed up");
    let target = Target::settle(index.path(), &to).expect("free");
    let lock = target.stage(index.path()).expect("staged");
    fs::write(to.join(ASIDE), "").expect("marked");
    fs::rename(&to, &target.old).expect("renamed");
    let restored = restore(&to, index.path(), None, Overwrite::Allow);
    assert!(
        matches!(restored, Err(Error::Locked { .. })),
        "{restored:?}"
    );
    let second = backup(index.path(), &to);
    assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
    assert!(is_aside(&target.old) && target.new.exists());
    drop(lock);
    restore(&to, index.path(), None, Overwrite::Allow).expect("the other one has crashed");
}

#[test]
fn a_damaged_index_gives_no_backup_and_the_earlier_one_stays() {
    let (index, place) = places();
    let to = place.path().join("backup");
    backup(index.path(), &to).expect("backed up");
    add(index.path(), 9);
    for (name, mut bytes) in files(index.path()) {
        if [IGNORE, "MANIFEST"].contains(&name.as_str()) {
            continue;
        }
        let path = index.path().join(&name);
        let sound = bytes.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::remove_file(&path).expect("removed");
        fs::write(&path, bytes).expect("damaged");
        match backup(index.path(), &to) {
            Err(Error::Damaged { path, .. }) => assert!(path.ends_with(&name), "{path:?}"),
            other => panic!("{name}: {other:?}"),
        }
        fs::write(&path, sound).expect("mended");
    }
    assert_sound(&to);
    assert_eq!(ids(&to).len(), 3);
    assert_eq!(names(place.path()).expect("read"), ["backup"]);
}

#[test]
fn what_cannot_be_backed_up_leaves_nothing_behind() {
    let (index, place) = places();
    let gone = index.path().join("catalog-1");
    let segment = index.path().join("segment-1/vectors");
    for path in [gone, segment, index.path().join("MANIFEST")] {
        fs::remove_file(path).expect("removed");
        let refused = backup(index.path(), &place.path().join("deep/backup"));
        assert!(
            matches!(refused, Err(Error::Damaged { .. } | Error::NoIndex { .. })),
            "{refused:?}"
        );
        assert!(names(place.path()).expect("read").is_empty());
    }
}

#[test]
fn an_index_is_replaced_only_where_that_is_allowed() {
    let (index, place) = places();
    let to = place.path().join("backup");
    backup(index.path(), &to).expect("backed up");
    for i in 10..14 {
        add(index.path(), i);
    }
    let before = Snapshot::open(index.path()).expect("opens");
    let refused = restore(&to, index.path(), None, Overwrite::Refuse);
    assert!(
        matches!(refused, Err(Error::IndexExists { .. })),
        "{refused:?}"
    );
    assert_eq!(ids(index.path()).len(), 7);

    let restored = restore(&to, index.path(), None, Overwrite::Allow).expect("restored");
    assert!(
        restored.generation > before.generation(),
        "readers see that it has changed"
    );
    assert_eq!(ids(index.path()), ids(&to));
    assert_sound(index.path());
    assert_eq!(
        before.sources().count(),
        7,
        "an open reader keeps its generation"
    );
    add(index.path(), 20);
    assert_eq!(ids(index.path()).len(), 4);
    assert_sound(index.path());
}

#[test]
fn an_index_can_be_restored_any_number_of_times() {
    let (index, place) = places();
    let to = place.path().join("backup");
    for round in 2..40 {
        backup(index.path(), &to).expect("backed up");
        let restored = restore(&to, index.path(), None, Overwrite::Allow).expect("restored");
        assert_eq!(restored.generation, round, "no number is left out");
    }
    assert_sound(index.path());
}

#[test]
fn a_damaged_index_can_be_replaced() {
    let (index, place) = places();
    let to = place.path().join("backup");
    backup(index.path(), &to).expect("backed up");
    fs::write(index.path().join("MANIFEST"), "garbage").expect("damaged");
    restore(&to, index.path(), None, Overwrite::Allow).expect("restored");
    assert_eq!(ids(index.path()).len(), 3);
    assert_sound(index.path());
}

#[test]
fn a_damaged_backup_is_refused_and_the_index_stays_as_it_was() {
    let (index, place) = places();
    let to = place.path().join("backup");
    backup(index.path(), &to).expect("backed up");
    let before = files(index.path());
    for (name, mut bytes) in files(&to) {
        if [IGNORE, BACKUP].contains(&name.as_str()) {
            continue;
        }
        let path = to.join(&name);
        let sound = bytes.clone();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&path, bytes).expect("damaged");
        let refused_for = |what: &str| {
            let refused = restore(&to, index.path(), None, Overwrite::Allow);
            let named = matches!(&refused, Err(Error::DamagedBackup { path: p, .. }) if *p == path);
            assert!(named, "{name} {what}: {refused:?}");
            assert_eq!(files(index.path()), before, "{name} {what}");
        };
        refused_for("with a flipped bit");
        fs::remove_file(&path).expect("removed");
        refused_for("missing");
        fs::write(&path, sound).expect("mended");
    }
    let file = place.path().join("file");
    fs::write(&file, "dear").expect("a file");
    for none in [&place.path().join("none"), &file, place.path()] {
        let nothing = restore(none, index.path(), None, Overwrite::Allow);
        assert!(
            matches!(nothing, Err(Error::NoBackup { .. })),
            "{nothing:?}"
        );
    }
}

#[test]
fn nothing_is_written_to_a_backup() {
    let (index, place) = places();
    let to = place.path().join("backup");
    backup(index.path(), &to).expect("backed up");
    let writer = IndexWriter::open(&to, None, embedder(), IndexOptions::default());
    assert!(matches!(writer.err(), Some(Error::IsBackup { .. })));
    let onto = restore(&to, &to, None, Overwrite::Allow);
    assert!(matches!(onto, Err(Error::IsBackup { .. })), "{onto:?}");
}

#[test]
fn what_is_missing_in_an_index_is_missing_in_its_backup_and_said() {
    let (index, place) = places();
    let (part, whole) = (place.path().join("part"), place.path().join("whole"));
    backup(index.path(), &whole).expect("backed up");
    mark_unfinished(index.path()).expect("as a run that was stopped leaves it");
    backup(index.path(), &part).expect("backed up");
    let is_unfinished = |folder: &Path| Snapshot::open(folder).expect("an index").is_unfinished();
    restore(&whole, index.path(), None, Overwrite::Allow).expect("restored");
    assert!(!is_unfinished(index.path()));
    restore(&part, index.path(), None, Overwrite::Allow).expect("restored");
    assert!(is_unfinished(index.path()));
    backup(index.path(), &part).expect("such a backup can be replaced");
}

#[test]
fn a_backup_is_not_repaired() {
    let (index, place) = places();
    let to = place.path().join("backup");
    backup(index.path(), &to).expect("backed up");
    fs::write(to.join("segment-1/quantised"), "damaged").expect("a file");
    let before = files(&to);
    let none = || unreachable!("no model is opened");
    let mended = crate::doctor::mend(
        &to,
        &none,
        crate::doctor::Loss::Refuse,
        &crate::IndexRun::default(),
    );
    assert!(matches!(mended, Err(Error::IsBackup { .. })), "{mended:?}");
    let removed = crate::doctor::remove_leftovers(&to);
    assert!(
        matches!(removed, Err(Error::IsBackup { .. })),
        "{removed:?}"
    );
    assert_eq!(files(&to), before);
}

#[test]
#[cfg(unix)]
fn a_backup_is_as_closed_as_its_index_or_the_backup_before() {
    use std::os::unix::fs::PermissionsExt;
    let (index, place) = places();
    let mode = |folder: &Path| fs::metadata(folder).expect("there").permissions().mode() & 0o777;
    let set = |folder: &Path, mode| {
        fs::set_permissions(folder, fs::Permissions::from_mode(mode)).expect("changed");
    };
    let to = place.path().join("backup");
    set(index.path(), 0o700);
    backup(index.path(), &to).expect("backed up");
    assert_eq!(mode(&to), 0o700);
    set(&to, 0o750);
    backup(index.path(), &to).expect("backed up");
    assert_eq!(mode(&to), 0o750);
}

#[test]
#[cfg(unix)]
fn a_backup_writes_through_no_link() {
    let (index, place) = places();
    let (to, dear) = (place.path().join("backup"), place.path().join("dear"));
    let new = place.path().join("backup.new");
    fs::write(&dear, "dear").expect("a file");
    fs::create_dir(&new).expect("a folder");
    fs::write(new.join(ASIDE), "").expect("as a crash leaves it");
    for name in [BACKUP, LOCK, IGNORE] {
        std::os::unix::fs::symlink(&dear, new.join(name)).expect("a link");
    }
    backup(index.path(), &to).expect("backed up");
    std::os::unix::fs::symlink(&dear, to.join(ASIDE)).expect("a link");
    backup(index.path(), &to).expect("backed up");
    assert_eq!(fs::read_to_string(&dear).expect("a file"), "dear");
    assert_sound(&to);
}

#[cfg(unix)]
#[test]
fn backup_and_index_lie_apart_also_behind_links() {
    use std::os::unix::fs::symlink;
    let (index, place) = places();
    let to = place.path().join("backup");
    let link = place.path().join("link");
    backup(index.path(), &to).expect("backed up");
    symlink(&to, &link).expect("a link");
    let before = (files(&to), names(&to).expect("read"));
    for inside in [
        to.join("sub"),
        to.join("segment-1/deep/down"),
        link.join("sub"),
        place.path().join("none/../link/sub"),
    ] {
        let refused = restore(&to, &inside, None, Overwrite::Allow);
        let named = matches!(&refused, Err(Error::IsBackup { path }) if path.ends_with("backup"));
        assert!(named, "{refused:?}");
        let writer = IndexWriter::open(&inside, None, embedder(), IndexOptions::default());
        assert!(matches!(writer.err(), Some(Error::IsBackup { .. })));
        let nested = backup(index.path(), &inside);
        assert!(
            matches!(nested, Err(Error::NotABackup { .. })),
            "{nested:?}"
        );
    }
    assert_eq!((files(&to), names(&to).expect("read")), before);
    assert!(!place.path().join("none").exists());

    let inside = index.path().join("deep/backup");
    fs::create_dir(index.path().join("deep")).expect("a folder");
    fs::rename(&to, &inside).expect("moved");
    let to_index = place.path().join("index");
    symlink(index.path(), &to_index).expect("a link");
    for (from, folder) in [
        (inside.clone(), index.path()),
        (to_index.join("deep/backup"), index.path()),
        (inside, to_index.as_path()),
        (to_index.clone(), index.path()),
    ] {
        let refused = restore(&from, folder, None, Overwrite::Allow);
        assert!(
            matches!(refused, Err(Error::NotApart { .. })),
            "{refused:?}"
        );
    }
    assert_eq!(ids(index.path()).len(), 3);
    let refused = backup(index.path(), &to_index.join("new/backup"));
    assert!(
        matches!(refused, Err(Error::NotABackup { .. })),
        "{refused:?}"
    );
    assert!(!index.path().join("new").exists());
}
