//! What a search promises: order, filters, limits, and an answer when the second pass fails.

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use reread_engine::{
    BoxError, By, CancelToken, CrossEncoder, DenseMethod, DocumentKind, Engine, Error, Filter,
    HnswOptions, IndexOptions, IndexProgress, IndexRun, Mode, ModelIdentity, Note, Observer,
    RetrieveOptions, SearchOptions, SecondPass, Stopped, Warning,
};
use support::{WordHash, engine};

fn folder() -> tempfile::TempDir {
    let root = tempfile::tempdir().expect("a folder");
    for i in 0..40 {
        let text = format!(
            "# Part {i}\nriver water bank number{i} {}",
            "stone ".repeat(i % 7)
        );
        let name = if i % 2 == 0 {
            format!("even/{i}.md")
        } else {
            format!("odd/{i}.txt")
        };
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    root
}

fn indexed(root: &Path) -> Engine {
    let engine = engine(root);
    engine.update().expect("indexed");
    engine
}

#[test]
fn the_second_pass_reorders_and_says_how_far() {
    let root = folder();
    let engine = indexed(root.path());
    let options = SearchOptions::default().with_second_pass(SecondPass::Rerank { weight: 1.0 });
    let result = engine.search("river stone", &options).expect("an answer");
    assert_eq!(result.hits.len(), 10);
    assert_eq!(result.second_pass.scored, 20);
    for (hit, rank) in result.hits.iter().zip(1..) {
        assert_eq!(hit.rank, rank);
        assert_eq!(hit.moved, hit.ranks.first_pass as i32 - rank as i32);
    }
    let logits: Vec<f32> = result
        .hits
        .iter()
        .filter_map(|hit| hit.scores.cross_encoder)
        .collect();
    assert_eq!(logits.len(), 10);
    assert!(logits.is_sorted_by(|a, b| a >= b), "{logits:?}");
}

#[test]
fn the_answer_is_the_same_on_every_run_and_any_number_of_threads() {
    let root = folder();
    indexed(root.path());
    let answer = |n_threads| {
        let engine = Engine::builder()
            .root(root.path())
            .embedder(Arc::new(WordHash::new("word hash")))
            .cross_encoder(Arc::new(support::LongestWord::new()))
            .threads(n_threads)
            .build()
            .expect("an engine");
        engine
            .search("river water bank", &SearchOptions::default())
            .expect("an answer")
            .hits
    };
    let first = answer(1);
    assert_eq!(first, answer(1));
    assert_eq!(first, answer(3));
}

#[test]
fn filters_act_before_the_cut() {
    let root = folder();
    let engine = indexed(root.path());
    let search = |filter: Filter| {
        let mut first_pass = RetrieveOptions::default();
        first_pass.depth = 5;
        first_pass.filter = filter;
        let options = SearchOptions::default()
            .with_top_k(5)
            .with_first_pass(first_pass);
        engine
            .search("river number37", &options)
            .expect("an answer")
            .hits
    };
    let paths = Filter::default().with_paths(&["even/**"]).expect("a glob");
    let hits = search(paths);
    assert_eq!(hits.len(), 5);
    assert!(hits.iter().all(|hit| hit.passage.path.starts_with("even/")));
    let hits = search(Filter::default().with_kinds(vec![DocumentKind::Text]));
    assert_eq!(hits.len(), 5);
    assert_eq!(hits[0].passage.path, "odd/37.txt");
    let future = std::time::SystemTime::now() + std::time::Duration::from_secs(86_400);
    assert!(search(Filter::default().with_modified_since(future)).is_empty());
}

#[test]
fn phrases_and_exclusions_bind_both_arms() {
    let root = folder();
    let engine = indexed(root.path());
    let options = SearchOptions::default().with_top_k(40);
    let hits = engine
        .search("river \"number8 stone\"", &options)
        .expect("an answer")
        .hits;
    assert_eq!(hits.len(), 1);
    assert_eq!(hits[0].passage.path, "even/8.md");
    let hits = engine
        .search("river -stone", &options)
        .expect("an answer")
        .hits;
    assert_eq!(hits.len(), 6);
    assert!(hits.iter().all(|hit| !hit.passage.text.contains("stone")));
    let result = engine
        .search("\"no such phrase\" river", &options)
        .expect("an answer");
    assert!(result.hits.is_empty());
    let phrases = vec!["\"no such phrase\"".to_owned()];
    assert_eq!(
        result.warnings,
        [Warning::FirstPass(Note::PhrasesNotFound { phrases })]
    );
}

#[test]
fn a_failing_second_pass_costs_the_order_and_not_the_answer() {
    struct Broken(ModelIdentity);
    impl CrossEncoder for Broken {
        fn model(&self) -> &ModelIdentity {
            &self.0
        }
        fn score(&self, _: &str, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
            Ok(vec![f32::NAN; passages.len()])
        }
    }
    let root = folder();
    indexed(root.path());
    let identity = ModelIdentity {
        name: "broken".to_owned(),
        revision: String::new(),
        digest: "broken".to_owned(),
    };
    let engine = Engine::builder()
        .root(root.path())
        .embedder(Arc::new(WordHash::new("word hash")))
        .cross_encoder(Arc::new(Broken(identity)))
        .build()
        .expect("an engine");
    let with = engine
        .search("river stone", &SearchOptions::default())
        .expect("an answer");
    assert_eq!(with.second_pass.stopped, Some(Stopped::Failed));
    let [Warning::SecondPassFailed(failure)] = &with.warnings[..] else {
        panic!("{:?}", with.warnings);
    };
    assert!(matches!(failure.error(), Error::Rerank(_)), "{failure:?}");
    let said = with.warnings[0].to_string();
    assert!(said.contains("NaN"), "{said}");
    let off = SearchOptions::default().with_second_pass(SecondPass::Off);
    let without = engine.search("river stone", &off).expect("an answer");
    let ids =
        |hits: &[reread_engine::Hit]| -> Vec<_> { hits.iter().map(|h| h.passage.key).collect() };
    assert_eq!(ids(&with.hits), ids(&without.hits));
    assert!(engine.rerank("river", &["a text"]).is_err());
}

#[test]
fn documents_are_folded_to_their_best_passage() {
    let root = tempfile::tempdir().expect("a folder");
    for i in 0..6 {
        let sections: Vec<String> = (0..8).map(|s| format!("# S{s}\nriver {i} {s}\n")).collect();
        fs::write(root.path().join(format!("{i}.md")), sections.concat()).expect("a file");
    }
    let engine = indexed(root.path());
    let options = SearchOptions::default().with_top_k(6).with_by(By::Document);
    let hits = engine.search("river", &options).expect("an answer").hits;
    let mut paths: Vec<&str> = hits.iter().map(|hit| hit.passage.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!(paths.len(), hits.len());
}

#[test]
fn a_lexical_search_without_second_pass_opens_no_model() {
    let root = folder();
    indexed(root.path());
    let nowhere = reread_engine::Models::default()
        .with_embedder("none")
        .with_cross_encoder("none");
    let engine = Engine::builder()
        .root(root.path())
        .models(nowhere)
        .build()
        .expect("an engine");
    let mut first_pass = RetrieveOptions::default();
    first_pass.mode = Mode::Lexical;
    let options = SearchOptions::default()
        .with_first_pass(first_pass)
        .with_second_pass(SecondPass::Off);
    assert_eq!(
        engine
            .search("number7", &options)
            .expect("an answer")
            .hits
            .len(),
        1
    );
    let error = engine
        .search("river", &SearchOptions::default())
        .expect_err("no model");
    assert!(
        matches!(
            error,
            Error::Models(reread_engine::ModelsError::NoModel { .. })
        ),
        "{error}"
    );
}

#[test]
fn absurd_options_and_queries_are_refused_or_answered() {
    let root = folder();
    let engine = indexed(root.path());
    let refused = |options: SearchOptions| engine.search("river", &options).is_err();
    assert!(refused(SearchOptions::default().with_top_k(0)));
    assert!(refused(SearchOptions::default().with_top_k(1_000_000)));
    assert!(refused(SearchOptions::default().with_depth(0)));
    assert!(refused(
        SearchOptions::default().with_second_pass(SecondPass::Rerank { weight: 7.0 })
    ));
    assert!(refused(
        SearchOptions::default().with_second_pass(SecondPass::Rerank { weight: f32::NAN })
    ));
    let long = "river ".repeat(20_000);
    for query in [
        "",
        "   ",
        "\"",
        "-",
        "a AND (b OR",
        "\u{0}",
        "../../etc",
        "🦀",
        long.as_str(),
    ] {
        engine
            .search(query, &SearchOptions::default())
            .expect("an answer, if an empty one");
    }
}

#[test]
fn an_engine_is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Engine>();
    let root = folder();
    let engine = indexed(root.path());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let hits = engine
                        .search("river", &SearchOptions::default())
                        .expect("ok")
                        .hits;
                    assert_eq!(hits.len(), 10);
                }
            });
        }
        scope.spawn(|| {
            for i in 0..5 {
                fs::write(root.path().join(format!("new{i}.md")), "river again").expect("a file");
                engine.update().expect("indexed");
            }
        });
    });
    assert_eq!(engine.status().expect("status").n_documents, 45);
}

