//! Bytes to typed messages and back; pure, knows no socket.
