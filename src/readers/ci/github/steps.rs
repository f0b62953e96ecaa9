//! Steps that log in to a cloud, and what they run.

use super::super::super::context::email_of;
use super::super::super::shape::{blocks, field, known_at, place, text_at};
use super::Workflows;
use super::expression::Possible;
use super::scope::{Inputs, Scope};
use crate::graph::{Conflict, JobAudience, JobIdentity, Named};
use crate::partial::{Text, Unknown, UnknownKind, Value, cut};
use crate::place::Span;

/// How deep actions of the repository use each other.
const MAX_DEPTH: usize = 4;
/// Most steps of one job that are looked at, those of its actions included.
const MAX_STEPS: usize = 500;

/// A step of a job, or of an action that the job uses.
pub(super) struct Step<'o> {
    pub(super) value: &'o Value,
    pub(super) span: Span,
    /// The action, without its version, in small letters; `./…` stays as written.
    pub(super) uses: Option<String>,
    /// The inputs of the action that it is in.
    pub(super) inputs: Option<Inputs>,
    /// The file that it is in.
    pub(super) file: &'o str,
    /// A condition of a step around it.
    pub(super) conditions: Vec<Text>,
}

/// A login, before it is known which tokens it can present.
pub(super) struct Found {
    pub(super) identity: JobIdentity,
    pub(super) audience: JobAudience,
    pub(super) conflict: Option<(Conflict, Span)>,
    /// A plain command asks for the token.
    pub(super) command: bool,
    /// It may do without a token.
    pub(super) may_be_ambient: bool,
}

/// The steps of a job in order, with those of the repository's own actions in their places.
pub(super) fn steps<'o>(workflows: &Workflows<'o>, file: &'o str, job: &'o Value, scope: &Scope<'_>) -> Vec<Step<'o>> {
    let mut out = Vec::new();
    collect(workflows, file, job, scope, &Around { inputs: None, conditions: Vec::new() }, MAX_DEPTH, &mut out);
    out
}

struct Around {
    inputs: Option<Inputs>,
    conditions: Vec<Text>,
}

fn collect<'o>(
    workflows: &Workflows<'o>,
    file: &'o str,
    holder: &'o Value,
    scope: &Scope<'_>,
    around: &Around,
    depth: usize,
    out: &mut Vec<Step<'o>>,
) {
    for value in blocks(holder, "steps").0 {
        if out.len() >= MAX_STEPS {
            return;
        }
        let Some(span) = place(value) else { continue };
        let uses = known_at(value, "uses");
        let mut conditions = around.conditions.clone();
        conditions.extend(text_at(value, "if"));
        let local = uses.as_deref().and_then(|u| workflows.action(file, u)).filter(|_| depth > 0);
        if let Some((action_file, action)) = local {
            let inner = around.inputs.as_ref().map_or(*scope, |inputs| Scope { inputs, ..*scope });
            let inputs = inputs_of(action, field(value, "with"), &inner);
            let within = Around { inputs: Some(inputs), conditions: conditions.clone() };
            if let Some(runs) = field(action, "runs") {
                collect(workflows, action_file, runs, scope, &within, depth - 1, out);
            }
            continue;
        }
        let uses = uses.map(|u| if u.starts_with(['.', '$']) { u } else { u.split('@').next().unwrap_or_default().to_ascii_lowercase() });
        out.push(Step { value, span, uses, inputs: around.inputs.clone(), file, conditions });
    }
}

/// The inputs of an action or a called workflow: what is handed over, else the default.
pub(super) fn inputs_of(declaring: &Value, with: Option<&Value>, scope: &Scope<'_>) -> Inputs {
    let mut out = Inputs { open: with.is_some_and(Value::is_open), ..Inputs::default() };
    let declared = field(declaring, "inputs").map(Value::entries).unwrap_or_default();
    let typed = |name: &str, values: Possible| {
        let of = declared.iter().find(|e| e.key.as_known().is_some_and(|k| k.eq_ignore_ascii_case(name)));
        // the inputs of an action have no type: they are strings
        of.and_then(|e| known_at(&e.value, "type")).map_or_else(|| values.as_texts(), |kind| values.typed(&kind))
    };
    for entry in declared {
        let Some(name) = entry.key.as_known() else { continue };
        if let Some(default) = field(&entry.value, "default").and_then(Value::as_text) {
            out.known.insert(name.to_lowercase(), typed(&name, scope.values(&default)));
        }
    }
    for entry in with.map(Value::entries).unwrap_or_default() {
        let Some(name) = entry.key.as_known() else { continue };
        let values = entry.value.as_text().map_or_else(Possible::open, |text| scope.values(&text));
        out.known.insert(name.to_lowercase(), typed(&name, values));
    }
    out
}

