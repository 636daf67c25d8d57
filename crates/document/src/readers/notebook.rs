//! Jupyter notebooks: their cells, as Markdown. What a cell has put out stays out, but for a few words
//! of text.

use std::fmt::Write;

use serde::Deserialize;

use super::{Input, Output, markdown};
use crate::file_name::file_name;

/// More text than this was not written to be read.
const MAX_OUTPUT_BYTES: usize = 500;

/// Whether the name says that this is a notebook.
fn is_notebook(path: &str) -> bool {
    let extension = file_name(path)
        .rsplit_once('.')
        .map(|(_, extension)| extension);
    extension.is_some_and(|extension| extension.eq_ignore_ascii_case("ipynb"))
}

/// Reads Markdown, or a notebook as Markdown. One that is damaged is read as it is.
///
/// A cell of code becomes a fenced block. Lines are counted in the Markdown, as a notebook has none.
pub(crate) fn read(mut input: Input) -> Output {
    if is_notebook(&input.path)
        && let Ok(notebook) = serde_json::from_slice::<Notebook>(&input.bytes)
    {
        input.bytes = notebook.to_markdown().into_bytes();
    }
    markdown::read(input)
}

#[derive(Deserialize)]
struct Notebook {
    cells: Vec<Cell>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    language_info: Language,
}

#[derive(Default, Deserialize)]
struct Language {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Cell {
    #[serde(rename = "cell_type")]
    kind: String,
    #[serde(default)]
    source: Lines,
    #[serde(default)]
    outputs: Vec<CellOutput>,
}

/// One output. Only streams and results have text; pictures, tables in HTML and errors have other
/// fields.
#[derive(Deserialize)]
struct CellOutput {
    #[serde(default)]
    text: Lines,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default, rename = "text/plain")]
    plain: Lines,
    /// Shown in place of the text.
    #[serde(default, rename = "text/html")]
    html: Option<serde::de::IgnoredAny>,
    #[serde(default, rename = "image/png")]
    picture: Option<serde::de::IgnoredAny>,
}

/// A text, whole or as a list of lines with their line ends.
#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    Whole(String),
    List(Vec<String>),
}

impl Default for Lines {
    fn default() -> Self {
        Self::Whole(String::new())
    }
}

impl Lines {
    fn text(&self) -> String {
        match self {
            Self::Whole(text) => text.clone(),
            Self::List(lines) => lines.concat(),
        }
    }
}

impl Notebook {
    fn to_markdown(&self) -> String {
        let mut out = String::new();
        for cell in &self.cells {
            let source = cell.source.text();
            match cell.kind.as_str() {
                "code" => {
                    push_fenced(&mut out, &self.metadata.language_info.name, &source);
                    for output in &cell.outputs {
                        push_fenced(&mut out, "", &output.words());
                    }
                }
                _ => push_block(&mut out, &source),
            }
        }
        out
    }
}

impl CellOutput {
    /// Its text, if that is short and nothing else is shown.
    fn words(&self) -> String {
        let is_other = self.data.html.is_some() || self.data.picture.is_some();
        let text = self.text.text() + &self.data.plain.text();
        if is_other || text.len() > MAX_OUTPUT_BYTES {
            return String::new();
        }
        text
    }
}

fn push_fenced(out: &mut String, language: &str, text: &str) {
    if text.trim().is_empty() {
        return;
    }
    // A fence is longer than any inside.
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    let language: String = language.chars().filter(|c| c.is_alphanumeric()).collect();
    let mut block = String::with_capacity(text.len() + 16);
    // Writing to a string cannot fail.
    let _ = write!(block, "{fence}{language}\n{}\n{fence}", text.trim_end());
    push_block(out, &block);
}

fn push_block(out: &mut String, block: &str) {
    let block = block.trim_end();
    if block.trim_start().is_empty() {
        return;
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out.push_str(block);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Document;

    fn read(path: &str, notebook: &str) -> Document {
        super::read(Input::new(path, notebook.into()))
            .documents
            .remove(0)
    }

    #[test]
    fn cells_are_read_and_pictures_are_not() {
        let picture = "iVBORw0KGgo".repeat(1000);
        let notebook = serde_json::json!({
            "cells": [
                {"cell_type": "markdown", "source": ["# Tides\n", "\n", "High water at noon."]},
                {"cell_type": "code", "source": "level = 3\nlevel", "outputs": [
                    {"output_type": "execute_result", "data": {"text/plain": ["3"]}},
                    {"output_type": "stream", "text": "x".repeat(9000)},
                    {"output_type": "display_data", "data": {
                        "image/png": picture, "text/plain": ["<Figure>"]}},
                    {"output_type": "error", "ename": "E", "traceback": ["no"]},
                ]},
                {"cell_type": "raw", "source": "A raw cell."},
                {"cell_type": "code", "source": [], "outputs": []},
            ],
            "metadata": {"language_info": {"name": "python"}},
            "nbformat": 4, "nbformat_minor": 5,
        });
        let document = read("a/tides.ipynb", &notebook.to_string());
        assert_eq!(document.title, "Tides");
        assert_eq!(
            document.text,
            "# Tides\n\nHigh water at noon.\n\n```python\nlevel = 3\nlevel\n```\n\n```\n3\n```\n\nA raw cell.\n"
        );
        assert_eq!(document.headings.len(), 1);
    }

    #[test]
    fn a_fence_inside_a_cell_does_not_end_it() {
        let notebook = r##"{"cells": [{"cell_type": "code", "source": "a = '''\n```\n'''"},
            {"cell_type": "markdown", "source": "# One"}]}"##;
        let document = read("n.ipynb", notebook);
        assert!(document.text.starts_with("````\na"), "{}", document.text);
        assert_eq!(document.title, "One");
    }

    #[test]
    fn what_is_no_notebook_is_read_as_it_is() {
        assert_eq!(read("n.ipynb", "{\"cells\": 3").text, "{\"cells\": 3");
        assert_eq!(read("n.md", "[{\"cells\": 3}]").text, "[{\"cells\": 3}]");
        assert_eq!(read("n.ipynb", "{\"cells\": []}").title, "n");
    }
}
