//! The only place in this crate that touches a socket.
