use std::fs;

use proptest::prelude::*;
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use reread_models::CancelToken;
use tempfile::TempDir;

use super::*;
use crate::dense::tests::{bits, clustered, exact, graph, part};
use crate::dense::{DensePart, DenseSearch, MethodChoice};

const DIM: usize = 16;

fn row(rows: &[f32], pos: u32) -> &[f32] {
    &rows[pos as usize * DIM..][..DIM]
}

fn find(part: &DensePart, graph: &Graph, query: &[f32], k: usize, ef: usize) -> Vec<(u32, f32)> {
    graph.search(part.rows(), query, k, ef, None)
}

fn written(graph: &Graph) -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("graph");
    graph.write(&path).unwrap();
    (folder, path)
}

#[test]
fn a_mapped_graph_finds_what_the_built_one_finds() {
    let mut rows = clustered(1500, DIM, 1);
    rows.extend_from_within(..DIM * 30);
    let part = part(&rows, DIM);
    let mut built = graph(&rows, DIM);
    let Words::Built(words) = &mut built.words else {
        panic!("it was built");
    };
    built.layout.append_lost(words, vec![3, 700]);
    let (_folder, path) = written(&built);
    let mapped = Graph::open(&path, 1530, DIM).unwrap();
    assert_eq!(mapped.layout, built.layout);
    assert_eq!((mapped.n_equal(), mapped.n_lost()), (30, 2));
    mapped.verify().unwrap();
    for seed in 2..20 {
        let query = clustered(1, DIM, seed);
        let hits = find(&part, &built, &query, 20, 64);
        assert_eq!(hits.len(), 20);
        assert_eq!(find(&part, &mapped, &query, 20, 64), hits);
    }
}

#[test]
fn every_row_finds_itself_however_narrow_the_beam() {
    let rows = clustered(5000, DIM, 3);
    let (part, graph) = (part(&rows, DIM), graph(&rows, DIM));
    assert_eq!(graph.n_lost(), 0);
    for pos in 0..5000 {
        for ef in [repair::EF_SELF, 100] {
            let hits = find(&part, &graph, row(&rows, pos), 10, ef);
            assert!(hits.iter().any(|hit| hit.0 == pos), "{pos} at {ef}");
        }
    }
    let check = part.check_graph(&graph, &Steps::unwatched()).unwrap();
    assert_eq!((check.n_bad_links, check.n_listed), (0, 0));
    assert_eq!(check.unfound, [0; 0]);
    assert!(check.n_links > 5000 * 8);
}

/// Takes away every link to each of these rows.
fn cut_off(graph: &mut Graph, rows: &[u32]) {
    let Words::Built(words) = &mut graph.words else {
        panic!("it was built");
    };
    for pos in 0..graph.layout.n {
        let list = &mut words[graph.layout.list_at(pos)..][..graph.layout.stride()];
        let mut links: Vec<u32> = list.to_vec();
        links.retain(|link| !rows.contains(link));
        list.fill(layout::NONE);
        list[..links.len()].copy_from_slice(&links);
    }
}

#[test]
fn rows_that_nothing_leads_to_are_linked_again() {
    let rows = clustered(2000, DIM, 4);
    let part = part(&rows, DIM);
    let mut graph = graph(&rows, DIM);
    // Not in an upper layer, which would lead to them as well.
    let upper = graph.links().nodes(0).to_vec();
    let lost: Vec<u32> = (0..2000)
        .filter(|pos| pos % 7 == 3 && !upper.contains(pos))
        .collect();
    cut_off(&mut graph, &lost);
    assert_eq!(
        part.check_graph(&graph, &Steps::unwatched())
            .unwrap()
            .unfound,
        lost
    );
    let Words::Built(words) = &mut graph.words else {
        panic!("it was built");
    };
    let left = repair::repair(words, &graph.layout, part.rows(), &Steps::unwatched()).unwrap();
    assert_eq!(left, [0; 0]);
    assert_eq!(
        part.check_graph(&graph, &Steps::unwatched())
            .unwrap()
            .unfound,
        [0; 0]
    );
}

