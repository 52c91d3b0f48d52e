//! Our reader of configuration files and Python's `configparser` read the same sections, options and values.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use offlinesync_cli::config::Config;
use proptest::prelude::*;
use std::cell::RefCell;
use support::python::{Python, hex};

/// What we read, in the form in which the Python script answers.
fn ours(text: &str) -> String {
    let Ok(config) = Config::parse(text.as_bytes(), &"file".into()) else { return "ERROR".to_owned() };
    let defaults = config.sections().iter().find(|section| section.name == "DEFAULT");
    let inherited: Vec<&str> = defaults.iter().flat_map(|s| &s.entries).map(|entry| entry.name.as_str()).collect();
    let mut out = Vec::new();
    for section in config.sections().iter().filter(|section| section.name != "DEFAULT") {
        let own = section.entries.iter().map(|entry| entry.name.as_str());
        let mut names: Vec<&str> = own.chain(inherited.iter().copied()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let value = config.get(&section.name, name);
            let value = value.map_or("ERROR".to_owned(), |value| hex(&value.unwrap().text));
            out.push((hex(&section.name), hex(name), value));
        }
    }
    out.sort();
    out.iter().map(|(a, b, c)| format!("{a}:{b}:{c}")).collect::<Vec<_>>().join(",")
}

fn compare(python: &mut Python, text: &str) {
    assert_eq!(ours(text), python.ask(&[text]), "for this file:\n{text}");
}

#[test]
fn files_as_people_write_them_read_as_in_python() {
    let mut python = Python::start("configparser_oracle.py");
    let awkward = include_str!("fixtures/ini/awkward.conf");
    for text in [awkward, include_str!("fixtures/ini/gmail.conf")] {
        assert_ne!(ours(text), "ERROR");
        compare(&mut python, text);
        compare(&mut python, &text.replace('\n', "\r\n"));
        compare(&mut python, &text.replace('\n', "\r"));
    }
    compare(&mut python, &format!("{awkward}[\n"));
}

#[test]
fn edges_of_the_grammar_read_as_in_python() {
    let mut python = Python::start("configparser_oracle.py");
    for text in [
        "",
        "\n\n",
        "[a]",
        "[]\n",
        "[a\n",
        "a]\n",
        "x = 1\n",
        "[a]\nx\n",
        "[a]\n= 1\n",
        "[a]\n: 1\n",
        "[a]\nx =\n  1\n",
        "[a]\nx = 1\n\n\n",
        "[a]\nx = 1\n\n  2\n",
        "[a]\nx = 1\n\ty = 2\n",
        "[a]\n  x = 1\n y = 2\n  z = 3\n",
        "[a]\nx : y = z\nx y=: z\n",
        "[a]\nX = 1\nx = %(X)s\n",
        "[a]\nx = %(x)s\n",
        "[a]\nx = %(y)s\ny = %(z)s\nz=%%\n",
        "[a]\nx = 1\n[a]\ny = 2\nx = 3\n",
        "[DEFAULT]\nx=1\n[a]\n[DEFAULT]\ny=2\n",
        "[a] ; c\nx = 1 # c\n",
        "[a]\nx = 1\n ;c\n  2\n #c\n",
        "  [a]\n  x = 1\n  [b]\n",
        "[a]\n[b]c]d\nx=1\n",
        "[a]\nx = \u{a0}1\u{a0}\n",
        "[a]\n\u{a0}x = 1\n",
        "[A]\nx=1\n[a]\nx=2\n",
        "[default]\nx=1\n[a]\n",
        "[a]\nÄÖ = 1\n",
        "[a]\nx=%\n",
        "[a]\nx=%(\n",
        "[a]\nx=%()s\n",
        "[a]\nx=1\u{c}2\n\u{b}y=1\n",
        "[a]\nx=1\u{1c}\n\u{1d}\ny=2\u{85}\u{2028}z=3\n",
        "[a]\nx = '''\n  a\n  '''\n",
    ] {
        compare(&mut python, text);
    }
}

fn line() -> impl Strategy<Value = String> {
    let indent = prop_oneof![3 => Just(""), 1 => Just("  "), 1 => Just("\t"), 1 => Just("    ")];
    let body = prop_oneof![
        2 => "\\[[a-cA-C \\]]{0,3}\\][ ;a]{0,2}",
        6 => "[a-dA-D]{1,2} ?[=:] ?([a-d%();#=: ]|%\\([a-d]\\)s|%%){0,6}",
        2 => "[\\[\\]a-d,#; ]{0,6}",
        1 => "[#;][a-d= ]{0,4}",
        1 => Just(String::new()),
    ];
    (indent, body).prop_map(|(indent, body)| format!("{indent}{body}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_files_read_as_in_python(lines in prop::collection::vec(line(), 0..12)) {
        thread_local! { static PYTHON: RefCell<Python> = RefCell::new(Python::start("configparser_oracle.py")); }
        let text = format!("[DEFAULT]\nd = 4\n[s]\n{}\n", lines.join("\n"));
        let theirs = PYTHON.with_borrow_mut(|python| python.ask(&[&text]));
        prop_assert_eq!(ours(&text), theirs, "for this file:\n{}", text);
    }
}
