//! A token by what it is the token of: the options of `fedlint simulate`, the fields of an assertion of `fedlint test`.

use super::{GithubJob, IssuerChoice, Issuers, Presented, of_subject};
use crate::issuers::tokens;
use crate::token::Token;

/// What a token is the token of.
#[derive(Debug, Clone, Default)]
pub struct Preset {
    /// A job of this repository of GitHub: `owner/repository`.
    pub github: Option<String>,
    /// The job's ref.
    pub reference: Option<String>,
    /// The job's event.
    pub event: Option<String>,
    /// The job's deployment environment.
    pub environment: Option<String>,
    /// The id of the repository's owner.
    pub owner_id: Option<String>,
    /// The id of the repository.
    pub repository_id: Option<String>,
    /// The subject is an immutable one.
    pub immutable: bool,
    /// A pod with this ServiceAccount: `namespace/name`.
    pub kubernetes: Option<String>,
    /// A SPIFFE id.
    pub spiffe: Option<String>,
    /// A subject of the issuer.
    pub subject: Option<String>,
    /// The issuer.
    pub issuer: Option<String>,
    /// The audience; none is what is customary at each cloud.
    pub audience: Option<String>,
}

impl Preset {
    /// The token.
    ///
    /// # Errors
    /// What no issuer mints, or nothing that a token could be of.
    pub fn token(&self, issuers: &Issuers) -> Result<Presented, String> {
        let issuer = self.issuer.as_deref();
        let mut presented = if let Some(repository) = &self.github {
            let job = GithubJob {
                repository,
                reference: self.reference.as_deref().unwrap_or_default(),
                event: self.event.as_deref().unwrap_or_default(),
                environment: self.environment.as_deref(),
                owner_id: self.owner_id.as_deref(),
                repository_id: self.repository_id.as_deref(),
                immutable: self.immutable,
                audience: self.audience.as_deref(),
                issuer,
            };
            job.token()?
        } else if let (Some(subject), Some(issuer)) = (&self.subject, issuer) {
            of_subject(issuers, issuer, subject)?
        } else if let Some(name) = &self.kubernetes {
            service_account(name, issuer)?
        } else if let Some(id) = &self.spiffe {
            spiffe_id(id, issuer)?
        } else if self.subject.is_some() {
            return Err("a `subject` is that of an `issuer`".to_owned());
        } else {
            return Err("nothing says whose token it is".to_owned());
        };
        presented.issuers = issuers.clone();
        if let Some(audience) = &self.audience {
            presented.claims.set("aud", audience.clone());
            presented.any_audience = false;
        }
        Ok(presented)
    }
}

/// The token of a pod with this ServiceAccount.
///
/// # Errors
/// The name is none.
pub fn service_account(name: &str, issuer: Option<&str>) -> Result<Presented, String> {
    let (namespace, account) = name.split_once('/').ok_or_else(|| format!("`{name}` is not a ServiceAccount: write `namespace/name`"))?;
    let token = tokens::kubernetes(issuer.unwrap_or("https://kubernetes.default.svc"), namespace, account);
    let claims = token.ok_or_else(|| format!("`{name}` is not the name of a ServiceAccount: write `namespace/name`"))?;
    Ok(of_any(claims, issuer, IssuerChoice::Cluster))
}

/// The JWT-SVID of a SPIFFE id.
///
/// # Errors
/// The id is none.
pub fn spiffe_id(id: &str, issuer: Option<&str>) -> Result<Presented, String> {
    let token = tokens::spiffe(issuer.unwrap_or("https://spire.invalid"), id);
    let claims = token.ok_or_else(|| format!("`{id}` is no SPIFFE id: write `spiffe://trust-domain/path`"))?;
    Ok(of_any(claims, issuer, IssuerChoice::Spire))
}

fn of_any(claims: Token, issuer: Option<&str>, any: IssuerChoice) -> Presented {
    let choice = if issuer.is_some() { IssuerChoice::Stated } else { any };
    Presented { claims, any_audience: true, issuer: choice, ..Presented::default() }
}
