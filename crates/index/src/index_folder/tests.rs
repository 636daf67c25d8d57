//! What a writer takes for an index, what it refuses, and what it leaves behind.

use super::*;
use crate::doctor::tests::{document, embedder, index};
use crate::{IndexOptions, IndexWriter};

#[test]
fn only_names_that_a_writer_gives_are_its_own() {
    for name in ["catalog-7", "segment-12", "lexical-1", "MANIFEST.new"] {
        assert!(is_ours(name), "{name}");
    }
    for name in [
        "catalog-2024.pdf",
        "segment-notes",
        "lexical-",
        "catalog-+1",
        "MANIFEST",
    ] {
        assert!(!is_ours(name), "{name}");
    }
}

#[test]
fn a_lock_says_who_holds_it_until_it_is_let_go() {
    let folder = tempfile::tempdir().expect("a folder");
    let held = lock(folder.path()).expect("the lock");
    let Err(error) = lock(folder.path()) else {
        panic!("it was taken twice");
    };
    let pid = std::process::id();
    assert!(matches!(error, Error::Locked { holder: Some(by), .. } if by.pid == pid));
    let said = error.to_string();
    assert!(
        said.starts_with(&format!("process {pid}, which started ")),
        "{said}"
    );
    fs::write(folder.path().join(MANIFEST), MAGIC).expect("written");
    fs::write(folder.path().join(LOCK), "nonsense").expect("written");
    let said = lock(folder.path()).err().map(|error| error.to_string());
    assert!(said.is_some_and(|said| said.starts_with("another process is writing")));
    drop(held);
    let left = fs::read(folder.path().join(LOCK)).expect("a lock file");
    assert!(left.is_empty());
    lock(folder.path()).expect("it is free");
}

#[test]
#[cfg(unix)]
fn a_link_in_place_of_the_lock_is_not_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (index, other) = (folder.path().join("index"), folder.path().join("letter"));
    fs::create_dir(&index).expect("a folder");
    fs::write(&other, "dear").expect("a file");
    for target in [&other, &folder.path().join("nothing")] {
        let link = index.join(LOCK);
        std::os::unix::fs::symlink(target, &link).expect("a link");
        assert!(matches!(lock(&index), Err(Error::InTheWay { .. })));
        fs::remove_file(link).expect("removed");
    }
    assert_eq!(fs::read_to_string(other).expect("a file"), "dear");
    assert!(!folder.path().join("nothing").exists());
}

#[test]
#[cfg(unix)]
fn what_is_no_folder_is_in_the_way_of_an_index_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, link) = (folder.path().join("letter"), folder.path().join("link"));
    fs::write(&file, "dear").expect("a file");
    std::os::unix::fs::symlink("nowhere", &link).expect("a link");
    for (index, expected) in [
        (file.clone(), &file),
        (file.join("index"), &file),
        (link.clone(), &link),
    ] {
        let refusals = [
            lock(&index).err(),
            Manifest::read(&index).err(),
            crate::doctor::diagnose(&index).err(),
        ];
        for refused in refusals {
            let in_the_way =
                matches!(&refused, Some(Error::InTheWay { path, .. }) if path == expected);
            assert!(in_the_way, "{refused:?}");
        }
    }
    assert_eq!(fs::read_to_string(file).expect("a file"), "dear");
    assert!(!link.exists());
}

#[test]
fn a_folder_in_the_place_of_a_file_is_refused_before_anything_is_written() {
    for name in [LOCK, MANIFEST, "MANIFEST.new", UNFINISHED] {
        let folder = tempfile::tempdir().expect("a folder");
        drop(lock(folder.path()).expect("the lock"));
        let path = folder.path().join(name);
        let _: io::Result<()> = fs::remove_file(&path);
        fs::create_dir(&path).expect("a folder");
        fs::write(path.join("letter"), "dear").expect("a file");
        let refused = lock(folder.path()).err();
        let in_the_way = matches!(&refused, Some(Error::InTheWay { path: p, .. }) if *p == path);
        assert!(in_the_way, "{refused:?}");
        assert!(path.join("letter").exists());
    }
}

