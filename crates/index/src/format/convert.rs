//! Where the format's structures meet the types that the rest works with.

use reread_document::{ChunkOptions, DocumentKind, Metadata};
use reread_models::ModelIdentity;
use reread_retrieval::Facts;

use crate::format::catalog::{Source, StoredKind};
use crate::format::manifest::{Manifest, StoredModel, StoredScope};
use crate::options::Scope;

/// Bits of what is taken in beside the usual. Until the others came, the byte was a truth value.
const HIDDEN: u8 = 1;
const IGNORED: u8 = 2;
const LINKS: u8 = 4;

impl Manifest {
    /// The embedder that the vectors were made with.
    pub(crate) fn model(&self) -> ModelIdentity {
        self.model.clone().into()
    }

    /// Which files of the folder were taken in.
    pub(crate) fn scope(&self) -> Scope {
        self.scope.into()
    }

    /// How documents were cut.
    pub(crate) fn chunk_options(&self) -> ChunkOptions {
        ChunkOptions::default()
            .with_max_tokens(self.max_tokens as usize)
            .with_overlap_tokens(self.overlap_tokens as usize)
    }
}

impl Source {
    /// What a filter looks at of a document of this source, which has this metadata.
    pub(crate) fn facts<'a>(&'a self, metadata: &'a Metadata) -> Facts<'a> {
        Facts {
            path: &self.path,
            kind: self.kind.into(),
            modified_ns: self.modified_ns,
            metadata,
        }
    }
}

impl From<ModelIdentity> for StoredModel {
    fn from(model: ModelIdentity) -> Self {
        Self {
            name: model.name,
            revision: model.revision,
            digest: model.digest,
        }
    }
}

impl From<StoredModel> for ModelIdentity {
    fn from(model: StoredModel) -> Self {
        Self {
            name: model.name,
            revision: model.revision,
            digest: model.digest,
        }
    }
}

impl From<Scope> for StoredScope {
    fn from(scope: Scope) -> Self {
        let bit = |taken_in: bool, bit: u8| if taken_in { bit } else { 0 };
        Self {
            extra: bit(scope.hidden, HIDDEN)
                | bit(scope.ignored, IGNORED)
                | bit(scope.links, LINKS),
            max_file_bytes: scope.max_file_bytes,
        }
    }
}

impl From<StoredScope> for Scope {
    fn from(scope: StoredScope) -> Self {
        Self {
            hidden: scope.extra & HIDDEN != 0,
            ignored: scope.extra & IGNORED != 0,
            links: scope.extra & LINKS != 0,
            max_file_bytes: scope.max_file_bytes,
        }
    }
}

impl From<DocumentKind> for StoredKind {
    fn from(kind: DocumentKind) -> Self {
        match kind {
            DocumentKind::Text => Self::Text,
            DocumentKind::Markdown => Self::Markdown,
            DocumentKind::Html => Self::Html,
            DocumentKind::Pdf => Self::Pdf,
            DocumentKind::Code => Self::Code,
            DocumentKind::JsonLines => Self::JsonLines,
            kind => unreachable!("{kind} has no number on disk"),
        }
    }
}

impl From<StoredKind> for DocumentKind {
    fn from(kind: StoredKind) -> Self {
        match kind {
            StoredKind::Text => Self::Text,
            StoredKind::Markdown => Self::Markdown,
            StoredKind::Html => Self::Html,
            StoredKind::Pdf => Self::Pdf,
            StoredKind::Code => Self::Code,
            StoredKind::JsonLines => Self::JsonLines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_document_has_a_number_on_disk() {
        for kind in DocumentKind::ALL {
            assert_eq!(DocumentKind::from(StoredKind::from(kind)), kind);
        }
    }
}
