//! Changes to inputs, the same for a seed everywhere.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// An input grows no longer.
const MAX_BYTES: usize = 64 << 10;

/// Numbers at the edges of what lengths and offsets can be.
const EDGES: [u64; 12] = [
    0,
    1,
    7,
    0x7f,
    0x80,
    0xff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 40,
    u64::MAX,
];

pub(super) struct Mutator {
    random: ChaCha8Rng,
    words: &'static [&'static str],
}

impl Mutator {
    pub(super) fn new(seed: u64, words: &'static [&'static str]) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            words,
        }
    }

    /// One of the inputs with a few changes.
    pub(super) fn next(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut input = inputs[self.below(inputs.len())].clone();
        for _ in 0..=self.below(6) {
            let other = &inputs[self.below(inputs.len())];
            self.change(&mut input, other);
        }
        input.truncate(MAX_BYTES);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(input.len() + 1);
        let magnitude = self.below(9);
        let len = 1 + self.below(1 << magnitude);
        let end = (at + len).min(input.len());
        match self.below(10) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.random.next_u32() as u8,
            2 => drop(input.drain(at..end)),
            3 => input.truncate(at),
            4 => {
                let copy = input[at..end].to_vec();
                for _ in 0..=self.below(20) {
                    self.insert(input, &copy);
                }
            }
            5 => {
                let edge = EDGES[self.below(EDGES.len())].to_le_bytes();
                let width = [1, 2, 4, 8][self.below(4)];
                let end = (at + width).min(input.len());
                input[at..end].copy_from_slice(&edge[..end - at]);
            }
            6 => {
                let bytes: Vec<u8> = (0..len.min(64))
                    .map(|_| self.random.next_u32() as u8)
                    .collect();
                self.insert(input, &bytes);
            }
            7 if !other.is_empty() => {
                let from = self.below(other.len());
                let to = (from + 4 * len).min(other.len());
                self.insert(input, &other[from..to]);
            }
            _ if !self.words.is_empty() => {
                let word = self.words[self.below(self.words.len())];
                let n_times = if self.below(8) == 0 {
                    1 + self.below(2_000)
                } else {
                    1
                };
                self.insert(input, word.repeat(n_times).as_bytes());
            }
            _ => {}
        }
    }

    fn insert(&mut self, input: &mut Vec<u8>, bytes: &[u8]) {
        if input.len() + bytes.len() <= MAX_BYTES {
            let at = self.below(input.len() + 1);
            input.splice(at..at, bytes.iter().copied());
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.random.next_u64() % limit.max(1) as u64) as usize
    }
}
