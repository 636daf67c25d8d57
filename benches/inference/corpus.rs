//! Questions with their candidates, and passages as they are cut when indexing.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use reread_encoder::Model;
use reread_engine::{
    BoxError, ChunkOptions, Embedder, Engine, Hit, IndexOptions, Mode, ModelIdentity,
    RetrieveOptions, SearchOptions, SecondPass,
};
use reread_eval::ndcg_at;
use serde::Deserialize;

use crate::Result;
use crate::common::{self, Judgement};

/// The most candidates that a cross-encoder is given here.
const MAX_DEPTH: usize = 100;

/// Documents of a collection that are cut into passages.
const N_CUT: usize = 500;

pub(crate) struct Corpus {
    pub(crate) name: String,
    pub(crate) questions: Vec<Question>,
    /// What the bi-encoder reads when the documents are indexed.
    pub(crate) passages: Vec<String>,
}

/// A question and what BM25 finds for it, best first.
pub(crate) struct Question {
    pub(crate) text: String,
    /// The candidates' texts as a cross-encoder reads them.
    pub(crate) texts: Vec<String>,
    hits: Vec<Hit>,
    judged: Judged,
}

/// What was judged relevant to a question.
enum Judged {
    /// Documents with their grades.
    Documents(HashMap<String, f64>),
    /// Passages, known by words that they hold.
    Quotes(Vec<Judgement>),
}

#[derive(Deserialize)]
struct QueryLine {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

impl Corpus {
    /// The sample of this repository.
    pub(crate) fn sample(model: &Arc<Model>, n_questions: usize) -> Result<Self> {
        let docs = common::sample().join("docs");
        let (engine, passages) = index(&docs, model, ChunkOptions::default())?;
        let mut judgements = common::judgements();
        let questions = common::questions().into_iter().take(n_questions);
        let questions = questions.map(|question| {
            let judged = judgements.remove(&question.id).unwrap_or_default();
            engine.question(question.text, Judged::Quotes(judged))
        });
        Ok(Self {
            name: "sample".to_owned(),
            questions: questions.collect::<Result<_>>()?,
            passages,
        })
    }

    /// A collection in BEIR layout. Candidates are whole documents, title and text; passages are
    /// cut from some of the documents.
    pub(crate) fn collection(
        folder: &Path,
        model: &Arc<Model>,
        n_questions: usize,
    ) -> Result<Self> {
        let lines = fs::read_to_string(folder.join("corpus.jsonl"))?;
        let whole = ChunkOptions::default()
            .with_max_tokens(4_096)
            .with_overlap_tokens(0);
        let (engine, _) = index_lines(&lines, model, whole)?;
        let some: Vec<&str> = lines.lines().take(N_CUT).collect();
        let (_, passages) = index_lines(&some.join("\n"), model, ChunkOptions::default())?;

        let mut qrels = read_qrels(&folder.join("qrels/test.tsv"))?;
        let mut questions = Vec::new();
        for line in fs::read_to_string(folder.join("queries.jsonl"))?.lines() {
            let query: QueryLine = serde_json::from_str(line)?;
            if questions.len() == n_questions {
                break;
            }
            if let Some(judged) = qrels.remove(&query.id) {
                questions.push(engine.question(query.text, Judged::Documents(judged))?);
            }
        }
        let name = folder.file_name().unwrap_or_default();
        Ok(Self {
            name: name.to_string_lossy().into_owned(),
            questions,
            passages,
        })
    }
}

impl Question {
    /// nDCG@10 of the first candidates in the order of their scores.
    pub(crate) fn ndcg(&self, scores: &[f32]) -> f64 {
        let order = reread_rerank::rank(scores);
        let hits: Vec<Hit> = order.iter().map(|&at| self.hits[at].clone()).collect();
        match &self.judged {
            Judged::Documents(judged) => {
                let grade = |hit: &Hit| judged.get(&hit.passage.doc_id).copied().unwrap_or(0.0);
                let gains: Vec<f64> = hits.iter().map(grade).collect();
                let grades: Vec<f64> = judged.values().copied().collect();
                ndcg_at(10, &gains, &grades)
            }
            Judged::Quotes(judged) => {
                let grades: Vec<f64> = judged.iter().map(|judgement| judgement.grade).collect();
                ndcg_at(10, &common::gains(&hits, judged), &grades)
            }
        }
    }
}

/// An engine for BM25 alone, with the folder that its index is in.
struct Lexical {
    engine: Engine,
    _index: tempfile::TempDir,
}

impl Lexical {
    fn question(&self, text: String, judged: Judged) -> Result<Question> {
        let mut retrieve = RetrieveOptions::default();
        retrieve.mode = Mode::Lexical;
        retrieve.depth = MAX_DEPTH;
        let options = SearchOptions::default()
            .with_top_k(MAX_DEPTH)
            .with_first_pass(retrieve)
            .with_second_pass(SecondPass::Off);
        let hits = self.engine.search(&text, &options)?.hits;
        let texts = hits.iter().map(|hit| hit.passage.contextual_text());
        Ok(Question {
            texts: texts.collect(),
            text,
            hits,
            judged,
        })
    }
}

fn index_lines(
    lines: &str,
    model: &Arc<Model>,
    chunk: ChunkOptions,
) -> Result<(Lexical, Vec<String>)> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("corpus.jsonl"), lines)?;
    index(folder.path(), model, chunk)
}