#[test]
fn a_row_on_the_list_of_lost_ones_is_found_all_the_same() {
    let rows = clustered(400, DIM, 4);
    let part = part(&rows, DIM);
    let mut graph = graph(&rows, DIM);
    let pos = (0..400)
        .find(|pos| !graph.links().nodes(0).contains(pos))
        .unwrap();
    cut_off(&mut graph, &[pos]);
    assert_ne!(find(&part, &graph, row(&rows, pos), 1, 16)[0].0, pos);
    let Words::Built(words) = &mut graph.words else {
        panic!("it was built");
    };
    graph.layout.append_lost(words, vec![pos]);
    assert_eq!(find(&part, &graph, row(&rows, pos), 1, 16)[0].0, pos);
    assert_eq!(
        part.check_graph(&graph, &Steps::unwatched())
            .unwrap()
            .unfound,
        [0; 0]
    );
}

#[test]
fn equal_rows_are_all_found_in_the_order_of_their_positions() {
    let mut rows = clustered(600, DIM, 5);
    let copied = row(&rows, 7).to_vec();
    rows.extend(copied.repeat(300));
    let (part, graph) = (part(&rows, DIM), graph(&rows, DIM));
    assert_eq!(graph.n_equal(), 300);
    let hits = find(&part, &graph, &copied, 301, 400);
    let positions: Vec<u32> = hits.iter().map(|hit| hit.0).collect();
    let expected: Vec<u32> = [7].into_iter().chain(600..900).collect();
    assert_eq!(positions, expected);
    let all = exact(&rows, &copied, 350, |_| true);
    assert_eq!(find(&part, &graph, &copied, 350, 400), all);
    // A filter that lets a copy pass and not the row that stands for it.
    let only = bits(900, |pos| pos >= 890 || pos % 3 == 1 && pos != 7);
    let hits = graph.search(part.rows(), &copied, 12, 64, Some(Allowed::new(&only, 0)));
    let expected = exact(&rows, &copied, 12, |pos| {
        pos >= 890 || pos % 3 == 1 && pos != 7
    });
    assert_eq!(hits, expected);
}

#[test]
fn few_rows_and_none_are_built_written_and_read() {
    for n in [0, 1, 2, 3, 5, 40] {
        let rows = clustered(n, DIM, 6);
        let part = part(&rows, DIM);
        let (_folder, path) = written(&graph(&rows, DIM));
        let mapped = Graph::open(&path, n, DIM).unwrap();
        let query = clustered(1, DIM, 7);
        let hits = find(&part, &mapped, &query, 10, 64);
        assert_eq!(hits, exact(&rows, &query, 10, |_| true), "{n} rows");
        assert_eq!(find(&part, &mapped, &query, 0, 32), []);
        assert_eq!(
            part.check_graph(&mapped, &Steps::unwatched())
                .unwrap()
                .unfound,
            [0; 0]
        );
    }
}

#[test]
fn the_widest_and_narrowest_options_work() {
    let rows = clustered(300, DIM, 8);
    let part = part(&rows, DIM);
    for m in [2, 128] {
        let options = HnswOptions::default().with_m(m).with_ef_construction(20);
        let graph = part.build_graph(&options, &Steps::unwatched()).unwrap();
        let (_folder, path) = written(&graph);
        let mapped = Graph::open(&path, 300, DIM).unwrap();
        assert_eq!(
            part.check_graph(&mapped, &Steps::unwatched())
                .unwrap()
                .unfound,
            [0; 0]
        );
    }
}

#[test]
fn options_out_of_bounds_are_refused() {
    let options = HnswOptions::default();
    let part = part(&[1.0, 0.0], 2);
    for bad in [
        options.with_m(1),
        options.with_m(129),
        options.with_ef_construction(0),
        options.with_ef_construction(usize::MAX),
    ] {
        let refused = part.build_graph(&bad, &Steps::unwatched());
        let refused = matches!(refused, Err(Error::InvalidOption { .. }));
        assert!(refused, "{bad:?}");
    }
}

