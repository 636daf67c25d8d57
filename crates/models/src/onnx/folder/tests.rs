use super::*;

fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn missing_companions_are_made_up() {
    let folder = folder_with(&[("model.onnx", "weights"), ("tokenizer.json", "{}")]);
    let model = OnnxFolder::open(folder.path()).unwrap();
    assert_eq!(parsed(&model.config()), json!({}));
    assert_eq!(parsed(&model.special_tokens_map()), json!({}));
    assert_eq!(
        parsed(&model.tokenizer_config()),
        json!({"model_max_length": 512, "pad_token": "[PAD]"})
    );
    assert_eq!(model.pooling(), None);
    assert_eq!(model.prompt("query"), None);
    assert_eq!(model.read_onnx().unwrap(), b"weights");
}

#[test]
fn companions_are_used_where_they_are() {
    let folder = folder_with(&[
        ("onnx/model.onnx", ""),
        ("onnx/model.onnx_data", "more weights"),
        ("tokenizer.json", "{}"),
        (
            "config.json",
            r#"{"_name_or_path": "a/b", "revision": "r1",
            "model_type": "xlm-roberta", "max_position_embeddings": 514}"#,
        ),
        (
            "tokenizer_config.json",
            r#"{"model_max_length": 1e30, "pad_token": {"content": "<pad>"}}"#,
        ),
        (
            "1_Pooling/config.json",
            r#"{"pooling_mode_cls_token": false,
            "pooling_mode_mean_tokens": true, "word_embedding_dimension": 384}"#,
        ),
        (
            "config_sentence_transformers.json",
            r#"{"prompts": {"query": "query: "}}"#,
        ),
    ]);
    let model = OnnxFolder::open(folder.path()).unwrap();
    assert_eq!(model.max_tokens(), 512);
    assert_eq!(
        parsed(&model.tokenizer_config()),
        json!({"model_max_length": 512, "pad_token": "<pad>"})
    );
    assert_eq!(model.pooling(), Some(Pooling::Mean));
    assert_eq!(model.prompt("query"), Some("query: "));
    let identity = model.identity(&[]);
    assert_eq!(
        (identity.name.as_str(), identity.revision.as_str()),
        ("a/b", "r1")
    );
    let external = model.read_external_data().unwrap();
    assert_eq!(
        external,
        [("model.onnx_data".to_owned(), b"more weights".to_vec())]
    );
}

#[test]
fn one_onnx_file_of_several_can_be_named() {
    let folder = folder_with(&[
        ("onnx/model.onnx", "whole"),
        ("onnx/model_quantized.onnx", "small"),
        ("tokenizer.json", "{}"),
    ]);
    let small = OnnxFolder::open(&folder.path().join("onnx/model_quantized.onnx")).unwrap();
    assert_eq!(small.read_onnx().unwrap(), b"small");
    let whole = OnnxFolder::open(folder.path()).unwrap();
    assert_ne!(small.identity(&[]).digest, whole.identity(&[]).digest);
}

#[test]
fn the_digest_covers_weights_companions_and_settings() {
    let files = [("model.onnx", "weights"), ("tokenizer.json", "{}")];
    let digest = |files: &[(&str, &str)], settings: &[(&str, &str)]| {
        OnnxFolder::open(folder_with(files).path())
            .unwrap()
            .identity(settings)
            .digest
    };
    let plain = digest(&files, &[]);
    assert_eq!(plain, digest(&files, &[]));
    assert_ne!(plain, digest(&files, &[("pooling", "mean")]));
    assert_ne!(plain, digest(&[("model.onnx", "weight"), files[1]], &[]));
    assert_ne!(plain, digest(&[files[0], ("tokenizer.json", "{ }")], &[]));
    assert_ne!(
        plain,
        digest(&[files[0], files[1], ("config.json", r#"{"a": 1}"#)], &[])
    );
    assert_ne!(
        plain,
        digest(&[files[0], files[1], ("model.onnx_data", "x")], &[])
    );
}

#[test]
fn a_missing_or_damaged_file_is_named() {
    let message = |files: &[(&str, &str)]| {
        OnnxFolder::open(folder_with(files).path())
            .unwrap_err()
            .to_string()
    };
    assert!(message(&[("tokenizer.json", "{}")]).contains("no model.onnx or onnx/model.onnx"));
    assert!(message(&[("model.onnx", "")]).contains("no tokenizer.json"));
    let whole = [("model.onnx", ""), ("tokenizer.json", "{}")];
    for name in [
        "config.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
    ] {
        assert!(message(&[whole[0], whole[1], (name, "{")]).contains(name));
    }
    let pooling = (
        "1_Pooling/config.json",
        r#"{"pooling_mode_lasttoken": true}"#,
    );
    assert!(message(&[whole[0], whole[1], pooling]).contains("pooling_mode_lasttoken"));
}

#[test]
fn a_model_that_changed_after_opening_is_refused() {
    let folder = folder_with(&[("model.onnx", "weights"), ("tokenizer.json", "{}")]);
    let model = OnnxFolder::open(folder.path()).unwrap();
    fs::write(folder.path().join("model.onnx"), "others").unwrap();
    assert!(matches!(model.read_onnx(), Err(OnnxError::Changed { .. })));
}
