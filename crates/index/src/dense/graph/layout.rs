//! Where everything stands in a graph: one run of u32 words, the same in memory and in a file.
//!
//! `docs/format.md` describes the words. [`Layout::read`] compares every count with the number of
//! words; ids within the lists are checked where they are used: a list ends at the first id that
//! names no row, which is also how a list that is not full ends.

/// The words before the lists. A multiple of 16, so that the lists of a mapped file are aligned.
const FRONT_WORDS: usize = 32;

/// The words before the numbers of nodes of the upper layers.
const UPPER_COUNTS_AT: usize = 16;

/// The word with the number of lost rows.
const N_LOST_AT: usize = 6;

/// All layers, the lowest included.
pub(super) const MAX_LAYERS: usize = FRONT_WORDS - UPPER_COUNTS_AT + 1;

/// The links per row and layer that a graph may have.
pub(super) const LINKS: std::ops::RangeInclusive<usize> = 2..=128;

/// Fills up a list. No row has this position.
pub(super) const NONE: u32 = u32::MAX;

/// The numbers that place everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) n: usize,
    pub(super) dim: usize,
    /// Links per row in the upper layers; twice as many in the lowest.
    pub(super) m: usize,
    /// The row at which a search starts, and which is in every layer.
    pub(super) entry: u32,
    /// Nodes of each upper layer, from the second lowest up.
    pub(super) upper: Vec<usize>,
    pub(super) n_equal: usize,
    pub(super) n_lost: usize,
}

/// Where a graph is wrong: the word, and what is the matter.
pub(super) type Problem = (usize, &'static str);

impl Layout {
    /// Reads the front and compares what it says with the number of words.
    pub(super) fn read(words: &[u32]) -> Result<Layout, Problem> {
        let Some((front, _)) = words.split_first_chunk::<FRONT_WORDS>() else {
            return Err((words.len(), "it ends within its front"));
        };
        let [n, dim, m, entry, n_layers, n_equal, n_lost, zeros @ ..] = front;
        let (zeros, upper) = zeros.split_at(UPPER_COUNTS_AT - 7);
        if zeros.iter().any(|word| *word != 0) {
            return Err((7, "words that mean nothing are not zero"));
        }
        if !LINKS.contains(&(*m as usize)) {
            return Err((2, "its number of links is out of bounds"));
        }
        if !(1..=MAX_LAYERS).contains(&(*n_layers as usize)) {
            return Err((4, "its number of layers is out of bounds"));
        }
        let (upper, above) = upper.split_at(*n_layers as usize - 1);
        let shrink = upper.is_sorted_by(|below, above| below >= above);
        let within = upper.iter().all(|nodes| (1..=*n).contains(nodes));
        if !shrink || !within || above.iter().any(|nodes| *nodes != 0) {
            return Err((UPPER_COUNTS_AT, "its layers do not match its rows"));
        }
        if entry >= n && *n > 0 {
            return Err((3, "it starts at a row that does not exist"));
        }
        let layout = Layout {
            n: *n as usize,
            dim: *dim as usize,
            m: *m as usize,
            entry: *entry,
            upper: upper.iter().map(|nodes| *nodes as usize).collect(),
            n_equal: *n_equal as usize,
            n_lost: *n_lost as usize,
        };
        if layout.n_words() != words.len() as u64 {
            return Err((words.len(), "its counts do not match its length"));
        }
        Ok(layout)
    }

    /// Returns the words of a graph without links.
    pub(super) fn empty_words(&self) -> Vec<u32> {
        let mut words = vec![NONE; self.n_words() as usize];
        words[..FRONT_WORDS].fill(0);
        let front = [
            self.n as u32,
            self.dim as u32,
            self.m as u32,
            self.entry,
            self.upper.len() as u32 + 1,
            self.n_equal as u32,
            self.n_lost as u32,
        ];
        words[..front.len()].copy_from_slice(&front);
        for (word, nodes) in words[UPPER_COUNTS_AT..].iter_mut().zip(&self.upper) {
            *word = *nodes as u32;
        }
        words
    }

    /// Adds rows that no walk finds to words without such.
    pub(super) fn append_lost(&mut self, words: &mut Vec<u32>, lost: Vec<u32>) {
        self.n_lost = lost.len();
        words[N_LOST_AT] = lost.len() as u32;
        words.extend(lost);
    }

    /// Counted in u64: counts from a file cannot overflow it.
    fn n_words(&self) -> u64 {
        let (n, m) = (self.n as u64, self.m as u64);
        let upper: u64 = self.upper.iter().map(|nodes| *nodes as u64).sum();
        let aside = 2 * self.n_equal as u64 + self.n_lost as u64;
        FRONT_WORDS as u64 + n * 2 * m + upper * (m + 1) + aside
    }

    /// Links of one row in the lowest layer.
    pub(super) fn stride(&self) -> usize {
        2 * self.m
    }

    /// Where the list of a row in the lowest layer stands.
    pub(super) fn list_at(&self, pos: usize) -> usize {
        FRONT_WORDS + pos * self.stride()
    }

    /// Where the nodes of the upper layer `layer` (0 is the lowest of them) stand; its lists follow.
    pub(super) fn nodes_at(&self, layer: usize) -> usize {
        let below: usize = self.upper[..layer].iter().sum();
        self.list_at(self.n) + below * (self.m + 1)
    }

    fn equal_at(&self) -> usize {
        self.nodes_at(self.upper.len())
    }
}

/// A graph's words, read by their layout.
#[derive(Clone, Copy)]
pub(super) struct Links<'a> {
    pub(super) words: &'a [u32],
    pub(super) layout: &'a Layout,
}

