//! The example configuration in docs/ is read as it stands, and every option in its comments exists.

mod support;

use offlinesync_cli::config::{Config, check, options};
use support::sandbox::Sandbox;

const EXAMPLE: &str = include_str!("../../docs/offlinesync.conf");

/// A commented option: `#name = value`, without a space behind the `#`.
fn commented(line: &str) -> Option<&str> {
    let name = line.strip_prefix('#')?.split_once(" = ")?.0;
    (!name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || "_-0123456789".contains(c))).then_some(name)
}

#[test]
fn the_example_configuration_is_read_without_a_warning() {
    let config = Config::parse(EXAMPLE.as_bytes(), &"offlinesync.conf".into()).unwrap();
    let sections: Vec<&str> = config.sections().iter().map(|section| section.name.as_str()).collect();
    assert_eq!(check::warnings(&config, &sections), []);
    let sandbox = Sandbox::new(EXAMPLE);
    // Everything is read and checked before it fails to log in: no server is there.
    let run = sandbox.run(&["check", "-a", "personal", "-k", "Repository_personal-remote:remotehost=127.0.0.1"]);
    assert!(run.out.starts_with("Account 'personal'\n"), "{run:?}");
    assert!(run.err.starts_with("error: account 'personal': ") && !run.err.contains("warning"), "{run:?}");
}

#[test]
fn every_option_in_the_comments_of_the_example_is_one() {
    let text: Vec<String> = EXAMPLE
        .lines()
        .map(|line| if commented(line).is_some() { line[1..].to_owned() } else { line.to_owned() })
        .collect();
    assert!(EXAMPLE.lines().filter_map(commented).count() > 30);
    let config = Config::parse(text.join("\n").as_bytes(), &"offlinesync.conf".into()).unwrap();
    for section in config.sections() {
        let mut names = section.entries.iter().map(|entry| entry.name.as_str());
        assert!(names.all(|name| options::find_anywhere(name).is_some()), "{}", section.name);
    }
    let sections: Vec<&str> = config.sections().iter().map(|section| section.name.as_str()).collect();
    assert_eq!(check::warnings(&config, &sections), []);
}
