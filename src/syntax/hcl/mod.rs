//! HCL: Terraform's native syntax and its JSON form.
//!
//! An own recursive descent parser over the bytes: it keeps duplicate keys (Terraform lets the last one win), knows
//! where newlines matter, gives each piece of a template its exact bytes, and goes on after a broken block.
//! Grammar: <https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md>.

mod ast;
mod body;
mod data;
mod expression;
mod json;
mod scan;
mod template;
#[cfg(test)]
mod tests;

pub use data::parse_data;

pub use ast::{
    Attribute, BinaryOperator, Block, Body, Expr, ExprKind, ForExpr, Label, ObjectItem, Step, Template, TemplatePart, UnaryOperator,
};

use super::Problem;
use crate::place::{FileId, Span};

use crate::source::SourceFile;
use scan::Parser;

/// Deepest nesting of expressions, templates and blocks that is read.
pub const MAX_NESTING: usize = 96;
/// Most expressions and blocks of one file: what each takes of memory is many times its text.
pub const MAX_PARTS: usize = 250_000;
/// Longest chain of operators or postfix steps in one expression.
pub const MAX_CHAIN: usize = 256;

/// A key that is written twice in one object: Terraform keeps the last and drops the first without a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duplicate {
    /// The key.
    pub key: String,
    /// The entry that is lost, from its key to the end of its value.
    pub lost: Span,
    /// The entry that stays.
    pub kept: Span,
}

/// What a Terraform file says.
#[derive(Debug, Clone, Default)]
pub struct HclFile {
    /// The blocks and attributes that could be read.
    pub body: Body,
    /// What could not.
    pub problems: Vec<Problem>,
    /// Object keys that are written twice.
    pub duplicates: Vec<Duplicate>,
}

/// Reads a `.tf`, `.tofu`, `.tfvars`, `.hcl` file, or their `.json` forms. A broken block costs that block only.
#[must_use]
pub fn parse(file: &SourceFile) -> HclFile {
    let mut parser = Parser::new(&file.text, file.id);
    let body = if file.path.ends_with(".json") { json::file(&mut parser, &file.path) } else { parser.file() };
    HclFile { body, problems: parser.problems, duplicates: parser.duplicates }
}

/// Reads one expression, as `fedlint eval` gets it.
///
/// # Errors
/// The text is no expression.
pub fn parse_expression(text: &str, file: FileId) -> Result<Expr, Problem> {
    let mut parser = Parser::new(text, file);
    parser.newlines = false;
    let expr = parser.expression()?;
    parser.space();
    if text.trim_start().starts_with("<<") && matches!(expr.kind, ExprKind::Template(_)) && expr.span.end as usize == text.len() {
        return Err(parser.problem("expected a newline after the heredoc's closing marker"));
    }
    if parser.at_end() { Ok(expr) } else { Err(parser.problem("unexpected characters after the expression")) }
}

/// Reads a whole file as a template, as `templatefile` does.
///
/// # Errors
/// A sequence in the template is broken.
pub fn parse_template_file(file: &SourceFile) -> Result<Template, Problem> {
    parse_template(&file.text, file.id)
}

/// Reads a text as a template.
///
/// # Errors
/// A sequence in the template is broken.
pub fn parse_template(text: &str, file: FileId) -> Result<Template, Problem> {
    Parser::new(text, file).template_text()
}
