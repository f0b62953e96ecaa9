//! Names that are wrong by their form: members, audiences, pools, providers
//! (<https://cloud.google.com/iam/docs/principal-identifiers>).

use super::Context;
use super::spelling::Spelling;
use crate::admission::cel::google::{Member, MemberKind, MemberProblem, MemberProblemKind, ProjectKind, Selector};
use crate::catalogue::{Category, Confidence, RuleId, Severity};
use crate::graph::{Declared, Gate, GoogleSource, Login, Origin, ProviderKind, Trust};
use crate::partial::{Text, Unknown, cut, stand_in};
use crate::place::Span;
use crate::rules::Finding;
use crate::source::Sources;
use std::collections::{BTreeMap, BTreeSet};

/// Unknowns that are likely a project's id.
type Ids = BTreeSet<Unknown>;

/// What is known of projects.
struct Projects<'a> {
    ids: &'a Ids,
    /// Their numbers by their ids, as the configuration has them.
    numbers: &'a BTreeMap<String, String>,
    /// To speak the language of the file.
    sources: &'a Sources,
}

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    let projects = &Projects { ids: &context.graph.google_projects.ids, numbers: &context.config.tenants.google, sources: context.sources };
    for (index, trust) in context.graph.trusts.iter().enumerate() {
        if let Gate::GoogleMember { member, .. } = &trust.gate {
            let found = of_member(projects, &trust.origin, member);
            out.extend(found.map(|f| with_what_follows(context, index, trust, f)));
        }
    }
    for provider in &context.graph.providers {
        let ProviderKind::Google(google) = &provider.kind else { continue };
        if let GoogleSource::Oidc { audiences, .. } = &google.source {
            out.extend(audiences.iter().filter_map(|a| of_resource(projects, &provider.origin, a, "an audience")));
            out.extend(audiences.iter().filter_map(|a| location(&provider.origin, a)));
        }
        out.extend(of_id(&provider.origin, &google.name, "provider"));
    }
    for pool in &context.graph.pools {
        out.extend(of_id(&pool.origin, &pool.name, "pool"));
        out.extend(pool.location.as_ref().and_then(|location| of_location(&pool.origin, location)));
    }
    for config in &context.graph.credential_configs {
        if config.login == Login::Job {
            out.extend(of_login(projects, &config.origin, &config.audience));
            continue;
        }
        out.extend(of_resource(projects, &config.origin, &config.audience, "an audience"));
        out.extend(location(&config.origin, &config.audience));
    }
    out
}

/// What to write, with the number where the configuration knows it (`tenants.google`).
fn number_help(projects: &Projects<'_>, origin: &Origin, project: &Text) -> String {
    let number = project.as_known().and_then(|id| projects.numbers.get(&id).cloned());
    match number {
        Some(number) => format!("write the number, `{number}` (`tenants.google` of the configuration)"),
        None => Spelling::of(projects.sources, origin).project_number().to_owned(),
    }
}

fn of_member(projects: &Projects<'_>, origin: &Origin, text: &Text) -> Option<Finding> {
    let ids = projects.ids;
    match Member::parse(text) {
        Err(problem) => malformed(ids, origin, text, &problem),
        Ok(member) => project_id(projects, origin, &member).or_else(|| of_cluster(origin, &member)),
    }
}

/// A binding that nobody can use for its name alone, and that lets too many in once the name is mended, says both.
fn with_what_follows(context: &Context<'_>, index: usize, trust: &Trust, finding: Finding) -> Finding {
    if finding.rule != RuleId::ProjectIdInPrincipal || finding.confidence != Confidence::Proven {
        return finding;
    }
    let open = |f: &Finding| f.category == Category::Exposure && f.severity >= Severity::Medium;
    let Some(next) = super::binding::once_named(context, index, trust).into_iter().filter(open).max_by_key(|f| f.severity) else {
        return finding;
    };
    finding.related_to(next.span, format!("mended, this is `{}`: {}", next.rule, next.message))
}

