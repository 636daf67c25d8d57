//! `reread judge`: a person says which candidates answer, and learns whether the second pass pays.

mod file;

use std::io::{self, BufRead, Write};

use anyhow::bail;
use reread_engine::{By, Engine, Fold, Hit, Passage, SearchOptions, SecondPass, Stop};
use reread_eval::{QueryText, disputed, effect, read_queries, standing};

use self::file::Judgements;
use super::search::refresh;
use super::styled_stdout;
use crate::args::{CommonArgs, JudgeArgs};
use crate::output::counted;
use crate::output::judge::{write_candidate, write_question, write_standing};
use crate::{Outcome, folder, resolve};

/// A candidate that the passes disagree on.
struct Disputed {
    /// What judgements call it.
    name: String,
    /// What they call the passages that it stands for, which have the same text.
    others: Vec<String>,
    hit: Hit,
    effect: f64,
}

/// What a person said.
enum Answer {
    Relevant(bool),
    Skip,
    Undo,
    Quit,
}

pub(crate) fn run(args: &JudgeArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    folder::check(&args.folder)?;
    let questions = read_queries(&args.queries)?;
    let mut judgements = Judgements::open(&args.qrels)?;
    let searching = &args.searching;
    let settings = resolve::settings(searching.settings(), Some(&args.folder), common)?;
    let options = resolve::search_options(&settings, &searching.filter)?;
    if options.second_pass == SecondPass::Off {
        bail!("without the second pass there is nothing to compare; leave out --no-rerank");
    }
    let engine = resolve::engine(&args.folder, searching.index.index.as_deref(), &settings)?;
    if !settings.search.no_refresh {
        refresh(&engine, &args.folder, common.quiet, searching.wait.when())?;
    }
    engine.cross_encoder()?;
    engine.keep_scores()?;

    let mut out = styled_stdout();
    let mut answers = io::stdin().lock().lines();
    let mut differences = Vec::new();
    let mut n_disputed = 0;
    for (pos, question) in questions.iter().enumerate() {
        let candidates = candidates(&engine, question, &options, args.per_question)?;
        n_disputed += candidates.len();
        let unjudged = candidates
            .iter()
            .any(|candidate| judgements.grade(&question.id, &candidate.name).is_none());
        if unjudged {
            write_question(&mut out, pos + 1, questions.len(), &question.text)?;
        }
        let mut ask = |candidate: &Disputed| {
            write_candidate(&mut out, &candidate.name, &candidate.hit.passage)?;
            read_answer(&mut out, &mut answers)
        };
        let goes_on = judge(&mut judgements, &question.id, &candidates, &mut ask)?;
        differences.extend(difference(&judgements, &question.id, &candidates));
        if unjudged || pos + 1 == questions.len() {
            write_standing(&mut out, &standing(&differences, args.seed))?;
        }
        out.flush()?;
        if !goes_on {
            return Ok(Outcome::Found);
        }
    }
    if n_disputed == 0 {
        writeln!(
            out,
            "the two passes agree on {}, so there is nothing to judge; try other questions, or more of them",
            counted(questions.len(), "question")
        )?;
        out.flush()?;
    }
    Ok(Outcome::Found)
}

/// What the passes disagree on, in an order that says nothing of theirs: that of names.
fn candidates(
    engine: &Engine,
    question: &QueryText,
    options: &SearchOptions,
    n: usize,
) -> anyhow::Result<Vec<Disputed>> {
    let depth = options.first_pass.depth;
    let mut options = options.clone().with_top_k(depth.clamp(10, 1_000));
    // What is left out of an answer may still tell the orders apart.
    options = options.without_thresholds();
    (options.stop, options.per_document) = (Stop::Never, None);
    // Nearly the same text may be another answer.
    let options = options.with_by(By::Passage).with_fold(Fold::Equal);
    let found = engine.search(&question.text, &options)?;
    let ranks: Vec<(u32, u32)> = found
        .hits
        .iter()
        .map(|hit| (hit.ranks.first_pass, hit.rank))
        .collect();
    let mut candidates: Vec<Disputed> = disputed(&ranks, n)
        .into_iter()
        .map(|pos| {
            let hit = found.hits[pos].clone();
            Disputed {
                name: name(&hit.passage),
                others: hit.also_at.iter().map(name).collect(),
                effect: effect(ranks[pos].0, ranks[pos].1),
                hit,
            }
        })
        .collect();
    candidates.sort_by(|a, b| a.name.cmp(&b.name));
    candidates.dedup_by(|a, b| a.name == b.name);
    Ok(candidates)
}

/// What judgements call a passage.
fn name(passage: &Passage) -> String {
    let lines = passage.lines();
    format!("{}:{}-{}", passage.path, lines.start(), lines.end())
}

/// Asks about every candidate that is not judged yet; `false` where the person has enough.
fn judge(
    judgements: &mut Judgements,
    query: &str,
    candidates: &[Disputed],
    ask: &mut impl FnMut(&Disputed) -> anyhow::Result<Answer>,
) -> anyhow::Result<bool> {
    let open: Vec<&Disputed> = candidates
        .iter()
        .filter(|candidate| judgements.grade(query, &candidate.name).is_none())
        .collect();
    let mut at = 0;
    while let Some(candidate) = open.get(at) {
        match ask(candidate)? {
            Answer::Relevant(is_relevant) => {
                let grade = i32::from(is_relevant);
                judgements.add(query, &candidate.name, grade)?;
                // What is true of a text is true of its copies, which measuring counts one by one.
                for other in &candidate.others {
                    if judgements.grade(query, other).is_none() {
                        judgements.add(query, other, grade)?;
                    }
                }
                at += 1;
            }
            Answer::Skip => at += 1,
            // Back to the one before, within this question.
            Answer::Undo => {
                at = at.saturating_sub(1);
                // Only the last line can be taken back.
                for other in open[at].others.iter().rev() {
                    judgements.remove(query, other)?;
                }
                judgements.remove(query, &open[at].name)?;
            }
            Answer::Quit => return Ok(false),
        }
    }
    Ok(true)
}

/// What the judged candidates say of the two orders; `None` where none is judged.
fn difference(judgements: &Judgements, query: &str, candidates: &[Disputed]) -> Option<f64> {
    let judged = candidates.iter().filter_map(|candidate| {
        let grade = judgements.grade(query, &candidate.name)?;
        Some(if grade > 0 { candidate.effect } else { 0.0 })
    });
    judged.reduce(|sum, effect| sum + effect)
}

/// Reads lines until one is an answer; the end of the input is one, too.
fn read_answer(
    out: &mut impl Write,
    answers: &mut impl Iterator<Item = io::Result<String>>,
) -> anyhow::Result<Answer> {
    loop {
        write!(
            out,
            "does it answer the question? y(es), n(o), s(kip), u(ndo), q(uit): "
        )?;
        out.flush()?;
        let Some(line) = answers.next() else {
            writeln!(out)?;
            return Ok(Answer::Quit);
        };
        match line?.trim().to_lowercase().as_str() {
            "y" | "yes" => return Ok(Answer::Relevant(true)),
            "n" | "no" => return Ok(Answer::Relevant(false)),
            "s" | "skip" => return Ok(Answer::Skip),
            "u" | "undo" => return Ok(Answer::Undo),
            "q" | "quit" => return Ok(Answer::Quit),
            _ => (),
        }
    }
}
