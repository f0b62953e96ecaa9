//! The HTML report: what is in it, that nothing of the checked tree is obeyed by a browser, and that it works in one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::browser::Browser;
use crate::support::{BAD, Folder, run, run_with};
use fedlint::report::html::render;
use fedlint::{Input, Request, check};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// What becomes markup or a script wherever it is not escaped.
const EVIL: &str = "</script><img src=x onerror=\"document.title='pwned'\"><!--'\"`&lt;\u{202e}\u{2066}\u{200f}";

const CSS: &str = include_str!("../../src/report/html/report.css");
const SCRIPT: &str = include_str!("../../src/report/html/report.js");

fn report(folder: &Folder) -> String {
    let out = run(folder, &["check", ".", "--exit-zero", "--output", "html=report.html"], None);
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    std::fs::read_to_string(folder.path().join("report.html")).unwrap()
}

/// A tree with the text in every place that the report speaks of.
fn evil() -> Folder {
    let folder = Folder::new();
    let quoted = Value::from(EVIL).to_string();
    let subject = Value::from(format!("repo:{EVIL}*")).to_string();
    let role = BAD
        .replace("\"bad\"", &quoted)
        .replace("Condition = {", &format!("Condition = {{ StringLike = {{ \"token.actions.githubusercontent.com:sub\" = {subject} }},"));
    let role = format!(
        "{role}\nresource \"aws_iam_role_policy_attachment\" \"a\" {{\n  role = aws_iam_role.open.name\n  policy_arn = {quoted}\n}}\n"
    );
    let named = EVIL.replace('/', "\u{2215}");
    folder.write(&format!("{named}.tf"), role.as_bytes());
    let policy = serde_json::json!({"Statement": [{
        "Effect": "Allow",
        "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringLike": {"token.actions.githubusercontent.com:sub": format!("repo:\u{0}{EVIL}*")}}
    }]});
    folder.write("policy.json", policy.to_string().as_bytes());
    folder.write("open.tf", BAD.replace("\"bad\"", "\"open\"").as_bytes());
    folder.write(&format!("broken{named}.json"), b"{\"AssumeRoleWithWebIdentity\": [}");
    let accepted = format!("# fedlint: ignore[missing-subject] {EVIL}\n{}", BAD.replace("\"bad\"", "\"accepted\""));
    folder.write("accepted.tf", accepted.as_bytes());
    let name = Value::from(EVIL);
    let account = format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n  namespace: {name}\n  annotations:\n    eks.amazonaws.com/role-arn: {name}\n"
    );
    folder.write("account.yaml", account.as_bytes());
    let provider = format!(
        "resource \"google_iam_workload_identity_pool_provider\" {quoted} {{\n  workload_identity_pool_id = {quoted}\n  workload_identity_pool_provider_id = \"p\"\n  attribute_mapping = {{ \"google.subject\" = {quoted} }}\n  attribute_condition = {quoted}\n  oidc {{\n    issuer_uri = {name}\n  }}\n}}\nresource \"google_service_account_iam_member\" \"m\" {{\n  service_account_id = {quoted}\n  role = \"roles/iam.workloadIdentityUser\"\n  member = {name}\n}}\nresource \"azuread_application_federated_identity_credential\" {quoted} {{\n  application_id = {name}\n  display_name = {name}\n  issuer = \"https://token.actions.githubusercontent.com\"\n  subject = {name}\n  audiences = [\"api://AzureADTokenExchange\"]\n}}\n"
    );
    folder.write("provider.tf", provider.as_bytes());
    folder
}

/// The markup of a page: its tags by name, with how many there are, read as a browser does where text is escaped.
fn tags(page: &str) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for rest in page.split('<').skip(1) {
        let name: String = rest.chars().take_while(|c| !c.is_whitespace() && *c != '>').collect();
        *out.entry(name).or_default() += 1;
    }
    out
}

