//! What the graph reads off texts: the account of an ARN, the addresses behind an unknown. Cutting itself is [`crate::partial::cut`].

pub use crate::partial::cut::{
    HOLE, flat, is_empty, key, only_atom, rsplit_once, slice, split_once, starts_unknown, strip_prefix, tail, trim_slashes, without_scheme,
};
use crate::partial::{Text, Unknown};

/// The account in an ARN, as far as it is written: `arn:aws:iam::111122223333:role/x`, `arn:aws:iam::${var.account}:root`.
#[must_use]
pub fn account_of_arn(arn: &Text) -> Option<Text> {
    let rest = (0..4)
        .try_fold(strip_prefix(arn, "arn:")?, |rest, step| if step == 3 { Some(rest) } else { split_once(&rest, ":").map(|(_, r)| r) })?;
    split_once(&rest, ":").map(|(account, _)| account)
}

/// The addresses of resources that an atom may be an attribute of, longest first:
/// `infra|module.ci|aws_iam_role.x.arn` gives `module.ci.aws_iam_role.x.arn`, `module.ci.aws_iam_role.x`, ….
#[must_use]
pub fn addresses(atom: &Unknown) -> Vec<String> {
    /// How many attribute names are taken off (`identity[0].oidc[0].issuer` has three).
    const MOST: usize = 5;
    let label = atom.label().trim_start_matches("${").trim_end_matches('}').trim().to_owned();
    let path = atom.key().split_once('|').map(|(_, rest)| rest.split('|').filter(|s| !s.is_empty()).collect::<Vec<_>>().join("."));
    let mut out: Vec<String> = Vec::new();
    for whole in path.into_iter().chain([label]) {
        let mut rest = whole.as_str();
        for _ in 0..MOST {
            if !out.iter().any(|o| o == rest) {
                out.push(rest.to_owned());
            }
            let Some((shorter, _)) = rest.rsplit_once('.') else { break };
            rest = shorter;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partial::UnknownKind;

    #[test]
    fn addresses_of_an_atom() {
        let atom = Unknown::new("infra|module.ci|aws_iam_role.x.arn", UnknownKind::Arn, "${aws_iam_role.x.arn}", "", None);
        let all = addresses(&atom);
        assert!(all.contains(&"module.ci.aws_iam_role.x".to_owned()));
        assert!(all.contains(&"aws_iam_role.x".to_owned()));
    }
}
