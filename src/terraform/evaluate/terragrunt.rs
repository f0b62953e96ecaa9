//! Terragrunt: a folder whose `terragrunt.hcl` names a local module and its inputs is a root that calls the module
//! (<https://terragrunt.gruntwork.io/docs/reference/hcl/blocks/#terraform>).

use super::config::{self, ModuleConfig};
use super::{ModuleFiles, paths};
use crate::syntax::hcl::{Attribute, Block, Body, ExprKind, Label};
use std::sync::Arc;

/// The file.
const FILE: &str = "terragrunt.hcl";

/// Adds the call that a `terragrunt.hcl` means. What only Terragrunt knows (`dependency`, `include`) stays unknown.
pub(super) fn add(out: &mut ModuleConfig, files: &dyn ModuleFiles) {
    let Some(file) = paths::join(&out.folder, FILE).and_then(|path| files.read(&path)) else { return };
    let body = out.take(&file);
    for block in body.blocks.iter().filter(|b| &*b.kind == "locals") {
        out.locals.extend(block.body.attributes.iter().map(|a| (a.name.to_string(), a.clone())));
    }
    let Some(terraform) = body.blocks.iter().find(|b| &*b.kind == "terraform") else { return };
    let Some(source) = terraform.body.attribute("source").cloned() else { return };
    let name: Arc<str> = Arc::from(out.folder.rsplit('/').next().filter(|n| !n.is_empty()).unwrap_or("root"));
    let label = Label { text: Arc::clone(&name), span: terraform.header };
    let mut attributes = vec![source];
    attributes.extend(body.attribute("inputs").map(inputs).unwrap_or_default());
    let call = Block {
        kind: Arc::from("module"),
        labels: vec![label],
        body: Arc::new(Body { attributes, blocks: Vec::new() }),
        header: terraform.header,
        span: terraform.span,
    };
    if config::local_source(&out.folder, &call).is_some() {
        out.modules.insert(name.to_string(), Arc::new(call));
        out.exists = true;
        out.is_root = true;
    }
}

/// The inputs that are written as an object; an expression like `merge(…)` is not looked into.
fn inputs(attribute: &Attribute) -> Vec<Attribute> {
    let ExprKind::Object(items) = &attribute.value.kind else { return Vec::new() };
    let input = |item: &crate::syntax::hcl::ObjectItem| {
        let name = config::literal(&item.key)?;
        Some(Attribute { name: Arc::from(name), name_span: item.key.span, value: Arc::new(item.value.clone()) })
    };
    items.iter().filter_map(input).collect()
}
