//! Nothing: see `benches/`, and `make bench-host`.
