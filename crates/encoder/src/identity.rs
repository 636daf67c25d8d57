use std::fmt;

use serde::{Deserialize, Serialize};

/// Says which model made a vector or a score, so that two results can be told to be comparable.
///
/// Two identities are the same model when their digests agree; name and revision are for people.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// What people call the model, for instance `BAAI/bge-small-en-v1.5`.
    pub name: String,
    /// The publisher's revision, or an empty string where the folder does not say.
    pub revision: String,
    /// The blake3 digest, in lower-case hex, of everything that decides the output:
    /// weights, configuration and tokenizer.
    pub digest: String,
}

impl fmt::Display for ModelIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = self.digest.get(..12).unwrap_or(&self.digest);
        if self.revision.is_empty() {
            write!(f, "{} ({short})", self.name)
        } else {
            write!(f, "{} revision {} ({short})", self.name, self.revision)
        }
    }
}
