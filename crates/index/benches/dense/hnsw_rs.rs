//! `hnsw_rs` by itself: its own build of f32 rows and its own search.

use std::time::Instant;

use cpu_time::ProcessTime;
use hnsw_rs::prelude::{DistL2, Hnsw};

use super::{BEAMS, DIM, HnswOptions, K, Truth};

pub(super) fn measure(rows: &[f32], truth: &Truth<'_>) {
    let HnswOptions {
        m, ef_construction, ..
    } = HnswOptions::default();
    let before = (ProcessTime::now(), Instant::now());
    let mut hnsw: Hnsw<'_, f32, DistL2> = Hnsw::new(m, truth.n, 16, ef_construction, DistL2);
    let rows: Vec<(&[f32], usize)> = rows.chunks_exact(DIM).zip(0..).collect();
    hnsw.parallel_insert_slice(&rows);
    hnsw.set_searching_mode(true);
    println!(
        "{:>8} hnsw_rs built in {:.1} CPU s ({:.1} s)",
        truth.n,
        before.0.elapsed().as_secs_f32(),
        before.1.elapsed().as_secs_f32()
    );
    for beam in BEAMS {
        let search = |query: &[f32]| {
            let found = hnsw.search(query, K, beam);
            found
                .iter()
                .map(|neighbour| neighbour.d_id as u32)
                .collect()
        };
        if truth.report(&format!("hnsw_rs, ef {beam}"), &search) >= 0.995 {
            break;
        }
    }
    let finds = |(row, pos): &&(&[f32], usize)| {
        let found = hnsw.search(row, 10, 100);
        found.iter().any(|neighbour| neighbour.d_id == *pos)
    };
    let n_found = rows.iter().filter(finds).count();
    println!(
        "{:>8} hnsw_rs: {} rows do not find themselves",
        truth.n,
        rows.len() - n_found
    );
}
