//! What names mean: variables, locals, iteration, paths, modules, resources.

use super::engine::{Evaluator, Instance, Result, Scope, Shape};
use super::values::{child, shown, with_hop};
use super::{EvalError, paths, types};
use crate::partial::{AttributeOf, Entry, HopKind, Kind, Text, Unknown, UnknownKind, UnknownOrigin, Value};
use crate::place::Span;
use crate::syntax::hcl::{Expr, Step};
use std::rc::Rc;
use std::sync::Arc;

/// One step after a name.
pub(super) enum RefStep<'e> {
    Attribute(&'e Arc<str>),
    Index(&'e Arc<Expr>),
    Splat(&'e [Step]),
}

impl<'e> RefStep<'e> {
    fn name(&self) -> Option<&'e str> {
        if let RefStep::Attribute(name) = self { Some(name) } else { None }
    }
}

impl Evaluator<'_> {
    /// A name with its steps.
    pub(super) fn reference(&self, root: &str, steps: &[RefStep<'_>], expr: &Expr, scope: &Scope) -> Result<Value> {
        if let Some(value) = scope.binding(root) {
            return self.follow(value, steps, expr, scope);
        }
        let first = steps.first().and_then(RefStep::name);
        let rest = steps.get(1..).unwrap_or(&[]);
        let missing = || EvalError::new(format!("`{root}` must be followed by a name"), Some(expr.span));
        let value = match root {
            "var" => {
                let name = first.ok_or_else(missing)?;
                let value = self.variable(name, &scope.instance, expr.span)?;
                // What nobody sets is written nowhere: it is shown where it is read, not where it is declared.
                let declared = scope.instance.config.variables.get(name).map(|v| v.span).filter(|s| value.span == Some(*s));
                return match declared {
                    Some(from) => self.follow(&shown((*value).clone(), from, expr.span), rest, expr, scope),
                    None => self.follow(&value, rest, expr, scope),
                };
            }
            "local" => {
                let value = self.local(first.ok_or_else(missing)?, &scope.instance, expr.span)?;
                return self.follow(&value, rest, expr, scope);
            }
            "each" => {
                let each = scope.each.as_ref().ok_or_else(|| EvalError::new("there is no `each` here", Some(expr.span)))?;
                match first.ok_or_else(missing)? {
                    "key" => return self.follow(&each.0, rest, expr, scope),
                    "value" => return self.follow(&each.1, rest, expr, scope),
                    name => return Err(EvalError::new(format!("`each` has no attribute `{name}`"), Some(expr.span))),
                }
            }
            "count" => scope.count.clone().ok_or_else(|| EvalError::new("there is no `count` here", Some(expr.span)))?,
            "self" => return Ok(self.unknown_result(expr, scope)),
            "path" => self.path(first.ok_or_else(missing)?, expr.span, scope)?,
            "terraform" | "tofu" => match first {
                // `terraform console` starts in the workspace `default`; a scan does not know which one is meant
                Some("workspace") if self.is_strict() => Value::string("default"),
                Some("workspace") => {
                    let why = "the workspace is chosen when Terraform runs";
                    let key = format!("{}|terraform.workspace", self.root);
                    let atom = Unknown::new(key, UnknownKind::Word, "${terraform.workspace}", why, Some(expr.span));
                    Value::new(Kind::Text(Text::hole(atom, Some(expr.span))), Some(expr.span))
                }
                _ => self.unknown_result(expr, scope),
            },
            "module" => return self.module_reference(first.ok_or_else(missing)?, rest, expr, scope),
            "data" | "ephemeral" => {
                let kind = first.ok_or_else(missing)?;
                let name = rest.first().and_then(RefStep::name).ok_or_else(missing)?;
                return self.resource_reference(&format!("{root}.{kind}.{name}"), rest.get(1..).unwrap_or(&[]), expr, scope);
            }
            "include" | "dependency" if scope.instance.config.terragrunt.is_some() => {
                return Ok(self.unit_reference(root, steps, expr, scope)?.unwrap_or_else(|| self.unknown_result(expr, scope)));
            }
            _ => {
                let message = "a reference to a resource needs its name";
                let name = first.ok_or_else(|| EvalError::new(format!("{message}: `{root}`"), Some(expr.span)))?;
                return self.resource_reference(&format!("{root}.{name}"), rest, expr, scope);
            }
        };
        self.apply_steps(value, rest, expr, scope)
    }

    fn path(&self, name: &str, span: Span, scope: &Scope) -> Result<Value> {
        match name {
            "module" => Ok(Value::string(paths::relative(&self.folder, &scope.instance.config.folder))),
            "root" | "cwd" => Ok(Value::string(".")),
            _ => Err(EvalError::new(format!("`path` has no attribute `{name}`"), Some(span))),
        }
    }

    pub(super) fn local(&self, name: &str, instance: &Rc<Instance>, span: Span) -> Result<Rc<Value>> {
        let Some(attribute) = instance.config.locals.get(name) else {
            return Err(EvalError::new(format!("unknown local `{name}`"), Some(span)));
        };
        self.recall(instance, &format!("local.{name}"), span, || {
            let value = self.declared(attribute.value.span, || self.eval(&attribute.value, &Scope::of(instance)))?;
            Ok(with_hop(value, attribute.name_span, HopKind::Local(name.into())))
        })
    }

    /// The value of a variable: argument of the call, else tfvars, else default, else an atom.
    pub(super) fn variable(&self, name: &str, instance: &Rc<Instance>, span: Span) -> Result<Rc<Value>> {
        let Some(variable) = instance.config.variables.get(name) else {
            return Err(EvalError::new(format!("unknown variable `{name}`"), Some(span)));
        };
        self.recall(instance, &format!("var.{name}"), span, || {
            let constraint = variable.body.attribute("type").map(|t| types::Type::of(&t.value));
            let given = self.given(name, instance)?;
            let nullable =
                variable.body.attribute("nullable").is_none_or(|n| !matches!(n.value.kind, crate::syntax::hcl::ExprKind::Bool(false)));
            let called = instance.call.is_none()
                && (self.called && super::stand_ins::of_variable(variable) || self.switched && super::stand_ins::is_off(variable));
            let default = variable.body.attribute("default").filter(|_| !called);
            let value = match (given, default) {
                (Some(value), _) if nullable || !value.is_null() => value,
                (_, Some(default)) => {
                    let value = self.eval(&default.value, &Scope::of(instance))?;
                    with_hop(value, default.name_span, HopKind::VariableDefault(name.into()))
                }
                (_, None) => {
                    let kind = crate::kinds::kind_of_variable(name);
                    let why = if called {
                        format!("what callers pass as `{name}` is not in the scan")
                    } else {
                        format!("variable `{name}` has no default")
                    };
                    let atom = Unknown::new(
                        self.key(instance, &format!("var.{name}")),
                        kind,
                        format!("${{var.{name}}}"),
                        why,
                        Some(variable.span),
                    );
                    Value::unknown(atom.coming_from(UnknownOrigin::Variable), Some(variable.span))
                }
            };
            let value = match constraint {
                Some(constraint) => constraint.convert(value, &|e| self.eval(e, &Scope::of(instance)))?,
                None => value,
            };
            Ok(self.validated(name, &variable.body, value, &Scope::of(instance)))
        })
    }

    fn given(&self, name: &str, instance: &Rc<Instance>) -> Result<Option<Value>> {
        if let Some((block, scope)) = &instance.call {
            let Some(argument) = block.body.attribute(name) else { return self.unit_input(name, &scope.instance) };
            let call = block.labels.first().map_or("", |l| &l.text);
            let value = self.eval_settled(&argument.value, scope)?;
            return Ok(Some(with_hop(value, argument.name_span, HopKind::Argument { name: name.into(), module: call.into() })));
        }
        let Some((attribute, file)) = instance.config.assigned.get(name) else { return Ok(None) };
        let value = self.eval_settled(&attribute.value, &Scope::of(instance))?;
        Ok(Some(with_hop(value, attribute.name_span, HopKind::VariableValue { variable: name.into(), file: (&**file).into() })))
    }

    pub(super) fn module_reference(&self, name: &str, steps: &[RefStep<'_>], expr: &Expr, scope: &Scope) -> Result<Value> {
        let instance = &scope.instance;
        let Some(block) = instance.config.modules.get(name) else {
            return Err(EvalError::new(format!("unknown module `{name}`"), Some(expr.span)));
        };
        let expansion = self.expansion(instance, &format!("module.{name}"), block);
        let value = |item: &super::engine::Item, output: Option<&str>| self.module_output(instance, name, item, output, expr);
        let (shape, rest) = (expansion.shape, steps.get(1..).unwrap_or(&[]));
        match (shape, steps.first()) {
            (Shape::One, Some(RefStep::Attribute(output))) => {
                let Some(item) = expansion.items.first() else { return Ok(self.unknown_result(expr, scope)) };
                let value = value(item, Some(output))?;
                self.apply_steps(value, rest, expr, scope)
            }
            (_, Some(RefStep::Index(key))) => {
                let key = self.eval(key, scope)?;
                let output = rest.first().and_then(RefStep::name);
                let picked = self.pick(&expansion, &key, expr, scope, |item| value(item, output))?;
                let rest = if output.is_some() { rest.get(1..).unwrap_or(&[]) } else { rest };
                self.apply_steps(picked, rest, expr, scope)
            }
            _ => {
                let all = self.assemble(&expansion, |item| value(item, None))?;
                self.apply_steps(all, steps, expr, scope)
            }
        }
    }

    /// One output of a module instance, or all of them as an object.
    fn module_output(
        &self,
        caller: &Rc<Instance>,
        name: &str,
        item: &super::engine::Item,
        output: Option<&str>,
        expr: &Expr,
    ) -> Result<Value> {
        let Some(children) = self.children(caller, name) else {
            return Ok(self.remote_output(caller, name, item, output, expr.span));
        };
        let child = children.iter().find(|c| c.item.suffix == item.suffix);
        let Some(inner) = child.map(|c| &c.instance) else { return Ok(self.remote_output(caller, name, item, output, expr.span)) };
        let value = |o: &str| Ok(super::modelled::leave_model(self.output(inner, name, o, expr)?, inner));
        let modelled = !inner.config.builtin.is_empty();
        let Some(output) = output else {
            let all = inner.config.outputs.keys();
            let entries = all.map(|o| Ok(Entry { key: Text::known(o), value: value(o)? })).collect::<Result<Vec<_>>>()?;
            return Ok(Value::new(Kind::Map { entries, open: modelled }, Some(expr.span)));
        };
        if modelled && !inner.config.outputs.contains_key(output) {
            // a model holds the outputs that matter, the module has more
            return Ok(self.remote_output(caller, name, item, Some(output), expr.span));
        }
        value(output)
    }

    fn output(&self, inner: &Rc<Instance>, module: &str, output: &str, expr: &Expr) -> Result<Value> {
        let declared = inner.config.outputs.get(output).and_then(|b| b.body.attribute("value"));
        let Some(attribute) = declared else {
            return Err(EvalError::new(format!("module `{module}` has no output `{output}`"), Some(expr.span)));
        };
        self.remember(inner, &format!("output.{output}"), expr.span, || {
            let value = self.eval_settled(&attribute.value, &Scope::of(inner))?;
            Ok(with_hop(value, attribute.name_span, HopKind::Output { name: output.into(), module: module.into() }))
        })
    }

    fn resource_reference(&self, address: &str, steps: &[RefStep<'_>], expr: &Expr, scope: &Scope) -> Result<Value> {
        if let Some(value) = self.remote_state(address, steps, expr, scope)? {
            return Ok(value);
        }
        let instance = &scope.instance;
        let Some(block) = instance.config.resources.get(address) else {
            return Err(EvalError::new(format!("unknown resource `{address}`"), Some(expr.span)));
        };
        let expansion = self.expansion(instance, address, block);
        let value =
            |item: &super::engine::Item, attribute: Option<&str>| self.resource_value(instance, address, block, item, attribute, expr.span);
        let rest = steps.get(1..).unwrap_or(&[]);
        match (expansion.shape, steps.first()) {
            (Shape::One, Some(RefStep::Attribute(attribute))) => {
                let Some(item) = expansion.items.first() else { return Ok(self.unknown_result(expr, scope)) };
                let value = value(item, Some(attribute))?;
                self.apply_steps(value, rest, expr, scope)
            }
            (Shape::One, None) => match expansion.items.first() {
                Some(item) => value(item, None),
                None => Ok(self.unknown_result(expr, scope)),
            },
            (_, Some(RefStep::Index(key))) => {
                let key = self.eval(key, scope)?;
                let attribute = rest.first().and_then(RefStep::name);
                let picked = self.pick(&expansion, &key, expr, scope, |item| value(item, attribute))?;
                let rest = if attribute.is_some() { rest.get(1..).unwrap_or(&[]) } else { rest };
                self.apply_steps(picked, rest, expr, scope)
            }
            (_, Some(RefStep::Splat(each))) => {
                let (attribute, later) = match each.split_first() {
                    Some((Step::Attribute(name), later)) => (Some(&**name), later),
                    _ => (None, *each),
                };
                let items =
                    expansion.items.iter().map(|i| self.steps(value(i, attribute)?, later, expr, scope)).collect::<Result<Vec<_>>>()?;
                let all = Value::new(Kind::List { items, open: expansion.open }, Some(expr.span));
                self.apply_steps(all, rest, expr, scope)
            }
            _ => {
                let all = self.assemble(&expansion, |item| value(item, None))?;
                self.apply_steps(all, steps, expr, scope)
            }
        }
    }

    /// The instance with this key; with an unknown key or collection the one that stands for all, or any.
    fn pick(
        &self,
        expansion: &super::engine::Expansion,
        key: &Value,
        expr: &Expr,
        scope: &Scope,
        value: impl Fn(&super::engine::Item) -> Result<Value>,
    ) -> Result<Value> {
        self.each_alternative(key, expr, scope, |key| {
            let Some(text) = key.as_text() else {
                return Err(EvalError::new("the key of an instance must be a string or a number", Some(expr.span)));
            };
            let same = |item: &&super::engine::Item| item.key.as_ref().and_then(Value::as_text).is_some_and(|k| k.same(&text));
            if let Some(item) = expansion.items.iter().find(same) {
                return value(item);
            }
            if expansion.shape == Shape::One
                && let Some(item) = expansion.items.first()
            {
                return value(item);
            }
            if let Some(item) = expansion.items.iter().find(|i| i.stand_in) {
                let value = value(item)?;
                // one instance of many: same shape, but an identity of its own per key
                return Ok(match &value.kind {
                    Kind::Unknown(atom) => {
                        Value { kind: Kind::Unknown(child(atom, &format!("[{}]", text.fill(|a| a.key().to_owned())))), ..value }
                    }
                    _ => value,
                });
            }
            if self.as_console() && expansion.shape != Shape::One {
                // `terraform console` before the first apply knows no instances
                return Ok(self.unknown_result(expr, scope));
            }
            if text.is_known() && !expansion.open {
                return Err(EvalError::new(format!("unknown instance `{text}`"), Some(expr.span)));
            }
            let any = expansion.items.iter().map(&value).collect::<Result<Vec<_>>>()?;
            Ok(super::values::one_of(any, || self.unknown_result(expr, scope)))
        })
    }

    /// All instances as Terraform shows them: one object, a list, a map.
    fn assemble(&self, expansion: &super::engine::Expansion, value: impl Fn(&super::engine::Item) -> Result<Value>) -> Result<Value> {
        let open = expansion.open;
        let mut out = Vec::new();
        for item in expansion.items.iter().filter(|i| !i.stand_in || expansion.shape == Shape::One) {
            out.push((item.key.as_ref().and_then(Value::as_text), value(item)?));
        }
        Ok(match expansion.shape {
            Shape::One => out.into_iter().next().map_or_else(Value::null, |(_, v)| v),
            Shape::Count => Value::new(Kind::List { items: out.into_iter().map(|(_, v)| v).collect(), open }, None),
            Shape::Each => {
                let entries = out.into_iter().filter_map(|(k, value)| Some(Entry { key: k?, value })).collect();
                Value::new(Kind::Map { entries, open }, None)
            }
        })
    }

    /// An atom for an attribute that only the provider knows.
    pub(super) fn computed_atom(&self, of: AttributeOf, attribute: &str, kind: UnknownKind, span: Span) -> Unknown {
        let address = &of.address;
        let why = format!("`{attribute}` of `{address}` is known only after apply");
        Unknown::new(format!("{}|{address}.{attribute}", self.root), kind, format!("${{{address}.{attribute}}}"), why, Some(span))
            .coming_from(UnknownOrigin::Attribute(Arc::new(of)))
    }
}