#[test]
fn no_text_of_the_checked_tree_is_markup() {
    let page = report(&evil());
    let body = page.replace(CSS, "").replace(SCRIPT, "");
    let tags = tags(&body);
    assert!(!tags.keys().any(|tag| tag.starts_with("img") || tag.starts_with("!--")), "{tags:?}");
    assert_eq!((tags["script"], tags["/script"], tags["style"], tags["/style"]), (2, 2, 1, 1));
    assert!(!page.contains("onerror=\""), "an attribute");
    for c in ['\u{0}', '\u{202e}', '\u{2066}', '\u{200f}'] {
        assert!(!page.contains(c), "{c:?}");
    }
    assert!(body.matches("onerror").count() > 10, "the text is there, as text");
}

#[test]
fn the_page_asks_for_nothing_from_elsewhere() {
    let page = report(&evil());
    let policy = page.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let body = page.replace(CSS, "").replace(SCRIPT, "");
    for attribute in [" src=\"", " style=\"", " onclick", "<link", "<base", "<form action", "url(", "@import"] {
        assert!(!body.contains(attribute), "{attribute}");
    }
    assert!(!CSS.contains("url(") && !CSS.contains("@import"));
    for link in body.split(" href=\"").skip(1) {
        assert!(link.starts_with('#') || link.starts_with("https://github.com/fedlint/fedlint/"), "{}", &link[..60]);
    }
    for word in ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "fetch(", "XMLHttpRequest", "http:"] {
        assert!(!SCRIPT.replace("http://www.w3.org/2000/svg", "").contains(word), "{word}");
    }
}

/// The colours that a block of the style sheet sets.
fn palette(block: &str) -> BTreeMap<String, [f64; 3]> {
    let body = block.split('{').nth(1).unwrap().split('}').next().unwrap();
    let colours = body.split(';').filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
    let channel = |hex: &str, at: usize| {
        let c = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    colours.map(|(name, hex)| (name.to_owned(), [channel(hex, 0), channel(hex, 2), channel(hex, 4)])).collect()
}

/// <https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio>
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let light = |c: [f64; 3]| 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2] + 0.05;
    let (a, b) = (light(a), light(b));
    a.max(b) / a.min(b)
}

/// WCAG 2.2 AA, 1.4.3: text has a contrast of 4.5 to 1.
#[test]
fn every_text_can_be_read() {
    let light = CSS.strip_prefix(":root").unwrap();
    let dark = CSS.split(":root:not([data-theme=\"light\"])").nth(1).unwrap();
    let chosen = CSS.split(":root[data-theme=\"dark\"]").nth(1).unwrap();
    let paper = CSS.split(":root, :root[data-theme]").nth(1).unwrap();
    assert_eq!(palette(dark), palette(chosen));
    for block in [light, dark, paper] {
        let colours = palette(block);
        let mut pairs = vec![
            ("card", "ink"),
            ("card", "critical"),
            ("ink", "mark"),
            ("ink", "added"),
            ("ink", "removed"),
            ("soft", "added"),
            ("soft", "removed"),
        ];
        for ground in ["bg", "card", "sunk"] {
            for text in ["ink", "soft", "accent", "critical", "high", "medium", "low", "info", "good"] {
                pairs.push((text, ground));
            }
        }
        for (text, ground) in pairs {
            let Some((a, b)) = colours.get(text).zip(colours.get(ground).or(colours.get("card"))) else { panic!("{text} {ground}") };
            assert!(contrast(*a, *b) >= 4.5, "{text} on {ground}: {:.2}", contrast(*a, *b));
        }
    }
}

fn request(files: Vec<(String, String)>) -> Request {
    Request { input: Input::Memory(files), overview: true, ..Request::default() }
}

#[test]
fn the_report_grows_as_its_findings_do() {
    let mut run = check(&request(vec![("main.tf".to_owned(), BAD.to_owned())])).unwrap();
    let one = run.findings[0].clone();
    let mut size = |n: usize| {
        run.findings = vec![one.clone(); n];
        render(&run).len()
    };
    let (some, many) = (size(2_500) - size(0), size(5_000) - size(0));
    assert!(many < some * 21 / 10, "{some} {many}");
    assert!(many / 5_000 < 4_500, "{} bytes a finding", many / 5_000);
}

