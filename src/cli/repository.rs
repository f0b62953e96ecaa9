//! What the checked repository is called by its forge: the configuration says it, else the CI job that checks its own checkout, else
//! the address that git fetches from. What none of them says is not known.

use super::args::Inputs;
use crate::config::Config;
use crate::graph::{CiSystem, NamedBy, OwnRepository};
use crate::source::regular;
use crate::source::walk::{repository, shown_folder};
use std::path::{Path, PathBuf};

/// What the environment of a CI job says: the folder of the checkout, the name of the repository, the forge
/// (<https://docs.github.com/en/actions/reference/workflows-and-actions/variables>,
/// <https://docs.gitlab.com/ci/variables/predefined_variables/>).
const JOBS: [(&str, &str, CiSystem); 2] =
    [("GITHUB_WORKSPACE", "GITHUB_REPOSITORY", CiSystem::Github), ("CI_PROJECT_DIR", "CI_PROJECT_PATH", CiSystem::Gitlab)];
/// Longest file of one line that git writes.
const MAX_LINE: u64 = 4 << 10;
/// Longest name of a repository.
const MAX_NAME: usize = 512;

/// The repository of what is read; `tree`: git's settings in the tree count.
pub(super) fn own(inputs: &Inputs, config: &Config, tree: bool) -> Option<OwnRepository> {
    let here = std::env::current_dir().ok()?;
    // without a repository the project ends where its configuration is
    let configured = || Some((config.folder.clone()?, inputs.paths.iter().all(|path| path.is_relative())));
    let (root, climb) = root(&here, &inputs.paths).or_else(configured)?;
    let folder = shown_folder(&here, &root, climb);
    let variable = |name: &str| std::env::var(name).ok();
    let (name, system, by) = named(&root, config.repository.as_deref(), &variable, tree)?;
    Some(OwnRepository { folder, name, system, by })
}

/// The one repository that all paths are in, and whether they are shown from the working directory.
fn root(here: &Path, paths: &[PathBuf]) -> Option<(PathBuf, bool)> {
    let of = |path: &PathBuf| {
        let path = crate::place::paths::tidy(&here.join(path));
        repository(if path.is_dir() { &path } else { path.parent()? })
    };
    let first = of(paths.first()?)?;
    let one = paths.iter().all(|path| of(path).as_ref() == Some(&first));
    one.then(|| (first, paths.iter().all(|path| path.is_relative())))
}

fn named(
    root: &Path,
    configured: Option<&str>,
    variable: &dyn Fn(&str) -> Option<String>,
    tree: bool,
) -> Option<(String, Option<CiSystem>, NamedBy)> {
    if let Some(name) = configured {
        return Some((name.to_owned(), None, NamedBy::Configuration));
    }
    for (workspace, name, system) in JOBS {
        let checkout = variable(workspace).filter(|path| !path.is_empty()).map(PathBuf::from);
        // the job may have checked out another repository beside its own, or be one of the tree's own tests
        let here = checkout.and_then(|path| path.canonicalize().ok()).is_some_and(|path| root.canonicalize().ok() == Some(path));
        if let Some(name) = variable(name).filter(|name| here && is_name(name, system)) {
            return Some((name, Some(system), NamedBy::Environment));
        }
    }
    let (name, system) = tree.then(|| remote(root)).flatten()?;
    Some((name, Some(system), NamedBy::Remote))
}

/// What git fetches from, by its settings in the repository itself; settings that include others are not followed.
fn remote(root: &Path) -> Option<(String, CiSystem)> {
    let root = root.canonicalize().ok()?;
    let git = root.join(".git");
    let text = if git.is_dir() { settings(&git, &root)? } else { elsewhere(&git, &root)? };
    address(&origin(&text)?)
}

fn settings(git: &Path, within: &Path) -> Option<String> {
    regular::text(&git.join("config"), regular::MAX_SETTINGS, Some(within)).ok()
}

