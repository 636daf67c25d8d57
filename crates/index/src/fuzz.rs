//! Hostile bytes for every reader: no input panics, hangs or reaches outside the index.
//!
//! Inputs are mutations of saved ones (`tests/corpus/<target>/`, and sound files made here). A plain
//! test run tries a few thousand with a fixed seed; `just fuzz` goes on for as long as it is told to.
//! An input that fails is written to the corpus, from where every later run tries it first.
#![allow(
    clippy::print_stdout,
    reason = "how much was tried is worth seeing, and the seed is needed after a failure"
)]

mod mutate;
mod targets;

use std::env;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

use self::mutate::Mutator;

/// No single input may take longer on a processor, whatever else the machine does. A hundred times what any
/// has taken.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// What is tried: how sound inputs look, what may stand in them, and what reads them.
struct Target {
    name: &'static str,
    /// How many inputs a plain test run tries.
    n_inputs: usize,
    seeds: Vec<Vec<u8>>,
    /// Pieces that mean something to the reader.
    words: &'static [&'static str],
}

/// Reads mutated inputs. Returns how many it has tried.
fn run(target: Target, mut read: impl FnMut(&[u8])) -> usize {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(target.name);
    let mut inputs = target.seeds;
    inputs.extend(saved(&folder));
    assert!(!inputs.is_empty(), "{} has no corpus", target.name);
    let mut n_tried = 0;
    let mut longest = Duration::ZERO;
    let mut attempt = |input: &[u8]| {
        let started = ThreadTime::now();
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| read(input)));
        longest = longest.max(started.elapsed());
        if outcome.is_err() || started.elapsed() > TIME_LIMIT {
            let name = format!("found-{}", &blake3::hash(input).to_hex()[..16]);
            fs::create_dir_all(&folder).expect("a folder");
            fs::write(folder.join(&name), input).expect("the input is kept");
            panic!("{}: {name} panics or takes too long", target.name);
        }
    };
    for input in &inputs {
        attempt(input);
        n_tried += 1;
    }
    let seed = number("REREAD_FUZZ_SEED").unwrap_or(1);
    let seconds = number("REREAD_FUZZ_SECONDS").map(Duration::from_secs);
    let mut mutator = Mutator::new(seed, target.words);
    let started = Instant::now();
    let goes_on = |n: usize| match seconds {
        Some(limit) => started.elapsed() < limit,
        None => n < target.n_inputs,
    };
    while goes_on(n_tried) {
        attempt(&mutator.next(&inputs));
        n_tried += 1;
    }
    println!(
        "{}: {n_tried} inputs, seed {seed}, at most {longest:.1?} for one",
        target.name
    );
    n_tried
}

fn saved(folder: &PathBuf) -> Vec<Vec<u8>> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: &PathBuf| fs::read(path).expect("a saved input");
    paths.iter().map(read).collect()
}

fn number(name: &str) -> Option<u64> {
    env::var(name)
        .ok()
        .map(|value| value.parse().expect("a number"))
}
