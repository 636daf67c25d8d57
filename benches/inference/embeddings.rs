//! Bi-encoders: texts in, vectors out. One query at a time, and passages by the dozen.

use std::sync::Arc;

use reread_encoder::{InstructionSet, Model, Precision};

use crate::corpus::Corpus;
use crate::figures::{head, mean, row, spread};
use crate::onnx::{Sessions, text_embedding};
use crate::ours::{Variant, name, thread_counts, variants};
use crate::race::{Contestant, Record, Share, race};
use crate::report::{Size, TOKENISING, find, ms_a_call, speeds, two_against_one};
use crate::{Result, Settings};

pub(crate) const MODEL: &str = "bge-small-en-v1.5";

/// Lengths of the queries in tokens, special ones included: a bare one, and one with its prefix.
const QUERY_TOKENS: [usize; 2] = [12, 32];

/// Calls in a row, after the first of which caches hold what they can.
const N_CALLS: usize = 10;

/// Passages of a run. Longer runs suit fastembed less, which pads them all to the longest.
const N_PASSAGES: usize = 32;

/// How many questions there are to each run.
const QUESTIONS_A_RUN: usize = 4;

/// Texts to embed in one call, and how many such calls are made in a row.
struct Batch {
    texts: Vec<String>,
    max_tokens: usize,
    n_calls: usize,
}

impl Batch {
    fn size(&self, model: &Model) -> Result<Size> {
        let tokens = |text: &String| Ok(model.tokenizer().encode(text, self.max_tokens)?.len());
        Ok(Size {
            n_items: self.texts.len(),
            n_tokens: self.texts.iter().map(tokens).sum::<Result<_>>()?,
        })
    }
}

fn ours(variants: &[Variant]) -> Vec<Contestant<'_, Batch>> {
    let embed = |model: &Model, task: &Batch| {
        let texts: Vec<&str> = task.texts.iter().map(String::as_str).collect();
        for _ in 1..task.n_calls {
            model.embed(&texts, task.max_tokens)?;
        }
        model.embed(&texts, task.max_tokens)
    };
    variants
        .iter()
        .map(|variant| variant.contestant(embed))
        .collect()
}

/// ONNX Runtime with the tokens that our encoder reads.
fn onnx<'a>(name: &str, mut sessions: Sessions, model: &'a Model) -> Contestant<'a, Batch> {
    Contestant::new(name, move |task: &Batch| {
        let tokens = |text: &str| Ok(model.tokenizer().encode(text, task.max_tokens)?);
        for _ in 1..task.n_calls {
            sessions.run(&task.texts, tokens)?;
        }
        let mut rows = sessions.run(&task.texts, tokens)?;
        for row in rows.chunks_mut(model.dim()) {
            let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt();
            for value in row {
                *value /= norm;
            }
        }
        Ok(rows)
    })
}

/// How long one query takes.
pub(crate) fn queries(settings: &Settings, corpora: &[Corpus]) -> Result<()> {
    let cores = settings.n_cores;
    let folder = settings.onnx.join(MODEL);
    let variants = variants(MODEL, &[1, cores], 1, Share::FirstRound)?;
    let model = Arc::clone(&variants[0].model);
    let mut contestants = ours(&variants);
    for n_threads in [1, cores] {
        let session = Sessions::one(&settings.runtime, &folder, n_threads)?;
        let plural = if n_threads == 1 { "" } else { "s" };
        let name = format!("onnxruntime int8, {n_threads} thread{plural}");
        contestants.push(onnx(&name, session, &model));
    }
    for max_tokens in QUERY_TOKENS {
        let long_enough = |text: &&String| {
            let tokens = model.tokenizer().encode(text, max_tokens);
            tokens.is_ok_and(|tokens| tokens.len() == max_tokens)
        };
        let texts = corpora.iter().flat_map(|corpus| {
            let texts = corpus.passages.iter().filter(long_enough);
            texts.take(settings.n_questions.div_ceil(corpora.len()))
        });
        let texts: Vec<&String> = texts.collect();
        let mut timed = |n_calls| {
            let task = |text: &&String| Batch {
                texts: vec![(*text).clone()],
                max_tokens,
                n_calls,
            };
            let tasks: Vec<Batch> = texts.iter().map(task).collect();
            race(&mut contestants, &tasks, settings.rounds)
        };
        let (alone, in_a_row) = (timed(1)?, timed(N_CALLS)?);
        println!(
            "\n### Bi-encoder: {} queries of {max_tokens} tokens\n",
            texts.len()
        );
        head(&[
            "median (quartiles)",
            "runs",
            "ms, after the others",
            &format!("ms, {N_CALLS} in a row"),
        ]);
        for (alone, in_a_row) in alone.iter().zip(&in_a_row) {
            let alone_ms = ms_a_call(alone, 1);
            row(&[
                alone.name.clone(),
                alone_ms.len().to_string(),
                spread(&alone_ms, 2),
                spread(&ms_a_call(in_a_row, N_CALLS), 2),
            ]);
        }
    }
    Ok(())
}