/// The settings where a file `.git` names the folder of git. Whoever wrote the tree may name any folder: it counts when the folder
/// says of itself that this tree is its own, as git does for a further work tree (the file `gitdir`,
/// <https://git-scm.com/docs/gitrepository-layout>) and for a submodule (`core.worktree`).
fn elsewhere(git: &Path, root: &Path) -> Option<String> {
    let line = |path: &Path, within: &Path| regular::text(path, MAX_LINE, Some(within)).ok();
    let own = root.join(line(git, root)?.strip_prefix("gitdir:")?.trim()).canonicalize().ok()?;
    let is_same = |path: &Path| path.canonicalize().is_ok_and(|path| path == root);
    if let Some(back) = line(&own.join("gitdir"), &own) {
        let back = own.join(back.trim());
        if !(back.file_name().is_some_and(|name| name == ".git") && is_same(back.parent()?)) {
            return None;
        }
        let common = own.join(line(&own.join("commondir"), &own)?.trim()).canonicalize().ok()?;
        // `worktrees/NAME` in the folder that all work trees share
        return own.starts_with(common.join("worktrees")).then(|| settings(&common, &common)).flatten();
    }
    let text = settings(&own, &own)?;
    let tree = value(&text, "core", "worktree")?;
    is_same(&own.join(tree)).then_some(text)
}

/// The first value of a key in a section without a name.
fn value(text: &str, section: &str, key: &str) -> Option<String> {
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            inside = header.split_once(']').is_some_and(|(name, _)| name.trim().eq_ignore_ascii_case(section));
            continue;
        }
        let Some((name, value)) = line.split_once('=').filter(|_| inside) else { continue };
        if name.trim().eq_ignore_ascii_case(key) {
            return Some(value.trim().trim_matches('"').to_owned());
        }
    }
    None
}

/// The first address of the remote `origin`, or of the only one (<https://git-scm.com/docs/git-config#_configuration_file>).
fn origin(text: &str) -> Option<String> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut section: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.split_once(']').and_then(|(inside, _)| remote_name(inside));
            continue;
        }
        let (Some(name), Some((key, value))) = (&section, line.split_once('=')) else { continue };
        if key.trim().eq_ignore_ascii_case("url") && found.iter().all(|(known, _)| known != name) {
            found.push((name.clone(), value.trim().trim_matches('"').to_owned()));
        }
    }
    let origin = found.iter().find(|(name, _)| name == "origin");
    let only = if let [only] = found.as_slice() { Some(only) } else { None };
    origin.or(only).map(|(_, url)| url.clone())
}

/// `remote "NAME"`
fn remote_name(header: &str) -> Option<String> {
    let (kind, name) = header.trim().split_once(char::is_whitespace)?;
    kind.eq_ignore_ascii_case("remote").then(|| name.trim().trim_matches('"').to_owned())
}

/// The repository and the forge of an address: `https://github.com/octo/app.git`, `git@github.com:octo/app`. A host that is only a name
/// of somebody's own (`git@work:octo/app`) is not known.
fn address(url: &str) -> Option<(String, CiSystem)> {
    let (authority, path) = match url.split_once("://") {
        Some((scheme, rest)) if ["https", "http", "ssh", "git"].contains(&scheme) => rest.split_once('/')?,
        Some(_) => return None,
        None => url.split_once(':')?,
    };
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    let system = match host.as_str() {
        "github.com" | "ssh.github.com" => CiSystem::Github,
        "gitlab.com" | "altssh.gitlab.com" => CiSystem::Gitlab,
        _ if host.ends_with(".ghe.com") => CiSystem::Github,
        _ => return None,
    };
    let path = path.trim_matches('/');
    let name = path.strip_suffix(".git").unwrap_or(path);
    is_name(name, system).then(|| (name.to_owned(), system))
}

