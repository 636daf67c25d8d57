//! From log-odds to a probability, where judgements have said what they mean.

use std::fmt;
use std::str::FromStr;

use reread_models::ModelIdentity;

use crate::order::logistic;

/// How many letters of a model's digest name it.
const MODEL_LETTERS: usize = 12;

/// What the [log-odds](crate::FinalOrder::log_odds) of a passage mean on some documents: the probability that
/// it is relevant is `1 / (1 + exp(-(slope * log_odds + intercept)))`.
///
/// Platt, "Probabilistic outputs for support vector machines", 1999. `eval::calibrate` fits one.
/// Its text form is `slope intercept model`, such as `0.61 -1.2 a1b2c3d4e5f6`.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    slope: f32,
    intercept: f32,
    model: String,
}

impl Calibration {
    /// A calibration of log-odds that a cross-encoder's logits are part of. `None` unless both numbers are
    /// finite and higher log-odds make a higher probability.
    pub fn new(slope: f32, intercept: f32, model: &ModelIdentity) -> Option<Self> {
        let letters = model.digest.chars().take(MODEL_LETTERS);
        Self::of(slope, intercept, letters.collect())
    }

    fn of(slope: f32, intercept: f32, model: String) -> Option<Self> {
        let is_sound = slope.is_finite() && slope > 0.0 && intercept.is_finite();
        (is_sound && !model.is_empty()).then_some(Self {
            slope,
            intercept,
            model,
        })
    }

    /// The probability that a passage with these log-odds is relevant.
    pub fn probability(&self, log_odds: f32) -> f32 {
        logistic(self.slope * log_odds + self.intercept)
    }

    /// Whether it was fitted with this cross-encoder.
    pub fn is_of(&self, model: &ModelIdentity) -> bool {
        model.digest.starts_with(&self.model)
    }

    /// The beginning of the model's digest.
    pub fn model(&self) -> &str {
        &self.model
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.4} {:.4} {}", self.slope, self.intercept, self.model)
    }
}

/// Why a text is no calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCalibration {
    /// It has more or fewer than three parts.
    #[error("must be a slope, an intercept and a model")]
    Parts,
    /// The first two parts are not numbers.
    #[error("must begin with two numbers")]
    Numbers,
    /// Higher log-odds would not make a higher probability, or a number is not finite.
    #[error("must have a slope above 0 and finite numbers")]
    Values,
}

impl FromStr for Calibration {
    type Err = BadCalibration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        let &[slope, intercept, model] = &parts[..] else {
            return Err(BadCalibration::Parts);
        };
        let number = |text: &str| text.parse().map_err(|_| BadCalibration::Numbers);
        let (slope, intercept) = (number(slope)?, number(intercept)?);
        Self::of(slope, intercept, model.to_owned()).ok_or(BadCalibration::Values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_text_is_read_as_it_was_written() {
        let calibration: Calibration = "0.6125 -1.25 a1b2c3".parse().unwrap();
        assert_eq!(calibration.to_string(), "0.6125 -1.2500 a1b2c3");
        assert_eq!(calibration.to_string().parse(), Ok(calibration));
        for text in [
            "", "1 2", "1 2 a b", "x 2 a", "0 1 a", "-1 1 a", "NaN 1 a", "1 inf a",
        ] {
            assert!(text.parse::<Calibration>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_probability_grows_with_the_log_odds_and_bears_any() {
        let calibration: Calibration = "2 -2 a".parse().unwrap();
        assert!((calibration.probability(1.0) - 0.5).abs() < 1e-6);
        assert!((calibration.probability(2.0) - 0.880_797).abs() < 1e-6);
        assert!(calibration.probability(f32::MAX) > 0.999_999);
        assert!(calibration.probability(f32::MIN) < 1e-6);
    }
}
