//! What logins name and ask for: the provider of a credential configuration or of a job, against those of the scan.

use super::Context;
use crate::catalogue::{RuleId, Severity};
use crate::gate::google::{self, Disabled};
use crate::graph::{
    CredentialConfig, GoogleProvider, GoogleSource, Login, Pool, ProviderId, ProviderKind, ProviderName, TokenSource, WorkloadKind,
};
use crate::partial::{Text, cut};
use crate::rules::Finding;

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for (index, config) in context.graph.credential_configs.iter().enumerate() {
        if let Some(finding) = form(config) {
            out.push(finding);
            continue;
        }
        out.extend(missing(context, index, config));
        let providers = context.links.login_providers.get(index).map_or(&[][..], Vec::as_slice);
        // Providers of one name in several projects: which is meant is not known.
        let [provider] = providers else { continue };
        out.extend(
            disabled(context, *provider, config)
                .or_else(|| presented(context, *provider, config))
                .or_else(|| audience(context, *provider, config)),
        );
    }
    out
}

fn what(config: &CredentialConfig) -> &'static str {
    match config.login {
        Login::Configuration => "configuration",
        Login::Job => "job",
    }
}

fn finding(rule: RuleId, config: &CredentialConfig, message: String) -> Finding {
    Finding::new(rule, &config.origin, config.audience.span(), &config.audience.to_string(), message).along_text(&config.audience)
}

/// The audience of a configuration is the whole name of a provider
/// (<https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token>). What a job writes is looked at by its own check.
fn form(config: &CredentialConfig) -> Option<Finding> {
    let known = config.audience.as_known().filter(|_| config.login == Login::Configuration)?;
    let workforce = known.contains("/workforcePools/");
    let named =
        if workforce { known.contains("/providers/") } else { known.contains("/workloadIdentityPools/") && known.contains("/providers/") };
    let wrong = if !known.starts_with("//iam.") && !known.starts_with("https://iam.") {
        "it does not begin with `//iam.googleapis.com/`"
    } else if !named {
        "it names no provider"
    } else {
        return None;
    };
    let message = format!("`{known}` is not the audience of a provider, {wrong}: the token exchange is refused");
    let help = "write `//iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`";
    Some(finding(RuleId::MalformedPrincipal, config, message).help(help))
}

fn google<'c>(context: &'c Context<'_>, id: ProviderId) -> Option<&'c GoogleProvider> {
    match &context.graph.provider(id)?.kind {
        ProviderKind::Google(google) => Some(google),
        ProviderKind::AwsOidc { .. } => None,
    }
}

/// The pool and its providers are declared in the scan, and none of them has the name.
fn missing(context: &Context<'_>, index: usize, config: &CredentialConfig) -> Option<Finding> {
    let name = ProviderName::parse(&config.audience)?;
    let provider = name.provider.as_ref()?.as_known()?;
    let [id] = context.links.login_pools.get(index)?.as_slice() else { return None };
    let pool: &Pool = context.graph.pool(*id)?;
    let ids = context.links.pool_providers.get(id.index())?;
    let known: Option<Vec<String>> = ids.iter().map(|p| google(context, *p).and_then(|g| g.name.as_known())).collect();
    let known = known.filter(|k| !k.is_empty() && !k.contains(&provider))?;
    let listed = known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
    let message = format!(
        "the pool `{}` has no provider `{provider}` in this scan (it has {listed}): the login of this {} is refused",
        pool.name,
        what(config)
    );
    let found = finding(RuleId::DanglingReference, config, message).severity(Severity::Medium).certain(false);
    Some(found.help("write the id of the provider that the workload is to use").related_to(pool.origin.span, "the pool"))
}

/// The provider exchanges no tokens.
fn disabled(context: &Context<'_>, id: ProviderId, config: &CredentialConfig) -> Option<Finding> {
    let off = google::disabled(context.graph, context.links, id)?;
    let provider = context.graph.provider(id)?;
    let which = match off {
        Disabled::Provider => "the provider is disabled",
        Disabled::Pool => "the pool of the provider is disabled",
    };
    let message = format!("this {} logs in through `{}`, and {which}: no token is exchanged", what(config), provider.origin.name);
    let found = finding(RuleId::DanglingReference, config, message).severity(Severity::High).certain(!provider.origin.conditional);
    Some(found.help("enable it, or log in through another provider").related_to(provider.origin.span, "the provider"))
}