/// The form is none of IAM's.
fn malformed(ids: &Ids, origin: &Origin, text: &Text, problem: &MemberProblem) -> Option<Finding> {
    let (rule, help) = match problem.kind {
        MemberProblemKind::Location => {
            (RuleId::PoolLocation, "write `locations/global`: pools have no other location, whatever the regions of the workloads")
        }
        MemberProblemKind::LegacyForm if legacy_number(ids, text).is_some() => {
            (RuleId::ProjectIdInPrincipal, "write `serviceAccount:PROJECT_ID.svc.id.goog[NAMESPACE/SERVICE_ACCOUNT]` with the project's id")
        }
        MemberProblemKind::LegacyForm => {
            (RuleId::MalformedPrincipal, "write `serviceAccount:PROJECT_ID.svc.id.goog[NAMESPACE/SERVICE_ACCOUNT]`")
        }
        MemberProblemKind::MultipleAttributes => (
            RuleId::MalformedPrincipal,
            "map one attribute that joins the values (`assertion.repository + ':' + assertion.ref`) and bind that",
        ),
        MemberProblemKind::Provider => {
            (RuleId::MalformedPrincipal, "name the pool and not its provider: `…/workloadIdentityPools/POOL/attribute.NAME/VALUE`")
        }
        // A word that is not known may be a kind of principal that is newer than this program.
        MemberProblemKind::Prefix if !looks_like_a_member(text) => return None,
        _ => (
            RuleId::MalformedPrincipal,
            "write `principal://iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/subject/SUBJECT` or \
             `principalSet://…/POOL/attribute.NAME/VALUE`",
        ),
    };
    let effect = "the binding is refused, or can never be used";
    let finding =
        Finding::new(rule, origin, problem.span.or_else(|| text.span()), &text.to_string(), format!("{}: {effect}", problem.message));
    Some(finding.help(help).along_text(text))
}

fn looks_like_a_member(text: &Text) -> bool {
    let Some(lower) = text.as_known().map(|known| known.to_ascii_lowercase()) else { return false };
    ["principal", "iam.googleapis.com", ".gserviceaccount.com", ".svc.id.goog"].iter().any(|w| lower.contains(w))
}

/// The number in front of `.svc.id.goog`.
fn legacy_number(ids: &Ids, text: &Text) -> Option<Option<Span>> {
    let (before, _) = cut::split_once(text, ".svc.id.goog")?;
    let project = cut::rsplit_once(&before, "/").or_else(|| cut::rsplit_once(&before, ":")).map_or(before, |(_, p)| p);
    (kind(ids, &project) == Some(ProjectKind::Number)).then(|| project.span())
}

/// An id where the number belongs, or the reverse.
fn project_id(projects: &Projects<'_>, origin: &Origin, member: &Member) -> Option<Finding> {
    let ids = projects.ids;
    let MemberKind::Pool { project, .. } = &member.kind else { return None };
    let edge = member.text.to_string();
    if let Some(span) = legacy_number(ids, &member.text) {
        let message = "GKE's pool is named by the project's id, and this is its number: the binding can never be used";
        let finding = Finding::new(RuleId::ProjectIdInPrincipal, origin, span.or_else(|| member.text.span()), &edge, message);
        return Some(finding.help("write `PROJECT_ID.svc.id.goog`").along_text(&member.text));
    }
    let project = project.as_ref()?;
    let certain = match kind(ids, &project.text)? {
        ProjectKind::Id => true,
        ProjectKind::Unknown => false,
        ProjectKind::Number => return None,
    };
    let message = format!("`{}` is a project's id; a principal takes the project's number, so the binding can never be used", project.text);
    let finding = Finding::new(RuleId::ProjectIdInPrincipal, origin, used(&member.text, &project.text), &edge, message);
    Some(finding.help(number_help(projects, origin, &project.text)).certain(certain).along_text(&project.text))
}

/// A subject that GKE's pool never has
/// (<https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity#principal-id-examples>).
fn of_cluster(origin: &Origin, member: &Member) -> Option<Finding> {
    let MemberKind::Pool { pool, selector: Selector::Subject(subject), .. } = &member.kind else { return None };
    if !cut::flat(&pool.text).ends_with(".svc.id.goog") || !subject.text.is_known() {
        return None;
    }
    let message = format!("`{}` is no subject of a GKE workload pool: nobody has the role by it", subject.text);
    let edge = member.text.to_string();
    let finding = Finding::new(RuleId::MalformedPrincipal, origin, subject.span.or_else(|| member.text.span()), &edge, message);
    Some(finding.help("write `…/subject/ns/NAMESPACE/sa/SERVICE_ACCOUNT`").along_text(&member.text))
}

