//! Which stage of indexing takes how long: passages per second of one thread.
//!
//! ```text
//! cargo bench -p reread-index --bench indexing -- FOLDER
//! ```
//!
//! Each stage runs over all files of FOLDER by itself, on one thread, with the files in the page cache. The
//! model encodes a few hundred passages out of all of them. At last the folder is indexed as a whole, on all
//! cores: the nearer that comes to what the model can do alone, the better it is kept fed.

// A bench is a program: its results go to standard output.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cpu_time::{ProcessTime, ThreadTime};
use reread_document::{
    ChunkOptions, Document, ExtractOptions, Extraction, FoundFile, WalkOptions, chunk, extract,
    walk,
};
use reread_index::{IndexOptions, IndexRun, IndexWriter, prepare, update};
use reread_models::{BertEmbedder, BoxError, Embedder, ModelIdentity};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How many passages the model encodes.
const N_ENCODED: usize = 512;

/// Larger files are left out here.
const MAX_FILE_BYTES: u64 = 64 << 20;

fn main() -> Outcome<()> {
    let folder = std::env::args().skip(1).find(|arg| arg != "--bench");
    let folder = PathBuf::from(folder.ok_or("give a folder of documents")?);
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/models");
    let models = std::env::var_os("REREAD_MODELS").map_or(shipped, PathBuf::from);
    let model = Arc::new(BertEmbedder::open(&models.join("bge-small-en-v1.5"))?);
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let n_passages = one_thread.install(|| stages(&folder, &model))?;

    let index = tempfile::tempdir()?;
    let options = IndexOptions::default();
    let writer = IndexWriter::open(&index.path().join("index"), Some(&folder), model, options)?;
    let before = ProcessTime::now();
    let done = update(writer, &folder, &IndexRun::default())?;
    let (cpu, wall) = (before.elapsed().as_secs_f64(), done.elapsed.as_secs_f64());
    let n_threads = rayon::current_num_threads();
    println!(
        "all, {n_threads} threads: {} passages, {:.1} a second; {:.0} % of the cores busy",
        done.n_passages,
        done.n_passages as f64 / wall,
        100.0 * cpu / (wall * n_threads as f64)
    );
    if done.n_passages != n_passages {
        println!("the stages made {n_passages} passages");
    }
    Ok(())
}

/// Runs the stages one after the other and prints what each takes. Returns the number of passages.
fn stages(folder: &Path, model: &Arc<BertEmbedder>) -> Outcome<usize> {
    let options = ChunkOptions::default();
    let (found, t_walk) = timed(|| walk(folder, &WalkOptions::default()));
    let files = found?.files;
    let (bytes, t_read) = timed(|| read(&files));
    let n_bytes: usize = bytes.iter().map(|(_, bytes)| bytes.len()).sum();
    let (documents, t_extract) = timed(|| documents(bytes));
    let (tokens, t_tokenise) = timed(|| -> Result<Vec<Vec<Range<usize>>>, BoxError> {
        let texts = documents.iter();
        texts
            .map(|document| model.token_offsets(&document.text))
            .collect()
    });
    let tokens = tokens?;
    let n_tokens: usize = tokens.iter().map(Vec::len).sum();
    let (texts, t_cut) = timed(|| {
        let pairs = documents.iter().zip(&tokens);
        let cuts = pairs.flat_map(|(document, tokens)| {
            let cuts = chunk(document, tokens, &options);
            cuts.into_iter()
                .map(|cut| format!("{}\n{}", document.title, &document.text[cut.range]))
        });
        cuts.collect::<Vec<String>>()
    });
    let n = texts.len();
    let every = n.div_ceil(N_ENCODED).max(1);
    let sample: Vec<&str> = texts.iter().step_by(every).map(String::as_str).collect();
    let (vectors, t_encode) = timed(|| model.embed_passages(&sample));
    vectors?;

    // What writing takes is what is left when the vectors are there at once.
    let known: Arc<dyn Embedder> = Arc::new(Same(Arc::clone(model)));
    let (cut, t_prepare) = timed(|| -> Outcome<()> {
        for document in &documents {
            prepare(document, known.as_ref(), &options)?;
        }
        Ok(())
    });
    cut?;
    let index = tempfile::tempdir()?;
    let before = ProcessTime::now();
    let mut writer = IndexWriter::open(index.path(), None, known, IndexOptions::default())?;
    for document in &documents {
        writer.put_document(document)?;
    }
    writer.commit()?;
    let t_write = before.elapsed().as_secs_f64() - t_prepare;

    println!(
        "{} files, {:.1} MB, {} documents, {n_tokens} tokens, {n} passages",
        files.len(),
        n_bytes as f64 / 1e6,
        documents.len()
    );
    let t_encode = t_encode * n as f64 / sample.len().max(1) as f64;
    let stages = [
        ("walk", t_walk),
        ("read", t_read),
        ("parse", t_extract),
        ("tokenise", t_tokenise),
        ("cut", t_cut),
        ("encode", t_encode),
        ("write, graph apart", t_write),
    ];
    let all: f64 = stages.iter().map(|stage| stage.1).sum();
    for (name, seconds) in stages {
        println!(
            "{name:>20} {:>12.0} passages/s {:>6.2} % of the CPU time",
            n as f64 / seconds,
            100.0 * seconds / all
        );
    }
    Ok(n)
}

/// What a step returns, and its CPU time in seconds on this thread.
fn timed<T>(step: impl FnOnce() -> T) -> (T, f64) {
    let before = ThreadTime::now();
    let done = step();
    (done, before.elapsed().as_secs_f64())
}

fn read(files: &[FoundFile]) -> Vec<(&str, Vec<u8>)> {
    let read = files.iter().filter_map(|file| {
        let bytes = file.read(MAX_FILE_BYTES).ok()?;
        Some((file.path.as_str(), bytes))
    });
    read.collect()
}

fn documents(files: Vec<(&str, Vec<u8>)>) -> Vec<Document> {
    let extracted = files.into_iter().flat_map(|(path, bytes)| {
        match extract(path, bytes, &ExtractOptions::default()) {
            Extraction::Read { documents, .. } => documents,
            Extraction::Binary => Vec::new(),
        }
    });
    extracted.collect()
}

/// The model's tokenizer, and for every passage the same vector at once.
struct Same(Arc<BertEmbedder>);

impl Embedder for Same {
    fn model(&self) -> &ModelIdentity {
        self.0.model()
    }

    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn embed_query(&self, query: &str) -> Result<Vec<f32>, BoxError> {
        self.embed_passages(&[query])
    }

    fn embed_passages(&self, passages: &[&str]) -> Result<Vec<f32>, BoxError> {
        let mut row = vec![0.0; self.dim()];
        row[0] = 1.0;
        Ok(row.repeat(passages.len()))
    }

    fn token_offsets(&self, text: &str) -> Result<Vec<Range<usize>>, BoxError> {
        self.0.token_offsets(text)
    }
}
