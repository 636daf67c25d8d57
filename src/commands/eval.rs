//! `reread eval`: how well each pass ranks, and what the second one adds.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use reread_engine::Engine;
use reread_engine::eval::{
    Collection, Measure, Presence, QueryText, System, Target, Targets, Trial, TrialOptions,
    summarise,
};

use super::search::refresh;
use super::{raw_stdout, styled_stdout};
use crate::args::{CommonArgs, EvalArgs, FilterArgs, Settings};
use crate::output::eval::{self, Results};
use crate::output::{clean, counted, say};
use crate::{Outcome, folder, progress, resolve};

/// The depths that are compared, unless others are given: around the default of a search.
const DEPTHS: [usize; 3] = [10, 20, 50];

/// The measures, unless others are given; systems are compared by the first.
const MEASURES: [Measure; 5] = [
    Measure::Ndcg(Some(10)),
    Measure::Recall(100),
    Measure::Rr(Some(10)),
    Measure::Ap(None),
    Measure::Judged(10),
];

/// Where a collection is indexed, unless a place is given: a hidden folder, so that a search of the
/// collection's own folder does not find it.
const WORK_FOLDER: &str = ".reread-eval";

/// So many bad judgements are named; the rest is counted.
const SHOWN: usize = 5;

/// What is measured, and where it is indexed.
struct Place {
    name: String,
    root: PathBuf,
    index: Option<PathBuf>,
    is_dataset: bool,
    collection: Collection,
}

pub(crate) fn run(mut args: EvalArgs, common: &CommonArgs) -> anyhow::Result<Outcome> {
    let place = place(&args)?;
    let flags = Settings {
        search: args.search.clone().into(),
        index: args.cut,
        read: args.read,
        models: args.models.clone(),
        ..Settings::default()
    };
    let mut settings = resolve::settings(flags, Some(&place.root), common)?;
    if place.is_dataset && settings.read.max_file_size.is_none() {
        // A corpus is one file, and what is left out of it would be measured as not found.
        settings.read.max_file_size = Some(u64::MAX / 2);
    }
    let options = resolve::search_options(&settings, &FilterArgs { since: None })?;
    let depths = if args.depths.is_empty() {
        &DEPTHS[..]
    } else {
        &args.depths
    };
    let options = TrialOptions::new(options.first_pass, options.second_pass, depths);
    let run_of = run_system(&args, &options)?;
    if args.measures.is_empty() {
        args.measures = MEASURES.to_vec();
    }

    let engine = resolve::engine(&place.root, place.index.as_deref(), &settings)?;
    if !settings.search.no_refresh {
        refresh(&engine, &place.root, common.quiet)?;
    }
    let targets = Targets::find(&place.collection.qrels, &*engine.snapshot()?)?;
    let mut warnings = warnings(&place.collection, &targets);
    let questions = asked(&place.collection, args.limit, &mut warnings);
    for warning in &warnings {
        say(&format!("warning: {}", clean(warning)));
    }
    let trials = ask(&engine, questions, &targets, &options, common.quiet)?;
    let results = Results {
        name: place.name,
        rows: summarise(&trials, &targets, &options, &args.measures, args.seed),
        n_passages: engine.snapshot()?.n_passages(),
        models: models(&engine, &options)?,
        trials,
        targets,
        measures: args.measures.clone(),
        seed: args.seed,
        warnings,
    };
    write(&args, &results, run_of)?;
    Ok(Outcome::Found)
}

/// Finds judgements, questions and documents, and reads the first two.
fn place(args: &EvalArgs) -> anyhow::Result<Place> {
    let given = folder::or_current(args.folder.clone());
    folder::check(&given)?;
    let is_dataset = Collection::is_in(&given);
    let file = |chosen: &Option<PathBuf>, option: &str, name: &str| match chosen {
        Some(path) => Ok(path.clone()),
        None if is_dataset => Ok(Collection::file(&given, name)?),
        None => bail!(
            "{} has no corpus.jsonl, so it is no collection; give --qrels and --queries ({option} is missing)",
            given.display()
        ),
    };
    let qrels = file(&args.qrels, "--qrels", &format!("qrels/{}.tsv", args.split))?;
    let queries = file(&args.queries, "--queries", "queries.jsonl")?;
    let collection = Collection::read(&qrels, &queries)?;
    let name = given.canonicalize().unwrap_or_else(|_| given.clone());
    let name = name.file_name().unwrap_or(name.as_os_str());
    let name = name.to_string_lossy().into_owned();
    if !is_dataset {
        return Ok(Place {
            name,
            root: given,
            index: args.index.index.clone(),
            is_dataset,
            collection,
        });
    }
    let work = args.index.index.clone();
    let work = work.unwrap_or_else(|| given.join(WORK_FOLDER));
    let root = work.join("corpus");
    Collection::copy_documents(&given, &root)?;
    Ok(Place {
        name,
        root,
        index: Some(work.join("index")),
        is_dataset,
        collection,
    })
}

