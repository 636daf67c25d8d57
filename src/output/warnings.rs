//! Warnings as the command line says them: what the libraries say, and which command or flag helps.

use anyhow::Chain;
use reread_engine::{Note, Warning};

use super::errors;

/// Each warning in a sentence.
pub(crate) fn sentences(warnings: &[Warning]) -> Vec<String> {
    warnings.iter().map(sentence).collect()
}

fn sentence(warning: &Warning) -> String {
    match remedy(warning) {
        Some(remedy) => format!("{warning}; {remedy}"),
        None => warning.to_string(),
    }
}

fn remedy(warning: &Warning) -> Option<&'static str> {
    match warning {
        Warning::FirstPass(Note::Unfinished) => Some("`reread index` does the rest"),
        Warning::FirstPass(Note::NotKnownYet { .. }) => Some("`reread index` adds what it takes"),
        Warning::SecondPassFailed(failure) => errors::remedy(Chain::new(failure)),
        Warning::OtherCalibration { .. } => Some("run `reread tune` again"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use reread_engine::{Error, ModelsError};

    use super::*;

    #[test]
    fn a_warning_names_what_helps() {
        let model = ModelsError::NoModel {
            role: "cross-encoder",
            name: "x".to_owned(),
            searched: vec!["a".into()],
        };
        let warnings = [
            Warning::FirstPass(Note::NoWord),
            Warning::FirstPass(Note::Unfinished),
            Warning::SecondPassFailed(Error::Models(model).into()),
            Warning::OtherCalibration {
                model: "a1b2".to_owned(),
                min_score: None,
            },
        ];
        assert_eq!(
            sentences(&warnings),
            [
                "the query has no word to search for",
                "part of the folder is not indexed yet; `reread index` does the rest",
                "the second pass was skipped: there is no cross-encoder \"x\" in a; give a model's \
                 folder, or say where models are with --models or REREAD_MODELS",
                "the calibration was made for another cross-encoder (a1b2), so there are no \
                 probabilities; run `reread tune` again",
            ]
        );
    }
}
