//! The one spanned tree for YAML, JSON and evaluated Terraform.
//!
//! What cannot be resolved statically stays in the tree as an [`Unknown`]: it has an identity, and equal unknowns are
//! equal values, which is how a condition key `${replace(x.url, "https://", "")}:sub` meets its provider. A string
//! that is only partly known keeps its literal shape as a [`Text`] of parts.

pub mod blank;
pub mod cut;
pub mod facts;
mod provenance;
pub mod stand_in;
mod text;
mod unknown;
mod value;

pub use provenance::{Hop, HopKind, Trail, hops};
pub use text::{Part, Text};
pub use unknown::{AttributeOf, Unknown, UnknownKind, UnknownOrigin};
pub use value::{Entry, Kind, MAX_ALTERNATIVES, Value};