/// A repository with open, wide, right and dead trusts of three clouds, a workload and permissions.
fn estate() -> Folder {
    let folder = Folder::new();
    let subject = |name: &str, subject: &str| {
        BAD.replace("\"bad\"", &format!("\"{name}\"")).replace(
            "Condition = {",
            &format!("Condition = {{ StringLike = {{ \"token.actions.githubusercontent.com:sub\" = \"{subject}\" }},"),
        )
    };
    let roles = [
        BAD.replace("\"bad\"", "\"wide_open\""),
        subject("any_branch", "repo:tideworks/site:*"),
        subject("exact", "repo:tideworks/site:ref:refs/heads/main"),
        subject("nobody", "repo:tideworks/site:refs/heads/main"),
    ];
    let provider = "resource \"aws_iam_openid_connect_provider\" \"github\" {\n  url = \"https://token.actions.githubusercontent.com\"\n  client_id_list = [\"sts.amazonaws.com\"]\n}\n";
    let grant = "resource \"aws_iam_role_policy_attachment\" \"a\" {\n  role = aws_iam_role.exact.name\n  policy_arn = \"arn:aws:iam::aws:policy/ReadOnlyAccess\"\n}\n";
    let azure = "resource \"azuread_application_federated_identity_credential\" \"site\" {\n  application_id = \"/applications/x\"\n  display_name = \"site\"\n  issuer = \"https://token.actions.githubusercontent.com\"\n  subject = \"repo:tideworks/site:environment:live\"\n  audiences = [\"api://AzureADTokenExchange\"]\n}\n";
    let linked = roles.concat().replace(
        "\"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\"",
        "aws_iam_openid_connect_provider.github.arn",
    );
    folder.write("main.tf", [provider, &linked, grant, azure].concat().as_bytes());
    folder
}

/// The number of drawn nodes of a kind, of findings and of rows that are seen.
const SEEN: &str = "(() => { const seen = (s) => [...document.querySelectorAll(s)].filter((e) => !e.hidden && !e.closest('[hidden]')).length; \
    return { nodes: seen('.node'), identities: seen('.node.identity'), findings: seen('.finding'), rows: seen('#inventory-table tbody tr') }; })()";

#[test]
fn a_browser_searches_filters_and_sorts() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = estate();
    report(&folder);
    browser.open(&folder.path().join("report.html"));
    let whole = browser.get(SEEN);
    assert_eq!((&whole["identities"], &whole["rows"]), (&json!(5), &json!(5)), "{whole}");
    assert!(whole["findings"].as_u64().unwrap() >= 3, "{whole}");
    assert_eq!(browser.get("document.querySelectorAll('.node.permission').length"), 1);

    browser.get("document.getElementById('search').focus()");
    browser.write("any_branch");
    browser.wait("document.querySelectorAll('.node.identity').length === 1");
    let found = browser.get(SEEN);
    assert_eq!((&found["identities"], &found["rows"]), (&json!(1), &json!(1)), "{found}");
    browser.get("(() => { const s = document.getElementById('search'); s.value = ''; s.dispatchEvent(new Event('input')); })()");
    browser.wait("document.querySelectorAll('.node.identity').length === 5");

    let chip = |of: &str, value: &str| format!("document.querySelector('.chip[data-of={of}][data-value={value}]').click()");
    browser.get(&chip("admits", "nobody"));
    let dead = browser.get(SEEN);
    assert_eq!((&dead["identities"], &dead["rows"]), (&json!(1), &json!(1)), "{dead}");
    browser.get(&chip("admits", "nobody"));
    browser.get(&chip("system", "azure"));
    assert_eq!(browser.get(SEEN)["identities"], 1);
    browser.get(&chip("system", "azure"));
    browser.get(&chip("severity", "critical"));
    let critical = browser.get("[...document.querySelectorAll('.finding:not([hidden])')].every((f) => f.dataset.s === 'critical')");
    assert_eq!(critical, true);
    browser.get(&chip("severity", "critical"));
    assert_eq!(browser.get(SEEN), whole);

    browser.get("dispatchEvent(new Event('beforeprint'))");
    assert_eq!(browser.get("document.querySelectorAll('details:not([open])').length"), 0, "all is on paper");
    browser.get("dispatchEvent(new Event('afterprint'))");
    assert_eq!(browser.get(SEEN), whole);

    let first = "document.querySelector('#inventory-table tbody tr .name').textContent";
    browser.get("document.querySelector('.sort[data-column=\"0\"]').click()");
    let up = browser.get(first);
    browser.get("document.querySelector('.sort[data-column=\"0\"]').click()");
    assert_ne!(up, browser.get(first));
    assert_eq!(browser.get("document.querySelector('[aria-sort]').getAttribute('aria-sort')"), "descending");
    assert_eq!(browser.complaints, Vec::<Value>::new());
}

