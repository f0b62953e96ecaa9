//! The syntax tree of a CEL expression. Macros are kept as they are written; nothing is expanded.

use crate::partial::{Text, Unknown};
use crate::place::Span;
use std::fmt;

/// An expression with its place.
#[derive(Debug, Clone)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Bytes of the source text in which each hole counts as one character of four bytes.
    pub range: std::ops::Range<usize>,
    /// Where it is written, when the text has a place.
    pub span: Option<Span>,
    /// Height of the tree; at most [`MAX_DEPTH`].
    pub depth: u16,
}

/// Greatest height of a tree; the specification asks for 24 nested and 32 repeated operators.
pub const MAX_DEPTH: u16 = 80;

/// What an expression is.
#[derive(Debug, Clone)]
pub enum ExprKind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// `1`
    Int(i64),
    /// `1u`
    Uint(u64),
    /// `1.5`
    Double(f64),
    /// `'x'`, possibly with holes.
    String(Text),
    /// `b'x'`
    Bytes(Vec<u8>),
    /// A hole where an operand stands.
    Hole(Unknown),
    /// A name; absolute when written `.name`.
    Ident {
        /// The name.
        name: String,
        /// Written with a leading dot: not relative to the container, not a comprehension variable.
        absolute: bool,
    },
    /// `of.field`
    Select {
        /// Selected from.
        of: Box<Expr>,
        /// The field.
        field: String,
    },
    /// `has(of.field)`
    Has {
        /// Selected from.
        of: Box<Expr>,
        /// The field.
        field: String,
    },
    /// `of[index]`
    Index {
        /// Indexed.
        of: Box<Expr>,
        /// By this.
        index: Box<Expr>,
    },
    /// `function(args)`
    Call {
        /// The name.
        function: String,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// `of.method(args)`
    Method {
        /// The receiver.
        of: Box<Expr>,
        /// The name.
        method: String,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{k: v}`
    Map(Vec<(Expr, Expr)>),
    /// `!a`
    Not(Box<Expr>),
    /// `-a`
    Negate(Box<Expr>),
    /// `a op b`
    Binary {
        /// The operator.
        op: Op,
        /// Left.
        left: Box<Expr>,
        /// Right.
        right: Box<Expr>,
    },
    /// `a && b && c`, flattened.
    And(Vec<Expr>),
    /// `a || b || c`, flattened.
    Or(Vec<Expr>),
    /// `condition ? then : otherwise`
    Conditional {
        /// The condition.
        condition: Box<Expr>,
        /// When it is true.
        then: Box<Expr>,
        /// When it is false.
        otherwise: Box<Expr>,
    },
    /// `of.exists(variable, body)` and its kin.
    Macro {
        /// Which.
        kind: MacroKind,
        /// The list or map.
        of: Box<Expr>,
        /// The variable.
        variable: String,
        /// The filter of a `map` with three arguments.
        filter: Option<Box<Expr>>,
        /// The body.
        body: Box<Expr>,
    },
}

/// A binary operator other than `&&` and `||`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `in`
    In,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        })
    }
}

/// A comprehension macro.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacroKind {
    /// `all`
    All,
    /// `exists`
    Exists,
    /// `exists_one`
    ExistsOne,
    /// `map`
    Map,
    /// `filter`
    Filter,
}

impl fmt::Display for MacroKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Exists => "exists",
            Self::ExistsOne => "exists_one",
            Self::Map => "map",
            Self::Filter => "filter",
        })
    }
}

impl Expr {
    /// The expressions directly below, in the order of the source.
    #[must_use]
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Uint(_)
            | ExprKind::Double(_)
            | ExprKind::String(_)
            | ExprKind::Bytes(_)
            | ExprKind::Hole(_)
            | ExprKind::Ident { .. } => Vec::new(),
            ExprKind::Select { of, .. } | ExprKind::Has { of, .. } | ExprKind::Not(of) | ExprKind::Negate(of) => vec![of],
            ExprKind::Index { of, index } => vec![of, index],
            ExprKind::Call { args, .. } => args.iter().collect(),
            ExprKind::Method { of, args, .. } => std::iter::once(&**of).chain(args).collect(),
            ExprKind::List(items) | ExprKind::And(items) | ExprKind::Or(items) => items.iter().collect(),
            ExprKind::Map(entries) => entries.iter().flat_map(|(k, v)| [k, v]).collect(),
            ExprKind::Binary { left, right, .. } => vec![left, right],
            ExprKind::Conditional { condition, then, otherwise } => vec![condition, then, otherwise],
            ExprKind::Macro { of, filter, body, .. } => {
                std::iter::once(&**of).chain(filter.as_deref()).chain(std::iter::once(&**body)).collect()
            }
        }
    }

    /// The conjuncts of the expression: the operands of a top `&&`, or itself.
    #[must_use]
    pub fn conjuncts(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::And(all) => all.iter().collect(),
            _ => vec![self],
        }
    }

    /// The literal string, when it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&Text> {
        if let ExprKind::String(text) = &self.kind { Some(text) } else { None }
    }
}

fn list(f: &mut fmt::Formatter<'_>, items: &[Expr], between: &str) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(between)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

/// The expression an operator stands on, in parentheses when it binds less than the operator.
fn operand(f: &mut fmt::Formatter<'_>, e: &Expr) -> fmt::Result {
    match e.kind {
        ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Conditional { .. } | ExprKind::Binary { .. } => write!(f, "({e})"),
        _ => write!(f, "{e}"),
    }
}

fn operands(f: &mut fmt::Formatter<'_>, items: &[Expr], between: &str) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(between)?;
        }
        match item.kind {
            ExprKind::And(_) | ExprKind::Or(_) | ExprKind::Conditional { .. } => write!(f, "({item})")?,
            _ => write!(f, "{item}")?,
        }
    }
    Ok(())
}

/// The expression in canonical form, holes by their labels: for people, not for parsing again.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Null => f.write_str("null"),
            ExprKind::Bool(b) => write!(f, "{b}"),
            ExprKind::Int(n) => write!(f, "{n}"),
            ExprKind::Uint(n) => write!(f, "{n}u"),
            ExprKind::Double(n) => write!(f, "{n:?}"),
            ExprKind::String(text) => write!(f, "'{}'", text.to_string().replace('\\', "\\\\").replace('\'', "\\'")),
            ExprKind::Bytes(bytes) => write!(f, "b'{}'", String::from_utf8_lossy(bytes)),
            ExprKind::Hole(atom) => f.write_str(atom.label()),
            ExprKind::Ident { name, absolute } => write!(f, "{}{name}", if *absolute { "." } else { "" }),
            ExprKind::Select { of, field } => {
                operand(f, of)?;
                write!(f, ".{field}")
            }
            ExprKind::Has { of, field } => write!(f, "has({of}.{field})"),
            ExprKind::Index { of, index } => {
                operand(f, of)?;
                write!(f, "[{index}]")
            }
            ExprKind::Call { function, args } => {
                write!(f, "{function}(")?;
                list(f, args, ", ")?;
                f.write_str(")")
            }
            ExprKind::Method { of, method, args } => {
                operand(f, of)?;
                write!(f, ".{method}(")?;
                list(f, args, ", ")?;
                f.write_str(")")
            }
            ExprKind::List(items) => {
                f.write_str("[")?;
                list(f, items, ", ")?;
                f.write_str("]")
            }
            ExprKind::Map(entries) => {
                f.write_str("{")?;
                for (i, (k, v)) in entries.iter().enumerate() {
                    write!(f, "{}{k}: {v}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
            ExprKind::Not(of) => {
                f.write_str("!")?;
                operand(f, of)
            }
            ExprKind::Negate(of) => {
                f.write_str("-")?;
                operand(f, of)
            }
            ExprKind::Binary { op, left, right } => {
                operand(f, left)?;
                write!(f, " {op} ")?;
                operand(f, right)
            }
            ExprKind::And(items) => operands(f, items, " && "),
            ExprKind::Or(items) => operands(f, items, " || "),
            ExprKind::Conditional { condition, then, otherwise } => {
                operand(f, condition)?;
                f.write_str(" ? ")?;
                operand(f, then)?;
                f.write_str(" : ")?;
                operand(f, otherwise)
            }
            ExprKind::Macro { kind, of, variable, filter, body } => {
                operand(f, of)?;
                write!(f, ".{kind}({variable}, ")?;
                if let Some(filter) = filter {
                    write!(f, "{filter}, ")?;
                }
                write!(f, "{body})")
            }
        }
    }
}
