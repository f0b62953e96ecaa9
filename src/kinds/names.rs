//! What the name of an attribute or a variable tells about its characters.

use crate::partial::UnknownKind;

/// Attributes that a reference to a whole object shows too.
pub const COMMON_ATTRIBUTES: &[&str] = &["arn", "id", "name", "email", "url"];

/// What an attribute's name tells about its characters.
#[must_use]
pub fn kind_of_attribute(name: &str) -> UnknownKind {
    match name {
        "arn" => UnknownKind::Arn,
        "aws_account_id" => UnknownKind::AccountId,
        "partition" => UnknownKind::Partition,
        "project_number" => UnknownKind::ProjectNumber,
        "project_id" => UnknownKind::ProjectId,
        _ if name.ends_with("_arn") => UnknownKind::Arn,
        _ => UnknownKind::Any,
    }
}

/// What a variable's name tells about its characters.
#[must_use]
pub fn kind_of_variable(name: &str) -> UnknownKind {
    match name {
        "account_id" => UnknownKind::Word,
        "region" | "aws_region" => UnknownKind::Region,
        _ => kind_of_attribute(name),
    }
}
