//! Where the special tokens go.

use std::panic::{self, AssertUnwindSafe};

use tokenizers::{Encoding, Token};

use super::tokens::Tokens;

/// What a model reads of one text and of a pair.
///
/// This is learnt from what the tokenizer makes of two texts of one token each, and holds for all
/// texts: its post-processors put special tokens around texts and look at nothing in them.
#[derive(Debug)]
pub(super) struct Template {
    single: Vec<Part>,
    pair: Vec<Part>,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    content: Content,
    of_type: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Special(u32),
    First,
    Second,
}

/// Stand for the two texts; no vocabulary is as large.
const FIRST: u32 = u32::MAX;
const SECOND: u32 = u32::MAX - 1;

impl Template {
    /// Fails where the file names special tokens that it does not define, on which the tokenizer
    /// panics, and where a text does not stand once: what it takes of the tokens would not be known.
    pub(super) fn of(tokenizer: &tokenizers::Tokenizer) -> tokenizers::Result<Self> {
        panic::catch_unwind(AssertUnwindSafe(|| Self::learn(tokenizer)))
            .unwrap_or_else(|_| Err("the special tokens cannot be placed".into()))
    }

    fn learn(tokenizer: &tokenizers::Tokenizer) -> tokenizers::Result<Self> {
        let text = |id| Encoding::from_tokens(vec![Token::new(id, String::new(), (0, 0))], 0);
        let parts = |second| -> tokenizers::Result<Vec<Part>> {
            let whole = tokenizer.post_process(text(FIRST), second, true)?;
            let tokens = whole.get_ids().iter().zip(whole.get_type_ids());
            Ok(tokens
                .map(|(&id, &of_type)| Part::new(id, of_type))
                .collect())
        };
        let (single, pair) = (parts(None)?, parts(Some(text(SECOND)))?);
        let once = |parts: &[Part], content: Content| {
            let same = parts.iter().filter(|part| part.content == content);
            same.count() == 1
        };
        let each_once = once(&single, Content::First)
            && once(&pair, Content::First)
            && once(&pair, Content::Second);
        if !each_once {
            return Err("each text must appear once among the special tokens".into());
        }
        Ok(Self { single, pair })
    }

    /// Returns the tokens of a text or a pair with the special ones.
    pub(super) fn fill(&self, first: &[u32], second: Option<&[u32]>) -> Tokens {
        let parts = match second {
            None => &self.single,
            Some(_) => &self.pair,
        };
        let second = second.unwrap_or_default();
        let n_tokens = parts.len() + first.len() + second.len();
        let mut ids = Vec::with_capacity(n_tokens);
        let mut types = Vec::with_capacity(n_tokens);
        for part in parts {
            match part.content {
                Content::Special(id) => ids.push(id),
                Content::First => ids.extend_from_slice(first),
                Content::Second => ids.extend_from_slice(second),
            }
            types.resize(ids.len(), part.of_type);
        }
        Tokens { ids, types }
    }
}

impl Part {
    fn new(id: u32, of_type: u32) -> Self {
        let content = match id {
            FIRST => Content::First,
            SECOND => Content::Second,
            id => Content::Special(id),
        };
        Self { content, of_type }
    }
}
