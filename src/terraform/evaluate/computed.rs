//! Attributes that the provider computes and whose shape is known.

use super::engine::{Evaluator, Instance, Item};
use crate::partial::{Kind, Part, Text, Unknown, UnknownKind, Value};
use crate::place::Span;
use crate::syntax::hcl::Block;
use std::rc::Rc;
use std::sync::Arc;

/// Attributes that a whole-object reference shows too.
pub(super) const COMMON: &[&str] = &["arn", "id", "name", "email", "url"];

/// What an attribute's name tells about its characters.
pub(super) fn kind_of_name(name: &str) -> UnknownKind {
    match name {
        "arn" => UnknownKind::Arn,
        "aws_account_id" => UnknownKind::AccountId,
        "partition" => UnknownKind::Partition,
        "project_number" => UnknownKind::ProjectNumber,
        "project_id" => UnknownKind::ProjectId,
        _ if name.ends_with("_arn") => UnknownKind::Arn,
        _ => UnknownKind::Any,
    }
}

/// What a variable's name tells about its characters.
pub(super) fn kind_of_variable(name: &str) -> UnknownKind {
    match name {
        "account_id" => UnknownKind::Word,
        "region" | "aws_region" => UnknownKind::Region,
        _ => kind_of_name(name),
    }
}

pub(super) fn known(text: &str) -> Part {
    Part::Literal { text: Arc::from(text), span: None, trail: None }
}

pub(super) fn hole(atom: Unknown, span: Span) -> Part {
    Part::Hole { atom, span: Some(span), trail: None }
}

pub(super) fn text(parts: Vec<Part>, span: Span) -> Value {
    Value::new(Kind::Text(Text { parts }), Some(span))
}

/// The text without its scheme; none when the beginning is not known to be one.
fn without_scheme(url: &Text) -> Option<Vec<Part>> {
    let mut parts = url.parts.clone();
    match parts.first_mut()? {
        Part::Literal { text, span, .. } => {
            let cut = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
            let cut_len = text.len() - cut.len();
            if span.is_some_and(|s| s.len() == text.len()) {
                *span = span.map(|s| s.slice(cut_len..text.len()));
            }
            *text = Arc::from(cut);
            if text.is_empty() {
                parts.remove(0);
            }
        }
        Part::Hole { atom, .. } if atom.kind() != UnknownKind::IssuerHostPath => {
            // the url of a provider is unknown: what follows its scheme is a value of its own
            *atom = Unknown::new(format!("{}#host-path", atom.key()), UnknownKind::IssuerHostPath, atom.label(), atom.why(), atom.span());
        }
        Part::Hole { .. } => {}
    }
    Some(parts)
}

/// Where an attribute is asked for.
struct Place<'p> {
    instance: &'p Rc<Instance>,
    address: &'p str,
    block: &'p Block,
    item: &'p Item,
    span: Span,
}

