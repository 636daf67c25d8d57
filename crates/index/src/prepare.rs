//! Documents cut into passages, as the writer takes them.

use reread_document::{ChunkOptions, Cut, Document, chunk};
use reread_models::{Embedder, token_offsets_in_blocks};
use reread_retrieval::contextual_text;
use std::fmt;

use crate::format::metadata::{self, StoredMetadata};
use crate::segment::{TextDigest, joined_headings, split_headings, text_digest};
use crate::{Error, Result};

/// A document cut into passages, ready to be written. Made by [`prepare`], which may run on any
/// thread.
pub struct Prepared {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) metadata: StoredMetadata,
    pub(crate) passages: Vec<PreparedPassage>,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("id", &self.id)
            .field("title", &self.title)
            .field("n_passages", &self.passages.len())
            .finish_non_exhaustive()
    }
}

/// One passage of it.
pub(crate) struct PreparedPassage {
    pub(crate) cut: Cut,
    pub(crate) text: String,
    pub(crate) contextual: String,
    pub(crate) digest: TextDigest,
}

/// Cuts a document into passages with the embedder's tokenizer.
///
/// # Errors
/// `Embedder` when the tokenizer fails.
pub fn prepare(
    document: &Document,
    embedder: &dyn Embedder,
    options: &ChunkOptions,
) -> Result<Prepared> {
    let tokens = token_offsets_in_blocks(embedder, &document.text).map_err(Error::Embedder)?;
    let cuts = chunk(document, &tokens, options);
    let passages = cuts.into_iter().map(|mut cut| {
        // What is embedded is what is stored, down to the last character.
        cut.heading_path = split_headings(&joined_headings(&cut.heading_path));
        let text = cut.text(document).to_owned();
        let contextual = contextual_text(&document.title, &cut.heading_path, &text);
        let digest = text_digest(&contextual);
        PreparedPassage {
            cut,
            text,
            contextual,
            digest,
        }
    });
    Ok(Prepared {
        id: document.id.clone(),
        title: document.title.clone(),
        metadata: metadata::stored(&document.metadata),
        passages: passages.collect(),
    })
}