#[test]
fn a_browser_walks_by_keyboard() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = estate();
    report(&folder);
    browser.open(&folder.path().join("report.html"));
    browser.press("/", 191);
    assert_eq!(browser.get("document.activeElement.id"), "search");
    assert_eq!(browser.get("document.querySelectorAll('.node[tabindex=\"0\"]').length"), 1, "one stop of the tabulator");
    browser.get("document.querySelector('.node[tabindex=\"0\"]').focus()");
    let kind = "document.activeElement.getAttribute('aria-label').split(',')[0]";
    let mut walked = vec![browser.get(kind)];
    for _ in 0..3 {
        browser.press("ArrowRight", 39);
        walked.push(browser.get(kind));
    }
    assert_eq!(walked, ["issuer", "provider", "subject", "identity"]);
    let before = browser.get("document.activeElement.dataset.n");
    browser.press("ArrowDown", 40);
    assert_ne!(browser.get("document.activeElement.dataset.n"), before);
    assert_eq!(browser.get("getComputedStyle(document.activeElement.querySelector('rect')).strokeWidth"), "3px", "the focus is seen");
    browser.press("Enter", 13);
    assert_eq!(browser.get("document.getElementById('details').hidden"), false);
    assert_eq!(browser.get("document.activeElement.classList.contains('chosen')"), true);
    let told = browser.get("document.getElementById('details').textContent");
    assert!(told.as_str().is_some_and(|told| told.contains("aws_iam_role.") && told.contains("main.tf:")), "{told}");
    browser.press("Escape", 27);
    assert_eq!(browser.get("document.getElementById('details').hidden"), true);
    let unnamed = "[...document.querySelectorAll('button, input, [role=button]')].filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).length";
    assert_eq!(browser.get(unnamed), 0, "every control has a name");
    assert_eq!(browser.complaints, Vec::<Value>::new());
}

#[test]
fn a_browser_obeys_nothing_of_the_checked_tree() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = evil();
    report(&folder);
    browser.open(&folder.path().join("report.html"));
    browser.get("document.querySelectorAll('details').forEach((d) => { d.open = true; })");
    browser.get("document.getElementById('permissions').click()");
    let nodes = browser.get("document.querySelectorAll('.node').length").as_u64().unwrap();
    assert!(nodes > 5, "{nodes}");
    for at in 0..nodes {
        browser.get(&format!("document.querySelectorAll('.node')[{at}]?.dispatchEvent(new MouseEvent('click', {{ bubbles: true }}))"));
        browser.get("document.querySelector('#details .close')?.click()");
    }
    assert_eq!(browser.get("document.title"), "fedlint report");
    assert_eq!(browser.get("document.querySelectorAll('img, iframe, object, script[src]').length"), 0);
    assert_eq!(browser.get("[...document.querySelectorAll('*')].filter((e) => e.hasAttribute('onerror')).length"), 0);
    assert_eq!(browser.complaints, Vec::<Value>::new());
    // The policy holds: markup that got in all the same would run nothing.
    browser.get("(() => { const s = document.createElement('script'); s.append('x'); try { document.body.append(s); } catch {} })()");
    browser.wait("document.title === 'fedlint report'");
    assert!(!browser.complaints.is_empty(), "a script that is not ours is refused");
}

