//! What the tokenizer makes of each character.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};

use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{
    NormalizedString, Normalizer, OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer,
};

/// What becomes of a character wherever it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Character {
    /// Part of a word, as this character.
    Letter(char),
    /// It separates words and belongs to none.
    Space,
    /// A word by itself, as this character.
    Alone(char),
    /// Nothing: words go on as though it were not there.
    Dropped,
    /// The tokenizer must be asked, with the text around it.
    Unsure,
}

/// A table of characters, which holds no rules of its own: what becomes of a character is found
/// out by having the tokenizer read it, the first time that it is met.
///
/// A character can be looked at by itself since all that `BertNormalizer` and `BertPreTokenizer`
/// do goes character by character: some are dropped, decomposed (of which the marks are dropped),
/// made small, set apart. The exception is that decomposing puts the marks after a letter in order,
/// which shows where marks of different classes are kept. [`position`] leaves them out.
pub(super) struct Characters {
    normalizer: BertNormalizer,
    /// What is known of each, packed, or 0.
    known: Vec<AtomicU32>,
}

/// Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic, Syriac and Thaana.
const ALPHABETS: u32 = 0x7c0;
/// More of Latin and Greek, punctuation, signs, arrows, mathematics, boxes and dingbats.
const SIGNS: Range<u32> = 0x1e00..0x2800;
/// Chinese and Japanese.
const IDEOGRAPHS: Range<u32> = 0x3000..0xa000;
const N_CHARACTERS: u32 =
    ALPHABETS + (SIGNS.end - SIGNS.start) + (IDEOGRAPHS.end - IDEOGRAPHS.start);

impl Characters {
    pub(super) fn new(normalizer: BertNormalizer) -> Self {
        Self {
            normalizer,
            known: (0..N_CHARACTERS).map(|_| AtomicU32::new(0)).collect(),
        }
    }

    /// What becomes of `character`.
    #[inline]
    pub(super) fn of(&self, character: char) -> Character {
        let Some(known) = position(character).and_then(|at| self.known.get(at)) else {
            return Character::Unsure;
        };
        // Whoever comes first writes what everyone would, so there is no order to keep.
        match known.load(Ordering::Relaxed) {
            0 => self.learn(character, known),
            packed => unpack(packed),
        }
    }

    #[cold]
    fn learn(&self, character: char, known: &AtomicU32) -> Character {
        let learnt = self.ask(character).unwrap_or(Character::Unsure);
        known.store(pack(learnt), Ordering::Relaxed);
        learnt
    }

    /// Has the tokenizer read the character between two letters.
    fn ask(&self, character: char) -> tokenizers::Result<Character> {
        let mut text = NormalizedString::from(format!("x{character}x"));
        self.normalizer.normalize(&mut text)?;
        let mut text = PreTokenizedString::from(text);
        BertPreTokenizer.pre_tokenize(&mut text)?;
        let words = text.get_splits(OffsetReferential::Normalized, OffsetType::Byte);
        let words: Vec<&str> = words.into_iter().map(|(word, ..)| word).collect();
        let made = match words[..] {
            ["xx"] => Some(Character::Dropped),
            ["x", "x"] => Some(Character::Space),
            ["x", word, "x"] => only_character(word).map(Character::Alone),
            [word] => between_letters(word)
                .and_then(only_character)
                .map(Character::Letter),
            _ => None,
        };
        Ok(made.unwrap_or(Character::Unsure))
    }
}

impl fmt::Debug for Characters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Characters")
            .field("normalizer", &self.normalizer)
            .finish_non_exhaustive()
    }
}

fn between_letters(word: &str) -> Option<&str> {
    word.strip_prefix('x')?.strip_suffix('x')
}

fn only_character(word: &str) -> Option<char> {
    let mut characters = word.chars();
    characters.next().filter(|_| characters.as_str().is_empty())
}

/// Where a character stands in the table, if it does.
///
/// Left out are rare ones, and with them all blocks where marks are kept whose order can change:
/// those that Unicode has come to know later than the tokenizer.
#[inline]
fn position(character: char) -> Option<usize> {
    let code = u32::from(character);
    let at = if code < ALPHABETS {
        code
    } else if SIGNS.contains(&code) {
        code - SIGNS.start + ALPHABETS
    } else if IDEOGRAPHS.contains(&code) {
        code - IDEOGRAPHS.start + (SIGNS.end - SIGNS.start) + ALPHABETS
    } else {
        return None;
    };
    Some(at as usize)
}

/// Packed, a character is in the lower 24 bits, and what it is above them.
const KIND: u32 = 24;

fn pack(character: Character) -> u32 {
    let of_kind = |kind: u32, character: char| kind << KIND | u32::from(character);
    match character {
        Character::Letter(made) => of_kind(1, made),
        Character::Space => of_kind(2, '\0'),
        Character::Alone(made) => of_kind(3, made),
        Character::Dropped => of_kind(4, '\0'),
        Character::Unsure => of_kind(5, '\0'),
    }
}

#[inline]
fn unpack(packed: u32) -> Character {
    let Some(made) = char::from_u32(packed & ((1 << KIND) - 1)) else {
        return Character::Unsure;
    };
    match packed >> KIND {
        1 => Character::Letter(made),
        2 => Character::Space,
        3 => Character::Alone(made),
        4 => Character::Dropped,
        _ => Character::Unsure,
    }
}
