//! ONNX models small enough to write by hand: a table of token vectors, looked up.
//!
//! Only the few messages of `onnx.proto` that such a model needs are written, field by field.

use std::fs;
use std::path::Path;

/// The tokenizer's vocabulary; a token's number is its place here.
pub(crate) const WORDS: [&str; 9] = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "red", "green", "blue", "apple", "sky",
];

const FLOAT: u64 = 1;
const INT64: u64 = 7;

/// What becomes of the looked-up rows.
#[derive(Clone, Copy)]
pub(crate) enum Head {
    /// They are the output: `[batch, tokens, dim]`.
    Rows,
    /// Their mean over the tokens is: `[batch, dim]`.
    MeanRow,
    /// The token numbers are: an output that is not `f32`.
    TokenNumbers,
}

/// Writes a model folder without any companion that could be made up.
pub(crate) fn write_folder(folder: &Path, table: &[Vec<f32>], output: &str, head: Head) {
    fs::write(folder.join("model.onnx"), model(table, output, head)).unwrap();
    fs::write(folder.join("tokenizer.json"), tokenizer()).unwrap();
}

fn tokenizer() -> String {
    let vocab: Vec<String> = (0..)
        .zip(WORDS)
        .map(|(id, word)| format!("{word:?}: {id}"))
        .collect();
    let special = |name: &str, id: u32| {
        format!(r#""{name}": {{"id": "{name}", "ids": [{id}], "tokens": ["{name}"]}}"#)
    };
    let token = |name: &str| format!(r#"{{"SpecialToken": {{"id": "{name}", "type_id": 0}}}}"#);
    let text = |name: &str| format!(r#"{{"Sequence": {{"id": "{name}", "type_id": 0}}}}"#);
    let (cls, sep, a, b) = (token("[CLS]"), token("[SEP]"), text("A"), text("B"));
    format!(
        r#"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": {{"type": "Whitespace"}}, "decoder": null,
        "post_processor": {{"type": "TemplateProcessing", "single": [{cls}, {a}, {sep}],
            "pair": [{cls}, {a}, {sep}, {b}, {sep}],
            "special_tokens": {{{}, {}}}}},
        "model": {{"type": "WordLevel", "unk_token": "[UNK]", "vocab": {{{}}}}}}}"#,
        special("[CLS]", 2),
        special("[SEP]", 3),
        vocab.join(", ")
    )
}

fn model(table: &[Vec<f32>], output: &str, head: Head) -> Vec<u8> {
    let dim = table[0].len() as u64;
    let gather = |output: &str| node("Gather", &["table", "input_ids"], output, &[("axis", &[0])]);
    let mut graph = match head {
        Head::Rows => field(1, &gather(output)),
        Head::MeanRow => {
            let mean = node(
                "ReduceMean",
                &["rows"],
                output,
                &[("axes", &[1]), ("keepdims", &[0])],
            );
            [field(1, &gather("rows")), field(1, &mean)].concat()
        }
        Head::TokenNumbers => field(1, &node("Identity", &["input_ids"], output, &[])),
    };
    graph.extend(field(2, b"tiny"));
    graph.extend(field(5, &tensor("table", table)));
    for input in ["input_ids", "attention_mask"] {
        graph.extend(field(11, &value_info(input, INT64, &[None, None])));
    }
    let (element, shape) = match head {
        Head::Rows => (FLOAT, vec![None, None, Some(dim)]),
        Head::MeanRow => (FLOAT, vec![None, Some(dim)]),
        Head::TokenNumbers => (INT64, vec![None, None]),
    };
    graph.extend(field(12, &value_info(output, element, &shape)));
    // ModelProto: IR version 7, the graph, operator set 13 of the default domain.
    [
        number(1, 7),
        field(7, &graph),
        field(8, &[field(1, b""), number(2, 13)].concat()),
    ]
    .concat()
}

fn node(op: &str, inputs: &[&str], output: &str, attributes: &[(&str, &[u64])]) -> Vec<u8> {
    let mut node: Vec<u8> = inputs
        .iter()
        .flat_map(|name| field(1, name.as_bytes()))
        .collect();
    node.extend(field(2, output.as_bytes()));
    node.extend(field(4, op.as_bytes()));
    for &(name, values) in attributes {
        // `axes` is a list (type 7, field 8), the others are one integer (type 2, field 3).
        let (kind, at) = if name == "axes" { (7, 8) } else { (2, 3) };
        let mut attribute = field(1, name.as_bytes());
        attribute.extend(values.iter().flat_map(|&value| number(at, value)));
        attribute.extend(number(20, kind));
        node.extend(field(5, &attribute));
    }
    node
}

fn tensor(name: &str, rows: &[Vec<f32>]) -> Vec<u8> {
    let bytes: Vec<u8> = rows
        .iter()
        .flatten()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let dims = [
        number(1, rows.len() as u64),
        number(1, rows[0].len() as u64),
    ]
    .concat();
    [
        dims,
        number(2, FLOAT),
        field(8, name.as_bytes()),
        field(9, &bytes),
    ]
    .concat()
}

fn value_info(name: &str, element: u64, shape: &[Option<u64>]) -> Vec<u8> {
    let dims = shape.iter().enumerate().flat_map(|(pos, length)| {
        let dim = match length {
            Some(length) => number(1, *length),
            None => field(2, format!("n{pos}").as_bytes()),
        };
        field(1, &dim)
    });
    let tensor_type = [number(1, element), field(2, &dims.collect::<Vec<u8>>())].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor_type))].concat()
}

/// A field that holds bytes.
fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [
        varint(number << 3 | 2),
        varint(bytes.len() as u64),
        bytes.to_vec(),
    ]
    .concat()
}

/// A field that holds a number.
fn number(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
