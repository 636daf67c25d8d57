//! A table in which the longest token that begins some bytes is found fast.

use std::fmt;

/// Tokens by their bytes.
///
/// An open-addressed table with linear probing, at most half full, made of three flat vectors that
/// never grow: for the 30,000 tokens of BERT it is built in less than a millisecond.
pub(super) struct Vocabulary {
    slots: Vec<Slot>,
    tokens: Vec<Token>,
    /// The bytes of all tokens, one after the other.
    bytes: Vec<u8>,
    /// How far a hash is shifted to become the position of a slot.
    shift: u32,
    longest_bytes: usize,
}

/// A place in the table: some bits of a token's hash, so that most others are told apart without
/// looking at their bytes, and its position in `tokens` plus one, or 0 where the slot is free.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    tag: u32,
    token: u32,
}

#[derive(Debug, Clone, Copy)]
struct Token {
    start: u32,
    end: u32,
    id: u32,
}

impl Vocabulary {
    /// `None` where the tokens have more bytes than can be counted. Of tokens with the same bytes
    /// only the first is ever found.
    pub(super) fn of(tokens: &[(&str, u32)]) -> Option<Self> {
        let n_bytes: usize = tokens.iter().map(|(token, _)| token.len()).sum();
        u32::try_from(n_bytes).ok()?;
        let n_slots = (2 * tokens.len()).next_power_of_two().max(2);
        let mut vocabulary = Self {
            slots: vec![Slot::default(); n_slots],
            tokens: Vec::with_capacity(tokens.len()),
            bytes: Vec::with_capacity(n_bytes),
            shift: u64::BITS - n_slots.ilog2(),
            longest_bytes: 0,
        };
        for &(token, id) in tokens {
            vocabulary.add(token.as_bytes(), id);
        }
        Some(vocabulary)
    }

    fn add(&mut self, token: &[u8], id: u32) {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(token);
        let end = self.bytes.len() as u32;
        self.tokens.push(Token { start, end, id });
        self.longest_bytes = self.longest_bytes.max(token.len());

        let hash = hash(token);
        let mut at = self.first_slot(hash);
        while self.slots[at].token != 0 {
            at = self.next_slot(at);
        }
        self.slots[at] = Slot {
            tag: hash as u32,
            token: self.tokens.len() as u32,
        };
    }

    /// Returns the longest token that `text` begins with, as its length in bytes and its id.
    ///
    /// Most words are tokens as a whole, so that is tried first.
    pub(super) fn longest_prefix(&self, text: &[u8]) -> Option<(usize, u32)> {
        let text = &text[..text.len().min(self.longest_bytes)];
        match self.find(hash(text), text) {
            Some(id) => Some((text.len(), id)),
            None => self.longest_proper_prefix(text),
        }
    }

    /// As [`longest_prefix`](Self::longest_prefix), but less than the whole of `text`. Goes from
    /// the shortest to the longest, as each hash continues the one before.
    fn longest_proper_prefix(&self, text: &[u8]) -> Option<(usize, u32)> {
        let mut hash = SEED;
        let mut longest = None;
        for len_bytes in 1..text.len() {
            hash = step(hash, text[len_bytes - 1]);
            if let Some(id) = self.find(hash, &text[..len_bytes]) {
                longest = Some((len_bytes, id));
            }
        }
        longest
    }

    /// The id of the token of these bytes, which have this hash.
    fn find(&self, hash: u64, text: &[u8]) -> Option<u32> {
        let mut at = self.first_slot(hash);
        loop {
            let slot = self.slots[at];
            let token = self.tokens.get((slot.token as usize).checked_sub(1)?)?;
            let of_token = token.start as usize..token.end as usize;
            if slot.tag == hash as u32 && &self.bytes[of_token] == text {
                return Some(token.id);
            }
            at = self.next_slot(at);
        }
    }

    fn first_slot(&self, hash: u64) -> usize {
        (hash >> self.shift) as usize
    }

    fn next_slot(&self, at: usize) -> usize {
        (at + 1) & (self.slots.len() - 1)
    }
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vocabulary")
            .field("n_tokens", &self.tokens.len())
            .finish_non_exhaustive()
    }
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(SEED, |hash, &byte| step(hash, byte))
}

/// Takes one more byte into a hash (Fowler, Noll and Vo, FNV-1a with 64 bits). Its factor is a
/// larger one, so that the upper bits, which are the slot, differ after a byte or two.
fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
