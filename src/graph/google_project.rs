//! What is set up around federation in a project or an organisation of Google Cloud.

use super::Origin;
use crate::partial::{Text, Unknown};
use std::collections::BTreeSet;

/// APIs, audit logs and organisation policies that the scan manages.
#[derive(Debug, Clone, Default)]
pub struct GoogleProjects {
    /// APIs that are enabled.
    pub apis: Vec<EnabledApi>,
    /// Configurations of audit logs.
    pub audits: Vec<AuditConfig>,
    /// Organisation policies.
    pub policies: Vec<OrganizationPolicy>,
    /// Unknowns that resources take as the id of their project.
    pub ids: BTreeSet<Unknown>,
}

/// An API that is enabled in a project (<https://cloud.google.com/service-usage/docs/enable-disable>).
#[derive(Debug, Clone)]
pub struct EnabledApi {
    /// Where.
    pub origin: Origin,
    /// The project; none for the one that Terraform works in.
    pub project: Option<Text>,
    /// The API: `sts.googleapis.com`.
    pub service: Text,
}

/// Which calls of a service are logged (<https://cloud.google.com/logging/docs/audit/configure-data-access>).
#[derive(Debug, Clone)]
pub struct AuditConfig {
    /// Where.
    pub origin: Origin,
    /// The service: `allServices`.
    pub service: Text,
    /// Calls that read are logged, as exchanges of tokens are; none when that is not known.
    pub reads: Option<bool>,
}

/// A policy of an organisation, a folder or a project
/// (<https://cloud.google.com/resource-manager/docs/organization-policy/overview>).
#[derive(Debug, Clone)]
pub struct OrganizationPolicy {
    /// Where.
    pub origin: Origin,
    /// The constraint, without `constraints/`: `iam.disableServiceAccountKeyCreation`.
    pub constraint: Text,
    /// Where it lets everything through.
    pub allows_all: Option<crate::place::Span>,
}
