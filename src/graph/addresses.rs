//! What ARNs and addresses of declarations say: the account, the resource behind an unknown.

use crate::partial::Text;
use crate::partial::cut::{key, only_atom, split_once, strip_prefix};

/// The account in an ARN, as far as it is written: `arn:aws:iam::111122223333:role/x`, `arn:aws:iam::${var.account}:root`.
#[must_use]
pub fn account_of_arn(arn: &Text) -> Option<Text> {
    let rest = (0..4)
        .try_fold(strip_prefix(arn, "arn:")?, |rest, step| if step == 3 { Some(rest) } else { split_once(&rest, ":").map(|(_, r)| r) })?;
    split_once(&rest, ":").map(|(account, _)| account)
}

/// Whether two ARNs of one evaluation name the same role: by path and name, the account when both are written.
#[must_use]
pub fn same_role(left: &Text, right: &Text) -> bool {
    let path = |arn: &Text| split_once(arn, ":role/").map(|(_, path)| key(&path));
    let account = |arn: &Text| account_of_arn(arn).and_then(|a| a.as_known());
    let apart = matches!((account(left), account(right)), (Some(a), Some(b)) if a != b);
    left.same(right) || (!apart && path(left).is_some_and(|p| path(right).as_ref() == Some(&p)))
}

/// What is the same for two ARNs that [`same_role`] takes for one: the path and the name, the whole of what is of no known form.
#[must_use]
pub fn role_key(arn: &Text) -> String {
    split_once(arn, ":role/").map_or_else(|| key(arn), |(_, path)| key(&path))
}

/// The address of what a text is an attribute of, when it is that and nothing else: `module.ci.aws_iam_role.x`.
#[must_use]
pub fn address(text: &Text) -> Option<&str> {
    only_atom(text)?.attribute_of().map(|of| of.address.as_str())
}

/// The address and the attribute that a text is, when it is that and nothing else.
#[must_use]
pub fn attribute(text: &Text) -> Option<(&str, &str)> {
    only_atom(text)?.attribute_of().map(|of| (of.address.as_str(), of.attribute.as_str()))
}
