//! Units of Terragrunt.

use super::tests::{all, memory, show};
use super::{Workspace, unit_source};

/// The module that the units call: what it is given comes out again.
const MODULE: &str = "variable \"a\" {\n  default = \"unset\"\n}\nvariable \"b\" {\n  default = \"unset\"\n}\nresource \"x\" \"y\" {\n  a = var.a\n  b = var.b\n}\noutput \"out\" {\n  value = \"out of ${var.a}\"\n}\n";

/// The two attributes of the resource of the unit in `live/dev/app`.
fn app(files: &[(&str, &str)]) -> (String, String) {
    let mut with_module = vec![("modules/app/main.tf", MODULE)];
    with_module.extend_from_slice(files);
    let evaluated = all(&memory(&with_module));
    let resource = evaluated.resources.iter().find(|r| r.root == "live/dev/app");
    let resource = resource.unwrap_or_else(|| panic!("no resource of the unit: {evaluated:?}"));
    let attribute = |name: &str| show(resource.body.get(name).unwrap());
    (attribute("a"), attribute("b"))
}

#[test]
fn what_is_included_gives_inputs_locals_and_the_source() {
    let root = "locals {\n  org = \"acme\"\n  place = path_relative_to_include()\n}\nterraform {\n  source = \"${get_parent_terragrunt_dir()}/../modules//app\"\n}\ninputs = {\n  a = \"${local.org} in ${local.place}\"\n  b = \"from the root\"\n}\n";
    let unit = "include \"root\" {\n  path   = find_in_parent_folders(\"root.hcl\")\n  expose = true\n}\ninputs = {\n  b = \"own, of ${include.root.locals.org}\"\n}\n";
    let values = app(&[("live/root.hcl", root), ("live/dev/app/terragrunt.hcl", unit)]);
    assert_eq!(values, ("\"acme in dev/app\"".to_owned(), "\"own, of acme\"".to_owned()));
    // without a label and with the default name
    let unit = "include {\n  path = find_in_parent_folders()\n}\n";
    let values = app(&[("live/terragrunt.hcl", root), ("live/dev/app/terragrunt.hcl", unit)]);
    assert_eq!(values, ("\"acme in dev/app\"".to_owned(), "\"from the root\"".to_owned()));
}

#[test]
fn files_that_are_read_give_their_locals() {
    let unit = "locals {\n  env    = read_terragrunt_config(find_in_parent_folders(\"env.hcl\"))\n  common = yamldecode(file(find_in_parent_folders(\"common.yaml\")))\n}\nterraform {\n  source = \"../../../modules/app\"\n}\ninputs = merge(local.common, { a = local.env.locals.name })\n";
    let files = [
        ("live/dev/env.hcl", "locals {\n  name = \"dev\"\n  odd = nothing.here\n}\n"),
        ("live/common.yaml", "b: shared\n"),
        ("live/dev/app/terragrunt.hcl", unit),
    ];
    assert_eq!(app(&files), ("\"dev\"".to_owned(), "\"shared\"".to_owned()));
}

#[test]
fn a_dependency_gives_what_its_module_gives_and_no_mock() {
    let unit = "terraform {\n  source = \"../../../modules/app\"\n}\ndependency \"other\" {\n  config_path  = \"../other\"\n  mock_outputs = {\n    out = \"mock\"\n  }\n}\ndependency \"far\" {\n  config_path = \"../../../../elsewhere\"\n}\ninputs = {\n  a = dependency.other.outputs.out\n  b = dependency.far.outputs.name\n}\n";
    let other = "terraform {\n  source = \"../../../modules/app\"\n}\ninputs = {\n  a = \"other\"\n}\n";
    let files = [("live/dev/app/terragrunt.hcl", unit), ("live/dev/other/terragrunt.hcl", other)];
    assert_eq!(app(&files), ("\"out of other\"".to_owned(), "${dependency.far.outputs.name}".to_owned()));
}

#[test]
fn units_that_depend_on_each_other_end() {
    let unit = |other: &str| {
        format!(
            "terraform {{\n  source = \"../../../modules/app\"\n}}\ndependency \"it\" {{\n  config_path = \"../{other}\"\n}}\ninputs = {{\n  a = dependency.it.outputs.out\n}}\n"
        )
    };
    let (app_unit, other) = (unit("other"), unit("app"));
    let values = app(&[("live/dev/app/terragrunt.hcl", &app_unit), ("live/dev/other/terragrunt.hcl", &other)]);
    assert_eq!(values.0, "\"out of ${dependency.it.outputs.out}\"");
    let own = unit("app");
    assert_eq!(app(&[("live/dev/app/terragrunt.hcl", &own)]).0, "${dependency.it.outputs.out}");
}

#[test]
fn what_depends_on_where_terragrunt_runs_is_unknown() {
    let unit = "terraform {\n  source = \"${get_env(\"CI\") == \"true\" ? \"git::https://example.com/modules.git\" : \"../../../modules//app\"}\"\n}\ninputs = {\n  a = \"repo:${get_env(\"ORG\", \"acme\")}/app\"\n  b = get_env(\"ORG\") == get_env(\"ORG\") ? \"same\" : \"other\"\n}\n";
    let values = app(&[("live/dev/app/terragrunt.hcl", unit)]);
    assert_eq!(values, ("\"repo:${get_env(\\\"ORG\\\")}/app\"".to_owned(), "\"same\"".to_owned()));
}

#[test]
fn a_unit_that_computes_its_source_is_the_caller_of_its_module() {
    let unit = "terraform {\n  source = \"${get_repo_root()}/modules//app\"\n}\n";
    let files = memory(&[("modules/app/main.tf", MODULE), ("live/dev/app/terragrunt.hcl", unit), ("README.md", "x")]);
    assert_eq!(unit_source(&files, "live/dev/app").as_deref(), Some("modules/app"));
    assert_eq!(unit_source(&files, "modules/app"), None);
    let workspace = Workspace::new(&files, &["modules/app".to_owned(), "live/dev/app".to_owned()]);
    assert_eq!(workspace.roots(), ["live/dev/app"]);
}
