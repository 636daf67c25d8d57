//! How good is a ranking? Judgements, runs, measures and statistics.
//!
//! Everything here follows `trec_eval`, so that figures compare with published ones: [`Qrels`] and
//! [`Run`] read its files and BEIR's, [`Measure`] is named as `ir_measures` names it, and
//! [`evaluate`] averages over every judged query, counting 0 for one that the run leaves out.
//!
//! ```
//! use reread_eval::{Grades, Measure, Run, evaluate};
//!
//! let mut grades = Grades::new();
//! grades.entry("q1".into()).or_default().extend([("a".into(), 2), ("b".into(), 1)]);
//! let mut run = Run::default();
//! run.insert("q1", vec![("x".into(), 3.0), ("a".into(), 2.0)]);
//! let evaluation = evaluate(&run, &grades, &["RR@10".parse().unwrap(), Measure::Ap(None)]);
//! assert_eq!(evaluation.means(), [0.5, 0.25]);
//! ```

#![forbid(unsafe_code)]

mod calibrate;
mod collection;
mod error;
mod evaluate;
mod gains;
mod header;
mod judging;
mod known_items;
mod lines;
mod measure;
mod qrels;
mod queries;
mod run;
pub mod statistics;
mod summary;
mod targets;
mod trace;
mod trial;
mod verdict;
mod word;

pub use calibrate::{Fit, Row, Threshold, calibrate};
pub use collection::Collection;
pub use error::{Error, Result};
pub use evaluate::{Evaluation, QueryValues, evaluate};
pub use gains::{
    average_precision_at, ndcg_at, precision_at, recall_at, reciprocal_rank_at, success_at,
};
pub use judging::{Standing, disputed, effect, standing};
pub use known_items::known_items;
pub use measure::Measure;
pub use qrels::{Grades, Judgement, Qrels};
pub use queries::{QueryLines, QueryText, read_queries};
pub use reread_engine::{Fate, Losses, Part};
pub use run::Run;
pub use statistics::{Comparison, compare};
pub use summary::{FOUND_AT, StageTimes, SystemSummary, stage_times, summarise, time};
pub use targets::{Presence, Target, Targets};
pub use trace::Trace;
pub use trial::{POOL, Ranking, Scored, Stages, System, Trial, TrialOptions, run_of, try_systems};
pub use verdict::{Answer, Kind, MIN_QUESTIONS, N_SPLITS, SMALLEST_GAIN, Verdict, trust, weigh};
pub use word::{of_word, to_word};

/// The example in the README is compiled too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
