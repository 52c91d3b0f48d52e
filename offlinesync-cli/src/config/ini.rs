//! The reader of configuration files: the grammar of Python's `ConfigParser` with its default settings, so that files written
//! for OfflineIMAP read the same. Pure: text in, sections out.
//!
//! A line is, in this order of tests: a comment (`#` or `;` is its first visible character), blank, a continuation (indented
//! deeper than the line that began the option), a section header, an option (`name = value` or `name: value`). There are no
//! inline comments. Two differences from Python, both for files that older versions accepted: an option or section given twice
//! is a warning and the last one counts, and a value that Python 2 would have cut at ` ;` gets a warning.

use super::place::{Place, Warning};
use offlinesync_core::Result;
use std::sync::Arc;

/// The section whose options every other section inherits.
pub const DEFAULT: &str = "DEFAULT";

/// Files beyond this many octets are no configuration: 4 MiB.
const MAX_FILE: usize = 4 * 1024 * 1024;

/// A value as it was written, before interpolation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name in lower case.
    pub name: String,
    /// The lines of the value, joined by line feeds, indentation and comments taken away.
    pub raw: String,
    /// The line of the name.
    pub place: Place,
}

/// One section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name, as written.
    pub name: String,
    /// The line of its (last) header.
    pub place: Place,
    /// Its own options, each name once, in the order of their first appearance.
    pub entries: Vec<Entry>,
}

impl Section {
    /// The entry of this lower-case name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// Writes an entry, over one of the same name if there is one, which is returned.
    pub fn set(&mut self, entry: Entry) -> Option<Entry> {
        match self.entries.iter_mut().find(|old| old.name == entry.name) {
            Some(old) => Some(std::mem::replace(old, entry)),
            None => {
                self.entries.push(entry);
                None
            }
        }
    }
}

/// A file's content.
#[derive(Clone, Debug)]
pub struct Ini {
    /// The sections in order; [`DEFAULT`] is among them if it was written.
    pub sections: Vec<Section>,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
}

impl Ini {
    /// The section of exactly this name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The same, to change it.
    pub fn section_mut(&mut self, name: &str) -> Option<&mut Section> {
        self.sections.iter_mut().find(|section| section.name == name)
    }
}

/// Reads a file's bytes; `file` is its name for messages.
///
/// # Errors
/// Kind `Configuration`, with file and line: not UTF-8, a line that is neither header nor option, an option before any header.
pub fn parse(bytes: &[u8], file: &Arc<str>) -> Result<Ini> {
    let text = decode(bytes, file)?;
    let mut reader = Reader::new(file);
    for (index, line) in lines(text).enumerate() {
        reader.line(line, index + 1)?;
    }
    Ok(reader.finish())
}

fn decode<'a>(bytes: &'a [u8], file: &Arc<str>) -> Result<&'a str> {
    if bytes.len() > MAX_FILE {
        return Err(Place::file(file).error("too large for a configuration file"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let place = Place::line(file, lines(&good).count().max(1));
        place.error("not UTF-8 text").with_hint("convert the file, for example with `iconv -f latin1 -t utf-8`")
    })
}

/// Lines as Python counts them: LF, CR LF and a lone CR all end one.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        match text.find(['\n', '\r']) {
            Some(end) => {
                let skip = if text[end..].starts_with("\r\n") { 2 } else { 1 };
                rest = Some(&text[end + skip..]);
                Some(&text[..end])
            }
            None => {
                rest = None;
                Some(text)
            }
        }
    })
}

/// What Python's `str.isspace` takes for a space.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

struct Reader<'a> {
    file: &'a Arc<str>,
    ini: Ini,
    /// Index of the section being read.
    section: Option<usize>,
    /// The option being read, with the lines of its value so far.
    option: Option<(Entry, Vec<String>)>,
    /// Indentation of the line that began the option, in characters.
    indent: usize,
}

impl<'a> Reader<'a> {
    fn new(file: &'a Arc<str>) -> Self {
        let ini = Ini { sections: Vec::new(), warnings: Vec::new() };
        Reader { file, ini, section: None, option: None, indent: 0 }
    }

    fn line(&mut self, line: &str, number: usize) -> Result<()> {
        let text = strip(line);
        if text.starts_with(['#', ';']) {
            return Ok(());
        }
        if text.is_empty() {
            self.option.iter_mut().for_each(|(_, lines)| lines.push(String::new()));
            return Ok(());
        }
        let indent = line.chars().take_while(|c| is_space(*c)).count();
        match &mut self.option {
            Some((_, lines)) if indent > self.indent => lines.push(text.to_owned()),
            _ => {
                self.indent = indent;
                self.header_or_option(text, Place::line(self.file, number))?;
            }
        }
        Ok(())
    }

    fn header_or_option(&mut self, text: &str, place: Place) -> Result<()> {
        self.end_option();
        if let Some(name) = header(text) {
            self.begin_section(name, place);
            return Ok(());
        }
        if self.section.is_none() {
            return Err(place
                .error("an option before the first section header")
                .with_hint("begin the file with a line like `[general]`"));
        }
        match option(text) {
            Some((name, value)) => {
                self.begin_option(name, value, place);
                Ok(())
            }
            None => Err(place
                .error("neither a `[section]` nor an `option = value`")
                .with_hint("a line that continues a value must be indented")),
        }
    }

