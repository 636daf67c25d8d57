//! What the built command and its index survive: kills, a full disk, closed folders, hostile documents,
//! many readers beside a writer, and a folder that is watched.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // A panic is how a test fails.
#![allow(
    clippy::print_stdout,
    reason = "how much was tried is worth seeing, and the seed is needed after a failure"
)]

#[path = "reliability/crash.rs"]
mod crash;
#[path = "reliability/hostile.rs"]
mod hostile;
#[path = "reliability/place.rs"]
mod place;
#[path = "reliability/refusals.rs"]
mod refusals;
#[path = "reliability/stress.rs"]
mod stress;
#[path = "reliability/watching.rs"]
mod watching;
