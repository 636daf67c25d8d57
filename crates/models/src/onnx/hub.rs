//! Models of fastembed's catalogues: found by name among what is downloaded, else downloaded.

use std::path::Path;

use super::catalogue::{CatalogueEntry, Snapshot, find_in_catalogue, find_snapshot};
use super::error::{OnnxError, Result};
use super::runtime::OnnxRuntime;
#[cfg(feature = "hub")]
use crate::embedder::BoxError;

/// One of fastembed's catalogues; there is one for each role.
pub(super) trait Catalogue {
    /// What fastembed calls a model of it.
    type Model;

    /// Every model, in an order that stays the same.
    fn list() -> Vec<(Self::Model, CatalogueEntry)>;

    /// Has fastembed download a model to `cache`, or to where `HF_HOME` says.
    ///
    /// fastembed downloads by opening a session, which is of no further use: it does not say which
    /// files it was made from.
    ///
    /// # Errors
    /// Whatever fastembed fails with.
    #[cfg(feature = "hub")]
    fn download(
        model: &Self::Model,
        runtime: &OnnxRuntime,
        cache: &Path,
    ) -> Result<(), ::fastembed::Error>;
}

/// A model of a catalogue, on this machine.
pub(super) struct Fetched<M> {
    /// What fastembed calls it.
    pub(super) model: M,
    /// Its repository on the hub, `owner/name`.
    pub(super) repository: String,
    /// Its files.
    pub(super) snapshot: Snapshot,
}

/// The short names of the models of a catalogue, sorted.
pub(super) fn names<C: Catalogue>() -> Vec<String> {
    let mut names: Vec<String> = C::list().into_iter().map(|(_, entry)| entry.name).collect();
    names.sort_unstable();
    names
}

/// Finds a model by one of its names, in the folder of downloaded models `cache`; one that is not there
/// is downloaded if the feature `hub` is on.
///
/// # Errors
/// [`OnnxError::UnknownModel`], [`OnnxError::NotDownloaded`] and [`OnnxError::Download`].
pub(super) fn fetch<C: Catalogue>(
    name: &str,
    runtime: &OnnxRuntime,
    cache: &Path,
) -> Result<Fetched<C::Model>> {
    let (mut models, mut entries): (Vec<_>, Vec<_>) = C::list().into_iter().unzip();
    let pos = find_in_catalogue(&entries, name)?;
    let (model, entry) = (models.swap_remove(pos), entries.swap_remove(pos));
    let snapshot = match find_snapshot(cache, &entry) {
        Some(snapshot) => snapshot,
        None => download::<C>(&model, &entry, runtime, cache)?,
    };
    Ok(Fetched {
        model,
        repository: entry.repository,
        snapshot,
    })
}

#[cfg(feature = "hub")]
fn download<C: Catalogue>(
    model: &C::Model,
    entry: &CatalogueEntry,
    runtime: &OnnxRuntime,
    cache: &Path,
) -> Result<Snapshot> {
    let failed = |source: BoxError| OnnxError::Download {
        name: entry.repository.clone(),
        source,
    };
    C::download(model, runtime, cache).map_err(|error| failed(Box::new(error)))?;
    // fastembed prefers the hub's own variable to the folder that it is given.
    let hub_home = std::env::var_os("HF_HOME").map(std::path::PathBuf::from);
    hub_home
        .and_then(|home| find_snapshot(&home, entry))
        .or_else(|| find_snapshot(cache, entry))
        .ok_or_else(|| failed("the downloaded files are not where they were expected".into()))
}

#[cfg(not(feature = "hub"))]
fn download<C: Catalogue>(
    _model: &C::Model,
    entry: &CatalogueEntry,
    _runtime: &OnnxRuntime,
    cache: &Path,
) -> Result<Snapshot> {
    Err(OnnxError::NotDownloaded {
        name: entry.repository.clone(),
        cache: cache.to_owned(),
    })
}
