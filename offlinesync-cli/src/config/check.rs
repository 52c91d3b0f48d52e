//! Looks over a configuration with the table of options in hand: refuses what would change the fate of mail and is not
//! supported, warns of what is unknown or misplaced. Pure.

use super::ini::{DEFAULT, Entry, Section};
use super::options::{self, Kind, OptionSpec, Status};
use super::value::parse_bool;
use super::{Config, Value, Warning};
use offlinesync_core::{Error, Result};

/// Refuses options of the sections in use that are known but not supported, unless they say what happens anyway.
///
/// # Errors
/// Kind `Configuration`, naming the first such option.
pub fn refuse_unsupported(config: &Config, sections: &[&str]) -> Result<()> {
    for name in sections {
        let kinds = kinds_of(config, name).unwrap_or_default();
        for option in options::OPTIONS.iter().filter(|o| o.status == Status::Refused && kinds.contains(&o.kind)) {
            if let Some(value) = config.get(name, option.name)?
                && !is_off(option, &value)
            {
                return Err(unsupported(&value, option));
            }
        }
    }
    Ok(())
}

fn unsupported(value: &Value, option: &OptionSpec) -> Error {
    let error = value.error(format!("is not supported ({}); nothing was synced", option.doc));
    let hint = format!("remove the line, or override it with `-k {}:{}=`", value.section.replace(' ', "_"), value.name);
    error.with_hint(hint)
}

/// Whether a value asks for what happens anyway.
fn is_off(option: &OptionSpec, value: &Value) -> bool {
    let text = value.text.trim();
    if option.value == options::Value::Bool {
        return parse_bool(text) == parse_bool(option.default);
    }
    text.is_empty() || text == option.default || text == "None"
}

/// Everything odd in the sections in use, in the order of the file.
pub fn warnings(config: &Config, sections: &[&str]) -> Vec<Warning> {
    let mut warnings = config.grammar_warnings().to_vec();
    for section in config.sections() {
        match kinds_of(config, &section.name) {
            Some(kinds) if sections.contains(&section.name.as_str()) => {
                warnings.extend(section.entries.iter().filter_map(|entry| odd_entry(config, section, entry, &kinds)));
            }
            Some(_) => {}
            None => warnings.extend(odd_section(section)),
        }
    }
    warnings
}

/// What may stand in a section; `None` for a section nobody reads.
fn kinds_of(config: &Config, section: &str) -> Option<Vec<Kind>> {
    match section.split_once(' ') {
        _ if section == "general" => Some(vec![Kind::General]),
        _ if section == "mbnames" => Some(vec![Kind::Mbnames]),
        Some(("Account", _)) => Some(vec![Kind::Account]),
        Some(("Repository", _)) => Some(config.repository_kinds(section)),
        _ => None,
    }
}

fn odd_entry(config: &Config, section: &Section, entry: &Entry, kinds: &[Kind]) -> Option<Warning> {
    let text = match options::find(kinds, &entry.name) {
        Some(option) => odd_value(config, section, entry, option)?,
        None if is_referred_to(config, &entry.name) => return None,
        None => unknown(section, &entry.name, kinds),
    };
    Some(Warning { place: entry.place.clone(), text })
}

fn odd_value(config: &Config, section: &Section, entry: &Entry, option: &OptionSpec) -> Option<String> {
    let value = config.get(&section.name, &entry.name).ok()??;
    if option.name == "decodefoldernames" && !is_off(option, &value) {
        return Some(format!(
            "`{}` in [{}] is taken for `utf8foldernames = yes` in its account: expressions see names in UTF-8, too",
            entry.name, section.name
        ));
    }
    let plain = !matches!(option.value, options::Value::Expression | options::Value::Command | options::Value::Secret);
    let quoted = ['\'', '"'].iter().any(|quote| {
        let text = value.text.trim();
        text.len() > 1 && text.starts_with(*quote) && text.ends_with(*quote)
    });
    let counts = !["sep", "proxy", "authproxy"].contains(&option.name);
    (plain && quoted && counts && option.status == Status::Works)
        .then(|| format!("the quotes around `{}` in [{}] are taken as part of the value", entry.name, section.name))
}

