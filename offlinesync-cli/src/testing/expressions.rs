//! An expression of a configuration, and a file of Python functions beside it.

use crate::config::pyexpr::{Expression, Module, Surroundings};
use std::sync::Arc;

/// What an evaluation may come to at most, in octets of text.
const LARGEST: usize = 32 << 20;

/// An expression, a NUL, a folder name to call it with, a NUL, and a Python file; the latter two may be missing.
///
/// It comes to an end, to the same each time, to something of bounded size; what it comes to is, written down, an expression for it.
pub fn expressions(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.split('\0');
    let [expression, name, python] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let surroundings = Surroundings { module: Arc::new(Module::load(python)), python: None };
    let Ok(read) = Expression::parse_within(expression, &surroundings) else { return };
    let result = read.call_for_repr(&[name]);
    assert_eq!(read.call_for_repr(&[name]).ok(), result.as_ref().ok().cloned());
    bounded(result.ok());
    bounded(read.call_for_string(&[name]).ok());
    let _ = (read.call_for_truth(&[name]), read.call_for_number(&[name, name]), read.call_for_numbers(&[name]));
    let _ = (read.is_function(), read.text(), read.strings());
    written_down(read.repr().ok());
}

fn bounded(text: Option<String>) {
    assert!(text.is_none_or(|text| text.len() <= LARGEST));
}

fn written_down(value: Option<String>) {
    let Some(value) = value.filter(|value| value.len() < 2000) else { return };
    let Ok(read) = Expression::parse(&value) else { return };
    if let Ok(again) = read.repr() {
        assert_eq!(again, value);
    }
}
