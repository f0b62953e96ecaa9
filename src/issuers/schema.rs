//! The form of a registry file, and what it says about an issuer once it is read.

use super::{Context, Family, Role, StandsFor, Tag, Trait};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// Whose tokens an issuer mints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Tenancy {
    /// Strangers get tokens from the same issuer: the policy has to name the tenant.
    Shared,
    /// The issuer's URL belongs to one tenant.
    Tenant,
    /// The issuer's URL belongs to one cluster.
    Cluster,
    /// The issuer's tokens go to one vendor's own service, which keeps its customers apart by itself.
    Service,
    /// The team's own, by its configuration: nobody else gets a token from it.
    Own,
    /// Not known: an issuer outside the registry.
    #[default]
    Unknown,
}

impl Tenancy {
    /// What the issuer's tokens look like is not known, so that nothing can be proved about them.
    #[must_use]
    pub const fn is_free(self) -> bool {
        matches!(self, Self::Own | Self::Unknown)
    }
}

/// The last slash of an issuer's URL. Clouds compare issuers byte by byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Slash {
    /// The tokens say the issuer without a slash at the end.
    #[default]
    Forbidden,
    /// The tokens say it with one.
    Required,
    /// Not known.
    Any,
}

/// How a claim names the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// The claim, or the full IAM context key where the tenant is in no claim (`sts:RoleSessionName`).
    pub claim: String,
    /// Its value, with the tenant in `<>` and `*` for the rest: `repo:<owner>/*`.
    pub pattern: String,
}

/// The JSON type of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A string.
    #[default]
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// A list of strings.
    List,
}

/// What is known of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClaimFacts {
    /// Its JSON type.
    pub kind: Kind,
    /// Some tokens of the issuer do not have it.
    pub optional: bool,
    /// Whoever runs the job chooses its value: it authenticates nobody.
    pub caller_chosen: bool,
    /// It is a name that somebody else can take after a rename or a deletion.
    pub mutable_name: bool,
    /// It tells tenants apart.
    pub tenant_binding: bool,
}

/// Whether an issuer's tokens carry session tags for AWS (the claim `https://aws.amazon.com/tags`)
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum SessionTags {
    /// They have no such claim.
    Never,
    /// Claims of the token under their own names, where the job asks for it.
    Claims,
    /// Not known, or whatever the tenant configures.
    #[default]
    Any,
}

/// Which claims a cloud lets a condition read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sees {
    /// Every claim of the token.
    All,
    /// These claims.
    Only(Vec<String>),
}

impl Sees {
    /// Whether this claim is visible.
    #[must_use]
    pub fn includes(&self, claim: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(claims) => claims.iter().any(|c| c == claim),
        }
    }
}

/// Why a registry file was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Not YAML of this form.
    #[error("not an issuer file: {0}")]
    Form(String),
    /// An id that is taken.
    #[error("issuer `{0}` is defined twice")]
    Duplicate(String),
    /// An issuer that is like one that is not there.
    #[error("issuer `{id}` is like `{like}`, which is not defined before it")]
    Like {
        /// The issuer.
        id: String,
        /// What it names.
        like: String,
    },
    /// A fault in one issuer.
    #[error("issuer `{id}`: {why}")]
    Issuer {
        /// The issuer.
        id: String,
        /// The fault.
        why: String,
    },
}

