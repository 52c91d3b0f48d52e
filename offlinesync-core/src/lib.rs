//! offlinesync-core
