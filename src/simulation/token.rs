//! What `--token` and the presets give: claims, a JWT, ready condition keys.

use super::{IssuerChoice, Presented};
use crate::issuers::tokens::{Github, github};
use crate::issuers::{ClaimPart, Role, Template};
use crate::token::Token;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Reads a token file: a JSON object of claims, `{"context": {…}}` with ready IAM condition keys, or a JWT.
///
/// # Errors
/// What the text is instead.
pub fn read(text: &str) -> Result<Presented, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("the token is empty".to_owned());
    }
    if text.starts_with('{') {
        let object: Map<String, Value> = serde_json::from_str(text).map_err(|e| format!("the token is not a JSON object: {e}"))?;
        return of_object(&object);
    }
    let note = "the signature of the JWT is not checked: only its claims are read".to_owned();
    let mut presented = of_object(&payload(text)?)?;
    presented.notes.push(note);
    Ok(presented)
}

/// The claims or the context of an object.
///
/// # Errors
/// A `context` that is no object.
pub(super) fn of_object(object: &Map<String, Value>) -> Result<Presented, String> {
    match object.get("context") {
        // A claim of that name stands beside others; ready keys stand alone.
        Some(Value::Object(context)) if object.len() == 1 => {
            Ok(Presented { claims: Token::from_json(context), ready: true, ..Presented::default() })
        }
        Some(_) if object.len() == 1 => Err("`context` must be an object of condition keys".to_owned()),
        _ => Ok(Presented { claims: Token::from_json(object), ..Presented::default() }),
    }
}

fn payload(jwt: &str) -> Result<Map<String, Value>, String> {
    let jwt = jwt.strip_prefix("Bearer ").unwrap_or(jwt);
    let mut parts = jwt.split('.');
    let (Some(_), Some(payload), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err("the token is neither a JSON object nor a JWT (three parts with dots between them)".to_owned());
    };
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).map_err(|_| "the payload of the JWT is not base64url".to_owned())?;
    serde_json::from_slice(&bytes).map_err(|e| format!("the payload of the JWT is not a JSON object: {e}"))
}

/// The preset of a GitHub Actions job.
#[derive(Debug, Clone, Default)]
pub struct GithubJob<'a> {
    /// `owner/repository`.
    pub repository: &'a str,
    /// `refs/heads/main`; empty is that.
    pub reference: &'a str,
    /// `push`; empty where the ref says it.
    pub event: &'a str,
    /// The deployment environment.
    pub environment: Option<&'a str>,
    /// The id of the owner.
    pub owner_id: Option<&'a str>,
    /// The id of the repository.
    pub repository_id: Option<&'a str>,
    /// The subject is an immutable one.
    pub immutable: bool,
    /// The audience.
    pub audience: Option<&'a str>,
    /// The issuer; none is github.com's.
    pub issuer: Option<&'a str>,
}

impl GithubJob<'_> {
    /// The job's token.
    ///
    /// # Errors
    /// A name that GitHub does not allow, an immutable subject without ids, an issuer that is not GitHub's.
    pub fn token(&self) -> Result<Presented, String> {
        let Some((owner, repository)) = self.repository.split_once('/').filter(|(o, r)| !o.is_empty() && !r.is_empty()) else {
            return Err(format!("`{}` is not a repository: write `owner/repository`", self.repository));
        };
        let ids = match (self.owner_id, self.repository_id) {
            (Some(owner), Some(repository)) if self.immutable => Some((owner, repository)),
            _ if self.immutable => {
                return Err("an immutable subject holds the ids: `--immutable` needs `--owner-id` and `--repository-id`".to_owned());
            }
            _ => None,
        };
        let job = Github {
            owner,
            repository,
            reference: self.reference,
            event: self.event,
            environment: self.environment,
            ids,
            audience: self.audience.unwrap_or_default(),
            issuer: self.issuer.unwrap_or_default(),
        };
        let token = github(&job).ok_or_else(|| self.refused());
        let mut presented = Presented { claims: token?, any_audience: self.audience.is_none(), ..Presented::default() };
        for (claim, id) in [("repository_owner_id", self.owner_id), ("repository_id", self.repository_id)] {
            match id {
                Some(id) => presented.claims.set(claim, id),
                None => {
                    presented.claims.claims.remove(claim);
                    presented.open_claims.push(claim.to_owned());
                }
            }
        }
        if !presented.open_claims.is_empty() {
            presented.open_notes.push("a test of an id that was not provided (`--owner-id`, `--repository-id`) is not decided".to_owned());
        }
        Ok(presented)
    }

    fn refused(&self) -> String {
        let issuer = self.issuer.map_or(String::new(), |i| format!(", or `{i}` is not an issuer of GitHub"));
        format!(
            "GitHub mints no such token: a name in `{}`, the ref `{}`, the event or the environment is not allowed{issuer}",
            self.repository, self.reference
        )
    }
}

impl Presented {
    /// Whoever asks for the token picks its audience.
    #[must_use]
    pub fn chooses_audience(&self) -> bool {
        if self.issuer != IssuerChoice::Stated {
            return true;
        }
        let recognised = self.claims.string("iss").and_then(|iss| self.issuers.recognise(iss).or_else(|| self.issuers.generic(iss)));
        let chosen = |template: &Template| match template.claim("aud") {
            Some([ClaimPart::Segment(index)]) => template.segments.get(*index).is_some_and(|s| s.role == Role::CallerChosen),
            _ => false,
        };
        recognised.is_some_and(|r| r.templates().iter().all(chosen))
    }

    /// The token in one line, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        if self.ready {
            return format!("{} ready condition keys", self.claims.claims.len());
        }
        let claim = |name: &str| self.claims.string(name).map(|v| format!("{name} `{v}`"));
        let issuer = match self.issuer {
            IssuerChoice::Stated => claim("iss"),
            IssuerChoice::Cluster => Some("any cluster's issuer (`--issuer` names one)".to_owned()),
            IssuerChoice::Spire => Some("any SPIRE server (`--issuer` names one)".to_owned()),
            IssuerChoice::Any => Some("the policy's own issuer".to_owned()),
        };
        let audience = if self.any_audience { Some("the customary audience of each cloud".to_owned()) } else { claim("aud") };
        let parts: Vec<String> = [issuer, claim("sub").or_else(|| claim("arn")), audience].into_iter().flatten().collect();
        parts.join(", ")
    }
}
