//! Errors as the command line says them: the libraries state what happened, and here it is said which
//! command or flag helps.

use std::error::Error as StdError;

use anyhow::Chain;
#[cfg(feature = "fastembed")]
use reread_engine::OnnxError;
use reread_engine::{Error, Failure, IndexError, ModelsError};

type Cause = dyn StdError + 'static;

/// An error with its causes in one line, and what to do about it where a command or a flag helps.
pub(crate) fn line(error: &anyhow::Error) -> String {
    let causes = format!("{error:#}");
    match remedy(error.chain()) {
        Some(remedy) => format!("{causes}; {remedy}"),
        None => causes,
    }
}

/// What helps against an error with these causes: the first of them that something helps against
/// decides.
pub(super) fn remedy(causes: Chain<'_>) -> Option<&'static str> {
    causes.into_iter().find_map(for_cause)
}

fn for_cause(cause: &Cause) -> Option<&'static str> {
    // The errors of the crates below are in an engine's, which hands on their causes as its own.
    if let Some(reread_eval::Error::Engine(error)) = cause.downcast_ref() {
        return for_engine(error);
    }
    if let Some(failure) = cause.downcast_ref::<Failure>() {
        return for_engine(failure.error());
    }
    if let Some(error) = cause.downcast_ref() {
        return for_engine(error);
    }
    if let Some(error) = cause.downcast_ref() {
        return for_index(error);
    }
    if let Some(error) = cause.downcast_ref() {
        return for_models(error);
    }
    for_onnx(cause)
}

fn for_engine(error: &Error) -> Option<&'static str> {
    match error {
        Error::Index(error) => for_index(error),
        Error::Models(error) => for_models(error),
        _ => None,
    }
}

fn for_index(error: &IndexError) -> Option<&'static str> {
    match error {
        IndexError::Damaged { .. } => {
            Some("`reread doctor` says what is wrong, and `--repair` repairs it")
        }
        IndexError::UnsupportedVersion { .. } => {
            Some("rebuild the index with `reread index --rebuild`")
        }
        IndexError::NoIndex { .. } => Some("build one with `reread index`"),
        IndexError::NoBackup { .. } => Some("`reread backup` makes one"),
        IndexError::DamagedBackup { .. } => {
            Some("`reread doctor --repair` or `reread index` repairs it")
        }
        IndexError::IsBackup { .. } => Some("put it back with `reread restore`"),
        IndexError::IndexExists { .. } => Some("allow it with --force"),
        _ => None,
    }
}

fn for_models(error: &ModelsError) -> Option<&'static str> {
    match error {
        ModelsError::NoModel { .. } => {
            Some("give a model's folder, or say where models are with --models or REREAD_MODELS")
        }
        ModelsError::NoFastembed => Some("build with `--features fastembed`"),
        _ => None,
    }
}

#[cfg(feature = "fastembed")]
fn for_onnx(cause: &Cause) -> Option<&'static str> {
    match cause.downcast_ref()? {
        OnnxError::LibraryNotFound { .. }
        | OnnxError::LibraryNotLoaded { .. }
        | OnnxError::NotOnnxRuntime { .. } => Some("name it with --onnxruntime or ORT_DYLIB_PATH"),
        OnnxError::NotDownloaded { .. } => Some("or build with `--features hub`"),
        _ => None,
    }
}

#[cfg(not(feature = "fastembed"))]
fn for_onnx(_: &Cause) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    fn no_model() -> Error {
        Error::Models(ModelsError::NoModel {
            role: "embedder",
            name: "x".to_owned(),
            searched: vec!["a".into()],
        })
    }

    #[test]
    fn the_remedy_stands_at_the_end_whatever_was_being_done() {
        let error = Err::<(), _>(no_model()).context("cannot index notes");
        assert_eq!(
            line(&error.unwrap_err()),
            "cannot index notes: there is no embedder \"x\" in a; give a model's folder, or say where \
             models are with --models or REREAD_MODELS"
        );
    }

    #[test]
    fn it_is_found_inside_the_errors_of_other_crates() {
        let index = || IndexError::NoIndex { path: "i".into() };
        let errors = [
            anyhow::Error::from(index()),
            anyhow::Error::from(Error::Index(index())),
            anyhow::Error::from(reread_eval::Error::Engine(Error::Index(index()))),
            anyhow::Error::from(Failure::from(Error::Index(index()))),
        ];
        for error in errors {
            assert_eq!(
                line(&error),
                "there is no index in i; build one with `reread index`"
            );
        }
        let second_pass = reread_eval::Error::SecondPass {
            query: "7".to_owned(),
            source: no_model().into(),
        };
        assert!(line(&second_pass.into()).ends_with("--models or REREAD_MODELS"));
    }

    #[test]
    fn an_error_that_no_flag_helps_against_is_said_as_it_is() {
        assert_eq!(line(&anyhow::anyhow!("b").context("a")), "a: b");
    }

    #[cfg(feature = "fastembed")]
    #[test]
    fn a_library_that_is_missing_below_a_model_is_named_by_a_flag() {
        let missing = OnnxError::LibraryNotFound { path: "l".into() };
        let error = Error::Models(ModelsError::Model {
            role: "embedder",
            path: "m".into(),
            source: missing.into(),
        });
        let line = line(&error.into());
        assert!(line.contains("pip install onnxruntime"), "{line}");
        assert!(
            line.ends_with("name it with --onnxruntime or ORT_DYLIB_PATH"),
            "{line}"
        );
    }
}
