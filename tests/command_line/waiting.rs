//! Two processes that want to write to one index.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::Place;
use crate::place::{err, out, status};

/// A folder whose first search takes a while.
fn large() -> Place {
    let place = Place::empty();
    for file in 0..24 {
        let text =
            format!("Sentence {file} of the harbour, which takes a while to read. ").repeat(60);
        place.write(&format!("{file}.txt"), text);
    }
    place
}

/// Begins a first search, and waits until it has the lock and has said how far it is.
fn first(place: &Place) -> Child {
    let mut command = place.command(&["search", "--no-rerank", "--threads", "1", "harbour"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lock = place.index().join("LOCK");
    let started = Instant::now();
    let has_said = || {
        let line = std::fs::read_to_string(&lock).unwrap_or_default();
        line.split_whitespace().count() == 5
    };
    while !has_said() {
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "the first search has not begun"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

#[test]
fn a_second_first_search_says_how_far_the_first_is() {
    let place = large();
    let mut first = first(&place);
    let second = place.run(&["search", "--no-rerank", "harbour"]);
    if first.try_wait().unwrap().is_none() {
        let said = err(&second);
        assert_eq!(status(&second), 2, "{said}");
        let holder = format!("process {}, which started ", first.id());
        assert!(
            said.contains(&holder) && said.contains(" of 24 files"),
            "{said}"
        );
        assert!(said.contains("--wait"), "{said}");
    }
    assert!(first.wait().unwrap().success());
}

#[test]
fn a_second_first_search_can_wait_and_uses_the_index_of_the_first() {
    let place = large();
    let first = first(&place);
    let second = place.run(&["search", "--no-rerank", "--wait", "harbour"]);
    let first = first.wait_with_output().unwrap();
    assert_eq!(
        (status(&first), status(&second)),
        (0, 0),
        "{}",
        err(&second)
    );
    assert!(
        err(&first).starts_with("indexed 24 files"),
        "{}",
        err(&first)
    );
    assert!(
        !err(&second).contains("indexed"),
        "it does not build it again: {}",
        err(&second)
    );
    assert_eq!(out(&second), out(&first));
}
