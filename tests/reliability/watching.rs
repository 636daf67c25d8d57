//! `reread watch` over a folder that people and programs write to.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::place::{BINARY, Place, content};

/// Much longer than an update takes, so that only a hang fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A watching command and the updates it prints.
struct Watching {
    child: Child,
    updates: Receiver<Value>,
}

impl Watching {
    fn begin(place: &Place, more: &[&str]) -> Self {
        let mut command = place.command(&["watch", "--json"]);
        command.args(more).stderr(Stdio::null());
        Self::spawn(&mut command)
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, updates) = mpsc::channel();
        thread::spawn(move || {
            for line in out.lines() {
                let update = serde_json::from_str(&line.unwrap()).unwrap();
                if sender.send(update).is_err() {
                    break;
                }
            }
        });
        Self { child, updates }
    }

    fn update(&self) -> Value {
        self.updates.recv_timeout(PATIENCE).expect("an update")
    }

    /// Waits until nothing is written any more. Returns the index's generation.
    fn settled(&self, place: &Place) -> u64 {
        let started = Instant::now();
        let mut generation = 0;
        while place.snapshot().generation() != generation {
            assert!(started.elapsed() < PATIENCE, "it goes on and on");
            generation = place.snapshot().generation();
            while self.updates.recv_timeout(Duration::from_secs(1)).is_ok() {}
        }
        generation
    }

    /// Ends it as Ctrl-C does. Returns its exit status.
    fn interrupt(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
        assert!(sent.success());
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(started.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        // Only after a failure is it still there.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until the index holds what a fresh one would.
fn agrees(place: &Place) {
    let fresh = Place::empty();
    copy(place.root(), fresh.root());
    fresh.engine().update().unwrap();
    let wanted = content(&fresh.snapshot());
    let started = Instant::now();
    while content(&place.snapshot()) != wanted {
        assert!(
            started.elapsed() < PATIENCE,
            "the index does not come to agree"
        );
        thread::sleep(Duration::from_millis(50));
    }
    place.snapshot().verify().unwrap();
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_name() == ".reread" {
            continue;
        }
        if entry.path().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn whatever_happens_to_a_watched_folder_the_index_comes_to_agree_with_a_fresh_one() {
    let place = Place::empty();
    place.write("a.md", "# A\n\nThe first file.\n");
    place.write("b.md", "# B\n\nThe second file.\n");
    let watching = Watching::begin(&place, &[]);
    assert_eq!(watching.update()["files"]["added"], 2);

    // A change in place.
    place.write("a.md", "# A\n\nThe first file, changed.\n");
    assert_eq!(watching.update()["files"]["changed"], 1);
    agrees(&place);

    // As editors save: a new file is written and renamed over the old one.
    place.write(".a.md.tmp", "# A\n\nThe first file, saved by an editor.\n");
    fs::rename(place.root().join("a.md"), place.root().join("a.md~")).unwrap();
    fs::rename(place.root().join(".a.md.tmp"), place.root().join("a.md")).unwrap();
    fs::remove_file(place.root().join("a.md~")).unwrap();
    assert_eq!(watching.update()["changed"], true);
    agrees(&place);

    // A burst, in folders that did not exist.
    for i in 0..200 {
        place.write(
            &format!("new/{}/{i}.md", i % 7),
            format!("# {i}\n\nFile {i} of the burst.\n"),
        );
    }
    agrees(&place);
    let mut n_added = 0;
    while n_added < 200 {
        n_added += watching.update()["files"]["added"].as_u64().unwrap();
    }

    // A file in a folder that has just come.
    place.write("new/3/late/one.md", "# Late\n\nA late file.\n");
    assert_eq!(watching.update()["files"]["added"], 1);

    // Deletions, of a file and a folder, and a rename.
    fs::remove_file(place.root().join("b.md")).unwrap();
    fs::remove_dir_all(place.root().join("new/1")).unwrap();
    fs::rename(place.root().join("new/2"), place.root().join("moved")).unwrap();
    agrees(&place);
    assert!(watching.update()["files"]["removed"].as_u64().unwrap() > 0);

    // Looking at files is no change, and neither is the index itself.
    let generation = watching.settled(&place);
    copy(place.root(), Place::empty().root());
    assert_eq!(watching.settled(&place), generation);

    assert_eq!(watching.interrupt(), Some(0));
    place.ok(&["status", "--verify"]);
}

#[test]
fn a_folder_that_is_polled_is_kept_up_to_date_too() {
    let place = Place::empty();
    place.write("a.md", "# A\n\nThe first file.\n");
    let watching = Watching::begin(&place, &["--poll", "100ms"]);
    assert_eq!(watching.update()["files"]["added"], 1);
    place.write("b.md", "# B\n\nThe second file.\n");
    assert_eq!(watching.update()["files"]["added"], 1);
    agrees(&place);
    assert_eq!(watching.interrupt(), Some(0));
}

/// Lowers the limit of the system for one process, which only Linux lets anybody do.
#[cfg(target_os = "linux")]
#[test]
fn where_the_system_watches_no_more_folders_it_says_so_and_polls() {
    const LIMIT: &str = "echo 5 > /proc/sys/user/max_inotify_watches";
    let try_out = Command::new("unshare")
        .args(["-Ur", "sh", "-c", LIMIT])
        .output();
    if !try_out.is_ok_and(|output| output.status.success()) {
        println!("skipped: this system lets nobody lower the limit");
        return;
    }
    let place = Place::empty();
    for i in 0..9 {
        place.write(&format!("{i}/a.md"), format!("# File {i}\n"));
    }
    let mut command = Command::new("unshare");
    let script = format!("{LIMIT}; exec \"$0\" watch --json");
    command.args(["-Ur", "sh", "-c", &script, BINARY]);
    place.settle(&mut command);
    let said = place.home.path().join("said");
    command.stderr(fs::File::create(&said).unwrap());
    let watching = Watching::spawn(&mut command);
    assert_eq!(watching.update()["files"]["added"], 9);
    let warning = fs::read_to_string(&said).unwrap();
    assert!(warning.contains("max_user_watches"), "{warning}");
    place.write("8/b.md", "# New\n");
    assert_eq!(watching.update()["files"]["added"], 1);
    assert_eq!(watching.interrupt(), Some(0));
}

#[test]
fn an_update_is_one_line_and_a_problem_is_named_once() {
    let place = Place::empty();
    place.write("a.md", "# A\n\nThe first file.\n");
    place.write("bad.pdf", "%PDF-1.4 no");
    let mut child = place
        .command(&["watch"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut next = || lines.next().expect("a line").unwrap();
    let first = next();
    assert!(first.contains(" indexed 2 files, 1 passage in "), "{first}");
    let problem = next();
    assert!(problem.starts_with("  bad.pdf: "), "{problem}");
    assert_eq!(next(), "watching .; press Ctrl-C to stop");
    place.write("b.md", "# B\n\nThe second file.\n");
    let second = next();
    assert!(
        second.contains(" indexed 1 file, 1 passage in "),
        "{second}"
    );
    fs::remove_file(place.root().join("b.md")).unwrap();
    let third = next();
    assert!(third.contains(" removed 1 file in "), "{third}");
    child.kill().unwrap();
    child.wait().unwrap();
}
