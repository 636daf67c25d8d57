//! Turns flags and configuration into the engine's options, and makes the engine.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use reread_engine::{
    ChunkOptions, Condition, Engine, Filter, Fusion, IndexOptions, Models, RetrieveOptions,
    SearchOptions, SecondPass,
};

use crate::args::{CommonArgs, FilterArgs, ModelFlags, SearchFlags, Settings};
use crate::{config, folder};

/// Joins flags, which hold the environment's values too, with the configuration files.
pub(crate) fn settings(
    mut flags: Settings,
    folder: Option<&Path>,
    common: &CommonArgs,
) -> anyhow::Result<Settings> {
    if let Some(list) = std::env::var_os("REREAD_MODELS") {
        let places = std::env::split_paths(&list).filter(|place| !place.as_os_str().is_empty());
        flags.models.models.extend(places);
    }
    if let Some(folder) = folder {
        for path in &mut flags.search.paths {
            *path = folder::name_in(folder, path);
        }
    }
    if common.no_config {
        return Ok(flags);
    }
    Ok(flags.or(config::read(folder)?))
}

/// Makes an engine over a folder. Opens nothing.
pub(crate) fn engine(
    folder: &Path,
    index: Option<&Path>,
    settings: &Settings,
) -> anyhow::Result<Engine> {
    let mut builder = Engine::builder()
        .root(folder)
        .models(models(&settings.models))
        .index_options(index_options(settings))
        .threads(settings.models.threads.unwrap_or(0));
    if let Some(index) = index {
        builder = builder.index_folder(index);
    }
    Ok(builder.build()?)
}

/// Makes an engine that only reranks.
pub(crate) fn engine_without_index(settings: &Settings) -> anyhow::Result<Engine> {
    let builder = Engine::builder().models(models(&settings.models));
    Ok(builder
        .threads(settings.models.threads.unwrap_or(0))
        .build()?)
}

/// Which models are used and where they are looked for.
pub(crate) fn models(flags: &ModelFlags) -> Models {
    let mut models = Models::default();
    models.search.clone_from(&flags.models);
    models.search.extend(Models::beside_executable());
    if let Some(folder) = user_cache() {
        models = models.with_packed_cache(folder.join("packed"));
    }
    let own = user_models();
    if let Some(folder) = &own {
        models = models.with_catalogue_cache(folder.join("catalogue"));
    }
    models.search.extend(own);
    models.search.extend(Models::above_executable());
    models.search.extend(models_under_cargo());
    if let Some(name) = &flags.embedder {
        models = models.with_embedder(name);
    }
    if let Some(name) = &flags.cross_encoder {
        models = models.with_cross_encoder(name);
    }
    if let Some(pair_tokens) = flags.pair_tokens {
        models = models.with_max_pair_tokens(pair_tokens);
    }
    if let Some(set) = flags.cpu {
        models = models.with_cpu(set);
    }
    models = models.with_precision(flags.precision.unwrap_or_default());
    if let Some(path) = &flags.onnxruntime {
        models = models.with_onnx_runtime(path);
    }
    models
}

/// Where the user keeps models for all programs of this name.
fn user_models() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.data_dir().join("reread").join("models"))
}

/// The models of the package that `cargo run` runs: its target folder may be anywhere, so they need not
/// be above the executable.
fn models_under_cargo() -> Option<PathBuf> {
    let package = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?);
    Some(package.join("data/models"))
}

/// What may be removed at any time.
fn user_cache() -> Option<PathBuf> {
    let strategy = etcetera::choose_base_strategy().ok()?;
    Some(strategy.cache_dir().join("reread"))
}

/// How an index is built.
pub(crate) fn index_options(settings: &Settings) -> IndexOptions {
    let mut options = IndexOptions::default();
    if settings.walk.hidden || settings.walk.no_hidden {
        options = options.with_hidden(settings.walk.hidden);
    }
    if settings.walk.no_ignore || settings.walk.ignore {
        options = options.with_ignored(settings.walk.no_ignore);
    }
    if settings.walk.follow || settings.walk.no_follow {
        options = options.with_links(settings.walk.follow);
    }
    if let Some(bytes) = settings.read.max_file_size {
        options = options.with_max_file_bytes(bytes);
    }
    if let Some(limit) = settings.read.pdf_timeout {
        options = options.with_pdf_timeout(limit);
    }
    let cut = &settings.index;
    if let Some(commit_every) = cut.commit_every {
        options = options.with_checkpoint(commit_every);
    }
    if cut.passage_tokens.is_some() || cut.overlap_tokens.is_some() {
        let mut chunk = ChunkOptions::default();
        chunk.max_tokens = cut.passage_tokens.unwrap_or(chunk.max_tokens);
        // Short passages overlap less than the default, which must stay below half of them.
        let overlap = chunk.overlap_tokens.min(chunk.max_tokens / 6);
        chunk.overlap_tokens = cut.overlap_tokens.unwrap_or(overlap);
        options = options.with_chunk(chunk);
    }
    options
}

