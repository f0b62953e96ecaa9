//! How many arguments each function takes: one table, asked before a function is called.
//! <https://developer.hashicorp.com/terraform/language/functions> (1.11)

use super::arguments::{Stop, fail};

/// Any number of further arguments.
const MANY: usize = usize::MAX;

/// Functions by the least and the most arguments that they take.
const ARITIES: &[(usize, usize, &[&str])] = &[
    (0, 0, &["plantimestamp", "timestamp", "uuid"]),
    (0, MANY, &["merge"]),
    (
        1,
        1,
        &[
            "abs",
            "abspath",
            "alltrue",
            "anytrue",
            "base64decode",
            "base64encode",
            "base64gzip",
            "base64sha256",
            "base64sha512",
            "basename",
            "ceil",
            "chomp",
            "cidrnetmask",
            "compact",
            "csvdecode",
            "dirname",
            "distinct",
            "ephemeralasnull",
            "file",
            "filebase64",
            "filebase64sha256",
            "filebase64sha512",
            "fileexists",
            "filemd5",
            "filesha1",
            "filesha256",
            "filesha512",
            "flatten",
            "floor",
            "issensitive",
            "jsondecode",
            "jsonencode",
            "keys",
            "length",
            "lower",
            "md5",
            "nonsensitive",
            "one",
            "pathexpand",
            "reverse",
            "sensitive",
            "sha1",
            "sha256",
            "sha512",
            "signum",
            "sort",
            "strrev",
            "sum",
            "title",
            "tobool",
            "tolist",
            "tomap",
            "tonumber",
            "toset",
            "tostring",
            "transpose",
            "trimspace",
            "upper",
            "urlencode",
            "values",
            "yamldecode",
            "yamlencode",
        ],
    ),
    (1, 2, &["bcrypt"]),
    (1, 3, &["range"]),
    (1, MANY, &["cidrsubnets", "coalesce", "coalescelist", "concat", "format", "formatlist", "max", "min", "setintersection", "setunion"]),
    (
        2,
        2,
        &[
            "chunklist",
            "cidrhost",
            "contains",
            "element",
            "endswith",
            "fileset",
            "formatdate",
            "indent",
            "index",
            "log",
            "parseint",
            "pow",
            "regex",
            "regexall",
            "rsadecrypt",
            "setsubtract",
            "split",
            "startswith",
            "strcontains",
            "templatefile",
            "templatestring",
            "textdecodebase64",
            "textencodebase64",
            "timeadd",
            "timecmp",
            "trim",
            "trimprefix",
            "trimsuffix",
            "uuidv5",
            "zipmap",
        ],
    ),
    (2, 3, &["lookup"]),
    (2, MANY, &["join", "setproduct"]),
    (3, 3, &["cidrsubnet", "matchkeys", "replace", "slice", "substr"]),
];

/// Whether the function `name` may be called with `given` arguments.
///
/// # Errors
/// What Terraform rejects; a function that the table lacks takes what it is given.
pub(super) fn check(name: &str, given: usize) -> Result<(), Stop> {
    let Some((least, most, _)) = ARITIES.iter().find(|(_, _, names)| names.contains(&name)) else { return Ok(()) };
    if given < *least {
        return fail(format!("`{name}` needs {least} argument(s), got {given}"));
    }
    if given > *most {
        return fail(format!("`{name}` takes at most {most} argument(s), got {given}"));
    }
    Ok(())
}
