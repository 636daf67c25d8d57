//! The table of speeds, for pairs and for passages alike.

use crate::figures::{head, row, spread};
use crate::race::{Lap, Record};

/// The contestant that only tokenises.
pub(crate) const TOKENISING: &str = "tokenising";

/// How much work a task is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Pairs or passages.
    pub(crate) n_items: usize,
    /// Tokens of all of them, special ones included, padding not.
    pub(crate) n_tokens: usize,
}

pub(crate) fn find<'a>(records: &'a [Record], name: &str) -> Option<&'a Record> {
    records.iter().find(|record| record.name == name)
}

/// Prints what each contestant made of tasks of these sizes, beside the one called `rival`.
///
/// "A core" is a second of processor time of the whole process, whatever the number of threads;
/// ratios are taken task by task.
pub(crate) fn speeds(records: &[Record], sizes: &[Size], items: &str, rival: &str) {
    let (Some(tokenising), Some(rival)) = (find(records, TOKENISING), find(records, rival)) else {
        return;
    };
    println!();
    head(&[
        "median (quartiles)",
        "runs",
        "ms a run",
        &format!("{items}/s"),
        "tokens/s a core",
        "the same without tokenising",
        "share of tokenising, %",
        "times onnxruntime, wall",
        "times onnxruntime, a core",
    ]);
    for record in records.iter().filter(|record| record.name != TOKENISING) {
        let ms = record.each(sizes, |lap, _| lap.wall * 1e3);
        let items = record.each(sizes, |lap, size| size.n_items as f64 / lap.wall);
        let tokens = record.each(sizes, |lap, size| size.n_tokens as f64 / lap.cpu);
        let model = model_time(record, tokenising);
        let model_tokens = model.each(sizes, |lap, size| size.n_tokens as f64 / lap.cpu);
        let share = record.beside(tokenising, |lap, tokenising| {
            100.0 * tokenising.cpu / lap.cpu
        });
        let wall = record.beside(rival, |lap, rival| rival.wall / lap.wall);
        let core = model.beside(&model_time(rival, tokenising), |lap, rival| {
            rival.cpu / lap.cpu
        });
        row(&[
            record.name.clone(),
            ms.len().to_string(),
            spread(&ms, 1),
            spread(&items, 1),
            spread(&tokens, 0),
            spread(&model_tokens, 0),
            spread(&share, 1),
            spread(&wall, 2),
            spread(&core, 2),
        ]);
    }
    let speed = tokenising.each(sizes, |lap, size| size.n_tokens as f64 / lap.cpu);
    println!("\nTokenising: {} tokens/s on one thread", spread(&speed, 0));
}

/// Prints how much faster two threads are than one.
pub(crate) fn two_against_one(records: &[Record], one: &str, two: &str) {
    if let (Some(one), Some(two)) = (find(records, one), find(records, two)) {
        let ratio = one.beside(two, |one, two| one.wall / two.wall);
        println!(
            "\nTwo threads against one, wall: {} times",
            spread(&ratio, 2)
        );
    }
}

/// The laps with the processor time of tokenising taken off.
fn model_time(record: &Record, tokenising: &Record) -> Record {
    let both = record.laps.iter().zip(&tokenising.laps);
    let model = both.map(|(lap, tokenising)| {
        let (lap, tokenising) = ((*lap)?, (*tokenising)?);
        let cpu = (lap.cpu - tokenising.cpu).max(f64::MIN_POSITIVE);
        Some(Lap { cpu, ..lap })
    });
    Record {
        name: record.name.clone(),
        laps: model.collect(),
        answers: Vec::new(),
    }
}

/// The wall time of each lap in milliseconds, for each of `n_calls` calls in it.
pub(crate) fn ms_a_call(record: &Record, n_calls: usize) -> Vec<f64> {
    let laps = record.laps.iter().flatten();
    laps.map(|lap| lap.wall * 1e3 / n_calls as f64).collect()
}