/// What a configuration sends is of another kind than what the provider takes
/// (<https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token>, `subjectTokenType`).
fn presented(context: &Context<'_>, id: ProviderId, config: &CredentialConfig) -> Option<Finding> {
    const JWT: [&str; 2] = ["urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"];
    let external = config.external.as_ref()?;
    let token = external.token_type.as_ref()?;
    let sent = token.as_known()?;
    let provider = context.graph.provider(id)?;
    let (takes, right): (&str, &[&str]) = match &google(context, id)?.source {
        GoogleSource::Oidc { .. } => ("JSON Web Tokens", &JWT),
        GoogleSource::Aws { .. } => ("signed AWS requests", &["urn:ietf:params:aws:token-type:aws4_request"]),
        GoogleSource::Saml => ("SAML assertions", &["urn:ietf:params:oauth:token-type:saml2"]),
        GoogleSource::X509 => ("client certificates", &["urn:ietf:params:oauth:token-type:mtls"]),
        GoogleSource::Unknown => return None,
    };
    if right.contains(&sent.as_str()) {
        return None;
    }
    let message = format!(
        "the configuration sends `{sent}`, and the provider `{}` takes {takes}: the token exchange is refused",
        provider.origin.name
    );
    let found = Finding::new(RuleId::IssuerMismatch, &config.origin, token.span(), "token type", message).along_text(token);
    let aws = matches!(external.source, TokenSource::Aws { .. });
    let help = match right.first() {
        Some(right) if aws == right.contains("aws4") => format!("write `\"subject_token_type\": \"{right}\"`"),
        _ => "make the file anew with `gcloud iam workload-identity-pools create-cred-config` for this provider".to_owned(),
    };
    Some(found.help(help).related_to(provider.origin.span, "the provider"))
}

/// The audience of the token that pods find in the file which a configuration reads, where all pods that have the file agree.
fn projected(context: &Context<'_>, config: &CredentialConfig) -> Option<Text> {
    let Some(TokenSource::File { path }) = config.external.as_ref().map(|e| &e.source) else { return None };
    let path = path.as_known()?;
    let mut found: Option<&Text> = None;
    for workload in &context.graph.workloads {
        let WorkloadKind::Pods { settings, .. } = &workload.kind else { continue };
        for token in settings.tokens.iter().filter(|t| t.files.contains(&path)) {
            let audience = token.audience.as_ref()?;
            if found.is_some_and(|before| !before.same(audience)) {
                return None;
            }
            found = Some(audience);
        }
    }
    found.cloned()
}

/// The token that is asked for is not for an audience that the provider accepts.
fn audience(context: &Context<'_>, id: ProviderId, config: &CredentialConfig) -> Option<Finding> {
    let asked = &config.asks.clone().or_else(|| projected(context, config))?;
    let audience = asked.as_known()?;
    let provider = context.graph.provider(id)?;
    let GoogleSource::Oidc { audiences, .. } = &google(context, id)?.source else { return None };
    let accepted: Vec<String> = audiences.iter().map(Text::as_known).collect::<Option<_>>()?;
    let own = || {
        // The name that the login itself writes is the provider's.
        let name = cut::flat(&config.audience);
        let path = name.split_once("projects/").map_or("", |(_, path)| path).to_owned();
        ["https://iam.googleapis.com/projects/", "//iam.googleapis.com/projects/"].map(|start| format!("{start}{path}"))
    };
    if accepted.contains(&audience) || (accepted.is_empty() && own().contains(&audience)) {
        return None;
    }
    let listed = if accepted.is_empty() {
        "its own name".to_owned()
    } else {
        accepted.iter().map(|a| format!("`{a}`")).collect::<Vec<_>>().join(", ")
    };
    let message = format!(
        "the token is for `{audience}`, and the provider `{}` accepts {listed}: the token exchange is refused",
        provider.origin.name
    );
    let found =
        Finding::new(RuleId::AudienceMismatch, &config.origin, asked.span().or_else(|| config.audience.span()), "audience", message);
    let found = found.severity(Severity::High).certain(!provider.origin.conditional).along_text(asked);
    let help = format!("ask for an audience that the provider accepts, or add `{audience}` to its `allowed_audiences`");
    Some(found.help(help).related_to(provider.origin.span, "the provider"))
}
