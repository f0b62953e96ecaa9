//! Long-lived credentials where a federation could stand, or stands
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#bp-workloads-use-roles>,
//! <https://cloud.google.com/iam/docs/best-practices-for-managing-service-account-keys>,
//! <https://learn.microsoft.com/entra/identity-platform/security-best-practices-for-app-registration>).

use super::super::engine::Context;
use super::super::finding::Finding;
use crate::catalogue::{RuleId, Severity};
use crate::graph::{Beside, Cloud, CredentialKind, Stands, StaticCredential, WorkloadKind};
use crate::partial::Text;
use crate::place::Span;
use crate::source::walk::FileKind;
use std::collections::{BTreeMap, BTreeSet};

/// Every finding about static credentials.
#[must_use]
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let accounts = Accounts::new(context);
    let all = &context.graph.static_credentials;
    // A key of a whole workflow is one, however many jobs it is handed to.
    let mut handed: BTreeSet<Span> = BTreeSet::new();
    let mut again = |c: &StaticCredential| c.stands == Stands::Job && c.span.is_some_and(|span| !handed.insert(span));
    let elsewhere = |c: &StaticCredential| told_elsewhere(all, c) || needed(context, c) || told_by_a_job(context, c);
    let told = all.iter().enumerate().filter(|(at, c)| !elsewhere(c) && !told_before(all, *at, c) && !again(c));
    told.map(|(_, c)| finding(context, &accounts, c)).collect()
}

/// A key beside the federated login of its own job is told with what it does there.
fn told_by_a_job(context: &Context<'_>, credential: &StaticCredential) -> bool {
    let Some(span) = credential.span.filter(|_| credential.stands == Stands::Job && !credential.written) else { return false };
    context.graph.jobs.iter().flat_map(super::jobs::stored).any(|(_, at, _)| context.same_line(at, span))
}

/// Providers that read one variable log in with one secret: it is told at the first.
fn told_before(all: &[StaticCredential], at: usize, credential: &StaticCredential) -> bool {
    credential.shared.is_some() && all.iter().take(at).any(|c| c.shared == credential.shared && c.kind == credential.kind)
}

/// A Secret that a workload takes is told at the workload, one whose key is written is told where it is written.
fn told_elsewhere(all: &[StaticCredential], credential: &StaticCredential) -> bool {
    let Some(secret) = &credential.secret else { return false };
    let same = |c: &&StaticCredential| c.cloud == credential.cloud && c.secret.as_ref().is_some_and(|s| s.may_be(secret));
    let mut others = all.iter().filter(same);
    match credential.stands {
        Stands::Kept => !credential.written && others.any(|c| matches!(c.stands, Stands::Given | Stands::Operated)),
        Stands::Given | Stands::Operated => others.any(|c| c.stands == Stands::Kept && c.written),
        Stands::Made | Stands::Job | Stands::Provider => false,
    }
}

/// What has no federation: the SMTP interface of SES takes a password that is made of an access key
/// (<https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html>).
fn needed(context: &Context<'_>, credential: &StaticCredential) -> bool {
    if credential.kind != CredentialKind::AccessKey || credential.stands != Stands::Made {
        return false;
    }
    let Some(own) = context.sources.get(credential.origin.span.file) else { return false };
    let folder = own.folder();
    let mut files = context.sources.all().into_iter().filter(|f| f.folder() == folder);
    files.any(|f| f.text.contains("ses_smtp_password_v4"))
}

fn finding(context: &Context<'_>, accounts: &Accounts<'_>, credential: &StaticCredential) -> Finding {
    let account = credential.account.as_ref().and_then(|(space, name)| accounts.federated(space.as_ref(), name, credential.cloud));
    let beside = credential.beside.clone().or_else(|| account.map(|span| Beside { span, shadowed: credential.stands == Stands::Given }));
    let bound = credential.account.as_ref().and_then(|(space, name)| accounts.administrator(space.as_ref(), name));
    let severity = match () {
        () if credential.written => Severity::Critical,
        () if beside.is_some() || bound.is_some() => Severity::High,
        () if credential.kind == CredentialKind::ClientCertificate => Severity::Low,
        () => Severity::Medium,
    };
    let edge = format!("{:?}|{:?}|{:?}", credential.cloud, credential.kind, credential.stands);
    let mut finding = Finding::new(
        RuleId::StaticCredential,
        &credential.origin,
        credential.span,
        &edge,
        message(credential, beside.as_ref(), in_state(context, credential)),
    )
    .severity(severity)
    .certain(credential.certain)
    .help(help(credential))
    .along(&credential.trail);
    if let Some(span) = beside.and_then(|b| b.span) {
        finding = finding.related_to(span, "the federated way in stands here");
    }
    match bound {
        Some(span) => finding.related_to(span, "the account is bound to `cluster-admin` here"),
        None => finding,
    }
}

/// Whether Terraform, or what is like it, makes it and remembers it: a command of a script prints it.
fn in_state(context: &Context<'_>, credential: &StaticCredential) -> bool {
    let file = context.sources.get(credential.origin.span.file);
    !matches!(file.and_then(|file| FileKind::of(&file.path)), Some(FileKind::Shell | FileKind::Markdown))
}

