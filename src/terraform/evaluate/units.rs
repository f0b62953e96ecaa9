//! What only Terragrunt knows: `include`, `dependency`, its functions, inputs that come from elsewhere.

use super::engine::{Evaluator, Instance, Result, Scope};
use super::reference::RefStep;
use super::worlds::World;
use super::{EvalError, terragrunt};
use crate::partial::{Entry, HopKind, Kind, Text, Unknown, UnknownKind, Value};
use crate::place::Span;
use crate::syntax::hcl::Expr;
use std::rc::Rc;
use std::sync::Arc;

/// Longest chain of units that depend on each other.
const MAX_CHAIN: usize = 8;
/// Most units that are evaluated for one of them.
const MAX_UNITS: usize = 64;
/// Functions of Terragrunt whose outcome depends on where it runs.
const OUTSIDE: &[&str] = &[
    "get_env",
    "run_cmd",
    "get_platform",
    "get_terraform_command",
    "get_terraform_cli_args",
    "get_default_retryable_errors",
    "get_aws_account_alias",
    "get_aws_caller_identity_arn",
    "get_aws_caller_identity_user_id",
    "get_working_dir",
    "sops_decrypt_file",
];

impl<'a> Evaluator<'a> {
    /// A value that an input of a unit has which is no plain argument of its call: the unit's own inputs come before
    /// those that it includes.
    pub(super) fn unit_input(&self, name: &str, caller: &Rc<Instance>) -> Result<Option<Value>> {
        let Some(unit) = &caller.config.terragrunt else { return Ok(None) };
        let mut sources = vec![Rc::clone(caller)];
        sources.extend(unit.includes.values().rev().map(|parent| self.file_instance(parent, &caller.address)));
        for source in sources {
            let Some(inputs) = source.config.terragrunt.as_ref().and_then(|u| u.inputs.as_ref()) else { continue };
            let value = self.recall(&source, "terragrunt inputs", inputs.name_span, || {
                let value = self.eval_settled(&inputs.value, &Scope::of(&source))?;
                Ok(super::values::with_hop(value, inputs.name_span, HopKind::UnitInputs))
            })?;
            if let Some(found) = value.get(name) {
                return self.copy(found, inputs.name_span).map(Some);
            }
            if !matches!(value.kind, Kind::Map { open: false, .. }) {
                let why = "the inputs of the unit are not all known".to_owned();
                let atom =
                    Unknown::new(self.key(caller, &format!("input.{name}")), UnknownKind::Any, format!("${{inputs.{name}}}"), why, None);
                return Ok(Some(Value::unknown(atom, Some(inputs.name_span))));
            }
        }
        Ok(None)
    }

    /// The instance of a file that is included or read.
    fn file_instance(&self, config: &Arc<super::config::ModuleConfig>, address: &str) -> Rc<Instance> {
        let unit = config.terragrunt.as_deref();
        let key = unit.map_or_else(String::new, |u| format!("{} for {}", u.path, u.folder));
        let mut known = self.unit_files.borrow_mut();
        let make = || Rc::new(Instance::new(Arc::clone(config), format!("{address}{key}"), String::new(), None, 0, false));
        Rc::clone(known.entry(key.clone()).or_insert_with(make))
    }

