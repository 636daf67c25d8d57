//! An application that embeds the engine: its own documents, and a cross-encoder of its own.
//!
//! ```text
//! cargo run --example own_documents
//! ```
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use reread_engine::{
    BoxError, CrossEncoder, Document, Engine, ModelIdentity, Models, SearchOptions,
};

/// The tickets of a help desk: id, subject, text.
const TICKETS: [(&str, &str, &str); 4] = [
    (
        "T-1",
        "Printer",
        "The printer on floor 2 prints blank pages after the toner was changed.",
    ),
    (
        "T-2",
        "Password",
        "SOLVED: reset the password on the portal; the old one is locked after five tries.",
    ),
    (
        "T-3",
        "Locked out",
        "I typed a wrong password too often and cannot log in any more.",
    ),
    (
        "T-4",
        "Coffee",
        "The coffee machine on floor 2 is out of beans again.",
    ),
];

/// Reads like the shipped model, and prefers tickets that hold a solution.
struct PrefersSolutions {
    inner: Arc<dyn CrossEncoder>,
    identity: ModelIdentity,
}

impl PrefersSolutions {
    fn new(inner: Arc<dyn CrossEncoder>) -> Self {
        let of_inner = inner.model();
        let identity = ModelIdentity {
            name: format!("{}, solutions first", of_inner.name),
            revision: of_inner.revision.clone(),
            digest: format!("{}+solutions", of_inner.digest),
        };
        Self { inner, identity }
    }
}

impl CrossEncoder for PrefersSolutions {
    fn model(&self) -> &ModelIdentity {
        &self.identity
    }

    fn score(&self, query: &str, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
        let mut logits = self.inner.score(query, passages)?;
        for (logit, passage) in logits.iter_mut().zip(passages) {
            if passage.contains("SOLVED") {
                *logit += 3.0;
            }
        }
        Ok(logits)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join("reread-own-documents");
    let models = Models::default();
    let cross_encoder = Arc::new(PrefersSolutions::new(models.open_cross_encoder()?));
    let engine = Engine::builder()
        .index_folder(&folder)
        .models(models)
        .cross_encoder(cross_encoder)
        .build()?;

    let documents: Vec<Document> = TICKETS.iter().map(ticket).collect();
    engine.add_documents(&documents)?;
    engine.remove_document("T-4")?;

    let question = "I am locked out of my account, what now?";
    let result = engine.search(question, &SearchOptions::default())?;
    println!("{question}\n");
    for hit in &result.hits {
        println!(
            "{}. {} {} (moved {:+})",
            hit.rank, hit.passage.doc_id, hit.passage.title, hit.moved
        );
        println!("   {}", hit.passage.text);
    }
    remove(&folder)
}

/// A document that comes from no file.
fn ticket((id, subject, text): &(&str, &str, &str)) -> Document {
    Document::new(*id, *text).with_title(*subject)
}

/// An application would keep its index; the example tidies up.
fn remove(folder: &Path) -> Result<(), Box<dyn Error>> {
    reread_engine::remove_index(folder)?;
    Ok(())
}
