//! The fields of the tantivy index and how their text becomes terms.

use std::path::Path;

use reread_retrieval::analyze;
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use tantivy::{Index, TantivyError};

use crate::{Error, Result};

/// The analyzer's name in the schema. An index keeps it, so a change of the analyzer that makes
/// other terms gets a new number, and old indexes are refused instead of misread.
const ANALYZER: &str = "reread_1";

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
    /// Title, headings and body, with positions: what phrases are looked for in.
    pub(super) text: Field,
}

/// Returns the schema and its fields.
pub(super) fn schema() -> (Schema, Fields) {
    let text = |record| {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(ANALYZER)
            .set_index_option(record);
        TextOptions::default().set_indexing_options(indexing)
    };
    let mut builder = Schema::builder();
    let fields = Fields {
        key: builder.add_u64_field("key", FAST),
        document_key: builder.add_u64_field("document_key", INDEXED),
        title: builder.add_text_field("title", text(IndexRecordOption::WithFreqs)),
        headings: builder.add_text_field("headings", text(IndexRecordOption::WithFreqs)),
        text: builder.add_text_field("text", text(IndexRecordOption::WithFreqsAndPositions)),
    };
    (builder.build(), fields)
}

/// Opens the index in `dir` and checks that its fields are ours.
pub(super) fn open_index(dir: &Path) -> Result<(Index, Fields)> {
    let index = Index::open_in_dir(dir).map_err(|source| failed("open it", dir, source))?;
    let (expected, fields) = schema();
    if index.schema() != expected {
        let source = TantivyError::SchemaError("its fields differ from this version's".to_owned());
        return Err(failed("open it", dir, source));
    }
    index.tokenizers().register(ANALYZER, Analyzer);
    Ok((index, fields))
}

/// Creates an empty index in `dir`.
pub(super) fn create_index(dir: &Path) -> Result<(Index, Fields)> {
    let (schema, fields) = schema();
    let index =
        Index::create_in_dir(dir, schema).map_err(|source| failed("create it", dir, source))?;
    index.tokenizers().register(ANALYZER, Analyzer);
    Ok((index, fields))
}

/// Wraps what tantivy said.
pub(super) fn failed(action: &'static str, path: &Path, source: impl Into<TantivyError>) -> Error {
    Error::Lexical {
        action,
        path: path.to_owned(),
        source: Box::new(source.into()),
    }
}

/// [`analyze`] as tantivy wants it.
#[derive(Clone)]
struct Analyzer;

impl Tokenizer for Analyzer {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        Tokens {
            rest: analyze(text).into_iter(),
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
