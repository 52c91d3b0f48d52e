//! Where the configuration file is, and what `~` and `$NAME` mean in paths: Python's `expanduser` and `expandvars`.
//! Reads the environment through [`Environment`] and asks the file system whether a file is there.

use offlinesync_core::{Error, ErrorKind, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The environment as this program sees it.
pub trait Environment: Send + Sync {
    /// A variable, if it is set.
    fn var(&self, name: &str) -> Option<OsString>;

    /// The home directory.
    fn home(&self) -> Option<PathBuf> {
        self.var("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
    }
}

/// The environment of the process.
#[derive(Clone, Copy, Debug)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn home(&self) -> Option<PathBuf> {
        std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
    }
}

/// The configuration file: the one given, else the first that exists of `$XDG_CONFIG_HOME/offlinesync/config`,
/// `$XDG_CONFIG_HOME/offlineimap/config` and `~/.offlineimaprc`.
///
/// # Errors
/// Kind `Configuration`: there is none.
pub fn find(given: Option<&str>, environment: &dyn Environment) -> Result<PathBuf> {
    match given {
        Some(given) => existing(tilde(given, environment)),
        None => search(environment),
    }
}

fn existing(path: PathBuf) -> Result<PathBuf> {
    if path.exists() {
        return Ok(path);
    }
    Err(Error::new(ErrorKind::Configuration, format!("the configuration file {} does not exist", path.display())))
}

fn search(environment: &dyn Environment) -> Result<PathBuf> {
    let candidates = candidates(environment);
    if let Some(found) = candidates.iter().find(|path| path.exists()) {
        return Ok(found.clone());
    }
    let first = candidates.first().map_or_else(String::new, |path| path.display().to_string());
    let looked: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
    let message = format!("there is no configuration file (looked for {})", looked.join(", "));
    Err(Error::new(ErrorKind::Configuration, message)
        .with_hint(format!("`offlinesync init` writes {first}; -c names another file")))
}

/// Where it is looked for, in this order. A first configuration is written to the first place.
pub fn candidates(environment: &dyn Environment) -> Vec<PathBuf> {
    let home = environment.home().unwrap_or_default();
    let xdg = environment.var("XDG_CONFIG_HOME").filter(|dir| !dir.is_empty());
    let base = xdg.map_or_else(|| home.join(".config"), PathBuf::from);
    vec![base.join("offlinesync/config"), base.join("offlineimap/config"), home.join(".offlineimaprc")]
}

/// Replaces `~` and `~user` at the beginning, then `$NAME` and `${NAME}` anywhere; what is unknown stays as it is.
pub fn expand(text: &str, environment: &dyn Environment) -> PathBuf {
    let path = tilde(text, environment);
    match path.to_str() {
        Some(text) => PathBuf::from(variables(text, environment)),
        None => path,
    }
}

/// Replaces `~` and `~user` at the beginning.
pub fn tilde(text: &str, environment: &dyn Environment) -> PathBuf {
    let Some(rest) = text.strip_prefix('~') else { return PathBuf::from(text) };
    let (user, below) = rest.split_once('/').map_or((rest, None), |(user, below)| (user, Some(below)));
    let home = if user.is_empty() { environment.home() } else { home_of(user) };
    match (home, below) {
        (Some(home), Some(below)) => home.join(below.trim_start_matches('/')),
        (Some(home), None) => home,
        (None, _) => PathBuf::from(text),
    }
}

/// The home directory of another user, from the file of users.
fn home_of(user: &str) -> Option<PathBuf> {
    let users = std::fs::read_to_string(Path::new("/etc/passwd")).ok()?;
    let line = users.lines().find(|line| line.split(':').next() == Some(user))?;
    line.split(':').nth(5).filter(|home| !home.is_empty()).map(PathBuf::from)
}

fn variables(text: &str, environment: &dyn Environment) -> OsString {
    let mut out = OsString::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push(&rest[..at]);
        rest = &rest[at..];
        let (name, length) = variable(rest);
        match environment.var(name).filter(|_| !name.is_empty()) {
            Some(value) => out.push(value),
            None => out.push(&rest[..length]),
        }
        rest = &rest[length..];
    }
    out.push(rest);
    out
}

/// The name of the variable that `text` begins with, and how many octets it takes; `text` begins with `$`.
fn variable(text: &str) -> (&str, usize) {
    if let Some((name, _)) = text.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
        return (name, name.len() + 3);
    }
    let name = &text[1..];
    let end = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
    (&name[..end], end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    impl Environment for HashMap<&str, &str> {
        fn var(&self, name: &str) -> Option<OsString> {
            self.get(name).map(OsString::from)
        }
    }

    #[test]
    fn the_first_file_that_exists_is_taken_in_the_documented_order() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_str().unwrap();
        let environment = HashMap::from([("HOME", home)]);
        assert!(find(None, &environment).unwrap_err().to_string().contains("offlinesync/config"));
        for name in [".offlineimaprc", ".config/offlineimap/config", ".config/offlinesync/config"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            assert_eq!(find(None, &environment).unwrap(), path);
        }
        assert!(find(Some("~/nothing"), &environment).is_err());
        assert_eq!(find(Some("~/.offlineimaprc"), &environment).unwrap(), dir.path().join(".offlineimaprc"));
    }

    #[test]
    fn tilde_and_variables_are_replaced_as_python_does() {
        let environment = HashMap::from([("HOME", "/h"), ("A", "x"), ("A_B", "y")]);
        let expand = |text| expand(text, &environment).to_str().unwrap().to_owned();
        assert_eq!(expand("~"), "/h");
        assert_eq!(expand("~/m"), "/h/m");
        assert_eq!(expand("~root/m"), "/root/m");
        assert_eq!(expand("~nobody-by-that-name/m"), "~nobody-by-that-name/m");
        assert_eq!(expand("a~/b"), "a~/b");
        assert_eq!(expand("/$A/${A}b/$A_B/$unknown/$/${A"), "/x/xb/y/$unknown/$/${A");
    }
}
