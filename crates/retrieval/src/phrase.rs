//! What a passage must hold, or must not.

use std::fmt;

use crate::analyzer::{Role, analyze, surface};

/// Where words have to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Within {
    /// In the passage: its title, its headings or its text.
    Passage,
    /// In the title of its document.
    Title,
    /// In the names of its document's file and of the folders around it.
    Path,
    /// Among its document's tags, keywords and categories.
    Tags,
}

/// Words that stand at these distances from each other, or the beginning of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phrase {
    /// The words as they were typed.
    pub text: String,
    /// Where they have to stand.
    pub within: Within,
    /// Distance from the first word, and the word as [`surface`] writes it. Not empty.
    pub words: Vec<(usize, String)>,
    /// The same words as [`analyze`] writes them.
    pub stems: Vec<(usize, String)>,
    /// Whether the only word is the beginning of a word.
    pub is_prefix: bool,
}

impl Within {
    /// The name by which a query asks for it; `None` for the passage itself.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Passage => None,
            Self::Title => Some("title"),
            Self::Path => Some("path"),
            Self::Tags => Some("tag"),
        }
    }

    /// What has a name.
    pub(crate) const NAMED: [Self; 3] = [Self::Title, Self::Path, Self::Tags];
}

impl Phrase {
    /// Returns `None` for a text without words. Of several words none is a prefix.
    pub(crate) fn new(text: &str, within: Within, is_prefix: bool) -> Option<Self> {
        let words = distances(surface(text))?;
        Some(Self {
            text: text.trim().to_owned(),
            within,
            is_prefix: is_prefix && words.len() == 1,
            stems: distances(analyze(text)).unwrap_or_default(),
            words,
        })
    }
}

/// As a query asks for it: `"two words"`, `word*`, `title:"two words"`.
impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.within.name() {
            write!(f, "{name}:")?;
        }
        let text = &self.text;
        match (self.is_prefix, self.within) {
            (true, _) => write!(f, "{text}*"),
            (false, Within::Passage) => write!(f, "\"{text}\""),
            (false, _) if text.contains(char::is_whitespace) => write!(f, "\"{text}\""),
            (false, _) => f.write_str(text),
        }
    }
}

fn distances(mut tokens: Vec<crate::analyzer::Token>) -> Option<Vec<(usize, String)>> {
    tokens.retain(|token| token.role == Role::Word);
    let first = tokens.first()?.position;
    let words = tokens.into_iter();
    Some(
        words
            .map(|token| (token.position - first, token.term))
            .collect(),
    )
}
