//! The first half of a feed-forward layer with its activation, and attention from quantised rows on:
//! what is worked out in one go is what its parts give.

use super::*;

fn every_set() -> Vec<Kernels> {
    let mut all = Kernels::all();
    if all
        .iter()
        .all(|kernels| kernels.instruction_set() != InstructionSet::Amx)
    {
        all.extend(Kernels::native_or_emulated(InstructionSet::Amx));
    }
    all
}

fn pack(kernels: Kernels, n: usize, k: usize, seed: u64) -> Int8Panels {
    let (weights, bias) = (values(n * k, seed), values(n, seed ^ 7));
    kernels.pack_int8(k, &bias, |row, to| {
        for (to, weight) in to.iter_mut().zip(&weights[row * k..]) {
            *to = (weight * 63.0) as i8;
        }
        0.001
    })
}

fn identity(kernels: Kernels, n: usize) -> Int8Panels {
    kernels.pack_int8(n, &vec![0.0; n], |row, to| {
        to.fill(0);
        to[row] = 1;
        1.0
    })
}

/// Two matrices with `n` between them, and what goes into the first.
struct Feed {
    kernels: Kernels,
    up: Int8Panels,
    down: Int8Panels,
    rows: QuantisedRows,
}

impl Feed {
    fn new(kernels: Kernels, rows: &[f32], n: usize, k: usize, reach: Option<f32>) -> Self {
        let up = pack(kernels, n, k, 5);
        let up = match reach {
            Some(reach) => up.with_reach(reach),
            None => up,
        };
        let mut quantised = QuantisedRows::default();
        kernels.quantise(rows, &up, &mut quantised);
        Self {
            kernels,
            up,
            down: identity(kernels, n),
            rows: quantised,
        }
    }

    fn out(&self, fed: &QuantisedRows) -> Vec<f32> {
        let mut out = vec![f32::NAN; fed.n_rows() * self.down.n()];
        self.kernels
            .linear_int8(&self.down, fed, After::Store, &mut out);
        out
    }

    fn at_once(&self) -> Vec<f32> {
        let mut fed = QuantisedRows::default();
        self.kernels.feed(Between {
            up: &self.up,
            activation: Activation::Gelu,
            rows: (&self.rows).into(),
            down: &self.down,
            to: &mut fed,
            scratch: &mut Activated::default(),
        });
        self.out(&fed)
    }

    fn in_parts(&self, first: usize) -> Vec<f32> {
        let (kernels, activation) = (self.kernels, Activation::Gelu);
        let parts = [0..first, first..self.up.n()].map(|columns| {
            let mut part = Activated::default();
            let columns = self.up.columns(columns);
            kernels.activate_columns(columns, (&self.rows).into(), activation, &mut part);
            part
        });
        let mut whole = Activated::default();
        kernels.join_activated(parts.iter(), &self.up, activation, &mut whole);
        let mut fed = QuantisedRows::default();
        kernels.quantise_activated(&whole, &self.up, activation, &self.down, &mut fed);
        self.out(&fed)
    }

    fn exact(&self) -> Vec<f64> {
        let mut before = vec![f32::NAN; self.rows.n_rows() * self.up.n()];
        self.kernels
            .linear_int8(&self.up, &self.rows, After::Store, &mut before);
        let gelu = |x: f64| x / 2.0 * (1.0 + erf(x / std::f64::consts::SQRT_2));
        before.into_iter().map(|x| gelu(f64::from(x))).collect()
    }
}

#[test]
fn what_is_fed_is_gelu_to_a_step_of_a_byte() {
    for kernels in every_set() {
        for (n_rows, n, k) in [(1, 64, 32), (17, 96, 64), (35, 160, 96), (64, 64, 384)] {
            for reach in [
                None,
                Some(8.0),
                Some(25.0),
                Some(60.0),
                Some(100.0),
                Some(1e6),
            ] {
                let rows = values(n_rows * k, 3);
                let feed = Feed::new(kernels, &rows, n, k, reach);
                let (ours, exact) = (feed.at_once(), feed.exact());
                for (ours, exact) in ours.chunks(n).zip(exact.chunks(n)) {
                    let greatest = exact.iter().copied().fold(0.0, f64::max);
                    let most = (greatest + 0.25) / 255.0 * 0.51 + 6e-3;
                    for (&ours, exact) in ours.iter().zip(exact) {
                        let error = (f64::from(ours) - exact).abs();
                        let set = kernels.instruction_set();
                        assert!(error <= most, "{ours} for {exact} of {greatest} on {set}");
                    }
                }
            }
        }
    }
}

