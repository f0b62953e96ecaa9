//! GitHub's filter patterns as regular expressions
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet>).

/// A pattern in RE2 syntax: `*` stops at `/`, `**` does not, `?` and `+` repeat what stands before them, `[]` is a set.
pub(super) fn regex(pattern: &str) -> String {
    let mut out = String::new();
    let mut characters = pattern.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '*' if characters.peek() == Some(&'*') => {
                characters.next();
                out.push_str(".*");
            }
            '*' => out.push_str("[^/]*"),
            '?' | '+' | '[' | ']' => out.push(c),
            '\\' => {
                if let Some(next) = characters.next() {
                    escape(next, &mut out);
                }
            }
            _ => escape(c, &mut out),
        }
    }
    out
}

/// The characters of a text, each as itself.
pub(in crate::readers::ci) fn literal(text: &str) -> String {
    let mut out = String::new();
    text.chars().for_each(|c| escape(c, &mut out));
    out
}

fn escape(c: char, out: &mut String) {
    if matches!(c, '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' | '\\') {
        out.push('\\');
    }
    out.push(c);
}

/// Whether a pattern has anything but characters that stand for themselves.
pub(super) fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '+', '[', ']', '!', '\\'])
}

/// Names that filters let through: what they have to match, and what they must not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Alternatives; empty for any.
    pub(super) only: Vec<String>,
    /// None of these.
    pub(super) never: Vec<String>,
}

impl Names {
    /// `branches` and `tags`: a `!` takes names away that a pattern before it let in, unless one after it lets them in again.
    pub(super) fn listed(patterns: &[String]) -> Self {
        let mut out = Self::default();
        for pattern in patterns {
            match pattern.strip_prefix('!') {
                Some(excluded) => out.never.push(regex(excluded)),
                None => {
                    out.never.clear();
                    out.only.push(regex(pattern));
                }
            }
        }
        out
    }

    /// `branches-ignore` and `tags-ignore`.
    pub(super) fn ignored(patterns: &[String]) -> Self {
        Self { only: Vec::new(), never: patterns.iter().map(|p| regex(p)).collect() }
    }

    /// The names behind a prefix.
    pub(super) fn behind(&self, prefix: &str) -> (String, Option<String>) {
        let only = if self.only.is_empty() { ".+".to_owned() } else { format!("(?:{})", self.only.join("|")) };
        let never = (!self.never.is_empty()).then(|| format!("{prefix}(?:{})", self.never.join("|")));
        (format!("{prefix}{only}"), never)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert_eq!(regex("releases/**"), "releases/.*");
        assert_eq!(regex("api-[0-9]+.[0-9]+"), r"api-[0-9]+\.[0-9]+");
        assert_eq!(regex("v*"), "v[^/]*");
        assert_eq!(Names::listed(&["release/**".to_owned(), "!release/**-alpha".to_owned()]).never, vec!["release/.*-alpha"]);
        assert_eq!(Names::listed(&["!a".to_owned(), "a*".to_owned()]).never, Vec::<String>::new());
    }
}
