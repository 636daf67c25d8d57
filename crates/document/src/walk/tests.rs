use tempfile::TempDir;

use super::*;

/// A folder with these files; a name that ends in `/` is a folder.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let top = TempDir::new().unwrap();
    for (name, content) in files {
        let path = top.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    top
}

fn names(found: &Walk) -> Vec<&str> {
    found.files.iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn files_come_sorted_with_size_and_time() {
    let top = folder(&[
        ("b/x.md", "12345"),
        ("a.txt", ""),
        ("b.txt", ""),
        ("b/a/y", ""),
    ]);
    let found = walk(top.path(), &WalkOptions::default()).unwrap();
    assert_eq!(names(&found), ["a.txt", "b.txt", "b/a/y", "b/x.md"]);
    assert_eq!(found.files[3].len_bytes, 5);
    assert!(found.files[3].modified > SystemTime::UNIX_EPOCH);
    assert_eq!(found.files[3].read(5).unwrap(), b"12345");
    assert_eq!(found, walk(top.path(), &WalkOptions::default()).unwrap());
}

#[test]
fn ignore_files_count_without_a_checkout() {
    let top = folder(&[
        (".gitignore", "*.log\n"),
        (".rereadignore", "drafts/\n"),
        ("a.log", ""),
        ("a.txt", ""),
        ("drafts/b.txt", ""),
        ("sub/.gitignore", "!keep.log\n"),
        ("sub/keep.log", ""),
    ]);
    assert_eq!(
        names(&walk(top.path(), &WalkOptions::default()).unwrap()),
        ["a.txt", "sub/keep.log"]
    );
}

#[test]
fn ignore_files_above_count_only_inside_a_checkout() {
    let top = folder(&[
        (".gitignore", "*\n"),
        ("repo/.gitignore", "*.log\n"),
        ("repo/docs/a.md", ""),
        ("repo/docs/a.log", ""),
    ]);
    let docs = top.path().join("repo/docs");
    assert_eq!(
        names(&walk(&docs, &WalkOptions::default()).unwrap()),
        ["a.log", "a.md"]
    );
    fs::create_dir(top.path().join("repo/.git")).unwrap();
    assert_eq!(
        names(&walk(&docs, &WalkOptions::default()).unwrap()),
        ["a.md"]
    );
}

#[test]
fn hidden_files_are_an_option_and_stores_never_are() {
    let top = folder(&[
        (".hidden", ""),
        (".git/config", ""),
        (".reread/manifest", ""),
        ("sub/.reread/manifest", ""),
        ("index/manifest", ""),
        ("a", ""),
    ]);
    let options = WalkOptions::default().with_excluded(top.path().join("sub/../index"));
    assert_eq!(names(&walk(top.path(), &options).unwrap()), ["a"]);
    let options = options.with_hidden(HiddenFiles::Include);
    assert_eq!(
        names(&walk(top.path(), &options).unwrap()),
        [".hidden", "a"]
    );
}

#[test]
fn large_files_are_reported() {
    let top = folder(&[("large", "123456"), ("small", "12345")]);
    let options = WalkOptions::default().with_max_file_bytes(5);
    let found = walk(top.path(), &options).unwrap();
    assert_eq!(names(&found), ["small"]);
    assert_eq!(
        found.problems[0].to_string(),
        "large: is too large: 6 bytes, but the limit is 5"
    );
    // It grew after it was found.
    fs::write(top.path().join("small"), "123456789").unwrap();
    assert!(matches!(
        found.files[0].read(5).unwrap_err().reason,
        Reason::TooLarge { .. }
    ));
    fs::remove_file(top.path().join("small")).unwrap();
    assert!(matches!(
        found.files[0].read(5).unwrap_err().reason,
        Reason::Unreadable(_)
    ));
}

#[test]
fn a_single_file_is_a_walk_too() {
    let top = folder(&[("sub/a.txt", "x")]);
    let found = walk(&top.path().join("sub/a.txt"), &WalkOptions::default()).unwrap();
    assert_eq!(names(&found), ["a.txt"]);
    let missing = walk(&top.path().join("none"), &WalkOptions::default());
    assert!(matches!(missing, Err(Error::Io { .. })));
}

#[test]
fn patterns_that_cannot_be_used_are_reported() {
    let top = folder(&[(".rereadignore", "*.log\n{a\n"), ("a.log", ""), ("b", "")]);
    let found = walk(top.path(), &WalkOptions::default()).unwrap();
    assert_eq!(names(&found), ["b"]);
    assert!(
        matches!(found.problems[0].reason, Reason::IgnorePattern(_)),
        "{:?}",
        found.problems
    );
}

#[cfg(unix)]
mod unix {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn links_and_special_files_are_counted_and_not_followed() {
        let elsewhere = folder(&[("secret", "")]);
        let top = folder(&[("a", "")]);
        symlink(elsewhere.path(), top.path().join("folder")).unwrap();
        symlink(elsewhere.path().join("secret"), top.path().join("file")).unwrap();
        symlink(top.path(), top.path().join("loop")).unwrap();
        let _socket = UnixListener::bind(top.path().join("socket")).unwrap();
        let found = walk(top.path(), &WalkOptions::default()).unwrap();
        assert_eq!(names(&found), ["a"]);
        assert_eq!(
            found.skipped,
            SkippedFiles {
                symlinks: 3,
                special: 1
            }
        );
        assert_eq!(found.problems, []);
        // The folder itself may be named by a link.
        let link = top.path().join("folder");
        assert_eq!(
            names(&walk(&link, &WalkOptions::default()).unwrap()),
            ["secret"]
        );
    }

    #[test]
    fn names_that_cannot_be_printed_are_reported() {
        let top = folder(&[("a", ""), ("bad\x1b[2J\n", ""), ("dir\x07/b", "")]);
        fs::write(top.path().join(OsStr::from_bytes(b"caf\xE9")), "").unwrap();
        let found = walk(top.path(), &WalkOptions::default()).unwrap();
        assert_eq!(names(&found), ["a"]);
        let problems: Vec<_> = found
            .problems
            .iter()
            .map(|p| (p.path.as_str(), &p.reason))
            .collect();
        assert_eq!(
            problems,
            [
                ("bad\\u{1b}[2J\\n", &Reason::NameWithControl),
                ("caf\u{FFFD}", &Reason::NameNotUtf8),
                ("dir\\u{7}", &Reason::NameWithControl),
            ]
        );
    }

    #[test]
    fn a_folder_that_cannot_be_read_is_reported_and_the_walk_goes_on() {
        let top = folder(&[("a/x", ""), ("b", "")]);
        let closed = top.path().join("a");
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
        // Root may read everything.
        let can_tell = fs::read_dir(&closed).is_err();
        let found = walk(top.path(), &WalkOptions::default()).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o755)).unwrap();
        if !can_tell {
            eprintln!("skipped: this user may read every folder");
            return;
        }
        assert_eq!(names(&found), ["b"]);
        assert_eq!(found.problems[0].path, "a");
        assert!(matches!(found.problems[0].reason, Reason::Unreadable(_)));
    }
}