/// Where the project is put into a name. The id itself may be written elsewhere, and is right there.
fn used(whole: &Text, project: &Text) -> Option<Span> {
    /// `${` and some blanks.
    const GAP: u32 = 8;
    let own = project.span();
    let Some(before) = whole.find_span("projects/").or_else(|| whole.find_span("iam.googleapis.com/")) else {
        return own.or_else(|| whole.span());
    };
    let beside = |s: &Span| s.file == before.file && s.start >= before.end && s.start - before.end <= GAP;
    own.filter(beside).or(Some(before))
}

/// What a project is written as: [`ProjectKind::Unknown`] for an unknown that resources take as the id of their project; none
/// when nothing is known.
fn kind(ids: &Ids, project: &Text) -> Option<ProjectKind> {
    let kind = ProjectKind::of(project);
    if kind != ProjectKind::Unknown {
        return Some(kind);
    }
    cut::only_atom(project).filter(|atom| ids.contains(atom)).map(|_| ProjectKind::Unknown)
}

/// A provider as a job names it: the bare resource name
/// (<https://github.com/google-github-actions/auth#inputs-workload-identity-federation>).
fn of_login(projects: &Projects<'_>, origin: &Origin, text: &Text) -> Option<Finding> {
    // A template of a workflow: the name is filled in when it is copied.
    if cut::only_atom(&stand_in::open(text)).is_some() && cut::only_atom(text).is_none() {
        return None;
    }
    let mut whole = Text::known("//iam.googleapis.com/");
    whole.push(text);
    let shape = cut::flat(text);
    let bare = shape.starts_with("projects/") || cut::starts_unknown(text);
    let provider = shape.contains("/providers/") || text.atoms().next().is_some();
    if !bare || !provider {
        let message = format!("`{text}` is not a provider name: the login fails before any token is evaluated");
        let finding = Finding::new(RuleId::MalformedPrincipal, origin, text.span(), &text.to_string(), message);
        let help =
            "write `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`, without a host and with the provider";
        return Some(finding.help(help).along_text(text));
    }
    of_resource(projects, origin, &whole, "the provider's name").or_else(|| location(origin, &whole))
}

/// What stands between `projects/` and `/locations/` of a pool's resource name, and the rest.
fn resource(text: &Text) -> Option<(Text, Text)> {
    let host = ["https://iam.googleapis.com/", "//iam.googleapis.com/"];
    let path = host.iter().find_map(|h| cut::strip_prefix(text, h))?;
    let (project, rest) = cut::split_once(&cut::strip_prefix(&path, "projects/")?, "/locations/")?;
    cut::flat(&rest).contains("/workloadIdentityPools/").then_some((project, rest))
}

/// A resource name as an audience: Google's tokens name the number.
fn of_resource(projects: &Projects<'_>, origin: &Origin, text: &Text, what: &str) -> Option<Finding> {
    let (project, _) = resource(text)?;
    let certain = match kind(projects.ids, &project)? {
        ProjectKind::Id => true,
        ProjectKind::Unknown => false,
        ProjectKind::Number => return None,
    };
    let message = format!("`{project}` is a project's id; in {what} Google compares the project's number, so no token is accepted with it");
    let finding = Finding::new(RuleId::ProjectIdInPrincipal, origin, used(text, &project), &text.to_string(), message);
    Some(finding.help(number_help(projects, origin, &project)).certain(certain).along_text(&project))
}

/// A pool is made in a location other than `global`
/// (<https://cloud.google.com/sdk/gcloud/reference/iam/workload-identity-pools/create>).
fn of_location(origin: &Origin, location: &Text) -> Option<Finding> {
    let known = location.as_known().filter(|l| l != "global" && !l.is_empty())?;
    let message = format!("location `{known}` must be `global`: Google refuses to create the pool");
    let finding = Finding::new(RuleId::PoolLocation, origin, location.span(), &known, message);
    Some(finding.help("write `global`: pools have no other location, whatever the regions of the workloads").along_text(location))
}

/// A location other than `global` in a resource name.
fn location(origin: &Origin, text: &Text) -> Option<Finding> {
    let (_, rest) = resource(text)?;
    let (location, _) = cut::split_once(&rest, "/")?;
    let known = location.as_known().filter(|l| l != "global")?;
    let message = format!("location `{known}` must be `global`: there is no such pool");
    let finding = Finding::new(RuleId::PoolLocation, origin, location.span().or_else(|| text.span()), &text.to_string(), message);
    Some(finding.help("write `locations/global`: pools have no other location, whatever the regions of the workloads").along_text(text))
}

