//! The Python file that a configuration names: what of it is loaded, whether Python may run it, and what to say when something
//! needs it. Reads that file.

use super::discover::{Environment, expand};
use super::pyexpr::{Module, Process, PyError, Surroundings};
use super::{Config, Value};
use fancy_regex::Regex;
use offlinesync_core::{Error, Result};
use std::sync::Arc;

/// What expressions may use, and whether there is a file at all.
#[derive(Clone, Debug, Default)]
pub struct Python {
    /// For the evaluator.
    pub surroundings: Surroundings,
    /// Why the file could not be read.
    unreadable: Option<String>,
    file: Option<String>,
}

impl Python {
    /// Loads the file of `pythonfile`. One that cannot be read is told of when something needs it.
    ///
    /// # Errors
    /// Kind `Configuration`: `allow_python` is neither yes nor no.
    pub fn load(config: &Config, environment: &dyn Environment) -> Result<Python> {
        let Some(value) = config.get_filled("general", "pythonfile")? else { return Ok(Python::default()) };
        let path = expand(value.text.trim(), environment);
        let mut python = Python { file: Some(path.display().to_string()), ..Python::default() };
        match std::fs::read(&path) {
            Ok(bytes) => python.surroundings.module = Arc::new(Module::load(&String::from_utf8_lossy(&bytes))),
            Err(error) => python.unreadable = Some(error.to_string()),
        }
        if config.boolean("general", "allow_python", false)? {
            python.surroundings.python = Some(Arc::new(Process::new(&path)));
        }
        Ok(python)
    }
}

/// The error of an expression that cannot be used, with what would help.
pub fn refusal(config: &Config, value: &Value, error: &PyError) -> Error {
    let place = error.place_in(&value.text).map_or_else(String::new, |place| format!(" ({place})"));
    let refusal = value.error(format!("cannot be used: {error}{place}; nothing was synced"));
    let secret = secret_option(&value.name);
    if let (Some(option), Some(instead)) = (&secret, translated(&value.text)) {
        return refusal.with_hint(format!("offlinesync has an option for that: `{option}{instead}`"));
    }
    let Some(name) = &error.unknown_name else { return refusal };
    let python = config.python();
    let reason = match (&python.file, &python.unreadable) {
        (Some(file), Some(problem)) => format!("the Python file {file} cannot be read: {problem}"),
        (Some(_), None) if python.surroundings.python.is_some() => "Python does not know it either".to_owned(),
        (Some(_), None) => {
            "functions of `pythonfile` that only compute are loaded, Python itself is not run".to_owned()
        }
        (None, _) => "nothing defines it".to_owned(),
    };
    let instead = match &secret {
        Some(option) => format!("set `{option}` to a command that prints it, for example `pass show mail`"),
        None => format!("write what `{name}` does into the expression itself"),
    };
    let last = match python.file.is_some() && python.unreadable.is_none() && python.surroundings.python.is_none() {
        true => ", or `allow_python = yes` in [general] to have python3 run that file",
        false => "",
    };
    refusal.with_hint(format!("{reason}; {instead}{last}"))
}

/// The option that takes a command in place of an expression.
fn secret_option(name: &str) -> Option<String> {
    let commanded = match name {
        "remotepasseval" => "remotepasscmd".to_owned(),
        "remoteusereval" => "remoteusercmd".to_owned(),
        _ => format!("{}_cmd", name.strip_suffix("_eval").filter(|name| name.starts_with("oauth2_"))?),
    };
    Some(commanded)
}

/// Ways to get a secret that are common in configurations, and the command that does the same: what stands behind `remotepass` or
/// `remotepasscmd`.
fn translated(expression: &str) -> Option<String> {
    const QUOTED: &str = r#"["']([^"'\\]+)["']"#;
    let groups = |pattern: String| -> Option<Vec<String>> {
        let found = Regex::new(&pattern).ok()?.captures(expression).ok()??;
        Some(found.iter().skip(1).flatten().map(|group| group.as_str().to_owned()).collect())
    };
    if let Some(words) = groups(r"(?:check_output|getoutput|popen)\(\s*\[([^\]]+)\]".to_owned()) {
        let list = words.first()?;
        let words = Regex::new(QUOTED).ok()?;
        let words: Vec<String> =
            words.captures_iter(list).flatten().filter_map(|found| Some(shell_word(found.get(1)?.as_str()))).collect();
        return Some(format!(" = {}", words.join(" ")));
    }
    if let Some(words) = groups(format!(r"(?:check_output|getoutput|popen)\(\s*{QUOTED}")) {
        return Some(format!(" = {}", words.first()?));
    }
    if let Some(words) = groups(format!(r"keyring\.get_password\(\s*{QUOTED}\s*,\s*{QUOTED}")) {
        let words: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
        return Some(format!(" = secret-tool lookup service {} username {}", words.first()?, words.get(1)?));
    }
    if let Some(words) = groups(format!(r"environ(?:\.get\(|\[)\s*{QUOTED}")) {
        return Some(format!(" = printenv {}", shell_word(words.first()?)));
    }
    if let Some(words) = groups(format!(r"open\(.*?{QUOTED}\)*\s*\)?\.read")) {
        return Some(format!(" = head -n 1 {}", words.first()?));
    }
    let named = r"(?:get_?(?:mail)?_?pass(?:word)?|mailpasswd|get_?credentials|read_?pass(?:word)?)";
    let words = groups(format!(r"\b{named}\(\s*{QUOTED}\s*\)"))?;
    Some(format!(" = pass show {}", shell_word(words.first()?)))
}

/// A word as a shell takes it; `%` as a configuration takes it.
fn shell_word(word: &str) -> String {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@:+=,".contains(c));
    let word = if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) };
    word.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_ways_to_get_a_secret_are_translated_into_commands() {
        for (expression, command) in [
            (r#"get_pass("mail/x")"#, "pass show mail/x"),
            ("get_password('work account')", "pass show 'work account'"),
            (r#"subprocess.check_output(["pass", "show", "a b"]).strip()"#, "pass show 'a b'"),
            ("check_output('gpg -dq ~/.pw.gpg', shell=True)", "gpg -dq ~/.pw.gpg"),
            (r#"keyring.get_password("svc", "user")"#, "secret-tool lookup service svc username user"),
            (r#"environ["MAIL_PASS"]"#, "printenv MAIL_PASS"),
            ("os.environ.get('MAIL_PASS')", "printenv MAIL_PASS"),
            ("open(os.path.expanduser('~/.pw')).read().strip()", "head -n 1 ~/.pw"),
            ("open(__import__('os').path.expanduser('~/.pw')).read()", "head -n 1 ~/.pw"),
        ] {
            assert_eq!(translated(expression).as_deref(), Some(format!(" = {command}").as_str()), "{expression}");
        }
        assert_eq!(translated("secret()"), None);
    }
}
