//! Cross-encoders: questions and their candidates in, logits out.

use std::sync::Arc;

use fastembed::TextRerank;
use reread_encoder::{InstructionSet, Model, Precision};
use reread_models::DEFAULT_PAIR_TOKENS;

use crate::corpus::{Corpus, Question};
use crate::figures::{differences, head, kendall_tau, mean, row, spread};
use crate::onnx::{Sessions, text_rerank};
use crate::ours::{Variant, name, thread_counts, variants};
use crate::race::{Contestant, Record, Share, race};
use crate::report::{Size, TOKENISING, find, speeds, two_against_one};
use crate::tokens::PairTokens;
use crate::{Result, Settings};

pub(crate) const MODEL: &str = "ms-marco-MiniLM-L-12-v2";

/// Candidates of a question, and what share of the questions is asked with this many. With the first
/// depth everybody takes part, and agreement is measured too.
const DEPTHS: [(usize, usize); 3] = [(20, 1), (50, 5), (100, 8)];

/// A question with this many of its candidates.
struct Pairs<'a> {
    question: &'a Question,
    texts: Vec<String>,
}

impl<'a> Pairs<'a> {
    fn new(question: &'a Question, depth: usize) -> Self {
        let texts = question.texts.iter().take(depth).cloned().collect();
        Self { question, texts }
    }

    fn size(&self, model: &Model) -> Result<Size> {
        let tokens = PairTokens::new(model.tokenizer(), &self.question.text, DEFAULT_PAIR_TOKENS)?;
        let lengths = self.texts.iter().map(|text| Ok(tokens.with(text)?.len()));
        Ok(Size {
            n_items: self.texts.len(),
            n_tokens: lengths.sum::<Result<_>>()?,
        })
    }
}

fn ours<'q>(variants: &[Variant]) -> impl Iterator<Item = Contestant<'_, Pairs<'q>>> {
    let score = |model: &Model, pairs: &Pairs<'_>| {
        let texts: Vec<&str> = pairs.texts.iter().map(String::as_str).collect();
        model.score(&pairs.question.text, &texts, DEFAULT_PAIR_TOKENS)
    };
    variants
        .iter()
        .map(move |variant| variant.contestant(score))
}

/// ONNX Runtime with the tokens that our encoder reads.
fn onnx<'a, 'q>(name: &str, mut sessions: Sessions, model: &'a Model) -> Contestant<'a, Pairs<'q>> {
    Contestant::new(name, move |pairs: &Pairs<'q>| {
        let query = &pairs.question.text;
        let tokens = PairTokens::new(model.tokenizer(), query, DEFAULT_PAIR_TOKENS)?;
        sessions.run(&pairs.texts, |text| tokens.with(text))
    })
}

fn fastembed<'q>(mut reranker: TextRerank) -> Contestant<'static, Pairs<'q>> {
    Contestant::new("fastembed int8, defaults", move |pairs: &Pairs<'q>| {
        let texts: Vec<&str> = pairs.texts.iter().map(String::as_str).collect();
        let results = reranker.rerank(pairs.question.text.as_str(), texts, false, None)?;
        let mut logits = vec![0.0; results.len()];
        for result in results {
            logits[result.index] = result.score;
        }
        Ok(logits)
    })
}

pub(crate) fn run(settings: &Settings, corpora: &[Corpus]) -> Result<()> {
    let cores = settings.n_cores;
    let variants = variants(MODEL, &thread_counts(cores), cores, settings.other_sets)?;
    let model = Arc::clone(&variants[0].model);
    let exact = variants.last().map_or("", |variant| &variant.name);
    let folder = settings.onnx.join(MODEL);
    let sessions = Sessions::of_one_thread(&settings.runtime, &folder, cores)?;
    let reranker = text_rerank(&settings.runtime, &folder, DEFAULT_PAIR_TOKENS)?;
    let rival = format!("onnxruntime int8, {cores} sessions of 1 thread");

    let mut contestants: Vec<Contestant<'_, Pairs<'_>>> = ours(&variants).collect();
    contestants.push(onnx(&rival, sessions, &model));
    contestants.push(fastembed(reranker).with_share(Share::FirstRound));
    contestants.push(Contestant::new(TOKENISING, |pairs: &Pairs<'_>| {
        pairs.size(&model).map(|_| Vec::new())
    }));

    let on = |n_threads| name(Precision::Int8, InstructionSet::available()[0], n_threads);
    for (depth, share) in DEPTHS {
        for corpus in corpora {
            let n_questions = corpus.questions.len() / share;
            if n_questions == 0 {
                continue;
            }
            let tasks: Vec<_> = corpus.questions[..n_questions]
                .iter()
                .map(|question| Pairs::new(question, depth))
                .collect();
            let sizes: Result<Vec<Size>> = tasks.iter().map(|task| task.size(&model)).collect();
            let sizes = sizes?;
            print_title(&corpus.name, depth, &sizes);
            let records = race(&mut contestants, &tasks, settings.rounds)?;
            speeds(&records, &sizes, "pairs", &rival);
            two_against_one(&records, &on(1), &on(2));
            agreement(&records, &tasks, exact);
        }
        contestants
            .retain(|contestant| contestant.share != Share::Fifth && contestant.name != *exact);
    }
    Ok(())
}

fn print_title(corpus: &str, depth: usize, sizes: &[Size]) {
    let lengths: Vec<f64> = sizes
        .iter()
        .map(|size| size.n_tokens as f64 / size.n_items.max(1) as f64)
        .collect();
    println!(
        "\n### Cross-encoder, {corpus}: {} questions, {depth} candidates, {} tokens a pair",
        sizes.len(),
        spread(&lengths, 0)
    );
}

/// Prints how far each contestant's logits are from those of the one called `exact`, and how good
/// the order is that they make.
fn agreement(records: &[Record], tasks: &[Pairs<'_>], exact: &str) {
    let Some(exact) = find(records, exact) else {
        return;
    };
    println!();
    head(&[
        "logits against f32",
        "pairs",
        "mean difference",
        "largest",
        "Kendall's tau a question",
        "nDCG@10",
    ]);
    let bm25 = tasks.iter().map(|task| {
        let first_is_best: Vec<f32> = (0..task.texts.len()).map(|at| -(at as f32)).collect();
        task.question.ndcg(&first_is_best)
    });
    let bm25 = format!("{:.4}", mean(&bm25.collect::<Vec<_>>()));
    row(&[
        "BM25".to_owned(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        bm25,
    ]);
    for record in records.iter().filter(|record| record.name != TOKENISING) {
        let both: Vec<(&Vec<f32>, &Vec<f32>)> = record.answers_beside(exact).collect();
        let apart: Vec<f64> = both.iter().flat_map(|(a, b)| differences(a, b)).collect();
        let taus: Vec<f64> = both.iter().map(|(a, b)| kendall_tau(a, b)).collect();
        let judged = tasks.iter().zip(&record.answers);
        let ndcg: Vec<f64> = judged
            .filter_map(|(task, logits)| Some(task.question.ndcg(logits.as_ref()?)))
            .collect();
        row(&[
            record.name.clone(),
            apart.len().to_string(),
            format!("{:.4}", mean(&apart)),
            format!("{:.4}", apart.iter().copied().fold(0.0, f64::max)),
            format!("{:.4}", mean(&taus)),
            // Another set of questions has another mean.
            if ndcg.len() == tasks.len() {
                format!("{:.4}", mean(&ndcg))
            } else {
                String::new()
            },
        ]);
    }
}
