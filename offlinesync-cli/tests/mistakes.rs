//! Mistakes in the configuration and on the command line: exit code 2, a sentence with the place, and nothing is touched.

mod support;

use support::sandbox::{ACCOUNT, Sandbox};

/// Runs with a configuration; asserts that nothing was touched; answers what was said.
fn refused(config: &str, args: &[&str]) -> String {
    let sandbox = Sandbox::new(config);
    let before = sandbox.files(".");
    let run = sandbox.run(args);
    assert_eq!((run.code, run.out.as_str()), (2, ""), "{run:?}");
    assert_eq!(sandbox.files("."), before);
    assert!(!sandbox.path(".offlineimap").exists() && !sandbox.path("local").exists());
    run.err.replace(&sandbox.path(".offlineimaprc").display().to_string(), "CONFIG")
}

fn with(line: &str, section: &str) -> String {
    ACCOUNT.replace(&format!("{section}\n"), &format!("{section}\n{line}\n"))
}

#[test]
fn mistakes_in_the_file_are_told_with_their_line() {
    for (config, words) in [
        (with("just words", "[Account a]"), "error: CONFIG:4: neither a `[section]` nor an `option = value`\nhint: "),
        (with("maxage = 0", "[Account a]"), "error: CONFIG:4: `maxage` in [Account a]"),
        (
            with("autorefresh = often", "[Account a]"),
            "error: CONFIG:4: `autorefresh` in [Account a] must be a number, not `often`\n",
        ),
        (
            with("nametrans = nt", "[Repository r]"),
            "error: CONFIG:10: `nametrans` in [Repository r] cannot be used: `nt` is not defined",
        ),
        (
            with("folderfilter = lambda f: os.system('id')", "[Repository r]"),
            "error: CONFIG:10: `folderfilter` in [Repository r] cannot be used: `os.system` cannot",
        ),
        (
            with("remotepass = %", "[Repository r]")
                .replace("type = Maildir\nlocalfolders = ~/remote", "type = IMAP\nremotehost = h"),
            "error: `remotepass` in [Repository r]: CONFIG:10: a `%` that begins no",
        ),
        (ACCOUNT.replace("= r\n", "= l\n"), "error: CONFIG:3: [Account a] has the same repository on both sides\n"),
        (ACCOUNT.replace("accounts = a", ""), "error: CONFIG: no account is to be synced\nhint: "),
        (
            ACCOUNT.replace("~/local", "local"),
            "error: CONFIG:8: `localfolders` in [Repository l] must be an absolute path\n",
        ),
    ] {
        let said = refused(&config, &[]);
        assert!(said.contains(words), "{said}\n(wanted: {words})");
    }
}

#[test]
fn mistakes_on_the_command_line_are_told() {
    for (args, words) in [
        (&["--frobnicate"][..], "unexpected argument '--frobnicate'"),
        (&["-a", "A"], "error: there is no account 'A'\nhint: did you mean 'a'?\n"),
        (&["-c", "nothing.conf"], "error: the configuration file nothing.conf does not exist\n"),
        (
            &["-u", "fancy"],
            "error: there is no interface `fancy`\nhint: choose one of quiet, basic, ttyui, blinkenlights, syslog, machineui, json\n",
        ),
        (&["-d", "everything"], "error: invalid debug type `everything`\nhint: "),
        (
            &["-k", "Account_b:quick=1"],
            "error: command line, -k Account_b:quick: there is no section [Account b]\nhint: did you mean [Account a]?\n",
        ),
        (&["-k", "fsync=perhaps"], "error: command line, -k fsync: `fsync` in [general] must be yes or no\n"),
        (&["-l", "/nowhere/log"], "error: cannot open the log file /nowhere/log"),
    ] {
        let said = refused(ACCOUNT, args);
        assert!(said.contains(words), "{said}\n(wanted: {words})");
    }
}

/// Words that are no option are ignored, as OfflineIMAP does; but not where a command was meant, for a sync is what nobody asked for then.
#[test]
fn a_mistyped_command_and_a_cry_for_help_are_no_sync() {
    let sandbox = Sandbox::new(ACCOUNT);
    for (args, meant) in
        [(&["chekc"][..], "check"), (&["verfy", "--repair"], "verify"), (&["completion", "bash"], "completions")]
    {
        let run = sandbox.run(args);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.err.contains(&format!("hint: did you mean `offlinesync {meant}`?")), "{run:?}");
    }
    assert!(sandbox.run(&["help"]).out.contains("Usage: offlinesync [OPTIONS]"));
    assert!(sandbox.run(&["help", "check"]).out.contains("Usage: offlinesync check [OPTIONS]"));
    assert!(!sandbox.path("local").exists());
    assert_eq!(sandbox.run(&["sync"]).code, 0);
    assert_eq!(sandbox.messages("local/INBOX").len(), 2);
}

#[test]
fn what_is_odd_is_warned_of_and_stops_nothing() {
    let config = with("quik = 1\nquick = 0 ; never\nquick = 0\nrealdelete = no", "[Account a]");
    let sandbox = Sandbox::new(&config);
    let run = sandbox.run(&["stray", "-u", "blinkenlights"]);
    let said = run.err.replace(&sandbox.path(".offlineimaprc").display().to_string(), "CONFIG");
    assert_eq!(run.code, 0, "{said}");
    for line in [
        "warning: the interface `blinkenlights` needs a terminal; `ttyui` stands in for it",
        "warning: ignored on the command line: stray",
        "warning: CONFIG:4: unknown option `quik` in [Account a]; did you mean `quick`?",
        "warning: CONFIG:5: the value of `quick` keeps everything behind ` ;`: comments need a line of their own",
        "warning: CONFIG:6: `quick` of [Account a] is also at CONFIG:5; this one counts",
    ] {
        assert!(said.contains(line), "{said}\n(wanted: {line})");
    }
    assert_eq!(sandbox.messages("local/INBOX").len(), 2);
}

#[test]
fn a_secret_of_the_command_line_is_not_in_the_log() {
    let sandbox = Sandbox::new(ACCOUNT);
    assert_eq!(sandbox.run(&["-l", "log", "-k", "Repository_r:remotepass=hunter2"]).code, 0);
    assert!(!String::from_utf8(sandbox.files(".").remove("log").unwrap()).unwrap().contains("hunter2"));
}
