//! Copies of an index: taken while readers and a writer are at work, and put back.
//!
//! A backup is an index folder of one generation, with a marker that keeps writers away from it.

mod held;
mod restore;
mod target;

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::Result;
use crate::index_folder::mark_unfinished;

pub use held::Copied;
use held::{ATTEMPTS, Held};
pub use restore::{Overwrite, restore};
use target::Target;

/// Copies the current generation of an index to `to`: a new or empty folder, or an earlier backup,
/// which is replaced when the new one is complete.
///
/// Takes no lock of the index and holds up neither readers nor a writer. Each file is compared with
/// its digest on the way, so that a damaged index gives no backup. The copy is written beside `to`,
/// as `<to>.new`, synced and renamed.
///
/// # Errors
/// `NoIndex`, `Damaged`, `UnsupportedVersion`; `NotABackup` where `to` holds other things or lies in
/// the index or another backup; `InTheWay` where something else has one of the names `<to>.new` and `<to>.old`; `Locked`
/// while another backup is made to the same place; `Io`.
pub fn backup(folder: &Path, to: &Path) -> Result<Copied> {
    let held = Held::take(folder)?;
    let to = Target::settle(folder, to)?;
    let lock = to.stage(&held.folder).inspect_err(|_| {
        // What is in it may be another backup's that is being made.
        let _: io::Result<()> = fs::remove_dir(&to.new);
    })?;
    let copied = copy(held, &to, lock);
    if copied.is_err() {
        // Nothing is left behind. If the copy has its name already, there is nothing here.
        let _: io::Result<()> = fs::remove_dir_all(&to.new);
    }
    copied
}

/// Copies a generation, or the one that takes its place meanwhile, and puts the copy in place.
fn copy(mut held: Held, to: &Target, lock: File) -> Result<Copied> {
    to.prepare()?;
    let mut attempt = 1;
    loop {
        match fill(&held, &to.new) {
            Ok(()) => {
                to.put_in_place(lock)?;
                return Ok(held.copied(&to.path, held.manifest.generation));
            }
            // Open files outlive their names, but not on every file system.
            Err(_) if attempt < ATTEMPTS && held.is_replaced() => attempt += 1,
            Err(error) => return Err(error),
        }
        to.clear()?;
        held = Held::take(&held.folder)?;
    }
}

/// Writes a generation under the names it has, the manifest last.
fn fill(held: &Held, to: &Path) -> Result<()> {
    held.copy_to(to, &|name| Some(name.to_owned()))?;
    if held.unfinished {
        mark_unfinished(to)?;
    }
    held.manifest.publish(to)
}

#[cfg(test)]
mod tests;
