//! Does the second pass pay? Settings are chosen on one half of the questions and judged on the other.
//! Pure functions of what each setting gains on each question.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::statistics::{Comparison, compare, greatest_test, holm, shuffle};

/// How often the questions are halved. The estimate's error from halving is then a seventh of that
/// from the questions.
pub const N_SPLITS: usize = 50;

/// With fewer questions a half says nothing.
pub const MIN_QUESTIONS: usize = 8;

/// Smaller gains in a measure between 0 and 1 are not worth a second pass.
pub const SMALLEST_GAIN: f64 = 0.01;

/// Questions without a difference say little: with fewer that differ, a gain is only ruled out by
/// [`ENOUGH_EQUAL`] questions.
const MIN_DIFFERENT: usize = 10;

/// This many questions without any difference rule out a gain of [`SMALLEST_GAIN`] all the same: with a
/// chance of 95 % less than 3 / n of all questions differ (rule of three; Hanley and Lippman-Hand, JAMA
/// 1983), each by 1 at most.
const ENOUGH_EQUAL: usize = 300;

/// Corrected p-values up to this are evidence.
const ALPHA: f64 = 0.05;

/// The part of it that is spent on the setting in use; the rest goes to the best of those tried.
const CURRENT_SHARE: f64 = 0.8;

/// What the gains of several settings come to.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Verdict {
    /// The answer.
    pub answer: Answer,
    /// The setting that is in use: its position among the settings.
    pub current: usize,
    /// What it gains. It was not chosen by these questions, so this is what to expect of others.
    pub current_gain: Comparison,
    /// Its p-value, corrected for the best one's being tested too.
    pub current_p: f64,
    /// The setting with the greatest mean gain over all questions.
    pub best: usize,
    /// The gain of that setting over all questions. It was chosen by these very questions, so it is
    /// too high.
    pub best_gain: Comparison,
    /// The p-value of the best setting, corrected for how many were tried.
    pub best_p: f64,
    /// The gain of choosing a setting on one half of the questions and using it on the other: what
    /// to expect of other questions.
    pub held_out: Comparison,
    /// In how many of the splits each setting was chosen; the last one counts "none of them".
    pub chosen: Vec<usize>,
    /// What the current setting gains on two kinds of questions, with Holm's correction.
    pub kinds: Vec<(Kind, Comparison, f64)>,
}

/// The answer to whether the second pass pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Yes, for all questions, with the setting at this position.
    Yes(usize),
    /// Yes, but established for one kind of questions only.
    OnlyFor(Kind),
    /// No: a gain of [`SMALLEST_GAIN`] can be ruled out.
    No,
    /// The questions at hand cannot tell.
    Unknown,
}

/// A kind of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Those of at most this many words, half of all.
    Short(usize),
    /// Those of more words.
    Long(usize),
}

/// Weighs the settings. `gains[setting][question]` is what a setting has over the first pass alone,
/// `current` the setting that is in use, `n_words` the length of each question; `seed` decides about
/// splits and random tests.
///
/// `None` for fewer than [`MIN_QUESTIONS`] questions, or where there is no setting at `current`.
///
/// The setting in use is tested as it is. The best of several settings looks good by luck alone: its
/// p-value is corrected by [`greatest_test`], and the gain to expect is estimated by choosing on one
/// half and judging on the other, [`N_SPLITS`] times (repeated random sub-sampling validation). As
/// either of the two may lead to a yes, they share the level, four parts to one, because the setting in
/// use is what is asked about first (weighted Bonferroni; Holm 1979, section 4).
pub fn weigh(gains: &[Vec<f64>], current: usize, n_words: &[usize], seed: u64) -> Option<Verdict> {
    let n_questions = n_words.len();
    if n_questions < MIN_QUESTIONS || gains.iter().any(|of| of.len() != n_questions) {
        return None;
    }
    let all: Vec<usize> = (0..n_questions).collect();
    let (best, _) = choose(gains, &all)?;
    let current_gains = gains.get(current)?;
    let current_gain = compare(current_gains, seed);
    let best_p = greatest_test(gains, seed).get(best).copied()?;
    let current_p = (current_gain.p_value / CURRENT_SHARE).min(1.0);
    let best_p = (best_p / (1.0 - CURRENT_SHARE)).min(1.0);
    let (held_out, chosen) = held_out(gains, n_questions, seed);
    let mut verdict = Verdict {
        answer: Answer::Unknown,
        current,
        current_gain,
        current_p,
        best,
        best_gain: compare(&gains[best], seed),
        best_p,
        kinds: kinds(current_gains, n_words, seed),
        held_out: compare(&held_out, seed),
        chosen,
    };
    verdict.answer = verdict.answer();
    Some(verdict)
}

