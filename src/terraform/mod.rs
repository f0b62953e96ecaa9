//! Terraform as Terraform evaluates it, without running it.
//!
//! The evaluator turns configuration into [`Resource`]s whose bodies are [`Value`]s; the readers know nothing of HCL.

pub mod evaluate;
pub mod functions;
pub mod json_text;
pub mod models;
pub mod plan;

use crate::partial::Value;
use crate::place::Span;

/// Where a block was declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A `resource` block.
    Managed,
    /// A `data` block.
    Data,
    /// A `module` block whose source is not in the scan: its body holds the arguments, `kind` the source.
    RemoteModule,
    /// The configuration of a provider: a `provider` block, `kind` its name.
    Provider,
    /// An `ephemeral` block.
    Ephemeral,
}

/// One instance of a resource, data source or remote module call.
///
/// The body is a map: attributes under their names; a nested block is a list of maps under its type (`condition`,
/// `statement`), always a list even when there is one; a labelled block's labels are the entries `"0"`, `"1"`. When a
/// `dynamic` block's collection is unknown the list is open.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Managed, data, module.
    pub mode: Mode,
    /// The type: `aws_iam_role`; for a remote module its source as written.
    pub kind: String,
    /// The block's name label.
    pub name: String,
    /// The full address: `module.ci["a"].aws_iam_role.deploy[0]`.
    pub address: String,
    /// The folder of the root module that the evaluation started from: resources of one root can refer to each other.
    pub root: String,
    /// The attributes and nested blocks.
    pub body: Value,
    /// The block's header (`resource "aws_iam_role" "deploy"`).
    pub span: Span,
    /// The module is called by nobody in the scan and was judged with the defaults of its variables.
    pub library: bool,
    /// A default that only stands in for what a caller passes (an empty string) is in it: the same block is there once more
    /// with that argument unknown.
    pub stands_in: bool,
    /// The block may be absent (`count` or `for_each` is unknown).
    pub conditional: bool,
    /// A command of a script does what such a block would: it is done once, and nothing is applied again.
    pub by_command: bool,
}

impl Resource {
    /// The address of the module that the block stands in: `module.ci["a"]`; empty for the root.
    #[must_use]
    pub fn module(&self) -> &str {
        let own = match self.mode {
            Mode::Data => format!("data.{}.{}", self.kind, self.name),
            Mode::RemoteModule => format!("module.{}", self.name),
            Mode::Provider => format!("provider.{}", self.name),
            Mode::Managed | Mode::Ephemeral => format!("{}.{}", self.kind, self.name),
        };
        // The key of an instance may hold any text: the block's own name is what only its own key follows.
        let ends = |at: &usize| {
            self.address.get(at + own.len()..).is_some_and(|rest| rest.is_empty() || (rest.starts_with('[') && rest.ends_with(']')))
        };
        let at = self.address.match_indices(&own).map(|(at, _)| at).find(ends);
        at.and_then(|at| self.address.get(..at)).unwrap_or_default().trim_end_matches('.')
    }
}
