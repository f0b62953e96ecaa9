//! Which sort of collection an expression is by its form: the value tree has one list for lists, sets and tuples.

use super::engine::{Evaluator, Scope};
use super::types::Type;
use crate::syntax::hcl::{Expr, ExprKind as K};

/// Most names that are followed.
const MAX_NAMES: usize = 16;

/// A sort of collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Collection {
    /// `tolist(…)`.
    List,
    /// `toset(…)`.
    Set,
    /// `[…]`.
    Tuple,
}

impl Evaluator<'_> {
    /// The sort of collection, where the form of the expression tells.
    pub(super) fn collection<'e>(&self, expr: &'e Expr, scope: &'e Scope) -> Option<Collection> {
        let mut at = expr;
        for _ in 0..MAX_NAMES {
            at = match &at.kind {
                K::Parentheses(inner) => inner,
                K::Tuple(_) => return Some(Collection::Tuple),
                K::For(body) => return body.result_key.is_none().then_some(Collection::Tuple),
                K::Call { name, .. } => {
                    return match &**name {
                        "toset" | "setunion" | "setintersection" | "setsubtract" | "fileset" => Some(Collection::Set),
                        "tolist" | "sort" | "split" | "formatlist" | "compact" | "distinct" => Some(Collection::List),
                        _ => None,
                    };
                }
                K::Attribute(base, name) => match &base.kind {
                    K::Variable(root) if &**root == "local" && scope.binding(root).is_none() => {
                        &scope.instance.config.locals.get(&**name)?.value
                    }
                    K::Variable(root) if &**root == "var" && scope.binding(root).is_none() => {
                        let declared = scope.instance.config.variables.get(&**name)?.body.attribute("type")?;
                        return match Type::of(&declared.value) {
                            Type::Set(_) => Some(Collection::Set),
                            Type::List(_) => Some(Collection::List),
                            Type::Tuple(_) => Some(Collection::Tuple),
                            _ => None,
                        };
                    }
                    _ => return None,
                },
                _ => return None,
            };
        }
        None
    }

    /// Both are collections, and never equal because Terraform compares their types too.
    pub(super) fn differ_in_type(&self, left: &Expr, right: &Expr, scope: &Scope) -> bool {
        matches!((self.collection(left, scope), self.collection(right, scope)), (Some(a), Some(b)) if a != b)
    }
}