impl Evaluator<'_> {
    /// The value of a computed attribute; none for those that only the provider knows or the configuration sets.
    pub(super) fn computed(
        &self,
        instance: &Rc<Instance>,
        address: &str,
        block: &Block,
        item: &Item,
        attribute: &str,
        span: Span,
    ) -> Option<Value> {
        let place = Place { instance, address, block, item, span };
        let kind = block.labels.first().map_or("", |l| &*l.text);
        match (&*block.kind, kind, attribute) {
            ("data", "aws_iam_policy_document", "json" | "minified_json") => {
                Some(self.policy_json(&self.resource_body(instance, address, block, item), block.span))
            }
            ("data", "google_iam_policy", "policy_data") => {
                Some(self.google_policy_json(&self.resource_body(instance, address, block, item), block.span))
            }
            (_, k, _) if k.starts_with("aws_") => self.aws(&place, kind, attribute),
            (_, k, _) if k.starts_with("google_") => self.google(&place, kind, attribute),
            (_, k, _) if k.starts_with("azure") => self.azure(&place, kind, attribute),
            (_, k, _) if k.starts_with("random_") && matches!(attribute, "id" | "result" | "hex" | "b64_url" | "dec") => {
                Some(Value::unknown(self.atom(&place, attribute, UnknownKind::Word), Some(span)))
            }
            _ => None,
        }
    }

    fn atom(&self, place: &Place<'_>, attribute: &str, kind: UnknownKind) -> Unknown {
        let address = place.instance.inside(&format!("{}{}", place.address, place.item.suffix));
        self.computed_atom(&address, attribute, kind, place.span)
    }

    fn unknown(&self, place: &Place<'_>, attribute: &str, kind: UnknownKind) -> Option<Value> {
        Some(Value::unknown(self.atom(place, attribute, kind), Some(place.span)))
    }

    /// An attribute as the configuration sets it.
    fn set(&self, place: &Place<'_>, attribute: &str) -> Option<Value> {
        let set = place.block.body.attribute(attribute)?;
        let value = self.eval(&set.value, &place.item.scope).ok().filter(|v| !v.is_null())?;
        let full = place.instance.inside(place.address);
        Some(super::values::with_hop(value, set.name_span, super::values::attribute_hop(place.block, full, attribute)))
    }

    fn set_text(&self, place: &Place<'_>, attribute: &str) -> Option<Text> {
        self.set(place, attribute)?.as_text()
    }

    /// The one account, partition or region that a root works in.
    fn of_root(&self, name: &str, kind: UnknownKind, label: &str, span: Span) -> Unknown {
        let why = "known only when Terraform runs with credentials";
        Unknown::new(format!("{}|aws|{name}", self.root), kind, format!("${{{label}}}"), why, Some(span))
    }

    fn account(&self, span: Span) -> Part {
        hole(self.of_root("account", UnknownKind::AccountId, "data.aws_caller_identity.current.account_id", span), span)
    }

    /// The account that the root works in.
    pub(super) fn account_id(&self, span: Span) -> Value {
        text(vec![self.account(span)], span)
    }

    fn partition(&self, span: Span) -> Part {
        hole(self.of_root("partition", UnknownKind::Partition, "data.aws_partition.current.partition", span), span)
    }

    /// The ARN of an OIDC provider of this account, from its URL without scheme.
    pub(super) fn provider_arn(&self, host_path: Vec<Part>, span: Span) -> Value {
        let mut parts = vec![known("arn:"), self.partition(span), known(":iam::"), self.account(span), known(":oidc-provider/")];
        parts.extend(host_path);
        text(parts, span)
    }

    fn aws(&self, place: &Place<'_>, kind: &str, attribute: &str) -> Option<Value> {
        let span = place.span;
        match (kind, attribute) {
            ("aws_iam_openid_connect_provider", "arn" | "id") => {
                if let Some(arn) = self.set(place, "arn") {
                    return Some(arn);
                }
                let host_path = match self.set_text(place, "url") {
                    Some(url) => without_scheme(&url)?,
                    None => vec![hole(self.atom(place, "url", UnknownKind::IssuerHostPath), span)],
                };
                Some(self.provider_arn(host_path, span))
            }
            ("aws_iam_openid_connect_provider", "url") if &*place.block.kind == "data" => {
                // the data source gives the url without its scheme
                let parts = match (self.set_text(place, "url"), self.set_text(place, "arn")) {
                    (Some(url), _) => without_scheme(&url)?,
                    (None, Some(arn)) => after(&arn, ":oidc-provider/")
                        .unwrap_or_else(|| vec![hole(self.atom(place, "url", UnknownKind::IssuerHostPath), span)]),
                    (None, None) => return None,
                };
                Some(text(parts, span))
            }
            ("aws_iam_role", "arn") => {
                let path = self.set_text(place, "path").unwrap_or_else(|| Text::known("/"));
                let mut parts = vec![known("arn:"), self.partition(span), known(":iam::"), self.account(span), known(":role")];
                parts.extend(path.parts);
                match self.set_text(place, "name") {
                    Some(name) => parts.extend(name.parts),
                    None => parts.push(hole(self.atom(place, "name", UnknownKind::Word), span)),
                }
                Some(text(parts, span))
            }
            ("aws_iam_role", "id" | "name") => {
                self.set(place, "name").or_else(|| Some(text(vec![hole(self.atom(place, "name", UnknownKind::Word), span)], span)))
            }
            ("aws_eks_cluster", "identity") => {
                let key = self.set_text(place, "name").map(|n| n.fill(|a| a.key().to_owned()));
                let atom = match key {
                    Some(name) => Unknown::new(
                        format!("{}|eks|{name}|issuer", self.root),
                        UnknownKind::IssuerHostPath,
                        format!("${{{}.identity[0].oidc[0].issuer}}", place.address),
                        "the issuer of a cluster is known only after apply",
                        Some(span),
                    ),
                    None => self.atom(place, "issuer", UnknownKind::IssuerHostPath),
                };
                let issuer = text(vec![known("https://"), hole(atom, span)], span);
                let oidc = Value::map(vec![super::values::entry("issuer", issuer)], Some(span));
                let identity = Value::map(vec![super::values::entry("oidc", Value::list(vec![oidc], Some(span)))], Some(span));
                Some(Value::list(vec![identity], Some(span)))
            }
            ("aws_eks_cluster", "id") => self.set(place, "name"),
            ("aws_caller_identity", "account_id" | "id") => Some(text(vec![self.account(span)], span)),
            ("aws_partition", "partition" | "id") => Some(text(vec![self.partition(span)], span)),
            ("aws_partition", "dns_suffix") => self.unknown(place, attribute, UnknownKind::Any),
            ("aws_region", "name" | "id" | "region") => {
                Some(text(vec![hole(self.of_root("region", UnknownKind::Region, "data.aws_region.current.name", span), span)], span))
            }
            _ => None,
        }
    }

    /// The project id of a resource: its own, else the provider's.
    fn project(&self, place: &Place<'_>) -> Vec<Part> {
        self.set_text(place, "project").map_or_else(|| vec![self.default_project(UnknownKind::ProjectId, place.span)], |t| t.parts)
    }

    fn default_project(&self, kind: UnknownKind, span: Span) -> Part {
        let name = if kind == UnknownKind::ProjectNumber { "number" } else { "project_id" };
        let why = "the project of the provider is not known";
        let label = format!("${{data.google_project.current.{name}}}");
        hole(Unknown::new(format!("{}|google|{name}", self.root), kind, label, why, Some(span)), span)
    }

    /// The number of the project that a resource lies in: one atom per project.
    fn project_number(&self, place: &Place<'_>, argument: &str) -> Part {
        let Some(id) = self.set_text(place, argument) else { return self.default_project(UnknownKind::ProjectNumber, place.span) };
        let name = id.fill(|a| a.key().to_owned());
        if !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()) {
            return known(&name);
        }
        let key = format!("{}|google|number of {name}", self.root);
        let why = "the number of a project is known only to the cloud";
        hole(Unknown::new(key, UnknownKind::ProjectNumber, format!("${{number of {id}}}"), why, Some(place.span)), place.span)
    }

    fn google(&self, place: &Place<'_>, kind: &str, attribute: &str) -> Option<Value> {
        let span = place.span;
        let join = |parts: Vec<Vec<Part>>| Some(text(parts.into_iter().flatten().collect(), span));
        let lit = |s: &str| vec![known(s)];
        match (kind, attribute) {
            ("google_service_account", "email" | "name" | "id" | "member") => {
                let id = self.set_text(place, "account_id")?;
                let full = id.as_known().is_some_and(|i| i.contains('@'));
                let email =
                    if full { id.parts } else { [id.parts, lit("@"), self.project(place), lit(".iam.gserviceaccount.com")].concat() };
                match attribute {
                    "email" => join(vec![email]),
                    "member" => join(vec![lit("serviceAccount:"), email]),
                    _ => join(vec![lit("projects/"), self.project(place), lit("/serviceAccounts/"), email]),
                }
            }
            ("google_iam_workload_identity_pool", "name" | "id") => {
                let project = if attribute == "id" { self.project(place) } else { vec![self.project_number(place, "project")] };
                let id = self.set_text(place, "workload_identity_pool_id")?;
                join(vec![lit("projects/"), project, lit("/locations/global/workloadIdentityPools/"), id.parts])
            }
            ("google_iam_workload_identity_pool_provider", "name" | "id") => {
                let project = if attribute == "id" { self.project(place) } else { vec![self.project_number(place, "project")] };
                let pool = self.set_text(place, "workload_identity_pool_id")?;
                let id = self.set_text(place, "workload_identity_pool_provider_id")?;
                join(vec![
                    lit("projects/"),
                    project,
                    lit("/locations/global/workloadIdentityPools/"),
                    pool.parts,
                    lit("/providers/"),
                    id.parts,
                ])
            }
            ("google_project", "number") => Some(text(vec![self.project_number(place, "project_id")], span)),
            ("google_project", "project_id") => {
                self.set(place, "project_id").or_else(|| Some(text(vec![self.default_project(UnknownKind::ProjectId, span)], span)))
            }
            ("google_project", "id") => {
                let id = self
                    .set_text(place, "project_id")
                    .map_or_else(|| vec![self.default_project(UnknownKind::ProjectId, span)], |t| t.parts);
                join(vec![lit("projects/"), id])
            }
            ("google_client_config", "project") => Some(text(vec![self.default_project(UnknownKind::ProjectId, span)], span)),
            _ => None,
        }
    }

    fn azure(&self, place: &Place<'_>, kind: &str, attribute: &str) -> Option<Value> {
        let span = place.span;
        match (kind, attribute) {
            ("azurerm_kubernetes_cluster", "oidc_issuer_url") => {
                let atom = self.atom(place, "oidc_issuer_url", UnknownKind::IssuerHostPath);
                Some(text(vec![known("https://"), hole(atom, span)], span))
            }
            ("azurerm_user_assigned_identity", "client_id" | "principal_id" | "tenant_id") => {
                self.unknown(place, attribute, UnknownKind::Guid)
            }
            ("azuread_application" | "azuread_application_registration" | "azuread_service_principal", "client_id" | "object_id") => {
                self.set(place, attribute).or_else(|| self.unknown(place, attribute, UnknownKind::Guid))
            }
            ("azurerm_client_config" | "azuread_client_config", "tenant_id" | "client_id" | "object_id" | "subscription_id") => {
                self.unknown(place, attribute, UnknownKind::Guid)
            }
            _ => None,
        }
    }
}

/// What follows the first `mark` in the literal parts of a text.
fn after(text: &Text, mark: &str) -> Option<Vec<Part>> {
    let at = text.parts.iter().position(|p| matches!(p, Part::Literal { text, .. } if text.contains(mark)))?;
    let mut out = Vec::new();
    if let Some(Part::Literal { text: t, span, trail }) = text.parts.get(at) {
        let from = t.find(mark)? + mark.len();
        let rest = t.get(from..).filter(|r| !r.is_empty());
        let span = if span.is_some_and(|s| s.len() == t.len()) { span.map(|s| s.slice(from..t.len())) } else { *span };
        out.extend(rest.map(|r| Part::Literal { text: Arc::from(r), span, trail: trail.clone() }));
    }
    out.extend(text.parts.iter().skip(at + 1).cloned());
    Some(out)
}