/// An engine that builds a graph from 20 passages on.
fn with_small_graphs(root: &Path) -> Engine {
    let hnsw = HnswOptions::default().with_from_passages(20);
    Engine::builder()
        .root(root)
        .embedder(Arc::new(WordHash::new("word hash")))
        .cross_encoder(Arc::new(support::LongestWord::new()))
        .index_options(IndexOptions::default().with_hnsw(hnsw))
        .build()
        .expect("an engine")
}

#[test]
fn a_refresh_leaves_graphs_to_the_next_indexing_run() {
    let root = folder();
    let engine = with_small_graphs(root.path());
    let n_in_graphs = || engine.status().expect("status").n_graph_passages;
    engine.refresh(&IndexRun::default()).expect("refreshed");
    assert_eq!(n_in_graphs(), 0);
    engine.refresh(&IndexRun::default()).expect("refreshed");
    assert_eq!(n_in_graphs(), 0);

    let summary = engine.update().expect("indexed");
    assert_eq!((summary.changed, summary.n_embedded), (false, 0));
    assert_eq!(n_in_graphs(), 40);

    // Most of what the graph holds is gone, which would be a reason to build it again.
    for i in (0..40).step_by(2) {
        let path = root.path().join(format!("even/{i}.md"));
        fs::write(path, format!("another river {i}")).expect("a file");
    }
    for i in [1, 3] {
        fs::remove_file(root.path().join(format!("odd/{i}.txt"))).expect("removed");
    }
    engine.refresh(&IndexRun::default()).expect("refreshed");
    assert_eq!(n_in_graphs(), 40);
    assert_eq!(engine.status().expect("status").n_passages, 38);
}

