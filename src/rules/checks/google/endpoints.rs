//! What a credential configuration makes a client library call and run. Google tells its users to validate configurations
//! from elsewhere before they are used (<https://cloud.google.com/docs/authentication/client-libraries#external-credentials>).

use super::Context;
use crate::catalogue::{RuleId, Severity};
use crate::graph::{CredentialConfig, Endpoint, ExternalAccount, TokenSource};
use crate::partial::{Text, cut};
use crate::rules::Finding;

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for config in &context.graph.credential_configs {
        let Some(external) = &config.external else { continue };
        out.extend(external.endpoints.iter().filter_map(|(what, url)| endpoint(config, external, *what, url)));
        out.extend(executable(config, &external.source));
    }
    out
}

/// Host and scheme of an address.
struct Address {
    secure: bool,
    host: String,
}

/// The address as far as it is written: none where scheme or host are not known.
fn address(url: &Text) -> Option<Address> {
    let known = cut::flat(url);
    let (scheme, rest) = known.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    // What stands before an `@` is a user's name, and no host.
    let host = authority.rsplit('@').next()?;
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next()?,
        None => host.split(':').next()?,
    };
    if host.is_empty() || host.contains(cut::HOLE) || host.contains(['$', '<']) {
        return None;
    }
    Some(Address { secure: scheme.eq_ignore_ascii_case("https"), host: host.trim_end_matches('.').to_ascii_lowercase() })
}

/// Addresses of the machine itself and of its metadata service: no other machine answers there.
fn is_local(host: &str) -> bool {
    const METADATA: [&str; 4] = ["fd00:ec2::254", "metadata.google.internal", "localhost", "::1"];
    METADATA.contains(&host) || host.starts_with("169.254.") || host.starts_with("127.")
}

/// Names that only resolve inside a network of one's own.
fn is_private(host: &str) -> bool {
    let private = host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_private());
    is_local(host) || private || !host.contains('.') || [".internal", ".local", ".svc", ".lan"].iter().any(|end| host.ends_with(end))
}

/// A host of one of Google's services: `sts.googleapis.com`, its regional, mutual-TLS and private forms, and the same in a
/// universe of Google's (<https://cloud.google.com/iam/docs/reference/sts/rest>).
fn is_google(host: &str, service: &str, universe: Option<&str>) -> bool {
    let domains = ["googleapis.com", "apis-s3ns.fr"];
    let own = domains.iter().find_map(|domain| host.strip_suffix(domain));
    let declared = universe.filter(|u| u.ends_with(".goog")).and_then(|u| host.strip_suffix(u));
    let Some(labels) = own.or(declared).and_then(|rest| rest.strip_suffix('.')) else { return false };
    labels.split('.').any(|l| {
        l == service
            || l.strip_suffix(service).is_some_and(|b| b.ends_with('-'))
            || l.strip_prefix(service).is_some_and(|a| a.starts_with('-'))
    })
}

/// `sts.amazonaws.com`, `sts.{region}.amazonaws.com`, `sts.cn-north-1.amazonaws.com.cn`.
fn is_amazon(host: &str) -> bool {
    let domains = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".sc2s.sgov.gov", ".c2s.ic.gov"];
    let name = domains.iter().find_map(|d| host.strip_suffix(d));
    name.is_some_and(|n| n.split('.').any(|l| l == "sts" || l == "sts-fips") || n.ends_with(".vpce"))
}