/// How long passages take, end to end.
pub(crate) fn passages(settings: &Settings, corpora: &[Corpus]) -> Result<()> {
    let cores = settings.n_cores;
    let folder = settings.onnx.join(MODEL);
    let variants = variants(MODEL, &thread_counts(cores), cores, settings.other_sets)?;
    let model = Arc::clone(&variants[0].model);
    let exact = variants.last().map_or("", |variant| &variant.name);

    let mut contestants = ours(&variants);
    let sessions = Sessions::of_one_thread(&settings.runtime, &folder, cores)?;
    let rival = format!("onnxruntime int8, {cores} sessions of 1 thread");
    contestants.push(onnx(&rival, sessions, &model));
    let mut embedding = text_embedding(&settings.runtime, &folder)?;
    let fastembed = Contestant::new("fastembed int8, defaults", move |task: &Batch| {
        Ok(embedding.embed(&task.texts, None)?.concat())
    });
    contestants.push(fastembed.with_share(Share::FirstRound));
    contestants.push(Contestant::new(TOKENISING, |task: &Batch| {
        task.size(&model).map(|_| Vec::new())
    }));

    let on = |n_threads| name(Precision::Int8, InstructionSet::available()[0], n_threads);
    for corpus in corpora {
        let n_runs = settings.n_questions.div_ceil(QUESTIONS_A_RUN);
        // Neighbours are of one document, so passages are taken from all over.
        let step = (corpus.passages.len() / (n_runs * N_PASSAGES)).max(1);
        let spread_out: Vec<String> = corpus.passages.iter().step_by(step).cloned().collect();
        let tasks: Vec<Batch> = spread_out
            .chunks(N_PASSAGES)
            .take(n_runs)
            .map(|texts| Batch {
                texts: texts.to_vec(),
                max_tokens: model.max_tokens(),
                n_calls: 1,
            })
            .collect();
        let sizes: Result<Vec<Size>> = tasks.iter().map(|task| task.size(&model)).collect();
        let sizes = sizes?;
        let n_tokens: usize = sizes.iter().map(|size| size.n_tokens).sum();
        let n_passages: usize = sizes.iter().map(|size| size.n_items).sum();
        println!(
            "\n### Bi-encoder, {}: {} runs of {N_PASSAGES} passages, {} tokens each",
            corpus.name,
            tasks.len(),
            n_tokens / n_passages.max(1)
        );
        let records = race(&mut contestants, &tasks, settings.rounds)?;
        speeds(&records, &sizes, "passages", &rival);
        two_against_one(&records, &on(1), &on(2));
        agreement(&records, model.dim(), exact);
    }
    Ok(())
}

/// Prints how close each contestant's vectors are to those of the one called `exact`.
fn agreement(records: &[Record], dim: usize, exact: &str) {
    let Some(exact) = find(records, exact) else {
        return;
    };
    println!();
    head(&["vectors against f32", "passages", "mean cosine", "least"]);
    for record in records.iter().filter(|record| record.name != TOKENISING) {
        let cosines: Vec<f64> = record
            .answers_beside(exact)
            .flat_map(|(a, b)| a.chunks(dim).zip(b.chunks(dim)))
            .map(|(a, b)| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum())
            .collect();
        row(&[
            record.name.clone(),
            cosines.len().to_string(),
            format!("{:.5}", mean(&cosines)),
            format!(
                "{:.5}",
                cosines.iter().copied().fold(f64::INFINITY, f64::min)
            ),
        ]);
    }
}