    /// `include.label.locals.x`, `dependency.label.outputs.x`; none outside of Terragrunt.
    pub(super) fn unit_reference(&self, root: &str, steps: &[RefStep<'_>], expr: &Expr, scope: &Scope) -> Result<Option<Value>> {
        let Some(unit) = &scope.instance.config.terragrunt else { return Ok(None) };
        let name = |i: usize| if let Some(RefStep::Attribute(name)) = steps.get(i) { Some(&***name) } else { None };
        let unknown = || Ok(Some(self.unknown_result(expr, scope)));
        match (root, name(0), name(1), name(2)) {
            ("include", Some(label), _, _) => {
                // an include without a label is `include` itself
                let (label, at) = if unit.includes.contains_key(label) { (label, 1) } else { ("", 0) };
                let Some(parent) = unit.includes.get(label) else { return unknown() };
                let inner = self.file_instance(parent, &scope.instance.address);
                match (name(at), name(at + 1)) {
                    (Some("locals"), Some(local)) => {
                        let value = self.local(local, &inner, expr.span)?;
                        self.follow(&value, steps.get(at + 2..).unwrap_or(&[]), expr, scope).map(Some)
                    }
                    _ => {
                        let value = self.file_value(&inner, expr.span)?;
                        self.follow(&value, steps.get(at..).unwrap_or(&[]), expr, scope).map(Some)
                    }
                }
            }
            ("dependency", Some(label), Some("outputs"), Some(output)) => {
                let Some(Some(folder)) = unit.dependencies.get(label) else { return unknown() };
                let value = self.unit_output(folder, label, output, expr)?;
                self.follow(&value, steps.get(3..).unwrap_or(&[]), expr, scope).map(Some)
            }
            ("include" | "dependency", _, _, _) => unknown(),
            _ => Ok(None),
        }
    }

    /// A file as `read_terragrunt_config` gives it.
    fn file_value(&self, instance: &Rc<Instance>, span: Span) -> Result<Value> {
        self.remember(instance, "terragrunt file", span, || {
            let names: Vec<&String> = instance.config.locals.keys().collect();
            let local = |name: &String| {
                // what one of them lacks does not hide the others
                let value = self.local(name, instance, span).map(|v| (*v).clone());
                let value = value.unwrap_or_else(|e| {
                    let atom =
                        Unknown::new(self.key(instance, name), UnknownKind::Any, format!("${{local.{name}}}"), e.message, Some(span));
                    Value::unknown(atom, Some(span))
                });
                Entry { key: Text::known(name), value }
            };
            let locals = Value::map(names.into_iter().map(local).collect(), Some(span));
            let mut entries = vec![Entry { key: Text::known("locals"), value: locals }];
            if let Some(inputs) = instance.config.terragrunt.as_ref().and_then(|u| u.inputs.as_ref()) {
                entries.push(Entry { key: Text::known("inputs"), value: self.eval_settled(&inputs.value, &Scope::of(instance))? });
            }
            Ok(Value::new(Kind::Map { entries, open: true }, Some(span)))
        })
    }

    /// An output of the unit in another folder: what its module gives with its inputs. `mock_outputs` are no truth.
    fn unit_output(&self, folder: &str, label: &str, output: &str, expr: &Expr) -> Result<Value> {
        let atom = |why: String| {
            let key = format!("{}|dependency.{label}.outputs.{output}", self.root);
            let shown = format!("${{dependency.{label}.outputs.{output}}}");
            let kind = crate::kinds::kind_of_attribute(output);
            Value::unknown(Unknown::new(key, kind, shown, why, Some(expr.span)), Some(expr.span))
        };
        Ok(match self.other_root(folder, output, expr) {
            Ok(value) => super::values::with_hop(value, expr.span, HopKind::UnitOutput { name: output.into(), dependency: label.into() }),
            Err(why) => atom(why),
        })
    }

    /// An output of another root of the scan, evaluated within what is left of this one's budget.
    ///
    /// # Errors
    /// Why it has no value, lower case.
    pub(super) fn other_root(&self, folder: &str, output: &str, expr: &Expr) -> std::result::Result<Value, String> {
        if self.chain.iter().any(|f| f == folder) || self.folder == folder {
            return Err(format!("this folder and `{folder}` depend on each other"));
        }
        if self.chain.len() >= MAX_CHAIN {
            return Err(format!("more than {MAX_CHAIN} folders depend on each other"));
        }
        let known = self.units.borrow().get(folder).map(Rc::clone);
        let other = match known {
            Some(other) => other,
            None => {
                self.units_made.set(self.units_made.get() + 1);
                if self.units_made.get() > MAX_UNITS {
                    return Err(self.limit(format!("more than {MAX_UNITS} folders are evaluated for one"), expr.span).message);
                }
                let world = World { config: self.cache.get(folder), name: None, choice: None, called: false, switched: false };
                let other = Rc::new(Evaluator::in_world(self.cache, world, false).depending(self));
                self.units.borrow_mut().insert(folder.to_owned(), Rc::clone(&other));
                other
            }
        };
        match self.lend(&other, || other.root_output(output, expr)) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(format!("`{folder}` has no output `{output}`")),
            Err(error) => Err(error.message),
        }
    }

