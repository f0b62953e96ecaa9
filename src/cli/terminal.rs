//! What the terminal can show: colours, characters, columns.

use super::args::Colour;
use std::ffi::OsString;
use std::io::IsTerminal as _;

/// Columns of what is no terminal.
const WIDTH: usize = 100;

/// What the report is written to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    pub(super) is_terminal: bool,
    pub(super) colour: bool,
    pub(super) unicode: bool,
    pub(super) width: usize,
}

/// Standard output, or a file.
pub(super) fn terminal(choice: Colour, to_file: bool) -> Terminal {
    let is_terminal = !to_file && std::io::stdout().is_terminal();
    let environment = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let width = environment("COLUMNS").and_then(|c| c.to_str()?.parse().ok());
    let measured = || is_terminal.then(terminal_size::terminal_size).flatten().map(|(width, _)| usize::from(width.0));
    Terminal {
        is_terminal,
        colour: wants_colour(choice, is_terminal, &environment),
        unicode: shows_unicode(&environment),
        width: measured().or(width).unwrap_or(WIDTH),
    }
}

/// The flag decides, then `NO_COLOR` (<https://no-color.org>), then `FORCE_COLOR` (<https://force-color.org>) and
/// `CLICOLOR_FORCE`, then whether it is a terminal that knows colours.
fn wants_colour(choice: Colour, is_terminal: bool, environment: &dyn Fn(&str) -> Option<OsString>) -> bool {
    let forced = ["FORCE_COLOR", "CLICOLOR_FORCE"].into_iter().any(|name| environment(name).is_some_and(|value| value != "0"));
    match choice {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if environment("NO_COLOR").is_some() => false,
        Colour::Auto => forced || (is_terminal && environment("TERM").is_none_or(|term| term != "dumb")),
    }
}

/// Whether the locale is one of UTF-8: the first variable that is set decides
/// (<https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html>).
fn shows_unicode(environment: &dyn Fn(&str) -> Option<OsString>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(environment);
    match locale {
        Some(locale) => {
            let name = locale.to_string_lossy().to_ascii_lowercase();
            name.contains("utf-8") || name.contains("utf8")
        }
        None => cfg!(not(unix)) && environment("WT_SESSION").is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(set: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
    }

    #[test]
    fn who_decides_about_colours() {
        for (choice, is_terminal, set, expected) in [
            (Colour::Auto, true, &[][..], true),
            (Colour::Auto, false, &[], false),
            (Colour::Auto, true, &[("NO_COLOR", "1")], false),
            (Colour::Auto, true, &[("TERM", "dumb")], false),
            (Colour::Auto, false, &[("FORCE_COLOR", "1")], true),
            (Colour::Auto, false, &[("FORCE_COLOR", "0")], false),
            (Colour::Auto, false, &[("FORCE_COLOR", "1"), ("TERM", "dumb")], true),
            (Colour::Auto, false, &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], false),
            (Colour::Always, false, &[("NO_COLOR", "1")], true),
            (Colour::Never, true, &[("FORCE_COLOR", "1")], false),
        ] {
            assert_eq!(wants_colour(choice, is_terminal, &environment(set)), expected, "{choice:?} {is_terminal} {set:?}");
        }
    }

    #[test]
    fn the_locale_decides_about_characters() {
        for (set, expected) in [
            (&[("LANG", "C.UTF-8")][..], true),
            (&[("LANG", "de_DE.utf8")], true),
            (&[("LANG", "C")], false),
            (&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")], false),
            (&[("LC_CTYPE", "en_US.UTF-8"), ("LANG", "C")], true),
        ] {
            assert_eq!(shows_unicode(&environment(set)), expected, "{set:?}");
        }
    }
}
