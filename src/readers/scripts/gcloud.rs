//! `gcloud` (<https://cloud.google.com/sdk/gcloud/reference/iam/workload-identity-pools>).

use super::call::{Arguments, Call, Grammar};
use super::clouds::{Clouds, Content, New, entry, value, values};
use crate::partial::cut::{self, HOLE};
use crate::partial::{Entry, Kind, Text, Value};

const GRAMMAR: Grammar = Grammar {
    switches: &[
        "quiet",
        "q",
        "async",
        "disabled",
        "aws",
        "azure",
        "enable-imdsv2",
        "all",
        "enable-autoscaling",
        "enable-autorepair",
        "enable-autoupgrade",
        "enable-ip-alias",
        "enable-private-nodes",
        "preemptible",
        "spot",
        "shielded-secure-boot",
        "force",
        "verbose",
    ],
    several: false,
    short: &[("-q", "quiet")],
};

const POOL: &str = "google_iam_workload_identity_pool";
const PROVIDER: &str = "google_iam_workload_identity_pool_provider";

/// One command.
pub(super) fn command(clouds: &mut Clouds, call: &Call, content: &dyn Content) {
    let mut arguments = Arguments::read(call.fields.get(1..).unwrap_or_default(), GRAMMAR);
    let unread = flags_files(&mut arguments, content);
    if !run(clouds, call, &arguments, content) && arguments.take_operand() {
        arguments.open |= unread;
        run(clouds, call, &arguments, content);
    }
}

/// One command with these arguments; false when it is none that is read, or lacks its operand.
fn run(clouds: &mut Clouds, call: &Call, arguments: &Arguments, content: &dyn Content) -> bool {
    let words: Vec<String> = arguments.positional.iter().map(cut::flat).collect();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut names = arguments.positional.clone();
    if matches!(words.first(), Some(&("beta" | "alpha"))) {
        words.remove(0);
        names.remove(0);
    }
    match words.as_slice() {
        ["iam", "workload-identity-pools", "providers", how, _] => provider(clouds, call, arguments, how, names.get(4)),
        ["iam", "workload-identity-pools", "create-cred-config", _] => credentials(clouds, call, arguments, names.get(3)),
        ["iam", "workload-identity-pools", how, _] if *how != "providers" => pool(clouds, call, arguments, how, names.get(3)),
        ["iam", "service-accounts", "create", _] => service_account(clouds, call, arguments, names.get(3)),
        ["iam", "service-accounts", "keys", "create", _] => account_key(clouds, call, arguments, names.get(4)),
        ["container", "clusters", "create" | "create-auto" | "update", _] => cluster(clouds, call, arguments, &words, names.get(3)),
        ["container", "node-pools", "create" | "update", _] => node_pool(clouds, call, arguments, &words, names.get(3)),
        ["services", "enable", ..] => services(clouds, call, arguments, names.get(2..).unwrap_or_default()),
        [group @ .., "add-iam-policy-binding", _] => bind(clouds, call, arguments, (group, names.last()), content),
        [group @ .., "remove-iam-policy-binding", _] => unbind(clouds, call, arguments, (group, names.last())),
        [group @ .., "set-iam-policy", _, _] => policy(clouds, call, group, &names, content),
        _ => return false,
    }
    true
}

/// `gcloud services enable`: one resource for each API.
fn services(clouds: &mut Clouds, call: &Call, arguments: &Arguments, apis: &[Text]) {
    for api in apis {
        let mut entries = vec![("service", value(api))];
        entries.extend(arguments.flag("project").map(|p| ("project", value(p))));
        let shown = format!("API {api}");
        clouds.create(call, New { kind: "google_project_service", key: cut::key(api), shown, entries, open: arguments.open });
    }
}

