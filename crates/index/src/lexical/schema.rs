//! The fields of the tantivy index and how their text becomes terms.

use std::path::Path;

use reread_retrieval::{analyze, surface};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use tantivy::{Index, TantivyError};

use crate::{Error, Result};

/// The analyzers' names in the schema. An index keeps them, so a change of an analyzer that makes
/// other terms gets a new number, and old indexes are known and not misread.
const TERMS: &str = "reread_2";
const SURFACE: &str = "reread_surface_1";
/// The analyzer of format version 3: without words as one, signs, and words as they are written.
const TERMS_OF_VERSION_3: &str = "reread_1";

/// The fields of a passage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// The passage's key.
    pub(super) key: Field,
    /// The key of the document that it was cut from.
    pub(super) document_key: Field,
    /// The title, without positions.
    pub(super) title: Field,
    /// The headings, without positions.
    pub(super) headings: Field,
    /// Title, headings and body.
    pub(super) text: Field,
    /// What indexes of earlier versions lack.
    pub(super) more: Option<MoreFields>,
}

/// The fields since format version 4.
#[derive(Debug, Clone, Copy)]
pub(super) struct MoreFields {
    /// The names of file and folders, without positions.
    pub(super) names: Field,
    /// Metadata, without positions.
    pub(super) facts: Field,
    /// Title, headings and body as they are written, with positions: what phrases are looked for in.
    pub(super) surface: Field,
    /// The title as it is written, with positions, and the same of path and tags.
    pub(super) exact_title: Field,
    pub(super) exact_path: Field,
    pub(super) exact_tags: Field,
}

/// Returns the schema and its fields.
fn schema() -> (Schema, Fields) {
    let terms = || text(TERMS, IndexRecordOption::WithFreqs, true);
    // Their lengths play no part.
    let exact = || text(SURFACE, IndexRecordOption::WithFreqsAndPositions, false);
    let mut builder = Schema::builder();
    let fields = Fields {
        key: builder.add_u64_field("key", FAST),
        document_key: builder.add_u64_field("document_key", INDEXED),
        title: builder.add_text_field("title", terms()),
        headings: builder.add_text_field("headings", terms()),
        text: builder.add_text_field("text", terms()),
        more: Some(MoreFields {
            names: builder.add_text_field("names", terms()),
            facts: builder.add_text_field("facts", terms()),
            surface: builder.add_text_field("surface", exact()),
            exact_title: builder.add_text_field("exact_title", exact()),
            exact_path: builder.add_text_field("exact_path", exact()),
            exact_tags: builder.add_text_field("exact_tags", exact()),
        }),
    };
    (builder.build(), fields)
}

/// The schema of format version 3, in which the text has positions of stems.
fn schema_of_version_3() -> (Schema, Fields) {
    let terms = |record| text(TERMS_OF_VERSION_3, record, true);
    let mut builder = Schema::builder();
    let fields = Fields {
        key: builder.add_u64_field("key", FAST),
        document_key: builder.add_u64_field("document_key", INDEXED),
        title: builder.add_text_field("title", terms(IndexRecordOption::WithFreqs)),
        headings: builder.add_text_field("headings", terms(IndexRecordOption::WithFreqs)),
        text: builder.add_text_field("text", terms(IndexRecordOption::WithFreqsAndPositions)),
        more: None,
    };
    (builder.build(), fields)
}

fn text(analyzer: &str, record: IndexRecordOption, lengths: bool) -> TextOptions {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(analyzer)
        .set_index_option(record)
        .set_fieldnorms(lengths);
    TextOptions::default().set_indexing_options(indexing)
}

/// Opens the index in `dir` and checks that its fields are ours, or those of version 3.
pub(super) fn open_index(dir: &Path) -> Result<(Index, Fields)> {
    let index = Index::open_in_dir(dir).map_err(|source| failed("open it", dir, source))?;
    let known = [schema(), schema_of_version_3()].into_iter();
    let Some((_, fields)) = { known }.find(|(schema, _)| index.schema() == *schema) else {
        let source = TantivyError::SchemaError("its fields differ from this version's".to_owned());
        return Err(failed("open it", dir, source));
    };
    register(&index);
    Ok((index, fields))
}

/// Creates an empty index in `dir`.
pub(super) fn create_index(dir: &Path) -> Result<(Index, Fields)> {
    let (schema, fields) = schema();
    let index =
        Index::create_in_dir(dir, schema).map_err(|source| failed("create it", dir, source))?;
    register(&index);
    Ok((index, fields))
}

fn register(index: &Index) {
    index.tokenizers().register(TERMS, Analyzer(analyze));
    index.tokenizers().register(SURFACE, Analyzer(surface));
}

/// Wraps what tantivy said.
pub(super) fn failed(action: &'static str, path: &Path, source: impl Into<TantivyError>) -> Error {
    Error::Lexical {
        action,
        path: path.to_owned(),
        source: Box::new(source.into()),
    }
}

/// [`analyze`] or [`surface`] as tantivy wants it.
#[derive(Clone)]
struct Analyzer(fn(&str) -> Vec<reread_retrieval::Token>);

impl Tokenizer for Analyzer {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        Tokens {
            rest: (self.0)(text).into_iter(),
            token: Token::default(),
        }
    }
}

/// The tokens of one text.
struct Tokens {
    rest: std::vec::IntoIter<reread_retrieval::Token>,
    token: Token,
}

impl TokenStream for Tokens {
    fn advance(&mut self) -> bool {
        let Some(token) = self.rest.next() else {
            return false;
        };
        self.token = Token {
            offset_from: token.range.start,
            offset_to: token.range.end,
            position: token.position,
            text: token.term,
            position_length: 1,
        };
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
