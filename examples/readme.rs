//! The library in a few lines, as the README shows it.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use reread_engine::{Engine, SearchOptions};

fn main() -> reread_engine::Result<()> {
    let engine = Engine::builder().root("my/documents").build()?;
    engine.update()?;
    let result = engine.search("why does bread rise", &SearchOptions::default())?;
    for hit in &result.hits {
        let passage = &hit.passage;
        let line = passage.lines().start();
        println!("{} {line} {:+}", passage.path, hit.moved);
    }
    Ok(())
}
