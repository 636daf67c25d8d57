//! The file that judgements are written to, one at a time.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use reread_eval::Qrels;

const HEADER: &str = "query-id\tcorpus-id\tscore\n";

/// Judgements in BEIR form.
pub(super) struct Judgements {
    path: PathBuf,
    file: File,
    grades: HashMap<(String, String), i32>,
    /// What this run has written, and the length of the file before it.
    written: Vec<(String, String, u64)>,
}

impl Judgements {
    /// Reads what is there, or begins a new file.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let failed = || format!("cannot write {}", path.display());
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).context(format!("cannot read {}", path.display())),
        };
        let mut grades = HashMap::new();
        if !text.is_empty() && text != HEADER {
            if !text.starts_with(HEADER) {
                bail!(
                    "{} does not have the columns query-id, corpus-id and score and no other, as new judgements need; name another file with --qrels",
                    path.display()
                );
            }
            for (query, judgements) in Qrels::read(path)?.queries {
                for judgement in judgements {
                    grades.insert((query.clone(), judgement.document), judgement.grade);
                }
            }
        }
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(failed)?;
        if text.is_empty() {
            file.write_all(HEADER.as_bytes()).with_context(failed)?;
        } else if !text.ends_with('\n') {
            file.write_all(b"\n").with_context(failed)?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            grades,
            written: Vec::new(),
        })
    }

    pub(super) fn grade(&self, query: &str, name: &str) -> Option<i32> {
        let key = (query.to_owned(), name.to_owned());
        self.grades.get(&key).copied()
    }

    /// Writes one judgement, so that nothing is lost if the next moment is the last.
    pub(super) fn add(&mut self, query: &str, name: &str, grade: i32) -> anyhow::Result<()> {
        if [query, name]
            .iter()
            .any(|text| text.contains(['\t', '\n', '\r']))
        {
            bail!("{query:?} and {name:?} do not fit into a file with tabs between its columns");
        }
        let failed = || format!("cannot write {}", self.path.display());
        let len = self.file.metadata().with_context(failed)?.len();
        let line = format!("{query}\t{name}\t{grade}\n");
        self.file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_data())
            .with_context(failed)?;
        self.grades
            .insert((query.to_owned(), name.to_owned()), grade);
        self.written.push((query.to_owned(), name.to_owned(), len));
        Ok(())
    }

    /// Takes the last judgement back, if it is this one.
    pub(super) fn remove(&mut self, query: &str, name: &str) -> anyhow::Result<()> {
        let is_this = |last: &&(String, String, u64)| last.0 == query && last.1 == name;
        let Some((_, _, len)) = self.written.last().filter(is_this) else {
            return Ok(());
        };
        self.file
            .set_len(*len)
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        self.written.pop();
        self.grades.remove(&(query.to_owned(), name.to_owned()));
        Ok(())
    }
}
