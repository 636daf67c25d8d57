//! What the log-odds of both passes mean on some documents, as probabilities.

use reread_engine::FinalOrder;

use crate::targets::Targets;
use crate::trial::Trial;

/// Questions are dealt to this many parts; each is predicted by what the others say.
const PARTS: usize = 5;

/// A threshold may lose at most this share of what is relevant, and 95 % sure.
const MAX_LOST: f64 = 0.02;

/// A threshold that leaves out less than this share of what is not relevant is not worth a setting.
const MIN_DROPPED: f64 = 0.05;

/// The 95th percentile of the normal distribution.
const Z: f64 = 1.644_854;

/// The edges between the rows of [`Fit::table`].
const EDGES: [f64; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];

/// A logistic function fitted to log-odds and judgements, and how well it predicts.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Fit {
    /// What log-odds are multiplied by.
    pub slope: f64,
    /// What is added.
    pub intercept: f64,
    /// How many pairs it was fitted to, and how many of these are relevant.
    pub n_pairs: usize,
    /// See there.
    pub n_relevant: usize,
    /// The logarithmic loss of predictions for questions that had no part in them, in bits a pair.
    pub loss: f64,
    /// That of predicting the share of relevant pairs for all.
    pub base_loss: f64,
    /// Predictions and what came true, by predicted probability.
    pub table: Vec<Row>,
    /// The probability below which results can be left out, if there is one.
    pub threshold: Option<Threshold>,
}

/// Pairs with similar predictions.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// How many there are.
    pub n_pairs: usize,
    /// The mean probability predicted for them.
    pub predicted: f64,
    /// The share that is relevant.
    pub observed: f64,
}

/// A probability below which results are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Threshold {
    /// The probability.
    pub probability: f64,
    /// How many relevant pairs are below it.
    pub n_lost: usize,
    /// How many of the other pairs are.
    pub n_dropped: usize,
}

impl Fit {
    /// Whether it predicts better than the share of relevant pairs does, and higher log-odds are better.
    pub fn is_useful(&self) -> bool {
        self.slope > 0.0 && self.loss < self.base_loss
    }
}

/// Log-odds, and whether their passage is relevant; and the question's number.
struct Pair {
    log_odds: f64,
    is_relevant: bool,
    question: usize,
}

/// Fits a probability to what both passes say, in this order, of the first `depth` candidates of each question. A candidate without
/// a judgement counts as not relevant, as everywhere.
///
/// Returns `None` where no pair is relevant, or all are.
pub fn calibrate(
    trials: &[Trial],
    targets: &Targets,
    depth: usize,
    both: FinalOrder,
) -> Option<Fit> {
    let grades = targets.grades();
    let mut pairs = Vec::new();
    for (question, trial) in trials.iter().enumerate() {
        let grades = grades.get(&trial.query.id);
        for scored in trial.scored.iter().filter(|scored| scored.position < depth) {
            let grade = grades.and_then(|grades| grades.get(&scored.name));
            pairs.push(Pair {
                log_odds: f64::from(both.log_odds(scored.first_pass, scored.logit)),
                is_relevant: grade.is_some_and(|&grade| grade > 0),
                question,
            });
        }
    }
    fit_pairs(&pairs)
}

fn fit_pairs(pairs: &[Pair]) -> Option<Fit> {
    let all: Vec<&Pair> = pairs.iter().collect();
    let (slope, intercept) = logistic(&all)?;
    let mut predicted = Vec::with_capacity(pairs.len());
    let (mut loss, mut base_loss) = (0.0, 0.0);
    for part in 0..PARTS {
        let (here, others): (Vec<&Pair>, Vec<&Pair>) =
            pairs.iter().partition(|pair| pair.question % PARTS == part);
        // A part that holds all that is relevant cannot be predicted by the others.
        let (slope, intercept) = logistic(&others)?;
        let share = share_relevant(&others);
        for pair in here {
            let probability = sigmoid(slope * pair.log_odds + intercept);
            predicted.push((probability, pair.is_relevant));
            loss += bits(probability, pair.is_relevant);
            base_loss += bits(share, pair.is_relevant);
        }
    }
    let n_pairs = pairs.len();
    Some(Fit {
        slope,
        intercept,
        n_pairs,
        n_relevant: pairs.iter().filter(|pair| pair.is_relevant).count(),
        loss: loss / n_pairs as f64,
        base_loss: base_loss / n_pairs as f64,
        table: table(&predicted),
        threshold: threshold(&predicted),
    })
}