impl<'a> Links<'a> {
    /// The links of a row in the lowest layer, each the position of a row.
    pub(super) fn of(self, pos: u32) -> impl Iterator<Item = u32> + use<'a> {
        let n = self.layout.n as u32;
        let list = self.list(pos).iter().copied();
        list.take_while(move |pos| *pos < n)
    }

    /// The words of [`Links::of`].
    pub(super) fn list(self, pos: u32) -> &'a [u32] {
        &self.words[self.layout.list_at(pos as usize)..][..self.layout.stride()]
    }

    /// The positions of the nodes of an upper layer, ascending.
    pub(super) fn nodes(self, layer: usize) -> &'a [u32] {
        &self.words[self.layout.nodes_at(layer)..][..self.layout.upper[layer]]
    }

    /// The links of the node at `index` of an upper layer, each an index of its nodes.
    pub(super) fn upper(self, layer: usize, index: usize) -> impl Iterator<Item = usize> + use<'a> {
        let Layout { m, upper, .. } = self.layout;
        let at = self.layout.nodes_at(layer) + upper[layer] + index * m;
        let n = upper[layer];
        let list = self.words[at..][..*m].iter().map(|index| *index as usize);
        list.take_while(move |index| *index < n)
    }

    /// Pairs of a row in the graph and one left out of it as they are equal; ascending.
    pub(super) fn equal(self) -> &'a [[u32; 2]] {
        let at = self.layout.equal_at();
        self.words[at..][..2 * self.layout.n_equal]
            .as_chunks::<2>()
            .0
    }

    /// The rows left out as they are equal to this one.
    pub(super) fn equal_to(self, pos: u32) -> impl Iterator<Item = u32> + use<'a> {
        let (equal, n) = (self.equal(), self.layout.n as u32);
        let start = equal.partition_point(|pair| pair[0] < pos);
        let same = equal[start..].iter().take_while(move |pair| pair[0] == pos);
        same.map(|pair| pair[1]).filter(move |pos| *pos < n)
    }

    /// The words that neither name a row nor fill up a list.
    pub(super) fn n_bad(self) -> usize {
        let bad = |n: usize| move |word: &&u32| **word != NONE && **word as usize >= n;
        let Layout { n, upper, .. } = self.layout;
        let lowest = &self.words[FRONT_WORDS..self.layout.nodes_at(0)];
        let mut n_bad = lowest.iter().filter(bad(*n)).count();
        for (layer, n_nodes) in upper.iter().enumerate() {
            let nodes = self.nodes(layer);
            let lists = self.layout.nodes_at(layer) + n_nodes..self.layout.nodes_at(layer + 1);
            n_bad += nodes.iter().filter(|pos| **pos as usize >= *n).count();
            n_bad += nodes.windows(2).filter(|pair| pair[0] >= pair[1]).count();
            n_bad += self.words[lists].iter().filter(bad(*n_nodes)).count();
        }
        let aside = &self.words[self.layout.equal_at()..];
        n_bad + aside.iter().filter(|pos| **pos as usize >= *n).count()
    }

    /// Rows that no walk finds.
    pub(super) fn lost(self) -> impl Iterator<Item = u32> + use<'a> {
        let n = self.layout.n as u32;
        let at = self.layout.equal_at() + 2 * self.layout.n_equal;
        let lost = self.words[at..][..self.layout.n_lost].iter().copied();
        lost.filter(move |pos| *pos < n)
    }
}