/// `--flags-file`: a YAML or JSON map of flags (<https://cloud.google.com/sdk/gcloud/reference/topic/flags-file>).
/// Whether one of them is not read.
fn flags_files(arguments: &mut Arguments, content: &dyn Content) -> bool {
    let mut unread = false;
    for path in arguments.all("flags-file") {
        let Some(tree) = content.tree(&path) else {
            arguments.open = true;
            unread = true;
            continue;
        };
        let maps: Vec<&Value> = if let Kind::List { items, .. } = &tree.kind { items.iter().collect() } else { vec![&tree] };
        for entry in maps.into_iter().flat_map(Value::entries) {
            let Some(name) = entry.key.as_known() else { continue };
            arguments.add(name.trim_start_matches('-').to_owned(), flag_values(&entry.value));
        }
    }
    unread
}

/// The value of a flag in a file, as the command line would have it.
fn flag_values(value: &Value) -> Vec<Text> {
    match &value.kind {
        Kind::Map { entries, .. } => {
            let mut out = Text::known(format!("^{DELIMITER}^"));
            for (at, entry) in entries.iter().enumerate() {
                if at > 0 {
                    out.push(&Text::known(DELIMITER));
                }
                out.push(&entry.key);
                out.push(&Text::known("="));
                out.push(&entry.value.as_text().unwrap_or_default());
            }
            vec![out]
        }
        Kind::List { items, .. } => {
            let mut out = Text::known(format!("^{DELIMITER}^"));
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(&Text::known(DELIMITER));
                }
                out.push(&item.as_text().unwrap_or_default());
            }
            vec![out]
        }
        _ => value.as_text().into_iter().collect(),
    }
}

/// A delimiter that no value holds.
const DELIMITER: &str = "\u{1}";

/// The items of a list flag: split at commas, or at the delimiter of `^;^`
/// (<https://cloud.google.com/sdk/gcloud/reference/topic/escaping>).
fn items(text: &Text) -> Vec<Text> {
    let flat = cut::flat(text);
    let custom = flat.strip_prefix('^').and_then(|rest| rest.split_once('^')).filter(|(d, _)| !d.is_empty());
    let (delimiter, mut rest) = match custom {
        Some((delimiter, _)) => (delimiter.to_owned(), cut::slice(text, delimiter.len() + 2..flat.len())),
        None => (",".to_owned(), text.clone()),
    };
    let mut out = Vec::new();
    while let Some((before, after)) = cut::split_once(&rest, &delimiter) {
        out.push(before);
        rest = after;
    }
    out.push(rest);
    out
}

/// `key=value,…` as a map.
fn pairs(text: &Text) -> Value {
    if let Some(atom) = cut::only_atom(text) {
        return Value::unknown(atom.clone(), text.span());
    }
    let mut entries: Vec<Entry> = Vec::new();
    let mut open = false;
    for item in items(text) {
        match cut::split_once(&item, "=") {
            Some((key, expression)) => {
                let text = Value::new(Kind::Text(expression), item.span());
                entries.push(Entry { key, value: text });
            }
            None if cut::flat(&item).contains(HOLE) => open = true,
            None if cut::is_empty(&item) => {}
            // A comma inside of an expression: gcloud refuses it, the meaning is plain.
            None => {
                if let Some(Value { kind: Kind::Text(before), .. }) = entries.last_mut().map(|e| &mut e.value) {
                    before.push(&Text::known(","));
                    before.push(&item);
                }
            }
        }
    }
    Value::new(Kind::Map { entries, open }, text.span())
}

fn key(texts: &[Option<&Text>]) -> String {
    texts.iter().map(|t| t.map(cut::key).unwrap_or_default()).collect::<Vec<_>>().join("|")
}