/// `owner/name`; GitLab's groups nest.
fn is_name(name: &str, system: CiSystem) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    let many = if system == CiSystem::Github { parts.len() == 2 } else { parts.len() >= 2 };
    let word = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    many && name.len() <= MAX_NAME && parts.iter().all(word)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn addresses() {
        let named = |url: &str| address(url).map(|(name, system)| format!("{} {name}", system.name()));
        for url in [
            "https://github.com/octo/app.git",
            "https://token:x@github.com/octo/app",
            "git@github.com:octo/app.git",
            "ssh://git@ssh.github.com:443/octo/app/",
        ] {
            assert_eq!(named(url).as_deref(), Some("GitHub octo/app"), "{url}");
        }
        assert_eq!(named("git@gitlab.com:group/sub/app.git").as_deref(), Some("GitLab group/sub/app"));
        for url in
            ["git@work:octo/app", "/srv/git/app.git", "file:///srv/app", "https://github.com/octo", "https://github.com/a/b/c", "x", ""]
        {
            assert_eq!(named(url), None, "{url}");
        }
        assert_eq!(named("https://github.com/octo/\u{202e}app"), None);
    }

    #[test]
    fn remotes() {
        let text = "[core]\n\turl = no\n[remote \"fork\"]\n\turl = git@github.com:me/app\n[Remote \"origin\"]\n  URL = https://github.com/octo/app\n\turl = other\n";
        assert_eq!(origin(text).as_deref(), Some("https://github.com/octo/app"));
        assert_eq!(origin("[remote \"up\"]\nurl = a\n").as_deref(), Some("a"));
        assert_eq!(origin("[remote \"a\"]\nurl = a\n[remote \"b\"]\nurl = b\n"), None);
        assert_eq!(origin("[remote \"origin\"\nurl = a\n"), None);
    }

    #[test]
    fn the_configuration_stands_before_the_job_and_the_job_before_the_remote() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir(root.join(".git")).unwrap();
        std::fs::write(root.join(".git/config"), "[remote \"origin\"]\n\turl = git@github.com:octo/remote.git\n").unwrap();
        let job = |workspace: &Path| {
            let workspace = workspace.to_string_lossy().into_owned();
            move |name: &str| match name {
                "GITHUB_WORKSPACE" => Some(workspace.clone()),
                "GITHUB_REPOSITORY" => Some("octo/job".to_owned()),
                _ => None,
            }
        };
        let name = |configured, variable: &dyn Fn(&str) -> Option<String>, tree| named(&root, configured, variable, tree).map(|n| n.0);
        assert_eq!(name(Some("octo/own"), &job(&root), true).as_deref(), Some("octo/own"));
        assert_eq!(name(None, &job(&root), true).as_deref(), Some("octo/job"));
        // a job that checks another folder than its own checkout says nothing of it
        assert_eq!(name(None, &job(Path::new("/")), true).as_deref(), Some("octo/remote"));
        assert_eq!(name(None, &|_| None, true).as_deref(), Some("octo/remote"));
        assert_eq!(name(None, &|_| None, false), None);
    }

    #[cfg(unix)]
    #[test]
    fn settings_that_lead_elsewhere_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("tree"), folder.path().join("outside"));
        std::fs::create_dir_all(inside.join(".git")).unwrap();
        std::fs::write(&outside, "[remote \"origin\"]\n\turl = git@github.com:octo/secret.git\n").unwrap();
        std::os::unix::fs::symlink(&outside, inside.join(".git/config")).unwrap();
        assert_eq!(remote(&inside), None);
        std::fs::remove_dir_all(inside.join(".git")).unwrap();
        std::fs::write(inside.join(".git"), "gitdir: ../outside\n").unwrap();
        assert_eq!(remote(&inside), None);
        // a folder of git that knows nothing of this tree, or says that it belongs to another one
        let other = folder.path().join("other/.git");
        std::fs::create_dir_all(&other).unwrap();
        std::fs::write(inside.join(".git"), "gitdir: ../other/.git\n").unwrap();
        for settings in ["", "[core]\n\tworktree = ../../elsewhere\n"] {
            let url = "[remote \"origin\"]\n\turl = git@github.com:octo/secret.git\n";
            std::fs::write(other.join("config"), format!("{settings}{url}")).unwrap();
            assert_eq!(remote(&inside), None);
        }
    }

    #[test]
    fn a_work_tree_and_a_submodule_have_the_address_of_their_repository() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, git) = (folder.path().join("tree"), folder.path().join("main/.git"));
        let write = |path: &Path, text: &str| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let url = "[remote \"origin\"]\n\turl = git@github.com:octo/app.git\n";
        write(&git.join("config"), url);
        write(&tree.join(".git"), "gitdir: ../main/.git/worktrees/tree\n");
        write(&git.join("worktrees/tree/commondir"), "../..\n");
        let back = |path: &Path| write(&git.join("worktrees/tree/gitdir"), &format!("{}\n", path.join(".git").display()));
        back(&tree);
        let app = Some(("octo/app".to_owned(), CiSystem::Github));
        assert_eq!(remote(&tree), app);
        back(folder.path());
        assert_eq!(remote(&tree), None);
        // what all work trees share is what the folder lies in
        back(&tree);
        write(&folder.path().join("third/.git/config"), url);
        write(&git.join("worktrees/tree/commondir"), "../../../../third/.git\n");
        assert_eq!(remote(&tree), None);
        let part = folder.path().join("main/part");
        write(&part.join(".git"), "gitdir: ../.git/modules/part\n");
        write(&git.join("modules/part/config"), &format!("[core]\n\tworktree = ../../../part\n{}", url.replace("app", "part")));
        assert_eq!(remote(&part), Some(("octo/part".to_owned(), CiSystem::Github)));
    }
}
