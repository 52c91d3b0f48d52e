//! Functions of a `pythonfile`: what only computes is loaded and comes to what Python says; the rest is refused, or given to Python.

mod support;

use offlinesync_cli::config::pyexpr::{Expression, Module, Surroundings};
use std::fs;
use std::process::Command;
use std::sync::Arc;
use support::sandbox::{ACCOUNT, Sandbox};

/// Helpers in the manner of those in real configurations.
const HELPERS: &str = r##"
#!/usr/bin/env python
# -*- coding: utf-8 -*-
"""Helpers."""
import re, os
import subprocess
from subprocess import check_output

PREFIX = '[Gmail]/'
mapping = {
    'sent': PREFIX + 'Sent Mail',   # a comment
    'trash': PREFIX + 'Trash',
}
order = ['INBOX', 'sent']

def inverse(mapping):
    """Turn it round."""
    return {value: key for key, value in mapping.items()}

def nt_remote(folder):
    back = inverse(mapping)
    if folder in back:
        return back[folder]
    elif folder.startswith(PREFIX):
        folder = folder[len(PREFIX):]
    return re.sub(' ', '_', folder).lower()

def nt_local(mapping):
    return lambda folder: mapping.get(folder, folder)

def labelize(match): return 'label/' + match.group(1)

def parts(folder, sep='/'):
    result = ''
    for index, part in enumerate(folder.split(sep)):
        if not part: continue
        if part == 'stop':
            break
        result += '%d:%s ' % (index, part)
    else_unused = None; first, last = result[:1], result[-1:]
    return (result, first, last, else_unused)

def priority(prio):
    def key(name):
        if name in prio:
            return prio.index(name)
        return len(prio)
    return key

def first_of(folders):
    for folder in folders:
        for word in folder.split(' '):
            if word: return word

def get_pass(account):
    return check_output("pass show " + account, shell=True).splitlines()[0]

def uses_get_pass(x):
    return get_pass(x) + 'x'

class Thing(object):
    def method(self):
        pass

counter = 0
counter += 1

def late(x):
    functions = []
    for y in [1, 2]:
        functions = functions + [lambda: y]
    return functions[0]()
"##;

fn surroundings() -> Surroundings {
    Surroundings { module: Arc::new(Module::load(HELPERS)), python: None }
}

