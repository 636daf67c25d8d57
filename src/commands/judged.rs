//! What `reread eval`, `worth-it` and `tune` have in common: questions, their judgements, and the
//! index that is measured.

use std::path::PathBuf;

use anyhow::bail;
use reread_engine::{Engine, LocalFirstPass};
use reread_eval::{
    Collection, MIN_QUESTIONS, Measure, Presence, QueryText, System, Target, Targets, Trial,
    TrialOptions, evaluate, known_items, run_of, try_systems,
};

use super::search::refresh;
use crate::args::{CommonArgs, JudgedArgs, Settings, Wait};
use crate::config::FOLDER_FILE;
use crate::output::{clean, counted, grouped, say};
use crate::{folder, progress, resolve};

/// Where a collection is indexed, unless a place is given: a hidden folder, so that a search of the
/// collection's own folder does not find it.
const WORK_FOLDER: &str = ".reread-eval";

/// The depths of the second pass that are tried, unless others are given: around the default.
pub(super) const DEPTHS: [usize; 3] = [10, 20, 50];

/// The weights of the second pass that are tried, in percent: around the default, and the
/// cross-encoder's order alone.
pub(super) const PERCENTS: [u8; 5] = [30, 50, 75, 90, 100];

/// How many bad judgements are named; the rest are counted.
const SHOWN: usize = 5;

/// What is measured, and where it is indexed.
pub(super) struct Place {
    name: String,
    /// What the user named; a configuration file lies in it.
    folder: PathBuf,
    /// Where the documents are.
    root: PathBuf,
    index: Option<PathBuf>,
    is_dataset: bool,
    wait: Wait,
    asked: Asked,
}

/// Where questions and judgements come from.
enum Asked {
    Judged(Collection),
    /// This many are made from the index, with this seed.
    KnownItems(usize, u64),
}

/// Everything that is needed to ask.
pub(super) struct Judged {
    pub(super) name: String,
    pub(super) engine: Engine,
    pub(super) targets: Targets,
    pub(super) questions: Vec<QueryText>,
    pub(super) warnings: Vec<String>,
    /// Whether the questions were made from the documents.
    pub(super) is_known_item: bool,
}

/// What the settings of the second pass gain; questions are in the order of their ids.
#[derive(Default)]
pub(super) struct Sweep {
    /// What the first pass alone is worth, a question each.
    pub(super) hybrid: Vec<f64>,
    /// Depth and weight in percent of each setting.
    pub(super) settings: Vec<(usize, u8)>,
    /// What each setting has over the first pass alone, a question each.
    pub(super) gains: Vec<Vec<f64>>,
    /// How many words each question has.
    pub(super) n_words: Vec<usize>,
}

impl Sweep {
    /// Where a setting stands among those that were tried; it is one of them.
    pub(super) fn position(&self, setting: (usize, u8)) -> usize {
        let found = self.settings.iter().position(|tried| *tried == setting);
        found.expect("the setting in use is tried with the others")
    }
}

/// The differences, question by question.
pub(super) fn less(values: &[f64], base: &[f64]) -> Vec<f64> {
    values.iter().zip(base).map(|(a, b)| a - b).collect()
}

