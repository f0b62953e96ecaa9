//! Who manages an allow policy of Google Cloud
//! (<https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/google_service_account_iam>).

use super::{BindingCondition, BindingStyle, Origin};
use crate::partial::Text;

/// A declaration of Terraform that owns an allow policy, or a role in one, or adds a member to a role.
#[derive(Debug, Clone)]
pub struct PolicyPart {
    /// The declaration.
    pub origin: Origin,
    /// The resource whose policy it is: equal for the same one.
    pub on: String,
    /// The role; none for a whole policy.
    pub role: Option<Text>,
    /// The condition: bindings of one role under different conditions do not meet.
    pub condition: Option<BindingCondition>,
    /// What of the policy it owns.
    pub style: BindingStyle,
    /// Workloads are among the members.
    pub federated: bool,
}
