//! BERT's way of cutting texts, without what only those need who ask where tokens come from.
//!
//! Words are what is between white space, signs of punctuation and ideographs are words by
//! themselves, and a word is cut into the longest tokens of the vocabulary from its beginning on:
//! Devlin et al., arXiv:1810.04805, and Wu et al., arXiv:1609.08144, section 4.1. The ids are those of
//! the `tokenizers` crate, exactly, which takes 1.3 us a token or more, as it makes a string of
//! each step with the origin of every byte; this reads the text once, in 0.04 to 0.08 us a token.

#[cfg(test)]
mod tests;

use tokenizers::models::wordpiece::WordPiece as Model;
use tokenizers::{
    AddedToken, Model as _, ModelWrapper, NormalizerWrapper, PreTokenizerWrapper,
    Tokenizer as Wrapped,
};

use super::characters::{Character, Characters};
use super::vocabulary::Vocabulary;

/// Cuts texts into the ids of a `WordPiece` vocabulary.
#[derive(Debug)]
pub(super) struct WordPiece {
    characters: Characters,
    /// Tokens that begin words.
    beginnings: Vocabulary,
    /// Tokens that go on with words, without the prefix that says so.
    continuations: Vocabulary,
    /// Texts that are tokens wherever they stand, such as `[MASK]`.
    added: Vec<String>,
    unknown: u32,
    /// Words with more characters are unknown.
    max_characters: usize,
}

impl WordPiece {
    /// `None` where the tokenizer does anything that is not done here.
    pub(super) fn of(tokenizer: &Wrapped) -> Option<Self> {
        let ModelWrapper::WordPiece(model) = tokenizer.get_model() else {
            return None;
        };
        let Some(NormalizerWrapper::BertNormalizer(normalizer)) = tokenizer.get_normalizer() else {
            return None;
        };
        let Some(PreTokenizerWrapper::BertPreTokenizer(_)) = tokenizer.get_pre_tokenizer() else {
            return None;
        };
        let characters = Characters::new(*normalizer);
        let added = added_tokens(tokenizer, &characters)?;
        let (beginnings, continuations) = vocabularies(model)?;
        Some(Self {
            characters,
            beginnings,
            continuations,
            added,
            unknown: model.token_to_id(&model.unk_token)?,
            max_characters: model.max_input_chars_per_word,
        })
    }

    /// Returns the first `max_tokens` ids of `text`, without special ones, and reads no further.
    ///
    /// Where it is not sure, it has `ask` cut the rest of a word up to white space.
    pub(super) fn encode<E>(
        &self,
        text: &str,
        max_tokens: usize,
        ask: impl Fn(&str) -> Result<Vec<u32>, E>,
    ) -> Result<Vec<u32>, E> {
        let mut cutting = Cutting::new(self, text, max_tokens);
        let mut rest = text;
        while cutting.ids.len() < max_tokens {
            let mut characters = rest.chars();
            let Some(character) = characters.next() else {
                cutting.end_word("");
                break;
            };
            rest = if cutting.read(character, rest, characters.as_str()) {
                characters.as_str()
            } else {
                let (piece, others) = cutting.leave_word(rest);
                cutting.ids.extend(ask(piece)?);
                others
            };
        }
        let mut ids = cutting.ids;
        ids.truncate(max_tokens);
        Ok(ids)
    }

    /// Adds the ids of a word.
    fn cut(&self, word: &[u8], ids: &mut Vec<u32>) {
        let n_before = ids.len();
        let mut vocabulary = &self.beginnings;
        let mut rest = word;
        while !rest.is_empty() {
            let Some((len_bytes, id)) = vocabulary.longest_prefix(rest) else {
                break;
            };
            ids.push(id);
            rest = &rest[len_bytes..];
            vocabulary = &self.continuations;
        }
        if !rest.is_empty() || self.is_too_long(word) {
            ids.truncate(n_before);
            ids.push(self.unknown);
        }
    }

    fn is_too_long(&self, word: &[u8]) -> bool {
        let is_first_of_character = |byte: &&u8| **byte & 0xc0 != 0x80;
        word.len() > self.max_characters
            && word.iter().filter(is_first_of_character).count() > self.max_characters
    }

    fn begins_with_added(&self, text: &str) -> bool {
        let mut added = self.added.iter();
        added.any(|token| text.as_bytes().starts_with(token.as_bytes()))
    }
}

