//! The path for x86-64 machines with tile registers (AMX): Intel servers since Sapphire Rapids.
//!
//! ```text
//! tmm0 tmm1     sums, 16 x 16 of 32 bits each         tmm6 tmm7     32 columns of the matrix
//! tmm2 tmm3                                           tmm4 tmm5     16 rows of activations each
//!
//!                  tmm6      tmm7
//!               ┌─────────┬─────────┐
//!         tmm4  │  tmm0   │  tmm1   │  16 rows         a tile is 16 rows of 64 bytes
//!               ├─────────┼─────────┤
//!         tmm5  │  tmm2   │  tmm3   │  16 rows
//!               └─────────┴─────────┘
//!                16 columns 16 columns
//! ```
//!
//! Tiles do the products of linear layers in bytes ([`product`]) and those of attention in bf16
//! ([`attention`], [`heads`]), and GELU is worked out in words ([`between`]); everything else is that
//! of AVX-512 with VNNI. Sums of bytes are exact, so the linear layers are equal bit for bit to those
//! of the other paths with bytes.

mod attention;
mod between;
mod heads;
mod layout;
mod peak;
mod product;
mod proof;
pub(super) mod scratch;
mod tiles;
mod transpose;

use self::attention::{TileAttention, TileHead};
use super::int_attention::IntAttention;
use super::quantised::QuantisedRows;
use super::words::GeluWords;

pub(super) use self::product::{ByTiles, PANEL_WIDTH, PANELS, in_tile_order};
pub(super) use self::proof::Amx;

impl Amx {
    /// Turns words into the bytes that stand for the same values.
    pub(super) fn quantise_words(self, words: &GeluWords, to: &mut QuantisedRows) {
        self.isa().quantise_words(words, to);
    }

    /// The operations a second that tiles reach on one core, in linear layers and in attention.
    pub(super) fn peaks(self) -> [f64; 2] {
        peak::peaks(self)
    }

    /// Runs attention for one sequence.
    pub(super) fn attend(self, attention: &mut IntAttention<'_>) {
        let dim = attention.head_dim;
        let tiles = TileAttention::new(self);
        let scratch = &mut attention.scratch.tiles;
        TileAttention::count(attention.keys.rows.len(), scratch);
        let mut queries = std::mem::take(&mut scratch.queries);
        for number in 0..attention.n_heads {
            let rounded = attention.queries.head(number, dim);
            let mut head = TileHead {
                dim,
                queries: tiles.pack_queries(rounded, dim, &mut queries),
                n_queries: rounded.len() / dim,
                keys: attention.keys.head(number, dim),
                values: attention.values.head(number, dim),
                out: &mut attention.out[number * dim..],
                out_stride: attention.n_heads * dim,
            };
            tiles.attend(&mut head, scratch);
        }
        scratch.queries = queries;
    }
}