/// What a step logs in to.
pub(super) fn login(step: &Step<'_>, scope: &Scope<'_>) -> Option<Found> {
    let nothing = Value::map(Vec::new(), None);
    let with = field(step.value, "with").unwrap_or(&nothing);
    match step.uses.as_deref() {
        Some("aws-actions/configure-aws-credentials") => aws(with, scope),
        Some("azure/login") => azure(with, scope),
        Some("google-github-actions/auth") => google(with, scope),
        Some("hashicorp/vault-action") => {
            let method = scope.with(with, "method")?;
            let jwt = method.is_str("jwt") && scope.with(with, "jwtPrivateKey").is_none();
            jwt.then(|| other(scope.with(with, "jwtGithubAudience").map_or(JobAudience::IssuerDefault, JobAudience::Known)))
        }
        Some(_) => None,
        None => command(step, scope),
    }
}

fn other(audience: JobAudience) -> Found {
    Found { identity: JobIdentity::Other, audience, conflict: None, command: false, may_be_ambient: false }
}

/// The conditions are those of the action
/// (<https://github.com/aws-actions/configure-aws-credentials>, `useGitHubOIDCProvider`).
fn aws(with: &Value, scope: &Scope<'_>) -> Option<Found> {
    let role = scope.with(with, "role-to-assume")?;
    let says = |name: &str| scope.with(with, name).is_some_and(|t| scope.is_true(&t));
    if says("role-chaining") || says("force-skip-oidc") || scope.with(with, "web-identity-token-file").is_some() {
        return None;
    }
    let audience = match scope.with(with, "audience") {
        Some(text) => audience(scope, &text),
        None => JobAudience::Known(Text::known("sts.amazonaws.com")),
    };
    let in_step = scope.with(with, "aws-access-key-id").and_then(|_| key_place(with, "aws-access-key-id"));
    let conflict = match in_step {
        Some(span) => Some((Conflict::AwsKeysInStep, span)),
        None => stored(scope, "AWS_ACCESS_KEY_ID").map(|span| (Conflict::AwsKeysInEnvironment, span)),
    };
    let roles = scope.named(&role).into_iter().map(|named| Named { text: arn(&named.text), ..named }).collect();
    Some(Found { identity: JobIdentity::AwsRole(roles), audience, conflict, command: false, may_be_ambient: true })
}

/// A bare name is a role of the account that the token's provider is in.
fn arn(role: &Text) -> Text {
    match role.as_known() {
        Some(known) if !known.contains(':') && !known.is_empty() => {
            let account =
                Unknown::new(format!("|account of {known}"), UnknownKind::AccountId, "${account}", "the role is given by its name", None);
            let mut out = Text::known("arn:aws:iam::");
            out.push(&Text::hole(account, None));
            out.push(&Text::known(":role/"));
            out.push(role);
            out
        }
        _ => role.clone(),
    }
}

/// `creds` is ignored where an id is set (<https://github.com/Azure/login>, `LoginConfig`).
fn azure(with: &Value, scope: &Scope<'_>) -> Option<Found> {
    let client = scope.with(with, "client-id")?;
    if scope.with(with, "auth-type").is_some_and(|t| !t.is_str("SERVICE_PRINCIPAL")) {
        return None;
    }
    let audience = match scope.with(with, "audience") {
        Some(text) => audience(scope, &text),
        None => JobAudience::Known(Text::known("api://AzureADTokenExchange")),
    };
    let creds = scope.with(with, "creds").and_then(|_| key_place(with, "creds"));
    let secret = || stored(scope, "ARM_CLIENT_SECRET").or_else(|| stored(scope, "AZURE_CLIENT_SECRET"));
    let conflict = match creds {
        Some(span) => Some((Conflict::AzureCredsInStep, span)),
        None => secret().map(|span| (Conflict::AzureSecretInEnvironment, span)),
    };
    Some(Found { identity: JobIdentity::AzureClient(scope.named(&client)), audience, conflict, command: false, may_be_ambient: false })
}

