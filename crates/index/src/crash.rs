//! Named steps of a commit, at which the tests of crashes end the process.

#[cfg(test)]
mod tests;

/// A step of a commit is done. Only in this crate's own tests does that do anything.
#[cfg(not(test))]
#[inline]
pub(crate) fn step(_name: &str) {}

#[cfg(test)]
pub(crate) use tests::step;
