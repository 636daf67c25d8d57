//! The instruction sets that the kernels are compiled for, by name.

use std::fmt;
use std::str::FromStr;

/// What a model's arithmetic runs on. Without a choice it is the fastest that the machine has.
///
/// Scores differ by some thousandths of a logit between instruction sets, never within one.
///
/// ```
/// use reread_encoder::InstructionSet;
///
/// let fastest = InstructionSet::available()[0];
/// assert_eq!(fastest.name().parse(), Ok(fastest));
/// assert!("sse9".parse::<InstructionSet>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstructionSet {
    /// AVX-512 with products of whole tiles of bytes and of bf16 (AMX), on Linux: Intel servers
    /// since 2023.
    Amx,
    /// AVX-512 with products of bytes (VNNI): Intel servers since 2019, AMD since Zen 4.
    Avx512Vnni,
    /// AVX-512 without them: Intel servers since 2017.
    Avx512,
    /// AVX2 with products of bytes: Intel's desktops since 2021, AMD since Zen 5.
    AvxVnni,
    /// AVX2 and FMA: nearly every x86-64 machine since 2013.
    Avx2,
    /// What the compiler makes of plain loops: every other machine.
    Portable,
}

impl InstructionSet {
    /// All of them, the fastest first.
    pub const ALL: [Self; 6] = [
        Self::Amx,
        Self::Avx512Vnni,
        Self::Avx512,
        Self::AvxVnni,
        Self::Avx2,
        Self::Portable,
    ];

    /// The name, as [`FromStr`] reads it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amx => "amx",
            Self::Avx512Vnni => "avx512-vnni",
            Self::Avx512 => "avx512",
            Self::AvxVnni => "avx-vnni",
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        }
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for InstructionSet {
    type Err = UnknownInstructionSet;

    fn from_str(name: &str) -> Result<Self, UnknownInstructionSet> {
        let found = Self::ALL.into_iter().find(|set| set.name() == name);
        found.ok_or_else(|| UnknownInstructionSet {
            found: name.to_owned(),
        })
    }
}

/// An instruction set was asked for by a name that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no instruction set `{found}`; the names are {}", names(&InstructionSet::ALL))]
#[non_exhaustive]
pub struct UnknownInstructionSet {
    /// The name that was given.
    pub found: String,
}

/// The names of instruction sets, for messages.
pub(crate) fn names(sets: &[InstructionSet]) -> String {
    let names: Vec<&str> = sets.iter().map(|set| set.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        for set in InstructionSet::ALL {
            assert_eq!(set.name().parse::<InstructionSet>().unwrap(), set);
        }
        let refused = "sse9".parse::<InstructionSet>().unwrap_err().to_string();
        assert!(
            refused.contains("sse9") && refused.contains("avx2"),
            "{refused}"
        );
    }
}
