//! A configuration file that is written to.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use toml_edit::{DocumentMut, Value};

use super::keys::Key;

/// A configuration file of which some keys are set; comments and other keys stay as they are.
pub(crate) struct Edited {
    path: PathBuf,
    document: DocumentMut,
}

impl Edited {
    /// Opens a file, which need not be there.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()));
            }
        };
        let document = text
            .parse()
            .with_context(|| format!("{} is not valid TOML; correct it first", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            document,
        })
    }

    /// Sets a key, or takes it out where there is no value.
    pub(crate) fn set(&mut self, key: &str, value: Option<impl Into<Value>>) {
        debug_assert!(Key::find(key).is_ok(), "`{key}` is not a key");
        match value {
            Some(value) => self.document[key] = toml_edit::value(value),
            None => _ = self.document.remove(key),
        }
    }

    /// Writes a new file beside the old one first, so that nothing is lost half-way.
    pub(crate) fn save(&self) -> anyhow::Result<()> {
        let failed = || format!("cannot write {}", self.path.display());
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut temporary = tempfile::NamedTempFile::new_in(folder).with_context(failed)?;
        temporary
            .write_all(self.document.to_string().as_bytes())
            .and_then(|()| temporary.as_file().sync_all())
            .with_context(failed)?;
        temporary.persist(&self.path).with_context(failed)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reread.toml");
        std::fs::write(&path, "# mine\ntop_k = 3\nstop = \"never\"\n").unwrap();
        let mut file = Edited::open(&path).unwrap();
        file.set("depth", Some(50));
        file.set("stop", None::<&str>);
        file.save().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "# mine\ntop_k = 3\ndepth = 50\n");
    }
}
