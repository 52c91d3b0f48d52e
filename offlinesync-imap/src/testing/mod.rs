//! A small in-memory IMAP server with faults.
