//! The AWS CLI (<https://docs.aws.amazon.com/cli/latest/reference/iam/create-role.html>).

use super::call::{Arguments, Call, Grammar};
use super::clouds::{Clouds, Content, New, document, value, values};
use crate::partial::{Entry, Kind, Text, Value, cut};

const GRAMMAR: Grammar = Grammar { switches: &["debug", "output-json"], several: true, short: &[] };

const ROLE: &str = "aws_iam_role";
const PROVIDER: &str = "aws_iam_openid_connect_provider";
const ATTACHMENT: &str = "aws_iam_role_policy_attachment";

/// One command.
pub(super) fn command(clouds: &mut Clouds, call: &Call, content: &dyn Content) {
    let mut arguments = Arguments::read(call.fields.get(1..).unwrap_or_default(), GRAMMAR);
    input_files(&mut arguments, content);
    let words: Vec<String> = arguments.positional.iter().map(cut::flat).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["iam", "create-role", ..] => create_role(clouds, call, &arguments, content),
        ["iam", "update-assume-role-policy", ..] => update_trust(clouds, call, &arguments, content),
        ["iam", "update-role", ..] => update_role(clouds, call, &arguments),
        ["iam", "delete-role", ..] => remove(clouds, call, ROLE, arguments.flag("role-name")),
        ["iam", "put-role-policy", ..] => inline_policy(clouds, call, &arguments, content),
        ["iam", "attach-role-policy", ..] => attach(clouds, call, &arguments),
        ["iam", "detach-role-policy", ..] => {
            let key = attachment_key(arguments.flag("role-name"), arguments.flag("policy-arn"));
            clouds.remove(call, ATTACHMENT, &key);
        }
        ["iam", "create-access-key", ..] => access_key(clouds, call, &arguments),
        ["cognito-identity", "set-identity-pool-roles", ..] => pool_roles(clouds, call, &arguments),
        ["iam", "create-policy", ..] => managed_policy(clouds, call, &arguments, content),
        ["iam", "create-open-id-connect-provider", ..] => provider(clouds, call, &arguments),
        ["iam", "add-client-id-to-open-id-connect-provider", ..] => client(clouds, call, &arguments),
        ["eks", "create-pod-identity-association" | "update-pod-identity-association", ..] => association(clouds, call, &arguments),
        ["rolesanywhere", "create-trust-anchor", ..] => anywhere(clouds, call, &arguments, "aws_rolesanywhere_trust_anchor"),
        ["rolesanywhere", "import-crl", ..] => anywhere(clouds, call, &arguments, "aws_rolesanywhere_crl"),
        ["rolesanywhere", "create-profile", ..] => anywhere(clouds, call, &arguments, "aws_rolesanywhere_profile"),
        _ => {}
    }
}

/// `--cli-input-json file://…`: parameters in `CamelCase`; flags of the command line count more.
fn input_files(arguments: &mut Arguments, content: &dyn Content) {
    for path in arguments.all("cli-input-json").into_iter().chain(arguments.all("cli-input-yaml")) {
        let tree = match cut::strip_prefix(&path, "file://") {
            Some(path) => content.tree(&path),
            None => super::clouds::json_tree(&path),
        };
        let Some(tree) = tree else {
            arguments.open = true;
            continue;
        };
        for entry in tree.entries() {
            let Some(name) = entry.key.as_known() else { continue };
            let values = match &entry.value.kind {
                Kind::List { items, .. } => items.iter().filter_map(Value::as_text).collect(),
                _ => entry.value.as_text().into_iter().collect(),
            };
            arguments.flags.insert(0, (dashed(&name), values));
        }
    }
}

