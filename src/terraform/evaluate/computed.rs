//! Attributes that the provider computes and whose shape is known.

use super::engine::{Evaluator, Instance, Item};
use crate::kinds::{self, Computed};
use crate::partial::{AttributeOf, Kind, Part, Text, Unknown, UnknownKind, UnknownOrigin, Value, cut};
use crate::place::Span;
use crate::syntax::hcl::{Block, ExprKind};
use std::rc::Rc;
use std::sync::Arc;

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
            let origin = atom.origin().clone();
            *atom = Unknown::new(format!("{}#host-path", atom.key()), UnknownKind::IssuerHostPath, atom.label(), atom.why(), atom.span())
                .coming_from(origin);
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
        let how = kinds::of(kind)?.computed(attribute)?;
        let is_data = &*block.kind == "data";
        match how {
            Computed::Argument(argument) => self.set(&place, argument),
            Computed::ArgumentOr(argument, kind) => Some(self.set_or_made_up(&place, argument, kind)),
            Computed::Unknown(kind) => Some(text(vec![hole(self.atom(&place, attribute, kind), span)], span)),
            Computed::Url => {
                Some(text(vec![known("https://"), hole(self.atom(&place, attribute, UnknownKind::IssuerHostPath), span)], span))
            }
            Computed::AwsPolicy => is_data.then(|| self.policy_json(&self.resource_body(instance, address, block, item), block.span)),
            Computed::GooglePolicy => {
                is_data.then(|| self.google_policy_json(&self.resource_body(instance, address, block, item), block.span))
            }
            Computed::Rendered => self.rendered(&place),
            Computed::AwsProviderArn => self.aws_provider_arn(&place),
            Computed::AwsProviderUrl => {
                if is_data {
                    self.aws_provider_url(&place)
                } else {
                    None
                }
            }
            Computed::AwsRoleArn => Some(self.aws_role_arn(&place)),
            Computed::EksIdentity => Some(self.eks_identity(&place)),
            Computed::AwsAccount => Some(self.account_id(span)),
            Computed::AwsPartition => Some(text(vec![self.partition(span)], span)),
            Computed::AwsRegion => {
                Some(text(vec![hole(self.of_root("region", UnknownKind::Region, "data.aws_region.current.name", span), span)], span))
            }
            Computed::GoogleEmail | Computed::GoogleMember | Computed::GoogleAccountName => self.google_account(&place, how),
            Computed::PoolName | Computed::PoolId | Computed::PoolProviderName | Computed::PoolProviderId => self.google_pool(&place, how),
            Computed::ProjectNumber => Some(text(vec![self.project_number(&place, "project_id")], span)),
            Computed::ProjectId => {
                self.set(&place, "project_id").or_else(|| Some(text(vec![self.default_project(UnknownKind::ProjectId, span)], span)))
            }
            Computed::ProjectPath => {
                let id = self.set_text(&place, "project_id");
                let id = id.map_or_else(|| vec![self.default_project(UnknownKind::ProjectId, span)], |t| t.parts);
                Some(text([vec![known("projects/")], id].concat(), span))
            }
            Computed::DefaultProject => Some(text(vec![self.default_project(UnknownKind::ProjectId, span)], span)),
        }
    }

    fn atom(&self, place: &Place<'_>, attribute: &str, kind: UnknownKind) -> Unknown {
        let address = place.instance.inside(&format!("{}{}", place.address, place.item.suffix));
        let resource = place.block.labels.first().map_or_else(String::new, |l| l.text.to_string());
        self.computed_atom(AttributeOf { resource, address, attribute: attribute.to_owned() }, attribute, kind, place.span)
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

    /// `template_file`: its template with its variables. A template that is a file keeps the places of the file.
    fn rendered(&self, place: &Place<'_>) -> Option<Value> {
        let template = place.block.body.attribute("template")?;
        let scope = &place.item.scope;
        let vars = match place.block.body.attribute("vars") {
            Some(vars) => self.eval(&vars.value, scope).ok()?,
            None => Value::map(Vec::new(), Some(place.span)),
        };
        let (name, first) = match &template.value.kind {
            ExprKind::Call { name, args, .. } if &**name == "file" => ("templatefile", self.eval(args.first()?, scope).ok()?),
            _ => ("templatestring", self.eval(&template.value, scope).ok()?),
        };
        self.call_values(name, &[first, vars], &template.value, scope).ok()
    }

    fn set_or_made_up(&self, place: &Place<'_>, argument: &str, kind: UnknownKind) -> Value {
        let made_up = || text(vec![hole(self.atom(place, argument, kind), place.span)], place.span);
        self.set(place, argument).unwrap_or_else(made_up)
    }

    /// The one account, partition or region that a root works in.
    fn of_root(&self, name: &str, kind: UnknownKind, label: &str, span: Span) -> Unknown {
        let why = "known only when Terraform runs with credentials";
        Unknown::new(format!("{}|aws|{name}", self.root), kind, format!("${{{label}}}"), why, Some(span))
    }

    fn account(&self, span: Span) -> Part {
        let account = self.of_root("account", UnknownKind::AccountId, "data.aws_caller_identity.current.account_id", span);
        hole(account.coming_from(UnknownOrigin::CallerAccount), span)
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

    fn aws_provider_arn(&self, place: &Place<'_>) -> Option<Value> {
        if let Some(arn) = self.set(place, "arn") {
            return Some(arn);
        }
        let host_path = match self.set_text(place, "url") {
            Some(url) => without_scheme(&url)?,
            None => self.unknown_url(place),
        };
        Some(self.provider_arn(host_path, place.span))
    }

    /// The data source gives the URL without its scheme.
    fn aws_provider_url(&self, place: &Place<'_>) -> Option<Value> {
        let parts = match (self.set_text(place, "url"), self.set_text(place, "arn")) {
            (Some(url), _) => without_scheme(&url)?,
            (None, Some(arn)) => {
                cut::split_once(&arn, ":oidc-provider/").map_or_else(|| self.unknown_url(place), |(_, issuer)| issuer.parts)
            }
            (None, None) => return None,
        };
        Some(text(parts, place.span))
    }

    fn unknown_url(&self, place: &Place<'_>) -> Vec<Part> {
        vec![hole(self.atom(place, "url", UnknownKind::IssuerHostPath), place.span)]
    }

    fn aws_role_arn(&self, place: &Place<'_>) -> Value {
        let span = place.span;
        let path = self.set_text(place, "path").unwrap_or_else(|| Text::known("/"));
        let mut parts = vec![known("arn:"), self.partition(span), known(":iam::"), self.account(span), known(":role")];
        parts.extend(path.parts);
        match self.set_text(place, "name") {
            Some(name) => parts.extend(name.parts),
            None => parts.push(hole(self.atom(place, "name", UnknownKind::Word), span)),
        }
        text(parts, span)
    }

    fn eks_identity(&self, place: &Place<'_>) -> Value {
        let span = place.span;
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
        Value::list(vec![identity], Some(span))
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
        let number = Unknown::new(key, UnknownKind::ProjectNumber, format!("${{number of {id}}}"), why, Some(place.span));
        hole(number.coming_from(UnknownOrigin::ProjectNumber(id)), place.span)
    }

    fn google_account(&self, place: &Place<'_>, how: Computed) -> Option<Value> {
        let id = self.set_text(place, "account_id")?;
        let full = id.as_known().is_some_and(|i| i.contains('@'));
        let email =
            if full { id.parts } else { [id.parts, literal("@"), self.project(place), literal(".iam.gserviceaccount.com")].concat() };
        let parts = match how {
            Computed::GoogleMember => [literal("serviceAccount:"), email].concat(),
            Computed::GoogleAccountName => [literal("projects/"), self.project(place), literal("/serviceAccounts/"), email].concat(),
            _ => email,
        };
        Some(text(parts, place.span))
    }

    /// The names of pools and providers hold the number of the project, their ids its id.
    fn google_pool(&self, place: &Place<'_>, how: Computed) -> Option<Value> {
        let by_id = matches!(how, Computed::PoolId | Computed::PoolProviderId);
        let project = if by_id { self.project(place) } else { vec![self.project_number(place, "project")] };
        let pool = self.set_text(place, "workload_identity_pool_id")?;
        let mut parts = [literal("projects/"), project, literal("/locations/global/workloadIdentityPools/"), pool.parts].concat();
        if matches!(how, Computed::PoolProviderName | Computed::PoolProviderId) {
            let provider = self.set_text(place, "workload_identity_pool_provider_id")?;
            parts.extend([literal("/providers/"), provider.parts].concat());
        }
        Some(text(parts, place.span))
    }
}

fn literal(text: &str) -> Vec<Part> {
    vec![known(text)]
}