/// An issuer of tokens.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Unique and stable: `github-actions`.
    pub id: String,
    /// For people: `GitHub Actions`.
    pub name: String,
    /// The page that defines its tokens.
    pub reference: Option<String>,
    /// Whose tokens it mints.
    pub tenancy: Tenancy,
    /// The last slash of its URL.
    pub slash: Slash,
    /// How a token names its tenant; several when there are several ways. Empty when the issuer's URL does.
    pub binds: Vec<Bind>,
    /// The claim (or full context key) that AWS wants in every trust policy for this shared issuer, refusing others on creation and update
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_oidc_secure-by-default.html>).
    pub aws_required: Option<String>,
    /// The claims that AWS offers as condition keys, without the default ones
    /// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html>).
    pub aws_claims: Vec<String>,
    /// Whether AWS also offers `sub`, `aud`, `amr`, `email` and `oaud`: so for every issuer but the four built-in ones.
    pub aws_default_claims: bool,
    /// Whether its tokens carry session tags for AWS.
    pub session_tags: SessionTags,
    /// The claims that an attribute mapping or condition of Google Cloud reads: as a rule, all.
    pub google_claims: Sees,
    /// What a flexible federated credential of Entra may and has to test; none when Entra takes none for this issuer.
    pub entra: Option<Flexible>,
    /// The customary audience by cloud (`aws`, `google`, `azure`) and the issuer's own (`default`).
    pub audiences: BTreeMap<String, String>,
    /// The issuer that this one is to Google Cloud, where tenants are told apart in another way there.
    pub(super) google_issuer: Option<String>,
    /// The product that it belongs to.
    pub family: Option<Family>,
    /// What is particular about it.
    pub traits: BTreeSet<Trait>,
    /// What it stands for when no URL tells.
    pub stands_for: Option<StandsFor>,
    /// The beginning of subjects that give it away when its URL does not: a self-managed server.
    pub subject_prefix: Option<String>,
    /// What unknowns of its policies may stand for, with `{word}` for a name.
    pub shapes: Vec<String>,
    /// What to write as a Google Cloud provider's attribute condition.
    pub condition: Option<String>,
    /// The day on which its entry was last compared with the vendor's page.
    pub checked: Option<String>,
    /// The day on which its vendor switches it off, and the page that says so.
    pub retires: Option<Retirement>,
    /// How its tenants can choose the claims of their subject; none when they cannot.
    pub(super) customised: Option<Customised>,
    /// Facts of every claim of its templates and of those that are known but in no template; made when first asked for.
    pub(super) facts: OnceLock<BTreeMap<String, ClaimFacts>>,
    pub(super) overrides: BTreeMap<String, ClaimSource>,
    pub(super) host: Host,
    pub(super) source: Source,
    pub(super) expanded: super::memo::Memo,
}

/// The rules of Entra's flexible federated credentials for an issuer
/// (<https://learn.microsoft.com/entra/workload-id/workload-identities-flexible-federated-identity-credentials>).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flexible {
    /// The claims that an expression may test, and how. `sub` is always to be tested.
    pub claims: BTreeMap<String, Compared>,
    /// One of these has to be tested beside `sub`; empty when nothing more is asked for.
    #[serde(default)]
    pub required: Vec<String>,
    /// But not beside a subject that begins so.
    #[serde(default)]
    pub unless_subject: Option<String>,
    /// The hosts that Entra takes, where the issuer stands for many: an expression for the whole host.
    #[serde(default)]
    pub(super) hosts: Option<String>,
}

/// How an expression may compare a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compared {
    /// With `eq` alone.
    Exactly,
    /// With `eq` and `matches`.
    Freely,
}

/// The announced end of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retirement {
    /// The day, `2027-07-01`.
    pub on: String,
    /// The page that announces it.
    pub page: String,
    /// What takes its place.
    pub instead: String,
}

/// How the URL of an issuer looks, without the scheme and without a slash at the end.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Host {
    /// Exactly one of these.
    pub(super) exact: Vec<String>,
    /// Or matches this whole; named groups are the captures.
    pub(super) pattern: Option<String>,
    /// A piece that every match of the pattern contains: spares the regular expression.
    pub(super) hint: String,
    /// But does not match this.
    pub(super) except: Option<String>,
    /// Beginnings that give it away when the rest is not known statically.
    pub(super) begins: Vec<String>,
    /// The canonical form for issuers that are called by several names.
    pub(super) canonical: Option<String>,
}

/// How tenants choose the claims that their subject is made of.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Customised {
    /// The claims of the subject that nobody has customised.
    pub(super) default: Vec<String>,
    /// The text of keys that are not written `key:value`.
    #[serde(default)]
    pub(super) pieces: BTreeMap<String, String>,
    /// The claim that names the project whose subject it is.
    pub(super) project: String,
    /// The grammar of the names in that claim, by segment.
    #[serde(default)]
    pub(super) names: BTreeMap<String, Name>,
}

