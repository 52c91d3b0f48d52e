//! Numbers in sentences for people.

use std::fmt::Display;

/// The one of two forms of a word that goes with a number: of one, or of none and several.
pub fn form<'a>(number: impl Display, of_one: &'a str, of_several: &'a str) -> &'a str {
    if number.to_string() == "1" { of_one } else { of_several }
}

/// A number with its noun, which forms its plural with an `s`: `1 message`, `2 messages`.
pub fn counted(number: impl Display, noun: &str) -> String {
    format!("{number} {noun}{}", form(&number, "", "s"))
}

/// The beginning of what is said of them: `1 message is`, `2 messages are`.
pub fn are(number: impl Display, noun: &str) -> String {
    format!("{} {}", counted(&number, noun), form(&number, "is", "are"))
}

/// The beginning of what is said of their past: `1 message was`, `2 messages were`.
pub fn were(number: impl Display, noun: &str) -> String {
    format!("{} {}", counted(&number, noun), form(&number, "was", "were"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_everything_else_plural() {
        assert_eq!(
            [0, 1, 2, 21].map(|number| counted(number, "folder")),
            ["0 folders", "1 folder", "2 folders", "21 folders"]
        );
        assert_eq!([1, 2].map(|number| are(number, "file")), ["1 file is", "2 files are"]);
        assert_eq!([1, 2].map(|number| were(number, "file")), ["1 file was", "2 files were"]);
        assert_eq!([1, 2].map(|number| form(number, "stays", "stay")), ["stays", "stay"]);
    }
}
