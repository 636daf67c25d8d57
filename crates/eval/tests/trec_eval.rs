//! The measures against `trec_eval` itself, over generated judgements and runs with ties, missing
//! queries, and grades above 1 and below 0.
//!
//! `trec_eval/fixture.json` keeps one such comparison for machines without Python;
//! `trec_eval/expected.py` made its values. The other test makes new ones with
//! `pytrec_eval-terrier`, which pip installs into the target folder.
#![allow(clippy::unwrap_used)] // A panic is how a test fails.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use reread_eval::{Grades, Measure, Qrels, Run, evaluate};
use serde::{Deserialize, Serialize};

const PACKAGE: &str = "pytrec_eval-terrier==0.5.11";
const TOLERANCE: f64 = 1e-6;

/// Judgements and a run, in the form of `expected.py`.
#[derive(Serialize, Deserialize)]
struct Given {
    qrels: BTreeMap<String, BTreeMap<String, i32>>,
    run: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Values by measure and query.
type Expected = BTreeMap<String, BTreeMap<String, f64>>;

#[derive(Serialize, Deserialize)]
struct Fixture {
    given: Given,
    expected: Expected,
}

#[test]
fn measures_equal_the_values_that_trec_eval_gave() {
    let path = here().join("fixture.json");
    let fixture: Fixture = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    compare(&fixture.given, &fixture.expected);
}

#[test]
fn measures_equal_those_of_trec_eval() {
    let package = match installed_package() {
        Ok(package) => package,
        Err(reason) => {
            // Past the test harness, which hides what passing tests print.
            let message = format!("\nSKIPPED (comparison with trec_eval): {reason}\n");
            std::io::stderr().write_all(message.as_bytes()).unwrap();
            return;
        }
    };
    for seed in 0..40 {
        let given = generate(seed);
        let expected = trec_eval(&package, &given);
        compare(&given, &expected);
    }
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trec_eval")
}

/// Compares every value, through files in TREC form as users have them.
fn compare(given: &Given, expected: &Expected) {
    let (grades, run) = through_files(given);
    assert!(expected.len() > 20, "{}", expected.len());
    for (name, of_queries) in expected {
        let measure: Measure = name.parse().unwrap();
        let evaluation = evaluate(&run, &grades, &[measure]);
        let mut n_compared = 0;
        for found in &evaluation.queries {
            // trec_eval says nothing of a query that the run leaves out; we say 0.
            let wanted = of_queries.get(&found.query).copied().unwrap_or(0.0);
            let value = found.values[0];
            assert!(
                (value - wanted).abs() < TOLERANCE,
                "{name}, query {}: {value}, trec_eval says {wanted}",
                found.query
            );
            n_compared += usize::from(of_queries.contains_key(&found.query));
        }
        assert_eq!(n_compared, of_queries.len(), "{name}");
    }
}

fn through_files(given: &Given) -> (Grades, Run) {
    let folder = tempfile::tempdir().unwrap();
    let (qrels, run) = (folder.path().join("qrels"), folder.path().join("run"));
    let mut text = String::new();
    for (query, judged) in &given.qrels {
        for (document, grade) in judged {
            let _ = writeln!(text, "{query} 0 {document} {grade}");
        }
    }
    fs::write(&qrels, text).unwrap();
    let mut text = String::new();
    for (query, results) in &given.run {
        for (document, score) in results {
            let _ = writeln!(text, "{query} Q0 {document} 0 {score} test");
        }
    }
    fs::write(&run, text).unwrap();
    (
        Qrels::read(&qrels).unwrap().grades(),
        Run::read(&run).unwrap(),
    )
}

/// A few queries: some without results, some without judgements, few distinct scores (so, many
/// ties), grades from -2 to 3, lists shorter and longer than the cut-offs.
fn generate(seed: u64) -> Given {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |n: u32| random.next_u32() % n;
    let mut given = Given {
        qrels: BTreeMap::new(),
        run: BTreeMap::new(),
    };
    for query in 0..6 {
        let query = format!("q{query}");
        let n_documents = 1 + below(150);
        if below(6) > 0 {
            let n_judged = 1 + below(30);
            let mut judged: BTreeMap<String, i32> = BTreeMap::new();
            for _ in 0..n_judged {
                let document = format!("d{}", below(n_documents + 10));
                judged.insert(document, below(6) as i32 - 2);
            }
            // trec_eval writes outside its memory where all grades of a query are negative.
            judged.insert("d0".to_owned(), below(3) as i32);
            given.qrels.insert(query.clone(), judged);
        }
        if below(6) > 0 {
            let n_scores = 1 + below(40);
            let results = (0..n_documents).map(|document| {
                let score = f64::from(below(n_scores)) / 7.0 - 1.0;
                (format!("d{document}"), score)
            });
            given.run.insert(query, results.collect());
        }
    }
    given
}

fn trec_eval(package: &Path, given: &Given) -> Expected {
    let mut child = Command::new(python())
        .arg(here().join("expected.py"))
        .env("PYTHONPATH", package)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_vec(given).unwrap();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "expected.py failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn python() -> &'static str {
    let works = |name: &&str| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    ["python3", "python"]
        .into_iter()
        .find(works)
        .unwrap_or("python3")
}

/// The folder that pip installed to, filled if it is not yet.
fn installed_package() -> Result<PathBuf, String> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pytrec-eval-wheel");
    if target.is_dir() {
        return Ok(target);
    }
    // Made under another name first, so that an interrupted run is not taken for whole.
    let unfinished = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let output = Command::new(python())
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args([
            "--no-deps",
            "--only-binary",
            ":all:",
            "--retries",
            "1",
            "--timeout",
            "20",
        ])
        .arg("--target")
        .arg(unfinished.path())
        .arg(PACKAGE)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", python()))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let last = stderr.lines().rfind(|line| line.contains("ERROR"));
        let reason = last.unwrap_or_default();
        return Err(format!("cannot install {PACKAGE} with pip: {reason}"));
    }
    // Another test process may have been quicker; its copy is as good.
    let _ = fs::rename(unfinished.keep(), &target);
    Ok(target)
}
