//! The configuration file: grammar, options, expressions.
