//! What the user should know of an answer.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use reread_models::QueryLength;
use reread_retrieval::Note;

use crate::Error;

/// What the user should know of an answer. Its `Display` is a plain sentence for people and logs;
/// whoever knows a way out adds it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// How the query was read, or what the first pass has to say.
    FirstPass(Note),
    /// The second pass failed, so the order is the first pass's.
    SecondPassFailed(Failure),
    /// The calibration is of another cross-encoder than the one that read, so there are no
    /// probabilities.
    OtherCalibration {
        /// The beginning of the digest of the model that the calibration is of.
        model: String,
        /// The least score asked for; no result was left out for it.
        min_score: Option<f32>,
    },
    /// The second pass has read nothing, so no result was left out for its score.
    NothingRead {
        /// The least score asked for.
        min_score: f32,
    },
    /// The question is longer than what a model reads of one.
    LongQuestion {
        /// Which model.
        reads: Reads,
        /// The tokens of the question.
        n_tokens: usize,
        /// How many of them are read from its beginning.
        n_first: usize,
        /// How many at its end.
        n_last: usize,
    },
    /// A place that was asked about is a heading or holds no word, and is in no passage; the passage
    /// below it is meant.
    Between {
        /// The document's path.
        path: String,
        /// The first line asked about, from 1.
        line: u32,
        /// The first line of the passage that is meant, from 1.
        below: u32,
    },
}

/// A model that reads a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// The bi-encoder, for the vectors of the first pass.
    BiEncoder,
    /// The cross-encoder, in the second pass.
    CrossEncoder,
}

/// An error that cost a part of an answer and not the answer. Two are equal if they say the same, causes
/// included.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct Failure(Arc<Error>);

impl Warning {
    /// Returns a word of the query that no passage holds, and the word that may have been meant, where this is
    /// about that.
    pub fn suggestion(&self) -> Option<(&str, &str)> {
        match self {
            Self::FirstPass(Note::DidYouMean { word, suggestion }) => Some((word, suggestion)),
            _ => None,
        }
    }

    /// Says that a question is cut, if it is.
    pub(crate) fn of_length(reads: Reads, length: Option<QueryLength>) -> Option<Self> {
        let length = length.filter(QueryLength::is_cut)?;
        Some(Self::LongQuestion {
            reads,
            n_tokens: length.n_tokens,
            n_first: length.n_first,
            n_last: length.n_last,
        })
    }

    /// Returns what the second pass failed with, where this is about that.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::SecondPassFailed(failure) => Some(failure),
            _ => None,
        }
    }
}

impl From<Note> for Warning {
    fn from(note: Note) -> Self {
        Self::FirstPass(note)
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNFILTERED: &str = "no result was left out for its score";
        match self {
            Self::FirstPass(note) => note.fmt(f),
            Self::SecondPassFailed(failure) => {
                write!(
                    f,
                    "the second pass was skipped: {}",
                    failure.causes().join(": ")
                )
            }
            Self::OtherCalibration { model, min_score } => {
                write!(
                    f,
                    "the calibration was made for another cross-encoder ({model}), so there are no probabilities"
                )?;
                match min_score {
                    Some(_) => write!(f, "; {UNFILTERED}"),
                    None => Ok(()),
                }
            }
            Self::NothingRead { .. } => write!(
                f,
                "there are no probabilities, because the second pass read nothing; {UNFILTERED}"
            ),
            Self::LongQuestion {
                reads,
                n_tokens,
                n_first,
                n_last,
            } => {
                let who = match reads {
                    Reads::BiEncoder => "the bi-encoder embeds",
                    Reads::CrossEncoder => "the cross-encoder reads",
                };
                write!(
                    f,
                    "the question has {n_tokens} tokens; {who} only the first {n_first}"
                )?;
                match n_last {
                    0 => Ok(()),
                    n_last => write!(f, " and the last {n_last}"),
                }
            }
            Self::Between { path, line, below } => write!(
                f,
                "line {line} of {path} is a heading or has no word and is not in a passage; \
                 the passage below it, from line {below}, is used instead"
            ),
        }
    }
}

impl Failure {
    /// Returns the error itself.
    pub fn error(&self) -> &Error {
        &self.0
    }

    /// What the error says, then what each of its causes says.
    fn causes(&self) -> Vec<String> {
        let first: &dyn StdError = self.error();
        let chain = std::iter::successors(Some(first), |&error| error.source());
        chain.map(ToString::to_string).collect()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(Arc::new(error))
    }
}

impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        self.causes() == other.causes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_every_cause_once() {
        let failed = |cause: &str| Failure::from(Error::FirstPass(cause.into()));
        let warning = Warning::SecondPassFailed(failed("no route"));
        assert_eq!(
            warning.to_string(),
            "the second pass was skipped: the first pass failed: no route"
        );
        assert_eq!(failed("no route"), failed("no route"));
        assert_ne!(failed("no route"), failed("no reply"));
    }

    #[test]
    fn a_question_is_said_to_be_cut_where_it_is() {
        let of = Warning::of_length;
        assert_eq!(of(Reads::BiEncoder, None), None);
        let whole = Some(QueryLength::whole(412));
        assert_eq!(of(Reads::CrossEncoder, whole), None);
        let pair = of(Reads::CrossEncoder, Some(QueryLength::in_pair(412, 253)));
        assert_eq!(
            pair.unwrap().to_string(),
            "the question has 412 tokens; the cross-encoder reads only the first 16 and the last 16"
        );
        let alone = QueryLength {
            n_tokens: 600,
            n_first: 500,
            n_last: 0,
        };
        assert_eq!(
            of(Reads::BiEncoder, Some(alone)).unwrap().to_string(),
            "the question has 600 tokens; the bi-encoder embeds only the first 500"
        );
    }

    #[test]
    fn a_threshold_that_was_not_applied_is_named_with_the_calibration() {
        let of = |min_score| Warning::OtherCalibration {
            model: "a1b2".to_owned(),
            min_score,
        };
        assert!(!of(None).to_string().contains("left out"));
        assert!(
            of(Some(0.5))
                .to_string()
                .ends_with("left out for its score")
        );
    }
}
