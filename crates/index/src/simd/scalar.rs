//! The reference: plain loops, which the compiler vectorises as far as the target allows.

/// Writes the dot product of `query` and each row to `out`. `query` is not empty.
pub(super) fn dot_rows_i8(query: &[i8], rows: &[i8], out: &mut [i32]) {
    for (row, sum) in rows.chunks_exact(query.len()).zip(out) {
        *sum = query
            .iter()
            .zip(row)
            .map(|(q, r)| i32::from(*q) * i32::from(*r))
            .sum();
    }
}

/// Writes the dot product of `query` and each row that `ids` names to `out`.
pub(super) fn dot_some_i8(query: &[i8], rows: &[i8], ids: &[u32], out: &mut [i32]) {
    for (id, sum) in ids.iter().zip(out) {
        let row = &rows[*id as usize * query.len()..][..query.len()];
        dot_rows_i8(query, row, std::slice::from_mut(sum));
    }
}

/// Returns the dot product, summed in sixteen lanes and then lane by lane.
pub(super) fn dot_f32(left: &[f32], right: &[f32]) -> f32 {
    const LANES: usize = 16;
    let (left_blocks, left_rest) = left.as_chunks::<LANES>();
    let (right_blocks, right_rest) = right.as_chunks::<LANES>();
    let mut lanes = [0.0_f32; LANES];
    for (l, r) in left_blocks.iter().zip(right_blocks) {
        for lane in 0..LANES {
            lanes[lane] += l[lane] * r[lane];
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(l, r)| l * r).sum();
    lanes.iter().sum::<f32>() + rest
}
