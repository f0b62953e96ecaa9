//! Function calls: `try` and `can` here, the rest in [`crate::terraform::functions`].

use super::collection::Collection;
use super::engine::{Evaluator, Result, Scope};
use super::values::{holds_alternatives, lists, one_of, product};
use super::{EvalError, paths};
use crate::partial::{Kind, Text, Value};
use crate::source::SourceFile;
use crate::syntax::hcl::{self, Expr};
use crate::terraform::functions::{self, Files, FunctionError};
use std::sync::Arc;

/// Functions that look inside their arguments: alternatives anywhere in them are taken one by one.
const DEEP: &[&str] =
    &["jsonencode", "yamlencode", "join", "contains", "toset", "sort", "distinct", "formatlist", "base64encode", "md5", "sha1", "sha256"];

impl Evaluator<'_> {
    /// `name(args)`
    pub(super) fn call(&self, name: &str, args: &[Expr], expand: bool, expr: &Expr, scope: &Scope) -> Result<Value> {
        let name = name.strip_prefix("core::").unwrap_or(name);
        match name {
            "try" => return self.try_call(args, expr, scope),
            "can" => return self.can_call(args, expr, scope),
            _ => {}
        }
        if let Some(value) = self.unit_call(name, args, expr, scope)? {
            return Ok(value);
        }
        self.refused(name, args, expr, scope)?;
        let mut values = args.iter().map(|a| self.eval(a, scope)).collect::<Result<Vec<_>>>()?;
        if expand && let Some(last) = values.pop() {
            match last.kind {
                Kind::List { items, open: false } => values.extend(items),
                Kind::List { .. } | Kind::Unknown(_) | Kind::OneOf(_) => return Ok(self.unknown_result(expr, scope)),
                _ => return Err(EvalError::new("the argument before `...` is not a list", Some(expr.span))),
            }
        }
        let deep = DEEP.contains(&name);
        let looks_inside = deep || name == "flatten";
        if !values.iter().any(|v| matches!(v.kind, Kind::OneOf(_)) || (looks_inside && holds_alternatives(v, 0))) {
            return self.call_values(name, &values, expr, scope);
        }
        let shallow: Vec<Value>;
        let rows = if deep {
            product(&values)
        } else if name == "flatten" {
            // a list that may be one of several: what it is made of decides what the items are
            values.first().and_then(lists).map(|all| all.into_iter().map(|list| vec![list]).collect())
        } else {
            // only the arguments themselves: alternatives inside a list stay where they are
            shallow = values.clone();
            top_level(&shallow)
        };
        let Some(rows) = rows else { return Ok(self.unknown_result(expr, scope)) };
        let (mut good, mut error) = (Vec::new(), None);
        for row in rows {
            match self.call_values(name, &row, expr, scope) {
                Ok(value) => good.push(value),
                Err(e) => error = Some(e),
            }
        }
        match error {
            Some(error) if good.is_empty() => Err(error),
            _ => Ok(one_of(good, || self.unknown_result(expr, scope))),
        }
    }

    /// Calls that fail whatever the values are.
    fn refused(&self, name: &str, args: &[Expr], expr: &Expr, scope: &Scope) -> Result<()> {
        let provider = name.strip_prefix("provider::").and_then(|n| n.split("::").next());
        if let Some(provider) = provider.filter(|p| !scope.instance.config.providers.contains(*p)) {
            return Err(EvalError::new(format!("the module requires no provider `{provider}`"), Some(expr.span)));
        }
        match args.iter().find(|a| name == "concat" && self.collection(a, scope) == Some(Collection::Set)) {
            Some(set) => Err(EvalError::new("`concat` takes lists, this is a set", Some(set.span))),
            None => Ok(()),
        }
    }

    pub(super) fn call_values(&self, name: &str, args: &[Value], expr: &Expr, scope: &Scope) -> Result<Value> {
        self.charge_for(args, expr.span)?;
        let files = FileAccess { evaluator: self, scope };
        let mut value = functions::call(name, args, Some(expr.span), &files).map_err(|e| EvalError::new(e.message, Some(expr.span)))?;
        value.span = value.span.or(Some(expr.span));
        Ok(value)
    }

    /// The first argument that can be evaluated.
    fn try_call(&self, args: &[Expr], expr: &Expr, scope: &Scope) -> Result<Value> {
        let mut last = EvalError::new("`try` needs an argument", Some(expr.span));
        for arg in args {
            match self.attempt(|| self.eval(arg, scope)) {
                Ok(value) => return Ok(value),
                Err(error) => last = error,
            }
        }
        Err(EvalError::new(format!("no argument of `try` can be evaluated: {}", last.message), Some(expr.span)))
    }

    fn can_call(&self, args: &[Expr], expr: &Expr, scope: &Scope) -> Result<Value> {
        let [only] = args else { return Err(EvalError::new("`can` needs one argument", Some(expr.span))) };
        let result = self.attempt(|| self.eval(only, scope));
        if matches!(&result, Ok(v) if matches!(v.kind, Kind::Unknown(_))) {
            return Ok(self.unknown_result(expr, scope));
        }
        Ok(Value::new(Kind::Bool(result.is_ok()), Some(expr.span)))
    }

    /// A template with nothing but its variables in scope.
    fn render_template(&self, template: &hcl::Template, vars: &Value, scope: &Scope, file: Option<&SourceFile>) -> Result<Value> {
        let mut inner = Scope::of(&scope.instance);
        for entry in vars.entries() {
            if let Some(name) = entry.key.as_known() {
                inner = inner.bind(&Arc::from(name), entry.value.clone());
            }
        }
        let span =
            file.map_or(crate::place::Span::new(crate::place::FileId(u32::MAX), 0..0), |f| crate::place::Span::new(f.id, 0..f.text.len()));
        self.enter(span)?;
        let value = self.template(template, span, &inner);
        self.leave();
        value
    }
}

