//! Comments by which other tools' checks are switched off beside a block, for teams that have them there already. Off unless the
//! configuration asks for a tool's (`foreign-ignores`), and nothing of them holds for a rule that finds more than the other check does.

use super::{MAX_SUPPRESSIONS, Style, next_line};
use crate::calendar;
use crate::catalogue::RuleId;
use crate::config::Tool;
use crate::place::Span;
use crate::rules::finding::Finding;
use crate::source::SourceFile;
use crate::source::walk::FileKind;
use crate::syntax::hcl;
use std::ops::RangeInclusive;

/// A check of another tool, and the rules that find the same.
struct Check {
    tool: Tool,
    /// Its id and its other names.
    names: &'static [&'static str],
    rules: &'static [RuleId],
    /// It looks at trusts in this issuer alone.
    issuer: Option<&'static str>,
}

/// The issuer of GitHub Actions.
const ACTIONS: Option<&str> = Some("https://token.actions.githubusercontent.com");
/// A trust in GitHub's issuer that any repository, or another owner's, satisfies.
const GITHUB: &[RuleId] =
    &[RuleId::MissingSubject, RuleId::WildcardSubject, RuleId::TenantPrefix, RuleId::VacuousCondition, RuleId::ForeignTenant];
/// A provider of a Google pool without a condition.
const NO_CONDITION: &[RuleId] = &[RuleId::MissingAttributeCondition];

/// What is equivalent, by the checks' own sources:
/// <https://github.com/bridgecrewio/checkov/tree/main/checkov/terraform/checks> (`GithubActionsOIDCTrustPolicy`,
/// `GithubActionsOIDCTrustPolicyOnRole`, `GoogleIAMWorkloadIdentityConditional`, `IAMRoleAllowsPublicAssume`, `IAMRoleAllowAssumeFromAccount`),
/// <https://avd.aquasec.com/misconfig/google/iam/avd-gcp-0068/>,
/// <https://github.com/semgrep/semgrep-rules/blob/develop/terraform/aws/security/unrestricted-github-oidc-policy.yaml>.
const CHECKS: &[Check] = &[
    Check { tool: Tool::Checkov, names: &["CKV_AWS_358"], rules: GITHUB, issuer: ACTIONS },
    Check { tool: Tool::Checkov, names: &["CKV_AWS_393"], rules: GITHUB, issuer: ACTIONS },
    Check { tool: Tool::Checkov, names: &["CKV_AZURE_249"], rules: GITHUB, issuer: ACTIONS },
    Check { tool: Tool::Checkov, names: &["CKV_GCP_118"], rules: NO_CONDITION, issuer: None },
    Check { tool: Tool::Checkov, names: &["CKV_GCP_125"], rules: GITHUB, issuer: ACTIONS },
    Check { tool: Tool::Checkov, names: &["CKV_AWS_60"], rules: &[RuleId::PublicPrincipal], issuer: None },
    Check { tool: Tool::Checkov, names: &["CKV_AWS_61"], rules: &[RuleId::AccountPrincipal], issuer: None },
    Check {
        tool: Tool::Trivy,
        names: &["AVD-GCP-0068", "GCP-0068", "google-iam-no-conditions-workload-identity-pool-provider"],
        rules: NO_CONDITION,
        issuer: None,
    },
    Check { tool: Tool::Tfsec, names: &["google-iam-no-conditions-workload-identity-pool-provider"], rules: NO_CONDITION, issuer: None },
    Check { tool: Tool::Semgrep, names: &["unrestricted-github-oidc-policy"], rules: GITHUB, issuer: ACTIONS },
];

/// A comment of another tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Whose.
    pub tool: Tool,
    /// The check, as it is written.
    pub check: String,
    /// The rules that find the same.
    rules: &'static [RuleId],
    issuer: Option<&'static str>,
    /// Why, in the person's words.
    pub reason: String,
    /// The last day it holds.
    pub until: Option<String>,
    /// Where it is written.
    pub span: Span,
    /// The lines that it covers, from 1.
    pub lines: RangeInclusive<usize>,
}

impl Foreign {
    /// Whether the other check finds this, too.
    #[must_use]
    pub fn is_about(&self, finding: &Finding) -> bool {
        let issuer = || finding.witness.as_ref().and_then(|token| token.string("iss"));
        self.rules.contains(&finding.rule) && self.issuer.is_none_or(|own| issuer() == Some(own))
    }

    /// Whether its last day is before `today`.
    #[must_use]
    pub fn is_over(&self, today: &str) -> bool {
        self.until.as_deref().is_some_and(|until| until < today)
    }
}

