//! Azure federated identity credentials, as the tokens of their issuer meet them
//! (<https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>).

use super::audience::Accepted;
use super::{Inputs, IssuerView, issuer, subjects};
use crate::admission::entra::{self, Credential};
use crate::admission::formula::Formula;
use crate::graph::Trust;
use crate::issuers::Template;
use crate::partial::Text;

/// A credential as the tokens of its issuer meet it.
pub type CredentialView<'a> = IssuerView<'a, Held<'a>>;

/// The credential that tokens come through.
#[derive(Debug, Clone)]
pub struct Held<'a> {
    /// The trust that it is.
    pub trust: &'a Trust,
    /// What it asks for.
    pub credential: Credential,
}

/// The view of a credential; none for one that asks for nothing, or whose issuer cannot be told.
#[must_use]
pub fn issuer_view<'a>(inputs: &Inputs<'a>, trust: &'a Trust, credential: Credential) -> Option<CredentialView<'a>> {
    let hints: Vec<String> = credential.subject.iter().map(Text::known_prefix).collect();
    let known = issuer::known(inputs.registry, &credential.issuer, &hints)?;
    if credential.subject.is_none() && credential.expression.is_none() {
        return None;
    }
    let formula = entra::formula(&credential);
    let formats = &inputs.graph.subject_formats;
    let (templates, subjects) = subjects::tokens(&known.recognised, &formula, formats);
    // One audience is allowed today: <https://learn.microsoft.com/graph/api/resources/federatedidentitycredential>.
    let accepted = credential.audiences.get(..1).map(Accepted::written);
    let via = Held { trust, credential };
    Some(IssuerView { via, recognised: known.recognised, certain: known.certain, formula, templates, subjects, accepted, formats })
}

impl CredentialView<'_> {
    /// The formula for tokens with the audience that is accepted.
    #[must_use]
    pub fn with_audience(&self) -> (Formula, Vec<Template>) {
        let Some(accepted) = &self.accepted else { return (self.formula.clone(), self.templates.clone()) };
        let formula = Formula::All(vec![self.formula.clone(), accepted.usual.clone()]);
        let templates = self.templates_for(&formula);
        (formula, templates)
    }
}