/// The audience by default is the provider's name with `https://iam.googleapis.com/` before it
/// (<https://github.com/google-github-actions/auth>).
fn google(with: &Value, scope: &Scope<'_>) -> Option<Found> {
    let provider = scope.named(&scope.with(with, "workload_identity_provider")?);
    let audience = match (scope.with(with, "audience"), provider.as_slice()) {
        (Some(text), _) => audience(scope, &text),
        (None, [one]) => {
            let mut text = Text::known("https://iam.googleapis.com/");
            text.push(&one.text);
            JobAudience::Known(text)
        }
        _ => JobAudience::Unknown,
    };
    let key = scope.with(with, "credentials_json").and_then(|_| key_place(with, "credentials_json"));
    let conflict = key.map(|span| (Conflict::GoogleKeyInStep, span));
    let account = scope
        .with(with, "service_account")
        .map(|a| scope.named(&a).into_iter().map(|named| Named { text: email_of(&named.text), ..named }).collect());
    Some(Found { identity: JobIdentity::Google { provider, account }, audience, conflict, command: false, may_be_ambient: false })
}

fn audience(scope: &Scope<'_>, text: &Text) -> JobAudience {
    match scope.named(text).as_slice() {
        [one] => JobAudience::Known(one.text.clone()),
        _ => JobAudience::Unknown,
    }
}

/// Terraform's azurerm with `ARM_USE_OIDC`, and commands that ask GitHub's token endpoint themselves.
fn command(step: &Step<'_>, scope: &Scope<'_>) -> Option<Found> {
    let run = cut::flat(&text_at(step.value, "run")?);
    let terraform = ["terraform ", "tofu ", "terragrunt "].iter().any(|tool| run.contains(tool));
    let oidc = |name: &str| value(scope, name).is_some_and(|text| scope.is_true(&text));
    if terraform && oidc("ARM_USE_OIDC") {
        let client = scope.named(&value(scope, "ARM_CLIENT_ID")?);
        let conflict = stored(scope, "ARM_CLIENT_SECRET").map(|span| (Conflict::AzureSecretInEnvironment, span));
        let audience = JobAudience::Known(Text::known("api://AzureADTokenExchange"));
        return Some(Found { identity: JobIdentity::AzureClient(client), audience, conflict, command: false, may_be_ambient: false });
    }
    let asks = run.contains("ACTIONS_ID_TOKEN_REQUEST_URL") && run.contains("curl");
    asks.then(|| Found { command: true, ..other(JobAudience::Unknown) })
}

/// A variable of the environment as it is written nearest.
fn value(scope: &Scope<'_>, name: &str) -> Option<Text> {
    scope.around.iter().find_map(|holder| text_at(holder.get("env")?, name))
}

/// Where the environment holds a stored secret of this name.
fn stored(scope: &Scope<'_>, name: &str) -> Option<Span> {
    let holder = scope.around.iter().find(|holder| holder.get("env").is_some_and(|env| field(env, name).is_some()))?;
    let env = holder.get("env")?;
    let text = text_at(env, name)?;
    // what an earlier step has got is no stored key
    let flat = cut::flat(&text);
    let kept = !flat.trim().is_empty() && (!flat.contains("${{") || flat.contains("secrets.") || flat.contains("vars."));
    kept.then(|| key_place(env, name)).flatten()
}

fn key_place(map: &Value, key: &str) -> Option<Span> {
    map.entries().iter().rev().find(|e| e.key.is_str(key)).and_then(|e| e.key.span().or_else(|| place(&e.value)))
}
