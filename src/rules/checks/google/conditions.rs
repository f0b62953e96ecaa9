//! IAM conditions on bindings (<https://cloud.google.com/iam/docs/conditions-overview>).

use super::Context;
use super::spelling::Spelling;
use crate::admission::cel::google::{Standing, standing};
use crate::catalogue::{RuleId, Severity};
use crate::graph::{BindingCondition, Trust};
use crate::partial::Text;
use crate::rules::Finding;

/// Why a binding gives nobody anything, whoever its member is.
pub(super) fn check(context: &Context<'_>, trust: &Trust, condition: &BindingCondition) -> Option<Finding> {
    let text: &Text = condition.expression.as_ref()?;
    let finding = |rule: RuleId, span, message: String| Finding::new(rule, &trust.origin, span, "condition", message).along_text(text);
    match standing(text, crate::calendar::now()) {
        Standing::MayHold => None,
        Standing::Ended => {
            let message = "the condition of this binding no longer holds: the binding has ended, and nobody has the role by it".to_owned();
            let found = finding(RuleId::NeverMatches, text.span(), message).severity(Severity::Info);
            Some(found.help("remove the binding, or move the date when the access is still needed"))
        }
        Standing::Foreign { name, span } => {
            let message = format!(
                "IAM conditions know `resource` and `request`, and no `{name}`, which belongs to a provider's attribute condition: the binding is refused"
            );
            let name = Spelling::of(context.sources, &trust.origin).name("attribute_condition");
            let help = format!("test it in the provider's `{name}`, or map an attribute and bind its value");
            Some(finding(RuleId::RejectedPolicy, span.or_else(|| text.span()), message).help(help))
        }
        Standing::Refused(problem) => {
            let message = format!("the condition is no CEL expression ({}): the binding is refused", problem.message);
            let found = finding(RuleId::RejectedPolicy, problem.span.or_else(|| text.span()), message);
            Some(found.help("correct the expression; strings stand in `'…'`, and every bracket is closed"))
        }
    }
}