/// The form of a name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Name {
    /// The characters that it can begin with, as the inside of a class.
    pub(super) first: String,
    /// Those that can follow.
    pub(super) then: String,
    /// What can stand between two of them and nowhere else.
    #[serde(default)]
    pub(super) joint: Option<String>,
    /// An expression for an ending that some names have.
    #[serde(default)]
    pub(super) suffix: Option<String>,
    /// Stands before each name, of which there can be any number.
    #[serde(default)]
    pub(super) lead: Option<String>,
}

/// What the templates are made from.
#[derive(Debug, Clone, Default)]
pub(super) struct Source {
    pub(super) segments: BTreeMap<String, SegmentSource>,
    pub(super) define: BTreeMap<String, String>,
    pub(super) axes: Vec<Vec<Form>>,
    pub(super) common: BTreeMap<String, String>,
    pub(super) templates: Vec<TemplateSource>,
    pub(super) undocumented: Vec<String>,
    pub(super) closed: bool,
}

/// A registry file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) issuers: Vec<IssuerSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IssuerSource {
    pub(super) id: String,
    /// Takes everything that is not said here from this issuer.
    pub(super) like: Option<String>,
    pub(super) name: Option<String>,
    pub(super) reference: Option<String>,
    pub(super) host: Option<Host>,
    pub(super) tenancy: Option<Tenancy>,
    pub(super) slash: Option<Slash>,
    pub(super) binds: Option<Vec<Bind>>,
    pub(super) aws_required: Option<String>,
    pub(super) aws_claims: Option<Vec<String>>,
    pub(super) aws_default_claims: Option<bool>,
    pub(super) session_tags: Option<SessionTags>,
    pub(super) google_claims: Option<Vec<String>>,
    pub(super) google_issuer: Option<String>,
    pub(super) entra: Option<Flexible>,
    pub(super) audiences: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) claims: BTreeMap<String, ClaimSource>,
    #[serde(default)]
    pub(super) segments: BTreeMap<String, SegmentSource>,
    #[serde(default)]
    pub(super) define: BTreeMap<String, String>,
    pub(super) axes: Option<Vec<Vec<Form>>>,
    pub(super) customised: Option<Customised>,
    pub(super) family: Option<Family>,
    pub(super) traits: Option<BTreeSet<Trait>>,
    pub(super) stands_for: Option<StandsFor>,
    pub(super) subject_prefix: Option<String>,
    #[serde(default)]
    pub(super) shapes: Vec<String>,
    pub(super) condition: Option<String>,
    /// Claims whose form the vendor does not document.
    pub(super) undocumented: Option<Vec<String>>,
    /// It mints no claim that is not listed here.
    pub(super) closed: Option<bool>,
    pub(super) checked: Option<String>,
    pub(super) retires: Option<Retirement>,
    #[serde(default)]
    pub(super) common: BTreeMap<String, String>,
    pub(super) templates: Option<Vec<TemplateSource>>,
}

/// Corrections to the facts that follow from the templates.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ClaimSource {
    pub(super) kind: Kind,
    pub(super) optional: Option<bool>,
    pub(super) caller_chosen: Option<bool>,
    pub(super) mutable_name: Option<bool>,
    pub(super) tenant_binding: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SegmentSource {
    /// Takes what is not said here from this segment of the same issuer.
    pub(super) like: Option<String>,
    pub(super) role: Option<Role>,
    /// A regular expression, or `$name` of a shared alphabet.
    pub(super) alphabet: Option<String>,
    pub(super) samples: Option<Vec<String>>,
    /// All that the vendor documents, where the alphabet is only what has been seen.
    pub(super) guessed: Option<String>,
}

/// One of several spellings that every template has.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    /// Added to the template's name.
    #[serde(default)]
    pub(super) suffix: String,
    #[serde(default)]
    pub(super) tags: BTreeSet<Tag>,
    #[serde(default)]
    pub(super) define: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) claims: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateSource {
    pub(super) name: String,
    pub(super) context: Context,
    #[serde(default)]
    pub(super) tags: BTreeSet<Tag>,
    #[serde(default)]
    pub(super) define: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) claims: BTreeMap<String, String>,
    /// Claims of `common` that this template does not have.
    #[serde(default)]
    pub(super) without: Vec<String>,
}