/// 4 to 32 of `[a-z0-9-]`; `gcp-` is Google's own
/// (<https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools/create>).
fn of_id(origin: &Origin, id: &Text, what: &str) -> Option<Finding> {
    let known = id.as_known()?;
    // A whole resource name, GKE's own pool, or one that Google has taken.
    if known.contains(['/', '.']) || origin.declared == Declared::Printed {
        return None;
    }
    let why = if !(4..=32).contains(&known.chars().count()) {
        "must be 4 to 32 characters long"
    } else if !known.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        "may hold `a` to `z`, digits and `-` only"
    } else if known.starts_with("gcp-") {
        "may not begin with `gcp-`, which is Google's own"
    } else {
        return None;
    };
    let finding = Finding::new(
        RuleId::MalformedPrincipal,
        origin,
        id.span(),
        &known,
        format!("the id `{known}` of a {what} {why}: Google refuses it"),
    );
    Some(finding.help("choose another id; members and audiences that name it have to follow").along_text(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partial::Unknown;
    use crate::partial::UnknownKind;
    use crate::place::FileId;

    fn found(member: &Text) -> Option<(RuleId, bool)> {
        let span = Span::new(FileId(0), 0..1);
        let origin = Origin {
            name: "x".to_owned(),
            declared: Declared::Object("".into()),
            span,
            scope: String::new(),
            library: false,
            stands_in: false,
            conditional: false,
        };
        // The name alone says nothing: it counts where a resource takes it as its project.
        let ids = Ids::from([Unknown::new("var.tenant", UnknownKind::Any, "${var.tenant}", "unknown", None)]);
        let projects = Projects { ids: &ids, numbers: &BTreeMap::new(), sources: &Sources::default() };
        of_member(&projects, &origin, member).map(|f| (f.rule, f.confidence == Confidence::Proven))
    }

    fn with(atom: Unknown) -> Text {
        let mut text = Text::known("principalSet://iam.googleapis.com/projects/");
        text.push(&Text::hole(atom, None));
        text.push(&Text::known("/locations/global/workloadIdentityPools/aws-pool/attribute.aws_role/x"));
        text
    }

    #[test]
    fn ids_have_4_to_32_characters_and_none_begins_like_those_of_google() {
        let span = Span::new(FileId(0), 0..1);
        let declared = Declared::Object("".into());
        let origin =
            Origin { name: "x".to_owned(), declared, span, scope: String::new(), library: false, stands_in: false, conditional: false };
        let refused = |id: &str| of_id(&origin, &Text::known(id), "pool").is_some();
        for right in ["ab-1", &"a".repeat(32), "gcp", "gcpx", "my-gcp-pool"] {
            assert_eq!(refused(right), right.len() < 4, "{right}");
        }
        for wrong in ["abc", &"a".repeat(33), "Pool", "a_pool", "gcp-pool"] {
            assert!(refused(wrong), "{wrong}");
        }
    }

    #[test]
    fn ids_and_numbers() {
        let of = |kind, label: &str| found(&with(Unknown::new(label, kind, format!("${{{label}}}"), "unknown", None)));
        let id = |certain| Some((RuleId::ProjectIdInPrincipal, certain));
        assert_eq!(of(UnknownKind::ProjectId, "data.google_project.p.project_id"), id(true));
        assert_eq!(of(UnknownKind::Any, "var.tenant"), id(false));
        assert_eq!(of(UnknownKind::Any, "var.project_id"), None);
        assert_eq!(of(UnknownKind::ProjectNumber, "data.google_project.p.number"), None);
        assert_eq!(of(UnknownKind::Any, "var.project"), None);
        assert_eq!(found(&Text::known("serviceAccount:bakery-data.svc.id.goog[shop/baker]")), None);
        assert_eq!(found(&Text::known("serviceAccount:481516234299.svc.id.goog[shop/baker]")), id(true));
        let gke = |pool| {
            format!(
                "principal://iam.googleapis.com/projects/481516234299/locations/global/workloadIdentityPools/{pool}.svc.id.goog/subject/ns/shop/sa/baker"
            )
        };
        assert_eq!(found(&Text::known(gke("481516234299"))), id(true));
        assert_eq!(found(&Text::known(gke("bakery-data"))), None);
    }

    #[test]
    fn words_that_may_be_new_are_left_alone() {
        assert_eq!(found(&Text::known("robot:x")), None);
        let bare = Text::known("reader@bakery-data.iam.gserviceaccount.com");
        assert_eq!(found(&bare), Some((RuleId::MalformedPrincipal, true)));
    }
}
