//! IAM Roles Anywhere: whose certificates, and what of them becomes tags of the session
//! (<https://docs.aws.amazon.com/rolesanywhere/latest/userguide/introduction.html>).

use super::Origin;
use crate::partial::Text;

/// The trust anchors, profiles and revocation lists of a scan.
#[derive(Debug, Clone, Default)]
pub struct RolesAnywhere {
    /// Trust anchors.
    pub anchors: Vec<TrustAnchor>,
    /// Profiles.
    pub profiles: Vec<Profile>,
    /// Revocation lists.
    pub lists: Vec<Origin>,
}

/// Whose certificates an anchor takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// A bundle of certificates.
    Bundle,
    /// AWS Private CA.
    PrivateCa,
    /// Not known.
    Unknown,
}

/// A trust anchor.
#[derive(Debug, Clone)]
pub struct TrustAnchor {
    /// Where.
    pub origin: Origin,
    /// Whose certificates it takes.
    pub authority: Authority,
}

/// A profile: which roles, and which attributes of a certificate become tags.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Where.
    pub origin: Origin,
    /// The ARNs of its roles; none when they are not all known.
    pub roles: Option<Vec<Text>>,
    /// The specifiers of each certificate field that it maps by itself; fields that are not among them have the default mapping.
    pub mappings: Vec<(String, Vec<String>)>,
}