    fn begin_section(&mut self, name: &str, place: Place) {
        let found = self.ini.sections.iter().position(|section| section.name == name);
        if let Some(index) = found
            && name != DEFAULT
        {
            let text = format!("section [{name}] is also at {}; taken together", self.ini.sections[index].place);
            self.warn(&place, text);
        }
        self.section = Some(found.unwrap_or_else(|| {
            self.ini.sections.push(Section { name: name.to_owned(), place: place.clone(), entries: Vec::new() });
            self.ini.sections.len() - 1
        }));
        if let Some(index) = found {
            self.ini.sections[index].place = place;
        }
    }

    fn begin_option(&mut self, name: &str, value: &str, place: Place) {
        if cut_by_python_2(value) {
            let text = format!("the value of `{name}` keeps everything behind ` ;`: comments need a line of their own");
            self.warn(&place, text);
        }
        let entry = Entry { name: name.to_lowercase(), raw: String::new(), place };
        self.option = Some((entry, vec![value.to_owned()]));
    }

    fn end_option(&mut self) {
        let (Some((mut entry, lines)), Some(index)) = (self.option.take(), self.section) else { return };
        entry.raw = lines.join("\n").trim_end_matches(is_space).to_owned();
        let place = entry.place.clone();
        let name = entry.name.clone();
        if let Some(old) = self.ini.sections[index].set(entry) {
            let section = &self.ini.sections[index].name;
            let text = format!("`{name}` of [{section}] is also at {}; this one counts", old.place);
            self.warn(&place, text);
        }
    }

    fn warn(&mut self, place: &Place, text: String) {
        self.ini.warnings.push(Warning { place: place.clone(), text });
    }

    fn finish(mut self) -> Ini {
        self.end_option();
        self.ini
    }
}

/// `[name]`, to the last bracket of the line; what follows is ignored.
fn header(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[')?;
    let end = inner.rfind(']')?;
    (end > 0).then(|| &inner[..end])
}

/// Name and value around the first `=` or `:`.
fn option(text: &str) -> Option<(&str, &str)> {
    let at = text.find(['=', ':'])?;
    let name = text[..at].trim_end_matches(is_space);
    (!name.is_empty()).then(|| (name, strip(&text[at + 1..])))
}

/// Whether Python 2 would have taken part of this value for a comment.
fn cut_by_python_2(value: &str) -> bool {
    value.find(';').is_some_and(|at| value[..at].ends_with(is_space))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Ini {
        parse(text.as_bytes(), &"file".into()).unwrap()
    }

    fn value(ini: &Ini, section: &str, name: &str) -> String {
        ini.section(section).unwrap().entry(name).unwrap().raw.clone()
    }

    fn message(bytes: &[u8]) -> String {
        parse(bytes, &"file".into()).unwrap_err().to_string()
    }

    #[test]
    fn a_commented_line_inside_a_value_is_dropped_and_a_bracket_does_not_end_it() {
        let ini = read("[a]\nlist = [\n  'x',\n# 'y',\n  [b]\n  ]\nnext: 1\n");
        assert_eq!(value(&ini, "a", "list"), "[\n'x',\n[b]\n]");
        assert_eq!(value(&ini, "a", "next"), "1");
    }

    #[test]
    fn the_last_of_two_equal_options_counts_and_a_warning_names_both_lines() {
        let ini = read("[a]\nx = 1\nX = 2\n[b]\n[a]\ny = 3\n");
        assert_eq!(value(&ini, "a", "x"), "2");
        assert_eq!(value(&ini, "a", "y"), "3");
        let warnings: Vec<String> = ini.warnings.iter().map(Warning::to_string).collect();
        assert_eq!(
            warnings,
            [
                "file:3: `x` of [a] is also at file:2; this one counts",
                "file:5: section [a] is also at file:1; taken together"
            ]
        );
    }

    #[test]
    fn a_byte_order_mark_and_any_kind_of_line_end_are_read() {
        let ini = read("\u{feff}[a]\r\nx = 1\r\n 2\ry = 3");
        assert_eq!(value(&ini, "a", "x"), "1\n2");
        assert_eq!(value(&ini, "a", "y"), "3");
    }

    #[test]
    fn a_broken_line_is_named_by_file_and_number() {
        assert_eq!(message(b"[a]\nx = 1\njust words\n"), "file:3: neither a `[section]` nor an `option = value`");
        assert_eq!(message(b"x = 1\n"), "file:1: an option before the first section header");
        assert_eq!(message(b"[a]\nx = 1\ny = caf\xe9\n"), "file:3: not UTF-8 text");
        assert_eq!(message(b"[a]\n= 1\n"), "file:2: neither a `[section]` nor an `option = value`");
    }

    #[test]
    fn what_python_2_took_for_a_comment_is_kept_with_a_warning() {
        let ini = read("[a]\nx = 1 ; one\ny = a;b\n");
        assert_eq!(value(&ini, "a", "x"), "1 ; one");
        assert_eq!(ini.warnings.len(), 1);
    }
}
