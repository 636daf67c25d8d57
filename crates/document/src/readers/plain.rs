//! Files that are their own text: prose and source code.

use super::{Input, Output};
use crate::file_name::file_name;
use crate::kind::DocumentKind;
use crate::text;

/// Reads plain text.
pub(crate) fn prose(mut input: Input) -> Output {
    let text = text::decode(std::mem::take(&mut input.bytes));
    let text = text::with_unicode_lines(text);
    input.document(DocumentKind::Text, text).into()
}

/// Reads source code. Its title keeps the extension, which says much about code.
pub(crate) fn code(mut input: Input) -> Output {
    let text = text::decode(std::mem::take(&mut input.bytes));
    let document = input.document(DocumentKind::Code, text);
    document.named_by_file(file_name(&input.path)).into()
}