#[test]
fn what_is_indexed_can_be_found_while_its_graph_is_built() {
    let root = folder();
    let engine = with_small_graphs(root.path());
    engine.update().expect("indexed");
    let status = engine.status().expect("status");
    // The first generation holds all passages, the second their graph too.
    assert_eq!((status.generation, status.n_graph_passages), (2, 40));
    assert!(!status.unfinished);
}

/// Stops a run as soon as a graph is begun.
struct StopsAtGraph(CancelToken);

impl Observer for StopsAtGraph {
    fn progress(&self, progress: &IndexProgress) {
        if progress.n_graph_steps > 0 {
            self.0.cancel();
        }
    }
}

#[test]
fn a_run_stopped_while_it_builds_a_graph_keeps_what_is_indexed() {
    let root = folder();
    let engine = with_small_graphs(root.path());
    let observer = StopsAtGraph(CancelToken::new());
    let run = IndexRun::default()
        .with_observer(&observer)
        .with_cancel(&observer.0);
    let stopped = engine.update_with(&run);
    assert!(matches!(stopped, Err(Error::Cancelled(_))), "{stopped:?}");
    let status = with_small_graphs(root.path()).status().expect("status");
    assert_eq!((status.n_passages, status.n_graph_passages), (40, 0));
    assert!(!status.unfinished);
    let done = engine.update().expect("indexed");
    assert_eq!(done.n_embedded, 0);
    assert_eq!(engine.status().expect("status").n_graph_passages, 40);
}

#[test]
fn a_large_segment_is_searched_by_its_graph_and_agrees_with_the_scan() {
    let root = folder();
    let engine = with_small_graphs(root.path());
    engine.update().expect("indexed");
    let status = engine.status().expect("status");
    assert_eq!(status.n_graph_passages, 40);
    engine
        .snapshot()
        .expect("open")
        .verify()
        .expect("every digest is right");

    let search = |exact| {
        let mut first_pass = RetrieveOptions::default();
        first_pass.mode = Mode::Dense;
        first_pass.exact = exact;
        let options = SearchOptions::default()
            .with_first_pass(first_pass)
            .with_second_pass(SecondPass::Off);
        engine
            .search("river number12 stone", &options)
            .expect("an answer")
    };
    let (by_graph, by_scan) = (search(false), search(true));
    assert_eq!(by_graph.first_pass.dense_method, Some(DenseMethod::Graph));
    assert_eq!(by_scan.first_pass.dense_method, Some(DenseMethod::Scan));
    assert_eq!(by_graph.hits, by_scan.hits);
}

#[test]
fn one_long_document_does_not_crowd_out_the_others() {
    let root = tempfile::tempdir().expect("a folder");
    let sections: Vec<String> = (0..80)
        .map(|s| format!("# S{s}\npelican pelican {s}\n"))
        .collect();
    fs::write(root.path().join("long.md"), sections.concat()).expect("a file");
    for i in 0..8 {
        let text = format!("a pelican among many other words of number {i}");
        fs::write(root.path().join(format!("{i}.txt")), text).expect("a file");
    }
    let engine = indexed(root.path());
    let mut first_pass = RetrieveOptions::default();
    first_pass.mode = Mode::Lexical;
    let options = SearchOptions::default()
        .with_first_pass(first_pass)
        .with_by(By::Document)
        .with_second_pass(SecondPass::Off);
    assert_eq!(
        engine
            .search("pelican", &options)
            .expect("an answer")
            .hits
            .len(),
        9
    );
}
