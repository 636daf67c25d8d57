//! Models open when they are first needed, and no longer than somebody waits for them.

use std::sync::Arc;
use std::time::Duration;

use reread_engine::{CancelToken, Engine, Error, Models, ModelsError, SearchOptions, Stopped};

/// An engine over one note whose models, the shipped ones, are packed again when they open.
fn engine(folder: &std::path::Path) -> Engine {
    let models = Models::default().with_keep_packed(false);
    let engine = Engine::builder().root(folder).models(models).build();
    engine.expect("an engine")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("bread.md"), "Yeast makes dough rise.").expect("a file");
    engine(folder.path()).update().expect("indexed");
    folder
}

#[test]
fn an_opening_is_stopped_at_any_of_its_steps() {
    let models = Models::default().with_keep_packed(false);
    for n_asks in [0, 1, 2, 5, 9] {
        let opened = models.open_embedder_within(&CancelToken::after_asks(n_asks));
        assert!(matches!(opened.err(), Some(ModelsError::Cancelled(_))));
        let opened = models.open_cross_encoder_within(&CancelToken::after_asks(n_asks));
        assert!(matches!(opened.err(), Some(ModelsError::Cancelled(_))));
    }
}

#[test]
fn cancelling_by_hand_stops_the_opening_of_either_model() {
    let folder = folder();
    for n_asks in 0..4 {
        let cancel = CancelToken::after_asks(n_asks);
        let options = SearchOptions::default().with_cancel(cancel);
        let error = engine(folder.path()).search("bread", &options).err();
        assert!(matches!(error, Some(Error::Cancelled(_))), "{error:?}");
    }
}

#[test]
fn a_budget_never_stops_the_opening_of_the_embedder() {
    let folder = folder();
    let options = SearchOptions::default().with_budget(Duration::ZERO);
    let result = engine(folder.path())
        .search("bread", &options)
        .expect("an answer");
    assert_eq!(result.hits.len(), 1);
    assert_eq!(result.second_pass.stopped, Some(Stopped::Budget));
}

#[test]
fn a_budget_stops_the_opening_of_the_cross_encoder() {
    let folder = folder();
    let embedder = engine(folder.path()).embedder().expect("the embedder");
    let engine = Engine::builder()
        .root(folder.path())
        .models(Models::default().with_keep_packed(false))
        .embedder(Arc::clone(&embedder))
        .build()
        .expect("an engine");
    // Opened once, the index answers in less than this, and no machine packs a model in it.
    engine.snapshot().expect("the index");
    let options = SearchOptions::default().with_budget(Duration::from_millis(8));
    let result = engine.search("bread", &options).expect("an answer");
    assert_eq!(result.hits.len(), 1);
    assert_eq!(result.second_pass.stopped, Some(Stopped::Budget));
    assert_eq!(result.second_pass.model, None);
    assert!(result.warnings.is_empty(), "{:?}", result.warnings);
}