/// The most likely slope and intercept, by Newton's method with halved steps: Lin, Lin and Weng, "A
/// note on Platt's probabilistic outputs for support vector machines", Machine Learning 68 (2007),
/// with Platt's targets, which keep both finite where one logit parts all pairs.
fn logistic(pairs: &[&Pair]) -> Option<(f64, f64)> {
    let n_relevant = pairs.iter().filter(|pair| pair.is_relevant).count() as f64;
    let n_others = pairs.len() as f64 - n_relevant;
    if n_relevant < 1.0 || n_others < 1.0 {
        return None;
    }
    let target = |pair: &Pair| {
        if pair.is_relevant {
            (n_relevant + 1.0) / (n_relevant + 2.0)
        } else {
            1.0 / (n_others + 2.0)
        }
    };
    // ln(1 + e^z) - t z, without overflow.
    let loss = |a: f64, b: f64| {
        let of = |pair: &&Pair| {
            let z = a * pair.log_odds + b;
            z.max(0.0) + (-z.abs()).exp().ln_1p() - target(pair) * z
        };
        pairs.iter().map(of).sum::<f64>()
    };
    let (mut slope, mut intercept) = (0.0, ((n_relevant + 1.0) / (n_others + 1.0)).ln());
    let mut least = loss(slope, intercept);
    for _ in 0..100 {
        let (mut da, mut db, mut aa, mut ab, mut bb) = (0.0, 0.0, 1e-12, 0.0, 1e-12);
        for pair in pairs {
            let p = sigmoid(slope * pair.log_odds + intercept);
            let (error, weight) = (p - target(pair), p * (1.0 - p));
            da += error * pair.log_odds;
            db += error;
            aa += weight * pair.log_odds * pair.log_odds;
            ab += weight * pair.log_odds;
            bb += weight;
        }
        let determinant = aa * bb - ab * ab;
        if da.abs() < 1e-7 && db.abs() < 1e-7 || determinant <= 0.0 {
            break;
        }
        let (step_a, step_b) = (
            (ab * db - bb * da) / determinant,
            (ab * da - aa * db) / determinant,
        );
        let sizes = std::iter::successors(Some(1.0), |size| Some(size / 2.0)).take(40);
        let mut tried = sizes.map(|size| {
            let (a, b) = (slope + size * step_a, intercept + size * step_b);
            (a, b, loss(a, b))
        });
        let Some((a, b, now)) = tried.find(|(.., now)| *now < least) else {
            break;
        };
        (slope, intercept, least) = (a, b, now);
    }
    Some((slope, intercept))
}

