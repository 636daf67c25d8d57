//! Documents made to harm: each is read in bounded time and memory, or named and left out.

use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::Value;

use crate::place::Place;

/// More address space than an indexing run takes with the shipped model, and less than a bomb asks for.
const MEMORY_KIB: u64 = 3 << 20;

/// A stream of blanks that unpacks to this many MiB.
fn bomb(mib: usize) -> Vec<u8> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    let blanks = vec![b' '; 1 << 20];
    for _ in 0..mib {
        packed.write_all(&blanks).unwrap();
    }
    packed.finish().unwrap()
}

fn pdf(content: &[u8]) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n\
        2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n\
        3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R >>\nendobj\n"
        .to_vec();
    out.extend(
        format!(
            "4 0 obj\n<< /Length {} /Filter /FlateDecode >>\nstream\n",
            content.len()
        )
        .bytes(),
    );
    out.extend(content);
    out.extend(b"\nendstream\nendobj\ntrailer\n<< /Size 5 /Root 1 0 R >>\n");
    out
}

/// Indexes under a limit of memory. Returns the summary and how long it took.
fn index(place: &Place, more: &[&str]) -> (Value, Duration) {
    let mut args = vec!["index", "--json", "--threads", "2"];
    args.extend(more);
    let started = Instant::now();
    let output = place.limited(&format!("ulimit -v {MEMORY_KIB}"), &args);
    let time = started.elapsed();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    (serde_json::from_slice(&output.stdout).unwrap(), time)
}

fn problems(summary: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let problems = summary["problems"].as_array().unwrap().iter();
    problems
        .map(|problem| (text(&problem["path"]), text(&problem["reason"])))
        .collect()
}

#[test]
fn nested_and_packed_documents_take_bounded_time_and_memory() {
    let place = Place::empty();
    place.write("fine.md", "# Fine\n\nSalt makes sea water heavy.\n");
    place.write("divs.html", format!("{}deep", "<div>".repeat(100_000)));
    place.write("bold.html", format!("{}deep", "<b><i>".repeat(20_000)));
    place.write(
        "tables.html",
        format!("{}deep", "<table><tr><td>".repeat(10_000)),
    );
    place.write("quotes.md", format!("{}deep", "> ".repeat(5_000)));
    place.write("brackets.md", "[".repeat(20_000));
    place.write(
        "deep.jsonl",
        format!("{{\"text\":{}\n", "[".repeat(100_000)),
    );
    place.write("word.txt", "a".repeat(3 << 20));
    place.write("bomb.pdf", pdf(&bomb(700)));
    place.write("twice.pdf", pdf(&bomb(64)));
    let (summary, time) = index(&place, &["--pdf-timeout", "20s"]);
    let problems = problems(&summary);
    let named: Vec<&str> = problems.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        named,
        ["bomb.pdf", "deep.jsonl", "twice.pdf"],
        "{problems:?}"
    );
    assert_eq!(summary["files"]["added"], 10);
    let answer = place.ok(&["search", "--no-rerank", "--json", "salt in the sea"]);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["hits"][0]["path"], "fine.md");
    println!("{time:.1?} for ten hostile documents");
    assert!(time < Duration::from_secs(120), "{time:?}");
}

#[test]
fn a_file_of_a_gigabyte_is_named_and_not_read() {
    let place = Place::empty();
    place.write("fine.md", "# Fine\n\nSalt makes sea water heavy.\n");
    let line = fs::File::create(place.root().join("line.txt")).unwrap();
    line.set_len(1 << 30).unwrap();
    let (summary, time) = index(&place, &[]);
    let problems = problems(&summary);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].0, "line.txt");
    assert!(problems[0].1.contains("too large"), "{problems:?}");
    assert!(time < Duration::from_secs(30), "{time:?}");
}

#[test]
fn odd_names_links_and_pipes_are_named_or_counted_and_never_followed() {
    let place = Place::empty();
    let outside = Place::empty();
    outside.write("secret.md", "# Secret\n\nOutside of the folder.\n");
    place.write("fine.md", "# Fine\n\nSalt makes sea water heavy.\n");
    place.write("new\nline.md", "# Odd\n");
    let name = std::ffi::OsStr::from_bytes(b"bad\xff.md");
    fs::write(place.root().join(name), "# Odd\n").unwrap();
    symlink(".", place.root().join("loop")).unwrap();
    symlink(place.root(), place.root().join("loop2")).unwrap();
    symlink("/dev/zero", place.root().join("zero.md")).unwrap();
    symlink(outside.root(), place.root().join("outside")).unwrap();
    symlink(
        outside.root().join("secret.md"),
        place.root().join("link.md"),
    )
    .unwrap();
    symlink("nowhere", place.root().join("dangling.md")).unwrap();
    let pipe = place.root().join("pipe.md");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let (summary, time) = index(&place, &[]);
    assert_eq!(summary["files"]["added"], 1);
    assert_eq!(summary["files"]["symlinks"], 6);
    assert_eq!(summary["files"]["special"], 1);
    let problems = problems(&summary);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems.iter().all(|(path, _)| !path.contains('\n')),
        "{problems:?}"
    );
    assert!(time < Duration::from_secs(30), "{time:?}");
    for path in [
        "link.md",
        "outside/secret.md",
        "zero.md",
        "pipe.md",
        "../x",
        "/etc/passwd",
    ] {
        let got = place.run(&["get", path]);
        assert_eq!(got.status.code(), Some(2), "{path}");
    }
}

#[test]
fn an_index_that_is_a_trap_reaches_nothing_outside() {
    let place = Place::empty();
    place.write("fine.md", "# Fine\n\nSalt makes sea water heavy.\n");
    place.ok(&["index", "--quiet"]);
    let outside = Place::empty();
    outside.write("keep/file", "precious");
    // Names that a writer would remove, as links that lead out of the index.
    symlink(
        outside.root().join("keep"),
        place.index().join("segment-77"),
    )
    .unwrap();
    symlink(
        outside.root().join("keep/file"),
        place.index().join("catalog-77"),
    )
    .unwrap();
    place.write("more.md", "# More\n\nAnother file.\n");
    place.ok(&["index", "--quiet"]);
    place.ok(&["index", "--quiet", "--rebuild"]);
    assert_eq!(
        fs::read(outside.root().join("keep/file")).unwrap(),
        b"precious"
    );
    assert!(!place.index().join("segment-77").exists());
}
