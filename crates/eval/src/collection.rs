//! Test collections: judgements with the texts of their queries, and BEIR's folders.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::qrels::Qrels;
use crate::queries::{QueryText, read_queries};
use crate::word::of_word;
use crate::{Error, Result};

/// Judgements with the texts of their queries.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Collection {
    /// The judgements.
    pub qrels: Qrels,
    /// The judged queries, in the order of their file.
    pub queries: Vec<QueryText>,
    /// The ids of queries of the file without judgements. They cannot be measured.
    pub unjudged: Vec<String>,
}

impl Collection {
    /// Reads judgements and queries, and joins them.
    ///
    /// # Errors
    /// Those of reading either file; `QueryWithoutText` for a judged query that is not in the file of
    /// queries, as it could only be left out of averages in silence.
    pub fn read(qrels: &Path, queries: &Path) -> Result<Self> {
        let mut judged = Qrels::read(qrels)?;
        let mut texts = read_queries(queries)?;
        let known: HashSet<&str> = texts.iter().map(|query| query.id.as_str()).collect();
        judged.rename_queries(|written| {
            let id = of_word(written);
            known.contains(id.as_ref()).then(|| id.into_owned())
        });
        let lost = judged
            .queries
            .iter()
            .filter(|(query, _)| !known.contains(query.as_str()));
        if let Some((query, judgements)) = lost.min_by_key(|(_, judgements)| judgements[0].line) {
            return Err(Error::QueryWithoutText {
                qrels: qrels.to_owned(),
                line: judgements[0].line,
                queries: queries.to_owned(),
                query: query.clone(),
            });
        }
        let is_judged = |query: &QueryText| judged.queries.contains_key(&query.id);
        let unjudged = texts.iter().filter(|query| !is_judged(query));
        let unjudged = unjudged.map(|query| query.id.clone()).collect();
        texts.retain(is_judged);
        Ok(Self {
            unjudged,
            qrels: judged,
            queries: texts,
        })
    }

    /// Whether a folder has the documents of a BEIR collection.
    pub fn is_in(folder: &Path) -> bool {
        existing(folder, "corpus.jsonl").is_some()
    }

    /// The file of a collection, plain or with `.gz`.
    ///
    /// # Errors
    /// `NoCollection` where there is none.
    pub fn file(folder: &Path, name: &str) -> Result<PathBuf> {
        existing(folder, name).ok_or_else(|| Error::NoCollection {
            path: folder.to_owned(),
            missing: name.to_owned(),
        })
    }

    /// Puts a collection's documents alone into a folder to be indexed: beside the corpus lie the
    /// questions and notes, and those are no documents. Copies only if the corpus has changed.
    ///
    /// # Errors
    /// `NoCollection`; `CannotRead`; `CannotCopy`.
    pub fn copy_documents(folder: &Path, into: &Path) -> Result<()> {
        let from = Self::file(folder, "corpus.jsonl")?;
        let cannot_read = |source| Error::CannotRead {
            path: from.clone(),
            source,
        };
        let modified = from
            .metadata()
            .and_then(|metadata| metadata.modified())
            .map_err(cannot_read)?;
        let target = into.join("corpus.jsonl");
        let fresh = target
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|copied| copied == modified);
        if fresh {
            return Ok(());
        }
        let source = BufReader::new(File::open(&from).map_err(cannot_read)?);
        let is_packed = from.extension().is_some_and(|end| end == "gz");
        copy(source, is_packed, into, &target, modified).map_err(|source| Error::CannotCopy {
            path: target.clone(),
            source,
        })
    }
}

fn existing(folder: &Path, name: &str) -> Option<PathBuf> {
    [name.to_owned(), format!("{name}.gz")]
        .into_iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
}

/// Writes under another name first, so that a copy that was broken off is not taken for whole.
fn copy(
    mut source: BufReader<File>,
    is_packed: bool,
    into: &Path,
    target: &Path,
    modified: std::time::SystemTime,
) -> io::Result<()> {
    fs::create_dir_all(into)?;
    let unfinished = into.join(".corpus.jsonl.unfinished");
    let mut file = File::create(&unfinished)?;
    if is_packed {
        io::copy(&mut MultiGzDecoder::new(source), &mut file)?;
    } else {
        io::copy(&mut source, &mut file)?;
    }
    file.set_modified(modified)?;
    fs::rename(&unfinished, target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("q"), "q1\twhy\nq2\thow\nq3\twho\n").unwrap();
        folder
    }

    #[test]
    fn queries_without_judgements_are_counted_and_the_reverse_is_an_error() {
        let folder = folder();
        let (qrels, queries) = (folder.path().join("qrels"), folder.path().join("q"));
        fs::write(&qrels, "q2 0 a 1\n").unwrap();
        let collection = Collection::read(&qrels, &queries).unwrap();
        assert_eq!(
            (collection.queries.len(), collection.unjudged.len()),
            (1, 2)
        );
        fs::write(&qrels, "q2 0 a 1\nq9 0 a 1\nq8 0 a 1\n").unwrap();
        let error = Collection::read(&qrels, &queries).unwrap_err();
        assert!(
            matches!(&error, Error::QueryWithoutText { line: 2, query, .. } if query == "q9"),
            "{error}"
        );
    }

    #[test]
    fn a_query_of_a_trec_file_may_be_written_as_one_word() {
        let folder = folder();
        let (qrels, queries) = (folder.path().join("qrels"), folder.path().join("q"));
        fs::write(&queries, "my query\twhy\nmy%20query\thow\n").unwrap();
        fs::write(&qrels, "my%20query 0 a 1\nmy%2520query 0 b 1\n").unwrap();
        let judged = Collection::read(&qrels, &queries).unwrap().qrels;
        assert_eq!(judged.queries["my query"][0].document, "a");
        assert_eq!(judged.queries["my%20query"][0].document, "b");
        // Elsewhere names are as they stand.
        fs::write(&qrels, "my%20query\ta\t1\n").unwrap();
        let judged = Collection::read(&qrels, &queries).unwrap().qrels;
        assert!(judged.queries.contains_key("my%20query"));
    }

    #[test]
    fn only_the_documents_are_copied_and_only_once() {
        let folder = folder();
        let into = folder.path().join("work/corpus");
        let copied = into.join("corpus.jsonl");
        fs::write(folder.path().join("corpus.jsonl"), "{}\n").unwrap();
        Collection::copy_documents(folder.path(), &into).unwrap();
        assert_eq!(fs::read_dir(&into).unwrap().count(), 1);
        // A second copy would undo this.
        let modified = copied.metadata().unwrap().modified().unwrap();
        fs::write(&copied, "kept").unwrap();
        File::options()
            .append(true)
            .open(&copied)
            .unwrap()
            .set_modified(modified)
            .unwrap();
        Collection::copy_documents(folder.path(), &into).unwrap();
        assert_eq!(fs::read_to_string(&copied).unwrap(), "kept");
        let error = Collection::copy_documents(&into.join("none"), &into).unwrap_err();
        assert!(matches!(error, Error::NoCollection { .. }), "{error}");
    }
}
