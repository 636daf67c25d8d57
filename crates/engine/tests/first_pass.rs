//! The seam of a first pass: a plain one in memory finds what the local index finds, and an engine takes
//! any of them.

#[path = "support/in_memory.rs"]
mod in_memory;
#[allow(dead_code, reason = "these tests have an embedder of their own")]
mod support;

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use in_memory::InMemory;
use proptest::prelude::*;
use reread_engine::{
    BoxError, By, CancelToken, Cancelled, Candidate, DocumentKind, Embedder, Engine, Error, Filter,
    FirstPass, Fusion, Hit, Mode, ModelIdentity, PassageKey, Place, Placed, Query, Request,
    RetrieveOptions, Retrieved, Scored, SearchOptions, Snapshot,
};
use reread_retrieval::unix_ns;
use support::LongestWord;

const N_DOCUMENTS: usize = 90;
const N_WORDS: u64 = 120;
/// The date of every third file.
const LONG_AGO: Duration = Duration::from_secs(1_000_000_000);

/// Gives each word a direction of its own, so that no two passages are as close to a query by chance.
struct Directions(ModelIdentity);

impl Directions {
    const DIM: usize = 24;

    fn new() -> Self {
        Self(ModelIdentity {
            name: "directions".to_owned(),
            revision: String::new(),
            digest: "directions".to_owned(),
        })
    }

    fn embed(text: &str) -> Vec<f32> {
        let mut row = [0.001; Self::DIM];
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            for (axis, value) in row.iter_mut().enumerate() {
                *value += random(&(word, axis)) as f32 - 0.5;
            }
        }
        let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        row.iter().map(|value| value / norm).collect()
    }
}

impl Embedder for Directions {
    fn model(&self) -> &ModelIdentity {
        &self.0
    }

    fn dim(&self) -> usize {
        Self::DIM
    }

    fn embed_query(&self, query: &str) -> Result<Vec<f32>, BoxError> {
        Ok(Self::embed(query))
    }

    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
        Ok(passages.iter().flat_map(|text| Self::embed(text)).collect())
    }
}

/// A number from 0 to 1 that is always the same for the same seed.
fn random(seed: &impl Hash) -> f64 {
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64
}

/// One of the words, the first ones far more often than the last ones. Some make an identifier.
fn word(seed: &impl Hash) -> String {
    let number = (random(seed).powi(2) * N_WORDS as f64) as u64;
    let stem: String = [number / 11, number % 11 + 3, number % 7]
        .map(|part| char::from(b'a' + part as u8))
        .iter()
        .collect();
    match number % 9 {
        0 => format!("{stem}_log"),
        1 => format!("{stem}Count"),
        2 => format!("{stem}-base"),
        3 => format!("{stem}base"),
        _ => stem,
    }
}

fn words(n_words: usize, seed: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    seed.hash(&mut hasher);
    let seed = hasher.finish();
    let words: Vec<String> = (0..n_words).map(|at| word(&(seed, at))).collect();
    words.join(" ")
}

/// Notes of three kinds in three folders, of a few words or of hundreds, under headings or not.
fn write_documents(root: &Path) {
    for number in 0..N_DOCUMENTS {
        let sections = (0..number % 4).map(|section| {
            let n_words = 5 + (random(&(number, section)) * 300.0) as usize;
            let heading = words(2, &("heading", number, section));
            format!(
                "\n## {heading}\n\n{}.\n",
                words(n_words, &(number, section))
            )
        });
        let body = format!("{}.\n{}", words(20, &number), sections.collect::<String>());
        let (name, text) = match number % 3 {
            0 => (
                format!("a/{number}.md"),
                format!("# {}\n\n{body}", words(3, &("title", number))),
            ),
            1 => (format!("b/{number}.txt"), body),
            _ => (format!("b/deep/{number}.rs"), body.replace('#', "//")),
        };
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("inside")).expect("a folder");
        fs::write(&path, text).expect("a file");
        if number % 3 == 1 {
            let file = File::options().write(true).open(&path).expect("a file");
            file.set_modified(SystemTime::UNIX_EPOCH + LONG_AGO)
                .expect("a date");
        }
    }
}

