//! The bi-encoders of fastembed's catalogue.

use ::fastembed::{EmbeddingModel, QuantizationMode, TextEmbedding};

use super::catalogue::CatalogueEntry;
use super::hub::Catalogue;
use super::options::{FastembedEmbedderOptions, Pooling};
#[cfg(feature = "hub")]
use super::runtime::OnnxRuntime;

/// fastembed's catalogue of bi-encoders.
pub(super) struct EmbedderCatalogue;

impl Catalogue for EmbedderCatalogue {
    type Model = EmbeddingModel;

    fn list() -> Vec<(EmbeddingModel, CatalogueEntry)> {
        let mut infos = TextEmbedding::list_supported_models();
        // They come from a hash map, in an order of its own on every call.
        infos.sort_by_cached_key(|info| format!("{:?}", info.model));
        let entry = |info: ::fastembed::ModelInfo<EmbeddingModel>| {
            let quantised = TextEmbedding::get_quantization_mode(&info.model)
                != QuantizationMode::None
                || info.model == EmbeddingModel::EmbeddingGemma300MQ4;
            let entry = CatalogueEntry {
                name: format!("{:?}", info.model),
                repository: info.model_code,
                onnx_file: info.model_file,
                extra_files: info.additional_files,
                quantised,
            };
            (info.model, entry)
        };
        infos.into_iter().map(entry).collect()
    }

    #[cfg(feature = "hub")]
    fn download(
        model: &EmbeddingModel,
        runtime: &OnnxRuntime,
        cache: &std::path::Path,
    ) -> Result<(), ::fastembed::Error> {
        let options = ::fastembed::TextInitOptions::new(model.clone())
            .with_environment(runtime.environment())
            .with_cache_dir(cache.to_owned())
            .with_show_download_progress(false)
            .with_intra_threads(1);
        TextEmbedding::try_new(options).map(drop)
    }
}

/// The options for a model: what `options` leaves open is as the model's publishers want it.
pub(super) fn filled(
    options: &FastembedEmbedderOptions,
    model: &EmbeddingModel,
) -> FastembedEmbedderOptions {
    let (query_prefix, passage_prefix) = prefixes_of(model);
    let or = |option: &Option<String>, prefix: &str| {
        Some(option.clone().unwrap_or_else(|| prefix.to_owned()))
    };
    FastembedEmbedderOptions {
        max_tokens: options.max_tokens,
        pooling: options.pooling.or_else(|| pooling_of(model)),
        query_prefix: or(&options.query_prefix, query_prefix),
        passage_prefix: or(&options.passage_prefix, passage_prefix),
    }
}

fn pooling_of(model: &EmbeddingModel) -> Option<Pooling> {
    TextEmbedding::get_default_pooling_method(model).map(|pooling| match pooling {
        ::fastembed::Pooling::Cls => Pooling::Cls,
        ::fastembed::Pooling::Mean => Pooling::Mean,
    })
}

/// What the models' publishers tell to put before queries and before passages. fastembed leaves
/// that to its callers.
fn prefixes_of(model: &EmbeddingModel) -> (&'static str, &'static str) {
    use EmbeddingModel as M;
    match model {
        M::BGEBaseENV15
        | M::BGEBaseENV15Q
        | M::BGELargeENV15
        | M::BGELargeENV15Q
        | M::BGESmallENV15
        | M::BGESmallENV15Q
        | M::MxbaiEmbedLargeV1
        | M::MxbaiEmbedLargeV1Q
        | M::SnowflakeArcticEmbedXS
        | M::SnowflakeArcticEmbedXSQ
        | M::SnowflakeArcticEmbedS
        | M::SnowflakeArcticEmbedSQ
        | M::SnowflakeArcticEmbedM
        | M::SnowflakeArcticEmbedMQ
        | M::SnowflakeArcticEmbedMLong
        | M::SnowflakeArcticEmbedMLongQ
        | M::SnowflakeArcticEmbedL
        | M::SnowflakeArcticEmbedLQ => (
            "Represent this sentence for searching relevant passages: ",
            "",
        ),
        M::BGESmallZHV15 | M::BGELargeZHV15 => ("为这个句子生成表示以用于检索相关文章：", ""),
        M::MultilingualE5Small | M::MultilingualE5Base | M::MultilingualE5Large => {
            ("query: ", "passage: ")
        }
        M::NomicEmbedTextV1
        | M::NomicEmbedTextV15
        | M::NomicEmbedTextV15Q
        | M::ModernBertEmbedLarge => ("search_query: ", "search_document: "),
        M::EmbeddingGemma300M | M::EmbeddingGemma300MQ | M::EmbeddingGemma300MQ4 => {
            ("task: search result | query: ", "title: none | text: ")
        }
        _ => ("", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::find_in_catalogue;
    use super::*;

    #[test]
    fn every_catalogue_name_finds_its_own_model() {
        let (_, entries): (Vec<_>, Vec<_>) = EmbedderCatalogue::list().into_iter().unzip();
        for (pos, entry) in entries.iter().enumerate() {
            assert_eq!(
                find_in_catalogue(&entries, &entry.name).unwrap(),
                pos,
                "{}",
                entry.name
            );
        }
    }

    #[test]
    fn the_usual_name_of_a_model_finds_its_unquantised_variant() {
        let (models, entries): (Vec<_>, Vec<_>) = EmbedderCatalogue::list().into_iter().unzip();
        for (name, model) in [
            ("BAAI/bge-small-en-v1.5", EmbeddingModel::BGESmallENV15),
            (
                "nomic-ai/nomic-embed-text-v1.5",
                EmbeddingModel::NomicEmbedTextV15,
            ),
            (
                "sentence-transformers/all-MiniLM-L12-v2",
                EmbeddingModel::AllMiniLML12V2,
            ),
            (
                "intfloat/multilingual-e5-small",
                EmbeddingModel::MultilingualE5Small,
            ),
            (
                "google/embeddinggemma-300m-onnx",
                EmbeddingModel::EmbeddingGemma300M,
            ),
        ] {
            assert_eq!(
                models[find_in_catalogue(&entries, name).unwrap()],
                model,
                "{name}"
            );
        }
    }
}