#[test]
fn columns_that_are_fed_apart_are_those_of_the_whole() {
    for kernels in every_set() {
        for (n_rows, first) in [(1, 32), (12, 64), (15, 96), (33, 128)] {
            for reach in [None, Some(20.0)] {
                let rows = values(n_rows * 64, 3);
                let feed = Feed::new(kernels, &rows, 160, 64, reach);
                let set = kernels.instruction_set();
                assert_eq!(feed.at_once(), feed.in_parts(first), "{n_rows} on {set}");
            }
        }
    }
}

#[test]
fn a_row_that_is_fed_is_the_same_wherever_it_stands() {
    let (n, k) = (96, 64);
    for kernels in every_set() {
        let rows = values(45 * k, 3);
        let together = Feed::new(kernels, &rows, n, k, Some(20.0)).at_once();
        for (row, expected) in rows.chunks(k).zip(together.chunks(n)) {
            let alone = Feed::new(kernels, row, n, k, Some(20.0)).at_once();
            assert_eq!(alone, expected, "{}", kernels.instruction_set());
        }
    }
}

#[test]
fn what_is_fed_and_is_not_a_number_stays_so_and_spoils_no_other_row() {
    let (n, k) = (96, 64);
    for kernels in every_set() {
        let mut rows = values(3 * k, 3);
        let expected = Feed::new(kernels, &rows, n, k, Some(20.0)).at_once();
        rows[k..2 * k].fill(f32::NAN);
        let feed = Feed::new(kernels, &rows, n, k, Some(20.0));
        for out in [feed.at_once(), feed.in_parts(32)] {
            assert_eq!(out[..n], expected[..n]);
            assert!(out[n..2 * n].iter().all(|value| value.is_nan()));
            assert_eq!(out[2 * n..], expected[2 * n..]);
        }
    }
}

#[test]
fn attention_from_rows_on_is_that_of_its_parts() {
    for kernels in every_set() {
        for ((n_heads, head_dim), lens) in [
            ((2, 32), &[1_usize, 40, 17, 3][..]),
            ((1, 64), &[33, 5]),
            ((3, 32), &[66]),
        ] {
            let (hidden, n_rows) = (n_heads * head_dim, lens.iter().sum::<usize>());
            // Three rows that belong to others stand before.
            let rows = values((n_rows + 3) * hidden, 3);
            let query = pack(kernels, hidden, hidden, 5);
            let keys_values = pack(kernels, 2 * hidden, hidden, 6);
            let reader = identity(kernels, hidden);
            let mut quantised = QuantisedRows::default();
            kernels.quantise(&rows, &query, &mut quantised);
            let mut scratch = IntAttentionScratch::default();
            let mut run = |rows: QuantisedPart<'_>, lens: &[usize]| {
                let mut to = QuantisedRows::default();
                kernels.attend_rows(RowAttention {
                    n_heads,
                    head_dim,
                    query: &query,
                    keys_values: &keys_values,
                    rows,
                    lens,
                    reader: &reader,
                    to: &mut to,
                    first: 0,
                    scratch: &mut scratch,
                });
                let mut out = vec![f32::NAN; rows.n_rows() * hidden];
                kernels.linear_int8(&reader, &to, After::Store, &mut out);
                out
            };
            let together = run(quantised.part(3..3 + n_rows), lens);
            let mut first = 0;
            for &len in lens {
                let part = quantised.part(3 + first..3 + first + len);
                let expected = &together[first * hidden..(first + len) * hidden];
                first += len;
                assert_eq!(run(part, &[len]), expected);
                let mut queries = vec![f32::NAN; len * hidden];
                kernels.linear_int8_by_heads(&query, part, head_dim, &mut queries);
                let mut both = vec![f32::NAN; 2 * len * hidden];
                kernels.linear_int8_by_heads(&keys_values, part, head_dim, &mut both);
                let (keys, values) = both.split_at(len * hidden);
                let of = |values| HeadRows {
                    values,
                    n_rows: len,
                    rows: 0..len,
                };
                let mut out = vec![f32::NAN; len * hidden];
                kernels.attend_int8(IntAttention {
                    n_heads,
                    head_dim,
                    queries: of(&queries),
                    keys: of(keys),
                    values: of(values),
                    out: &mut out,
                    scratch: &mut IntAttentionScratch::default(),
                });
                let mut to = QuantisedRows::default();
                kernels.quantise(&out, &reader, &mut to);
                kernels.linear_int8(&reader, &to, After::Store, &mut out);
                assert_eq!(out, expected, "{}", kernels.instruction_set());
            }
        }
    }
}
