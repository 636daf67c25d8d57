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
    /// No passage holds all of the query's phrases, so their words were searched for one by one.
    #[error(
        "no passage contains {}, so the words were searched for one by one",
        quoted(phrases)
    )]
    PhrasesNotFound {
        /// The phrases as they were typed, without quotes.
        phrases: Vec<String>,
    },
    /// Indexing was stopped before its end or still goes on.
    #[error("part of the folder is not indexed yet")]
    Unfinished,
    /// What a first pass of the application's own says, in a sentence.
    #[error("{0}")]
    Remark(String),
}

fn quoted(phrases: &[String]) -> String {
    let quoted: Vec<String> = phrases
        .iter()
        .map(|phrase| format!("\"{phrase}\""))
        .collect();
    quoted.join(" and ")
}
