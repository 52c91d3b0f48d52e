//! What completes the command line, in the shells themselves.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::fs;
use std::process::Command;
use support::sandbox::{ACCOUNT, Sandbox};
use support::tty::Tty;

/// A home with the completions of this shell in a file, and a command that runs there.
fn home(shell: &str, file: &str) -> (Sandbox, impl Fn(&[&str]) -> Command) {
    let sandbox = Sandbox::new(ACCOUNT);
    let run = sandbox.run(&["completions", shell]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    fs::write(sandbox.path(file), run.out).unwrap();
    let (home, name) = (sandbox.path(""), shell.to_owned());
    let command = move |args: &[&str]| {
        let mut command = Command::new(&name);
        command.args(args).env_clear().env("HOME", &home).env("PATH", "/usr/bin:/bin").current_dir(&home);
        command
    };
    (sandbox, command)
}

/// What a command prints, its lines joined; it must complain of nothing.
fn printed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap().lines().collect::<Vec<_>>().join(" ")
}

/// Of both shells that can be asked.
const ANSWERS: [(&str, &str); 8] = [
    ("--delete-f", "--delete-folder"),
    ("veri", "verify"),
    ("verify --rep", "--repair"),
    ("-u b", "basic blinkenlights"),
    ("check --ui j", "json"),
    ("-d t", "thread"),
    ("-c comp", "completions"),
    ("init --security s", "starttls"),
];

#[test]
fn bash_completes_commands_options_and_values() {
    let (_sandbox, bash) = home("bash", "completions");
    // What is only there while somebody types.
    let script = "compopt() { :; }; source ~/completions; complete -p offlinesync >/dev/null || exit 1\n\
                  COMP_WORDS=(offlinesync \"$@\"); COMP_CWORD=$#\n\
                  _offlinesync offlinesync \"${COMP_WORDS[-1]}\" \"${COMP_WORDS[-2]}\"; echo \"${COMPREPLY[@]}\"";
    for (words, answer) in ANSWERS.into_iter().chain([("completions z", "zsh"), ("import m", "mbsync")]) {
        let words: Vec<&str> = words.split(' ').collect();
        assert_eq!(printed(bash(&[&["--norc", "-c", script, "bash"], &words[..]].concat())), answer, "{words:?}");
    }
}

/// Of an option without its value the fish that was asked said that no command can follow, and offered files.
#[test]
fn fish_completes_commands_options_and_values() {
    let (_sandbox, fish) = home("fish", "completions");
    for (words, answer) in ANSWERS {
        let told =
            printed(fish(&["-N", "-c", "source ~/completions; complete -C $argv", &format!("offlinesync {words}")]));
        // A description stands behind a tab.
        assert_eq!(told.split('\t').next(), Some(answer), "{words}");
    }
}

/// Words that are no option may stand anywhere, so zsh took the names of commands for such.
#[test]
fn zsh_completes_commands_options_and_values() {
    let (_sandbox, zsh) = home("zsh", "_offlinesync");
    let mut tty = Tty::run(zsh(&["-f", "-i"]));
    tty.press("fpath=(~ $fpath); autoload -Uz compinit; compinit -u -D; PROMPT='ready> '\r");
    for (typed, completed) in [
        ("veri", "verify "),
        ("verify --rep", "verify --repair "),
        ("-u bl", "-u blinkenlights "),
        ("check --ui j", "check --ui json "),
        ("completions z", "completions zsh "),
    ] {
        tty.wait("a prompt", |screen| screen.contents().trim_end().ends_with("ready>"));
        tty.press(&format!("offlinesync {typed}\t"));
        tty.wait_for(&format!("ready> offlinesync {completed}"));
        tty.press("\u{15}");
    }
}

#[test]
fn completions_are_written_for_every_shell() {
    let sandbox = Sandbox::new(ACCOUNT);
    for (shell, word) in [("bash", "complete -F"), ("zsh", "#compdef"), ("fish", "complete -c"), ("elvish", "edit:")] {
        let run = sandbox.run(&["completions", shell]);
        assert_eq!(run.code, 0);
        assert!(run.out.contains(word) && run.out.contains("delete-folder"), "{shell}");
    }
    assert_eq!(sandbox.run(&["completions", "csh"]).code, 2);
}