impl Verdict {
    fn answer(&self) -> Answer {
        let rules_out = |comparison: &Comparison| {
            let high = comparison.interval.map(|(_, high)| high);
            high.is_some_and(|high| high < SMALLEST_GAIN)
        };
        let n_different = self.current_gain.wins + self.current_gain.losses;
        let is_enough = n_different >= MIN_DIFFERENT || self.current_gain.n_queries >= ENOUGH_EQUAL;
        let current = self.current_p <= ALPHA && self.current_gain.mean > 0.0;
        let best = self.best_p <= ALPHA && self.best_gain.mean > 0.0;
        // What is in use stays, unless a choice promises more.
        let expected = if current { self.current_gain.mean } else { 0.0 };
        if best && self.held_out.mean > expected {
            return Answer::Yes(self.best);
        }
        if current {
            return Answer::Yes(self.current);
        }
        let gaining = self
            .kinds
            .iter()
            .find(|(_, gain, p)| *p <= ALPHA && gain.mean > 0.0);
        match gaining {
            Some((kind, ..)) => Answer::OnlyFor(*kind),
            None if is_enough && rules_out(&self.held_out) && rules_out(&self.current_gain) => {
                Answer::No
            }
            None => Answer::Unknown,
        }
    }
}

/// How far to move from a default to the best of `n_tried` settings, from 0 to 1, by what the best has
/// over the default on each question.
///
/// `1 - c (standard error / mean)^2`, at least 0. With one setting `c` is 1, the factor by which James
/// and Stein, "Estimation with Quadratic Loss", 1961, shrink an estimate (positive part): a gain
/// that the questions hardly support moves nothing, one of four standard errors moves 94 % of the way. The
/// best of several has a gain by luck alone, of up to about `sqrt(2 ln n)` standard errors (Donoho and
/// Johnstone, "Ideal spatial adaptation by wavelet shrinkage", 1994), so `c` is the square of that.
pub fn trust(gain: &Comparison, n_tried: usize) -> f64 {
    if gain.mean <= 0.0 || gain.n_queries < 2 {
        return 0.0;
    }
    let error = gain.deviation / (gain.n_queries as f64).sqrt();
    let luck = (2.0 * (n_tried.max(1) as f64).ln()).max(1.0);
    (1.0 - luck * (error / gain.mean).powi(2)).max(0.0)
}

