//! The registry: every known issuer, read once from the files in `registry/`.

use super::expand;
use super::schema::{ClaimFacts, ClaimSource, File, Host, Issuer, IssuerSource, RegistryError, Sees, Slash, Source};
use super::{ClaimPart, Recognised, Role, StandsFor, Template};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, OnceLock};

include!(concat!(env!("OUT_DIR"), "/registry_files.rs"));

/// Issuers by id, in the order of their definition.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    issuers: Vec<Entry>,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) issuer: Issuer,
    pattern: OnceLock<Option<Pattern>>,
    /// The users' own: asked when nobody else knows a URL.
    pub(super) own: bool,
}

/// Most issuers of one file of the users.
const MAX_OWN: usize = 200;

/// A compiled [`Host::pattern`].
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) regex: Regex,
    pub(super) except: Option<Regex>,
}

/// The issuers that fedlint knows.
#[must_use]
pub fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(|| {
        let mut registry = Registry::default();
        for (_, json) in FILES {
            // a test loads every file and fails on the first error; a file that does not load is left out here
            let _ = Registry::written(json).and_then(|file| registry.add(file, false));
        }
        registry
    });
    &REGISTRY
}

impl Registry {
    /// This registry and the issuers of one more file: users add their own in the configuration. They are asked when nobody else
    /// knows a URL, and stand for nothing but their hosts: what is known of a shared issuer is not for a checked tree to say.
    ///
    /// # Errors
    /// The file is not of the form, an id or a host is taken, or a template, alphabet or pattern is faulty.
    pub fn with_extra(&self, yaml: &str) -> Result<Self, RegistryError> {
        let file: File = serde_saphyr::from_str(yaml).map_err(|e| RegistryError::Form(first_line(&e.to_string())))?;
        if file.issuers.len() > MAX_OWN {
            return Err(RegistryError::Form(format!("more than {MAX_OWN} issuers")));
        }
        for source in &file.issuers {
            let wrong = |why: String| RegistryError::Issuer { id: source.id.clone(), why };
            if source.stands_for.is_some() || source.subject_prefix.is_some() || source.google_issuer.is_some() {
                return Err(wrong(
                    "an issuer of your own stands for its hosts alone: leave out `stands_for`, `subject_prefix` and `google_issuer`"
                        .to_owned(),
                ));
            }
            let host = source.host.as_ref().ok_or_else(|| wrong("`host` is missing: how its URL looks".to_owned()))?;
            if let Some(known) = host.exact.iter().find_map(|url| self.recognise(url)) {
                return Err(wrong(format!(
                    "`{}` is the issuer of {}, which is known without being told",
                    known.host_path, known.issuer.name
                )));
            }
        }
        let mut registry = self.clone();
        let before = registry.issuers.len();
        registry.add(file, true)?;
        for entry in registry.issuers.iter_mut().skip(before) {
            entry.own = true;
            entry.issuer.host.begins.clear();
        }
        Ok(registry)
    }

    /// This registry and issuers of one's own, by their URLs: their tokens are like those of an unknown issuer, but the team's.
    ///
    /// # Errors
    /// The URL is not one of an issuer, or the registry knows whose it is.
    pub fn owning(&self, urls: &[String]) -> Result<Self, RegistryError> {
        let mut registry = self.clone();
        for url in urls {
            let wrong = |why: &str| RegistryError::Issuer { id: url.clone(), why: why.to_owned() };
            let Some(bare) = super::recognise::bare_host_path(url) else { return Err(wrong("not the URL of an issuer")) };
            if let Some(known) = self.recognise(url) {
                return Err(wrong(&format!("the issuer of {}, which is known without being told", known.issuer.name)));
            }
            let Some(unknown) = self.issuers().find(|i| i.stands_for == Some(StandsFor::Unknown)) else { continue };
            let mut issuer = unknown.clone();
            issuer.id = format!("own {bare}");
            issuer.name = bare.clone();
            issuer.tenancy = super::Tenancy::Own;
            issuer.stands_for = None;
            issuer.host.exact = vec![bare];
            registry.issuers.push(Entry { issuer, pattern: OnceLock::new(), own: false });
        }
        Ok(registry)
    }

