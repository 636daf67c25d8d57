//! What the user should know of how a question was read and answered.

/// How a query was read, or what a first pass has to say of its answer. Its `Display` is a plain
/// sentence for people and logs; whoever knows a way out adds it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Note {
    /// The query has exclusions and nothing else, so it was read as if it had no hyphens.
    #[error("the query only excludes words, so they are searched for instead")]
    OnlyExclusions,
    /// The query holds no letter and no digit.
    #[error("the query has no word to search for")]
    NoWord,
    /// The query has more different words than BM25 looks for.
    #[error("the query has {n_terms} different words; BM25 uses the {n_used} rarest")]
    TooManyTerms {
        /// How many it has.
        n_terms: usize,
        /// How many are looked for.
        n_used: usize,
    },
    /// No passage holds one of these, so nothing is found: phrases, and what the query asks of title, path
    /// and tags.
    #[error("no passage has {}", listed(phrases, "or"))]
    PhrasesNotFound {
        /// What was asked for, as a query writes it: phrases with their quotes.
        phrases: Vec<String>,
    },
    /// Each of these is in some passage, but no passage holds them all, so nothing is found.
    #[error("no passage has {} together", listed(phrases, "and"))]
    PhrasesNotTogether {
        /// What was asked for, as a query writes it.
        phrases: Vec<String>,
    },
    /// The index is older than what the query asks of paths and tags, so that was not looked at.
    #[error(
        "this index cannot tell {} yet, so it was not looked at",
        listed(phrases, "or")
    )]
    NotKnownYet {
        /// What was asked for, as a query writes it.
        phrases: Vec<String>,
    },
    /// No passage holds a word of the query, and there is one that differs from it by a letter or two.
    #[error("nothing holds “{word}”; did you mean “{suggestion}”?")]
    DidYouMean {
        /// The word as it was typed.
        word: String,
        /// The most frequent of the nearest words.
        suggestion: String,
    },
    /// More words begin with a prefix than are looked for.
    #[error("{n_words} words begin with “{prefix}”; BM25 uses the {n_used} most frequent")]
    TooManyWords {
        /// The letters that they begin with.
        prefix: String,
        /// How many there are.
        n_words: usize,
        /// How many are looked for.
        n_used: usize,
    },
    /// Indexing was stopped before its end or still goes on.
    #[error("part of the folder is not indexed yet")]
    Unfinished,
    /// What a first pass of the application's own says, in a sentence.
    #[error("{0}")]
    Remark(String),
}

fn listed(phrases: &[String], conjunction: &str) -> String {
    match phrases.split_last() {
        Some((last, rest)) if !rest.is_empty() => {
            format!("{} {conjunction} {last}", rest.join(", "))
        }
        _ => phrases.concat(),
    }
}
