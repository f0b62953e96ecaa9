//! Role assignments of Bicep files, through the modules that hand identities on
//! (<https://learn.microsoft.com/azure/azure-resource-manager/bicep/modules>).

use super::super::context::{Object, Reader};
use super::super::shape::{field, known_at, text, text_at};
use crate::graph::{IdentityId, IdentityKind, Origin, Reach, RoleGrant};
use crate::partial::{AttributeOf, Text, Value, cut};
use crate::place::paths::{folder_of, normal};
use std::collections::BTreeMap;

/// How often one reference leads to the next: parameter, output, identity.
const MAX_STEPS: usize = 8;
/// Most values that are followed for one assignment: each caller of a module has its own.
const MAX_VALUES: usize = 64;
/// How deep resources stand in each other.
const MAX_DEPTH: usize = 8;

/// A module that a file calls.
struct Call<'a> {
    file: &'a str,
    symbol: String,
    /// The file that it is.
    source: String,
    params: Option<&'a Value>,
}

/// An assignment as it is written. It is of its file's scope, unless it says another one itself: that is a part of it.
struct Assignment<'a> {
    file: &'a str,
    origin: Origin,
    principal: Text,
    role: Text,
    reach: Reach,
}

/// What the Bicep files of a scan say.
#[derive(Default)]
struct Files<'a> {
    calls: Vec<Call<'a>>,
    assignments: Vec<Assignment<'a>>,
    outputs: BTreeMap<&'a str, &'a Value>,
    /// The identities that credentials belong to, by file and symbol.
    identities: BTreeMap<(String, String), IdentityId>,
}

/// The assignments whose holder has a federated credential in the scan.
pub(in crate::readers) fn bind(reader: &mut Reader, objects: &[Object]) {
    let mut files = Files::default();
    for object in objects.iter().filter(|o| o.whole && text_at(o.value, "$schema").is_some_and(|s| s.is_str("bicep"))) {
        if let Some(outputs) = field(object.value, "outputs") {
            files.outputs.insert(object.file, outputs);
        }
        let reach = reach(text_at(object.value, "targetScope").as_ref());
        files.resources(object, object.value, reach, MAX_DEPTH);
    }
    if files.assignments.is_empty() {
        return;
    }
    for id in reader.graph.trusts.iter().map(|t| t.identity) {
        let Some(identity) = reader.graph.identity(id) else { continue };
        let IdentityKind::AzureIdentity { parent } = &identity.kind else { continue };
        if let Some(of) = parent.atoms().find_map(|atom| atom.attribute_of()) {
            files.identities.insert((identity.origin.scope.clone(), of.address.clone()), id);
        }
    }
    for assignment in &files.assignments {
        let roles = files.values(assignment.file, &assignment.role);
        for (file, principal) in files.values(assignment.file, &assignment.principal) {
            let Some(of) = cut::only_atom(&principal).and_then(|atom| atom.attribute_of()) else { continue };
            let Some(identity) = files.identities.get(&(file.to_owned(), of.address.clone())).copied() else { continue };
            for (_, role) in &roles {
                let (origin, role, reach) = (assignment.origin.clone(), role.clone(), assignment.reach);
                reader.graph.role_grants.push(RoleGrant { origin, identity, role, reach });
            }
        }
    }
}

/// What a deployment of this scope reaches; without one it is of a resource group
/// (<https://learn.microsoft.com/azure/azure-resource-manager/bicep/file#target-scope>).
fn reach(scope: Option<&Text>) -> Reach {
    match scope.and_then(Text::as_known).as_deref() {
        Some("subscription") => Reach::Subscription,
        Some("managementGroup") => Reach::ManagementGroup,
        Some("tenant") => Reach::Tenant,
        _ => Reach::Below,
    }
}

impl<'a> Files<'a> {
    /// The modules and assignments among the resources, and in them.
    fn resources(&mut self, object: &Object<'a>, value: &'a Value, reach: Reach, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        for entry in field(value, "resources").map(Value::entries).unwrap_or_default() {
            let resource = &entry.value;
            let kind = known_at(resource, "type").unwrap_or_default().to_ascii_lowercase();
            if let Some(source) = known_at(resource, "source").filter(|_| kind == "module") {
                let source = normal(&format!("{}/{source}", folder_of(object.file))).unwrap_or_default();
                let source = source.trim_start_matches('/').to_owned();
                self.calls.push(Call { file: object.file, symbol: entry.key.to_string(), source, params: field(resource, "params") });
            } else if kind.starts_with("microsoft.authorization/roleassignments@") {
                self.assignments.extend(assignment(object, resource, &entry.key, reach));
            }
            self.resources(object, resource, reach, depth);
        }
    }

    /// What a reference may stand for: outputs of modules and what their callers hand to this one are followed.
    fn values(&self, file: &'a str, text: &Text) -> Vec<(&'a str, Text)> {
        let (mut out, mut open) = (Vec::new(), vec![(file, text.clone(), MAX_STEPS)]);
        while let Some((file, text, steps)) = open.pop() {
            if out.len() + open.len() > MAX_VALUES {
                break;
            }
            let next = match (cut::only_atom(&text).and_then(|atom| atom.attribute_of()), steps.checked_sub(1)) {
                (Some(of), Some(steps)) => self.next(file, of).into_iter().map(|(file, text)| (file, text, steps)).collect(),
                _ => Vec::new(),
            };
            if next.is_empty() {
                out.push((file, text));
            }
            open.extend(next);
        }
        out
    }

    fn next(&self, file: &'a str, of: &AttributeOf) -> Vec<(&'a str, Text)> {
        if let Some(call) = self.calls.iter().find(|c| c.file == file && c.symbol == of.address) {
            let output = of.attribute.strip_prefix("outputs.");
            let found =
                output.and_then(|name| self.outputs.get_key_value(call.source.as_str()).map(|(file, all)| (*file, field(all, name))));
            return found.and_then(|(file, value)| Some((file, text(value)?))).into_iter().collect();
        }
        let callers = self.calls.iter().filter(|c| c.source == file && of.attribute.is_empty());
        callers.filter_map(|c| Some((c.file, text(field(c.params?, &of.address))?))).collect()
    }
}

fn assignment<'a>(object: &Object<'a>, resource: &Value, symbol: &Text, reach: Reach) -> Option<Assignment<'a>> {
    let properties = field(resource, "properties")?;
    let mut origin = object.origin_at(symbol.to_string(), resource);
    origin.conditional |= field(resource, "condition").is_some();
    let reach = if field(resource, "scope").is_some() { Reach::Below } else { reach };
    let (principal, role) = (text_at(properties, "principalId")?, text_at(properties, "roleDefinitionId")?);
    Some(Assignment { file: object.file, origin, principal, role, reach })
}
