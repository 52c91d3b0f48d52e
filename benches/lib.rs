//! Measurements of offlinesync against its peers.
