//! Reads `docs/json.md`: a section a command, with examples and a table of fields.

use std::collections::BTreeMap;

use serde_json::{Deserializer, Value};

use crate::shape::{Fields, Shape};

/// The whole document.
pub(crate) struct Document {
    pub(crate) sections: Vec<Section>,
}

/// What is said of one command.
#[derive(Default)]
pub(crate) struct Section {
    /// The command with its option: `reread search --json`.
    pub(crate) title: String,
    pub(crate) examples: Vec<Example>,
    /// Every field by its path.
    pub(crate) fields: Fields,
    included: Vec<Included>,
}

/// A command line, and what it prints.
pub(crate) struct Example {
    pub(crate) command: String,
    pub(crate) answers: Vec<Value>,
}

/// Fields that are described elsewhere.
struct Included {
    /// What their paths begin with here.
    prefix: String,
    /// What their paths begin with there.
    of: String,
    section: String,
}

impl Document {
    pub(crate) fn parse(text: &str) -> Self {
        let mut sections: Vec<Section> = Vec::new();
        for block in text.split("\n## ").skip(1) {
            sections.push(Section::parse(block));
        }
        let written: BTreeMap<String, Fields> = sections
            .iter()
            .map(|section| (section.title.clone(), section.fields.clone()))
            .collect();
        for section in &mut sections {
            for included in &section.included {
                let fields = written[&included.section].iter();
                let included = fields.filter_map(|(path, shape)| {
                    let rest = path.strip_prefix(&included.of)?;
                    Some((format!("{}{rest}", included.prefix), shape.clone()))
                });
                section.fields.extend(included);
            }
        }
        Self { sections }
    }
}

impl Section {
    fn parse(block: &str) -> Self {
        let mut lines = block.lines();
        let title = lines.next().unwrap().trim_matches('`').to_owned();
        let mut section = Self {
            title,
            ..Self::default()
        };
        while let Some(line) = lines.next() {
            if let Some(command) = line.strip_prefix("$ ") {
                let command = command.to_owned();
                let answers = Vec::new();
                section.examples.push(Example { command, answers });
            } else if line == "```json" {
                let json: String = lines.by_ref().take_while(|line| *line != "```").collect();
                let answers = Deserializer::from_str(&json).into_iter();
                section.examples.last_mut().unwrap().answers =
                    answers.collect::<Result<_, _>>().unwrap();
            } else if line.starts_with("| `") {
                section.read_row(line);
            }
        }
        section
    }

    /// `path` and type; or what fields begin with, and `as` with what they begin with elsewhere.
    fn read_row(&mut self, line: &str) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, path, shape, _, _] = cells[..] else {
            panic!("{line}")
        };
        let path = path.trim_matches('`');
        let Some(elsewhere) = shape.strip_prefix("as ") else {
            let before = self.fields.insert(path.to_owned(), Shape::parse(shape));
            assert!(before.is_none(), "{path} is described twice");
            return;
        };
        let (of, section) = elsewhere.split_once(" of ").unwrap();
        let beginning = |path: &str| path.trim_matches('`').strip_suffix('*').unwrap().to_owned();
        self.included.push(Included {
            prefix: beginning(path),
            of: beginning(of),
            section: section.trim_matches('`').to_owned(),
        });
    }
}