#[cfg(unix)]
#[test]
fn what_came_into_a_files_place_is_not_opened() {
    use std::os::unix::fs::symlink;

    let top = folder(&[("a.md", "words"), ("b.md", "words"), ("secret", "words")]);
    let found = walk(top.path(), &WalkOptions::default()).unwrap();
    let (link, pipe) = (top.path().join("a.md"), top.path().join("b.md"));
    fs::remove_file(&link).unwrap();
    fs::remove_file(&pipe).unwrap();
    symlink(top.path().join("secret"), &link).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for file in &found.files[..2] {
        let problem = file.read(100).unwrap_err();
        assert!(matches!(problem.reason, Reason::Unreadable(_)), "{problem}");
    }
    assert_eq!(found.files[2].read(100).unwrap(), b"words");
}

#[test]
fn ignore_files_can_be_disregarded() {
    let top = folder(&[
        (".gitignore", "*.log\n"),
        (".rereadignore", "b/\n"),
        ("a.log", ""),
        ("b/c.txt", ""),
    ]);
    let options = WalkOptions::default().with_ignore_files(IgnoreFiles::Disregard);
    assert_eq!(
        names(&walk(top.path(), &options).unwrap()),
        ["a.log", "b/c.txt"]
    );
    let all = options.with_hidden(HiddenFiles::Include);
    let all = walk(top.path(), &all).unwrap();
    assert_eq!(
        names(&all),
        [".gitignore", ".rereadignore", "a.log", "b/c.txt"]
    );
}

#[cfg(unix)]
#[test]
fn links_can_be_followed_and_lead_round_only_once() {
    use std::os::unix::fs::symlink;
    let other = folder(&[("deep/x.md", "x")]);
    let top = folder(&[("a.md", "a")]);
    symlink(other.path().join("deep"), top.path().join("linked")).unwrap();
    symlink(other.path().join("deep/x.md"), top.path().join("x.md")).unwrap();
    symlink(top.path(), top.path().join("round")).unwrap();
    symlink("nowhere", top.path().join("dangling")).unwrap();
    let options = WalkOptions::default();
    let found = walk(top.path(), &options).unwrap();
    assert_eq!((names(&found), found.skipped.symlinks), (vec!["a.md"], 4));
    let found = walk(top.path(), &options.with_links(Links::Follow)).unwrap();
    assert_eq!(names(&found), ["a.md", "linked/x.md", "x.md"]);
    assert_eq!(found.files[2].read(9).unwrap(), b"x");
    let problems: Vec<&str> = found
        .problems
        .iter()
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(problems, ["dangling"]);
}
