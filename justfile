# The tasks of the project; `just` lists them.

default:
    @just --list

# The whole gate: format, lints, tests, docs, benches compile, the README's commands
check:
    .ci/run

# Everything that can go wrong in one test run
test:
    cargo test --workspace

# Scan against graph: from how many vectors on does the graph pay?
dense *sizes:
    cargo bench --profile dev -p reread-index --bench dense -- {{sizes}}

# The encoder: tokens per second, and where the time of a pass goes
encoder:
    cargo bench --profile dev -p reread-encoder --bench throughput
    cargo bench --profile dev -p reread-encoder --bench stages

# The encoder beside ONNX Runtime and fastembed: `just inference --onnx path/to/onnx --collection path/to/scifact`
inference *arguments:
    cargo bench --profile dev --bench inference -- {{arguments}}
