//! Ends a process at every step of its commits, and looks at what is left.
//!
//! The process is this test binary itself, started again for one test and told by its environment at
//! which step to end.
#![allow(clippy::print_stdout, reason = "how much was tried is worth seeing")]

mod kills;

use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use reread_models::{BoxError, CancelToken, Embedder, ModelIdentity};
use reread_retrieval::{Query, Request, RetrieveOptions};

use crate::doctor::{Verdict, diagnose};
use crate::{HnswOptions, IndexOptions, IndexRun, IndexWriter, Snapshot, update};

/// Set for a child process: the folder to index.
const ROOT: &str = "REREAD_TEST_CRASH_ROOT";
/// At which step the child ends: its name, and how many of that name come before.
const AT: &str = "REREAD_TEST_CRASH_AT";
/// How many microseconds later it ends.
const AFTER_US: &str = "REREAD_TEST_CRASH_AFTER_US";
/// The file that a child lists its steps in.
const STEPS: &str = "REREAD_TEST_CRASH_STEPS";

/// Set by a person for every step, and not only the first and the last of each name.
const ALL: &str = "REREAD_TEST_ALL_STEPS";

const DIM: usize = 16;

/// From this many passages on an index has a graph here, so that runs end while one is built, too.
const GRAPH_FROM: usize = 30;

static STEPS_DONE: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Counts a step, and ends the process there where a test has asked for it.
pub(crate) fn step(name: &str) {
    if env::var_os(ROOT).is_none() {
        return;
    }
    let mut done = STEPS_DONE.lock().expect("nothing panics while it is held");
    let n_before = done.iter().filter(|other| *other == name).count();
    done.push(name.to_owned());
    let this = format!("{name}, {n_before} before");
    if let Some(path) = env::var_os(STEPS) {
        let file = OpenOptions::new().create(true).append(true).open(path);
        writeln!(file.expect("a list of steps"), "{this}").expect("a line");
    }
    if env::var(AT).is_ok_and(|at| at == this) {
        // No destructor runs, as when the system kills a process.
        let Ok(after) = env::var(AFTER_US) else {
            std::process::abort()
        };
        let after = Duration::from_micros(after.parse().expect("a number"));
        thread::spawn(move || {
            thread::sleep(after);
            std::process::abort();
        });
    }
}

/// Counts letters.
struct Letters(ModelIdentity);

impl Letters {
    fn new() -> Arc<Self> {
        Arc::new(Self(ModelIdentity {
            name: "letters".to_owned(),
            revision: String::new(),
            digest: "letters".to_owned(),
        }))
    }
}

impl Embedder for Letters {
    fn model(&self) -> &ModelIdentity {
        &self.0
    }

    fn dim(&self) -> usize {
        DIM
    }

    fn embed_query(&self, query: &str) -> Result<Vec<f32>, BoxError> {
        self.embed_passages(&[query])
    }

    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
        let row = |text: &&str| {
            let mut row = [0.1f32; DIM];
            text.bytes()
                .for_each(|byte| row[byte as usize % DIM] += 1.0);
            let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt();
            row.map(|value| value / norm)
        };
        Ok(passages.iter().flat_map(row).collect())
    }
}

fn index(root: &Path) {
    let hnsw = HnswOptions::default().with_from_passages(GRAPH_FROM);
    let options = IndexOptions::default()
        .with_checkpoint(Duration::ZERO)
        .with_hnsw(hnsw);
    let folder = root.join(".reread");
    let writer = IndexWriter::open(&folder, Some(root), Letters::new(), options).expect("a writer");
    update(writer, root, &IndexRun::default()).expect("indexed");
}

#[test]
fn child_that_indexes_and_may_end_at_a_step() {
    if let Some(root) = env::var_os(ROOT).map(PathBuf::from) {
        index(&root);
    }
}

/// A process that indexes, up to a step if one is given.
fn child(root: &Path, at: Option<&str>, steps: Option<&Path>) -> Command {
    let mut command = Command::new(env::current_exe().expect("this test"));
    command
        .args([
            "--exact",
            "crash::tests::child_that_indexes_and_may_end_at_a_step",
        ])
        .env(ROOT, root)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(at) = at {
        command.env(AT, at);
    }
    if let Some(steps) = steps {
        command.env(STEPS, steps);
    }
    command
}

/// Whether a process comes to its end.
fn succeeds(mut command: Command) -> bool {
    command.status().expect("a child").success()
}

/// Opens an index in which doctor finds nothing wrong but what a crash leaves over.
fn sound(folder: &Path, what: &str) -> Snapshot {
    let diagnosis = diagnose(folder).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(diagnosis.verdict(), Verdict::Sound, "{what}: {diagnosis:?}");
    Snapshot::open(folder).unwrap_or_else(|error| panic!("{what}: {error}"))
}

fn write(root: &Path, name: &str, text: &str) {
    fs::write(root.join(name), text).expect("a file");
}

