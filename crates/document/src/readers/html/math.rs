//! Formulas in `MathML` as one line: `E=mc^2`, `(a+b)/2`.

/// What is written before a child of an element of `MathML`, counted from 0.
pub(super) fn sign_before(parent: &str, child: u32) -> &'static str {
    match (parent, child) {
        ("msup" | "mover", 1) | ("msubsup" | "munderover", 2) => "^",
        ("msub" | "munder" | "msubsup" | "munderover", 1) => "_",
        ("mfrac", 1) => "/",
        ("msqrt", 0) => "√",
        _ => "",
    }
}

/// Whether the children of an element are written as one sign each, between brackets if they are longer.
pub(super) fn groups(parent: &str) -> bool {
    matches!(
        parent,
        "msup" | "msub" | "msubsup" | "mover" | "munder" | "munderover" | "mfrac"
    )
}

/// Other forms of a formula that is there already.
pub(super) fn is_repetition(name: &str) -> bool {
    matches!(name, "annotation" | "annotation-xml")
}
