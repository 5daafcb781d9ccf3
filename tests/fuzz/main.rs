//! Fuzz tests of all parsers: damaged samples of real input, and a megabyte of everything that could be slow. No parser may
//! panic, hang or use much memory. `PROPTEST_CASES=100000 cargo test --release --test fuzz` searches longer; add its findings to
//! tests/fuzz/corpus, in the directory of its reader.

mod documents;
mod mutation;
mod probe;
