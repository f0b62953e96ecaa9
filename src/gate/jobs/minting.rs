//! What keeps a job from getting a token, in words.

use crate::graph::{CiSystem, NoToken};

/// Why a job gets no token, and what to do.
#[must_use]
pub fn no_token(why: &NoToken, system: CiSystem) -> (String, String) {
    const GRANT: &str = "add `permissions: {id-token: write, contents: read}`";
    match why {
        NoToken::Permissions => (
            "its `permissions` do not hold `id-token: write`, and what is not listed is taken away".to_owned(),
            "add `id-token: write` to the `permissions` of the job".to_owned(),
        ),
        NoToken::NoPermissions => {
            ("nothing says `permissions`, and the defaults never hold `id-token: write`".to_owned(), format!("{GRANT} to the job"))
        }
        NoToken::Caller(name) => (
            format!("its caller `{name}` does not have `id-token: write`, and a called workflow gets no more than its caller has"),
            format!("{GRANT} to the calling job"),
        ),
        NoToken::CallerDefaults(name) => (
            format!(
                "its caller `{name}` states no `permissions`, and where the repository's default is read-only GitHub refuses to start a workflow that wants more than its caller has"
            ),
            format!("{GRANT} to the calling job"),
        ),
        NoToken::StepWithoutOidc => ("the step does not say `oidc: true`".to_owned(), "add `oidc: true` to the step".to_owned()),
        NoToken::TokenOfOtherJob(name) => (
            format!("`{name}` is declared elsewhere, and the `id_tokens` of the job replace those of `default`"),
            format!("declare `{name}` under the `id_tokens` of the job"),
        ),
        NoToken::Removed(name) => (
            format!("{} removed `{name}`", system.name()),
            "declare a token under `id_tokens` with the audience that the trust wants".to_owned(),
        ),
        NoToken::NoAudience(name) => {
            (format!("`{name}` has no `aud`, which {} requires", system.name()), "set `aud` to what the trust wants".to_owned())
        }
    }
}
