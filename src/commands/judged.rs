//! What `reread eval`, `worth-it` and `tune` have in common: questions, their judgements, and the
//! index that is measured.

use std::path::{Path, PathBuf};

use anyhow::bail;
use reread_engine::eval::{
    Collection, Presence, QueryText, Target, Targets, Trial, TrialOptions, known_items,
};
use reread_engine::{Engine, Snapshot};

use super::search::refresh;
use crate::args::{CommonArgs, IndexFolder, JudgedArgs, Settings};
use crate::output::{clean, counted, say};
use crate::{folder, progress, resolve};

/// Where a collection is indexed, unless a place is given: a hidden folder, so that a search of the
/// collection's own folder does not find it.
const WORK_FOLDER: &str = ".reread-eval";

/// So many bad judgements are named; the rest is counted.
const SHOWN: usize = 5;

/// What is measured, and where it is indexed.
pub(super) struct Place {
    name: String,
    root: PathBuf,
    index: Option<PathBuf>,
    is_dataset: bool,
    asked: Asked,
}

/// Where questions and judgements come from.
enum Asked {
    Judged(Collection),
    /// So many are made from the index, with this seed.
    KnownItems(usize, u64),
}

/// Everything that is needed to ask.
pub(super) struct Judged {
    pub(super) name: String,
    pub(super) engine: Engine,
    pub(super) targets: Targets,
    pub(super) questions: Vec<QueryText>,
    pub(super) warnings: Vec<String>,
}

impl Place {
    /// Finds judgements, questions and documents, and reads the first two.
    pub(super) fn find(args: &JudgedArgs, index: &IndexFolder) -> anyhow::Result<Self> {
        let given = folder::or_current(args.folder.clone());
        folder::check(&given)?;
        let is_dataset = Collection::is_in(&given);
        let file = |chosen: &Option<PathBuf>, option: &str, name: &str| match chosen {
            Some(path) => Ok(path.clone()),
            None if is_dataset => Ok(Collection::file(&given, name)?),
            None => bail!(
                "{} has no corpus.jsonl, so it is no collection; give --qrels and --queries ({option} is missing), or --known-item",
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
        if !is_dataset {
            return Ok(Place {
                name,
                root: given,
                index: index.index.clone(),
                is_dataset,
                asked,
            });
        }
        let work = index.index.clone();
        let work = work.unwrap_or_else(|| given.join(WORK_FOLDER));
        let root = work.join("corpus");
        Collection::copy_documents(&given, &root)?;
        Ok(Place {
            name,
            root,
            index: Some(work.join("index")),
            is_dataset,
            asked,
        })
    }

    /// The folder that a configuration file may lie in.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Joins flags with the configuration files.
    pub(super) fn settings(
        &self,
        flags: Settings,
        common: &CommonArgs,
    ) -> anyhow::Result<Settings> {
        let mut settings = resolve::settings(flags, Some(&self.root), common)?;
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
            refresh(&engine, &self.root, common.quiet)?;
        }
        let snapshot = engine.snapshot()?;
        let (collection, note) = match self.asked {
            Asked::Judged(collection) => (collection, None),
            Asked::KnownItems(n, seed) => known(&snapshot, n, seed)?,
        };
        let targets = Targets::find(&collection.qrels, &snapshot)?;
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
        })
    }
}

impl Judged {
    /// Asks every question of every system.
    pub(super) fn ask(&self, options: &TrialOptions, quiet: bool) -> anyhow::Result<Vec<Trial>> {
        if options.systems().len() > 3 {
            // A model that does not open is better known before the first question.
            self.engine.cross_encoder()?;
        }
        let bar = progress::questions(quiet, self.questions.len());
        let mut trials = Vec::with_capacity(self.questions.len());
        for question in &self.questions {
            trials.push(self.engine.try_systems(question, &self.targets, options)?);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(trials)
    }
}

/// Questions made from the documents, and what must be said of them.
fn known(snapshot: &Snapshot, n: usize, seed: u64) -> anyhow::Result<(Collection, Option<String>)> {
    let passages = snapshot
        .documents()
        .flat_map(|(document, ..)| snapshot.passages_of(document))
        .map(|passage| snapshot.passage(passage))
        .collect::<Result<Vec<_>, _>>()?;
    let collection = known_items(&passages, n, seed);
    if collection.queries.is_empty() {
        bail!("no question could be made: no passage has a sentence of eight words");
    }
    let note = format!(
        "{} made from the documents themselves: they are easier than real ones and favour BM25",
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