/// Which system's ranking is written, checked before hours are spent.
fn run_system(args: &EvalArgs, options: &TrialOptions) -> anyhow::Result<usize> {
    let systems = options.systems();
    let Some(name) = &args.run_system else {
        return Ok(systems.len() - 1);
    };
    let found = systems.iter().position(|system| system.id() == *name);
    found.with_context(|| {
        let ids: Vec<String> = systems.iter().map(|system| system.id()).collect();
        format!("there is no system {name:?}; there are {}", ids.join(", "))
    })
}

/// The questions that are asked.
fn asked<'a>(
    collection: &'a Collection,
    limit: Option<usize>,
    warnings: &mut Vec<String>,
) -> &'a [QueryText] {
    let all = &collection.queries[..];
    let n_asked = limit.unwrap_or(usize::MAX).min(all.len());
    if n_asked < all.len() {
        warnings.push(format!(
            "only the first {n_asked} of {} are asked",
            counted(all.len(), "judged question")
        ));
    }
    &all[..n_asked]
}

/// What is odd about the judgements, with file and line.
fn warnings(collection: &Collection, targets: &Targets) -> Vec<String> {
    let mut warnings = Vec::new();
    let path = collection.qrels.path.display();
    if collection.n_unjudged > 0 {
        warnings.push(format!(
            "{} without judgements cannot be measured",
            counted(collection.n_unjudged, "question")
        ));
    }
    for (presence, problem) in [
        (
            Presence::UnknownDocument,
            "names a document that is not in the index",
        ),
        (
            Presence::CutApart,
            "is about words or lines that no passage holds as a whole",
        ),
    ] {
        let mut odd: Vec<&Target> = targets
            .queries
            .values()
            .flatten()
            .filter(|target| target.presence == presence)
            .collect();
        odd.sort_by_key(|target| target.line);
        for target in odd.iter().take(SHOWN) {
            warnings.push(format!(
                "{path}:{}: the judgement of {} {problem}; it counts as not found",
                target.line, target.name
            ));
        }
        if odd.len() > SHOWN {
            warnings.push(format!(
                "{path}: {} more like these",
                counted(odd.len() - SHOWN, "judgement")
            ));
        }
    }
    let without: Vec<&str> = targets
        .queries
        .iter()
        .filter(|(_, targets)| targets.iter().all(|target| target.grade <= 0))
        .map(|(query, _)| query.as_str())
        .collect();
    if let Some(first) = without.first() {
        warnings.push(format!(
            "{path}: {} (such as {first}) without anything relevant, which count 0 in the averages",
            counted(without.len(), "judged question")
        ));
    }
    warnings
}

fn ask(
    engine: &Engine,
    questions: &[QueryText],
    targets: &Targets,
    options: &TrialOptions,
    quiet: bool,
) -> anyhow::Result<Vec<Trial>> {
    if options.systems().len() > 3 {
        // A model that does not open is better known before the first question.
        engine.cross_encoder()?;
    }
    let bar = progress::questions(quiet, questions.len());
    let mut trials = Vec::with_capacity(questions.len());
    for question in questions {
        trials.push(engine.try_systems(question, targets, options)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(trials)
}

fn models(engine: &Engine, options: &TrialOptions) -> anyhow::Result<Vec<String>> {
    let mut models = vec![engine.embedder()?.model().to_string()];
    if options
        .systems()
        .iter()
        .any(|system| matches!(system, System::Depth(_)))
    {
        models.push(engine.cross_encoder()?.model().to_string());
    }
    Ok(models)
}

fn write(args: &EvalArgs, results: &Results, run_of: usize) -> anyhow::Result<()> {
    if let Some(path) = &args.run {
        write_file(path, |out| eval::write_run(out, results, run_of))?;
    }
    if let Some(path) = &args.report {
        write_file(path, |out| eval::write_report(out, results))?;
    }
    if args.json {
        let mut out = raw_stdout();
        eval::write_json(&mut out, results)?;
        out.flush()?;
    } else {
        let mut out = styled_stdout();
        eval::write_tables(&mut out, results)?;
        out.flush()?;
    }
    Ok(())
}

fn write_file(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let mut out = BufWriter::new(File::create(path).with_context(failed)?);
    write(&mut out)
        .and_then(|()| out.flush())
        .with_context(failed)
}