/// How a search is done.
pub(crate) fn search_options(
    settings: &Settings,
    filter: &FilterArgs,
) -> anyhow::Result<SearchOptions> {
    let flags = &settings.search;
    let mut options = SearchOptions::default().with_first_pass(first_pass(flags, filter)?);
    options.second_pass = second_pass(flags);
    options.budget = flags.budget;
    options.stop = flags.stop.unwrap_or(options.stop);
    options.min_score = flags.min_score;
    options.calibration.clone_from(&flags.calibration);
    options.top_k = flags.top_k.unwrap_or(options.top_k);
    options.by = flags.by.unwrap_or(options.by);
    options.fold = flags.fold.unwrap_or(options.fold);
    options.per_document = flags.per_document;
    Ok(options)
}

fn first_pass(flags: &SearchFlags, filter: &FilterArgs) -> anyhow::Result<RetrieveOptions> {
    let mut first_pass = RetrieveOptions::default();
    first_pass.depth = flags.depth.unwrap_or(first_pass.depth);
    first_pass.mode = flags.mode.unwrap_or(first_pass.mode);
    first_pass.fusion = flags.fusion.unwrap_or(first_pass.fusion);
    // Each fusion has a number of its own, which is given apart from its name.
    match &mut first_pass.fusion {
        Fusion::Blend { dense_weight } => {
            *dense_weight = flags.dense_weight.unwrap_or(*dense_weight);
        }
        Fusion::Rrf { rrf_k } => *rrf_k = flags.rrf_k.unwrap_or(*rrf_k),
    }
    first_pass.filter = documents(flags, filter)?;
    first_pass.exact = flags.exact;
    first_pass.ef_search = flags.ef_search;
    Ok(first_pass)
}

fn second_pass(flags: &SearchFlags) -> SecondPass {
    if flags.no_rerank {
        return SecondPass::Off;
    }
    SecondPass::Rerank {
        weight: flags.rerank_weight.unwrap_or(SecondPass::DEFAULT_WEIGHT),
    }
}

fn documents(flags: &SearchFlags, filter: &FilterArgs) -> anyhow::Result<Filter> {
    let mut documents = Filter::default().with_kinds(flags.types.clone());
    if !flags.paths.is_empty() {
        documents = documents
            .with_paths(&flags.paths)
            .map_err(reread_engine::Error::from)?;
    }
    if let Some(since) = filter.since {
        documents = documents.with_modified_since(since);
    }
    if let Some(condition) = flags.conditions.iter().cloned().reduce(Condition::and) {
        documents = documents.with_condition(condition);
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_flags_the_options_are_the_librarys() {
        let options = search_options(&Settings::default(), &FilterArgs { since: None }).unwrap();
        let expected = SearchOptions::default();
        assert_eq!(options.top_k, expected.top_k);
        assert_eq!(options.by, expected.by);
        assert_eq!((options.fold, options.per_document), (expected.fold, None));
        assert_eq!(options.second_pass, expected.second_pass);
        assert_eq!(options.first_pass.depth, expected.first_pass.depth);
        assert_eq!(options.first_pass.mode, expected.first_pass.mode);
        assert_eq!(options.first_pass.fusion, expected.first_pass.fusion);
        assert!(options.first_pass.filter.is_empty());
    }

    #[test]
    fn several_conditions_must_all_hold() {
        let flags = SearchFlags {
            conditions: ["year > 1", "has a or has b"]
                .map(|text| text.parse().unwrap())
                .to_vec(),
            ..SearchFlags::default()
        };
        let filter = documents(&flags, &FilterArgs { since: None }).unwrap();
        let condition = filter.condition().map(ToString::to_string);
        assert_eq!(condition.as_deref(), Some("year > 1 and (has a or has b)"));
    }

    #[test]
    fn models_are_looked_for_near_the_user_first() {
        let flags = ModelFlags {
            models: vec!["mine".into()],
            ..ModelFlags::default()
        };
        let search = models(&flags).search;
        assert_eq!(search.first(), Some(&PathBuf::from("mine")));
        let beside = Models::beside_executable();
        assert_eq!(search[1..=beside.len()], beside);
        assert!(search.iter().any(|folder| folder.is_dir()), "{search:?}");
    }
}
