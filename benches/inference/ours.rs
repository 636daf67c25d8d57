//! Our encoder in the variants that are compared.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::{ThreadPool, ThreadPoolBuilder};
use reread_encoder::{InstructionSet, Model, ModelOptions, Precision};

use crate::Result;
use crate::race::{Contestant, Share};

/// A model on a number of threads.
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) model: Arc<Model>,
    threads: Arc<ThreadPool>,
    share: Share,
}

impl Variant {
    /// Makes a contestant of it.
    pub(crate) fn contestant<'a, Task: Sync>(
        &'a self,
        run: impl Fn(&Model, &Task) -> reread_encoder::Result<Vec<f32>> + Sync + 'a,
    ) -> Contestant<'a, Task> {
        Contestant::new(self.name.clone(), move |task: &Task| {
            Ok(self.threads.install(|| run(&self.model, task))?)
        })
        .with_share(self.share)
    }
}

/// A shipped model in int8 on the machine's fastest instruction set, with each number of
/// threads in `fastest`; and in f32 and on the other instruction sets, on `others`
/// threads. The other instruction sets do `other_sets` of the tasks.
pub(crate) fn variants(
    model: &str,
    fastest: &[usize],
    others: usize,
    other_sets: Share,
) -> Result<Vec<Variant>> {
    let folder = folder(model);
    let sets = InstructionSet::available();
    let open = |set: InstructionSet, precision| {
        let options = ModelOptions::default()
            .with_instruction_set(set)
            .with_precision(precision);
        Model::open_with(&folder, &options).map(Arc::new)
    };
    let variant = |model: &Arc<Model>, n_threads, share| -> Result<Variant> {
        Ok(Variant {
            name: name(model.precision(), model.instruction_set(), n_threads),
            model: Arc::clone(model),
            threads: Arc::new(ThreadPoolBuilder::new().num_threads(n_threads).build()?),
            share,
        })
    };
    let mut variants = Vec::new();
    let model = open(sets[0], Precision::Int8)?;
    for &n_threads in fastest {
        variants.push(variant(&model, n_threads, Share::All)?);
    }
    for &set in &sets[1..] {
        variants.push(variant(&open(set, Precision::Int8)?, others, other_sets)?);
    }
    variants.push(variant(
        &open(sets[0], Precision::F32)?,
        others,
        Share::FirstRound,
    )?);
    Ok(variants)
}

/// The folder of a shipped model.
pub(crate) fn folder(model: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/models")
        .join(model)
}

/// All cores first, then one thread and two.
pub(crate) fn thread_counts(n_cores: usize) -> Vec<usize> {
    let mut counts = vec![n_cores];
    counts.extend([1, 2].into_iter().filter(|&count| count < n_cores));
    counts
}

/// What a variant is called.
pub(crate) fn name(precision: Precision, set: InstructionSet, n_threads: usize) -> String {
    let plural = if n_threads == 1 { "" } else { "s" };
    format!("reread {precision} {set}, {n_threads} thread{plural}")
}
