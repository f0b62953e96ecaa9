//! What to write instead: keys as the policy writes them, arguments where a module writes the policy.

use super::RoleTrust;
use crate::admission::iam::{self, ConditionTest, Effect, Statement};
use crate::gate::aws::{is_of, key_name};
use crate::graph::{Provider, ProviderKind};
use crate::partial::{Part, Text, hops};
use crate::rules::engine::Context;
use crate::source::{SourceFile, Sources};

/// Most characters of a line that are read to find how a key is written.
const MAX_LINE: usize = 16 << 10;
/// Stands for a host and path that nothing in the module names.
const ISSUER: &str = "ISSUER";

/// A test to add under `StringEquals`: of which claim, with which value.
pub(super) struct Wanted<'a> {
    /// `aud`, `sub`.
    pub(super) claim: &'a str,
    /// The value.
    pub(super) value: &'a str,
}

/// How to add a test of a claim of this principal's tokens to its statements.
pub(super) fn add(subject: &RoleTrust<'_>, principal: &Text, wanted: &Wanted<'_>) -> String {
    if let Some(arguments) = subject.context.model(&subject.trust.origin) {
        return of_module(arguments, wanted);
    }
    let prefix = prefix(subject, principal);
    let key = format!("{}:{}", prefix.as_deref().unwrap_or(ISSUER), wanted.claim);
    let value = wanted.value;
    let note = if prefix.is_none() { ", with the host and path of the provider's URL for `ISSUER`" } else { "" };
    if is_document(subject, principal) {
        return format!(
            "add a `condition` block with `test = \"StringEquals\"`, `variable = \"{key}\"` and `values = [\"{value}\"]`{note}"
        );
    }
    format!("add `\"{key}\": \"{value}\"` under `StringEquals`{note}")
}

fn of_module(arguments: &crate::terraform::models::Arguments, wanted: &Wanted<'_>) -> String {
    let (argument, what) = match wanted.claim {
        "sub" => (&arguments.subjects, "the subject"),
        _ => (&arguments.audiences, "the audience"),
    };
    match (argument, &arguments.conditions) {
        (Some(argument), _) => format!("set `{argument} = [\"{}\"]` in the call of the module", wanted.value),
        (None, Some(conditions)) => format!("add a condition on {what} with `{conditions}` in the call of the module"),
        (None, None) => {
            format!(
                "the module has no argument for {what}: ask its authors for one, or declare the role yourself with a condition on `…:{}`",
                wanted.claim
            )
        }
    }
}

/// The statements that let this principal in.
pub(super) fn statements<'s>(subject: &'s RoleTrust<'_>, principal: &Text) -> impl Iterator<Item = &'s Statement> {
    let names = |s: &&Statement| s.principals.items.iter().any(|p| p.leaf.choices.iter().any(|t| t.same(principal)));
    let found: Vec<&Statement> = subject.policy.statements.iter().filter(|s| s.effect == Effect::Allow).filter(names).collect();
    found.into_iter()
}

/// What stands before `:claim` in the keys of this principal, as the file writes it.
fn prefix(subject: &RoleTrust<'_>, principal: &Text) -> Option<String> {
    let tests: Vec<&ConditionTest> = statements(subject, principal).flat_map(|s| &s.conditions).collect();
    let own = |names: &[&str]| tests.iter().filter(|c| key_name(&c.key).is_some_and(|n| names.contains(&n.as_str()))).copied().collect();
    let neighbours: Vec<&ConditionTest> = own(&["sub", "aud", "amr"]);
    // A statement for several issuers has the keys of each.
    let issuer = iam::issuer_of_federated(principal).and_then(|i| i.as_known());
    let of_other = |c: &&ConditionTest| {
        let prefix = c.key.as_known().and_then(|k| k.rsplit_once(':').map(|(p, _)| p.to_owned()));
        issuer.as_ref().zip(prefix).is_some_and(|(issuer, prefix)| !prefix.eq_ignore_ascii_case(issuer))
    };
    let neighbours: Vec<&ConditionTest> = neighbours.into_iter().filter(|c| !of_other(c)).collect();
    let written = neighbours.iter().find_map(|c| before_colon(subject.context.sources, &c.key));
    written.or_else(|| iam::issuer_of_federated(principal)?.as_known()).or_else(|| of_provider(subject))
}

/// The URL of the provider, when the role's module declares it.
fn of_provider(subject: &RoleTrust<'_>) -> Option<String> {
    let providers = subject.context.links.trust_providers.get(subject.index)?;
    let [only] = providers.as_slice() else { return None };
    let provider = subject.context.graph.provider(*only).filter(|p| matches!(p.kind, ProviderKind::AwsOidc { .. }))?;
    let origin = &subject.trust.origin;
    let ((_, module), (_, own)) = (provider.origin.block()?, origin.block()?);
    let near = provider.origin.scope == origin.scope && module == own;
    let address = provider.origin.name.get(module.len()..).filter(|_| near && subject.context.model(&provider.origin).is_none())?;
    let address = address.trim_start_matches('.');
    Some(format!("${{replace({address}.url, \"https://\", \"\")}}"))
}