fn top_level(values: &[Value]) -> Option<Vec<Vec<Value>>> {
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for value in values {
        let choices = value.alternatives();
        if rows.len() * choices.len() > crate::partial::MAX_ALTERNATIVES {
            return None;
        }
        rows = rows.iter().flat_map(|row| choices.iter().map(|c| row.iter().cloned().chain([(*c).clone()]).collect())).collect();
    }
    Some(rows)
}

/// The files inside the scanned root, as functions see them from a module.
struct FileAccess<'e, 'a> {
    evaluator: &'e Evaluator<'a>,
    scope: &'e Scope,
}

impl FileAccess<'_, '_> {
    /// Terraform runs in the root module's folder, so relative paths start there.
    fn folders(&self) -> [&str; 2] {
        [&self.evaluator.folder, &self.scope.instance.config.folder]
    }
}

impl Files for FileAccess<'_, '_> {
    fn read(&self, path: &str) -> std::result::Result<Arc<SourceFile>, String> {
        let is_unit = self.scope.instance.config.terragrunt.is_some();
        let join = |folder: &&str| if is_unit { super::terragrunt::resolve(folder, path) } else { paths::join(folder, path) };
        let inside: Vec<String> = self.folders().iter().filter_map(join).collect();
        if inside.is_empty() {
            return Err(format!("`{path}` lies outside the scanned folder"));
        }
        inside.iter().find_map(|p| self.evaluator.cache.files.read(p)).ok_or_else(|| format!("no such file `{path}`"))
    }

    fn list(&self, folder: &str, pattern: &str) -> std::result::Result<Vec<String>, String> {
        let glob = globset::GlobBuilder::new(pattern).literal_separator(true).build().map_err(|e| e.to_string())?.compile_matcher();
        for base in self.folders() {
            let Some(folder) = paths::join(base, folder) else { continue };
            let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
            let files = self.evaluator.cache.files.list(&folder);
            let mut found: Vec<String> =
                files.iter().filter_map(|f| f.strip_prefix(&prefix)).filter(|f| glob.is_match(f)).map(str::to_owned).collect();
            if !found.is_empty() {
                found.sort();
                found.dedup();
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    fn render(&self, template: &SourceFile, vars: &Value) -> std::result::Result<Value, FunctionError> {
        let fail = |message: String| FunctionError { message };
        let parsed = hcl::parse_template_file(template).map_err(|p| fail(p.message))?;
        self.evaluator.render_template(&parsed, vars, self.scope, Some(template)).map_err(|e| fail(e.message))
    }

    fn render_text(&self, template: &Text, vars: &Value) -> std::result::Result<Value, FunctionError> {
        let fail = |message: String| FunctionError { message };
        let text = template.as_known().ok_or_else(|| fail("the template is not known".to_owned()))?;
        let file = crate::place::FileId(u32::MAX);
        let parsed = hcl::parse_template(&text, file).map_err(|p| fail(p.message))?;
        self.evaluator.render_template(&parsed, vars, self.scope, None).map_err(|e| fail(e.message))
    }
}