/// The share of relevant pairs among these and two more, one of each kind.
fn share_relevant(pairs: &[&Pair]) -> f64 {
    let n_relevant = pairs.iter().filter(|pair| pair.is_relevant).count() as f64;
    (n_relevant + 1.0) / (pairs.len() as f64 + 2.0)
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn bits(probability: f64, is_relevant: bool) -> f64 {
    let of_truth = if is_relevant {
        probability
    } else {
        1.0 - probability
    };
    -of_truth.max(1e-15).log2()
}

fn table(predicted: &[(f64, bool)]) -> Vec<Row> {
    let row_of = |probability: f64| EDGES.iter().filter(|&&edge| probability >= edge).count();
    let rows = (0..=EDGES.len()).filter_map(|row| {
        let here: Vec<_> = predicted
            .iter()
            .filter(|(probability, _)| row_of(*probability) == row)
            .collect();
        let n = here.len() as f64;
        (!here.is_empty()).then(|| Row {
            n_pairs: here.len(),
            predicted: here.iter().map(|(probability, _)| probability).sum::<f64>() / n,
            observed: here.iter().filter(|(_, is_relevant)| *is_relevant).count() as f64 / n,
        })
    });
    rows.collect()
}

/// The highest probability, in whole percent, that keeps nearly all of what is relevant.
fn threshold(predicted: &[(f64, bool)]) -> Option<Threshold> {
    let n_relevant = predicted.iter().filter(|(_, relevant)| *relevant).count();
    let n_others = predicted.len() - n_relevant;
    let at = |percent: u8| {
        let probability = f64::from(percent) / 100.0;
        let below = predicted.iter().filter(|(p, _)| *p < probability);
        let n_lost = below.clone().filter(|(_, relevant)| *relevant).count();
        Threshold {
            probability,
            n_lost,
            n_dropped: below.count() - n_lost,
        }
    };
    let is_safe = |threshold: &Threshold| upper_bound(threshold.n_lost, n_relevant) <= MAX_LOST;
    let best = (1..100u8).map(at).take_while(is_safe).last()?;
    (best.n_dropped as f64 >= MIN_DROPPED * n_others as f64).then_some(best)
}

/// The upper end of Wilson's score interval for a share, one-sided: Wilson, "Probable inference, the law
/// of succession, and statistical inference", JASA 22 (1927).
fn upper_bound(n_hits: usize, n: usize) -> f64 {
    let (hits, n) = (n_hits as f64, n as f64);
    if n < 1.0 {
        return 1.0;
    }
    let share = hits / n;
    let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    (share + Z * Z / (2.0 * n) + spread) / (1.0 + Z * Z / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs whose truth follows a logistic function of their logits exactly.
    fn pairs(slope: f64, intercept: f64, n_each: usize) -> Vec<Pair> {
        let logits = (-20..=20).map(f64::from);
        let of = |logit: f64| {
            let n_relevant = (sigmoid(slope * logit + intercept) * n_each as f64).round() as usize;
            (0..n_each).map(move |number| Pair {
                log_odds: logit,
                is_relevant: number < n_relevant,
                question: number,
            })
        };
        logits.flat_map(of).collect()
    }

    #[test]
    fn the_function_that_made_the_pairs_is_found_again() {
        for (slope, intercept) in [(0.6, -1.2), (2.0, 1.0), (0.1, -3.0)] {
            let fit = fit_pairs(&pairs(slope, intercept, 1_000)).unwrap();
            // What is rounded to whole pairs, and Platt's targets, flatten a steep one a little.
            assert!((fit.slope - slope).abs() < 0.03 * slope.max(0.5), "{fit:?}");
            assert!((fit.intercept - intercept).abs() < 0.05, "{fit:?}");
            assert!(fit.is_useful());
            for row in &fit.table {
                assert!((row.predicted - row.observed).abs() < 0.02, "{row:?}");
            }
        }
    }

    #[test]
    fn logits_that_say_nothing_are_of_no_use() {
        let noise = (0..500).map(|number| Pair {
            log_odds: f64::from(number % 7),
            is_relevant: number % 11 == 0,
            question: number as usize,
        });
        let noise: Vec<Pair> = noise.collect();
        let fit = fit_pairs(&noise).unwrap();
        assert!(fit.slope.abs() < 0.05, "{fit:?}");
        assert!(fit.threshold.is_none(), "{fit:?}");
        let upside_down = pairs(-1.0, 0.0, 100);
        assert!(!fit_pairs(&upside_down).unwrap().is_useful());
    }

    #[test]
    fn logits_that_part_the_pairs_stay_finite() {
        let parted: Vec<Pair> = (0..100)
            .map(|number| Pair {
                log_odds: if number % 2 == 0 { 8.0 } else { -8.0 },
                is_relevant: number % 2 == 0,
                question: number as usize / 2,
            })
            .collect();
        let fit = fit_pairs(&parted).unwrap();
        assert!(fit.slope.is_finite() && fit.slope < 2.0, "{fit:?}");
    }

    #[test]
    fn a_threshold_takes_enough_that_is_relevant_to_be_sure() {
        let predicted = |n: usize| -> Vec<(f64, bool)> {
            let relevant = std::iter::repeat_n((0.8, true), n);
            relevant
                .chain(std::iter::repeat_n((0.1, false), 5 * n))
                .collect()
        };
        assert_eq!(threshold(&predicted(100)), None);
        let found = threshold(&predicted(200)).unwrap();
        assert_eq!((found.n_lost, found.n_dropped), (0, 1_000));
        assert!((found.probability - 0.8).abs() < 1e-9, "{found:?}");
        // Wilson: no hit of 100, z 1.645: z^2 / (n + z^2).
        assert!((upper_bound(0, 100) - 0.026_343).abs() < 1e-5);
    }

    #[test]
    fn without_both_kinds_there_is_no_fit() {
        let mut all = pairs(1.0, 0.0, 10);
        for pair in &mut all {
            pair.is_relevant = true;
        }
        assert_eq!(fit_pairs(&all), None);
        assert_eq!(fit_pairs(&[]), None);
    }
}
