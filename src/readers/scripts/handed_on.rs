//! Commands inside of commands: what `sudo`, `timeout`, a container or a function of another file is given to run.

use super::call::{Field, spaced};
use crate::partial::Text;

/// Commands that run the command in their arguments.
const WRAPPERS: [&str; 7] = ["sudo", "command", "exec", "nohup", "time", "builtin", "env"];
/// Shells, which run the text behind `-c`.
const SHELLS: [&str; 5] = ["bash", "sh", "zsh", "dash", "ash"];
/// What stands behind `-o`, among the flags of a shell.
const OPTIONS: [&str; 5] = ["pipefail", "errexit", "nounset", "xtrace", "posix"];
/// Programs that make trust, wherever they stand in a command.
const CLOUDS: [&str; 4] = ["gcloud", "aws", "az", "eksctl"];
/// Programs that run what they are given, behind flags of their own.
const RUNNERS: [&str; 14] = [
    "sudo",
    "doas",
    "env",
    "timeout",
    "gtimeout",
    "nice",
    "ionice",
    "stdbuf",
    "flock",
    "docker",
    "podman",
    "nerdctl",
    "chronic",
    "caffeinate",
];
/// Programs for which the name of another is only a word.
const TALKERS: [&str; 14] = ["grep", "which", "type", "hash", "man", "help", "apt-get", "apt", "brew", "yum", "dnf", "apk", "pip", "alias"];

/// The command inside of commands that run another.
pub(super) fn unwrapped(mut fields: Vec<Field>) -> Vec<Field> {
    while let Some(name) = fields.first().and_then(Field::known) {
        if WRAPPERS.contains(&name.as_str()) {
            let flag_or_setting = |f: &Field| f.known().is_some_and(|k| k.starts_with('-') || (name == "env" && k.contains('=')));
            let skip = 1 + fields.iter().skip(1).take_while(|f| flag_or_setting(f)).count();
            fields.drain(..skip.min(fields.len()));
            continue;
        }
        // `kubectl exec … -- COMMAND`
        let runs = matches!(name.as_str(), "kubectl" | "oc") && fields.get(1).and_then(Field::known).as_deref() == Some("exec");
        let dashes = fields.iter().position(|f| f.known().as_deref() == Some("--"));
        match dashes.filter(|_| runs) {
            Some(at) => {
                fields.drain(..=at);
            }
            None => break,
        }
    }
    fields
}

/// What a command hands on to be run.
pub(super) enum HandedOn {
    /// Another command, as words.
    Command {
        /// Its name and arguments.
        fields: Vec<Field>,
        /// The one that runs it is known to run what it is given: of a program that nobody knows, this is a guess.
        certain: bool,
    },
    /// A script, as text, with what it is given.
    Script(Text, Vec<Field>),
}

/// The command or script in the arguments of another command.
pub(super) fn handed_on(fields: &[Field]) -> Option<HandedOn> {
    let name = program(fields.first()?).unwrap_or_default();
    if CLOUDS.contains(&name.as_str()) || TALKERS.contains(&name.as_str()) {
        return None;
    }
    if name == "eval" {
        return Some(HandedOn::Script(spaced(fields.get(1..)?), Vec::new()));
    }
    if let Some(at) = fields.iter().position(|f| program(f).is_some_and(|p| SHELLS.contains(&p.as_str())))
        && (at == 0 || RUNNERS.contains(&name.as_str()))
        && let Some((script, arguments)) = behind_c(fields.get(at + 1..)?)
    {
        return Some(HandedOn::Script(script, arguments));
    }
    let at = fields.iter().position(|f| program(f).is_some_and(|p| CLOUDS.contains(&p.as_str())))?;
    let inner = fields.get(at..)?;
    // `aws iam create-role …`: a name alone is the name of a thing.
    if inner.len() < 4 {
        return None;
    }
    Some(HandedOn::Command { fields: inner.to_vec(), certain: RUNNERS.contains(&name.as_str()) })
}

/// The text behind `-c` (also `-lc`, `-euo pipefail -c`), and the arguments behind it.
fn behind_c(fields: &[Field]) -> Option<(Text, Vec<Field>)> {
    let flag = |f: &Field| f.known().filter(|k| k.starts_with(['-', '+']) || OPTIONS.contains(&k.as_str()));
    let flags = fields.iter().take_while(|f| flag(f).is_some());
    let at = flags.filter_map(flag).position(|k| k.starts_with('-') && !k.starts_with("--") && k.ends_with('c'))?;
    let script = fields.get(at + 1)?.text.clone();
    // The first argument is `$0`.
    Some((script, fields.get(at + 3..).unwrap_or_default().to_vec()))
}

/// The name of a program without its folder.
fn program(field: &Field) -> Option<String> {
    field.known().and_then(|name| name.rsplit('/').next().map(str::to_owned))
}
