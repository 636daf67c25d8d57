"""A second reader of an index, written from docs/format.md alone, with the standard library alone.

`read_index.py INDEX` checks every file against MANIFEST and prints one JSON object: what MANIFEST says
and every passage in the order of keys, with its place, metadata, text, digest and vector (as hex of its bytes).
What is not as the description says is an error.
"""

import datetime
import json
import math
import os
import struct
import sys

from blake3 import blake3

MAGIC = b"\x89RRD\r\n\x1a\n"
VERSIONS = (2, 3, 4)
MANIFEST, CATALOG, PASSAGES, VECTORS, QUANTISED, GRAPH = range(1, 7)
ORIGINS = ["folder", "application"]
KINDS = ["text", "markdown", "html", "pdf", "code", "json_lines"]
HEADER_BYTES = 64
RECORD = struct.Struct("<4Q6I16s")


class Structure:
    """Reads the fields of MANIFEST or the catalog in order."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, n):
        assert self.at + n <= len(self.data), f"a field ends behind byte {len(self.data)}"
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, form):
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]

    def u8(self):
        return self.number("B")

    def u32(self):
        return self.number("I")

    def u64(self):
        return self.number("Q")

    def i64(self):
        return self.number("q")

    def f64(self):
        return self.number("d")

    def string(self):
        return self.take(self.u64()).decode("utf-8")

    def items(self, read):
        return [read() for _ in range(self.u64())]

    def option(self, read):
        present = self.u8()
        assert present in (0, 1), f"an option begins with {present}"
        return read() if present else None

    def end(self):
        assert self.at == len(self.data), "bytes are left over"

    def file(self):
        return {"name": self.string(), "length": self.u64(), "digest": self.take(32)}


def read_manifest(data):
    fields = Structure(data)
    manifest = {
        "generation": fields.u64(),
        "next_key": fields.u64(),
        "next_segment": fields.u32(),
        "root": fields.string(),
        "written_ns": fields.u64(),
        "model": [fields.string() for _ in range(3)],
        "dim": fields.u32(),
        "max_tokens": fields.u32(),
        "overlap_tokens": fields.u32(),
        "extra": fields.u8(),
        "max_file_bytes": fields.u64(),
        "catalog": fields.file(),
        "lexical": fields.string(),
        "lexical_files": fields.items(fields.file),
        "segments": fields.items(lambda: read_segment(fields)),
    }
    fields.end()
    return manifest


def read_segment(fields):
    return {
        "number": fields.u32(),
        "n_passages": fields.u32(),
        "passages": fields.file(),
        "vectors": fields.file(),
        "quantised": fields.file(),
        "deleted": fields.items(lambda: (fields.u32(), fields.u32())),
        "graph": fields.option(lambda: (fields.file(), fields.u32())),
    }


def read_catalog(data, version):
    fields = Structure(data)
    sources = fields.items(lambda: read_source(fields, version))
    fields.end()
    paths = [source["path"].encode() for source in sources]
    assert paths == sorted(set(paths)), "sources are not ascending by path"
    return sources


def read_source(fields, version):
    source = {
        "path": fields.string(),
        "origin": ORIGINS[fields.u32()],
        "kind": KINDS[fields.u32()],
        "size": fields.u64(),
        "modified_ns": fields.i64(),
        "changed_ns": fields.i64(),
        "digest": fields.take(32),
        "outcome": fields.u32(),
    }
    assert source["outcome"] in (0, 1, 2), f"outcome {source['outcome']}"
    source["reason"] = fields.string() if source["outcome"] == 2 else None
    source["documents"] = fields.items(lambda: read_document(fields, version))
    return source


def read_document(fields, version):
    document = {
        "key": fields.u64(),
        "id": fields.string(),
        "title": fields.string(),
        "segment": fields.u32(),
        "first": fields.u32(),
        "n_passages": fields.u32(),
    }
    document["metadata"] = read_metadata(fields) if version >= 3 else {}
    return document


def read_metadata(fields):
    pairs = fields.items(lambda: (fields.string(), read_value(fields)))
    names = [name.encode() for name, _ in pairs]
    assert names == sorted(set(names)), "names of metadata are not ascending"
    return dict(pairs)


def read_value(fields):
    form = fields.u32()
    assert form in (0, 1), f"metadata of form {form}"
    return fields.items(lambda: read_item(fields)) if form else read_item(fields)


def read_item(fields):
    form = fields.u32()
    assert form in (0, 1, 2), f"an item of form {form}"
    if form == 0:
        return fields.string()
    if form == 1:
        number = fields.f64()
        assert math.isfinite(number), f"{number} is not finite"
        return int(number) if number.is_integer() else number
    return datetime.date(fields.number("H"), fields.u8(), fields.u8()).isoformat()


def read_file(index, name, kind, described=None):
    """The payload and the version of a file of ours, compared with its header and, if there is one, MANIFEST."""
    with open(os.path.join(index, *name.split("/")), "rb") as file:
        data = file.read()
    magic, version, found_kind, length, zero, digest = struct.unpack_from("<8sIIQQ32s", data)
    assert magic == MAGIC, f"{name}: the magic is {magic}"
    assert version in VERSIONS, f"{name}: version {version}"
    assert (found_kind, zero) == (kind, 0), f"{name}: kind {found_kind}"
    payload = data[HEADER_BYTES:]
    assert len(payload) == length, f"{name}: {len(payload)} bytes, not {length}"
    assert blake3(payload) == digest, f"{name}: the digest does not match"
    if described:
        assert (described["length"], described["digest"]) == (length, digest), name
    return payload, version


def check_foreign(index, described):
    with open(os.path.join(index, *described["name"].split("/")), "rb") as file:
        data = file.read()
    assert len(data) == described["length"], described["name"]
    assert blake3(data) == described["digest"], described["name"]


def open_segment(index, described, dim):
    """The records and heap of a segment, and its vectors, each as bytes."""
    n = described["n_passages"]
    passages, _ = read_file(index, described["passages"]["name"], PASSAGES, described["passages"])
    assert struct.unpack("<Q", passages[-8:]) == (n,), "another number of passages"
    records_at = len(passages) - 8 - n * RECORD.size
    vectors, _ = read_file(index, described["vectors"]["name"], VECTORS, described["vectors"])
    assert len(vectors) == n * dim * 4, "another number of vectors"
    rows = [vectors[at : at + dim * 4] for at in range(0, len(vectors), dim * 4)]
    quantised, _ = read_file(index, described["quantised"]["name"], QUANTISED, described["quantised"])
    check_quantised(quantised, rows, dim)
    if described["graph"]:
        file, n_lost = described["graph"]
        check_graph(read_file(index, file["name"], GRAPH, file)[0], rows, dim, n_lost)
    return {
        "records": [
            RECORD.unpack_from(passages, records_at + position * RECORD.size)
            for position in range(n)
        ],
        "heap": passages[:records_at],
        "rows": rows,
    }


def f32(value):
    """A number rounded to 32 bits."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def check_quantised(payload, rows, dim):
    """Rounds every row again and compares steps, values and the largest error."""
    n = len(rows)
    values_at = 64 + -(-4 * n // 64) * 64
    assert len(payload) == values_at + n * dim, "another number of 8-bit rows"
    assert payload[4:64].count(0) == 60
    assert payload[64 + 4 * n : values_at].count(0) == values_at - 64 - 4 * n
    bound = struct.unpack_from("<f", payload)[0]
    for position, row in enumerate(rows):
        row = struct.unpack(f"<{dim}f", row)
        assert abs(math.sqrt(sum(x * x for x in row)) - 1) < 1e-3, f"row {position}: its length"
        step = struct.unpack_from("<f", payload, 64 + 4 * position)[0]
        assert step == f32(max(map(abs, row)) / 127), f"row {position}: its step"
        at = values_at + position * dim
        values = struct.unpack_from(f"<{dim}b", payload, at)
        rounded = (math.copysign(math.floor(abs(f32(x / step)) + 0.5), x) for x in row)
        assert values == tuple(int(x) for x in rounded), f"row {position}: its values"
        error = math.sqrt(sum((x - step * v) ** 2 for x, v in zip(row, values)))
        assert error / step <= bound, f"row {position}: its error"


def check_graph(payload, rows, dim, n_lost):
    """Follows every link of every layer."""
    words = struct.unpack(f"<{len(payload) // 4}I", payload)
    n, m = len(rows), words[2]
    entry, n_layers, n_equal = words[3:6]
    assert words[:2] == (n, dim) and 2 <= m <= 128, "a graph of other rows"
    assert words[6] == n_lost and not any(words[7:16]), "the front of the graph"
    upper = [nodes for nodes in words[16:32] if nodes]
    assert len(upper) == n_layers - 1, "another number of layers"
    n_words = 32 + n * 2 * m + sum(upper) * (m + 1) + 2 * n_equal + n_lost
    assert len(words) == n_words, "another length of the graph"

    def links(at, most, n_nodes):
        found = words[at : at + most]
        found = found[: found.index(0xFFFFFFFF)] if 0xFFFFFFFF in found else found
        assert all(link < n_nodes for link in found), f"word {at} names no node"
        return found

    at = 32 + n * 2 * m
    for n_nodes in upper:
        nodes = words[at : at + n_nodes]
        assert list(nodes) == sorted(set(nodes)) and nodes[-1] < n, "nodes out of order"
        assert entry in nodes, "the first row is not in every layer"
        for index in range(n_nodes):
            links(at + n_nodes + index * m, m, n_nodes)
        at += n_nodes * (m + 1)
    equal = [words[at + 2 * i : at + 2 * i + 2] for i in range(n_equal)]
    assert equal == sorted(equal), "equal rows out of order"
    assert all(rows[kept] == rows[left_out] for kept, left_out in equal), "rows that differ"
    left_out = {pair[1] for pair in equal}
    for position in range(n):
        found = links(32 + position * 2 * m, 2 * m, n)
        assert not left_out.intersection(found), f"row {position} leads to one left out"
        assert position not in left_out or not found, f"row {position} is left out and has links"


def read_passage(segment, source, document, i):
    position = document["first"] + i
    record = segment["records"][position]
    key, start, end, strings_at, heading_len, text_len, first, last, page, zero, digest = record
    assert (key, zero) == (document["key"] + i, 0), f"passage {position} has key {key}"
    heap = segment["heap"]
    middle = strings_at + heading_len
    assert middle + text_len <= len(heap), f"passage {position}: its strings"
    headings = heap[strings_at:middle].decode("utf-8")
    headings = headings.split("\x1f") if headings else []
    text = heap[middle : middle + text_len].decode("utf-8")
    parts = [document["title"], " > ".join(headings), text]
    embedded = "\n".join(part for part in parts if part)
    assert blake3(embedded.encode())[:16] == digest, f"passage {position}: its digest"
    return {
        "key": key,
        "path": source["path"],
        "document": document["id"],
        "title": document["title"],
        "kind": source["kind"],
        "headings": headings,
        "bytes": [start, end],
        "lines": [first, last],
        "page": page or None,
        "metadata": document["metadata"],
        "text": text,
        "text_digest": digest.hex(),
        "vector": segment["rows"][position].hex(),
    }


def check_positions(described, documents):
    """Every position belongs to one document, or is deleted."""
    ranges = [(d["first"], d["first"] + d["n_passages"]) for d in documents if d["n_passages"]]
    at = 0
    for start, end in sorted(ranges + described["deleted"]):
        assert start == at < end, f"segment {described['number']}: position {at}"
        at = end
    assert at == described["n_passages"], f"segment {described['number']} ends at {at}"


def read_index(index):
    manifest = read_manifest(read_file(index, "MANIFEST", MANIFEST)[0])
    described = manifest["catalog"]
    sources = read_catalog(*read_file(index, described["name"], CATALOG, described))
    for file in manifest["lexical_files"]:
        assert file["name"].startswith(manifest["lexical"] + "/"), file["name"]
        check_foreign(index, file)
    owned = [(document, source) for source in sources for document in source["documents"]]
    owned.sort(key=lambda pair: pair[0]["key"])
    segments = {}
    for described in manifest["segments"]:
        number = described["number"]
        assert number < manifest["next_segment"]
        segments[number] = open_segment(index, described, manifest["dim"])
        check_positions(described, [d for d, _ in owned if d["segment"] == number])
    end = 0
    passages = []
    for document, source in owned:
        assert document["key"] >= end, f"{document['id']} shares keys"
        end = document["key"] + max(1, document["n_passages"])
        for i in range(document["n_passages"]):
            segment = segments[document["segment"]]
            passages.append(read_passage(segment, source, document, i))
    assert end <= manifest["next_key"], "keys that were never handed out"
    return {
        "generation": manifest["generation"],
        "model": manifest["model"],
        "dim": manifest["dim"],
        "max_tokens": manifest["max_tokens"],
        "overlap_tokens": manifest["overlap_tokens"],
        "n_segments": len(segments),
        "n_deleted": sum(e - s for d in manifest["segments"] for s, e in d["deleted"]),
        "n_sources": len(sources),
        "n_documents": len(owned),
        "passages": passages,
    }


if __name__ == "__main__":
    json.dump(read_index(sys.argv[1]), sys.stdout)
