//! Instances of AWS that have a role.

use super::Origin;
use crate::partial::Text;

/// How an instance that has a role serves its credentials
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsRequest.html>).
#[derive(Debug, Clone)]
pub struct InstanceMetadata {
    /// Where.
    pub origin: Origin,
    /// `http_tokens`: `required`, or `optional` where a request needs no session.
    pub tokens: Text,
}
