//! The engine's choices as values of flags and keys: they go by the engine's names, and help says a
//! few words about each.

use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use reread_engine::{By, DocumentKind, Fold, Fusion, Mode, Precision, Stop};

/// One of the engine's choices.
pub(crate) trait Choice: Copy + FromStr + Send + Sync + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// Its name, which is read back as it.
    fn name(self) -> &'static str;

    /// Other names that are read as it.
    fn other_names(self) -> &'static [&'static str] {
        &[]
    }

    /// What help says about it, unless its name says all.
    fn help(self) -> Option<&'static str>;
}

/// What help says about the values of choices that have one name each.
macro_rules! choices {
    ($($choice:ty { $($value:pat => $help:expr,)* })*) => {$(
        impl Choice for $choice {
            const ALL: &'static [Self] = &<$choice>::ALL;

            fn name(self) -> &'static str {
                <$choice>::name(self)
            }

            fn help(self) -> Option<&'static str> {
                match self {
                    $($value => $help,)*
                }
            }
        }
    )*};
}

choices! {
    Fusion {
        Self::Blend { .. } => Some("Weighted sum of scaled scores"),
        Self::Rrf { .. } => Some("Reciprocal rank fusion"),
    }
    Precision {
        Self::Int8 => Some("8-bit integers: several times faster"),
        Self::F32 => Some("Floating point: exact to a hundred-thousandth"),
    }
    Stop {
        Self::Certain => Some("When the results can no longer change"),
        Self::Confident => Some("When they are unlikely to change"),
        Self::Never => Some("When every candidate has been read"),
    }
    By {
        Self::Passage | Self::Document => None,
    }
    Fold {
        Self::Never => Some("None: each is a result of its own"),
        Self::Equal => Some("Those with the same text, whatever the white space"),
        Self::Similar => Some("Also those with nearly the same text, such as versions of a document"),
    }
}

impl Choice for Mode {
    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        self.name()
    }

    fn other_names(self) -> &'static [&'static str] {
        self.other_names()
    }

    fn help(self) -> Option<&'static str> {
        match self {
            Self::Lexical => Some("By words (BM25)"),
            Self::Dense => Some("By meaning (embeddings)"),
            Self::Hybrid => Some("Both"),
        }
    }
}

impl Choice for DocumentKind {
    const ALL: &'static [Self] = &Self::ALL;

    fn name(self) -> &'static str {
        self.name()
    }

    fn other_names(self) -> &'static [&'static str] {
        self.other_names()
    }

    fn help(self) -> Option<&'static str> {
        match self {
            Self::Text => Some("Plain text"),
            Self::Markdown => Some("Markdown"),
            Self::Html => Some("HTML"),
            Self::Pdf => Some("PDF"),
            Self::Code => Some("Source code and configuration"),
            Self::JsonLines => Some("JSON Lines, one document per line"),
            _ => None,
        }
    }
}

/// Reads a flag's choice; help lists them all.
pub(crate) fn one_of<T: Choice>() -> impl TypedValueParser<Value = T> {
    let value = |&choice: &T| {
        let value = PossibleValue::new(choice.name()).aliases(choice.other_names());
        match choice.help() {
            Some(help) => value.help(help),
            None => value,
        }
    };
    PossibleValuesParser::new(T::ALL.iter().map(value)).try_map(|name| choice(&name))
}

/// Reads a key's choice.
pub(crate) fn choice<T: Choice>(name: &str) -> Result<T, String> {
    name.parse().map_err(|_| {
        let names: Vec<&str> = T::ALL.iter().map(|choice| choice.name()).collect();
        format!("must be one of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_are_read_back<T: Choice>() {
        for choice in T::ALL {
            let names = [&[choice.name()], choice.other_names()].concat();
            for name in names {
                let read = name.parse::<T>().ok().map(Choice::name);
                assert_eq!(read, Some(choice.name()));
            }
        }
    }

    #[test]
    fn every_name_is_read_back() {
        names_are_read_back::<Mode>();
        names_are_read_back::<Fusion>();
        names_are_read_back::<Precision>();
        names_are_read_back::<Stop>();
        names_are_read_back::<By>();
        names_are_read_back::<Fold>();
        names_are_read_back::<DocumentKind>();
    }

    #[test]
    fn a_wrong_choice_names_the_right_ones() {
        assert_eq!(choice("vector"), Ok(Mode::Dense));
        assert_eq!(choice("dense"), Ok(Mode::Dense));
        assert_eq!(choice("markdown"), Ok(DocumentKind::Markdown));
        let error = choice::<Mode>("both").unwrap_err();
        assert_eq!(error, "must be one of lexical, dense, hybrid");
    }

    #[test]
    fn help_describes_every_kind_of_document() {
        for kind in DocumentKind::ALL {
            assert!(Choice::help(kind).is_some(), "{kind}");
        }
    }
}