#[test]
fn a_browser_shows_a_part_of_a_large_estate() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = Folder::new();
    let mut run = check(&request(vec![("main.tf".to_owned(), std::fs::read_to_string(estate().path().join("main.tf")).unwrap())])).unwrap();
    let finding = run.findings[0].clone();
    run.findings = vec![finding; 5_000];
    let overview = run.overview.as_mut().unwrap();
    let (nodes, paths, entries) = (overview.nodes.clone(), overview.paths.clone(), overview.entries.clone());
    for copy in 1..1_000 {
        let offset = copy * nodes.len();
        overview.nodes.extend(nodes.iter().cloned());
        overview.entries.extend(entries.iter().cloned());
        overview.paths.extend(paths.iter().cloned().map(|mut path| {
            path.nodes.iter_mut().for_each(|node| *node += offset);
            path
        }));
    }
    assert!(overview.paths.len() >= 5_000);
    folder.write("report.html", render(&run).as_bytes());
    browser.open(&folder.path().join("report.html"));
    let seen = browser.get(SEEN);
    for (what, most) in [("nodes", 250), ("findings", 200), ("rows", 200)] {
        let n = seen[what].as_u64().unwrap();
        assert!((1..=most).contains(&n), "{what}: {seen}");
    }
    // All ways are there, in groups by whose tokens they take and who is admitted; a group is opened and left again.
    let groups = "[...document.querySelectorAll('.node.group .caption')].map((c) => c.textContent).join()";
    let whole = browser.get(groups);
    assert!(whole.as_str().unwrap().contains("1,000 ways") || whole.as_str().unwrap().contains("2,000 ways"), "{whole}");
    let status = browser.get("document.getElementById('graph-status').textContent");
    assert!(status.as_str().unwrap().starts_with("5,000 ways to an identity in all, in "), "{status}");
    browser.get("document.querySelector('.node.group').dispatchEvent(new MouseEvent('click', {bubbles: true}))");
    assert_eq!(browser.get(groups), "");
    let inside = browser.get(SEEN);
    assert!((1..=250).contains(&inside["nodes"].as_u64().unwrap()), "{inside}");
    browser.get("document.getElementById('graph-further').click()");
    assert!(browser.get(SEEN)["nodes"].as_u64() > inside["nodes"].as_u64());
    browser.get("document.getElementById('whole').click()");
    assert_eq!(browser.get(groups), whole);
    // What is chosen is shown with what leads to it, alone.
    browser.get("document.querySelectorAll('#inventory-table .name')[150].click()");
    assert!(browser.get(SEEN)["nodes"].as_u64().unwrap() < 20);
    assert_eq!(browser.complaints, Vec::<Value>::new());
}

/// At the width of a telephone nothing is cut off, and light and dark differ.
#[test]
fn a_browser_fits_the_page_to_its_window() {
    let Some(mut browser) = Browser::start() else { return };
    let folder = Folder::new();
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/repos/heronmere-faults");
    let to = format!("html={}", folder.path().join("report.html").display());
    run_with(&tree, &["check", ".", "--exit-zero", "--output", &to], None, &[]);
    for width in [360, 1280, 1600] {
        browser.call(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}),
        );
        browser.open(&folder.path().join("report.html"));
        browser.get("document.querySelectorAll('details').forEach((d) => { d.open = true; })");
        let wide = browser.get("document.documentElement.scrollWidth");
        assert!(wide.as_u64().unwrap() <= width, "{wide} at {width}");
    }
    let ground = "getComputedStyle(document.body).backgroundColor";
    let scheme = |value: &str| json!({"features": [{"name": "prefers-color-scheme", "value": value}]});
    browser.call("Emulation.setEmulatedMedia", scheme("light"));
    let light = browser.get(ground);
    browser.get("document.getElementById('theme').click()");
    let chosen = browser.get(ground);
    browser.call("Emulation.setEmulatedMedia", scheme("dark"));
    browser.get("delete document.documentElement.dataset.theme");
    let dark = browser.get(ground);
    assert_ne!(light, dark);
    assert_eq!(chosen, dark);
    assert_eq!(browser.complaints, Vec::<Value>::new());
}
