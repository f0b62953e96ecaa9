//! The tree of a Terraform file. Every node knows its bytes; string templates are already split into literal pieces
//! whose spans are exact, so that a rule can underline one character of a heredoc.

use crate::place::Span;
use std::sync::Arc;

/// The content of a file or a block.
#[derive(Debug, Clone, Default)]
pub struct Body {
    /// `name = value`, in the order of the file; duplicates are kept.
    pub attributes: Vec<Attribute>,
    /// Nested blocks, in the order of the file.
    pub blocks: Vec<Block>,
}

impl Body {
    /// The last attribute of this name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().rev().find(|a| &*a.name == name)
    }
}

/// `name = value`.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// The name.
    pub name: Arc<str>,
    /// Where the name is written.
    pub name_span: Span,
    /// The value.
    pub value: Arc<Expr>,
}

/// A label of a block.
#[derive(Debug, Clone)]
pub struct Label {
    /// The characters without quotes.
    pub text: Arc<str>,
    /// Where the label is written, quotes included.
    pub span: Span,
}

/// `kind "label" { body }`.
#[derive(Debug, Clone)]
pub struct Block {
    /// The block's type: `resource`.
    pub kind: Arc<str>,
    /// Its labels.
    pub labels: Vec<Label>,
    /// Its content.
    pub body: Arc<Body>,
    /// Type and labels: `resource "aws_iam_role" "deploy"`.
    pub header: Span,
    /// From the type to the closing brace.
    pub span: Span,
}

/// An expression.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it is written.
    pub span: Span,
}

/// The forms of an expression
/// (<https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md#expressions>).
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as written.
    Number(Arc<str>),
    /// A quoted string or heredoc.
    Template(Template),
    /// The root of a reference: `var`, `local`, `each`, a resource type.
    Variable(Arc<str>),
    /// `x.name`
    Attribute(Arc<Expr>, Arc<str>),
    /// `x[key]`
    Index(Arc<Expr>, Arc<Expr>),
    /// `x[*].a.b`, `x.*.a`
    Splat(Arc<Expr>, Vec<Step>),
    /// `[a, b]`
    Tuple(Vec<Expr>),
    /// `{ a = b }`
    Object(Vec<ObjectItem>),
    /// `f(a, b...)`
    Call {
        /// The function, namespaces included: `core::upper`.
        name: Arc<str>,
        /// The arguments.
        args: Vec<Expr>,
        /// The last argument is followed by `...`.
        expand: bool,
    },
    /// `a ? b : c`
    Conditional(Box<[Expr; 3]>),
    /// `!a`, `-a`
    Unary(UnaryOperator, Box<Expr>),
    /// `a + b`
    Binary(BinaryOperator, Box<[Expr; 2]>),
    /// `[for v in c : x]`, `{for k, v in c : a => b}`
    For(Box<ForExpr>),
    /// `(a)`
    Parentheses(Box<Expr>),
}

/// One step of a splat.
#[derive(Debug, Clone)]
pub enum Step {
    /// `.name`
    Attribute(Arc<str>),
    /// `[key]`
    Index(Arc<Expr>),
}

/// `key = value` in an object.
#[derive(Debug, Clone)]
pub struct ObjectItem {
    /// The key: a bare word is already a literal template.
    pub key: Expr,
    /// The value.
    pub value: Expr,
}

/// A `for` expression.
#[derive(Debug, Clone)]
pub struct ForExpr {
    /// The name of the key variable.
    pub key: Option<Arc<str>>,
    /// The name of the value variable.
    pub value: Arc<str>,
    /// What is iterated.
    pub collection: Expr,
    /// Key of the result; none for a tuple.
    pub result_key: Option<Expr>,
    /// Value of the result.
    pub result: Expr,
    /// `...` after the value.
    pub group: bool,
    /// The `if` clause.
    pub condition: Option<Expr>,
}

/// Operators with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOperator {
    /// `!`
    Not,
    /// `-`
    Minus,
}

/// Operators with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOperator {
    /// `||`
    Or,
    /// `&&`
    And,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

/// A string template.
#[derive(Debug, Clone, Default)]
pub struct Template {
    /// The pieces in order.
    pub parts: Vec<TemplatePart>,
}

impl Template {
    /// The characters, when the template has no sequence.
    #[must_use]
    pub fn as_literal(&self) -> Option<String> {
        self.parts.iter().map(|p| if let TemplatePart::Literal { text, .. } = p { Some(&**text) } else { None }).collect()
    }
}

/// A piece of a template.
#[derive(Debug, Clone)]
pub enum TemplatePart {
    /// Characters. The span has their length unless they are an escape.
    Literal {
        /// The characters.
        text: Arc<str>,
        /// Where they are written.
        span: Span,
    },
    /// `${ x }`
    Interpolation(Expr),
    /// `%{ if c }…%{ else }…%{ endif }`
    If {
        /// The condition.
        condition: Expr,
        /// When it is true.
        yes: Template,
        /// When it is false.
        no: Template,
    },
    /// `%{ for k, v in c }…%{ endfor }`
    For {
        /// The name of the key variable.
        key: Option<Arc<str>>,
        /// The name of the value variable.
        value: Arc<str>,
        /// What is iterated.
        collection: Expr,
        /// What is repeated.
        body: Template,
    },
}
