//! Example programs that embed the engine; see the files beside `Cargo.toml`.