/// Indexes a folder without embedding it; also returns the texts that would have been embedded.
fn index(docs: &Path, model: &Arc<Model>, chunk: ChunkOptions) -> Result<(Lexical, Vec<String>)> {
    let listener = Arc::new(Listener {
        model: Arc::clone(model),
        passages: Mutex::default(),
    });
    let index = tempfile::tempdir()?;
    let engine = Engine::builder()
        .root(docs)
        .index_folder(index.path().join("index"))
        .index_options(IndexOptions::default().with_chunk(chunk))
        .embedder(Arc::clone(&listener) as Arc<dyn Embedder>)
        .build()?;
    engine.update()?;
    let mut passages = listener
        .passages
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let passages = std::mem::take(&mut *passages);
    let lexical = Lexical {
        engine,
        _index: index,
    };
    Ok((lexical, passages))
}

/// Cuts as the real bi-encoder does, and only writes down what it should embed.
struct Listener {
    model: Arc<Model>,
    passages: Mutex<Vec<String>>,
}

impl Listener {
    const DIM: usize = 8;

    fn vector() -> Vec<f32> {
        let mut vector = vec![0.0; Self::DIM];
        vector[0] = 1.0;
        vector
    }
}

impl Embedder for Listener {
    fn model(&self) -> &ModelIdentity {
        self.model.identity()
    }

    fn dim(&self) -> usize {
        Self::DIM
    }

    fn embed_query(&self, _: &str) -> std::result::Result<Vec<f32>, BoxError> {
        Ok(Self::vector())
    }

    fn embed_passages(&self, texts: &[&str]) -> std::result::Result<Vec<f32>, BoxError> {
        let mut passages = self.passages.lock().unwrap_or_else(PoisonError::into_inner);
        passages.extend(texts.iter().map(|&text| text.to_owned()));
        Ok(Self::vector().repeat(texts.len()))
    }

    fn token_offsets(&self, text: &str) -> std::result::Result<Vec<Range<usize>>, BoxError> {
        Ok(self.model.tokenizer().offsets(text)?)
    }
}

fn read_qrels(path: &Path) -> Result<HashMap<String, HashMap<String, f64>>> {
    let mut qrels: HashMap<String, HashMap<String, f64>> = HashMap::new();
    for line in fs::read_to_string(path)?.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [query, document, grade] = fields[..] else {
            return Err(format!("{}: not three columns: {line:?}", path.display()).into());
        };
        qrels
            .entry(query.to_owned())
            .or_default()
            .insert(document.to_owned(), grade.parse()?);
    }
    Ok(qrels)
}