#[test]
fn a_build_stops_on_request() {
    let part = part(&clustered(6000, 8, 9), 8);
    let options = HnswOptions::default().with_ef_construction(10);
    for stop_at in [0, 4000, 5000, 10_000] {
        let cancel = CancelToken::new();
        let told = |n_done: usize| {
            if n_done >= stop_at {
                cancel.cancel();
            }
        };
        let stopped = part.build_graph(&options, &Steps::new(&told, &cancel));
        assert!(matches!(stopped, Err(Error::Cancelled)), "{stop_at}");
    }
}

#[test]
fn an_existing_file_is_not_overwritten() {
    let graph = graph(&clustered(10, 8, 10), 8);
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("graph");
    fs::write(&path, "kept").unwrap();
    let refused = graph.write(&path);
    assert!(matches!(
        refused,
        Err(Error::Io {
            action: "create",
            ..
        })
    ));
    assert_eq!(fs::read(&path).unwrap(), b"kept");
}

#[test]
fn a_graph_of_other_rows_is_refused() {
    let (_folder, path) = written(&graph(&clustered(20, 8, 12), 8));
    for (n, dim) in [(0, 8), (19, 8), (21, 8), (20, 4), (20, 0)] {
        let refused = Graph::open(&path, n, dim);
        let refused = matches!(refused, Err(Error::Damaged { .. }));
        assert!(refused, "{n} rows of {dim}");
    }
    assert!(Graph::open(&path, 20, 8).is_ok());
}

/// Opens bytes as a graph and, where that works, searches it in every way.
fn use_damaged(path: &std::path::Path, bytes: &[u8], part: &DensePart, n: usize) -> bool {
    fs::write(path, bytes).unwrap();
    let graph = match Graph::open(path, n, DIM) {
        Ok(graph) => graph,
        Err(Error::Damaged { .. } | Error::UnsupportedVersion { .. }) => return false,
        Err(error) => panic!("{error}"),
    };
    let half = bits(n as u32, |pos| pos % 2 == 0);
    for seed in 0..3 {
        let query = clustered(1, DIM, 50 + seed);
        for allowed in [None, Some(Allowed::new(&half, 0))] {
            let hits = graph.search(part.rows(), &query, 5, 20, allowed);
            assert!(hits.iter().all(|hit| (hit.0 as usize) < n));
            assert!(hits.is_sorted_by(|a, b| crate::dense::rows::by_score(*a, *b).is_lt()));
        }
    }
    part.check_graph(&graph, &Steps::unwatched()).unwrap();
    true
}

#[test]
fn damage_gives_an_error_or_an_answer() {
    let mut rows = clustered(300, DIM, 11);
    rows.extend_from_within(..DIM * 5);
    let n = 305;
    let part = part(&rows, DIM);
    let mut built = graph(&rows, DIM);
    let Words::Built(words) = &mut built.words else {
        panic!("it was built");
    };
    built.layout.append_lost(words, vec![8]);
    let (folder, path) = written(&built);
    let bytes = fs::read(&path).unwrap();
    let spoilt = folder.path().join("spoilt");
    assert!(use_damaged(&spoilt, &bytes, &part, n));

    // The front, header and all: each bit of each byte.
    let front = 64 + 128;
    for at in 0..front {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let used = use_damaged(&spoilt, &flipped, &part, n);
            // Only the digest, the entry point and the version, to an older one that is read, can
            // change and leave a graph to be used.
            let older = (at, bit) == (8, 0);
            let may = (32..64).contains(&at) || (76..80).contains(&at) || older;
            assert!(!used || may, "bit {bit} of byte {at}");
            if used && !older {
                assert!(Graph::open(&spoilt, n, DIM).unwrap().verify().is_err());
            }
        }
    }
    for len in (0..bytes.len())
        .step_by(41)
        .chain(0..front)
        .chain([bytes.len() - 1])
    {
        assert!(
            !use_damaged(&spoilt, &bytes[..len], &part, n),
            "cut to {len}"
        );
    }
    assert!(!use_damaged(
        &spoilt,
        &[&bytes[..], b"1234"].concat(),
        &part,
        n
    ));

    // Links to all sorts of rows.
    let mut state = 7_u64;
    let mut draw = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize
    };
    for round in 0..300 {
        let mut flipped = bytes.clone();
        for _ in 0..1 << (round % 12) {
            let at = front + draw() % (bytes.len() - front);
            flipped[at] = match round % 3 {
                0 => draw() as u8,
                1 => 0,
                _ => flipped[at] ^ 1,
            };
        }
        assert!(use_damaged(&spoilt, &flipped, &part, n));
        assert!(Graph::open(&spoilt, n, DIM).unwrap().verify().is_err() || flipped == bytes);
    }
}

