//! Where does the time of a forward pass go, and how far from the machine's peak is each stage?
//!
//! ```text
//! cargo bench --profile dev -p reread-encoder --bench stages -- [--cpu NAME] [--tokens N]
//! ```
//!
//! For one layer of the shipped models' shape (width 384, 12 heads, feed-forward 1,536) and one
//! sequence of N tokens: the shortest of many runs of each stage, in microseconds, in operations a
//! second, and against the peak of the multiply-and-add units, which is measured here too. One
//! thread; inputs look random, since constant ones run faster than real ones.
#![allow(clippy::print_stdout, reason = "a table is what this program is for")]
#![allow(
    dead_code,
    unused_imports,
    reason = "the kernels are compiled in here to reach what is private"
)]
#![allow(missing_docs, unreachable_pub, reason = "as above")]

#[path = "../src/instruction_set.rs"]
mod instruction_set;
#[path = "../src/kernels/mod.rs"]
mod kernels;

use std::time::Instant;

use instruction_set::InstructionSet;
use kernels::{
    Activated, Activation, After, Between, Int8Panels, IntAttentionScratch, Kernels, Norm,
    QuantisedRows, RowAttention,
};

const HIDDEN: usize = 384;
const BETWEEN: usize = 1536;
const N_HEADS: usize = 12;

/// Values in -2..2 that look random, the same for the same seed.
fn values(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1 << 22) as f32 - 2.0
    };
    (0..len).map(|_| next()).collect()
}

/// Seconds of the shortest of many runs.
fn shortest(mut run: impl FnMut()) -> f64 {
    let started = Instant::now();
    let mut best = f64::MAX;
    while started.elapsed().as_secs_f64() < 0.3 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

struct Table {
    /// Operations a second: of the linear layers and of attention.
    peaks: [f64; 2],
    sum: f64,
}

impl Table {
    /// Prints a stage of this many operations in linear layers and in attention (0 where counting makes
    /// no sense) against the peaks.
    fn row(&mut self, name: &str, operations: [usize; 2], seconds: f64) {
        let all = operations[0] + operations[1];
        let of_peak = if all > 0 {
            let bound: f64 = operations
                .iter()
                .zip(self.peaks)
                .map(|(&operations, peak)| operations as f64 / peak)
                .sum();
            let rate = all as f64 / seconds / 1e9;
            format!("{rate:.0} | {:.0} %", bound / seconds * 100.0)
        } else {
            " | ".to_owned()
        };
        println!("| {name} | {:.1} | {of_peak} |", seconds * 1e6);
        self.sum += seconds;
    }
}

fn main() {
    let mut tokens = vec![128, 256];
    let mut sets = InstructionSet::available();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_default();
        match argument.as_str() {
            "--cpu" => sets = vec![value().parse().expect("a name of an instruction set")],
            "--tokens" => tokens = vec![value().parse().expect("a number of tokens")],
            _ => {}
        }
    }
    for set in sets {
        let Some(kernels) = Kernels::of(set) else {
            println!("{set}: skipped, this machine has none");
            continue;
        };
        for &n_tokens in &tokens {
            stages(kernels, n_tokens);
        }
    }
}

fn stages(kernels: Kernels, n_tokens: usize) {
    let peaks = kernels.peaks();
    let mut table = Table { peaks, sum: 0.0 };
    println!(
        "\n{}, {n_tokens} tokens, one layer; peak {:.0} GOP/s in linear layers, {:.0} in attention\n",
        kernels.instruction_set(),
        peaks[0] / 1e9,
        peaks[1] / 1e9,
    );
    println!("| stage | us | GOP/s | of peak |\n|---|---|---|---|");
    let norm = Norm {
        gain: values(HIDDEN, 3),
        shift: values(HIDDEN, 4),
        epsilon: 1e-12,
    };
    let pack = |n: usize, k: usize| -> Int8Panels {
        let weights = values(n * k, 5);
        kernels.pack_int8(k, &values(n, 6), |row, to| {
            for (to, value) in to.iter_mut().zip(&weights[row * k..]) {
                *to = (value * 60.0) as i8;
            }
            0.0005
        })
    };
    let mut rows = values(n_tokens * HIDDEN, 1);
    let mut input = QuantisedRows::default();
    let (query, keys_values) = (pack(HIDDEN, HIDDEN), pack(2 * HIDDEN, HIDDEN));
    let (output, down) = (pack(HIDDEN, HIDDEN), pack(HIDDEN, BETWEEN));
    let up = pack(BETWEEN, HIDDEN).with_reach(30.0);
    kernels.quantise(&rows, &query, &mut input);

    let mut mixed = QuantisedRows::default();
    let mut scratch = IntAttentionScratch::default();
    let seconds = shortest(|| {
        kernels.attend_rows(RowAttention {
            n_heads: N_HEADS,
            head_dim: HIDDEN / N_HEADS,
            query: &query,
            keys_values: &keys_values,
            rows: (&input).into(),
            lens: &[n_tokens],
            reader: &output,
            to: &mut mixed,
            first: 0,
            scratch: &mut scratch,
        });
    });
    let linear = |n: usize, k: usize| [2 * n_tokens * n * k, 0];
    let operations = [
        linear(3 * HIDDEN, HIDDEN)[0],
        4 * n_tokens * n_tokens * HIDDEN,
    ];
    table.row(
        "query, key, value, attention, quantise",
        operations,
        seconds,
    );

    let mut norm_and_quantise = |table: &mut Table| {
        let mut to = QuantisedRows::default();
        let seconds = shortest(|| kernels.norm_and_quantise(&mut rows, &norm, &up, &mut to, 0));
        table.row("norm and quantise", [0, 0], seconds);
    };
    let mut out = vec![0.0; n_tokens * HIDDEN];
    let seconds = shortest(|| kernels.linear_int8(&output, &mixed, After::Add, &mut out));
    table.row("output, 384 to 384", linear(HIDDEN, HIDDEN), seconds);
    norm_and_quantise(&mut table);

    let mut fed = QuantisedRows::default();
    let mut scratch = Activated::default();
    let seconds = shortest(|| {
        kernels.feed(Between {
            up: &up,
            activation: Activation::Gelu,
            rows: (&input).into(),
            down: &down,
            to: &mut fed,
            scratch: &mut scratch,
        });
    });
    let name = "up, GELU, quantise, 384 to 1536";
    table.row(name, linear(BETWEEN, HIDDEN), seconds);
    let seconds = shortest(|| kernels.linear_int8(&down, &fed, After::Add, &mut out));
    table.row("down, 1536 to 384", linear(HIDDEN, BETWEEN), seconds);
    norm_and_quantise(&mut table);
    let linear = 2 * n_tokens * (4 * HIDDEN * HIDDEN + 2 * HIDDEN * BETWEEN);
    let bound = linear as f64 / peaks[0] + (4 * n_tokens * n_tokens * HIDDEN) as f64 / peaks[1];
    println!(
        "| all | {:.1} | | {:.0} % |",
        table.sum * 1e6,
        bound / table.sum * 100.0
    );
}