    /// Checking compiles every alphabet: too slow for the start of each run, and tests check the embedded files.
    pub(super) fn add(&mut self, file: File, checked: bool) -> Result<(), RegistryError> {
        for source in file.issuers {
            if self.by_id(&source.id).is_some() {
                return Err(RegistryError::Duplicate(source.id));
            }
            let base = match &source.like {
                None => None,
                Some(like) => match self.by_id(like) {
                    Some(base) => Some(base.clone()),
                    None => return Err(RegistryError::Like { id: source.id.clone(), like: like.clone() }),
                },
            };
            let id = source.id.clone();
            let entry = entry(source, base, checked).map_err(|why| RegistryError::Issuer { id, why })?;
            self.issuers.push(entry);
        }
        Ok(())
    }

    /// A file of the registry, which the build has made JSON of.
    pub(super) fn written(json: &str) -> Result<File, RegistryError> {
        serde_json::from_str(json).map_err(|e| RegistryError::Form(first_line(&e.to_string())))
    }

    /// The issuer with this id.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Issuer> {
        self.issuers().find(|i| i.id == id)
    }

    /// Every issuer, in the order of definition.
    pub fn issuers(&self) -> impl Iterator<Item = &Issuer> {
        self.issuers.iter().map(|e| &e.issuer)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.issuers
    }

    /// The issuer as a workload identity pool of Google Cloud meets it: there it can be another one's.
    #[must_use]
    pub fn as_google_sees<'r>(&'r self, recognised: Recognised<'r>) -> Recognised<'r> {
        let other = recognised.issuer.google_issuer.as_deref().and_then(|id| self.as_issuer(id, &recognised.host_path));
        other.unwrap_or(recognised)
    }

    /// The principals of AWS accounts as a trust policy meets them: no URL and no JWT, but condition keys.
    #[must_use]
    pub fn aws_principals(&self) -> Option<Recognised<'_>> {
        self.as_issuer("aws-principal", "")
    }

    /// AWS as Google Cloud sees it: no URL and no JWT, but `arn`, `account` and `userid`.
    #[must_use]
    pub fn aws(&self) -> Option<Recognised<'_>> {
        self.standing_for(StandsFor::AwsCallers, "")
    }

    /// This URL as the issuer that stands for all of a kind. None only when the registry has none.
    #[must_use]
    pub fn standing_for(&self, kind: StandsFor, url: &str) -> Option<Recognised<'_>> {
        let issuer = self.issuers().find(|i| i.stands_for == Some(kind))?;
        self.as_issuer(&issuer.id, url)
    }

    /// The issuer whose URLs begin so, when only the beginning of the URL is known.
    #[must_use]
    pub fn by_url_prefix(&self, prefix: &str) -> Option<&Issuer> {
        self.issuers().find(|i| i.host.begins.iter().any(|head| prefix.starts_with(head.as_str())))
    }

    /// The issuer that subjects with this beginning are taken for where the URL does not tell.
    #[must_use]
    pub fn by_subject_prefix(&self, subject: &str) -> Option<&Issuer> {
        self.issuers().find(|i| i.subject_prefix.as_deref().is_some_and(|head| subject.starts_with(head)))
    }

    /// Texts that an unknown of a policy may stand for, with `{word}` for a name: what the issuers' policies are
    /// parametrised with.
    pub fn shapes(&self) -> impl Iterator<Item = &str> {
        self.issuers().flat_map(|i| i.shapes.iter().map(String::as_str))
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn entry(source: IssuerSource, base: Option<Issuer>, checked: bool) -> Result<Entry, String> {
    let issuer = merge(source, base);
    let entry = Entry { issuer, pattern: OnceLock::new(), own: false };
    if checked {
        compile(&entry.issuer.host)?;
        check(&samples(&entry.issuer)?)?;
    }
    Ok(entry)
}

fn merge(own: IssuerSource, base: Option<Issuer>) -> Issuer {
    let inherits = base.is_some();
    let mut issuer = base.unwrap_or_else(|| Issuer {
        id: String::new(),
        name: String::new(),
        reference: None,
        tenancy: super::Tenancy::Unknown,
        slash: Slash::Forbidden,
        binds: Vec::new(),
        aws_required: None,
        aws_claims: Vec::new(),
        aws_default_claims: true,
        session_tags: super::SessionTags::Any,
        google_claims: Sees::All,
        entra: None,
        audiences: BTreeMap::new(),
        google_issuer: None,
        family: None,
        traits: BTreeSet::new(),
        stands_for: None,
        subject_prefix: None,
        shapes: Vec::new(),
        condition: None,
        checked: None,
        retires: None,
        customised: None,
        facts: OnceLock::new(),
        overrides: BTreeMap::new(),
        host: Host::default(),
        source: Source::default(),
        expanded: super::memo::Memo::default(),
    });
    if inherits {
        // what AWS and Entra do is a matter of the very issuer
        issuer.aws_required = None;
        issuer.entra = None;
        issuer.google_issuer = None;
        issuer.facts = OnceLock::new();
        issuer.stands_for = None;
        issuer.subject_prefix = None;
        issuer.shapes = Vec::new();
    }
    issuer.overrides.extend(own.claims);
    issuer.id = own.id;
    issuer.name = own.name.unwrap_or(issuer.name);
    issuer.reference = own.reference.or(issuer.reference);
    issuer.tenancy = own.tenancy.unwrap_or(issuer.tenancy);
    issuer.slash = own.slash.unwrap_or(issuer.slash);
    issuer.binds = own.binds.unwrap_or(issuer.binds);
    issuer.aws_required = own.aws_required.or(issuer.aws_required);
    issuer.aws_claims = own.aws_claims.unwrap_or(issuer.aws_claims);
    issuer.aws_default_claims = own.aws_default_claims.unwrap_or(issuer.aws_default_claims);
    issuer.session_tags = own.session_tags.unwrap_or(issuer.session_tags);
    issuer.google_claims = own.google_claims.map_or(issuer.google_claims, Sees::Only);
    issuer.entra = own.entra.or(issuer.entra);
    issuer.audiences = own.audiences.unwrap_or(issuer.audiences);
    issuer.google_issuer = own.google_issuer.or(issuer.google_issuer);
    issuer.family = own.family.or(issuer.family);
    issuer.traits = own.traits.unwrap_or(issuer.traits);
    issuer.stands_for = own.stands_for;
    issuer.subject_prefix = own.subject_prefix;
    issuer.shapes = own.shapes;
    issuer.condition = own.condition.or(issuer.condition);
    issuer.checked = own.checked;
    issuer.retires = own.retires.or(issuer.retires);
    issuer.customised = own.customised.or(issuer.customised);
    issuer.host = own.host.unwrap_or_default();
    issuer.source.segments.extend(own.segments);
    issuer.source.define.extend(own.define);
    issuer.source.common.extend(own.common);
    issuer.source.axes = own.axes.unwrap_or(issuer.source.axes);
    issuer.source.undocumented = own.undocumented.unwrap_or(issuer.source.undocumented);
    issuer.source.closed = own.closed.unwrap_or(issuer.source.closed);
    issuer.source.templates = own.templates.unwrap_or(issuer.source.templates);
    issuer
}

fn compile(host: &Host) -> Result<Option<Pattern>, String> {
    let whole = |text: &str| Regex::new(&format!("^(?:{text})$")).map_err(|e| format!("host pattern: {}", first_line(&e.to_string())));
    let Some(pattern) = &host.pattern else { return Ok(None) };
    let except = host.except.as_deref().map(whole).transpose()?;
    Ok(Some(Pattern { regex: whole(pattern)?, except }))
}

impl Entry {
    /// The compiled pattern of the host; compiled when the first URL comes that has its hint.
    pub(super) fn pattern(&self) -> Option<&Pattern> {
        self.pattern.get_or_init(|| compile(&self.issuer.host).ok().flatten()).as_ref()
    }
}

impl Issuer {
    pub(super) fn facts(&self) -> &BTreeMap<String, ClaimFacts> {
        self.facts.get_or_init(|| facts(&samples(self).unwrap_or_default(), &self.overrides))
    }
}

/// The templates with stand-ins for the parts of the URL.
fn samples(issuer: &Issuer) -> Result<Vec<Template>, String> {
    let mut captures = BTreeMap::from([("issuer".to_owned(), "https://issuer.example".to_owned())]);
    let pieces = issuer.host.pattern.as_deref().unwrap_or_default().split("(?P<").skip(1);
    let names = pieces.filter_map(|piece| piece.split_once('>').map(|(name, _)| name));
    captures.extend(names.map(|name| (name.to_owned(), name.to_owned())));
    expand::templates(&issuer.source, &captures, &|_| Some(String::new()))
}

fn check(templates: &[Template]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    let mut alphabets: BTreeMap<&str, Regex> = BTreeMap::new();
    for template in templates {
        if !names.insert(&template.name) {
            return Err(format!("template `{}` is defined twice", template.name));
        }
        for segment in template.segments.iter() {
            if !alphabets.contains_key(segment.alphabet.as_str()) {
                let regex = Regex::new(&format!("^(?:{})$", segment.alphabet))
                    .map_err(|e| format!("alphabet of `{}`: {}", segment.name, first_line(&e.to_string())))?;
                alphabets.insert(&segment.alphabet, regex);
            }
            let regex = alphabets.get(segment.alphabet.as_str());
            if let Some(sample) = segment.samples.iter().find(|s| regex.is_some_and(|r| !r.is_match(s))) {
                return Err(format!("sample `{sample}` of `{}` is not in its alphabet", segment.name));
            }
        }
    }
    Ok(())
}

/// What the templates say about each claim, corrected by the file.
fn facts(templates: &[Template], overrides: &BTreeMap<String, ClaimSource>) -> BTreeMap<String, ClaimFacts> {
    let mut facts: BTreeMap<String, ClaimFacts> = BTreeMap::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for template in templates {
        for (name, parts) in template.claims.iter() {
            *seen.entry(name).or_default() += 1;
            let segments = parts.iter().filter_map(|p| if let ClaimPart::Segment(i) = p { template.segments.get(*i) } else { None });
            let roles: Vec<Role> = segments.map(|s| s.role).collect();
            let has = |wanted: &[Role]| roles.iter().any(|r| wanted.contains(r));
            let chosen = [Role::CallerChosen, Role::Ref, Role::Environment];
            let fact = facts.entry(name.clone()).or_default();
            fact.caller_chosen |= !roles.is_empty() && roles.iter().all(|r| chosen.contains(r));
            fact.mutable_name |= has(&[Role::Tenant, Role::Project]) && !has(&[Role::TenantId, Role::ProjectId]);
            fact.tenant_binding |= has(&[Role::Tenant, Role::TenantId]);
        }
    }
    for (name, fact) in &mut facts {
        fact.optional = seen.get(name.as_str()).is_some_and(|n| *n < templates.len());
    }
    for (name, own) in overrides {
        let in_templates = facts.contains_key(name);
        let fact = facts.entry(name.clone()).or_default();
        fact.kind = own.kind;
        fact.optional = own.optional.unwrap_or(if in_templates { fact.optional } else { true });
        fact.caller_chosen = own.caller_chosen.unwrap_or(fact.caller_chosen);
        fact.mutable_name = own.mutable_name.unwrap_or(fact.mutable_name);
        fact.tenant_binding = own.tenant_binding.unwrap_or(fact.tenant_binding);
    }
    facts
}