impl Place {
    /// Finds judgements, questions and documents, and reads the first two.
    pub(super) fn find(args: &JudgedArgs) -> anyhow::Result<Self> {
        let given = folder::or_current(args.folder.clone());
        folder::check(&given)?;
        let is_dataset = Collection::is_in(&given);
        let file = |chosen: &Option<PathBuf>, option: &str, name: &str| match chosen {
            Some(path) => Ok(path.clone()),
            None if is_dataset => Ok(Collection::file(&given, name)?),
            None => bail!(
                "{} has no corpus.jsonl, so it is not a collection; give --qrels and --queries ({option} is missing), or --known-item",
                given.display()
            ),
        };
        let asked = if let Some(n) = args.known_item {
            Asked::KnownItems(n, args.seed)
        } else {
            let qrels = file(&args.qrels, "--qrels", &format!("qrels/{}.tsv", args.split))?;
            let queries = file(&args.queries, "--queries", "queries.jsonl")?;
            Asked::Judged(Collection::read(&qrels, &queries)?)
        };
        let name = given.canonicalize().unwrap_or_else(|_| given.clone());
        let name = name.file_name().unwrap_or(name.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let mut index = args.index.index.clone();
        let mut root = given.clone();
        if is_dataset {
            let work = index.unwrap_or_else(|| given.join(WORK_FOLDER));
            root = work.join("corpus");
            Collection::copy_documents(&given, &root)?;
            index = Some(work.join("index"));
        }
        Ok(Place {
            name,
            folder: given,
            root,
            index,
            is_dataset,
            wait: args.wait.when(),
            asked,
        })
    }

    /// The configuration file of the folder, whether or not there is one.
    pub(super) fn configuration(&self) -> PathBuf {
        self.folder.join(FOLDER_FILE)
    }

    /// Joins flags with the configuration files.
    pub(super) fn settings(
        &self,
        flags: Settings,
        common: &CommonArgs,
    ) -> anyhow::Result<Settings> {
        let mut settings = resolve::settings(flags, Some(&self.folder), common)?;
        if self.is_dataset && settings.read.max_file_size.is_none() {
            // A corpus is one file, and what is left out of it would be measured as not found.
            settings.read.max_file_size = Some(u64::MAX / 2);
        }
        Ok(settings)
    }

    /// Indexes what has changed, finds the judged places, and warns of what is odd about them.
    pub(super) fn open(
        self,
        settings: &Settings,
        limit: Option<usize>,
        common: &CommonArgs,
    ) -> anyhow::Result<Judged> {
        let engine = resolve::engine(&self.root, self.index.as_deref(), settings)?;
        if !settings.search.no_refresh {
            refresh(&engine, &self.root, common.quiet, self.wait)?;
        }
        engine.keep_scores()?;
        let first_pass = engine.first_pass()?;
        let local = first_pass.local().ok_or(reread_engine::Error::NotLocal)?;
        let is_known_item = matches!(self.asked, Asked::KnownItems(..));
        let (collection, note) = match self.asked {
            Asked::Judged(collection) => (collection, None),
            Asked::KnownItems(n, seed) => known(local, n, seed)?,
        };
        let targets = Targets::find(&collection.qrels, local)?;
        let mut warnings = warnings(&collection, &targets);
        warnings.extend(note);
        let questions = asked(&collection, limit, &mut warnings).to_vec();
        for warning in &warnings {
            say(&format!("warning: {}", clean(warning)));
        }
        Ok(Judged {
            name: self.name,
            engine,
            targets,
            questions,
            warnings,
            is_known_item,
        })
    }
}

impl Judged {
    /// Refuses to decide by fewer questions than can be halved.
    pub(super) fn check_enough(&self) -> anyhow::Result<()> {
        let can_be_found = |question: &&QueryText| {
            let targets = self.targets.of(&question.id).iter();
            let mut relevant = targets.filter(|target| target.grade > 0);
            relevant.any(|target| target.presence == Presence::Indexed)
        };
        let n_questions = self.questions.iter().filter(can_be_found).count();
        if n_questions < MIN_QUESTIONS {
            bail!(
                "of {}, only {n_questions} have something relevant in the index, and a verdict needs {MIN_QUESTIONS}: settings are chosen on one half and judged on the other",
                counted(self.questions.len(), "judged question")
            );
        }
        Ok(())
    }

    /// What a system is worth by a measure, a value a question in the order of their ids.
    pub(super) fn values(&self, trials: &[Trial], pos: usize, measure: Measure) -> Vec<f64> {
        let mut grades = self.targets.grades();
        grades.retain(|query, _| trials.iter().any(|trial| trial.query.id == *query));
        evaluate(&run_of(trials, pos), &grades, &[measure]).column(0)
    }