fn endpoint(config: &CredentialConfig, external: &ExternalAccount, what: Endpoint, url: &Text) -> Option<Finding> {
    let address = address(url)?;
    let universe = external.universe.as_ref().and_then(Text::as_known);
    let google = |service: &str| is_google(&address.host, service, universe.as_deref()) && address.secure;
    let (severity, effect, expected) = match what {
        Endpoint::Token | Endpoint::TokenInfo if google("sts") || is_local(&address.host) => return None,
        Endpoint::Token | Endpoint::TokenInfo => (
            Severity::Critical,
            "whoever answers there gets the workload's token and can exchange it",
            "https://sts.googleapis.com/v1/token",
        ),
        Endpoint::Impersonation if google("iamcredentials") || is_local(&address.host) => return None,
        Endpoint::Impersonation => (
            Severity::Critical,
            "whoever answers there gets the federated token and can use it",
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/EMAIL:generateAccessToken",
        ),
        Endpoint::AwsCredentials | Endpoint::AwsRegion | Endpoint::AwsSession if is_local(&address.host) => return None,
        Endpoint::AwsCredentials | Endpoint::AwsRegion | Endpoint::AwsSession => (
            Severity::High,
            "the client takes AWS settings from a host that is not the instance's metadata service",
            "http://169.254.169.254/…",
        ),
        Endpoint::AwsVerification if is_amazon(&address.host) && address.secure => return None,
        Endpoint::AwsVerification => (
            Severity::High,
            "the request is signed for a host that is not Amazon's, and Google refuses it",
            "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        ),
        Endpoint::SubjectToken if address.secure || is_private(&address.host) => return None,
        Endpoint::SubjectToken => (
            Severity::Medium,
            "the workload's token crosses the network without encryption",
            "https://…, or a service of the machine itself",
        ),
    };
    let message = format!("`{}` of this credential configuration is not what it should be: {effect}", address.host);
    let finding = Finding::new(RuleId::UntrustedCredentialConfig, &config.origin, url.span(), &url.to_string(), message).severity(severity);
    Some(
        finding
            .help(format!("write `{expected}`, or make the file anew with `gcloud iam workload-identity-pools create-cred-config`"))
            .along_text(url),
    )
}

/// A program prints the token: whoever can change the program, or what it downloads, has the identity.
fn executable(config: &CredentialConfig, source: &TokenSource) -> Option<Finding> {
    let TokenSource::Executable { command } = source else { return None };
    let flat = cut::flat(command);
    let program = flat.split_whitespace().next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or(program);
    let shell = ["sh", "bash", "dash", "zsh", "ash", "pwsh", "powershell", "cmd", "cmd.exe"].contains(&name);
    let composed =
        shell && flat.split_whitespace().any(|w| w == "-c" || w.eq_ignore_ascii_case("/c") || w.eq_ignore_ascii_case("-command"));
    let known = !program.contains(cut::HOLE);
    let anywhere = known && !program.starts_with('/') && !program.starts_with("~/") && !program.contains(":\\");
    let shared = ["/tmp/", "/var/tmp/", "/dev/shm/"].iter().any(|d| program.starts_with(d));
    let (severity, why) = match () {
        () if composed => (Severity::High, "a shell line decides what token is sent"),
        () if shared => (Severity::High, "the program is in a folder that every user of the machine may write to"),
        () if anywhere => (Severity::Medium, "the program is found by the working directory or the search path"),
        () => (Severity::Low, "whoever can change the program has the identity"),
    };
    let message = format!("the token comes from a program that the client library runs: {why}");
    let finding = Finding::new(RuleId::ExecutableCredentialSource, &config.origin, command.span(), &command.to_string(), message);
    let help = "read the token from a file or a URL of the platform; where a program is needed, name it by its absolute path, in a folder that only the administrator may write to";
    Some(finding.severity(severity).help(help).along_text(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(url: &str) -> Option<(String, bool)> {
        address(&Text::known(url)).map(|a| (a.host, a.secure))
    }

    #[test]
    fn hosts_of_addresses() {
        assert_eq!(host("https://sts.googleapis.com/v1/token"), Some(("sts.googleapis.com".to_owned(), true)));
        assert_eq!(host("https://sts.googleapis.com:443@relay.example/v1"), Some(("relay.example".to_owned(), true)));
        assert_eq!(host("http://[fd00:ec2::254]/latest"), Some(("fd00:ec2::254".to_owned(), false)));
        assert_eq!(host("HTTPS://STS.GoogleApis.com./v1"), Some(("sts.googleapis.com".to_owned(), true)));
        assert_eq!(host("${STS}/v1/token"), None);
        assert_eq!(host("sts.googleapis.com/v1/token"), None);
    }

    #[test]
    fn hosts_of_google() {
        for host in [
            "sts.googleapis.com",
            "sts.mtls.googleapis.com",
            "sts.europe-west1.rep.googleapis.com",
            "us-east1-sts.googleapis.com",
            "sts-ep.p.googleapis.com",
        ] {
            assert!(is_google(host, "sts", None), "{host}");
        }
        for host in ["googleapis.com", "storage.googleapis.com", "sts.googleapis.com.relay.example", "stsgoogleapis.com", "sts.example.com"]
        {
            assert!(!is_google(host, "sts", Some("example.com")), "{host}");
        }
        assert!(is_google("sts.apis-berlin-build0.goog", "sts", Some("apis-berlin-build0.goog")));
    }

    #[test]
    fn hosts_of_amazon() {
        for host in ["sts.{region}.amazonaws.com", "sts.amazonaws.com", "sts.cn-north-1.amazonaws.com.cn"] {
            assert!(is_amazon(host), "{host}");
        }
        for host in ["sts.{region}.amazonaws.com.relay.example", "s3.amazonaws.com", "amazonaws.com"] {
            assert!(!is_amazon(host), "{host}");
        }
    }
}
