//! What an index of a million passages costs: room, memory, time to open and time of a first pass.
//!
//! ```text
//! cargo bench -p reread-index --bench scale -- make FOLDER INDEX [NUMBER OF PASSAGES]
//! cargo bench -p reread-index --bench scale -- index FOLDER INDEX
//! cargo bench -p reread-index --bench scale -- search FOLDER
//! ```
//!
//! INDEX is an index of real documents, built with `--passage-tokens 64 --overlap-tokens 0`. `make`
//! writes them to `FOLDER/docs` as text files, over and over until there are enough passages. Each
//! passage becomes a paragraph with the two after it, so that it has the usual length; one word in five
//! is replaced by a word of any passage. `index` indexes that folder as
//! `reread index` does (walk, cutting with the model's tokenizer, commits on the way, merging, graph),
//! except that a passage's vector is not computed: it is the vector of the passage it was copied from,
//! turned by 22 degrees in a random direction. `search` asks pieces of eight words, embedded by the
//! model, on one thread.
//!
//! Each is a process of its own, so that its peak of memory is its own. Memory is what the process has
//! on the heap (`RssAnon`) and, apart from that, mapped pages of files, which the system takes back
//! when it needs them (Linux; nothing is measured elsewhere).

// A bench is a program: its results go to standard output.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use reread_document::ChunkOptions;
use reread_index::{
    IndexOptions, IndexProgress, IndexRun, IndexWriter, Observer, Snapshot, nothing_to_do, update,
};
use reread_models::{BertEmbedder, CancelToken, Embedder};
use reread_retrieval::{Mode, Query, Request, RetrieveOptions};

#[path = "scale/copies.rs"]
mod copies;
#[path = "scale/memory.rs"]
mod memory;

use copies::Copies;
use memory::Memory;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const N_PASSAGES: usize = 1_000_000;
const N_QUERIES: usize = 500;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["make", folder, index] => make(folder.as_ref(), index.as_ref(), N_PASSAGES),
        ["make", folder, index, n] => make(folder.as_ref(), index.as_ref(), n.parse()?),
        ["index", folder, index] => index_all(folder.as_ref(), index.as_ref()),
        ["search", folder] => search(folder.as_ref()),
        _ => Err("say make, index or search; the top of benches/scale.rs tells more".into()),
    }
}

fn model() -> Outcome<Arc<BertEmbedder>> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/models");
    let models = std::env::var_os("REREAD_MODELS").map_or(shipped, PathBuf::from);
    Ok(Arc::new(BertEmbedder::open(
        &models.join("bge-small-en-v1.5"),
    )?))
}

fn make(folder: &Path, index: &Path, n_passages: usize) -> Outcome<()> {
    let n_files =
        copies::write_documents(&folder.join("docs"), &Snapshot::open(index)?, n_passages)?;
    println!("{n_files} documents in {}", folder.display());
    Ok(())
}

/// Prints how far the run is, every hundred thousand passages.
struct Progress {
    since: Instant,
    next: AtomicUsize,
}

impl Observer for Progress {
    fn progress(&self, progress: &IndexProgress) {
        let n = progress.n_passages;
        if n >= self.next.load(Ordering::Relaxed) {
            println!("{n:>9} after {:.0} s", self.since.elapsed().as_secs_f32());
            self.next.fetch_add(100_000, Ordering::Relaxed);
        }
    }
}

fn index_all(folder: &Path, copied: &Path) -> Outcome<()> {
    let model = model()?;
    let embedder: Arc<dyn Embedder> = Arc::new(Copies::new(model, Snapshot::open(copied)?));
    let (docs, index) = (folder.join("docs"), folder.join("index"));
    let chunk = ChunkOptions::default().with_overlap_tokens(0);
    let options = IndexOptions::default().with_chunk(chunk);
    let memory = Memory::watch();
    println!("with the models open: {}", Memory::now());

    let run = |what: &str| -> Outcome<()> {
        let before = ProcessTime::now();
        let writer =
            IndexWriter::open(&index, Some(&docs), Arc::clone(&embedder), options.clone())?;
        let progress = Progress {
            since: Instant::now(),
            next: AtomicUsize::new(100_000),
        };
        let done = update(writer, &docs, &IndexRun::default().with_observer(&progress))?;
        println!(
            "{what}: {} passages of {} files in {:.1} s ({:.1} CPU s), peak {}",
            done.n_passages,
            done.n_added + done.n_changed,
            done.elapsed.as_secs_f32(),
            before.elapsed().as_secs_f32(),
            memory.take_peak()
        );
        Ok(())
    };
    run("first run")?;
    let snapshot = Snapshot::open(&index)?;
    let status = snapshot.status();
    println!(
        "{} passages in {} segments, {} of them with a graph; {:.2} GB on disk",
        status.n_passages,
        status.n_segments,
        status.n_graph_passages,
        status.size_bytes as f64 / 1e9
    );
    let before = Instant::now();
    let nothing = nothing_to_do(&snapshot, &docs, &options)?.is_some();
    println!(
        "nothing to do ({nothing}): seen in {:.2} s",
        before.elapsed().as_secs_f32()
    );
    let first = snapshot.documents().next().ok_or("the index is empty")?;
    let changed = docs.join(first.path);
    let mut text = std::fs::read_to_string(&changed)?;
    text.push_str("\n\nOne more paragraph, which was not there before.\n");
    std::fs::write(&changed, text)?;
    drop(snapshot);
    run("one file changed")
}

fn search(folder: &Path) -> Outcome<()> {
    let index = folder.join("index");
    let model = model()?;
    println!("with the model open: {}", Memory::now());
    let mut opened: Vec<Duration> = Vec::new();
    for _ in 0..7 {
        let before = Instant::now();
        drop(Snapshot::open(&index)?);
        opened.push(before.elapsed());
    }
    opened.sort();
    println!(
        "opened in {:.0} ms (median of 7)",
        opened[3].as_secs_f32() * 1e3
    );

    let snapshot = Snapshot::open(&index)?;
    let questions = copies::pieces(&snapshot, N_QUERIES)?;
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let memory = Memory::watch();
    let first = Instant::now();
    for mode in [Mode::Hybrid, Mode::Lexical, Mode::Dense] {
        let mut options = RetrieveOptions::default();
        options.mode = mode;
        let mut times = Vec::new();
        for question in &questions {
            let before = Instant::now();
            one_thread.install(|| -> Outcome<()> {
                let vector = match mode {
                    Mode::Lexical => None,
                    _ => Some(model.embed_query(question)?),
                };
                snapshot.retrieve(&Request {
                    query: &Query::parse(question),
                    vector: vector.as_deref(),
                    options: &options,
                    cancel: &CancelToken::default(),
                })?;
                Ok(())
            })?;
            times.push(before.elapsed());
            if times.len() == 1 && mode == Mode::Hybrid {
                println!(
                    "first answer after {:.0} ms",
                    first.elapsed().as_secs_f32() * 1e3
                );
            }
        }
        times.sort();
        let at =
            |share: f64| times[(share * (times.len() - 1) as f64) as usize].as_secs_f64() * 1e3;
        println!(
            "{mode:?}: p50 {:.1} ms, p95 {:.1} ms, slowest {:.1} ms",
            at(0.5),
            at(0.95),
            at(1.0)
        );
    }
    println!("peak while searching: {}", memory.take_peak());
    Ok(())
}