    /// Measures every setting of the second pass that was tried, against the first pass alone.
    pub(super) fn sweep(
        &self,
        trials: &[Trial],
        options: &TrialOptions,
        measure: Measure,
    ) -> anyhow::Result<Sweep> {
        let mut sweep = Sweep::default();
        for (pos, system) in options.systems().into_iter().enumerate() {
            match system {
                System::Hybrid => sweep.hybrid = self.values(trials, pos, measure),
                System::Weighted { depth, percent } => {
                    let values = self.values(trials, pos, measure);
                    sweep.settings.push((depth, percent));
                    sweep.gains.push(less(&values, &sweep.hybrid));
                }
                _ => (),
            }
        }
        if sweep.hybrid.iter().all(|value| *value <= 0.0) {
            bail!(
                "the first pass finds nothing relevant for any question, so there is nothing to decide by; see what `reread eval` says, and check that the judgements name documents as the index does"
            );
        }
        let mut ids: Vec<&QueryText> = trials.iter().map(|trial| &trial.query).collect();
        ids.sort_by(|a, b| a.id.cmp(&b.id));
        let n_words = |query: &&QueryText| query.text.split_whitespace().count();
        sweep.n_words = ids.iter().map(n_words).collect();
        Ok(sweep)
    }

    /// Asks every question of every system.
    pub(super) fn ask(&self, options: &TrialOptions, quiet: bool) -> anyhow::Result<Vec<Trial>> {
        if options.systems().len() > 3 {
            // A model that does not open is better known before the first question.
            self.engine.cross_encoder()?;
        }
        let bar = progress::questions(quiet, self.questions.len());
        let mut trials = Vec::with_capacity(self.questions.len());
        for question in &self.questions {
            trials.push(try_systems(&self.engine, question, &self.targets, options)?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        say_kept(&self.engine, &trials, quiet);
        Ok(trials)
    }
}

/// Says which scores were not worked out again, and where they are.
fn say_kept(engine: &Engine, trials: &[Trial], quiet: bool) {
    let Some(scores) = engine.score_cache() else {
        return;
    };
    let path = scores.path().display().to_string();
    let n_known: usize = trials.iter().map(|trial| trial.n_known).sum();
    let n_pairs: usize = trials.iter().map(|trial| trial.n_pairs).sum();
    if n_known > 0 && !quiet {
        say(&format!(
            "{} of {} had been scored before and are kept in {}; their time is what they took then",
            grouped(n_known),
            counted(n_pairs, "pair"),
            clean(&path)
        ));
    }
    if n_pairs > n_known
        && let Some(problem) = scores.problem()
    {
        say(&format!(
            "warning: scores could not be kept in {} for the next run: {}",
            clean(&path),
            clean(&problem)
        ));
    }
}

/// Questions made from the documents, and what must be said of them.
fn known(
    local: &dyn LocalFirstPass,
    n: usize,
    seed: u64,
) -> anyhow::Result<(Collection, Option<String>)> {
    let mut passages = Vec::with_capacity(local.n_passages());
    for document in local.documents() {
        let found = local.passages_of(document.key);
        passages.extend(found.map_err(reread_engine::Error::of_first_pass)?);
    }
    let collection = known_items(&passages, n, seed);
    if collection.queries.is_empty() {
        bail!("no question could be made: no passage has a sentence of at least eight words");
    }
    let note = format!(
        "{} made from the documents themselves: these are easier than real ones and favour BM25",
        counted(collection.queries.len(), "question")
    );
    Ok((collection, Some(note)))
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
    if let Some(first) = collection.unjudged.first() {
        warnings.push(format!(
            "{path}: {} (such as {first}) without judgements; these cannot be measured",
            counted(collection.unjudged.len(), "question")
        ));
    }
    for (presence, problem) in [
        (
            Presence::UnknownDocument,
            "names a document that is not in the index",
        ),
        (
            Presence::Empty,
            "names a document without a word in it, which is not in the index",
        ),
        (
            Presence::CutApart,
            "is about words or lines that no single passage holds",
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
            "{path}: {} (such as {first}) without anything relevant; these count as 0 in the averages",
            counted(without.len(), "judged question")
        ));
    }
    warnings
}
