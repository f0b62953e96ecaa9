//! Who is registered, and with whom the trust domain federates.

use super::{Lifetime, Profile, Switch};
use crate::admission::spiffe::Selector;
use crate::graph::{Origin, Setting};
use crate::partial::Text;
use crate::place::Span;

/// Who says that a workload is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationSource {
    /// A file of entries, or what the server shows.
    File,
    /// `spire-server entry create`.
    Command,
    /// A ClusterStaticEntry.
    Manifest,
}

/// A registration entry (<https://spiffe.io/docs/latest/deploying/registering/>).
#[derive(Debug, Clone)]
pub struct Registration {
    /// Where.
    pub origin: Origin,
    /// What says so.
    pub source: RegistrationSource,
    /// The SPIFFE id.
    pub id: Text,
    /// The parent's id; none for a node entry of the command line.
    pub parent: Option<Text>,
    /// The selectors, all of which a workload has to have.
    pub selectors: Vec<Selector>,
    /// There may be others.
    pub selectors_open: bool,
    /// `-node`: its selectors are those of nodes.
    pub node: bool,
    /// `admin`.
    pub admin: Option<Switch>,
    /// `downstream`.
    pub downstream: Option<Switch>,
    /// `storeSVID`: a plugin puts the SVID into a store, its selectors name the store.
    pub stored: Option<Switch>,
    /// `federatesWith`.
    pub federates_with: Vec<Text>,
    /// How long its SVIDs live.
    pub lifetimes: Vec<Lifetime>,
    /// `className`, for a ClusterStaticEntry.
    pub class: Setting,
}

/// A requirement of a label selector
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>).
#[derive(Debug, Clone)]
pub struct LabelRequirement {
    /// The label.
    pub key: Text,
    /// What is asked of it.
    pub asks: LabelAsks,
}

/// What is asked of a label.
#[derive(Debug, Clone)]
pub enum LabelAsks {
    /// One of these values.
    In(Vec<Text>),
    /// None of these values; the label may be absent.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    Absent,
    /// Not known.
    Unknown,
}

/// A label selector.
#[derive(Debug, Clone, Default)]
pub struct LabelSelector {
    /// All of them are asked for.
    pub requirements: Vec<LabelRequirement>,
    /// There may be others.
    pub open: bool,
}

/// The label that holds a namespace's own name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

impl LabelSelector {
    /// Certainly selects everything.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        !self.open && self.requirements.is_empty()
    }

    /// Asks for a label that has to be set: what does not exclude certain objects only.
    #[must_use]
    pub fn opts_in(&self) -> bool {
        self.open || self.requirements.iter().any(|r| !matches!(r.asks, LabelAsks::NotIn | LabelAsks::Absent))
    }

    /// The namespaces that the selector names, when it names them.
    #[must_use]
    pub fn namespaces(&self) -> Option<&[Text]> {
        self.requirements.iter().find_map(|r| match &r.asks {
            LabelAsks::In(values) if r.key.is_str(NAMESPACE_NAME) => Some(values.as_slice()),
            _ => None,
        })
    }
}

/// A ClusterSPIFFEID: the ids of pods
/// (<https://github.com/spiffe/spire-controller-manager/blob/main/docs/clusterspiffeid-crd.md>).
#[derive(Debug, Clone)]
pub struct ClusterIdentity {
    /// Where.
    pub origin: Origin,
    /// `spiffeIDTemplate`: a Go template.
    pub template: Text,
    /// `podSelector`.
    pub pods: LabelSelector,
    /// `namespaceSelector`.
    pub namespaces: LabelSelector,
    /// `workloadSelectorTemplates`.
    pub selectors: Vec<Text>,
    /// `fallback`: only for pods that no other ClusterSPIFFEID selects.
    pub fallback: Option<Switch>,
    /// `admin`.
    pub admin: Option<Switch>,
    /// `downstream`.
    pub downstream: Option<Switch>,
    /// `className`.
    pub class: Setting,
    /// `federatesWith`.
    pub federates_with: Vec<Text>,
    /// How long its SVIDs live.
    pub lifetimes: Vec<Lifetime>,
    /// A chart sets what is not written: selectors of its own components, the class.
    pub charted: bool,
}

/// A foreign trust domain: a server's `federates_with`, a ClusterFederatedTrustDomain, `spire-server federation create`.
#[derive(Debug, Clone)]
pub struct Federation {
    /// Where.
    pub origin: Origin,
    /// The foreign trust domain.
    pub trust_domain: Text,
    /// Where its bundle is fetched.
    pub url: Option<Text>,
    /// How the endpoint shows who it is.
    pub profile: Profile,
    /// The id of the endpoint.
    pub endpoint_id: Setting,
    /// Where the profile is written.
    pub profile_span: Option<Span>,
    /// `className`, for a manifest; a server has none.
    pub class: Option<Setting>,
}

/// A controller manager (<https://github.com/spiffe/spire-controller-manager/blob/main/docs/spire-controller-manager-config.md>).
#[derive(Debug, Clone)]
pub struct Controller {
    /// Where.
    pub origin: Origin,
    /// `trustDomain`.
    pub trust_domain: Option<Text>,
    /// `className`.
    pub class: Setting,
    /// `watchClassless`.
    pub classless: Option<Switch>,
    /// `clusterName`.
    pub cluster: Option<Text>,
}

#[cfg(test)]
mod tests {
    use super::{LabelAsks, LabelRequirement, LabelSelector};
    use crate::partial::Text;

    #[test]
    fn what_only_excludes_opts_nobody_in() {
        let selector = |all: Vec<LabelAsks>| {
            let requirements = all.into_iter().map(|asks| LabelRequirement { key: Text::known("a"), asks }).collect();
            LabelSelector { requirements, open: false }
        };
        assert!(!selector(vec![LabelAsks::NotIn, LabelAsks::Absent]).opts_in() && !selector(Vec::new()).opts_in());
        for asks in [LabelAsks::Exists, LabelAsks::In(vec![Text::known("b")]), LabelAsks::Unknown] {
            assert!(selector(vec![LabelAsks::NotIn, asks.clone()]).opts_in(), "{asks:?}");
        }
        assert!(LabelSelector { requirements: Vec::new(), open: true }.opts_in());
    }
}