#[test]
fn a_search_does_not_depend_on_the_threads() {
    let rows = clustered(3000, DIM, 13);
    let part = part(&rows, DIM).with_graph(graph(&rows, DIM)).unwrap();
    let find_all = || -> Vec<_> {
        let find = |seed| {
            let query = clustered(1, DIM, 100 + seed);
            part.search(&query, 30, &DenseSearch::default())
                .unwrap()
                .hits
        };
        (0..40_u64).into_par_iter().map(find).collect()
    };
    let with_threads = |n| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build()
            .unwrap();
        pool.install(find_all)
    };
    let expected = with_threads(1);
    assert_eq!(with_threads(2), expected);
    assert_eq!(with_threads(5), expected);
}

#[test]
fn a_graph_does_not_depend_on_the_threads() {
    let part = part(&clustered(1500, DIM, 14), DIM);
    let words = |n| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n)
            .build()
            .unwrap();
        let build = || {
            part.build_graph(&HnswOptions::default(), &Steps::unwatched())
                .unwrap()
        };
        pool.install(build).links().words.to_vec()
    };
    let expected = words(1);
    assert_eq!(words(2), expected);
    assert_eq!(words(5), expected);
}

/// The share of the exact hits that the default search finds.
fn recall(part: &DensePart, query: &[f32], allowed: Option<Allowed<'_>>) -> (usize, usize) {
    let search = DenseSearch::default().with_allowed(allowed);
    let found = part.search(query, 20, &search).unwrap().hits;
    let exact = search.with_method(MethodChoice::Exact);
    let exact = part.search(query, 20, &exact).unwrap().hits;
    (
        exact.iter().filter(|hit| found.contains(hit)).count(),
        exact.len(),
    )
}

#[test]
fn a_filter_of_any_width_is_kept_and_hardly_costs_recall() {
    let rows = clustered(4000, DIM, 15);
    let part = part(&rows, DIM).with_graph(graph(&rows, DIM)).unwrap();
    for every in [1, 2, 3, 10, 100, 3999, 4001] {
        let passes = |pos: u32| (pos + 1).is_multiple_of(every);
        let bits = bits(4000, passes);
        let (mut n_found, mut n_expected) = (0, 0);
        for seed in 0..20 {
            let query = clustered(1, DIM, 200 + seed);
            let allowed = Some(Allowed::new(&bits, 0));
            let (found, expected) = recall(&part, &query, allowed);
            n_found += found;
            n_expected += expected;
            let search = DenseSearch::default().with_allowed(allowed);
            let hits = part.search(&query, 20, &search).unwrap().hits;
            assert!(hits.iter().all(|hit| passes(hit.0)), "1 in {every}");
            // The graph itself, whichever way the part would have taken.
            let graph = part.graph().unwrap();
            let hits = graph.search(part.rows(), &query, 20, 400, allowed);
            assert!(hits.iter().all(|hit| passes(hit.0)), "1 in {every}");
            assert_eq!(hits.len(), expected, "1 in {every}");
        }
        assert!(
            n_found * 100 >= n_expected * 98,
            "1 in {every}: {n_found} of {n_expected}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn the_graph_agrees_with_the_scan(seed in 1_u64..1_000_000, n in 1_usize..2500) {
        let rows = clustered(n, DIM, seed);
        let part = part(&rows, DIM).with_graph(graph(&rows, DIM)).unwrap();
        let (mut n_found, mut n_expected) = (0, 0);
        for query in 0..10 {
            let query = clustered(1, DIM, seed + 1 + query);
            let (found, expected) = recall(&part, &query, None);
            n_found += found;
            n_expected += expected;
        }
        prop_assert!(n_found * 100 >= n_expected * 95, "{n_found} of {n_expected}");
        prop_assert_eq!(part.check_graph(part.graph().unwrap(), &Steps::unwatched()).unwrap().unfound, [0; 0]);
    }
}
