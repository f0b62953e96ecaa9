//! Configurations with which SPIRE does not start, and objects that are rejected.

use crate::catalogue::{RuleId, Severity};
use crate::graph::spiffe::{Refusal, RefusalKind};
use crate::rules::Finding;
use crate::rules::engine::Context;

/// Every refusal.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    context.graph.spiffe.refusals.iter().map(one).collect()
}

fn one(refusal: &Refusal) -> Finding {
    let (message, help) = told(refusal.kind);
    let edge = format!("{:?}", refusal.kind);
    let finding = Finding::new(RuleId::RejectedSpireConfiguration, &refusal.origin, refusal.span, &edge, message).help(help);
    // The source of the bundle may be a flag of the command line.
    if refusal.kind == RefusalKind::NoBundleSource { finding.severity(Severity::Low).certain(false) } else { finding }
}

fn told(kind: RefusalKind) -> (&'static str, &'static str) {
    match kind {
        RefusalKind::TwoBundleSources => (
            "the agent does not start: only one of `insecure_bootstrap`, `trust_bundle_path` and `trust_bundle_url` is allowed",
            "keep the bundle and remove `insecure_bootstrap`",
        ),
        RefusalKind::InsecureRebootstrap => (
            "the agent does not start: `insecure_bootstrap` cannot be combined with bootstrapping again",
            "set `trust_bundle_path` or `trust_bundle_url` instead of `insecure_bootstrap`",
        ),
        RefusalKind::PlainBundleUrl => (
            "the agent does not start: the URL of the trust bundle must be https",
            "write `https://`; http is for `trust_bundle_unix_socket` only",
        ),
        RefusalKind::SecureUrlOverSocket => {
            ("the agent does not start: through `trust_bundle_unix_socket` the URL must be http", "write `http://localhost/PATH`")
        }
        RefusalKind::NoBundleSource => {
            ("the agent does not start: nothing says where its first trust bundle comes from", "set `trust_bundle_path`")
        }
        RefusalKind::NoAccounts => (
            "the server does not load `k8s_psat`: a cluster needs at least one account in `service_account_allow_list`",
            "name the agents' account: `[\"NAMESPACE:ACCOUNT\"]`",
        ),
        RefusalKind::StarAccount => (
            "a `*` in `service_account_allow_list` is compared like any other character: no agent of this account is ever attested",
            "name namespace and account in full",
        ),
        RefusalKind::NoProjects => (
            "the server does not load `gcp_iit`: `projectid_allow_list` is required",
            "name the projects whose instances may become agents",
        ),
        RefusalKind::EveryPort => (
            "the server does not load `http_challenge`: `tofu` can only be switched off where one port, or a port below 1024, is asked for",
            "set `required_port`, or `allow_non_root_ports = false`",
        ),
        RefusalKind::IssuerWithoutScheme => (
            "the discovery provider does not start: `jwt_issuer` must be a URL with a scheme",
            "write `https://` before it, as in the server's `jwt_issuer`",
        ),
        RefusalKind::NeedlessEndpointId => (
            "the object is rejected: `endpointSPIFFEID` belongs to profile `https_spiffe` only",
            "remove `endpointSPIFFEID`, or set the profile to `https_spiffe`",
        ),
        RefusalKind::NoSelectors => ("the server refuses the entry: it has no selector", "name at least one selector"),
        RefusalKind::FederatedNode => ("the server refuses the entry: a node entry cannot federate", "remove `-federatesWith`"),
    }
}