fn optional(entries: &mut Vec<(&'static str, Value)>, name: &'static str, text: Option<&Text>) {
    entries.extend(text.map(|t| (name, value(t))));
}

/// A full resource name ends with the id.
fn last_segment(text: &Text) -> Text {
    cut::rsplit_once(text, "/").map_or_else(|| text.clone(), |(_, id)| id)
}

fn pool(clouds: &mut Clouds, call: &Call, arguments: &Arguments, how: &str, name: Option<&Text>) {
    let Some(name) = name.map(last_segment) else { return };
    let project = arguments.flag("project");
    let id = key(&[Some(&name), project]);
    if how == "delete" {
        clouds.remove(call, POOL, &id);
        return;
    }
    if how != "create" && how != "update" {
        return;
    }
    let mut entries = vec![("workload_identity_pool_id", value(&name))];
    optional(&mut entries, "project", project);
    optional(&mut entries, "location", arguments.flag("location"));
    entries.extend(disabled(arguments));
    let new = New { kind: POOL, key: id, shown: format!("pool {name}"), entries, open: arguments.open };
    if how == "create" {
        clouds.create(call, new);
    } else {
        clouds.update(call, new);
    }
}

fn disabled(arguments: &Arguments) -> Option<(&'static str, Value)> {
    let given = arguments.flag("disabled").map(value);
    if arguments.has("no-disabled") {
        return Some(("disabled", Value::new(Kind::Bool(false), None)));
    }
    arguments.has("disabled").then(|| ("disabled", given.unwrap_or_else(|| Value::new(Kind::Bool(true), None))))
}

fn provider(clouds: &mut Clouds, call: &Call, arguments: &Arguments, how: &str, name: Option<&Text>) {
    let Some(name) = name.map(last_segment) else { return };
    let (project, pool) = (arguments.flag("project"), arguments.flag("workload-identity-pool").map(last_segment));
    let id = key(&[Some(&name), pool.as_ref(), project]);
    if how == "delete" {
        clouds.remove(call, PROVIDER, &id);
        return;
    }
    let Some((verb, source)) = how.split_once('-').filter(|(verb, _)| *verb == "create" || *verb == "update") else { return };
    let mut entries = vec![("workload_identity_pool_provider_id", value(&name))];
    optional(&mut entries, "workload_identity_pool_id", pool.as_ref());
    optional(&mut entries, "project", project);
    optional(&mut entries, "location", arguments.flag("location"));
    optional(&mut entries, "attribute_condition", arguments.flag("attribute-condition"));
    entries.extend(arguments.flag("attribute-mapping").map(|mapping| ("attribute_mapping", pairs(mapping))));
    entries.extend(disabled(arguments));
    entries.extend(self::source(call, arguments, source, verb == "create"));
    let new = New { kind: PROVIDER, key: id, shown: format!("provider {name}"), entries, open: arguments.open };
    if verb == "create" {
        clouds.create(call, new);
    } else {
        clouds.update(call, new);
    }
}

/// Whose tokens the provider takes.
fn source(call: &Call, arguments: &Arguments, kind: &str, whole: bool) -> Option<(&'static str, Value)> {
    let mut settings = Vec::new();
    let name = match kind {
        "oidc" => {
            settings.extend(arguments.flag("issuer-uri").map(|issuer| entry("issuer_uri", value(issuer))));
            if let Some(audiences) = arguments.flag("allowed-audiences") {
                let list = match cut::only_atom(audiences) {
                    Some(_) => value(audiences),
                    None => values(&items(audiences)),
                };
                settings.push(entry("allowed_audiences", list));
            }
            settings.extend(arguments.flag("jwk-json-path").map(|path| entry("jwks_json_path", value(path))));
            "oidc"
        }
        "aws" => {
            settings.extend(arguments.flag("account-id").map(|account| entry("account_id", value(account))));
            "aws"
        }
        "saml" => "saml",
        "x509" => "x509",
        _ => return None,
    };
    if settings.is_empty() && !whole {
        return None;
    }
    let map = Value::new(Kind::Map { entries: settings, open: false }, call.span);
    Some((name, Value::list(vec![map], call.span)))
}

fn service_account(clouds: &mut Clouds, call: &Call, arguments: &Arguments, name: Option<&Text>) {
    let Some(name) = name else { return };
    let mut entries = vec![("account_id", value(name))];
    optional(&mut entries, "project", arguments.flag("project"));
    let key = key(&[Some(name), arguments.flag("project")]);
    clouds.create(call, New { kind: "google_service_account", key, shown: format!("service account {name}"), entries, open: false });
}

fn block(entries: Vec<Entry>) -> Value {
    Value::list(vec![Value::map(entries, None)], None)
}

fn cluster(clouds: &mut Clouds, call: &Call, arguments: &Arguments, words: &[&str], name: Option<&Text>) {
    let Some(name) = name else { return };
    let kind = "google_container_cluster";
    let mut entries = vec![("name", value(name))];
    optional(&mut entries, "project", arguments.flag("project"));
    if let Some(pool) = arguments.flag("workload-pool") {
        entries.push(("workload_identity_config", block(vec![entry("workload_pool", value(pool))])));
    }
    if words.get(2) == Some(&"create-auto") {
        entries.push(("enable_autopilot", Value::new(Kind::Bool(true), None)));
    }
    if let Some(mode) = arguments.flag("workload-metadata") {
        entries.push(("node_config", block(vec![entry("workload_metadata_config", block(vec![entry("mode", value(mode))]))])));
    }
    let key = key(&[Some(name), arguments.flag("project")]);
    let new = New { kind, key, shown: format!("cluster {name}"), entries, open: arguments.open };
    if words.get(2) == Some(&"update") { clouds.update(call, new) } else { clouds.create(call, new) }
}

fn node_pool(clouds: &mut Clouds, call: &Call, arguments: &Arguments, words: &[&str], name: Option<&Text>) {
    let Some(name) = name else { return };
    let kind = "google_container_node_pool";
    let mut entries = vec![("name", value(name))];
    optional(&mut entries, "cluster", arguments.flag("cluster"));
    optional(&mut entries, "project", arguments.flag("project"));
    if let Some(mode) = arguments.flag("workload-metadata") {
        entries.push(("node_config", block(vec![entry("workload_metadata_config", block(vec![entry("mode", value(mode))]))])));
    }
    let key = key(&[Some(name), arguments.flag("cluster")]);
    let new = New { kind, key, shown: format!("node pool {name}"), entries, open: arguments.open };
    if words.get(2) == Some(&"update") { clouds.update(call, new) } else { clouds.create(call, new) }
}

/// The type that Terraform has for the members of what a group of commands is about, and what names it there.
fn family(group: &[&str]) -> (String, &'static str) {
    match group {
        ["iam", "service-accounts"] => ("google_service_account".to_owned(), "service_account_id"),
        ["projects"] => ("google_project".to_owned(), "project"),
        ["organizations"] => ("google_organization".to_owned(), "org_id"),
        ["resource-manager", "folders"] => ("google_folder".to_owned(), "folder"),
        ["storage", "buckets"] => ("google_storage_bucket".to_owned(), "bucket"),
        ["secrets"] => ("google_secret_manager_secret".to_owned(), "secret_id"),
        ["artifacts", "repositories"] => ("google_artifact_registry_repository".to_owned(), "repository"),
        other => (format!("google_{}", other.join("_").replace('-', "_")), "name"),
    }
}

/// What a binding is, so that the same one is found again.
fn binding_key(target: &Text, arguments: &Arguments) -> String {
    key(&[Some(target), arguments.flag("role"), arguments.flag("member")])
}

fn unbind(clouds: &mut Clouds, call: &Call, arguments: &Arguments, (group, target): (&[&str], Option<&Text>)) {
    let Some(target) = target else { return };
    let (family, _) = family(group);
    clouds.remove(call, &format!("{family}_iam_member"), &binding_key(target, arguments));
}

fn bind(clouds: &mut Clouds, call: &Call, arguments: &Arguments, (group, target): (&[&str], Option<&Text>), content: &dyn Content) {
    let Some(target) = target else { return };
    let (family, names) = family(group);
    let kind = format!("{family}_iam_member");
    let (role, member) = (arguments.flag("role"), arguments.flag("member"));
    let id = binding_key(target, arguments);
    let mut entries = vec![(names, value(target))];
    optional(&mut entries, "role", role);
    optional(&mut entries, "member", member);
    if let Some(condition) = arguments.flag("condition").filter(|c| !c.is_str("None") && !cut::is_empty(c)) {
        entries.push(("condition", block(expression(condition))));
    } else if let Some(path) = arguments.flag("condition-from-file") {
        let tree = content.tree(path);
        let read = tree.as_ref().and_then(|tree| tree.get("expression")).cloned();
        entries.push(("condition", block(vec![entry("expression", read.unwrap_or_else(|| value(path)))])));
    }
    clouds.create(call, New { kind: &kind, key: id, shown: format!("binding on {target}"), entries, open: false });
}

/// `expression=…,title=…,description=…`
/// (<https://cloud.google.com/sdk/gcloud/reference/iam/service-accounts/add-iam-policy-binding#--condition>).
fn expression(condition: &Text) -> Vec<Entry> {
    let settings = pairs(condition);
    match settings.get("expression") {
        Some(expression) => vec![entry("expression", expression.clone())],
        None => vec![entry("expression", value(condition))],
    }
}

fn policy(clouds: &mut Clouds, call: &Call, group: &[&str], names: &[Text], content: &dyn Content) {
    let [.., target, path] = names else { return };
    let (family, name) = family(group);
    let Some(tree) = content.tree(path) else {
        clouds.undecided(path.span(), format!("the policy in `{path}` is not in the scan"));
        return;
    };
    // What stood in the policy before is gone, unless it was read back.
    clouds.replace(call, &format!("{family}_iam_member"), name, target);
    let entries = vec![(name, value(target)), ("policy_data", tree)];
    let kind = format!("{family}_iam_policy");
    clouds.create(call, New { kind: &kind, key: cut::key(target), shown: format!("policy of {target}"), entries, open: false });
}

/// A key of a service account, in a file.
fn account_key(clouds: &mut Clouds, call: &Call, arguments: &Arguments, file: Option<&Text>) {
    let entries: Vec<_> = arguments.flag("iam-account").map(|account| ("service_account_id", value(account))).into_iter().collect();
    let account = arguments.flag("iam-account").map_or_else(|| "a service account".to_owned(), Text::to_string);
    let (key, shown) = (key(&[arguments.flag("iam-account"), file]), format!("key of {account}"));
    clouds.create(call, New { kind: "google_service_account_key", key, shown, entries, open: arguments.open });
}

/// What a configuration for AWS asks the instance for (<https://google.aip.dev/auth/4117>).
fn instance(call: &Call, arguments: &Arguments) -> Value {
    const METADATA: &str = "http://169.254.169.254/latest";
    let text =
        |text: String| Value::new(Kind::Text(call.span.map_or_else(|| Text::known(&text), |span| Text::literal(&text, span))), call.span);
    let mut entries = vec![
        entry("environment_id", text("aws1".to_owned())),
        entry("region_url", text(format!("{METADATA}/meta-data/placement/availability-zone"))),
        entry("url", text(format!("{METADATA}/meta-data/iam/security-credentials"))),
        entry(
            "regional_cred_verification_url",
            text("https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15".to_owned()),
        ),
    ];
    if arguments.has("enable-imdsv2") {
        entries.push(entry("imdsv2_session_token_url", text(format!("{METADATA}/api/token"))));
    }
    Value::map(entries, call.span)
}

/// The file that `create-cred-config` writes (<https://google.aip.dev/auth/4117>).
fn credentials(clouds: &mut Clouds, call: &Call, arguments: &Arguments, audience: Option<&Text>) {
    let Some(audience) = audience else { return };
    let mut name = Text::known("//iam.googleapis.com/");
    name.push(audience);
    let at = audience.span();
    let mut entries = vec![
        entry("type", Value::string("external_account")),
        entry("audience", Value::new(Kind::Text(name), at)),
        entry("token_url", Value::string("https://sts.googleapis.com/v1/token")),
    ];
    if let Some(account) = arguments.flag("service-account") {
        let mut url = Text::known("https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/");
        url.push(account);
        url.push(&Text::known(":generateAccessToken"));
        entries.push(entry("service_account_impersonation_url", Value::new(Kind::Text(url), account.span())));
    }
    if arguments.has("aws") {
        entries.push(entry("subject_token_type", Value::string("urn:ietf:params:aws:token-type:aws4_request")));
        entries.push(entry("credential_source", instance(call, arguments)));
    }
    clouds.document(call, Value::map(entries, call.span));
}
