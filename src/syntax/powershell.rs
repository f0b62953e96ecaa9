//! PowerShell, as far as federated credentials go: `New-AzADAppFederatedCredential`
//! (<https://learn.microsoft.com/powershell/module/az.resources/new-azadappfederatedcredential>) and
//! `New-AzFederatedIdentityCredential` with their parameters, variables, here-strings and splatted tables. Nothing is run: a
//! variable that is set in a loop, a condition or more than once is a hole.

use crate::partial::{Entry, Kind, Part, Text, Unknown, UnknownKind, Value};
use crate::place::Span;
use crate::source::SourceFile;
use crate::syntax::Parsed;
use crate::syntax::json::{self, Limits};
use std::collections::BTreeMap;

/// The commands that make a credential.
const COMMANDS: [&str; 4] = [
    "new-azadappfederatedcredential",
    "update-azadappfederatedcredential",
    "new-azfederatedidentitycredential",
    "new-azfederatedidentitycredentials",
];

/// The commands that give a role its trust policy (<https://docs.aws.amazon.com/powershell/latest/reference/items/New-IAMRole.html>).
const ROLES: [&str; 4] = ["create-role", "update-assume-role-policy", "new-iamrole", "update-iamassumerolepolicy"];

/// A word of a command.
#[derive(Debug, Clone)]
enum Word {
    /// `-Name`.
    Parameter(String),
    /// `@name`.
    Splat(String),
    /// A value.
    Value(Text, Span),
}

/// The credentials that a script makes: a document each.
#[must_use]
pub fn parse(file: &SourceFile) -> Parsed {
    let lower = file.text.to_ascii_lowercase();
    let makes_roles = ROLES.iter().any(|command| lower.contains(command));
    let mut script = Script { file, text: &file.text, at: 0, variables: BTreeMap::new(), tables: BTreeMap::new(), policies: Vec::new() };
    let mut documents = script.read();
    if makes_roles {
        documents.append(&mut script.policies);
    }
    Parsed { documents, ..Parsed::default() }
}

struct Script<'f> {
    file: &'f SourceFile,
    text: &'f str,
    at: usize,
    variables: BTreeMap<String, Option<Text>>,
    tables: BTreeMap<String, Vec<(String, Text, Span)>>,
    /// Policies that are written as texts.
    policies: Vec<Value>,
}

