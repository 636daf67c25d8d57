//! What MDX has between its paragraphs that is no prose: imports, exports and comments.

/// Words that follow `export` in a module and hardly any in prose.
const EXPORTED: [&str; 8] = [
    "const ",
    "let ",
    "var ",
    "function ",
    "default ",
    "async ",
    "class ",
    "{",
];

/// Finds modules. Keeps in mind when brackets are never closed, so that no text takes long.
#[derive(Debug, Default)]
pub(super) struct Modules {
    has_open_brackets: bool,
    has_open_comment: bool,
}

impl Modules {
    /// Where the module or comment ends that begins at `start`, where a paragraph does; `None` if it
    /// is a paragraph.
    pub(super) fn end(&mut self, source: &str, start: usize) -> Option<usize> {
        let rest = &source[start..];
        if rest.starts_with("{/*") && !self.has_open_comment {
            let len = rest.find("*/}").map(|at| at + 3);
            self.has_open_comment = len.is_none();
            return len.map(|len| start + len);
        }
        is_module(rest).then(|| start + self.len(rest))
    }

    /// A module goes on to a blank line outside brackets, or to the first if they are never closed.
    fn len(&mut self, rest: &str) -> usize {
        let (mut at, mut depth, mut first_blank) = (0, 0_i64, None);
        for line in rest.split_inclusive('\n') {
            if line.trim().is_empty() {
                if depth <= 0 || self.has_open_brackets {
                    return at;
                }
                first_blank.get_or_insert(at);
            }
            for byte in line.bytes() {
                match byte {
                    b'{' | b'(' | b'[' => depth += 1,
                    b'}' | b')' | b']' => depth -= 1,
                    _ => {}
                }
            }
            at += line.len();
        }
        if depth <= 0 {
            return at;
        }
        self.has_open_brackets = true;
        first_blank.unwrap_or(at)
    }
}

fn is_module(text: &str) -> bool {
    let line = text.lines().next().unwrap_or(text);
    if let Some(exported) = line.strip_prefix("export ") {
        let exported = exported.trim_start();
        return exported.starts_with("* from ")
            || EXPORTED.iter().any(|word| exported.starts_with(word));
    }
    let Some(imported) = line.strip_prefix("import ") else {
        return false;
    };
    let imported = imported.trim_start();
    imported.starts_with(['{', '\'', '"', '*'])
        || imported.contains(" from '")
        || imported.contains(" from \"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(source: &str) -> Option<usize> {
        Modules::default().end(source, 0)
    }

    #[test]
    fn modules_end_at_a_blank_line_outside_brackets() {
        for module in [
            "import Tabs from '@theme/Tabs';\nimport {a} from \"b\"\n",
            "import * as x from './x'\n",
            "import './style.css';\n",
            "import {\n  a,\n\n  b,\n} from 'c';\n",
            "export const meta = {\n  title: 'x',\n\n  n: [1],\n}\n",
            "export default function Page() {}\n",
            "export * from './x'\n",
            "{/* a note\n\nto us */}",
        ] {
            assert_eq!(end(module), Some(module.len()), "{module}");
            assert_eq!(
                end(&format!("{module}\nprose\n")),
                Some(module.len()),
                "{module}"
            );
        }
    }

    #[test]
    fn prose_about_trade_is_kept() {
        for prose in [
            "import duties rose from ten to twelve per cent\n",
            "export controls apply\n",
            "important\n",
            "{count} ships\n",
            "{/* never closed\n",
        ] {
            assert_eq!(end(prose), None, "{prose}");
        }
    }

    #[test]
    fn brackets_that_are_never_closed_cost_one_paragraph() {
        let source = "export const x = {\n\n".repeat(20_000);
        let mut modules = Modules::default();
        let mut at = 0;
        while at < source.len() {
            at = modules.end(&source, at).unwrap() + 1;
        }
        assert_eq!(at, source.len());
    }
}