/// What a tool's comments begin with.
fn mark(tool: Tool) -> &'static str {
    match tool {
        Tool::Checkov => "checkov:skip=",
        Tool::Trivy => "trivy:ignore:",
        Tool::Tfsec => "tfsec:ignore:",
        Tool::Semgrep => "nosemgrep:",
    }
}

/// The comments of these tools in a file, in its order.
#[must_use]
pub fn foreign(file: &SourceFile, tools: &[Tool]) -> Vec<Foreign> {
    let mut out = Vec::new();
    let mut blocks: Option<Vec<RangeInclusive<usize>>> = None;
    for tool in tools {
        let mark = mark(*tool);
        for at in memchr::memmem::find_iter(file.text.as_bytes(), mark.as_bytes()).take(MAX_SUPPRESSIONS) {
            let blocks = blocks.get_or_insert_with(|| top_blocks(file));
            out.extend(comment(file, *tool, at, mark.len(), blocks));
        }
    }
    out.sort_by_key(|foreign| (foreign.span.start, foreign.span.end));
    out
}

fn comment(file: &SourceFile, tool: Tool, at: usize, length: usize, blocks: &[RangeInclusive<usize>]) -> Vec<Foreign> {
    let style = Style::of(&file.path);
    let Some(opener) = style.opener(&file.text, at) else { return Vec::new() };
    let rest = file.text.get(at + length..).and_then(|rest| rest.lines().next()).unwrap_or_default().trim_end();
    let line = file.position(at).line;
    let own = file.text.get(..opener).is_some_and(|before| before.rsplit('\n').next().unwrap_or_default().trim().is_empty());
    let lines = match tool {
        // it stands in the block that it speaks of, anywhere
        Tool::Checkov => block_of(line, blocks).unwrap_or(line..=line),
        // it stands before a block or an attribute, or beside it; a block is meant as a whole
        Tool::Trivy | Tool::Tfsec | Tool::Semgrep => {
            let meant = if own { next_line(file, style, line) } else { line };
            let header = blocks.iter().find(|block| *block.start() == meant).cloned();
            header.unwrap_or(line.min(meant)..=meant)
        }
    };
    let span = Span::new(file.id, at..at + length + rest.len());
    let entry = |(check, reason, until): (&str, &str, Option<String>)| {
        let known = CHECKS.iter().find(|known| known.tool == tool && known.names.iter().any(|name| name.eq_ignore_ascii_case(check)))?;
        let (check, reason) = (check.to_owned(), reason.trim().to_owned());
        Some(Foreign { tool, check, rules: known.rules, issuer: known.issuer, reason, until, span, lines: lines.clone() })
    };
    written(tool, rest).into_iter().filter_map(entry).collect()
}

/// The checks of a comment, each with its reason and its last day.
fn written(tool: Tool, rest: &str) -> Vec<(&str, &str, Option<String>)> {
    match tool {
        // `CKV_AWS_358:the reason`
        Tool::Checkov => {
            let (check, reason) = rest.split_once(':').unwrap_or((rest, ""));
            vec![(check.trim(), reason, None)]
        }
        // `AVD-GCP-0068:exp:2027-01-01 trivy:ignore:…`; what is said in brackets of one is not read, so it does not hold
        Tool::Trivy | Tool::Tfsec => {
            let word = rest.split_whitespace().next().unwrap_or_default();
            let (check, until) = word.split_once(":exp:").map_or((word, None), |(check, until)| (check, Some(until)));
            match until {
                Some(day) if !calendar::is_date(day) => Vec::new(),
                until => vec![(check, "", until.map(str::to_owned))],
            }
        }
        // `a.b.rule, rule`: the last part is the rule's own name
        Tool::Semgrep => {
            let names = rest.split(',').map(str::trim).map(|name| name.split_whitespace().next().unwrap_or_default());
            names.map(|name| (name.rsplit('.').next().unwrap_or(name), "", None)).collect()
        }
    }
}

/// The lines of the outermost blocks of a Terraform file; none of another.
fn top_blocks(file: &SourceFile) -> Vec<RangeInclusive<usize>> {
    if FileKind::of(&file.path) != Some(FileKind::Terraform) {
        return Vec::new();
    }
    let lines = |span: Span| file.position(span.start as usize).line..=file.position(span.end as usize).line;
    hcl::parse(file).body.blocks.iter().map(|block| lines(block.span)).collect()
}

fn block_of(line: usize, blocks: &[RangeInclusive<usize>]) -> Option<RangeInclusive<usize>> {
    blocks.iter().find(|block| block.contains(&line)).cloned()
}
