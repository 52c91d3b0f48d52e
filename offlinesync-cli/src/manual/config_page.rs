//! The page offlinesync.conf(5), made from the table of options. Pure.

use crate::config::options::{Kind, OPTIONS, OptionSpec, Status, Value};
use roff::{Inline, Roff, bold, italic, roman};

const SECTIONS: [(Kind, &str, &str); 6] = [
    (Kind::General, "general", "What concerns the program as a whole."),
    (Kind::Account, "Account NAME", "Two repositories that are kept in step."),
    (Kind::Any, "Repository NAME", "A store of mail. These options may stand in a repository of any type."),
    (Kind::Imap, "Repository NAME, type = IMAP or Gmail", "A server. Gmail is IMAP with the host filled in."),
    (Kind::Maildir, "Repository NAME, type = Maildir or GmailMaildir", "A directory on this machine."),
    (Kind::Mbnames, "mbnames", "A list of the mailboxes for mail readers."),
];

const GRAMMAR: [&str; 4] = [
    "The file is in sections, each with options: name = value or name: value. A value goes on in lines that are indented deeper than \
     the line it began in. A line whose first visible character is # or ; is a comment, also inside a value; there are no comments \
     behind a value. Names of options are the same in capitals and small letters, names of sections are not.",
    "The options of a section [DEFAULT] count in every section that does not set them. %(name)s stands for the value of another \
     option of the section, %% for a percent sign.",
    "Truth values are yes, true, on, 1 and no, false, off, 0. In paths, ~ and $VARIABLE stand for what they mean in a shell. \
     Quotes around a value are part of it.",
    "Of an option or a section given twice the last counts, and a warning says so. Unknown options are warned of with the name that \
     was probably meant.",
];

const EXPRESSIONS: [&str; 3] = [
    "nametrans, folderfilter and the like are Python expressions. They are evaluated by offlinesync itself, with the results that \
     Python 3 has; no Python is needed. Strings, numbers, lists, tuples, sets, dictionaries, lambda, conditions, comprehensions, \
     methods of strings and the module re are there; files, processes and the network are out of reach, and time and memory are \
     bounded.",
    "nametrans and folderfilter get the name of a folder as its own repository has it. The two nametrans of an account must undo \
     each other for every folder, no two folders may meet in one, and no name may leave the store: this is checked before anything \
     is synced.",
    "What an expression needs beyond that has options of its own: remotepasscmd, remoteusercmd and the like run a command.",
];

const FILES: [&str; 3] = [
    "$XDG_CONFIG_HOME/offlinesync/config, $XDG_CONFIG_HOME/offlineimap/config and ~/.offlineimaprc: the first that exists is read.",
    "~/.offlineimap: the directory for status databases and locks, unless metadata names another.",
    "~/.netrc: user names and passwords of servers for which the configuration has none.",
];

pub(super) fn page() -> String {
    let mut page = Roff::new();
    let source = concat!("offlinesync ", env!("CARGO_PKG_VERSION"));
    page.control("TH", ["OFFLINESYNC.CONF", "5", super::DATE, source, "Mail"]);
    heading(&mut page, "NAME");
    page.text([roman("offlinesync.conf - the configuration of "), bold("offlinesync"), roman("(1)")]);
    heading(&mut page, "DESCRIPTION");
    paragraphs(&mut page, &GRAMMAR);
    for (kind, title, about) in SECTIONS {
        heading(&mut page, &format!("SECTION [{title}]"));
        paragraphs(&mut page, &[about]);
        OPTIONS.iter().filter(|option| option.kind == kind).for_each(|option| entry(&mut page, option));
    }
    heading(&mut page, "EXPRESSIONS");
    paragraphs(&mut page, &EXPRESSIONS);
    heading(&mut page, "FILES");
    paragraphs(&mut page, &FILES);
    heading(&mut page, "SEE ALSO");
    page.text([bold("offlinesync"), roman("(1)")]);
    page.render()
}

fn heading(page: &mut Roff, text: &str) {
    page.control("SH", [text]);
}

/// A heading begins the first of them.
fn paragraphs(page: &mut Roff, texts: &[&str]) {
    for (at, text) in texts.iter().enumerate() {
        if at > 0 {
            page.control("PP", []);
        }
        page.text([roman(*text)]);
    }
}

fn entry(page: &mut Roff, option: &OptionSpec) {
    page.control("TP", []);
    let mut head: Vec<Inline> = vec![bold(option.name), roman(" = "), italic(kind_of(option.value))];
    if !option.default.is_empty() {
        head.push(roman(format!("  (default: {})", option.default)));
    }
    page.text(head);
    page.text([roman(sentence(option))]);
}

fn kind_of(value: Value) -> &'static str {
    match value {
        Value::Text | Value::Secret => "text",
        Value::List => "text, text, …",
        Value::Bool => "yes or no",
        Value::Int => "whole number",
        Value::Float => "number",
        Value::Path => "path",
        Value::Command => "command",
        Value::Expression => "expression",
    }
}

fn sentence(option: &OptionSpec) -> String {
    let mut letters = option.doc.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let doc: String = first.chain(letters).collect();
    let remark = match option.status {
        Status::Works => "",
        Status::Ignored => " Accepted; nothing needs to be done about it.",
        Status::Refused => " Refused unless it is left out or has its default.",
    };
    format!("{doc}.{remark}")
}