/// The local index over the documents, an engine over it, and the first pass in memory.
struct Both {
    _root: tempfile::TempDir,
    engine: Engine,
    local: Arc<Snapshot>,
    twin: Arc<InMemory>,
}

fn both() -> &'static Both {
    static BOTH: OnceLock<Both> = OnceLock::new();
    BOTH.get_or_init(|| {
        let root = tempfile::tempdir().expect("a folder");
        write_documents(root.path());
        let engine = Engine::builder()
            .root(root.path())
            .embedder(Arc::new(Directions::new()))
            .cross_encoder(Arc::new(LongestWord::new()))
            .build()
            .expect("an engine");
        engine.update().expect("indexed");
        let modified_ns = |path: &str| {
            let metadata = fs::metadata(root.path().join(path)).expect("a file");
            unix_ns(metadata.modified().expect("a date"))
        };
        let local = engine.snapshot().expect("an index");
        let twin = InMemory::of(local.as_ref(), &Directions::new(), modified_ns);
        assert_eq!(twin.n_passages(), local.n_passages());
        assert!(local.n_passages() > 2 * reread_engine::LIST_LEN);
        Both {
            _root: root,
            engine,
            local,
            twin: Arc::new(twin),
        }
    })
}

/// An engine over a first pass, with the models that the local one has.
fn engine_over(first_pass: Arc<dyn FirstPass>) -> Engine {
    let builder = Engine::builder()
        .first_pass(first_pass)
        .embedder(Arc::new(Directions::new()))
        .cross_encoder(Arc::new(LongestWord::new()))
        .threads(1);
    builder.build().expect("an engine")
}

/// Whether two scores are the same but for the order in which floats were added up.
fn is_close(a: f32, b: f32) -> bool {
    (a - b).abs() <= 1e-6 + 1e-4 * a.abs().max(b.abs())
}

/// Both first passes rank all passages alike in both arms, and find the same candidates.
fn assert_alike(input: &str, options: &RetrieveOptions) {
    let both = both();
    let query = Query::parse(input);
    let vector = Directions::embed(query.text());
    let request = Request {
        query: &query,
        vector: Some(&vector),
        options,
        cancel: &CancelToken::default(),
    };
    let arms = both.local.rank_all(&request).expect("ranked");
    let [lexical, dense] = both.twin.rank_all(&request);
    assert_ranked_alike(input, &arms.lexical, &lexical);
    assert_ranked_alike(input, &arms.dense, &dense);
    for scored in &dense {
        let cosine = arms.dense[&scored.passage.key].score;
        assert!((scored.score - cosine).abs() <= 1e-6, "{input}");
    }
    let candidates = |first_pass: &dyn FirstPass| {
        let retrieved = first_pass.retrieve(&request).expect("an answer");
        let n_listed = (retrieved.n_lexical, retrieved.n_dense);
        (retrieved.found.into_candidates(options), n_listed)
    };
    let (local, n_in_local) = candidates(both.local.as_ref());
    let (plain, n_in_plain) = candidates(both.twin.as_ref());
    assert_eq!(n_in_local, n_in_plain, "{input}");
    assert_eq!(local.len(), plain.len(), "{input}");
    let listed = |list: &[Scored]| list.len().min(options.list_len() + 1);
    let ranks_are_sure =
        !has_near_tie(&lexical[..listed(&lexical)]) && !has_near_tie(&dense[..listed(&dense)]);
    if ranks_are_sure || !matches!(options.fusion, Fusion::Rrf { .. }) {
        assert_candidates_alike(input, &local, &plain);
    }
}