impl Script<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file.id, start..end.max(start))
    }

    /// Blanks, comments, and line ends that a backtick hides.
    fn blanks(&mut self, lines: bool) {
        loop {
            let rest = self.rest();
            let blank = rest.len()
                - rest.trim_start_matches(|c: char| c == ' ' || c == '\t' || c == '\r' || (lines && matches!(c, '\n' | ';'))).len();
            if blank > 0 {
                self.at += blank;
            } else if rest.starts_with("`\n") || rest.starts_with("`\r\n") {
                self.at += rest.find('\n').map_or(1, |n| n + 1);
            } else if rest.starts_with("<#") {
                self.at += rest.find("#>").map_or(rest.len(), |n| n + 2);
            } else if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    fn read(&mut self) -> Vec<Value> {
        let mut out = Vec::new();
        while self.at < self.text.len() {
            self.blanks(true);
            let start = self.at;
            let word: String =
                self.rest().chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$' | ':')).collect();
            self.at += word.len();
            if let Some(name) = word.strip_prefix('$') {
                self.blanks(false);
                if self.rest().starts_with('=') {
                    self.at += 1;
                    self.assign(&name.to_ascii_lowercase());
                    continue;
                }
            }
            if COMMANDS.contains(&word.to_ascii_lowercase().as_str()) {
                out.extend(self.command(start));
                continue;
            }
            if word.eq_ignore_ascii_case("foreach") || word.eq_ignore_ascii_case("for") {
                self.looped();
                continue;
            }
            match self.rest().chars().next() {
                Some('\'' | '"') => drop(self.string()),
                Some('@') if self.rest().starts_with("@'") || self.rest().starts_with("@\"") => drop(self.string()),
                Some(c) => self.at += c.len_utf8(),
                None => break,
            }
        }
        out
    }

    /// `foreach ($x in …)`: the variable has many values.
    fn looped(&mut self) {
        let head = self.rest().split('{').next().unwrap_or_default().to_owned();
        if let Some((_, part)) = head.split_once('$') {
            let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            self.variables.insert(name.to_ascii_lowercase(), None);
        }
        self.at += head.len();
    }

    fn assign(&mut self, name: &str) {
        self.blanks(false);
        let again = self.variables.contains_key(name);
        if self.rest().starts_with("@{") {
            self.at += 2;
            let table = self.table();
            self.tables.insert(name.to_owned(), table);
            return;
        }
        let value = match self.rest().chars().next() {
            Some('\'' | '"') => Some(self.string().0),
            Some('@') if self.rest().starts_with("@'") || self.rest().starts_with("@\"") => Some(self.string().0),
            _ => None,
        };
        if let Some(text) = value.as_ref().filter(|t| t.known_prefix().trim_start().starts_with('{')) {
            let parsed = json::parse_text(text, Limits::default()).ok();
            self.policies.extend(parsed.filter(|policy| policy.get("Statement").is_some()));
        }
        self.blanks(false);
        let whole = self.rest().chars().next().is_none_or(|c| matches!(c, '\n' | ';' | '}'));
        self.variables.insert(name.to_owned(), value.filter(|_| whole && !again));
    }

    /// `@{ Name = 'value' … }`
    fn table(&mut self) -> Vec<(String, Text, Span)> {
        let mut out = Vec::new();
        loop {
            self.blanks(true);
            if self.rest().starts_with('}') || self.at >= self.text.len() {
                self.at += 1;
                return out;
            }
            let before = self.at;
            let key: String =
                self.rest().trim_start_matches(['\'', '"']).chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let quoted = self.rest().starts_with(['\'', '"']);
            self.at += key.len() + if quoted { 2 } else { 0 };
            self.blanks(false);
            if self.rest().starts_with('=') {
                self.at += 1;
                self.blanks(false);
                let (text, span) = self.value();
                out.push((key.to_ascii_lowercase(), text, span));
            }
            if self.at <= before {
                self.at += self.rest().chars().next().map_or(1, char::len_utf8);
            }
        }
    }

    /// A value: a string, or something that is known when it runs.
    fn value(&mut self) -> (Text, Span) {
        match self.rest().chars().next() {
            Some('\'' | '"') => return self.string(),
            Some('@') if self.rest().starts_with("@'") || self.rest().starts_with("@\"") => return self.string(),
            Some('@') if self.rest().starts_with("@(") => {
                // A list of one is what it holds.
                let start = self.at;
                self.at += 2;
                self.blanks(true);
                let (text, _) = self.value();
                self.blanks(true);
                if self.rest().starts_with(')') {
                    self.at += 1;
                    return (text, self.span(start, self.at));
                }
                self.skip_bracket();
                return (self.hole(start), self.span(start, self.at));
            }
            _ => {}
        }
        let start = self.at;
        let mut depth = 0_usize;
        while let Some(c) = self.rest().chars().next() {
            match c {
                '(' | '{' | '[' => depth += 1,
                ')' | '}' | ']' if depth == 0 => break,
                ')' | '}' | ']' => depth -= 1,
                '\n' | ';' if depth == 0 => break,
                ' ' | '\t' | '\r' | '|' if depth == 0 => break,
                _ => {}
            }
            self.at += c.len_utf8();
        }
        let written = self.text.get(start..self.at).unwrap_or_default();
        let plain = !written.is_empty() && written.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:@*".contains(c));
        let span = self.span(start, self.at);
        let text = match written.strip_prefix('$').map(|name| self.variables.get(&name.to_ascii_lowercase())) {
            Some(Some(Some(text))) => text.clone(),
            _ if plain => Text::literal(written, span),
            _ => self.hole(start),
        };
        (text, span)
    }

    fn skip_bracket(&mut self) {
        while let Some(c) = self.rest().chars().next() {
            self.at += c.len_utf8();
            if c == ')' {
                return;
            }
        }
    }

    fn hole(&self, start: usize) -> Text {
        let span = self.span(start, self.at);
        let written = self.text.get(start..self.at).unwrap_or_default().trim();
        let key = format!("{}|{written}", self.file.path);
        Text::hole(
            Unknown::new(key, UnknownKind::Any, format!("${{{written}}}"), "it is known when the script runs", Some(span)),
            Some(span),
        )
    }

    /// A string with what is filled into it
    /// (<https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules>).
    fn string(&mut self) -> (Text, Span) {
        let start = self.at;
        let here = self.rest().starts_with('@');
        self.at += usize::from(here);
        let quote = self.rest().chars().next().unwrap_or('\'');
        self.at += 1;
        if here {
            self.at += self.rest().find('\n').map_or(0, |n| n + 1);
        }
        let end = if here { format!("\n{quote}@") } else { quote.to_string() };
        let mut out = Text::default();
        let mut piece = self.at;
        while self.at < self.text.len() && !self.rest().starts_with(&end) {
            let Some(c) = self.rest().chars().next() else { break };
            if quote == '"' && c == '$' {
                self.literal(&mut out, piece);
                self.expansion(&mut out);
                piece = self.at;
            } else if quote == '"' && c == '`' {
                self.literal(&mut out, piece);
                let escaped = self.rest().chars().nth(1).unwrap_or('`');
                // A backtick before the end of a line is no continuation inside of a string: the line end stays.
                let known = if escaped == 'n' {
                    '\n'
                } else if escaped == 't' {
                    '\t'
                } else {
                    escaped
                };
                let span = self.span(self.at, self.at + 1 + escaped.len_utf8());
                out.parts.push(Part::Literal { text: known.to_string().into(), span: Some(span), trail: None });
                self.at += 1 + escaped.len_utf8();
                piece = self.at;
            } else {
                self.at += c.len_utf8();
            }
        }
        self.literal(&mut out, piece);
        self.at = (self.at + end.len()).min(self.text.len());
        (if out.parts.is_empty() { Text::known("") } else { out }, self.span(start, self.at))
    }

    fn literal(&self, out: &mut Text, start: usize) {
        if start < self.at {
            out.push(&Text::literal(self.text.get(start..self.at).unwrap_or_default(), self.span(start, self.at)));
        }
    }

    /// `$name`, `${name}`, `$env:NAME`, `$(…)` in a string.
    fn expansion(&mut self, out: &mut Text) {
        let start = self.at;
        self.at += 1;
        let inner = if self.rest().starts_with('(') || self.rest().starts_with('{') {
            let (open, close) = if self.rest().starts_with('(') { ('(', ')') } else { ('{', '}') };
            let mut depth = 0_usize;
            while let Some(c) = self.rest().chars().next() {
                self.at += c.len_utf8();
                depth = if c == open {
                    depth + 1
                } else if c == close {
                    depth - 1
                } else {
                    depth
                };
                if depth == 0 {
                    break;
                }
            }
            self.text.get(start + 2..self.at.saturating_sub(1)).unwrap_or_default().trim().trim_start_matches('$').to_owned()
        } else {
            let name: String = self.rest().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            self.at += name.len();
            if name.is_empty() {
                self.literal(out, start);
                return;
            }
            if self.rest().starts_with(':') && name.eq_ignore_ascii_case("env") {
                let rest: String = self.rest().chars().skip(1).take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                self.at += 1 + rest.len();
                format!("env:{rest}")
            } else {
                name
            }
        };
        match self.variables.get(&inner.to_ascii_lowercase()) {
            Some(Some(text)) => out.push(&text.clone()),
            _ => {
                let hole = self.hole(start);
                out.push(&hole);
            }
        }
    }

    /// The words of a command up to its end.
    fn words(&mut self) -> Vec<Word> {
        let mut out = Vec::new();
        loop {
            self.blanks(false);
            let rest = self.rest();
            match rest.chars().next() {
                None | Some('\n' | ';' | '|' | '}' | ')') => return out,
                Some('-') => {
                    let name: String = rest.chars().skip(1).take_while(|c| c.is_ascii_alphanumeric()).collect();
                    self.at += 1 + name.len() + usize::from(rest.get(1 + name.len()..).is_some_and(|r| r.starts_with(':')));
                    out.push(Word::Parameter(name.to_ascii_lowercase()));
                }
                Some('@') if rest.get(1..2).is_some_and(|c| c.chars().all(|c| c.is_ascii_alphabetic() || c == '_')) => {
                    let name: String = rest.chars().skip(1).take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                    self.at += 1 + name.len();
                    out.push(Word::Splat(name.to_ascii_lowercase()));
                }
                Some(c) => {
                    let before = self.at;
                    let (text, span) = self.value();
                    if self.at == before {
                        self.at += c.len_utf8();
                    } else {
                        out.push(Word::Value(text, span));
                    }
                }
            }
        }
    }

    /// The credential that a command makes.
    fn command(&mut self, start: usize) -> Option<Value> {
        let words = self.words();
        let span = self.span(start, self.at);
        let mut given: BTreeMap<String, (Text, Span)> = BTreeMap::new();
        let mut iter = words.into_iter().peekable();
        while let Some(word) = iter.next() {
            match word {
                Word::Splat(name) => {
                    let table = self.tables.get(&name)?;
                    given.extend(table.iter().map(|(key, text, span)| (key.clone(), (text.clone(), *span))));
                }
                Word::Parameter(name) => {
                    if let Some(Word::Value(text, span)) = iter.next_if(|w| matches!(w, Word::Value(..))) {
                        given.insert(name, (text, span));
                    }
                }
                Word::Value(..) => {}
            }
        }
        let value = |name: &str| given.get(name).map(|(text, span)| Value::new(Kind::Text(text.clone()), Some(*span)));
        let (issuer, subject, audience) = (value("issuer")?, value("subject")?, value("audience")?);
        let list = Value::list(vec![audience], Some(span));
        let mut entries = vec![("issuer", issuer), ("subject", subject), ("audiences", list)];
        entries.extend(value("name").map(|name| ("name", name)));
        let entries = entries.into_iter().map(|(key, value)| Entry { key: Text::literal(key, span), value }).collect();
        Some(Value::map(entries, Some(span)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::source::Sources;

    fn subjects(text: &str) -> Vec<String> {
        let file = Sources::new().add("setup.ps1", text);
        parse(&file).documents.iter().map(|d| d.get("subject").unwrap().as_text().unwrap().to_string()).collect()
    }

    #[test]
    fn parameters_variables_tables_and_continuations() {
        let text = "$org = 'acme'\n$issuer = 'https://token.actions.githubusercontent.com'\nNew-AzADAppFederatedCredential -ApplicationObjectId $app.Id -Name 'a' `\n  -Issuer $issuer -Audience 'api://AzureADTokenExchange' -Subject \"repo:$org/app:ref:refs/heads/main\"\n$cred = @{\n  Issuer = $issuer\n  Audience = @('api://AzureADTokenExchange')\n  Subject = \"repo:$($org)/b:environment:live\"\n}\nNew-AzADAppFederatedCredential @cred\nforeach ($e in $all) { New-AzADAppFederatedCredential -Issuer $issuer -Audience x -Subject \"repo:o/r:environment:$e\" }\n";
        assert_eq!(subjects(text), ["repo:acme/app:ref:refs/heads/main", "repo:acme/b:environment:live", "repo:o/r:environment:${$e}"]);
    }

    #[test]
    fn variables_parameters_and_commands_have_no_letter_case() {
        let text = "$Org = 'acme'\nNEW-AzADAppFederatedCredential -issuer i -AUDIENCE a -subject \"repo:$ORG/app:x\"";
        assert_eq!(subjects(text), ["repo:acme/app:x"]);
    }

    #[test]
    fn a_backtick_inside_of_a_string_keeps_the_line_end() {
        let text = "New-AzADAppFederatedCredential -Issuer i -Audience a -Subject \"repo:o/r`\n    :x\"";
        assert_eq!(subjects(text), ["repo:o/r\n    :x"]);
    }

    #[test]
    fn any_text_is_read_to_its_end() {
        for text in ["", "$", "$a = @{", "$a = \"$(", "New-AzADAppFederatedCredential @", "@'", "\"`", "<#", "$x = @(1", "foreach ($"] {
            let _ = subjects(text);
        }
    }
}