/// The statement comes from a data source that writes the JSON.
fn is_document(subject: &RoleTrust<'_>, principal: &Text) -> bool {
    let keys =
        statements(subject, principal).flat_map(|s| &s.principals.items).filter(|p| p.leaf.choices.iter().any(|t| t.same(principal)));
    keys.into_iter().any(|p| hops(&p.key.trail()).any(|h| h.kind.is_aws_policy_document()))
}

/// The characters of the file before the last colon of a key, from the beginning of its string.
pub(super) fn before_colon(sources: &Sources, key: &Text) -> Option<String> {
    let Part::Literal { text, span: Some(span), .. } = key.parts.last()? else { return None };
    let file = sources.get(span.file)?;
    if span.len() != text.len() {
        return None;
    }
    let colon = span.start as usize + text.rfind(':')?;
    // A line may be a whole minified file.
    let floor = (colon.saturating_sub(MAX_LINE)..=colon).find(|i| file.text.is_char_boundary(*i))?;
    let line = match file.text.get(floor..colon)?.rfind('\n') {
        Some(newline) => floor + newline + 1,
        None if floor == 0 => 0,
        None => return None,
    };
    let start = string_start(&file, line, colon)?;
    // What `format` fills in is no text that could stand elsewhere.
    Some(file.text.get(start..colon)?.to_owned()).filter(|p| !p.is_empty() && !p.contains('%'))
}

/// Where the string begins that is open at `end`, counting from the start of its line; strings nest in `${…}`.
fn string_start(file: &SourceFile, line: usize, end: usize) -> Option<usize> {
    enum Open {
        String(usize),
        Brace,
    }
    let mut open: Vec<Open> = Vec::new();
    let text = file.text.get(line..end)?;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let inside = matches!(open.last(), Some(Open::String(_)));
        match c {
            '\\' if inside => {
                chars.next();
            }
            '"' if inside => {
                open.pop();
            }
            '"' => open.push(Open::String(line + at + 1)),
            '$' | '%' if inside && chars.peek().is_some_and(|(_, c)| *c == '{') => {
                chars.next();
                open.push(Open::Brace);
            }
            '{' if !inside => open.push(Open::Brace),
            '}' if !inside => {
                open.pop();
            }
            _ => {}
        }
    }
    let string = open.iter().rev().find_map(|o| if let Open::String(at) = o { Some(*at) } else { None });
    // A key without quotes: YAML.
    string.or_else(|| open.is_empty().then(|| line + (text.len() - text.trim_start().len())))
}

impl Context<'_> {
    /// The audiences of the one provider that a trust is linked to, when they are known.
    pub(super) fn audiences(&self, trust: usize, principal: &Text) -> Option<&[Text]> {
        let providers: Vec<&Provider> = self.links.trust_providers.get(trust)?.iter().filter_map(|id| self.graph.provider(*id)).collect();
        let declared = providers.iter().any(|p| !p.origin.is_looked_up());
        // What is looked up is what is declared, where that is in the scan.
        let kept = providers.iter().filter(|p| !declared || !p.origin.is_looked_up());
        let lists: Vec<(&Text, Option<&[Text]>)> = kept
            .filter_map(|p| match &p.kind {
                ProviderKind::AwsOidc { audiences, url, .. } => Some((url, audiences.as_deref())),
                ProviderKind::Google(_) => None,
            })
            .collect();
        // With one provider the link is enough; with several the URL tells them apart.
        if let [(_, only)] = lists.as_slice() {
            return *only;
        }
        let host = iam::issuer_of_federated(principal)?;
        let mut of_host = lists.iter().filter(|(url, _)| is_of(url, &host)).map(|(_, list)| *list);
        let first = of_host.next()??;
        // Several of one issuer, as one for each account: what one of them lists says nothing of another that lists more.
        let same = |list: Option<&[Text]>| list.is_some_and(|l| l.len() == first.len() && l.iter().zip(first).all(|(a, b)| a.same(b)));
        of_host.all(same).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(line: &str) -> Option<String> {
        let sources = Sources::new();
        let file = sources.add("main.tf", line);
        let at = line.find(":sub").unwrap();
        let key = Text {
            parts: vec![Part::Literal { text: ":sub".into(), span: Some(crate::place::Span::new(file.id, at..at + 4)), trail: None }],
        };
        before_colon(&sources, &key)
    }

    #[test]
    fn a_key_is_copied_as_it_is_written() {
        for prefix in
            ["${var.issuer}", "${replace(local.url, \"https://\", \"\")}", "token.actions.githubusercontent.com", "${m[\"a\"].host}"]
        {
            assert_eq!(written(&format!("  StringEquals = {{ \"{prefix}:sub\" = \"x\" }}")).as_deref(), Some(prefix));
            assert_eq!(written(&format!("  variable = \"{prefix}:sub\"")).as_deref(), Some(prefix));
        }
        assert_eq!(written("  token.actions.githubusercontent.com:sub: x").as_deref(), Some("token.actions.githubusercontent.com"));
        assert_eq!(written("{\"StringEquals\": {\"a:aud\": \"x\", \"b.c/d:sub\": \"x\"}}").as_deref(), Some("b.c/d"));
    }
}
