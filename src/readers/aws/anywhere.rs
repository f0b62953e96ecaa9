//! IAM Roles Anywhere in Terraform and CloudFormation
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rolesanywhere-profile.html>).

use super::super::context::{Reader, origin};
use super::super::shape::{any_field, blocks, known_at, listing, text};
use crate::graph::{Authority, Origin, Profile, TrustAnchor};
use crate::partial::{Text, Value};
use crate::terraform::{Mode, Resource};

/// The fields of a certificate that can be mapped.
const FIELDS: [&str; 3] = ["x509Subject", "x509Issuer", "x509SAN"];

/// The resources of Terraform, and of scripts.
pub(in crate::readers) fn terraform(reader: &mut Reader, resource: &Resource) {
    if resource.mode != Mode::Managed {
        return;
    }
    let Some((_, kind)) = resource.kind.split_once("_rolesanywhere_") else { return };
    let at = origin(resource);
    match kind {
        "profile" => profile(reader, at, &resource.body),
        "trust_anchor" => anchor(reader, at, &resource.body),
        "crl" => reader.graph.anywhere.lists.push(at),
        _ => {}
    }
}

/// The resources of CloudFormation; whether it is one of them.
pub(super) fn template(reader: &mut Reader, at: Origin, kind: &str, properties: &Value) {
    match kind {
        "AWS::RolesAnywhere::Profile" => profile(reader, at, properties),
        "AWS::RolesAnywhere::TrustAnchor" => anchor(reader, at, properties),
        "AWS::RolesAnywhere::CRL" => reader.graph.anywhere.lists.push(at),
        _ => {}
    }
}

fn profile(reader: &mut Reader, origin: Origin, body: &Value) {
    let roles = listing(any_field(body, &["role_arns", "RoleArns"]));
    let roles = (!roles.open && !roles.odd).then_some(roles.texts);
    let mut mappings = Vec::new();
    for key in ["attribute_mappings", "AttributeMappings"] {
        let (found, open) = blocks(body, key);
        if !open {
            mappings.extend(found.into_iter().filter_map(mapping));
        }
    }
    reader.graph.anywhere.profiles.push(Profile { origin, roles, mappings });
}

/// A field and its specifiers, when all of them are known.
fn mapping(value: &Value) -> Option<(String, Vec<String>)> {
    let field = text(any_field(value, &["certificate_field", "CertificateField"]))?.as_known()?;
    let key = if value.get("MappingRules").is_some() { "MappingRules" } else { "mapping_rules" };
    let (rules, open) = blocks(value, key);
    let specifiers: Vec<Option<String>> =
        rules.iter().map(|rule| text(any_field(rule, &["specifier", "Specifier"])).as_ref().and_then(Text::as_known)).collect();
    let specifiers: Option<Vec<String>> = specifiers.into_iter().collect();
    let known = FIELDS.contains(&field.as_str()) && !open && !rules.is_empty();
    specifiers.filter(|_| known).map(|s| (field, s))
}

fn anchor(reader: &mut Reader, origin: Origin, body: &Value) {
    let source = ["source", "Source"].into_iter().flat_map(|key| blocks(body, key).0).next();
    let kind = source.and_then(|s| known_at(s, "source_type").or_else(|| known_at(s, "SourceType")));
    let authority = match kind.as_deref() {
        Some("CERTIFICATE_BUNDLE") => Authority::Bundle,
        Some("AWS_ACM_PCA") => Authority::PrivateCa,
        _ => Authority::Unknown,
    };
    reader.graph.anywhere.anchors.push(TrustAnchor { origin, authority });
}