fn unknown(section: &Section, name: &str, kinds: &[Kind]) -> String {
    let section = &section.name;
    if let Some(elsewhere) = options::find_anywhere(name) {
        return format!("`{name}` has no effect in [{section}]; it belongs in {}", home(elsewhere.kind));
    }
    match options::nearest(kinds, name) {
        Some(meant) => format!("unknown option `{name}` in [{section}]; did you mean `{meant}`?"),
        None => format!("unknown option `{name}` in [{section}]"),
    }
}

fn home(kind: Kind) -> &'static str {
    match kind {
        Kind::General => "[general]",
        Kind::Mbnames => "[mbnames]",
        Kind::Account => "an [Account …] section",
        Kind::Any => "a [Repository …] section",
        Kind::Imap => "a [Repository …] of type IMAP",
        Kind::Maildir => "a [Repository …] of type Maildir",
    }
}

/// Whether some value uses the option as `%(name)s`, so that it is a variable of the file's author.
fn is_referred_to(config: &Config, name: &str) -> bool {
    let reference = format!("%({name})s");
    config.sections().iter().flat_map(|section| &section.entries).any(|e| e.raw.to_lowercase().contains(&reference))
}

/// A section that looks like a misspelt one. Sections of other programs and of old versions are left alone.
fn odd_section(section: &Section) -> Option<Warning> {
    let name = section.name.as_str();
    if name == DEFAULT || name == "notifications" || name.starts_with("ui.") {
        return None;
    }
    let head = name.split(' ').next().unwrap_or(name);
    let known = ["general", "mbnames", "Account", "Repository", DEFAULT];
    let meant = known
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(head))
        .or_else(|| options::near(known.into_iter(), head))?;
    let text = format!("section [{name}] is not read; did you mean [{}]?", name.replacen(head, meant, 1));
    Some(Warning { place: section.place.clone(), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text.as_bytes(), &"file".into()).unwrap()
    }

    fn warned(text: &str, sections: &[&str]) -> Vec<String> {
        warnings(&config(text), sections).iter().map(Warning::to_string).collect()
    }

    #[test]
    fn a_typo_is_answered_with_the_name_that_was_meant() {
        let text = "[general]\nsockettimeout = 1\n[Repository r]\ntype = IMAP\nkeepalieve = 1\nzzzzz = 1\nmaxage = 3\n";
        assert_eq!(
            warned(text, &["general", "Repository r"]),
            [
                "file:2: unknown option `sockettimeout` in [general]; did you mean `socktimeout`?",
                "file:5: unknown option `keepalieve` in [Repository r]; did you mean `keepalive`?",
                "file:6: unknown option `zzzzz` in [Repository r]",
                "file:7: `maxage` has no effect in [Repository r]; it belongs in an [Account …] section",
            ]
        );
    }

    #[test]
    fn variables_of_the_author_and_options_of_old_versions_are_silent() {
        let text = "[general]\nme = u\nmetadata = /home/%(me)s\nstatus_backend = plain\n[ui.Curses.Blinkenlights]\nstatuschar = .\n\
                    [notifications]\nx = 1\n[Repository r]\ntype = Gmail\nrealdelete = no\n";
        assert_eq!(warned(text, &["general", "Repository r"]), [] as [&str; 0]);
        let quotes = "[Account a]\nauthproxy = ''\n[Repository l]\ntype = Maildir\nsep = \"/\"\n";
        assert_eq!(warned(quotes, &["Account a", "Repository l"]), [] as [&str; 0]);
    }

    #[test]
    fn a_misspelt_section_and_quotes_around_a_plain_value_are_noticed() {
        let text = "[General]\n[Repositry x]\n[Repository r]\ntype = IMAP\nremoteuser = 'u'\n";
        assert_eq!(
            warned(text, &["Repository r"]),
            [
                "file:1: section [General] is not read; did you mean [general]?",
                "file:2: section [Repositry x] is not read; did you mean [Repository x]?",
                "file:5: the quotes around `remoteuser` in [Repository r] are taken as part of the value",
            ]
        );
    }

    #[test]
    fn an_option_that_decides_about_mail_is_refused_until_it_works_unless_it_is_off() {
        let text = "[Account a]\nsynclabels = no\nproxy =\n[Account b]\nsynclabels = yes\n";
        refuse_unsupported(&config(text), &["Account a"]).unwrap();
        let error = refuse_unsupported(&config(text), &["Account b"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "file:5: `synclabels` in [Account b] is not supported (keep Gmail labels in a header; messages are never altered); nothing was synced"
        );
    }
}
