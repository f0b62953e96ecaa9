//! The way a value came: the steps between the literal and the place that uses it.

use crate::place::Span;
use std::fmt;
use std::sync::Arc;

/// What one step on the way from a literal to the place that uses it is. Its text is for people; whoever decides by a
/// step looks at the variant, and never at a name that somebody gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HopKind {
    /// A local value of a module.
    Local(Arc<str>),
    /// The default of a variable.
    VariableDefault(Arc<str>),
    /// What a variable file sets a variable to.
    VariableValue {
        /// The variable.
        variable: Arc<str>,
        /// The file's name.
        file: Arc<str>,
    },
    /// An argument of a module call.
    Argument {
        /// The argument.
        name: Arc<str>,
        /// The name of the call.
        module: Arc<str>,
    },
    /// An output of a module.
    Output {
        /// The output.
        name: Arc<str>,
        /// The name of the call.
        module: Arc<str>,
    },
    /// The `inputs` of a Terragrunt unit.
    UnitInputs,
    /// An output of another Terragrunt unit.
    UnitOutput {
        /// The output.
        name: Arc<str>,
        /// The label of the dependency.
        dependency: Arc<str>,
    },
    /// An output of another root, read from its state.
    StateOutput {
        /// The output.
        name: Arc<str>,
        /// The name of the data source.
        state: Arc<str>,
    },
    /// An argument of a resource or data source, read as its attribute.
    Attribute {
        /// The type of the resource: `aws_iam_openid_connect_provider`.
        resource: Arc<str>,
        /// The address of the resource.
        address: Arc<str>,
        /// The attribute.
        name: Arc<str>,
    },
    /// A document that a data source writes (`json`, `policy_data`).
    Document {
        /// The type of the data source: `aws_iam_policy_document`.
        resource: Arc<str>,
        /// The address of the data source.
        address: Arc<str>,
    },
    /// An unknown that picks from a map is one of its keys; it is told as what a person sees.
    MapKey(Arc<str>),
    /// The default of a CloudFormation parameter.
    Parameter(Arc<str>),
    /// A YAML alias, `*` included.
    Alias(Arc<str>),
}

impl HopKind {
    /// The attribute holds the URL of an IAM OIDC provider. IAM keeps it without its scheme, whatever the configuration
    /// writes: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetOpenIDConnectProvider.html>.
    #[must_use]
    pub fn is_aws_provider_url(&self) -> bool {
        matches!(self, Self::Attribute { resource, name, .. } if &**resource == "aws_iam_openid_connect_provider" && &**name == "url")
    }

    /// A policy that the data source `aws_iam_policy_document` writes.
    #[must_use]
    pub fn is_aws_policy_document(&self) -> bool {
        matches!(self, Self::Document { resource, .. } if &**resource == "aws_iam_policy_document")
    }

    /// Somebody chose the value for the place that uses it: an argument, a variable's value or default.
    #[must_use]
    pub fn is_choice(&self) -> bool {
        self.is_argument() || matches!(self, Self::VariableValue { .. } | Self::VariableDefault(_) | Self::UnitInputs | Self::Parameter(_))
    }

    /// An argument of a module call.
    #[must_use]
    pub fn is_argument(&self) -> bool {
        matches!(self, Self::Argument { .. })
    }
}

/// The step as a person reads it, lower case.
impl fmt::Display for HopKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(name) => write!(f, "local `{name}`"),
            Self::VariableDefault(name) => write!(f, "default of variable `{name}`"),
            Self::VariableValue { variable, file } => write!(f, "value of variable `{variable}` in `{file}`"),
            Self::Argument { name, module } => write!(f, "argument `{name}` of module `{module}`"),
            Self::Output { name, module } => write!(f, "output `{name}` of module `{module}`"),
            Self::UnitInputs => f.write_str("inputs"),
            Self::StateOutput { name, state } => write!(f, "output `{name}` of remote state `{state}`"),
            Self::UnitOutput { name, dependency } => write!(f, "output `{name}` of dependency `{dependency}`"),
            Self::Attribute { address, name, .. } => write!(f, "`{name}` of `{address}`"),
            Self::Document { address, .. } => write!(f, "`{address}`"),
            Self::MapKey(label) => write!(f, "`{label}` is one of the map's keys"),
            Self::Parameter(name) => write!(f, "parameter `{name}`"),
            Self::Alias(name) => write!(f, "alias `{name}`"),
        }
    }
}

/// One step on the way from a literal to the place that uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// Where the step is written.
    pub span: Span,
    /// What it is.
    pub kind: Arc<HopKind>,
    /// The steps that came before (nearer to the literal).
    pub before: Trail,
}

/// The way a value came, nearest use first; empty for a value that is written where it is used.
pub type Trail = Option<Arc<Hop>>;

/// The hops of a trail, nearest use first.
pub fn hops(trail: &Trail) -> impl Iterator<Item = &Hop> {
    std::iter::successors(trail.as_deref(), |hop| hop.before.as_deref())
}
