//! The index on disk; `docs/format.md` is its description.

pub(crate) mod atomic;
pub(crate) mod catalog;
pub(crate) mod checked;
pub(crate) mod codec;
mod convert;
pub(crate) mod foreign;
pub(crate) mod header;
pub(crate) mod manifest;
pub(crate) mod metadata;
pub(crate) mod mmap;

#[cfg(test)]
mod tests;
