//! Measurements of offlinesync against its peers, and trials of its endurance. Here is what their programs share.

use std::ffi::OsString;
use std::process::ExitCode;

/// The first argument with which such a program is `offlinesync` itself, so that what is measured is what was just built.
pub const AS_OFFLINESYNC: &str = "--as-offlinesync";

/// The arguments of this program; or, if it was started as `offlinesync`, how that ended.
///
/// # Errors
/// The exit code of `offlinesync`.
pub fn arguments() -> Result<Vec<OsString>, ExitCode> {
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_default();
    let words: Vec<OsString> = words.collect();
    if words.first().is_none_or(|word| word != AS_OFFLINESYNC) {
        return Ok(words);
    }
    let words = std::iter::once(name).chain(words.into_iter().skip(1));
    Err(offlinesync_cli::run(words, offlinesync_cli::streams::Streams::of_process()).into())
}
