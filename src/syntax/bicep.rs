//! Bicep, as far as resources and their settings go (<https://learn.microsoft.com/azure/azure-resource-manager/bicep/file>): the
//! result is the template that Bicep compiles to, with symbolic names. What only the deployment knows is a hole; of a loop its body
//! is read once.

use crate::partial::{AttributeOf, Entry, Kind, Part, Text, Unknown, UnknownKind, UnknownOrigin, Value};
use crate::place::Span;
use crate::source::SourceFile;
use crate::syntax::Parsed;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 64;

/// Reads a file: one document, an ARM template.
#[must_use]
pub fn parse(file: &SourceFile) -> Parsed {
    let mut reader = Reader { file, text: &file.text, at: 0, variables: BTreeMap::new(), outputs: Vec::new(), scope: None };
    let resources = reader.declarations();
    let whole = Some(Span::new(file.id, 0..file.text.len()));
    let mut entries = vec![entry("$schema", Value::string("bicep")), entry("resources", Value::map(resources, whole))];
    entries.push(entry("outputs", Value::map(reader.outputs, whole)));
    entries.extend(reader.scope.map(|scope| entry("targetScope", scope)));
    Parsed { documents: vec![Value::map(entries, whole)], ..Parsed::default() }
}

/// `symbol.path.to.it`: what a file declares, and what of it.
fn reference(written: &str) -> Option<AttributeOf> {
    let is_name = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !written.split('.').all(is_name) {
        return None;
    }
    let (address, attribute) = written.split_once('.').unwrap_or((written, ""));
    Some(AttributeOf { address: address.to_owned(), attribute: attribute.to_owned(), ..AttributeOf::default() })
}

fn entry(key: &str, value: Value) -> Entry {
    Entry { key: Text::known(key), value }
}

