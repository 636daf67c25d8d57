use tempfile::TempDir;

use super::*;
use crate::dense::tests::{clustered, exact};

fn build(rows: &[f32], dim: usize) -> Graph {
    Graph::build(rows, dim, &HnswOptions::default(), &|_| true).unwrap()
}

#[test]
fn a_loaded_graph_finds_what_the_built_one_finds() {
    let mut rows = clustered(1500, 24, 1);
    rows.extend_from_within(..24 * 30);
    let mut built = build(&rows, 24);
    built.aside.lost = vec![3, 700];
    let folder = TempDir::new().unwrap();
    let files = built.dump(folder.path()).unwrap();
    let loaded = Graph::load(folder.path(), &files, 1530, 24).unwrap();
    assert_eq!(loaded.aside, built.aside);
    for seed in 2..20 {
        let query = clustered(1, 24, seed);
        let hits = built.search(&rows, &query, 20, 64);
        assert_eq!(hits.len(), 20);
        assert_eq!(loaded.search(&rows, &query, 20, 64), hits);
    }
}

#[test]
fn a_loaded_graph_is_written_as_it_was_read() {
    let rows = clustered(50, 8, 14);
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let files = build(&rows, 8).dump(first.path()).unwrap();
    let loaded = Graph::load(first.path(), &files, 50, 8).unwrap();
    let files = loaded.dump(second.path()).unwrap();
    let again = Graph::load(second.path(), &files, 50, 8).unwrap();
    let query = row(&rows, 8, 3);
    assert_eq!(
        again.search(&rows, query, 9, 32),
        loaded.search(&rows, query, 9, 32)
    );
    assert_eq!(fs::read_dir(second.path()).unwrap().count(), 3);
}

#[test]
fn every_row_finds_itself() {
    let rows = clustered(3000, 16, 3);
    let graph = build(&rows, 16);
    for pos in 0..3000 {
        let hits = graph.search(&rows, row(&rows, 16, pos), 50, 128);
        assert!(hits.iter().any(|hit| hit.0 == pos), "{pos}");
    }
}

#[test]
fn a_row_that_the_graph_lost_is_found_all_the_same() {
    let rows = clustered(400, 16, 4);
    let graph = build(&rows, 16);
    // A graph of all rows but one stands for one that has lost it.
    let without_last = build(&rows[..399 * 16], 16);
    let lost = Aside {
        lost: vec![399],
        ..Aside::default()
    };
    let graph = Graph {
        hnsw: without_last.hnsw,
        aside: lost,
        ..graph
    };
    assert_eq!(graph.search(&rows, row(&rows, 16, 399), 1, 16)[0].0, 399);
    assert_eq!(graph.n_lost(), 1);
}

#[test]
fn equal_rows_are_all_found_in_the_order_of_their_positions() {
    let mut rows = clustered(600, 16, 5);
    let copied = row(&rows, 16, 7).to_vec();
    rows.extend(copied.repeat(300));
    let graph = build(&rows, 16);
    assert_eq!(graph.n_equal(), 300);
    let hits = graph.search(&rows, &copied, 301, 400);
    let positions: Vec<u32> = hits.iter().map(|hit| hit.0).collect();
    assert_eq!(
        positions,
        [7].into_iter().chain(600..900).collect::<Vec<_>>()
    );
    assert_eq!(
        graph.search(&rows, &copied, 350, 400),
        exact(&rows, &copied, 350, |_| true)
    );
}

#[test]
fn few_rows_and_none_are_built_written_and_read() {
    for n in [0, 1, 2, 5] {
        let rows = clustered(n, 8, 6);
        let folder = TempDir::new().unwrap();
        let files = build(&rows, 8).dump(folder.path()).unwrap();
        let loaded = Graph::load(folder.path(), &files, n, 8).unwrap();
        let query = clustered(1, 8, 7);
        assert_eq!(
            loaded.search(&rows, &query, 10, 32),
            exact(&rows, &query, 10, |_| true)
        );
        assert_eq!(loaded.search(&rows, &query, 0, 32), []);
    }
}

#[test]
fn options_out_of_bounds_are_refused() {
    let options = HnswOptions::default();
    for bad in [
        options.with_m(1),
        options.with_m(257),
        options.with_ef_construction(0),
        options.with_ef_construction(usize::MAX),
    ] {
        let refused = Graph::build(&[1.0, 0.0], 2, &bad, &|_| true);
        assert!(
            matches!(refused, Err(Error::InvalidOption { .. })),
            "{bad:?}"
        );
    }
    let refused = Graph::build(&[1.0, 0.0], 0, &options, &|_| true);
    assert!(matches!(
        refused,
        Err(Error::InvalidOption { option: "dim", .. })
    ));
}

