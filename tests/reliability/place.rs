//! A folder to index, the command over it, and an engine that looks at what the command has left.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, OnceLock};

use reread_engine::{Embedder, Engine, Mode, RetrieveOptions, SearchOptions, SecondPass, Snapshot};
use reread_models::BertEmbedder;

#[allow(dead_code)] // Each test uses a part of it.
#[path = "../common/place.rs"]
mod common;

pub(crate) use common::{BINARY, Place};

impl Place {
    /// The command under a limit of the shell's, such as `ulimit -f 100`.
    pub(crate) fn limited(&self, limits: &str, args: &[&str]) -> Output {
        let mut command = Command::new("sh");
        let script = format!("{limits}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, BINARY]).args(args);
        self.settle(&mut command);
        command.output().unwrap()
    }

    /// Runs a command that must succeed. Returns its standard output.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// An engine over the folder with the command's own embedder, opened once for all tests.
    pub(crate) fn engine(&self) -> Engine {
        Engine::builder()
            .root(self.root())
            .embedder(embedder())
            .build()
            .unwrap()
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::open(&self.index()).unwrap()
    }
}

pub(crate) fn embedder() -> Arc<dyn Embedder> {
    static EMBEDDER: OnceLock<Arc<BertEmbedder>> = OnceLock::new();
    let open = || {
        let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/models");
        let model = models.join(reread_engine::DEFAULT_EMBEDDER);
        Arc::new(BertEmbedder::open(&model).expect("the shipped model"))
    };
    EMBEDDER.get_or_init(open).clone()
}

/// Every passage of an index: document, text, lines.
pub(crate) fn content(snapshot: &Snapshot) -> Vec<(String, String, u32)> {
    let passages = snapshot
        .documents()
        .flat_map(|document| snapshot.passages_of(document.key).unwrap());
    let mut content: Vec<_> = passages
        .map(|passage| {
            let line = *passage.lines().start();
            (passage.doc_id, passage.text, line)
        })
        .collect();
    content.sort();
    content
}

/// The first pass's answer in each mode: documents, and scores as bits.
pub(crate) fn answers(engine: &Engine, questions: &[&str]) -> Vec<(String, u32)> {
    let mut all = Vec::new();
    for mode in [Mode::Lexical, Mode::Dense, Mode::Hybrid] {
        let mut first_pass = RetrieveOptions::default();
        first_pass.mode = mode;
        let options = SearchOptions::default()
            .with_first_pass(first_pass)
            .with_second_pass(SecondPass::Off);
        for question in questions {
            let hits = engine.search(question, &options).unwrap().hits;
            all.extend(hits.into_iter().map(|hit| {
                let place = format!("{}:{}", hit.passage.doc_id, hit.passage.lines().start());
                (place, hit.scores.first_pass.to_bits())
            }));
        }
    }
    all
}

/// Numbers that are the same for a seed everywhere (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// A number from the environment, for longer runs than the usual ones.
pub(crate) fn setting(name: &str, otherwise: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(otherwise, |value| value.parse().expect("a number"))
}
