//! Folders in which nothing can be found, and what is said of them.

use crate::Place;
use crate::place::{err, out, status};

const QUICK: [&str; 4] = ["search", "--mode", "lexical", "--no-rerank"];

/// What a search says that finds nothing.
fn said(place: &Place, args: &[&str]) -> String {
    let output = place.run(&[&QUICK[..], &["harbour"], args].concat());
    assert_eq!((status(&output), out(&output)), (1, ""), "{}", err(&output));
    err(&output).to_owned()
}

/// Whether a search with this flag finds something, and so does one without it afterwards.
fn finds_with(place: &Place, flag: &str) {
    let first = place.run(&[&QUICK[..], &["harbour", flag]].concat());
    assert_eq!(status(&first), 0, "{flag}: {}", err(&first));
    let later = place.run(&[&QUICK[..], &["harbour"]].concat());
    assert_eq!(out(&later), out(&first), "the index remembers {flag}");
}

#[test]
fn an_empty_folder_is_said_to_be_empty() {
    let place = Place::empty();
    assert!(said(&place, &[]).contains("there is no file in ."));
    let index = place.run(&["index"]);
    assert!(
        err(&index).contains("there is no file in ."),
        "{}",
        err(&index)
    );
    std::fs::create_dir(place.root().join("inner")).unwrap();
    assert!(said(&place, &["inner"]).contains("there is no file in inner"));
}

#[test]
fn ignored_files_are_counted_and_included_on_request() {
    let place = Place::empty();
    place.write(".gitignore", "*.md\nbuild/\n");
    place.write("a.md", "The harbour.\n");
    place.write("build/b.txt", "The harbour too.\n");
    let said = said(&place, &[]);
    assert!(
        said.contains("2 files are named by a .gitignore, .ignore or .rereadignore"),
        "{said}"
    );
    assert!(said.contains("--no-ignore"), "{said}");
    let why = place.run(&["why", "harbour", "a.md"]);
    assert!(out(&why).contains("--no-ignore"), "{}", out(&why));
    finds_with(&place, "--no-ignore");
    let without = place.run(&[&QUICK[..], &["harbour", "--ignore"]].concat());
    assert_eq!(status(&without), 1, "{}", out(&without));
}

#[test]
fn hidden_files_are_counted_and_included_on_request() {
    let place = Place::empty();
    place.write(".notes/a.md", "The harbour.\n");
    let said = said(&place, &[]);
    assert!(
        said.contains("1 hidden file is left out; --hidden"),
        "{said}"
    );
    finds_with(&place, "--hidden");
}

#[cfg(unix)]
#[test]
fn links_are_counted_and_followed_on_request() {
    use std::os::unix::fs::symlink;
    let place = Place::empty();
    let other = tempfile::tempdir().unwrap();
    std::fs::create_dir(other.path().join("docs")).unwrap();
    std::fs::write(other.path().join("docs/a.md"), "The harbour.\n").unwrap();
    symlink(other.path().join("docs"), place.root().join("linked")).unwrap();
    symlink(other.path().join("docs/a.md"), place.root().join("b.md")).unwrap();
    symlink(place.root(), place.root().join("round")).unwrap();
    let said = said(&place, &[]);
    assert!(
        said.contains("3 symbolic links are not followed; --follow"),
        "{said}"
    );
    let why = place.run(&["why", "harbour", "linked/a.md"]);
    assert!(out(&why).contains("--follow"), "{}", out(&why));
    finds_with(&place, "--follow");
    let why = place.run(&[
        "why",
        "harbour",
        "linked/a.md",
        "--mode",
        "lexical",
        "--no-rerank",
        "--fold",
        "never",
    ]);
    assert!(out(&why).contains("linked/a.md is shown"), "{}", out(&why));
    assert_eq!(status(&place.run(&["get", "linked/a.md"])), 2);
    assert_eq!(
        out(&place.run(&["get", "--follow", "linked/a.md:1"])),
        "The harbour.\n"
    );
    assert_eq!(
        status(&place.run(&["get", "--follow", "linked/../../a.md"])),
        2
    );
    let without = place.run(&[&QUICK[..], &["harbour", "--no-follow"]].concat());
    assert_eq!(status(&without), 1, "{}", out(&without));
}

#[test]
fn files_that_are_not_read_are_counted_by_type() {
    let place = Place::empty();
    for name in ["a.png", "b.png", "c.exe"] {
        place.write(name, b"\x89PNG\0\0\0\0\x01\x02\0\xff\xfe".as_slice());
    }
    place.write("empty.md", "\n");
    place.write("large.txt", "harbour ".repeat(500));
    let said = said(&place, &["--max-file-size", "1K"]);
    assert!(
        said.contains("3 files are of types that are not read (2 .png, 1 .exe)"),
        "{said}"
    );
    assert!(said.contains("1 file has no text in it"), "{said}");
    assert!(
        said.contains("1 file is larger than the limit; --max-file-size"),
        "{said}"
    );
}

#[test]
fn a_folder_with_something_to_find_hears_none_of_it() {
    let place = Place::empty();
    place.write(".gitignore", "*.log\n");
    place.write("a.log", "The harbour.\n");
    place.write("b.md", "The sea.\n");
    let said = said(&place, &[]);
    assert!(
        said.contains("nothing found; ") && !said.contains("--no-ignore"),
        "{said}"
    );
}
