//! The seam of a first pass: what it is asked, and what it answers.
//!
//! A [`FirstPass`] takes a [`Request`] (a [`Query`], its vector, [`RetrieveOptions`], a token to stop by) and
//! returns [`Retrieved`]: passages under keys that stay the same, fused or as the two ranked lists that
//! [`fusion`] makes one of. Whoever asks knows nothing of files, segments or servers. What only an index on
//! this machine can say is a second trait, [`LocalFirstPass`].
//!
//! A [`Filter`] says which documents may be returned: by path, kind and time, and by a [`Condition`] on their
//! metadata. A first pass asks it of each document, or translates it into a language of its own.
//!
//! ```
//! use reread_retrieval::{Condition, Filter, Query, fusion};
//!
//! let query = Query::parse("who owns \"the mutable borrow\" -python");
//! assert_eq!(query.text(), "who owns the mutable borrow");
//!
//! let recent: Condition = "year >= 2020 and not draft = true".parse()?;
//! assert!(!Filter::default().with_condition(recent).is_empty());
//!
//! // What both arms say of a passage becomes one score: 7.5 of the 30 that BM25 could give, and a cosine
//! // that is as high as that of most answers.
//! let score = fusion::blend(fusion::share(7.5, 30.0), 1.0, 0.6);
//! assert!((score - 0.62).abs() < 1e-6);
//! # Ok::<(), reread_retrieval::BadCondition>(())
//! ```
//!
//! # Sources
//!
//! Convex blend: Bruch, Gai and Ingber, arXiv:2210.11934. RRF: Cormack, Clarke and Buettcher 2009.
#![forbid(unsafe_code)]

mod analyzer;
mod bare_heading;
mod candidate;
mod condition;
mod document_words;
mod filter;
mod first_pass;
mod fold;
pub mod fusion;
mod highlight;
mod invalid_option;
mod joined;
mod left_out;
mod note;
mod operators;
mod options;
mod parts;
mod passage;
mod path_pattern;
mod phrase;
mod query;
mod refusal;
mod spelling;
mod stop_words;

pub use analyzer::{Role, Token, analyze, surface};
pub use bare_heading::{is_bare_heading, is_marked_heading, lower_bare_headings};
pub use candidate::{
    Arms, Candidate, DenseMethod, Found, Fused, Lists, Placed, Retrieved, Scored, fuse, places,
};
pub use condition::{BadCondition, Comparison, Condition, Literal, Named, Tree};
pub use document_words::DocumentWords;
pub use filter::{Facts, Filter, unix_ns};
pub use first_pass::{BoxError, DocumentNames, FirstPass, LocalFirstPass, Request};
pub use highlight::highlight;
pub use invalid_option::InvalidOption;
pub use left_out::LeftOut;
pub use note::Note;
pub use options::{Fusion, LIST_LEN, MAX_DEPTH, Mode, RetrieveOptions};
pub use passage::{DocumentKey, Passage, PassageKey, contextual_text};
pub use phrase::{Phrase, Within};
pub use query::{JoinedTerm, MAX_TERMS, Query, QueryTerm};
pub use refusal::Refusal;
pub use spelling::composed;
