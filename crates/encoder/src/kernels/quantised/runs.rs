//! How a panel of bytes is cut into runs, whose products fit into words: see [`Pairs`](super::Pairs).

/// What the weights of one sign may add up to so that no sum of their products with bytes leaves a
/// word: `255 * 128 < 2^15`.
const MOST: u8 = 128;

/// The lengths of a run that are tried, from short to long.
const RUNS: [usize; 11] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48];

/// A line at the end of a panel takes the time of this many groups within a run.
const COST_OF_EXTRA: usize = 3;

/// How one panel is cut into runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kernels) struct PanelRuns {
    /// Where its groups begin.
    pub(super) at: usize,
    /// Groups whose products are added up as words.
    pub(super) len: usize,
    /// The groups of the lines at its end; a panel has 16,384 groups at most.
    pub(super) extra: Vec<u16>,
}

impl PanelRuns {
    /// Tells whether the panel ends within `len` integers and all lines at its end are of one of
    /// its groups.
    pub(super) fn is_within(&self, n_groups: usize, width: usize, len: usize) -> bool {
        let n_lines = n_groups + self.extra.len();
        self.at + n_lines * width <= len
            && self.len > 0
            && self
                .extra
                .iter()
                .all(|&group| usize::from(group) < n_groups)
    }

    /// Cuts a panel of `[n_groups, width]`, four weights a group, into runs, and returns it with the
    /// lines at its end.
    pub(in crate::kernels) fn pack(panel: &[i32], width: usize) -> (Self, Vec<i32>) {
        let mut weights: Vec<[i8; 4]> = panel.iter().map(|&group| bytes(group)).collect();
        let len = best_len(&weights, width);
        let mut runs = Self {
            at: 0,
            len,
            extra: Vec::new(),
        };
        let mut moved = Vec::new();
        for (number, run) in weights.chunks_mut(len * width).enumerate() {
            let mut room = full(width);
            for (group, line) in run.chunks_exact_mut(width).enumerate() {
                let mut rest = fit(line, &mut room);
                while let Some(mut line) = rest {
                    rest = fit(&mut line, &mut full(width));
                    runs.extra.push((number * len + group) as u16);
                    moved.extend(line);
                }
            }
        }
        weights.extend(moved);
        let groups = weights.into_iter();
        let groups = groups.map(|four| i32::from_le_bytes(four.map(i8::cast_unsigned)));
        (runs, groups.collect())
    }

    /// A panel whose groups begin at `at`.
    pub(super) fn from_parts(at: usize, len: usize, extra: Vec<u16>) -> Self {
        Self { at, len, extra }
    }

    /// The groups of a run.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The groups of the lines at the end.
    pub(super) fn extra(&self) -> &[u16] {
        &self.extra
    }

    /// Says where the groups begin.
    pub(in crate::kernels) fn begin_at(&mut self, at: usize) {
        self.at = at;
    }
}

fn bytes(group: i32) -> [i8; 4] {
    group.to_le_bytes().map(u8::cast_signed)
}

/// The length of the runs with which a panel is read soonest.
fn best_len(weights: &[[i8; 4]], width: usize) -> usize {
    let loads: Vec<[u8; 4]> = weights.iter().copied().map(load).collect();
    let n_groups = weights.len() / width;
    let cost = |len: usize| {
        let n_extra = loads.chunks(len * width).map(|run| n_extra(run, width));
        n_groups.div_ceil(len) + COST_OF_EXTRA * n_extra.sum::<usize>()
    };
    let mut best = (cost(RUNS[0]), RUNS[0]);
    for len in &RUNS[1..] {
        let cost = cost(*len);
        if cost > best.0 {
            break;
        }
        best = (cost, *len);
    }
    best.1
}

/// What the first two and the last two weights of a group add up to, those above 0 and those below.
fn load(weights: [i8; 4]) -> [u8; 4] {
    let [a, b, c, d] = weights;
    let above = |a: i8, b: i8| a.max(0) as u8 + b.max(0) as u8;
    let below = |a: i8, b: i8| {
        a.min(0)
            .unsigned_abs()
            .saturating_add(b.min(0).unsigned_abs())
    };
    [above(a, b), below(a, b), above(c, d), below(c, d)]
}

/// The groups of a run of which something does not fit.
fn n_extra(run: &[[u8; 4]], width: usize) -> usize {
    let mut room = vec![[MOST; 4]; width];
    let overflows = |line: &[[u8; 4]]| {
        let mut any = false;
        for (room, load) in room.as_flattened_mut().iter_mut().zip(line.as_flattened()) {
            any |= load > room;
            *room = room.saturating_sub(*load);
        }
        any
    };
    run.chunks_exact(width)
        .map(overflows)
        .filter(|any| *any)
        .count()
}

/// The room for the weights of each column: of the first two and of the last two, above 0 and below.
type Room = Vec<[[u8; 2]; 2]>;

fn full(width: usize) -> Room {
    vec![[[MOST; 2]; 2]; width]
}

/// Takes what fits into the room that is left, and returns what does not, if anything.
fn fit(line: &mut [[i8; 4]], room: &mut Room) -> Option<Vec<[i8; 4]>> {
    let mut moved = None;
    let width = line.len();
    for (column, (weights, room)) in line.iter_mut().zip(room).enumerate() {
        for (at, weight) in weights.iter_mut().enumerate() {
            let room = &mut room[at / 2][usize::from(*weight < 0)];
            let fits = weight.unsigned_abs().min(*room);
            *room -= fits;
            let kept = (i16::from(fits) * i16::from(weight.signum())) as i8;
            if kept != *weight {
                let moved = moved.get_or_insert_with(|| vec![[0; 4]; width]);
                moved[column][at] = *weight - kept;
                *weight = kept;
            }
        }
    }
    moved
}
