# The tasks of the project; `just` lists them.

default:
    @just --list

# The whole gate: format, lints, tests, docs, benches compile, the README's commands
check:
    .ci/run

# Everything that can go wrong in one test run
test:
    cargo test --workspace

# Kills, stress and hostile bytes for longer: `just endure 500 120`
endure kills="500" seconds="120":
    REREAD_TEST_KILLS={{kills}} REREAD_TEST_STRESS_SECONDS={{seconds}} cargo test --test reliability -- --nocapture
    REREAD_TEST_KILLS={{kills}} REREAD_TEST_ALL_STEPS=1 cargo test -p reread-index --lib crash -- --nocapture
    just fuzz {{seconds}}

# Hostile bytes for each reader, this many seconds each, with a different seed every time
fuzz seconds="60":
    REREAD_FUZZ_SECONDS={{seconds}} REREAD_FUZZ_SEED=$(date +%s) cargo test -p reread-index --lib fuzz -- --nocapture

# Scan against graph: what a search costs and finds. `just dense --vectors .reread/segment-1/vectors --keep FOLDER`
dense *arguments:
    cargo bench --profile dev {{unchecked}} -p reread-index --bench dense -- {{arguments}}

# The checks of the development profile cost the walk a third of its speed.
unchecked := "--config profile.dev.package.reread-index.overflow-checks=false --config profile.dev.package.reread-index.debug-assertions=false"

# hnswlib, usearch and faiss on the vectors that `just dense --keep FOLDER` has left there
rivals folder *names:
    python benches/vectors/rivals.py {{folder}} {{names}}

# An index of a million passages, copied from one of real documents: room, memory, time of a first pass
scale folder index:
    cargo bench --profile dev {{unchecked}} -p reread-index --bench scale -- make {{folder}} {{index}}
    cargo bench --profile dev {{unchecked}} -p reread-index --bench scale -- index {{folder}} {{index}}
    cargo bench --profile dev {{unchecked}} -p reread-index --bench scale -- search {{folder}}

# What each stage of indexing takes, and how busy the cores are: `just indexing data/sample/docs`
indexing folder:
    cargo bench --profile dev -p reread-index --bench indexing -- {{folder}}

# The encoder: tokens per second, and where the time of a pass goes
encoder:
    cargo bench --profile dev -p reread-encoder --bench throughput
    cargo bench --profile dev -p reread-encoder --bench stages

# The encoder beside ONNX Runtime and fastembed: `just inference --onnx path/to/onnx --collection path/to/scifact`
inference *arguments:
    cargo bench --profile dev --bench inference -- {{arguments}}
