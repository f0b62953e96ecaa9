//! `spire-server` and `spire-agent`, also behind `kubectl exec`, `docker exec` and the like
//! (<https://github.com/spiffe/spire/blob/main/doc/spire_server.md#command-line-options>).

use super::call::{Arguments, Call, Field, Grammar};
use super::clouds::{Clouds, Content, entry, json_tree, value, values};
use crate::partial::{Entry, Kind, Text, Value, cut};
use crate::readers::spiffe::COMMAND;

const GRAMMAR: Grammar = Grammar { switches: &["node", "admin", "downstream", "storeSVID"], several: false, short: &[] };

/// One command: what stands behind the name of the program, wherever that is.
pub(super) fn command(clouds: &mut Clouds, call: &Call, content: &dyn Content) {
    let program = |field: &Field| field.known().and_then(|n| n.rsplit('/').next().map(str::to_owned));
    let mut found = call.fields.iter().enumerate().filter_map(|(at, field)| program(field).map(|name| (at, name)));
    // The last one is the program: before it stands who runs it (`kubectl exec … -c spire-server -- spire-server`).
    let last = found.rfind(|(_, name)| name == "spire-server" || name == "spire-agent");
    let Some((at, name)) = last else { return };
    let fields = call.fields.get(at + 1..).unwrap_or_default();
    let words: Vec<String> = fields.iter().take(2).map(|f| cut::flat(&f.text)).collect();
    match (name.as_str(), words.iter().map(String::as_str).collect::<Vec<_>>().as_slice()) {
        ("spire-server", ["entry", "create"]) => entry_create(clouds, call, fields.get(2..).unwrap_or_default(), content),
        ("spire-server", ["federation", "create"]) => federation(clouds, call, fields.get(2..).unwrap_or_default(), content),
        ("spire-agent", ["run", ..]) => agent(clouds, call, fields.get(1..).unwrap_or_default()),
        _ => {}
    }
}

/// A document that the reader of SPIFFE knows.
fn document(clouds: &mut Clouds, call: &Call, kind: &str, body: Entry) {
    let head = [entry("apiVersion", Value::string(COMMAND)), entry("kind", Value::string(kind))];
    clouds.document(call, Value::map(head.into_iter().chain([body]).collect(), call.span));
}

fn entry_create(clouds: &mut Clouds, call: &Call, fields: &[Field], content: &dyn Content) {
    let arguments = Arguments::read(fields, GRAMMAR);
    if let Some(data) = arguments.flag("data") {
        if let Some(tree) = given(data, call, content) {
            clouds.document(call, tree);
        }
        return;
    }
    let mut entries = Vec::new();
    let names = [("spiffeID", "spiffe_id"), ("parentID", "parent_id"), ("x509SVIDTTL", "x509_svid_ttl"), ("jwtSVIDTTL", "jwt_svid_ttl")];
    for (flag, name) in names {
        entries.extend(arguments.flag(flag).map(|text| entry(name, value(text))));
    }
    for (flag, name) in [("node", "node"), ("admin", "admin"), ("downstream", "downstream"), ("storeSVID", "store_svid")] {
        if arguments.has(flag) {
            let on = arguments.flag(flag).is_none_or(|v| v.is_str("true"));
            let at = place_of(fields, flag).or(call.span);
            let key = at.map_or_else(|| Text::known(name), |at| Text::literal(name, at));
            entries.push(Entry { key, value: Value::new(Kind::Bool(on), at) });
        }
    }
    let selectors = arguments.all("selector");
    entries.push(entry("selectors", with_open(values(&selectors), arguments.open)));
    entries.push(entry("federates_with", with_open(values(&arguments.all("federatesWith")), arguments.open)));
    let spec = Value::new(Kind::Map { entries, open: arguments.open }, call.span);
    document(clouds, call, "Entry", entry("spec", spec));
}

fn with_open(mut list: Value, more: bool) -> Value {
    if let Kind::List { open, .. } = &mut list.kind {
        *open |= more;
    }
    list
}

fn place_of(fields: &[Field], flag: &str) -> Option<crate::place::Span> {
    fields.iter().find(|f| cut::flat(&f.text).trim_start_matches('-').split('=').next() == Some(flag)).and_then(|f| f.text.span())
}

/// What `-data` names: a file, or what the command is given to read.
fn given(data: &Text, call: &Call, content: &dyn Content) -> Option<Value> {
    if data.is_str("-") {
        return call.input.as_ref().and_then(json_tree);
    }
    content.tree(data)
}

fn federation(clouds: &mut Clouds, call: &Call, fields: &[Field], content: &dyn Content) {
    let arguments = Arguments::read(fields, GRAMMAR);
    if let Some(data) = arguments.flag("data") {
        // `{"federationRelationships": [...]}`; the names of the fields differ from those of the flags.
        let tree = given(data, call, content);
        let all = tree.as_ref().and_then(|t| t.get("federationRelationships").or_else(|| t.get("federation_relationships")));
        for one in all.map(Value::items).unwrap_or_default() {
            let pick = |names: [&str; 2]| names.iter().find_map(|n| one.get(n)).cloned().unwrap_or_else(Value::null);
            let fields = vec![
                entry("trustDomain", pick(["trustDomain", "trust_domain"])),
                entry("url", pick(["bundleEndpointURL", "bundle_endpoint_url"])),
                entry("profile", pick(["bundleEndpointProfile", "bundle_endpoint_profile"])),
                entry("endpointId", pick(["endpointSPIFFEID", "endpoint_spiffe_id"])),
            ];
            document(clouds, call, "Federation", entry("spec", Value::map(fields, one.span.or(call.span))));
        }
        return;
    }
    let names = [
        ("trustDomain", "trustDomain"),
        ("bundleEndpointURL", "url"),
        ("bundleEndpointProfile", "profile"),
        ("endpointSpiffeID", "endpointId"),
    ];
    let entries = names.into_iter().filter_map(|(flag, name)| arguments.flag(flag).map(|text| entry(name, value(text)))).collect();
    let spec = Value::new(Kind::Map { entries, open: arguments.open }, call.span);
    document(clouds, call, "Federation", entry("spec", spec));
}

fn agent(clouds: &mut Clouds, call: &Call, fields: &[Field]) {
    let texts: Vec<Text> = fields.iter().filter(|f| !f.open).map(|f| f.text.clone()).collect();
    document(clouds, call, "Agent", entry("arguments", values(&texts)));
}
