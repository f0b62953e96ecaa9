//! How instances that have a role serve its credentials: Terraform, CloudFormation, Karpenter
//! (<https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-options.html>).

use super::super::context::{Object, Reader, origin};
use super::super::shape::{any_field, blocks, field, known_at, text};
use crate::graph::{InstanceMetadata, Origin};
use crate::partial::{Text, Value};
use crate::terraform::{Mode, Resource};

/// Instances of Terraform, and templates of such.
pub(in crate::readers) fn terraform(reader: &mut Reader, resource: &Resource) {
    let kinds = ["aws_instance", "aws_launch_template", "aws_launch_configuration"];
    if resource.mode == Mode::Managed && kinds.contains(&resource.kind.as_str()) {
        settings(reader, origin(resource), &resource.body, &["iam_instance_profile"]);
    }
}

/// Launch templates of CloudFormation.
pub(super) fn template(reader: &mut Reader, origin: Origin, properties: &Value) {
    if let Some(data) = field(properties, "LaunchTemplateData") {
        settings(reader, origin, data, &["IamInstanceProfile"]);
    }
}

/// Node classes of Karpenter (<https://karpenter.sh/docs/concepts/nodeclasses/>): their nodes always have a role.
pub(in crate::readers) fn node_class(reader: &mut Reader, object: &Object) {
    let group = known_at(object.value, "apiVersion").is_some_and(|api| api.starts_with("karpenter.k8s.aws/"));
    if group && let Some(spec) = field(object.value, "spec") {
        let name = text(object.value.at(&["metadata", "name"])).map_or_else(|| "?".to_owned(), |n| n.to_string());
        settings(reader, object.origin(format!("EC2NodeClass {name}")), spec, &["role", "instanceProfile"]);
    }
}

fn settings(reader: &mut Reader, origin: Origin, body: &Value, profile: &[&str]) {
    if any_field(body, profile).is_none() {
        return;
    }
    let options = ["metadata_options", "MetadataOptions", "metadataOptions"].into_iter().flat_map(|key| blocks(body, key).0).next();
    let Some(options) = options else { return };
    let endpoint = text(any_field(options, &["http_endpoint", "HttpEndpoint", "httpEndpoint"]));
    let tokens = text(any_field(options, &["http_tokens", "HttpTokens", "httpTokens"]));
    if let Some(tokens) = tokens.filter(|_| endpoint.as_ref().and_then(Text::as_known).as_deref() != Some("disabled")) {
        reader.graph.instances.push(InstanceMetadata { origin, tokens });
    }
}