fn message(credential: &StaticCredential, beside: Option<&Beside>, in_state: bool) -> String {
    let what = noun(credential.kind);
    let place = match credential.stands {
        Stands::Made if credential.kind == CredentialKind::AccountToken => {
            "is made: whoever reads the Secret is the account until it is deleted"
        }
        // The default of its end (https://learn.microsoft.com/graph/api/application-addpassword).
        Stands::Made if credential.kind == CredentialKind::ClientSecret && in_state => {
            "is made: where no end is set it is valid for two years, and it ends up in the state and wherever it is copied to"
        }
        Stands::Made if in_state => "is made: it does not expire by itself, and it ends up in the state and wherever it is copied to",
        Stands::Made => "is made: it does not expire by itself, and whoever has a copy of the file is the identity",
        Stands::Kept => "is kept in a file: whoever reads it is the identity, until somebody rotates it",
        Stands::Given => "is given to the pods: whoever reads the Secret or the environment has it, until somebody rotates it",
        Stands::Operated => "is what this works with, where it could take a short-lived token",
        Stands::Job => "is handed to the job: every step and dependency can read it, and it is valid after the job",
        Stands::Provider => "is what Terraform logs in with, where it could take a short-lived token",
    };
    let written = if credential.written { ", and it is written in the file: treat it as leaked" } else { "" };
    let besides = match beside {
        Some(beside) if beside.shadowed => "; it is found before the ServiceAccount's own identity, which is never used",
        Some(_) => "; a federated way in stands beside it, so it is only a second, weaker door",
        None => "",
    };
    format!("a long-lived {what} {place}{written}{besides}")
}

fn noun(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::AccessKey => "access key of AWS",
        CredentialKind::ServiceAccountKey => "key of a Google service account",
        CredentialKind::HmacKey => "HMAC key of Cloud Storage",
        CredentialKind::ClientSecret => "client secret of Entra",
        CredentialKind::ClientCertificate => "client certificate of Entra",
        CredentialKind::AccountToken => "token of a ServiceAccount",
    }
}

fn help(credential: &StaticCredential) -> &'static str {
    match (credential.cloud, credential.stands) {
        (Cloud::Aws, Stands::Given | Stands::Operated) => {
            "give the ServiceAccount a role (`eks.amazonaws.com/role-arn` or Pod Identity) and delete the key"
        }
        (Cloud::Aws, Stands::Job) => {
            "log in with the job's own token (`role-to-assume` in GitHub Actions, `id_tokens` in GitLab), then delete the key"
        }
        (Cloud::Aws, _) => "let workloads assume a role by their own tokens, then delete the key",
        (Cloud::Google, Stands::Given | Stands::Operated) => {
            "use the ServiceAccount's own identity (Workload Identity Federation for GKE), then delete the key"
        }
        (Cloud::Google, Stands::Job) => {
            "log in with the job's own token (`workload_identity_provider` in GitHub Actions, `id_tokens` in GitLab), then delete the key"
        }
        (Cloud::Google, _) => "let workloads in through a workload identity pool or attach the service account, then delete the key",
        (Cloud::Azure, Stands::Given | Stands::Operated) => {
            "use workload identity (a federated credential and the ServiceAccount's annotation), then delete the secret"
        }
        (Cloud::Azure, Stands::Job) => "log in with `client-id`, `tenant-id` and a federated credential, then delete the secret",
        (Cloud::Azure, _) => "use a federated credential or a managed identity, then delete the secret",
        (Cloud::Kubernetes, _) => {
            "request a bounded token (`kubectl create token`, the TokenRequest API) or project one into the pod, then delete the Secret"
        }
    }
}

/// What ServiceAccounts are, by their names.
struct Accounts<'a> {
    named: BTreeMap<String, Vec<Account<'a>>>,
    administrators: BTreeMap<(String, String), Span>,
}

#[derive(Clone, Copy)]
struct Account<'a> {
    namespace: Option<&'a Text>,
    aws: Option<&'a Text>,
    google: Option<&'a Text>,
    azure: Option<&'a Text>,
}

impl<'a> Accounts<'a> {
    fn new(context: &'a Context<'_>) -> Self {
        let mut named: BTreeMap<String, Vec<Account<'a>>> = BTreeMap::new();
        for workload in &context.graph.workloads {
            if let WorkloadKind::ServiceAccount { namespace, name, aws_role, google_service_account, azure_client, .. } = &workload.kind
                && let Some(name) = name.as_known()
            {
                let (aws, google, azure) = (aws_role.as_ref(), google_service_account.as_ref(), azure_client.as_ref());
                named.entry(name).or_default().push(Account { namespace: namespace.as_ref(), aws, google, azure });
            }
        }
        let administrators = context.graph.administrators.iter().map(|a| ((a.namespace.clone(), a.name.clone()), a.span)).collect();
        Self { named, administrators }
    }

    /// The annotation that gives the account an identity of the cloud.
    fn federated(&self, namespace: Option<&Text>, name: &Text, cloud: Cloud) -> Option<Option<Span>> {
        let of = |account: &Account<'a>| match cloud {
            Cloud::Aws => account.aws,
            Cloud::Google => account.google,
            Cloud::Azure => account.azure,
            Cloud::Kubernetes => account.aws.or(account.google).or(account.azure),
        };
        let here = |account: &&Account<'a>| match (account.namespace, namespace) {
            (Some(own), Some(other)) => own.same(other),
            (own, other) => own.is_none() && other.is_none(),
        };
        let account = self.named.get(&name.as_known()?)?.iter().find(|a| here(a) && of(a).is_some())?;
        of(account).map(Text::span)
    }

    fn administrator(&self, namespace: Option<&Text>, name: &Text) -> Option<Span> {
        let key = (namespace.and_then(Text::as_known)?, name.as_known()?);
        self.administrators.get(&key).copied()
    }
}
