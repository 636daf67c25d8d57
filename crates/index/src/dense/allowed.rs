//! Which rows a search may return.

/// The rows of one part that a search may return, one bit each.
#[derive(Debug, Clone, Copy)]
pub struct Allowed<'a> {
    bits: &'a [u64],
    /// The bit of the part's first row.
    first: usize,
}

impl<'a> Allowed<'a> {
    /// Allows row `pos` where bit `first + pos` is set, counted from the lowest of `bits[0]`. Rows
    /// past the last bit are not allowed.
    pub fn new(bits: &'a [u64], first: usize) -> Self {
        Allowed { bits, first }
    }

    /// Whether a row may be returned.
    pub fn contains(self, pos: u32) -> bool {
        let bit = self.first + pos as usize;
        self.bits
            .get(bit / 64)
            .is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// The rows below `n` that may be returned, counted word by word.
    pub fn count(self, n: usize) -> usize {
        let words = self.words(self.first, self.first + n);
        words.map(|(_, word)| word.count_ones() as usize).sum()
    }

    /// The rows of a range that may be returned, ascending.
    pub(super) fn positions(self, range: std::ops::Range<usize>) -> impl Iterator<Item = u32> {
        let words = self.words(self.first + range.start, self.first + range.end);
        words.flat_map(move |(at, mut word)| {
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros())?;
                word &= word - 1;
                Some((at * 64 + bit as usize - self.first) as u32)
            })
        })
    }

    /// The words with the bits from `start` to `end`, all others cleared, and their places.
    fn words(self, start: usize, end: usize) -> impl Iterator<Item = (usize, u64)> {
        let end = end.min(self.bits.len() * 64);
        let places = start / 64..end.div_ceil(64).max(start / 64);
        places.map(move |at| {
            let below = (end - at * 64).min(64);
            let mut word = self.bits[at] & u64::MAX >> (64 - below);
            if at * 64 < start {
                word &= u64::MAX << (start - at * 64);
            }
            (at, word)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_positions_are_those_of_the_bits() {
        let bits: Vec<u64> = (1..6_u64)
            .map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15))
            .collect();
        for first in [0, 1, 63, 64, 100, 319, 320, 400] {
            let allowed = Allowed::new(&bits, first);
            for n in [0, 1, 5, 64, 65, 200, 500] {
                let bit = |at: usize| bits.get(at / 64).is_some_and(|w| w >> (at % 64) & 1 == 1);
                let expected: Vec<u32> = (0..n)
                    .filter(|pos| bit(first + pos))
                    .map(|pos| pos as u32)
                    .collect();
                assert_eq!(allowed.count(n), expected.len(), "{n} from {first}");
                assert_eq!(allowed.positions(0..n).collect::<Vec<_>>(), expected);
                assert!((0..n as u32).all(|pos| allowed.contains(pos) == expected.contains(&pos)));
                let half: Vec<u32> = allowed.positions(n / 2..n).collect();
                assert!(expected.ends_with(&half));
            }
        }
    }
}
