//! Sequences laid end to end without padding, and dealt out to the threads.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::error::Result;
use crate::tokenizer::tokens::Tokens;

/// Tokens that go through the layers together at most, unless one sequence alone is longer.
///
/// More rows read each weight less often, but their activations leave the caches. Between 256
/// and 1,024 there is nothing to measure; fewer leave less idle at the end of a call.
const MAX_TOKENS: usize = 512;

/// Fewer rows than this make the matrix product slower.
const MIN_TOKENS: usize = 96;

/// Chunks to each thread, so that none waits long for the last one.
const CHUNKS_PER_THREAD: usize = 4;

/// Runs `work` on chunks of sequences, the longest first, and returns the rows in the order of
/// `sequences`; `width` values each.
///
/// A chunk is a list of positions in `sequences`, and `work` fills one row for each. The chunks
/// depend on the number of threads, so a row must not depend on its chunk.
pub(crate) fn in_chunks<W>(sequences: &[Tokens], width: usize, work: W) -> Result<Vec<f32>>
where
    W: Fn(&[usize], &mut [f32]) -> Result<()> + Sync,
{
    let chunks = chunks(sequences, rayon::current_num_threads());
    let done = |chunk: &[usize], rows: &mut [f32]| work(chunk, rows).map(|()| true);
    let mut rows = vec![0.0; sequences.len() * width];
    for (position, row) in take_turns(&chunks, width, done)? {
        rows[position * width..][..width].copy_from_slice(&row);
    }
    Ok(rows)
}

/// Runs `work` on one sequence after the other, in their order, until it says `false`, which is
/// that it was stopped; returns the value of each that was done.
pub(crate) fn in_order<W>(sequences: &[Tokens], work: W) -> Result<Vec<Option<f32>>>
where
    W: Fn(&[usize], &mut [f32]) -> Result<bool> + Sync,
{
    let chunks: Vec<Vec<usize>> = (0..sequences.len()).map(|at| vec![at]).collect();
    let mut values = vec![None; sequences.len()];
    for (position, row) in take_turns(&chunks, 1, work)? {
        values[position] = Some(row[0]);
    }
    Ok(values)
}

/// Lets each thread take the next chunk until there is none or `work` says `false`; returns what
/// was done, in no order.
fn take_turns<W>(chunks: &[Vec<usize>], width: usize, work: W) -> Result<Vec<(usize, Vec<f32>)>>
where
    W: Fn(&[usize], &mut [f32]) -> Result<bool> + Sync,
{
    let n_threads = rayon::current_num_threads();
    let next = AtomicUsize::new(0);
    let until_none_is_left = |_| -> Result<Vec<(usize, Vec<f32>)>> {
        let mut done = Vec::new();
        while let Some(chunk) = chunks.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut rows = vec![0.0; chunk.len() * width];
            if !work(chunk, &mut rows)? {
                break;
            }
            done.extend(
                chunk
                    .iter()
                    .copied()
                    .zip(rows.chunks(width).map(<[f32]>::to_vec)),
            );
        }
        Ok(done)
    };
    let done: Result<Vec<_>> = if chunks.len() <= 1 {
        Ok(vec![until_none_is_left(0)?])
    } else {
        (0..n_threads.min(chunks.len()))
            .into_par_iter()
            .with_max_len(1)
            .map(until_none_is_left)
            .collect()
    };
    Ok(done?.into_iter().flatten().collect())
}

/// Deals the sequences into chunks of similar length, the longest first.
fn chunks(sequences: &[Tokens], n_threads: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..sequences.len()).collect();
    order.sort_by_key(|&at| std::cmp::Reverse(sequences[at].len()));
    let total: usize = sequences.iter().map(Tokens::len).sum();
    let limit = (total / (n_threads * CHUNKS_PER_THREAD)).clamp(MIN_TOKENS, MAX_TOKENS);
    let mut chunks: Vec<Vec<usize>> = Vec::new();
    let mut n_tokens = 0;
    for at in order {
        n_tokens += sequences[at].len();
        match chunks.last_mut() {
            Some(chunk) if n_tokens <= limit => chunk.push(at),
            _ => {
                n_tokens = sequences[at].len();
                chunks.push(vec![at]);
            }
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(len: usize) -> Tokens {
        Tokens {
            ids: vec![len as u32; len],
            types: vec![0; len],
        }
    }

    #[test]
    fn every_sequence_is_in_one_chunk_and_no_chunk_is_too_long() {
        let sequences: Vec<_> = (0..300).map(|i| sequence(1 + i * 7 % 600)).collect();
        for n_threads in [1, 2, 7, 64] {
            let chunks = chunks(&sequences, n_threads);
            let mut seen: Vec<_> = chunks.concat();
            seen.sort_unstable();
            assert_eq!(seen, (0..300).collect::<Vec<_>>());
            for chunk in &chunks {
                let n_tokens: usize = chunk.iter().map(|&at| sequences[at].len()).sum();
                assert!(chunk.len() == 1 || n_tokens <= MAX_TOKENS, "{n_tokens}");
            }
        }
    }

    #[test]
    fn rows_come_back_in_the_order_of_the_sequences() {
        let sequences: Vec<_> = (0..100).map(|i| sequence(1 + i * 13 % 50)).collect();
        let rows = in_chunks(&sequences, 2, |chunk, rows| {
            for (&at, row) in chunk.iter().zip(rows.chunks_mut(2)) {
                row.fill(sequences[at].len() as f32);
            }
            Ok(())
        });
        let expected: Vec<f32> = sequences
            .iter()
            .flat_map(|sequence| [sequence.len() as f32; 2])
            .collect();
        assert_eq!(rows.unwrap(), expected);
    }

    #[test]
    fn what_is_stopped_is_left_out_and_what_was_done_before_is_kept() {
        let sequences: Vec<_> = (0..50).map(|i| sequence(1 + i % 7)).collect();
        let values = in_order(&sequences, |chunk, rows| {
            rows[0] = chunk[0] as f32;
            Ok(chunk[0] < 20)
        });
        let values = values.unwrap();
        assert_eq!(values.len(), 50);
        for (at, value) in values.into_iter().enumerate() {
            assert_eq!(value, (at < 20).then_some(at as f32));
        }
    }

    #[test]
    fn nothing_in_is_nothing_out() {
        assert!(in_chunks(&[], 3, |_, _| Ok(())).unwrap().is_empty());
    }
}