/// `RoleName` gives `role-name`.
fn dashed(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

fn remove(clouds: &mut Clouds, call: &Call, kind: &str, name: Option<&Text>) {
    if let Some(name) = name {
        clouds.remove(call, kind, &cut::key(name));
    }
}

fn create_role(clouds: &mut Clouds, call: &Call, arguments: &Arguments, content: &dyn Content) {
    let Some(name) = arguments.flag("role-name") else { return };
    let mut entries = vec![("name", value(name))];
    entries.extend(arguments.flag("assume-role-policy-document").map(|d| ("assume_role_policy", document(d, content))));
    entries.extend(arguments.flag("max-session-duration").map(|d| ("max_session_duration", value(d))));
    entries.extend(arguments.flag("path").map(|p| ("path", value(p))));
    clouds.create(call, New { kind: ROLE, key: cut::key(name), shown: format!("role {name}"), entries, open: arguments.open });
}

fn update_trust(clouds: &mut Clouds, call: &Call, arguments: &Arguments, content: &dyn Content) {
    let (Some(name), Some(trust)) = (arguments.flag("role-name"), arguments.flag("policy-document")) else { return };
    let entries = vec![("name", value(name)), ("assume_role_policy", document(trust, content))];
    clouds.update(call, New { kind: ROLE, key: cut::key(name), shown: format!("role {name}"), entries, open: false });
}

fn update_role(clouds: &mut Clouds, call: &Call, arguments: &Arguments) {
    let (Some(name), Some(duration)) = (arguments.flag("role-name"), arguments.flag("max-session-duration")) else { return };
    let key = cut::key(name);
    if clouds.setting(ROLE, &key, "name").is_some() {
        let entries = vec![("max_session_duration", value(duration))];
        clouds.update(call, New { kind: ROLE, key, shown: format!("role {name}"), entries, open: false });
    }
}

fn inline_policy(clouds: &mut Clouds, call: &Call, arguments: &Arguments, content: &dyn Content) {
    let (Some(role), Some(policy)) = (arguments.flag("role-name"), arguments.flag("policy-document")) else { return };
    let name = arguments.flag("policy-name");
    let entries = vec![("role", value(role)), ("policy", document(policy, content))];
    let key = attachment_key(Some(role), name);
    clouds.create(call, New { kind: "aws_iam_role_policy", key, shown: format!("policy of role {role}"), entries, open: false });
}

fn attachment_key(role: Option<&Text>, policy: Option<&Text>) -> String {
    format!("{}|{}", role.map(cut::key).unwrap_or_default(), policy.map(cut::key).unwrap_or_default())
}

fn attach(clouds: &mut Clouds, call: &Call, arguments: &Arguments) {
    let (Some(role), Some(policy)) = (arguments.flag("role-name"), arguments.flag("policy-arn")) else { return };
    let key = attachment_key(Some(role), Some(policy));
    let entries = vec![("role", value(role)), ("policy_arn", value(policy))];
    clouds.create(call, New { kind: ATTACHMENT, key, shown: format!("policy of role {role}"), entries, open: false });
}

fn managed_policy(clouds: &mut Clouds, call: &Call, arguments: &Arguments, content: &dyn Content) {
    let (Some(name), Some(policy)) = (arguments.flag("policy-name"), arguments.flag("policy-document")) else { return };
    let entries = vec![("name", value(name)), ("policy", document(policy, content))];
    clouds.create(call, New { kind: "aws_iam_policy", key: cut::key(name), shown: format!("policy {name}"), entries, open: false });
}

fn provider(clouds: &mut Clouds, call: &Call, arguments: &Arguments) {
    let Some(url) = arguments.flag("url") else { return };
    let clients = arguments.all("client-id-list");
    // Nothing is a list too: a provider without audiences takes no token until one is added.
    let list = if arguments.open { Value::new(Kind::List { items: Vec::new(), open: true }, None) } else { values(&clients) };
    let entries = vec![("url", value(url)), ("client_id_list", list)];
    let key = cut::key(&cut::without_scheme(url));
    clouds.create(call, New { kind: PROVIDER, key, shown: format!("OIDC provider {url}"), entries, open: arguments.open });
}

fn client(clouds: &mut Clouds, call: &Call, arguments: &Arguments) {
    let (Some(arn), Some(client)) = (arguments.flag("open-id-connect-provider-arn"), arguments.flag("client-id")) else { return };
    let Some((_, url)) = cut::split_once(arn, ":oidc-provider/") else { return };
    let key = cut::key(&url);
    let Some(Value { kind: Kind::List { mut items, open }, span, .. }) = clouds.setting(PROVIDER, &key, "client_id_list") else { return };
    items.push(value(client));
    let entries = vec![("client_id_list", Value::new(Kind::List { items, open: open || call.conditional }, span))];
    let always = Call { conditional: false, ..call.clone() };
    clouds.update(&always, New { kind: PROVIDER, key, shown: format!("OIDC provider {url}"), entries, open: false });
}

fn access_key(clouds: &mut Clouds, call: &Call, arguments: &Arguments) {
    let entries: Vec<_> = arguments.flag("user-name").map(|user| ("user", value(user))).into_iter().collect();
    let user = arguments.flag("user-name").map_or_else(|| "the caller".to_owned(), Text::to_string);
    let (key, shown) = (format!("{:?}", call.span), format!("key of {user}"));
    clouds.create(call, New { kind: "aws_iam_access_key", key, shown, entries, open: arguments.open });
}

/// `--roles authenticated=ARN,unauthenticated=ARN`
/// (<https://docs.aws.amazon.com/cli/latest/reference/cognito-identity/set-identity-pool-roles.html>).
fn pool_roles(clouds: &mut Clouds, call: &Call, arguments: &Arguments) {
    let mut roles = Vec::new();
    for given in arguments.all("roles") {
        let mut rest = Some(given);
        while let Some(text) = rest.take() {
            let (pair, more) = cut::split_once(&text, ",").map_or((text, None), |(pair, more)| (pair, Some(more)));
            if let Some((user, role)) = cut::split_once(&pair, "=") {
                roles.push(Entry { key: user, value: value(&role) });
            }
            rest = more;
        }
    }
    let mut entries = vec![("roles", Value::map(roles, call.span))];
    entries.extend(arguments.flag("identity-pool-id").map(|id| ("identity_pool_id", value(id))));
    let key = arguments.flag("identity-pool-id").map(cut::key).unwrap_or_default();
    let shown = "roles of an identity pool".to_owned();
    clouds.create(call, New { kind: "aws_cognito_identity_pool_roles_attachment", key, shown, entries, open: arguments.open });
}

fn association(clouds: &mut Clouds, call: &Call, arguments: &Arguments) {
    let mut entries = Vec::new();
    for (flag, name) in
        [("cluster-name", "cluster_name"), ("namespace", "namespace"), ("service-account", "service_account"), ("role-arn", "role_arn")]
    {
        entries.extend(arguments.flag(flag).map(|text| (name, value(text))));
    }
    let account = arguments.flag("service-account").map(Text::to_string).unwrap_or_default();
    let new = New {
        kind: "aws_eks_pod_identity_association",
        key: format!("{:?}", call.span),
        shown: format!("association of {account}"),
        entries,
        open: false,
    };
    if arguments.has("role-arn") {
        clouds.create(call, new);
    }
}

fn anywhere(clouds: &mut Clouds, call: &Call, arguments: &Arguments, kind: &str) {
    let Some(name) = arguments.flag("name") else { return };
    let mut entries = vec![("name", value(name))];
    let roles = arguments.all("role-arns");
    if !roles.is_empty() {
        entries.push(("role_arns", values(&roles)));
    }
    entries.extend(arguments.flag("duration-seconds").map(|d| ("duration_seconds", value(d))));
    let shown = format!("{} {name}", if kind.ends_with("profile") { "profile" } else { "trust anchor" });
    clouds.create(call, New { kind, key: cut::key(name), shown, entries, open: true });
}