#[test]
fn a_run_without_a_commit_takes_away_what_it_has_written() {
    let left = |folder: &Path| {
        let mut names = names(folder).expect("read");
        names.retain(|name| is_ours(name));
        names.sort();
        names
    };
    let give_up = |writer: Result<IndexWriter>| {
        let mut writer = writer.expect("a writer");
        // More than are embedded at a time, so that some are written.
        for i in 100..180 {
            writer.put_document(&document(i)).expect("put");
        }
        assert!(left(writer.folder()).len() > 1, "something was written");
    };
    let options = IndexOptions::default;
    let folder = tempfile::tempdir().expect("a folder");
    give_up(IndexWriter::open(
        folder.path(),
        None,
        embedder(),
        options(),
    ));
    assert!(left(folder.path()).is_empty());

    let folder = index(3, usize::MAX);
    let before = left(folder.path());
    give_up(IndexWriter::open(
        folder.path(),
        None,
        embedder(),
        options(),
    ));
    assert_eq!(left(folder.path()), before);
    give_up(IndexWriter::create(
        folder.path(),
        None,
        embedder(),
        options(),
    ));
    assert_eq!(left(folder.path()), before);
    let diagnosis = crate::doctor::diagnose(folder.path()).expect("a diagnosis");
    assert_eq!(diagnosis.verdict(), crate::doctor::Verdict::Sound);

    fs::write(folder.path().join(MANIFEST), "garbage").expect("damaged");
    give_up(IndexWriter::create(
        folder.path(),
        None,
        embedder(),
        options(),
    ));
    assert_eq!(left(folder.path()), before);
}

#[test]
fn a_folder_whose_files_only_have_the_names_of_ours_is_refused_and_left_alone() {
    for name in [LOCK, MANIFEST] {
        let folder = tempfile::tempdir().expect("a folder");
        let catalog = folder.path().join("catalog-2024");
        fs::write(folder.path().join(name), "important").expect("a file");
        fs::create_dir(&catalog).expect("a folder");
        fs::write(catalog.join("receipts"), "dear").expect("a file");
        let opened = IndexWriter::open(folder.path(), None, embedder(), IndexOptions::default());
        assert!(opened.is_err(), "{name}");
        let created = IndexWriter::create(folder.path(), None, embedder(), IndexOptions::default());
        assert!(
            matches!(created.err(), Some(Error::NotAnIndex { .. })),
            "{name}"
        );
        let kept = fs::read_to_string(folder.path().join(name));
        assert_eq!(kept.expect("a file"), "important");
        assert!(catalog.join("receipts").exists());
        assert_eq!(names(folder.path()).expect("read").len(), 2);
    }
}

#[test]
#[cfg(unix)]
fn a_marker_is_never_written_through_a_link() {
    let folder = tempfile::tempdir().expect("a folder");
    let (index, dear) = (folder.path().join("index"), folder.path().join("dear"));
    fs::create_dir(&index).expect("a folder");
    fs::write(&dear, "dear").expect("a file");
    for name in [IGNORE, UNFINISHED] {
        std::os::unix::fs::symlink(&dear, index.join(name)).expect("a link");
    }
    fs::remove_file(index.join(UNFINISHED)).expect("removed");
    drop(lock(&index).expect("the lock"));
    std::os::unix::fs::symlink(folder.path().join("nowhere"), index.join(UNFINISHED))
        .expect("a link");
    mark_unfinished(&index).expect("marked");
    assert!(is_unfinished(&index) && !folder.path().join("nowhere").exists());
    assert_eq!(fs::read_to_string(dear).expect("a file"), "dear");
}

#[test]
#[cfg(unix)]
fn what_is_called_backup_and_is_no_file_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let marker = folder.path().join(BACKUP);
    std::os::unix::fs::symlink("/dev/zero", &marker).expect("a link");
    assert!(backup_around(&folder.path().join("index")).is_none());
    fs::remove_file(&marker).expect("removed");
    let large = File::create(&marker).expect("a file");
    large.set_len(1 << 40).expect("a hole");
    assert!(!is_backup(folder.path()));
    fs::write(&marker, MARKER).expect("a file");
    assert!(is_backup(folder.path()));
}

#[test]
#[cfg(unix)]
fn a_name_that_cannot_be_freed_is_passed_over() {
    let index = index(3, usize::MAX);
    // As what another user's run has left: a name that is taken and stays.
    let taken = Manifest::read(index.path()).expect("a manifest");
    assert_eq!(highest_left(index.path(), &taken.entries()), 0);
    fs::create_dir(index.path().join("segment-9")).expect("a folder");
    assert_eq!(highest_left(index.path(), &taken.entries()), 9);
}

#[test]
fn a_folder_with_other_things_in_it_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("letter.txt"), "dear").expect("a file");
    assert!(matches!(lock(folder.path()), Err(Error::NotAnIndex { .. })));
    assert!(!folder.path().join(IGNORE).exists());
    let inside = folder.path().join("inside");
    assert!(matches!(
        check_apart(folder.path(), &inside),
        Err(Error::NotAnIndex { .. })
    ));
    assert!(matches!(
        check_apart(folder.path(), folder.path()),
        Err(Error::NotAnIndex { .. })
    ));
    check_apart(&inside, folder.path()).expect("an index inside its folder");
}