struct Reader<'f> {
    file: &'f SourceFile,
    text: &'f str,
    at: usize,
    variables: BTreeMap<String, Text>,
    outputs: Vec<Entry>,
    scope: Option<Value>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file.id, start..end.max(start))
    }

    /// White space and comments; line ends only where they do not matter.
    fn skip(&mut self, lines: bool) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() && (lines || c != '\n')).len();
            if blank > 0 {
                self.at += blank;
            } else if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                self.at += rest.find("*/").map_or(rest.len(), |end| end + 2);
            } else {
                return;
            }
        }
    }

    fn takes(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn word(&mut self) -> String {
        let word: String = self.rest().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        self.at += word.len();
        word
    }

    /// The declarations of a file.
    fn declarations(&mut self) -> Vec<Entry> {
        let mut out = Vec::new();
        while self.at < self.text.len() {
            self.skip(true);
            let start = self.at;
            match self.word().as_str() {
                "resource" => out.extend(self.resource(0)),
                "module" => out.extend(self.module()),
                "var" => self.variable(),
                "output" => self.output(),
                "targetScope" => self.scope = self.assigned(),
                _ => {}
            }
            if self.at == start || !self.rest().starts_with('\n') {
                self.line();
            }
            // A bracket that closes nothing.
            if self.at == start {
                self.at += self.rest().chars().next().map_or(1, char::len_utf8);
            }
        }
        out
    }

    /// The rest of the line, brackets that open in it included.
    fn line(&mut self) {
        let mut depth = 0_usize;
        while let Some(c) = self.rest().chars().next() {
            match c {
                '\'' => {
                    self.string();
                    continue;
                }
                '/' if self.rest().starts_with("//") || self.rest().starts_with("/*") => {
                    self.skip(false);
                    continue;
                }
                '{' | '[' | '(' => depth += 1,
                '}' | ']' | ')' if depth == 0 => return,
                '}' | ']' | ')' => depth -= 1,
                '\n' if depth == 0 => {
                    self.at += 1;
                    return;
                }
                _ => {}
            }
            self.at += c.len_utf8();
        }
    }

    fn variable(&mut self) {
        self.skip(false);
        let name = self.word();
        self.skip(false);
        if self.takes("=") {
            self.skip(false);
            let value = self.value(0);
            if let Kind::Text(text) = value.kind {
                self.variables.insert(name, text);
            }
        }
    }

    /// `output name type = value`.
    fn output(&mut self) {
        self.skip(false);
        let name = self.word();
        let line = self.rest().find('\n').unwrap_or(self.rest().len());
        let Some(equals) = self.rest().get(..line).and_then(|line| line.find('=')) else { return };
        self.at += equals;
        if let Some(value) = self.assigned() {
            self.outputs.push(Entry { key: Text::known(name), value });
        }
    }

    /// `= value`.
    fn assigned(&mut self) -> Option<Value> {
        self.skip(false);
        let assigned = self.takes("=");
        self.skip(false);
        assigned.then(|| self.value(0))
    }

    /// `resource name 'type@version' = { … }`, with `existing`, `if (…)` and `[for … : { … }]`.
    fn resource(&mut self, depth: usize) -> Option<Entry> {
        self.skip(false);
        let name = self.word();
        self.skip(false);
        if !self.rest().starts_with('\'') {
            return None;
        }
        let kind = self.string();
        self.skip(false);
        let existing = self.takes("existing");
        self.skip(false);
        if !self.takes("=") {
            return None;
        }
        self.skip(false);
        let repeated = self.takes("[");
        if repeated {
            let colon = self.rest().find(": ").or_else(|| self.rest().find(':'))?;
            self.at += colon + 1;
        }
        self.skip(true);
        let conditional = self.takes("if");
        if conditional {
            self.skip(false);
            self.takes("(");
            self.line_until_closed();
            self.skip(true);
        }
        let mut value = self.value(depth + 1);
        if repeated {
            self.skip(true);
            self.takes("]");
        }
        if existing {
            // The id of a role that is only looked up says which one it is.
            let is_role = kind.known_prefix().starts_with("Microsoft.Authorization/roleDefinitions@");
            if let Some(Kind::Text(role)) = value.get("name").filter(|_| is_role).map(|name| &name.kind) {
                self.variables.insert(format!("{name}.id"), role.clone());
            }
            return None;
        }
        if let Kind::Map { entries, .. } = &mut value.kind {
            entries.push(Entry { key: Text::known("type"), value: Value::new(Kind::Text(kind), None) });
            entries.extend(conditional.then(|| entry("condition", Value::string("if"))));
            // The name of a resource of a parent is that of both.
            let parent = entries.iter().find(|e| e.key.is_str("parent")).and_then(|e| e.value.as_text());
            let own = entries.iter().position(|e| e.key.is_str("name"));
            if let (Some(parent), Some(own)) = (parent, own.and_then(|i| entries.get_mut(i)))
                && let Some(name) = own.value.as_text()
            {
                let mut joined = parent;
                joined.push(&Text::known("/"));
                joined.push(&name);
                own.value = Value::new(Kind::Text(joined), own.value.span);
            }
        }
        Some(Entry { key: Text::known(name), value })
    }

    /// `module name 'source' = { name: …, params: { … } }`: of Microsoft's module for managed identities the resources that it makes
    /// (<https://github.com/Azure/bicep-registry-modules/tree/main/avm/res/managed-identity/user-assigned-identity>).
    fn module(&mut self) -> Option<Entry> {
        const IDENTITY: &str = "avm/res/managed-identity/user-assigned-identity:";
        let Entry { key, value } = self.resource(0)?;
        let source = value.get("type").and_then(Value::as_str)?;
        if source.ends_with(".bicep") {
            let params = value.entries().iter().filter(|e| e.key.is_str("params")).cloned();
            let own = [entry("type", Value::string("module")), entry("source", Value::string(&source))];
            return Some(Entry { key, value: Value::map(own.into_iter().chain(params).collect(), value.span) });
        }
        let params = value.get("params").filter(|_| source.starts_with("br") && source.contains(IDENTITY))?;
        let parent = params.get("name").and_then(Value::as_text)?;
        let credential = |one: &Value| {
            let of = |names: &[&str]| one.entries().iter().filter(|e| names.iter().any(|n| e.key.is_str(n))).cloned().collect::<Vec<_>>();
            let mut name = parent.clone();
            name.push(&Text::known("/"));
            name.push(&one.get("name").and_then(Value::as_text).unwrap_or_default());
            let name = Value::new(Kind::Text(name), one.get("name").and_then(|n| n.span));
            let properties = Value::map(of(&["issuer", "subject", "audiences"]), one.span);
            let kind = Value::string("Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials");
            Value::map(vec![entry("type", kind), entry("name", name), entry("properties", properties)], one.span)
        };
        let credentials = params.get("federatedIdentityCredentials").map(Value::items).unwrap_or_default();
        let items = credentials.iter().enumerate().map(|(i, one)| entry(&i.to_string(), credential(one)));
        let entries = vec![entry("type", Value::string("module")), entry("resources", Value::map(items.collect(), value.span))];
        Some(Entry { key, value: Value::map(entries, value.span) })
    }

    fn line_until_closed(&mut self) {
        self.line_in_brackets();
        self.takes(")");
    }

    /// Up to the bracket that closes what is open.
    fn line_in_brackets(&mut self) {
        let mut depth = 0_usize;
        while let Some(c) = self.rest().chars().next() {
            match c {
                '\'' => {
                    self.string();
                    continue;
                }
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 0 => return,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            self.at += c.len_utf8();
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        self.skip(false);
        let start = self.at;
        match self.rest().chars().next() {
            Some('{') if depth < MAX_DEPTH => self.object(depth),
            Some('[') if depth < MAX_DEPTH => self.list(depth),
            Some('\'') => {
                let text = self.string();
                self.skip(false);
                if self.ends() { Value::new(Kind::Text(text), Some(self.span(start, self.at))) } else { self.unknown(start) }
            }
            _ => self.unknown(start),
        }
    }

    /// The value ends here.
    fn ends(&self) -> bool {
        self.rest().chars().next().is_none_or(|c| matches!(c, '\n' | '\r' | ',' | '}' | ']'))
    }

    /// Anything else: an expression, which the deployment evaluates. A variable of the file is its text.
    fn unknown(&mut self, start: usize) -> Value {
        let mut depth = 0_usize;
        while let Some(c) = self.rest().chars().next() {
            match c {
                '\'' => {
                    self.string();
                    continue;
                }
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' if depth == 0 => break,
                ')' | ']' | '}' => depth -= 1,
                '\n' | ',' if depth == 0 => break,
                _ => {}
            }
            self.at += c.len_utf8();
        }
        let written = self.text.get(start..self.at).unwrap_or_default().trim().to_owned();
        let span = self.span(start, start + written.len());
        match written.as_str() {
            "true" | "false" => return Value::new(Kind::Bool(written == "true"), Some(span)),
            "null" => return Value::new(Kind::Null, Some(span)),
            _ => {}
        }
        match self.variables.get(&written).cloned().or_else(|| self.role_definition(&written)) {
            Some(text) => Value::new(Kind::Text(text), Some(span)),
            None => Value::unknown(self.atom(&written, span), Some(span)),
        }
    }

    /// `subscriptionResourceId('Microsoft.Authorization/roleDefinitions', ID)`: the id of the role.
    fn role_definition(&self, written: &str) -> Option<Text> {
        let (function, arguments) = written.strip_suffix(')')?.split_once('(')?;
        if !matches!(function, "subscriptionResourceId" | "resourceId" | "tenantResourceId") {
            return None;
        }
        let (kind, id) = arguments.split_once(',')?;
        let literal = |text: &str| text.trim().strip_prefix('\'')?.strip_suffix('\'').map(str::to_owned);
        if literal(kind)? != "Microsoft.Authorization/roleDefinitions" {
            return None;
        }
        let id = id.trim().trim_end_matches(',');
        literal(id).map(Text::known).or_else(|| self.variables.get(id).cloned())
    }

    fn atom(&self, written: &str, span: Span) -> Unknown {
        let atom = Unknown::new(
            format!("{}|{written}", self.file.path),
            UnknownKind::Any,
            format!("${{{written}}}"),
            "the deployment evaluates it",
            Some(span),
        );
        match reference(written) {
            Some(of) => atom.coming_from(UnknownOrigin::Attribute(Arc::new(of))),
            None => atom,
        }
    }

    fn object(&mut self, depth: usize) -> Value {
        let start = self.at;
        self.takes("{");
        let (mut entries, mut resources, mut open) = (Vec::new(), Vec::new(), false);
        loop {
            self.skip(true);
            if self.takes(",") {
                continue;
            }
            if self.takes("}") || self.at >= self.text.len() {
                break;
            }
            let before = self.at;
            if self.rest().starts_with("...") {
                open = true;
                self.at += 3;
                self.value(depth + 1);
                continue;
            }
            let key_at = self.at;
            let key = if self.rest().starts_with('\'') { self.string() } else { Text::known(self.word()) };
            self.skip(false);
            if key.is_str("resource") && !self.rest().starts_with(':') {
                resources.extend(self.resource(depth));
            } else if self.takes(":") {
                let key = key.as_known().map_or_else(|| key.clone(), |k| Text::literal(k, self.span(key_at, self.at - 1)));
                let value = self.value(depth + 1);
                entries.push(Entry { key, value });
            }
            if self.at == before {
                self.at += self.rest().chars().next().map_or(1, char::len_utf8);
            }
        }
        let span = Some(self.span(start, self.at));
        if !resources.is_empty() {
            entries.push(entry("resources", Value::map(resources, span)));
        }
        Value::new(Kind::Map { entries, open }, span)
    }

    fn list(&mut self, depth: usize) -> Value {
        let start = self.at;
        self.takes("[");
        self.skip(true);
        let (mut items, mut open) = (Vec::new(), false);
        let loops = self.rest().starts_with("for ") || self.rest().starts_with("for(");
        if loops {
            open = true;
            self.at += self.rest().find(':').map_or(0, |colon| colon + 1);
        }
        loop {
            self.skip(true);
            if self.takes(",") {
                continue;
            }
            if self.takes("]") || self.at >= self.text.len() {
                break;
            }
            let before = self.at;
            items.push(self.value(depth + 1));
            if self.at == before {
                self.at += self.rest().chars().next().map_or(1, char::len_utf8);
            }
        }
        Value::new(Kind::List { items, open }, Some(self.span(start, self.at)))
    }

    /// A string with its interpolations (<https://learn.microsoft.com/azure/azure-resource-manager/bicep/data-types#strings>).
    fn string(&mut self) -> Text {
        let mut out = Text::default();
        if self.takes("'''") {
            let start = self.at;
            let end = self.rest().find("'''").map_or(self.text.len(), |end| start + end);
            self.at = (end + 3).min(self.text.len());
            return Text::literal(self.text.get(start..end).unwrap_or_default(), self.span(start, end));
        }
        self.takes("'");
        let mut piece = self.at;
        while let Some(c) = self.rest().chars().next() {
            if c == '\'' || c == '\n' {
                break;
            }
            if c == '\\' {
                self.push(&mut out, piece);
                let escaped = self.rest().chars().nth(1).unwrap_or('\\');
                let known = match escaped {
                    'n' => "\n".to_owned(),
                    't' => "\t".to_owned(),
                    'r' => "\r".to_owned(),
                    other => other.to_string(),
                };
                let span = self.span(self.at, self.at + 1 + escaped.len_utf8());
                out.parts.push(Part::Literal { text: known.into(), span: Some(span), trail: None });
                self.at += 1 + escaped.len_utf8();
                piece = self.at;
                continue;
            }
            if self.rest().starts_with("${") {
                self.push(&mut out, piece);
                let start = self.at;
                self.at += 2;
                self.line_in_brackets();
                let written = self.text.get(start + 2..self.at).unwrap_or_default().trim().to_owned();
                self.takes("}");
                let span = self.span(start, self.at);
                match self.variables.get(&written) {
                    Some(text) => out.push(text),
                    None => out.parts.push(Part::Hole { atom: self.atom(&written, span), span: Some(span), trail: None }),
                }
                piece = self.at;
                continue;
            }
            self.at += c.len_utf8();
        }
        self.push(&mut out, piece);
        self.takes("'");
        if out.parts.is_empty() { Text::known("") } else { out }
    }

    fn push(&self, out: &mut Text, start: usize) {
        if start < self.at {
            let text = self.text.get(start..self.at).unwrap_or_default();
            out.push(&Text::literal(text, self.span(start, self.at)));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::source::Sources;

    fn read(text: &str) -> Value {
        let sources = Sources::new();
        let file = sources.add("main.bicep", text);
        parse(&file).documents.remove(0)
    }

    #[test]
    fn resources_with_parents_variables_and_loops() {
        let tree = read(
            "param name string\nvar issuer = 'https://token.actions.githubusercontent.com'\n// a comment: '\nresource id 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {\n  name: name\n  resource inner 'federatedIdentityCredentials@2023-01-31' = {\n    name: 'inner'\n    properties: { issuer: issuer, subject: 'repo:o/r:ref:refs/heads/main', audiences: ['api://AzureADTokenExchange'] }\n  }\n}\n@batchSize(1)\nresource fics 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = [for e in environments: if (e != 'x') {\n  parent: id\n  name: 'fic-${e}'\n  properties: {\n    issuer: issuer\n    subject: 'repo:o/r:environment:${e}'\n    audiences: [\n      'api://AzureADTokenExchange'\n    ]\n  }\n}]\noutput x string = id.id\n",
        );
        let inner = tree.at(&["resources", "id", "resources", "inner"]).unwrap();
        assert_eq!(inner.at(&["properties", "issuer"]).unwrap().as_str().unwrap(), "https://token.actions.githubusercontent.com");
        let looped = tree.at(&["resources", "fics"]).unwrap();
        assert_eq!(looped.at(&["properties", "subject"]).unwrap().as_text().unwrap().to_string(), "repo:o/r:environment:${e}");
        assert_eq!(looped.at(&["properties", "audiences"]).unwrap().items().len(), 1);
        assert_eq!(looped.get("name").unwrap().as_text().unwrap().to_string(), "${id}/fic-${e}");
    }

    #[test]
    fn the_module_for_managed_identities_makes_credentials() {
        let tree = read(
            "module id 'br/public:avm/res/managed-identity/user-assigned-identity:0.4.1' = {\n  name: 'deployment'\n  params: {\n    name: 'ovens'\n    federatedIdentityCredentials: [\n      {\n        name: 'ci'\n        audiences: ['api://AzureADTokenExchange']\n        issuer: 'https://token.actions.githubusercontent.com'\n        subject: 'repo:bakery/ovens:pull_request'\n      }\n    ]\n  }\n}\nmodule other './other.bicep' = { name: 'x', params: { name: 'y' } }\n",
        );
        let made = tree.at(&["resources", "id", "resources", "0"]).unwrap();
        assert_eq!(made.get("name").unwrap().as_text().unwrap().to_string(), "ovens/ci");
        assert_eq!(made.at(&["properties", "subject"]).unwrap().as_str().unwrap(), "repo:bakery/ovens:pull_request");
        // A module of the repository says where it is, and what it is handed.
        let other = tree.at(&["resources", "other"]).unwrap();
        assert_eq!(other.get("source").unwrap().as_str().unwrap(), "./other.bicep");
        assert!(other.get("resources").is_none() && other.at(&["params", "name"]).is_some());
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        for text in ["", "resource", "resource a 'x", "resource a 'x' = {", "var a = '${", "resource a 'x' = [for", "var x = [", "}}}]]'"] {
            let _ = read(text);
        }
    }
}
