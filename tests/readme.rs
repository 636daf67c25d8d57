//! The README shows code that compiles.

const README: &str = include_str!("../README.md");
const EXAMPLE: &str = include_str!("../examples/readme.rs");

#[test]
fn the_rust_in_the_readme_is_the_example() {
    let blocks: Vec<&str> = README
        .split("```rust\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block)
        .collect();
    let [block] = blocks[..] else {
        panic!("{} blocks of Rust", blocks.len());
    };
    assert!(
        EXAMPLE.ends_with(block),
        "examples/readme.rs differs from the README"
    );
}