/// How far a text has been cut.
struct Cutting<'a> {
    model: &'a WordPiece,
    /// The text from the word on that is being read. What is before it is done with: its last
    /// character ended a word, and nothing that comes later changes that.
    open: &'a str,
    /// What has been read of the word, as it is looked up.
    word: Vec<u8>,
    /// More bytes than these are too many characters, whichever they are.
    max_word_bytes: usize,
    ids: Vec<u32>,
}

impl<'a> Cutting<'a> {
    fn new(model: &'a WordPiece, text: &'a str, max_tokens: usize) -> Self {
        Self {
            model,
            open: text,
            word: Vec::with_capacity(64),
            max_word_bytes: model.max_characters.saturating_mul(4),
            ids: Vec::with_capacity(max_tokens.min(text.len() / 2)),
        }
    }

    /// Reads the character that `rest` begins with and that `after` comes after. Returns whether
    /// it is sure of what that means.
    #[inline]
    fn read(&mut self, character: char, rest: &'a str, after: &'a str) -> bool {
        match self.model.characters.of(character) {
            Character::Letter(letter) => self.push(letter),
            Character::Dropped => {}
            Character::Space => self.end_word(after),
            Character::Alone(sign) => {
                self.end_word(rest);
                if self.model.begins_with_added(rest) {
                    return false;
                }
                self.push(sign);
                self.end_word(after);
            }
            Character::Unsure => return false,
        }
        true
    }

    #[inline]
    fn push(&mut self, letter: char) {
        if self.word.len() > self.max_word_bytes {
            return;
        }
        if letter.is_ascii() {
            self.word.push(letter as u8);
        } else {
            let mut bytes = [0; 4];
            let letter = letter.encode_utf8(&mut bytes);
            self.word.extend_from_slice(letter.as_bytes());
        }
    }

    fn end_word(&mut self, after: &'a str) {
        self.model.cut(&self.word, &mut self.ids);
        self.word.clear();
        self.open = after;
    }

    /// Leaves the word that is being read, and with it all up to white space in `rest`. Returns
    /// that and what is behind it.
    #[cold]
    fn leave_word(&mut self, rest: &'a str) -> (&'a str, &'a str) {
        let is_space = |character| self.model.characters.of(character) == Character::Space;
        let others = &rest[rest.find(is_space).unwrap_or(rest.len())..];
        let piece = &self.open[..self.open.len() - others.len()];
        self.word.clear();
        self.open = others;
        (piece, others)
    }
}

/// The texts that are tokens wherever they stand. `None` where finding them takes more than
/// looking at signs that end a word anyway.
fn added_tokens(tokenizer: &Wrapped, characters: &Characters) -> Option<Vec<String>> {
    let is_plain = |token: &AddedToken| {
        let begins_alone = |first| matches!(characters.of(first), Character::Alone(_));
        token.content.chars().next().is_some_and(begins_alone)
            && !token.content.contains(char::is_whitespace)
            && !(token.single_word || token.lstrip || token.rstrip || token.normalized)
    };
    let added = tokenizer.get_added_tokens_decoder().into_values();
    added
        .map(|token| is_plain(&token).then_some(token.content))
        .collect()
}

/// The tokens that begin words and those that go on with them. `None` if not all are to be had:
/// the model tells the token of an id, of which two tokens may have the same.
fn vocabularies(model: &Model) -> Option<(Vocabulary, Vocabulary)> {
    let n_tokens = model.get_vocab_size();
    // Some vocabularies have gaps.
    let ids = 0..u32::try_from(2 * n_tokens).ok()?;
    let tokens = ids.filter_map(|id| Some((model.id_to_token(id)?, id)));
    let tokens: Vec<(String, u32)> = tokens.collect();
    if tokens.len() < n_tokens {
        return None;
    }
    let beginnings = tokens.iter().map(|(token, id)| (&**token, *id));
    let prefix = &*model.continuing_subword_prefix;
    let continuations = beginnings
        .clone()
        .filter_map(|(token, id)| Some((token.strip_prefix(prefix)?, id)));
    let beginnings: Vec<_> = beginnings.collect();
    let continuations: Vec<_> = continuations.collect();
    Some((
        Vocabulary::of(&beginnings)?,
        Vocabulary::of(&continuations)?,
    ))
}