/// What a folder holds before the run, and then.
fn before(root: &Path) {
    write(root, "gone.md", "# Gone\nThis file goes away.");
    write(
        root,
        "new.md",
        "# Old\nThis text is replaced by another one.",
    );
    write(
        root,
        "same.md",
        "# Same\nThis stays as it is, whatever happens.",
    );
}

fn after(root: &Path) {
    fs::remove_file(root.join("gone.md")).expect("it was there");
    write(
        root,
        "new.md",
        "# New\nThis text has come in place of the old one.",
    );
    write(
        root,
        "added.md",
        "# Added\nA third file, that was not there before.",
    );
    let records: Vec<String> = (0..70)
        .map(|i| format!("{{\"_id\":\"r{i}\",\"text\":\"record number {i}\"}}"))
        .collect();
    write(root, "records.jsonl", &records.join("\n"));
}

/// Every passage of an index by document, with its vector.
fn content(snapshot: &Snapshot) -> Vec<(String, String, Vec<u32>)> {
    let ids: Vec<_> = snapshot.live_keys().map(|(_, id)| id).collect();
    let mut content: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let passage = snapshot.passage_at(id).expect("a passage");
            let vector = snapshot.vector(passage.key).expect("a vector");
            let bits = vector.iter().map(|value| value.to_bits()).collect();
            (passage.doc_id, passage.text, bits)
        })
        .collect();
    content.sort();
    content
}

/// The best passages for some questions, by words and by meaning.
fn answers(snapshot: &Snapshot) -> Vec<Vec<String>> {
    let ask = |question: &str| {
        let query = Query::parse(question);
        let vector = Letters::new().embed_query(question).expect("a vector");
        let options = RetrieveOptions::default();
        let request = Request {
            query: &query,
            vector: Some(&vector),
            options: &options,
            cancel: &CancelToken::default(),
        };
        let found = snapshot.retrieve(&request).expect("an answer").found;
        let candidates = found.into_candidates(&options).into_iter();
        candidates.take(3).map(|it| it.passage.doc_id).collect()
    };
    ["stays whatever", "old text replaced", "record number 33"]
        .map(ask)
        .into()
}

/// Ends a run at each of its steps: each time the index is whole, and the next run does the rest.
fn crash_everywhere(begin: impl Fn(&Path), had_index: bool) -> (usize, usize) {
    let undisturbed = tempfile::tempdir().expect("a folder");
    begin(undisturbed.path());
    let steps = undisturbed.path().join("steps.bin");
    assert!(succeeds(child(undisturbed.path(), None, Some(&steps))));
    let names = fs::read_to_string(&steps).expect("steps");
    let names: Vec<&str> = names.lines().collect();
    let wanted = Snapshot::open(&undisturbed.path().join(".reread")).expect("an index");
    assert!(names.len() > 60, "{} steps", names.len());
    let mut n_ended = 0;
    for what in chosen(&names) {
        let root = tempfile::tempdir().expect("a folder");
        begin(root.path());
        let folder = root.path().join(".reread");
        // How many files the lexical index has, and so how many steps, depends on its threads.
        if succeeds(child(root.path(), Some(what), None)) {
            continue;
        }
        n_ended += 1;
        if had_index || folder.join("MANIFEST").exists() {
            let first = &answers(&sound(&folder, what))[0];
            assert!(!had_index || first[0] == "same.md", "{what}: {first:?}");
        }
        index(root.path());
        let snapshot = sound(&folder, what);
        assert!(!snapshot.is_unfinished(), "{what}");
        assert!(
            content(&snapshot) == content(&wanted),
            "{what}: other content"
        );
        assert_eq!(answers(&snapshot), answers(&wanted), "{what}");
        let left = fs::read_dir(&folder).expect("a folder").count();
        let expected = 4 + snapshot.manifest.segments.len() + 1;
        assert_eq!(left, expected, "{what}: rubbish is left");
    }
    assert!(n_ended >= 18, "only {n_ended}");
    (n_ended, names.len())
}

/// The steps at which a run is ended.
fn chosen<'n>(names: &[&'n str]) -> Vec<&'n str> {
    let kind = |name: &'n str| name.split(',').next().unwrap_or_default();
    let is_edge = |at: usize| {
        let same = |other: &&'n str| kind(other) == kind(names[at]);
        names.iter().position(same) == Some(at) || names.iter().rposition(same) == Some(at)
    };
    let all = env::var_os(ALL).is_some();
    let positions = (0..names.len()).filter(|&at| all || is_edge(at));
    positions.map(|at| names[at]).collect()
}

#[test]
fn a_first_run_that_ends_at_any_step_is_finished_by_the_next() {
    let first = |root: &Path| {
        before(root);
        after(root);
    };
    let (n, of) = crash_everywhere(first, false);
    println!("ended at {n} of {of} steps of a first run");
}

#[test]
fn an_update_that_ends_at_any_step_leaves_a_whole_index() {
    let update = |root: &Path| {
        before(root);
        index(root);
        after(root);
    };
    let (n, of) = crash_everywhere(update, true);
    println!("ended at {n} of {of} steps of an update");
}
