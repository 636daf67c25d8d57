//! How fast are loading, tokenising, one query, scoring and embedding on this machine?
//!
//! Prints a table for the two shipped models, with one thread and with two. The figure to compare
//! the passes with is the peak of the multiply-add units, measured in the same run; only runs on a
//! quiet machine say anything.
#![allow(clippy::print_stdout, reason = "a table is what this program is for")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reread_encoder::{InstructionSet, Model, ModelOptions};

/// Floating-point operations of a pass: two for each weight of the 12 layers and each token, and
/// two for each pair of tokens, hidden value and product of attention.
fn gflop(n_tokens: usize) -> f64 {
    let per_token = 2.0 * 12.0 * (4.0 * 384.0 * 384.0 + 2.0 * 384.0 * 1536.0);
    let attention = 2.0 * 12.0 * 2.0 * 384.0 * n_tokens as f64;
    n_tokens as f64 * (per_token + attention) / 1e9
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../data/models")
        .join(name)
}

/// The shortest of `n_runs` runs, which is the one that was disturbed least.
fn shortest(n_runs: usize, mut run: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    (0..n_runs).map(time).min().unwrap_or_default()
}

/// The processor time of this process so far, where the system tells it (in steps of 10 ms).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    fields
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// A text of words that are one token each.
fn words(n_words: usize) -> String {
    let list = [
        "water", "house", "king", "music", "paper", "river", "stone", "light", "road",
    ];
    let words: Vec<_> = (0..n_words)
        .map(|at| list[(at * at + at / 3) % list.len()])
        .collect();
    words.join(" ")
}

/// Times `run`, which reads `n_texts` texts of `n_tokens` tokens, and prints a line.
fn report(
    what: &str,
    n_threads: usize,
    n_texts: usize,
    n_tokens: usize,
    n_runs: usize,
    run: impl FnMut(),
) {
    let before = cpu_seconds();
    let seconds = shortest(n_runs, run).as_secs_f64();
    let cpu = (cpu_seconds() - before) / n_runs as f64;
    println!(
        "{what:<24} {n_threads} threads {:>8.2} ms a text {:>7.0} tokens/s {:>6.1} GFLOP/s \
         {:>6.0} tokens a processor second",
        seconds * 1e3 / n_texts as f64,
        (n_texts * n_tokens) as f64 / seconds,
        n_texts as f64 * gflop(n_tokens) / seconds,
        (n_texts * n_tokens) as f64 / cpu,
    );
}

/// The instruction set that `--cpu` names, else the fastest.
fn options() -> ModelOptions {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--cpu");
    let options = ModelOptions::default();
    match arguments.nth(1) {
        None => options,
        Some(name) => {
            let set: InstructionSet = name.parse().expect("a name of an instruction set");
            options.with_instruction_set(set)
        }
    }
}

/// Times how real passages are cut into at most 256 tokens, and prints a line for the encoder and
/// one for the `tokenizers` crate by itself.
fn report_tokenising(cross_encoder: &Path) {
    let model = Model::open(cross_encoder).expect("the model is shipped");
    let by_crate = tokenizers::Tokenizer::from_file(cross_encoder.join("tokenizer.json"));
    let mut by_crate = by_crate.expect("the tokenizer is shipped");
    by_crate.with_padding(None);
    let passages = passages(cross_encoder);
    let count = |passage: &str| {
        model
            .tokenizer()
            .encode(passage, 256)
            .map_or(0, |it| it.len())
    };
    let count_by_crate = |passage: &str| {
        let encoding = by_crate.encode_fast(passage, true);
        encoding.map_or(0, |it| it.len().min(256))
    };
    let report = |what: &str, count: &dyn Fn(&str) -> usize| {
        let n_tokens: usize = passages.iter().map(|passage| count(passage)).sum();
        let seconds = shortest(20, || {
            for passage in &passages {
                black_box(count(passage));
            }
        });
        println!(
            "{what:<24} 1 threads {:>31.0} tokens/s",
            n_tokens as f64 / seconds.as_secs_f64()
        );
    };
    report("tokenise", &count);
    report("tokenise by the crate", &count_by_crate);
}

/// The passages of the pairs that the model is tested with.
fn passages(cross_encoder: &Path) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Reference {
        pairs: Vec<Pair>,
    }
    #[derive(serde::Deserialize)]
    struct Pair {
        passage: String,
    }
    let reference = std::fs::read(cross_encoder.join("reference.json")).unwrap_or_default();
    let reference: Reference = serde_json::from_slice(&reference).expect("the pairs are shipped");
    reference
        .pairs
        .into_iter()
        .map(|pair| pair.passage)
        .collect()
}

fn main() {
    let options = options();
    let embedder = folder("bge-small-en-v1.5");
    let cross_encoder = folder("reread-MiniLM-L12-v1");
    report_tokenising(&cross_encoder);
    for n_threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build();
        let pool = pool.expect("a pool of two threads can be made");
        pool.install(|| {
            let open = |dir: &Path| Model::open_with(dir, &options).expect("the model is shipped");
            for (what, options) in [
                ("load bge-small", options.clone()),
                (
                    "load bge-small, packed weights kept",
                    options.clone().with_packed_kept(None),
                ),
            ] {
                // With the digest, which whoever keeps vectors asks for.
                let loading = shortest(9, || {
                    let model = Model::open_with(&embedder, &options);
                    model.expect("the model is shipped").identity();
                });
                println!("{what:<36} {n_threads} threads {loading:>8.1?}");
            }
            let (embedder, cross_encoder) = (open(&embedder), open(&cross_encoder));
            println!("instruction set {}", embedder.instruction_set());

            for n_tokens in [12, 32] {
                let query = words(n_tokens - 2);
                report("embed one query", n_threads, 1, n_tokens, 100, || {
                    drop(embedder.embed(&[&query], 512));
                });
            }
            for n_tokens in [64, 128, 256, 512] {
                let passage = words(n_tokens - 8);
                let passages = vec![passage.as_str(); 16];
                let what = format!("score pairs of {n_tokens}");
                report(&what, n_threads, 16, n_tokens - 1, 5, || {
                    drop(cross_encoder.score("of how many parts", &passages, 512));
                });
            }
            let passage = words(198);
            let passages = vec![passage.as_str(); 32];
            report("embed passages of 200", n_threads, 32, 200, 5, || {
                drop(embedder.embed(&passages, 512));
            });
        });
    }
}