#[test]
fn the_widest_and_narrowest_options_are_written_and_read() {
    let rows = clustered(300, 8, 8);
    for m in [2, 128] {
        let options = HnswOptions::default().with_m(m).with_ef_construction(20);
        let graph = Graph::build(&rows, 8, &options, &|_| true).unwrap();
        let folder = TempDir::new().unwrap();
        let files = graph.dump(folder.path()).unwrap();
        let loaded = Graph::load(folder.path(), &files, 300, 8).unwrap();
        let query = row(&rows, 8, 5);
        assert_eq!(
            loaded.search(&rows, query, 9, 64),
            graph.search(&rows, query, 9, 64)
        );
    }
}

#[test]
fn a_build_stops_on_request() {
    let rows = clustered(6000, 8, 9);
    let options = HnswOptions::default().with_ef_construction(10);
    for stop_at in [0, 4000, 5000, 10_000] {
        let stopped = Graph::build(&rows, 8, &options, &|n_done| n_done < stop_at);
        assert!(matches!(stopped, Err(Error::Cancelled)), "{stop_at}");
    }
}

#[test]
fn an_existing_file_is_not_overwritten() {
    let graph = build(&clustered(10, 8, 10), 8);
    for name in [ASIDE, LINKS, VECTORS] {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join(name), "kept").unwrap();
        let refused = graph.dump(folder.path());
        assert!(
            matches!(
                refused,
                Err(Error::Io {
                    action: "create",
                    ..
                })
            ),
            "{name}"
        );
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"kept");
    }
    let refused = graph.dump(Path::new("/nowhere/at/all"));
    assert!(matches!(refused, Err(Error::Io { .. })));
}

#[test]
fn a_damaged_file_is_reported_before_anything_reads_it() {
    let folder = TempDir::new().unwrap();
    let files = build(&clustered(20, 8, 11), 8).dump(folder.path()).unwrap();
    for file in &files {
        let path = folder.path().join(&file.name);
        let bytes = fs::read(&path).unwrap();
        let mut spoilt: Vec<Vec<u8>> = (0..bytes.len())
            .step_by(7)
            .map(|len| bytes[..len].to_vec())
            .collect();
        spoilt.extend((0..bytes.len()).step_by(5).map(|at| {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x10;
            flipped
        }));
        spoilt.push([&bytes[..], b"x"].concat());
        for content in spoilt {
            fs::write(&path, content).unwrap();
            let refused = Graph::load(folder.path(), &files, 20, 8);
            assert!(
                matches!(refused, Err(Error::Damaged { .. })),
                "{}",
                file.name
            );
        }
        fs::remove_file(&path).unwrap();
        let refused = Graph::load(folder.path(), &files, 20, 8);
        assert!(
            matches!(refused, Err(Error::Io { action: "read", .. })),
            "{}",
            file.name
        );
        fs::write(&path, bytes).unwrap();
    }
    assert!(Graph::load(folder.path(), &files, 20, 8).is_ok());
}

#[test]
fn a_graph_of_other_rows_is_refused() {
    let folder = TempDir::new().unwrap();
    let files = build(&clustered(20, 8, 12), 8).dump(folder.path()).unwrap();
    for (n, dim) in [(0, 8), (19, 8), (21, 8), (20, 4), (20, 0)] {
        let refused = Graph::load(folder.path(), &files, n, dim);
        assert!(
            matches!(refused, Err(Error::Damaged { .. })),
            "{n} rows of {dim}"
        );
    }
    let elsewhere = GraphFile {
        name: "../graph.aside".to_owned(),
        ..files[0].clone()
    };
    let refused = Graph::load(folder.path(), &[elsewhere], 20, 8);
    assert!(matches!(refused, Err(Error::Damaged { .. })));
    for missing in 0..files.len() {
        let mut fewer = files.clone();
        fewer.remove(missing);
        let refused = Graph::load(folder.path(), &fewer, 20, 8);
        assert!(
            matches!(refused, Err(Error::Damaged { .. })),
            "without {missing}"
        );
    }
}

#[test]
fn spoilt_notes_beside_a_graph_are_reported() {
    let mut rows = clustered(20, 8, 13);
    rows.extend_from_within(..16);
    let mut graph = build(&rows, 8);
    graph.aside.lost = vec![4];
    let bytes = graph.aside.encode(22, 8);
    let path = Path::new(ASIDE);
    assert_eq!(Aside::decode(path, &bytes, 22, 8).unwrap(), graph.aside);
    for len in 0..bytes.len() {
        let refused = Aside::decode(path, &bytes[..len], 22, 8);
        assert!(
            matches!(refused, Err(Error::Damaged { .. })),
            "cut to {len}"
        );
    }
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x80;
        let refused = Aside::decode(path, &flipped, 22, 8);
        let version = (8..12).contains(&at);
        assert!(
            matches!(&refused, Err(Error::UnsupportedVersion { .. }) if version)
                || matches!(&refused, Err(Error::Damaged { .. }) if !version),
            "flipped at {at}: {refused:?}"
        );
    }
}
