"""hnswlib, usearch and faiss on the vectors that `just dense --keep FOLDER` has left in FOLDER.

    pip install numpy hnswlib usearch faiss-cpu
    python benches/vectors/rivals.py FOLDER [hnswlib] [usearch] [faiss]

One thread, inner product, M 16 and ef_construction 200 as here. Each beam is measured five times over all
queries in one call, and the median is printed: milliseconds of CPU a query, and the share of the 100 closest
rows, by f32 products of all rows, that was found. A graph is kept in FOLDER and built anew when its file is
gone; without names, all rivals are measured.
"""

import os
import resource
import sys
import time

import numpy as np

K, M, EF_CONSTRUCTION = 100, 16, 200
MOST_ASKED = 100_000
BEAMS = [100, 110, 120, 140, 160, 180, 200, 250, 300, 400, 600, 1000]


def main(folder, names):
    load = lambda name: np.fromfile(os.path.join(folder, name), dtype="<f4").reshape(-1, 384)
    rows, queries = load("rows.f32"), load("queries.f32")
    truth = np.concatenate([exact(rows, queries[i : i + 50]) for i in range(0, len(queries), 50)])
    print(f"{len(rows)} rows, {len(queries)} queries, k = {K}")
    for name in names or list(RIVALS):
        path = os.path.join(folder, f"{name}-{len(rows)}")
        before = resident_mb()
        rival = RIVALS[name](path, rows)
        timed(f"{name}: first answer", lambda: rival.search(queries[:1], K, 200))
        print(f"{name}: {resident_mb() - before:.0f} MB more resident")
        for beam in BEAMS:
            if measure(name, rival, beam, queries, truth) >= 0.995:
                break
        asked = np.arange(0, len(rows), -(-len(rows) // MOST_ASKED))
        found = np.concatenate([rival.search(rows[i], 10, 100) for i in np.array_split(asked, len(asked) // 1000 + 1)])
        n_lost = int((found != asked[:, None]).all(axis=1).sum())
        print(f"{name}: {n_lost} of {len(asked)} rows are not among their own 10 closest at a beam of 100")


def exact(rows, queries):
    scores = queries @ rows.T
    return np.argpartition(-scores, K, axis=1)[:, :K]


def measure(name, rival, beam, queries, truth):
    times = []
    for _ in range(5):
        start = time.process_time()
        found = rival.search(queries, K, beam)
        times.append((time.process_time() - start) * 1e3 / len(queries))
    hits = sum(len(np.intersect1d(f, t)) for f, t in zip(found, truth))
    recall = hits / truth.size
    print(f"{name:>10}, ef {beam:>4} {recall:>10.4} {sorted(times)[2]:>12.3f} ms", flush=True)
    return recall


def resident_mb():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 1e6


def timed(what, work):
    start, cpu = time.perf_counter(), time.process_time()
    result = work()
    print(f"{what} in {time.process_time() - cpu:.1f} CPU s ({time.perf_counter() - start:.2f} s)", flush=True)
    return result


class Hnswlib:
    def __init__(self, path, rows):
        import hnswlib

        self.index = hnswlib.Index(space="ip", dim=rows.shape[1])
        if not os.path.exists(path):
            self.index.init_index(max_elements=len(rows), M=M, ef_construction=EF_CONSTRUCTION)
            timed("hnswlib: built", lambda: self.index.add_items(rows, num_threads=os.cpu_count()))
            self.index.save_index(path)
            self.index = hnswlib.Index(space="ip", dim=rows.shape[1])
        timed("hnswlib: opened", lambda: self.index.load_index(path))

    def search(self, queries, k, beam):
        self.index.set_ef(beam)
        return self.index.knn_query(queries, k=k, num_threads=1)[0]


class Usearch:
    def __init__(self, path, rows):
        from usearch.index import Index

        make = lambda: Index(
            ndim=rows.shape[1], metric="ip", dtype=self.dtype,
            connectivity=M, expansion_add=EF_CONSTRUCTION,
        )
        self.index = make()
        if not os.path.exists(path):
            keys = np.arange(len(rows))
            timed(f"usearch {self.dtype}: built", lambda: self.index.add(keys, rows, threads=os.cpu_count()))
            self.index.save(path)
            self.index = make()
        timed(f"usearch {self.dtype}: opened", lambda: self.index.load(path))

    dtype = "f32"

    def search(self, queries, k, beam):
        self.index.expansion_search = beam
        return self.index.search(queries, k, threads=1).keys.astype(np.int64)


class UsearchI8(Usearch):
    dtype = "i8"


class Faiss:
    def __init__(self, path, rows):
        import faiss

        faiss.omp_set_num_threads(os.cpu_count())
        if not os.path.exists(path):
            index = faiss.IndexHNSWFlat(rows.shape[1], M, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = EF_CONSTRUCTION
            timed("faiss: built", lambda: index.add(rows))
            faiss.write_index(index, path)
        self.index = timed("faiss: opened", lambda: faiss.read_index(path))
        faiss.omp_set_num_threads(1)

    def search(self, queries, k, beam):
        self.index.hnsw.efSearch = beam
        return self.index.search(queries, k)[1]


RIVALS = {"hnswlib": Hnswlib, "usearch": Usearch, "usearch-i8": UsearchI8, "faiss": Faiss}

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
