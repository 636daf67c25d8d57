"""The BLAKE3 hash, unkeyed, 32 bytes of output, after section 2 of its paper.

Plain and slow (some hundred KB a second): a second implementation for checks, not for use.
"""

import struct

IV = (
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
    0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
)
PERMUTATION = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
MASK = 0xFFFFFFFF
CHUNK_BYTES = 1024
BLOCK_BYTES = 64
CHUNK_START, CHUNK_END, PARENT, ROOT = 1, 2, 4, 8
COLUMNS_AND_DIAGONALS = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)


def compress(chaining, words, counter, length, flags):
    """The first eight words of the compression function's output."""
    v = list(chaining) + [
        IV[0], IV[1], IV[2], IV[3], counter & MASK, counter >> 32, length, flags,
    ]
    for _ in range(7):
        for i, (a, b, c, d) in enumerate(COLUMNS_AND_DIAGONALS):
            va, vb, vc, vd = v[a], v[b], v[c], v[d]
            va = (va + vb + words[2 * i]) & MASK
            vd ^= va
            vd = (vd >> 16 | vd << 16) & MASK
            vc = (vc + vd) & MASK
            vb ^= vc
            vb = (vb >> 12 | vb << 20) & MASK
            va = (va + vb + words[2 * i + 1]) & MASK
            vd ^= va
            vd = (vd >> 8 | vd << 24) & MASK
            vc = (vc + vd) & MASK
            vb ^= vc
            vb = (vb >> 7 | vb << 25) & MASK
            v[a], v[b], v[c], v[d] = va, vb, vc, vd
        words = [words[at] for at in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)]


def chunk_value(chunk, counter, root):
    """The chaining value of one chunk of up to 1024 bytes."""
    chaining = IV
    starts = range(0, max(len(chunk), 1), BLOCK_BYTES)
    for start in starts:
        block = chunk[start : start + BLOCK_BYTES]
        flags = CHUNK_START if start == 0 else 0
        if start == starts[-1]:
            flags |= CHUNK_END | root
        words = struct.unpack("<16I", block.ljust(BLOCK_BYTES, b"\0"))
        chaining = compress(chaining, words, counter, len(block), flags)
    return chaining


def tree_value(data, first_chunk, root):
    """The chaining value of a subtree, whose left half is the largest power of two of chunks."""
    if len(data) <= CHUNK_BYTES:
        return chunk_value(data, first_chunk, root)
    n_chunks = -(-len(data) // CHUNK_BYTES)
    n_left = 1 << (n_chunks - 1).bit_length() - 1
    middle = n_left * CHUNK_BYTES
    left = tree_value(data[:middle], first_chunk, 0)
    right = tree_value(data[middle:], first_chunk + n_left, 0)
    return compress(IV, left + right, 0, BLOCK_BYTES, PARENT | root)


def blake3(data):
    """The digest of bytes, 32 bytes."""
    return struct.pack("<8I", *tree_value(data, 0, ROOT))
