//! The readers of formats, a file each, with one signature: a file in, documents and problems out.

pub(crate) mod html;
pub(crate) mod json_lines;
pub(crate) mod markdown;
pub(crate) mod notebook;
pub(crate) mod pdf;
pub(crate) mod plain;
mod script;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::document::Document;
use crate::file_name::file_stem;
use crate::kind::DocumentKind;
use crate::problem::{Problem, Reason};

/// Reads a file of one format. What cannot be used is among the problems.
pub(crate) type Reader = fn(Input) -> Output;

/// What a reader is given.
pub(crate) struct Input {
    /// The file's name, relative to the indexed folder.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
    /// Whether nobody waits for the reader any more.
    pub(crate) given_up: GivenUp,
}

/// Tells a reader that its time is up. A long one looks at it now and then, so as not to go on for
/// nobody.
#[derive(Clone, Default)]
pub(crate) struct GivenUp(Arc<AtomicBool>);

/// What a reader made of a file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Output {
    pub(crate) documents: Vec<Document>,
    pub(crate) problems: Vec<Problem>,
}

impl GivenUp {
    pub(crate) fn set(&self) {
        // Nothing else is read on the strength of it.
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Input {
    pub(crate) fn new(path: &str, bytes: Vec<u8>) -> Self {
        Self {
            path: path.to_owned(),
            bytes,
            given_up: GivenUp::default(),
        }
    }

    /// The file as one document, which is called as the file is.
    fn document(&self, kind: DocumentKind, text: String) -> Document {
        Document::new(self.path.as_str(), text)
            .with_kind(kind)
            .named_by_file(file_stem(&self.path))
    }
}

impl Output {
    /// A file that cannot be read.
    pub(crate) fn failed(path: &str, reason: Reason) -> Self {
        Self {
            documents: Vec::new(),
            problems: vec![Problem::of_file(path, reason)],
        }
    }

    /// The same with a word about the file as a whole, if there is one.
    fn with_problem(mut self, path: &str, reason: Option<Reason>) -> Self {
        let problem = reason.map(|reason| Problem::of_file(path, reason));
        self.problems.extend(problem);
        self
    }
}

impl From<Document> for Output {
    fn from(document: Document) -> Self {
        Self {
            documents: vec![document],
            problems: Vec::new(),
        }
    }
}