    /// An output of the root, or of the one module that a unit calls.
    fn root_output(&self, output: &str, expr: &Expr) -> Result<Option<Value>> {
        let root = self.root_scope().instance;
        if let Some(name) = root.config.terragrunt.as_ref().and_then(|_| root.config.modules.keys().next()) {
            let step: Arc<str> = Arc::from(output);
            return self.module_reference(name, &[RefStep::Attribute(&step)], expr, &Scope::of(&root)).map(Some);
        }
        let Some(attribute) = root.config.outputs.get(output).and_then(|b| b.body.attribute("value")) else { return Ok(None) };
        self.remember(&root, &format!("output.{output}"), expr.span, || self.eval_settled(&attribute.value, &Scope::of(&root))).map(Some)
    }

    /// A function of Terragrunt; none for Terraform's and outside of Terragrunt.
    pub(super) fn unit_call(&self, name: &str, args: &[Expr], expr: &Expr, scope: &Scope) -> Result<Option<Value>> {
        let Some(unit) = scope.instance.config.terragrunt.clone() else { return Ok(None) };
        if OUTSIDE.contains(&name) {
            let first = args.first().and_then(|a| self.attempt(|| self.eval(a, scope)).ok()).and_then(|v| v.as_str()).unwrap_or_default();
            let why = format!("`{name}` depends on where Terragrunt runs");
            let atom = Unknown::new(
                format!("terragrunt|{name}|{first}"),
                UnknownKind::Any,
                format!("${{{name}({first:?})}}"),
                why,
                Some(expr.span),
            );
            return Ok(Some(Value::unknown(atom, Some(expr.span))));
        }
        if name == "get_aws_account_id" {
            return Ok(Some(self.account_id(expr.span)));
        }
        let texts = || args.iter().map(|a| Ok(self.eval(a, scope)?.as_str())).collect::<Result<Option<Vec<String>>>>();
        if name == "read_terragrunt_config" {
            let path = args.first().map(|a| self.eval(a, scope)).transpose()?.and_then(|v| v.as_str());
            let Some(path) = path else { return Ok(Some(self.unknown_result(expr, scope))) };
            let path = terragrunt::resolve(&scope.instance.config.folder, &path);
            let config = path.and_then(|path| {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
                terragrunt::file(self.cache.files, &path, &folder)
            });
            return match (config, args.get(1)) {
                (Some(config), _) => {
                    let instance = self.file_instance(&Arc::new(config), &scope.instance.address);
                    self.file_value(&instance, expr.span).map(Some)
                }
                (None, Some(default)) => self.eval(default, scope).map(Some),
                (None, None) => Err(EvalError::new("no such Terragrunt file", Some(expr.span))),
            };
        }
        let is_path = name == "find_in_parent_folders" || name.starts_with("path_relative_") || name.starts_with("get_");
        if !is_path {
            return Ok(None);
        }
        let Some(texts) = texts()? else { return Ok(Some(self.unknown_result(expr, scope))) };
        match terragrunt::path_function(self.cache.files, &scope.instance.config, name, &texts) {
            Some(path) => Ok(Some(Value::string(path))),
            None if name == "find_in_parent_folders" => {
                Err(EvalError::new(format!("no folder above `{}` has the file", unit.folder), Some(expr.span)))
            }
            None => Ok(None),
        }
    }
}
