//! The built-in functions (a stub until the real ones are merged).

use crate::source::Span;
use crate::value::Value;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// The message.
    pub message: String,
}

/// The files that functions may read, all inside the scanned root.
pub trait Files {
    /// Reads a file.
    fn read(&self, path: &str) -> Result<std::sync::Arc<crate::source::SourceFile>, String>;
    /// Lists files.
    fn list(&self, folder: &str, pattern: &str) -> Result<Vec<String>, String>;
    /// Renders a template file.
    fn render(&self, template: &crate::source::SourceFile, vars: &Value) -> Result<Value, FunctionError>;
    /// Renders a template text.
    fn render_text(&self, template: &crate::value::Text, vars: &Value) -> Result<Value, FunctionError>;
}

/// Calls a function.
pub fn call(name: &str, _args: &[Value], _span: Option<Span>, _files: &dyn Files) -> Result<Value, FunctionError> {
    Err(FunctionError { message: format!("there is no function named `{name}`") })
}
