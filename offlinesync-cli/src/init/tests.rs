//! What `init` decides and writes.

use super::*;
use crate::config::check;
use crate::settings::{PasswordSource, Store};
use std::collections::HashMap;

fn given() -> Init {
    Init {
        address: Some("me@example.org".to_owned()),
        host: Some("h".to_owned()),
        password_cmd: Some("echo 100%".to_owned()),
        non_interactive: true,
        ..Init::default()
    }
}

fn decided(init: &Init) -> Result<Choices> {
    decide(init, &mut Person::new(None, &mut std::io::sink()), None)
}

/// Reads what would be written; asserts that nothing about it is odd.
fn read(choices: &Choices) -> AccountSettings {
    let text = file::text(choices);
    let config = Config::parse(text.as_bytes(), &"file".into()).unwrap();
    let environment = HashMap::from([("HOME", "/h")]);
    let general = General::read(&config, &environment).unwrap();
    let account = AccountSettings::read(&config, &general, &choices.account, &environment).unwrap();
    let sections: Vec<&str> = config.sections().iter().map(|section| section.name.as_str()).collect();
    assert_eq!(check::warnings(&config, &sections), []);
    account
}

#[test]
fn what_is_written_means_what_was_decided() {
    let init = Init { security: Some("starttls".to_owned()), port: Some(1143), ..given() };
    let mut choices = decided(&init).unwrap();
    choices.left_out = vec!["[Gmail]/All 100% 'Mail'".to_owned()];
    let account = read(&choices);
    assert_eq!(account.name, "example");
    let Store::Imap(server) = &account.repositories.remote.store else { panic!() };
    assert_eq!((server.host.as_str(), server.port, server.encryption), ("h", 1143, Encryption::StartTls));
    assert_eq!(server.user.as_deref(), Some("me@example.org"));
    assert!(matches!(&server.password, Some(PasswordSource::Command(command)) if command == "echo 100%"));
    let filter = account.repositories.remote.rules.filter.as_ref().unwrap();
    assert!(!filter.call_for_truth(&["[Gmail]/All 100% 'Mail'"]).unwrap());
    assert!(filter.call_for_truth(&["INBOX"]).unwrap());
}

#[test]
fn every_kind_of_server_and_password_can_be_read_again() {
    let passwords = [Password::Ask, Password::File("/p 1%".into()), Password::Command("pass show 'x'".to_owned())];
    for (number, password) in passwords.into_iter().enumerate() {
        for how in ["tls", "starttls", "none"] {
            let init = Init { security: Some(how.to_owned()), ..given() };
            let account = read(&Choices { password: password.clone(), ..decided(&init).unwrap() });
            let Store::Imap(server) = &account.repositories.remote.store else { panic!() };
            assert_eq!(server.password.is_some(), number > 0);
        }
    }
    let gmail = Init { address: Some("x@gmail.com".to_owned()), host: None, ..given() };
    assert_eq!(read(&decided(&gmail).unwrap()).repositories.remote.type_, "Gmail");
}

#[test]
fn what_is_missing_or_cannot_be_is_a_mistake_that_names_the_option() {
    let hint = |init: &Init| decided(init).unwrap_err().hint().unwrap_or_default().to_owned();
    assert_eq!(hint(&Init { address: None, ..given() }), "give --address");
    assert_eq!(hint(&Init { host: None, address: Some("a@nowhere.invalid".to_owned()), ..given() }), "give --host");
    assert!(hint(&Init { password_cmd: None, ..given() }).starts_with("give --password-cmd"));
    assert!(hint(&Init { address: Some("me".to_owned()), ..given() }).contains("NAME@DOMAIN"));
    assert!(hint(&Init { account: Some("a/b".to_owned()), ..given() }).contains("--account"));
    let error = decided(&Init { address: Some("a@tuta.com".to_owned()), host: None, ..given() }).unwrap_err();
    assert!(error.to_string().contains("offers no IMAP"), "{error}");
}

#[test]
fn questions_are_asked_for_what_is_not_given() {
    let (mut input, mut output) = (&b"me@posteo.de\n\npass show mail\n~/M\n"[..], Vec::new());
    let choices = decide(&Init::default(), &mut Person::new(Some(&mut input), &mut output), None).unwrap();
    assert_eq!(choices.server.host, "posteo.de");
    assert_eq!((choices.user.as_str(), choices.account.as_str()), ("me@posteo.de", "posteo"));
    assert_eq!(choices.password, Password::Command("pass show mail".to_owned()));
    assert_eq!(choices.maildir, "~/M");
    assert!(String::from_utf8(output).unwrap().contains("The server of posteo.de is posteo.de, port 993."));
}
