//! A taste of offlinesync with no server and no account.
fn main() {}
