//! Variables that are empty in the middle of a name.
//!
//! `default = ""` in a root, or `name = ""` in a variable file that is handed out with it, says "give me a value" as well as "leave it out". Where the string around it would be left with an empty
//! part (`repo:/:*`, `attribute.repository/`), only the first makes sense: the value is not known, as if there were no default.

use super::engine::{Evaluator, Instance, Scope};
use crate::partial::{HopKind, Text, Unknown, UnknownOrigin, Value, hops};
use std::rc::Rc;

/// What ends a part of a name, a subject, a path or a quoted string.
const ENDS: [char; 9] = [':', '/', '@', '-', '_', '.', '=', '"', '\''];

/// What stands beside an interpolation in its template: none where the template begins or ends, and no end where something is
/// interpolated right beside it.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    pub(super) before: Option<char>,
    pub(super) after: Option<char>,
}

impl Beside {
    /// Nothing in between would be a part that is empty.
    fn leaves_a_part_empty(self) -> bool {
        let ends = |c: Option<char>| c.is_none_or(|c| ENDS.contains(&c));
        ends(self.before) && ends(self.after)
    }
}

impl Evaluator<'_> {
    /// The unknown in place of an empty variable, where the template cannot do without a value.
    pub(super) fn left_out(&self, value: &Value, beside: Beside, scope: &Scope) -> Option<Text> {
        if self.is_strict() || !beside.leaves_a_part_empty() || value.as_str().is_none_or(|s| !s.is_empty()) {
            return None;
        }
        let (root, depth) = root_of(&scope.instance);
        let mut arguments = 0;
        let mut variable = None;
        for hop in hops(&value.trail) {
            match &*hop.kind {
                HopKind::Local(_) => {}
                HopKind::Argument { .. } => arguments += 1,
                HopKind::VariableDefault(name) | HopKind::VariableValue { variable: name, .. } if variable.is_none() => {
                    variable = Some(name)
                }
                _ => return None,
            }
        }
        // A module's own default is what its caller chose by saying nothing.
        let name = variable.filter(|_| arguments == depth)?;
        let declared = root.config.variables.get(&**name)?;
        let whole = self.variable(name, &root, declared.span).ok()?;
        if whole.as_str().is_none_or(|s| !s.is_empty()) {
            return None;
        }
        let why = format!("variable `{name}` is empty until somebody gives it a value");
        let (key, kind) = (self.key(&root, &format!("var.{name}")), crate::kinds::kind_of_variable(name));
        let atom = Unknown::new(key, kind, format!("${{var.{name}}}"), why, Some(declared.span));
        Some(Text::hole(atom.coming_from(UnknownOrigin::Variable), Some(declared.span)))
    }
}

/// The root that an instance belongs to, and how many calls lead from it.
fn root_of(instance: &Rc<Instance>) -> (Rc<Instance>, usize) {
    let (mut at, mut depth) = (Rc::clone(instance), 0);
    while let Some((_, scope)) = &at.call {
        let caller = Rc::clone(&scope.instance);
        at = caller;
        depth += 1;
    }
    (at, depth)
}