/// The same passages with the same scores; ranks may differ where scores hardly do.
fn assert_ranked_alike(input: &str, local: &HashMap<PassageKey, Placed>, plain: &[Scored]) {
    assert_eq!(local.len(), plain.len(), "{input}");
    for (scored, rank) in plain.iter().zip(1..) {
        let placed = local[&scored.passage.key];
        assert!(is_close(placed.score, scored.score), "{input}: {placed:?}");
        let at_its_rank = &plain[placed.rank as usize - 1];
        let is_its_rank = placed.rank == rank || is_close(at_its_rank.score, scored.score);
        assert!(is_its_rank, "{input}: {placed:?}, not {rank}");
    }
}

/// Whether two neighbours of a list might as well stand the other way round. Where they do, reciprocal rank
/// fusion, which sees ranks alone, may make something else of it.
fn has_near_tie(list: &[Scored]) -> bool {
    list.windows(2).any(|pair| {
        let (better, gap) = (pair[0].score, pair[0].score - pair[1].score);
        gap > 0.0 && gap <= 2e-6 * better.abs().max(1.0)
    })
}

/// The same candidates in the same order, but for those that hardly differ in their scores.
fn assert_candidates_alike(input: &str, local: &[Candidate], plain: &[Candidate]) {
    for (pos, (ours, theirs)) in local.iter().zip(plain).enumerate() {
        assert_eq!(ours.rank, theirs.rank);
        assert!(is_close(ours.score, theirs.score), "{input}: {pos}");
        if ours.passage.key == theirs.passage.key {
            assert_eq!(ours.passage, theirs.passage);
            assert_eq!(ours.lexical.is_some(), theirs.lexical.is_some());
            assert_eq!(ours.dense.is_some(), theirs.dense.is_some());
        } else {
            let elsewhere = plain.iter().find(|it| it.passage.key == ours.passage.key);
            let is_cut = pos + 1 == plain.len();
            let hardly_differs = elsewhere.map_or(is_cut, |it| is_close(it.score, ours.score));
            assert!(hardly_differs, "{input}: {pos}");
        }
    }
}

