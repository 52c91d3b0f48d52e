//! offlinesync-cli

pub mod config;
