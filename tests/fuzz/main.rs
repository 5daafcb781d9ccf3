//! Readers under fire: damaged samples of real input, and a megabyte of each thing that could be slow. None may panic,
//! hang or grow. `PROPTEST_CASES=100000 cargo test --release --test fuzz` looks longer; what it finds belongs into
//! tests/fuzz/corpus, in the directory of its reader.

mod documents;
mod mutation;
mod probe;
