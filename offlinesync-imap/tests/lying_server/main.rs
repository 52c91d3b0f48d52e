//! A server that lies: engine and backend against the in-memory server, whose answers are exchanged for false ones on their way. Every
//! lie costs at most a clear error; none removes a message, none doubles one, and once the server is honest again all is in step.

#![allow(clippy::unwrap_used)]

mod bodies;
mod floods;
mod folders;
mod keywords;
mod listings;
mod moves;
mod numbers;
mod pair;
mod uploads;