/// The setting with the greatest mean gain over some questions, the first of equals.
fn choose(gains: &[Vec<f64>], questions: &[usize]) -> Option<(usize, f64)> {
    let sum = |of: &Vec<f64>| questions.iter().map(|&at| of[at]).sum::<f64>();
    let sums = gains.iter().map(sum).enumerate();
    sums.reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// What each question gains on average by the settings that were chosen without it, and how often
/// each was chosen.
fn held_out(gains: &[Vec<f64>], n_questions: usize, seed: u64) -> (Vec<f64>, Vec<usize>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut chosen = vec![0; gains.len() + 1];
    let mut sums = vec![0.0; n_questions];
    let mut questions: Vec<usize> = (0..n_questions).collect();
    for _ in 0..N_SPLITS {
        shuffle(&mut questions, &mut random);
        let (left, right) = questions.split_at(n_questions / 2);
        // Each half once chooses and once judges, so that every question is judged as often.
        for (choosing, judging) in [(left, right), (right, left)] {
            // Where nothing gains, the second pass is left out, and gains nothing.
            let choice = choose(gains, choosing).filter(|(_, sum)| *sum > 0.0);
            chosen[choice.map_or(gains.len(), |(setting, _)| setting)] += 1;
            for &at in judging {
                sums[at] += choice.map_or(0.0, |(setting, _)| gains[setting][at]);
            }
        }
    }
    let mean = |sum| sum / N_SPLITS as f64;
    (sums.into_iter().map(mean).collect(), chosen)
}

/// Short and long questions apart.
fn kinds(gains: &[f64], n_words: &[usize], seed: u64) -> Vec<(Kind, Comparison, f64)> {
    let mut sorted = n_words.to_vec();
    sorted.sort_unstable();
    let median = sorted[(sorted.len() - 1) / 2];
    let of = |is_short: bool| -> Vec<f64> {
        let pairs = gains.iter().zip(n_words);
        pairs
            .filter(|(_, n)| (**n <= median) == is_short)
            .map(|(gain, _)| *gain)
            .collect()
    };
    let comparisons = [true, false].map(|is_short| compare(&of(is_short), seed));
    let p_values = holm(&comparisons.map(|comparison| comparison.p_value));
    [Kind::Short(median), Kind::Long(median)]
        .into_iter()
        .zip(comparisons)
        .zip(p_values)
        .filter(|((_, comparison), _)| comparison.n_queries >= MIN_QUESTIONS)
        .map(|((kind, comparison), p)| (kind, comparison, p))
        .collect()
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::RngCore;

    use super::*;

    /// Noise with a mean of about 0, the same on every run.
    fn noise(n_questions: usize, seed: u64) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let one = |_| (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
        (0..n_questions).map(one).collect()
    }

    fn plus(values: &[f64], gain: f64) -> Vec<f64> {
        values.iter().map(|value| 0.2 * value + gain).collect()
    }

    #[test]
    fn a_setting_that_gains_is_found_and_said_to_pay() {
        let gains = [
            plus(&noise(60, 1), 0.0),
            plus(&noise(60, 2), 0.1),
            plus(&noise(60, 3), -0.1),
        ];
        let verdict = weigh(&gains, 0, &[5; 60], 1).unwrap();
        assert_eq!(verdict.answer, Answer::Yes(1));
        assert_eq!(verdict.chosen, [0, 2 * N_SPLITS, 0, 0]);
        assert!((verdict.held_out.mean - verdict.best_gain.mean).abs() < 1e-12);
    }

    #[test]
    fn the_best_of_many_that_gain_nothing_is_not_believed() {
        let gains: Vec<_> = (0..20).map(|seed| noise(40, seed)).collect();
        let verdict = weigh(&gains, 0, &[5; 40], 1).unwrap();
        assert_eq!(verdict.answer, Answer::Unknown);
        // By its own questions the best one looks good; held out, nothing is left of it.
        assert!(verdict.best_gain.mean > 0.05);
        assert!(verdict.held_out.mean < verdict.best_gain.mean / 2.0);
        assert!(verdict.best_p > verdict.best_gain.p_value);
    }

    #[test]
    fn the_setting_in_use_is_not_charged_for_what_else_was_tried() {
        let mut gains: Vec<_> = (0..20).map(|seed| noise(40, seed)).collect();
        // 2.7 standard errors: enough for one setting, not for the best of twenty.
        let mean = gains[7].iter().sum::<f64>() / 40.0;
        gains[7] = gains[7]
            .iter()
            .map(|gain| (gain - mean) * 0.4 + 0.05)
            .collect();
        let with = |current| weigh(&gains, current, &[5; 40], 1).unwrap();
        assert_eq!(with(7).answer, Answer::Yes(7));
        assert_eq!(with(3).answer, Answer::Unknown);
    }

    #[test]
    fn what_harms_every_question_does_not_pay() {
        let verdict = weigh(&[plus(&noise(40, 1), -0.2)], 0, &[5; 40], 1).unwrap();
        assert_eq!(verdict.answer, Answer::No);
        assert_eq!(verdict.chosen, [0, 2 * N_SPLITS]);
        assert!(verdict.held_out.mean.abs() < 1e-12);
    }

    #[test]
    fn a_gain_of_long_questions_alone_is_said_of_them() {
        let n_words: Vec<usize> = (0..80).map(|at| if at < 40 { 4 } else { 12 }).collect();
        let mut gains = plus(&noise(80, 4), 0.12);
        for (gain, noise) in gains.iter_mut().zip(noise(40, 5)) {
            *gain = noise - 0.1;
        }
        let verdict = weigh(&[gains], 0, &n_words, 1).unwrap();
        assert_eq!(verdict.answer, Answer::OnlyFor(Kind::Long(4)));
    }

    #[test]
    fn thin_evidence_moves_little() {
        let gain = |values: &[f64]| trust(&compare(values, 1), 1);
        assert!(gain(&[-0.1, -0.2, 0.1]) < 1e-12);
        assert!(gain(&[0.9, -0.8, 0.1, -0.1]) < 1e-12);
        assert!((gain(&[0.1; 9]) - 1.0).abs() < 1e-12);
        // Mean 1, deviation 1, four questions: an error of a half.
        let values = [
            0.0,
            2.0,
            1.0 - 1.0f64 / 2f64.sqrt(),
            1.0 + 1.0f64 / 2f64.sqrt(),
        ];
        let comparison = compare(&values, 1);
        assert!(
            (trust(&comparison, 1) - 0.75).abs() < 0.01,
            "{comparison:?}"
        );
        // The best of 15 that gain nothing has about two standard errors.
        assert!(trust(&comparison, 15) < 1e-12, "{comparison:?}");
        assert!(
            (trust(&comparison, 4) - 0.31).abs() < 0.01,
            "{comparison:?}"
        );
    }

    #[test]
    fn questions_that_do_not_differ_rule_nothing_out_until_there_are_many() {
        let answer = |gains: Vec<f64>| {
            let n_words = vec![5; gains.len()];
            weigh(&[gains], 0, &n_words, 1).unwrap().answer
        };
        assert_eq!(answer(vec![0.0; 10]), Answer::Unknown);
        assert_eq!(answer(vec![0.0; 299]), Answer::Unknown);
        assert_eq!(answer(vec![0.0; 300]), Answer::No);
        let harmed = |n: usize| [vec![-0.1; n], vec![0.0; 40 - n]].concat();
        assert_eq!(answer(harmed(3)), Answer::Unknown);
        assert_eq!(answer(harmed(30)), Answer::No);
    }

    #[test]
    fn too_few_questions_are_no_ground() {
        assert_eq!(weigh(&[vec![0.1; 7]], 0, &[3; 7], 1), None);
        assert_eq!(weigh(&[], 0, &[3; 9], 1), None);
        assert!(weigh(&[vec![0.1; 8]], 0, &[3; 8], 1).is_some());
    }
}
