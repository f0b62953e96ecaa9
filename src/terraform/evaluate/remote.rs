//! Outputs of modules that are not in the scan.

use super::computed;
use super::engine::{Evaluator, Instance, Item};
use crate::partial::{Kind, Unknown, UnknownKind, Value};
use crate::place::Span;
use std::rc::Rc;

impl Evaluator<'_> {
    /// What is known of an output of a remote module: its identity, and for the well-known names its shape.
    pub(super) fn remote_output(&self, caller: &Rc<Instance>, name: &str, item: &Item, output: Option<&str>, span: Span) -> Value {
        let address = caller.inside(&format!("module.{name}{}", item.suffix));
        let why = format!("the source of module `{name}` is not in the scan");
        let atom = |what: &str, kind: UnknownKind| {
            let label = format!("${{{address}.{what}}}");
            Unknown::new(format!("{}|{address}.{what}", self.root), kind, label, why.clone(), Some(span))
        };
        let Some(output) = output else {
            return Value::new(
                Kind::Unknown(Unknown::new(
                    format!("{}|{address}", self.root),
                    UnknownKind::Any,
                    format!("${{{address}}}"),
                    why,
                    Some(span),
                )),
                Some(span),
            );
        };
        // `oidc_provider` is the issuer without its scheme: the other two are built from it
        let issuer = || atom("oidc_provider", UnknownKind::IssuerHostPath);
        match output {
            "oidc_provider" => computed::text(vec![computed::hole(issuer(), span)], span),
            "oidc_provider_arn" => self.provider_arn(vec![computed::hole(issuer(), span)], span),
            "cluster_oidc_issuer_url" | "oidc_issuer_url" => {
                computed::text(vec![computed::known("https://"), computed::hole(issuer(), span)], span)
            }
            _ => Value::unknown(atom(output, crate::kinds::kind_of_attribute(output)), Some(span)),
        }
    }
}