/// Words, phrases that some document holds or none, beginnings of words, demands and exclusions.
fn queries() -> impl Strategy<Value = String> {
    let phrase = (0..N_DOCUMENTS, 0..18usize, 2..4usize).prop_map(|(number, from, len)| {
        let text = words(20, &number);
        let words: Vec<&str> = text.split(' ').skip(from).take(len).collect();
        format!("\"{}\"", words.join(" "))
    });
    let part = prop_oneof![
        8 => any::<u64>().prop_map(|seed| word(&seed)),
        2 => phrase.clone(),
        1 => any::<u64>().prop_map(|seed| format!("-{}", word(&seed))),
        1 => phrase.prop_map(|phrase| format!("-{phrase}")),
        1 => Just("\"no such words\"".to_owned()),
        1 => any::<u64>().prop_map(|seed| format!("{}*", &word(&seed)[..3])),
        1 => any::<u64>().prop_map(|seed| format!("-{}*", &word(&seed)[..3])),
        1 => any::<u64>().prop_map(|seed| format!("title:{}", word(&seed))),
        1 => prop::sample::select(vec!["path:deep", "-path:a", "path:\"b deep\"", "-title:aaa*"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..7).prop_map(|parts| parts.join(" "))
}

fn filters() -> impl Strategy<Value = Filter> {
    let paths = |pattern: &str| Filter::default().with_paths(&[pattern]).expect("a glob");
    let since = SystemTime::UNIX_EPOCH + LONG_AGO + Duration::from_secs(1);
    prop_oneof![
        4 => Just(Filter::default()),
        1 => Just(paths("b/**")),
        1 => Just(paths("*.md")),
        1 => Just(Filter::default().with_kinds(vec![DocumentKind::Code])),
        1 => Just(paths("b").with_modified_since(since)),
    ]
}

fn retrieve_options() -> impl Strategy<Value = RetrieveOptions> {
    let mode = prop::sample::select(Mode::ALL.to_vec());
    let blend = (0..=4u8).prop_map(|quarters| Fusion::Blend {
        dense_weight: f32::from(quarters) / 4.0,
    });
    let fusion = prop_oneof![blend, Just(Fusion::Rrf { rrf_k: 60.0 })];
    let depth = prop::sample::select(vec![1, 7, 20, 150, 10_000]);
    (mode, fusion, depth, filters()).prop_map(|(mode, fusion, depth, filter)| {
        let mut options = RetrieveOptions::default();
        (options.mode, options.fusion) = (mode, fusion);
        (options.depth, options.filter) = (depth, filter);
        options
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_local_index_finds_what_the_plain_first_pass_finds(
        query in queries(),
        options in retrieve_options(),
    ) {
        assert_alike(&query, &options);
    }
}

#[test]
fn of_more_words_than_enough_both_take_the_rarest() {
    let query = words(600, &"many");
    assert!(Query::parse(&query).terms().len() > reread_retrieval::MAX_TERMS);
    assert_alike(&query, &RetrieveOptions::default());
}

/// What of a hit does not depend on how its score was added up.
fn place_of(hit: &Hit) -> (PassageKey, u32, i32, Option<f32>) {
    (
        hit.passage.key,
        hit.rank,
        hit.moved,
        hit.scores.cross_encoder,
    )
}

#[test]
fn an_engine_over_another_first_pass_answers_like_the_one_over_the_index() {
    let both = both();
    let other = engine_over(Arc::clone(&both.twin) as Arc<dyn FirstPass>);
    for seed in 0..12 {
        let query = words(4, &("question", seed));
        for by in By::ALL {
            for fusion in Fusion::ALL {
                let mut first_pass = RetrieveOptions::default();
                first_pass.fusion = fusion;
                let options = SearchOptions::default()
                    .with_first_pass(first_pass)
                    .with_by(by);
                let local = both.engine.search(&query, &options).expect("an answer");
                let plain = other.search(&query, &options).expect("an answer");
                let places = |hits: &[Hit]| hits.iter().map(place_of).collect::<Vec<_>>();
                assert_eq!(places(&local.hits), places(&plain.hits), "{query}");
                let (ours, theirs) = (local.first_pass, plain.first_pass);
                assert_eq!(ours.n_lexical, theirs.n_lexical);
                assert_eq!(ours.n_dense, theirs.n_dense);
                assert_eq!(ours.n_candidates, theirs.n_candidates);
                assert_eq!(ours.n_passages, theirs.n_passages);
                assert_eq!(local.warnings, plain.warnings);
            }
        }
    }
}

/// A first pass on another machine, as it were: something happens before it answers.
struct Remote<F>(F);

impl<F> FirstPass for Remote<F>
where
    F: Fn(&Request<'_>) -> Result<(), BoxError> + Send + Sync,
{
    fn model(&self) -> Option<&ModelIdentity> {
        None
    }

    fn n_passages(&self) -> usize {
        both().twin.n_passages()
    }

    fn retrieve(&self, request: &Request<'_>) -> Result<Retrieved, BoxError> {
        (self.0)(request)?;
        both().twin.retrieve(request)
    }
}

fn remote<F>(before: F) -> Engine
where
    F: Fn(&Request<'_>) -> Result<(), BoxError> + Send + Sync + 'static,
{
    engine_over(Arc::new(Remote(before)))
}

#[test]
fn what_only_a_local_first_pass_can_say_is_refused() {
    let engine = remote(|_| Ok(()));
    let place = Place {
        document: "a/0.md".to_owned(),
        lines: None,
    };
    let why = engine.why("word", &place, &SearchOptions::default());
    assert!(matches!(why, Err(Error::NotLocal)));
    let asked = engine.with_local(|_| Ok(()));
    assert!(matches!(asked, Err(Error::NotLocal)));
}

#[test]
fn a_first_pass_that_fails_is_named_with_its_cause() {
    let engine = remote(|_| Err("the server is down".into()));
    let error = engine.search("word", &SearchOptions::default()).err();
    let Some(Error::FirstPass(cause)) = error else {
        panic!("{error:?}");
    };
    assert_eq!(cause.to_string(), "the server is down");
}

#[test]
fn options_out_of_bounds_are_the_same_error_whoever_refuses_them() {
    let mut first_pass = RetrieveOptions::default();
    first_pass.fusion = Fusion::Blend { dense_weight: 7.0 };
    let options = SearchOptions::default().with_first_pass(first_pass);
    let error = remote(|_| Ok(())).search("word", &options).err();
    assert!(
        matches!(error, Some(Error::InvalidOption { .. })),
        "{error:?}"
    );
}

#[test]
fn a_search_that_is_cancelled_while_the_first_pass_is_at_work_says_so() {
    let cancel = CancelToken::new();
    let by_hand = cancel.clone();
    let engine = remote(move |request| {
        assert!(!request.cancel.is_cancelled());
        by_hand.cancel();
        assert!(request.cancel.is_cancelled());
        Err(Cancelled.into())
    });
    let options = SearchOptions::default().with_cancel(cancel);
    let error = engine.search("word", &options).err();
    assert!(matches!(error, Some(Error::Cancelled(_))), "{error:?}");
}

#[test]
fn a_first_pass_sees_when_its_time_is_up() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&seen);
    let engine = remote(move |request| {
        recorded
            .lock()
            .expect("whole")
            .push(request.cancel.deadline());
        Ok(())
    });
    let (budget, deadline) = (
        Duration::from_secs(600),
        Instant::now() + Duration::from_secs(900),
    );
    let options = SearchOptions::default();
    let searches = [
        options.clone(),
        options.clone().with_budget(budget),
        options.with_cancel(CancelToken::new().with_deadline(deadline)),
    ];
    for options in &searches {
        engine.search("word", options).expect("an answer");
    }
    let seen = seen.lock().expect("whole");
    let [none, of_budget, of_token] = seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(none, None);
    assert!(of_budget.is_some_and(|it| it <= Instant::now() + budget));
    assert_eq!(of_token, Some(deadline));
}

/// The question that a waiting first pass answers only when it is told to.
const SLOW: &str = "slow";

/// An engine with one thread over a waiting first pass, what says that it waits, and what tells it.
fn waiting_engine() -> (Engine, Receiver<()>, Sender<()>) {
    let (began, has_begun) = mpsc::channel();
    let (answer, may_answer) = mpsc::channel::<()>();
    let may_answer = Mutex::new(may_answer);
    let engine = remote(move |request| {
        if request.query.text() == SLOW {
            began.send(())?;
            may_answer.lock().expect("whole").recv()?;
        }
        Ok(())
    });
    (engine, has_begun, answer)
}

#[test]
fn a_first_pass_that_waits_keeps_no_other_search_waiting() {
    let (engine, has_begun, answer) = waiting_engine();
    let options = SearchOptions::default();
    thread::scope(|scope| {
        let slow = scope.spawn(|| engine.search(SLOW, &options));
        has_begun.recv().expect("it began");
        let (done, is_done) = mpsc::channel();
        let (engine, options) = (&engine, &options);
        scope.spawn(move || {
            let answer = engine.search("word", options).map_err(Box::new);
            done.send(answer).expect("it is waited for");
        });
        let other = is_done.recv_timeout(Duration::from_secs(60));
        answer.send(()).expect("it waits");
        let other = other.expect("an answer while the first pass waits");
        assert!(other.expect("an answer").second_pass.scored > 0);
        assert!(slow.join().expect("no panic").is_ok());
    });
}