fn ours(expression: &str, argument: &str) -> String {
    let expression =
        Expression::parse_within(expression, &surroundings()).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let result = if expression.is_function() { expression.call_for_repr(&[argument]) } else { expression.repr() };
    result.unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn functions_that_only_compute_come_to_what_python_says() {
    let cases = [
        ("nt_remote", "[Gmail]/Sent Mail"),
        ("nt_remote", "[Gmail]/Some Thing"),
        ("nt_remote", "A B"),
        ("nt_local(mapping)", "trash"),
        ("lambda f: nt_local(mapping)(f)", "other"),
        ("lambda f: re.sub('^([^[]+)$', labelize, f)", "x"),
        ("parts", "/a/b//c/stop/d"),
        ("lambda f: parts(f, sep='.')", "a.b"),
        ("lambda f: sorted(f.split(','), key=priority(order))", "z,sent,INBOX,a"),
        ("lambda f: first_of(['', ' ', f])", "two words"),
        ("lambda f: first_of([])", ""),
        ("inverse(mapping)", ""),
        ("PREFIX + order[0]", ""),
        ("labelize", "x"),
    ];
    let dir = tempfile::tempdir().unwrap();
    let mut script = format!("{HELPERS}\ncases = [\n");
    for (expression, argument) in &cases[..cases.len() - 1] {
        script.push_str(&format!("  ({expression:?}, {argument:?}),\n"));
    }
    script.push_str("]\nfor text, argument in cases:\n  value = eval(text)\n  print(repr(value(argument) if callable(value) else value))\n");
    let path = dir.path().join("cases.py");
    fs::write(&path, script).unwrap();
    let output = Command::new("python3").arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = String::from_utf8(output.stdout).unwrap();
    for ((expression, argument), theirs) in cases.iter().zip(theirs.lines()) {
        assert_eq!(ours(expression, argument), theirs, "{expression} {argument}");
    }
}

#[test]
fn what_reaches_the_system_or_cannot_be_loaded_is_refused_by_name_with_its_line() {
    for (expression, words) in [
        ("get_pass('x')", "`check_output`"),
        ("uses_get_pass('x')", "`get_pass`"),
        ("Thing()", "`Thing` (line "),
        ("counter", "`counter` (line "),
        ("late(1)", "names that change"),
        ("subprocess", "it is imported"),
        ("unheard_of()", "`unheard_of` is not defined"),
    ] {
        let error = Expression::parse_within(expression, &surroundings()).unwrap_err();
        assert!(error.to_string().contains(words), "{expression}: {error}");
        assert!(error.unknown_name.is_some());
    }
}

#[test]
fn a_hostile_file_neither_hangs_nor_panics() {
    let nested = (0..3000).map(|depth| format!("{}if 1:\n", " ".repeat(depth))).collect::<String>();
    let forever = "def f(x):\n  for a in range(100000):\n    for b in range(100000):\n      x = x + 1\n  return x\n";
    let itself = "def f(x):\n  return f(x)\nc = c\nd = e\ne = d\n";
    let files = [
        nested.as_str(),
        forever,
        itself,
        "def",
        "def f(",
        "x = (\n'''",
        "\t\x0b\u{feff}",
        "if x:\nelse",
        "return 1",
        "break",
    ];
    for file in files {
        let surroundings = Surroundings { module: Arc::new(Module::load(file)), python: None };
        for expression in ["f(1)", "c", "d", "x"] {
            if let Ok(expression) = Expression::parse_within(expression, &surroundings) {
                assert!(expression.repr().is_err(), "{file}");
            }
        }
    }
}

/// An account whose names come from the file, with these lines in [general].
fn config(general: &str, remote: &str) -> String {
    let config = ACCOUNT.replace("[general]\n", &format!("[general]\npythonfile = ~/helpers.py\n{general}\n"));
    config.replace("~/remote\n", &format!("~/remote\n{remote}\ncreatefolders = no\n"))
}

#[test]
fn an_account_uses_functions_of_its_file_without_python() {
    let sandbox = Sandbox::new(&config("", "nametrans = nt_remote"));
    fs::write(sandbox.path("helpers.py"), HELPERS).unwrap();
    let mut command = sandbox.command(&[]);
    let output = command.env("PATH", "/nowhere").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(sandbox.messages("local/sent").len(), 1);
}

#[test]
fn what_cannot_be_loaded_is_run_by_python_only_if_that_is_allowed() {
    let filter = "folderfilter = lambda f: wanted(f)";
    let helpers = "import os\nprint('a word on standard output')\n\
                   def wanted(f):\n  open(os.path.expanduser('~/asked'), 'a').write(f + '\\n')\n  return f == 'Sent'\n";
    let sandbox = Sandbox::new(&config("", filter));
    fs::write(sandbox.path("helpers.py"), helpers).unwrap();
    let run = sandbox.run(&[]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("`folderfilter` in [Repository r] cannot be used: `wanted`"), "{}", run.err);
    assert!(run.err.contains("`allow_python = yes` in [general]"), "{}", run.err);
    assert!(!sandbox.path("asked").exists() && !sandbox.path("local").exists());

    let sandbox = Sandbox::new(&config("allow_python = yes", filter));
    fs::write(sandbox.path("helpers.py"), helpers).unwrap();
    let run = sandbox.run(&[]);
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (0, "", "a word on standard output\n"));
    assert_eq!((sandbox.messages("local/Sent").len(), sandbox.path("local/INBOX").exists()), (1, false));
    assert!(fs::read_to_string(sandbox.path("asked")).unwrap().contains("Sent\n"));
}

#[test]
fn what_goes_wrong_in_python_is_told_with_the_option() {
    for (helpers, words) in [
        ("def wanted(f): raise ValueError('no idea')\n", "Python says: ValueError: no idea"),
        ("def wanted(f): import sys; sys.exit(3)\n", "Python says: SystemExit: 3"),
        ("import os\ndef wanted(f): os._exit(3)\n", "python3 has ended"),
    ] {
        let sandbox = Sandbox::new(&config("allow_python = yes", "folderfilter = lambda f: wanted(f)"));
        fs::write(sandbox.path("helpers.py"), helpers).unwrap();
        let run = sandbox.run(&[]);
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.err.contains("`folderfilter` of the remote side failed") && run.err.contains(words), "{}", run.err);
    }
    let sandbox = Sandbox::new(&config("allow_python = yes", "nametrans = nt_remote"));
    fs::write(sandbox.path("helpers.py"), "syntax error\n").unwrap();
    let run = sandbox.run(&[]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("`nametrans` in [Repository r] cannot be used: Python says: SyntaxError"), "{}", run.err);
    fs::remove_file(sandbox.path("helpers.py")).unwrap();
    let run = Sandbox::new(&config("", "nametrans = nt_remote")).run(&[]);
    assert!(run.err.contains("helpers.py cannot be read: No such file"), "{}", run.err);
}
