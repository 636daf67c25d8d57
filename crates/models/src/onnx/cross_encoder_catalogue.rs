//! The cross-encoders of fastembed's catalogue.

use ::fastembed::{RerankerModel, RerankerModelInfo, TextRerank};

use super::catalogue::CatalogueEntry;
use super::hub::Catalogue;
#[cfg(feature = "hub")]
use super::runtime::OnnxRuntime;

/// fastembed's catalogue of cross-encoders.
pub(super) struct CrossEncoderCatalogue;

impl Catalogue for CrossEncoderCatalogue {
    type Model = RerankerModel;

    fn list() -> Vec<(RerankerModel, CatalogueEntry)> {
        let entry = |info: RerankerModelInfo| {
            let entry = CatalogueEntry {
                name: format!("{:?}", info.model),
                repository: info.model_code,
                onnx_file: info.model_file,
                extra_files: info.additional_files,
                quantised: false,
            };
            (info.model, entry)
        };
        TextRerank::list_supported_models()
            .into_iter()
            .map(entry)
            .collect()
    }

    #[cfg(feature = "hub")]
    fn download(
        model: &RerankerModel,
        runtime: &OnnxRuntime,
        cache: &std::path::Path,
    ) -> Result<(), ::fastembed::Error> {
        let options = ::fastembed::RerankInitOptions::new(model.clone())
            .with_environment(runtime.environment())
            .with_cache_dir(cache.to_owned())
            .with_show_download_progress(false)
            .with_intra_threads(1);
        TextRerank::try_new(options).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::find_in_catalogue;
    use super::*;

    #[test]
    fn every_catalogue_name_finds_its_own_model() {
        let (_, entries): (Vec<_>, Vec<_>) = CrossEncoderCatalogue::list().into_iter().unzip();
        for (pos, entry) in entries.iter().enumerate() {
            assert_eq!(
                find_in_catalogue(&entries, &entry.name).unwrap(),
                pos,
                "{}",
                entry.name
            );
            let repository = &entry.repository;
            assert_eq!(
                find_in_catalogue(&entries, repository).unwrap(),
                pos,
                "{repository}"
            );
        }
    }
}
