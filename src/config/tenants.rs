//! `[tenants]`: who belongs to the team at the vendors that many share.
//!
//! A list makes verdicts sharper and hides none: a trust that names a tenant which its list does not hold is a finding, a stranger
//! of a witness is never one of the team's, and advice carries the ids that are listed.

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// Most entries of one list.
const MAX_ENTRIES: usize = 10_000;

/// The team's own tenants, vendor by vendor; of a vendor without a list nothing is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TenantConfig {
    /// GitHub organisations and users: a list of names, or a table of names with their ids (`gh api users/NAME --jq .id`). With the ids a trust that is pinned by
    /// `repository_owner_id` is told whose it is.
    #[serde(skip_serializing_if = "Owners::is_empty")]
    #[cfg_attr(feature = "internals", schemars(with = "OwnersSchema", example = serde_json::json!({ "octo-org": 4417 }), extend("default" = [])))]
    pub github: Owners,
    /// Top-level groups and users of gitlab.com.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "groups")]
    #[cfg_attr(feature = "internals", schemars(example = ["octo-group"], extend("default" = [])))]
    pub gitlab: Vec<String>,
    /// AWS accounts by their numbers: the team's own and those of others that may assume roles.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "accounts")]
    #[cfg_attr(feature = "internals", schemars(example = ["111122223333"], extend("default" = [])))]
    pub aws: Vec<String>,
    /// Google Cloud projects: a table of ids with their numbers, which advice then carries.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "projects")]
    #[cfg_attr(feature = "internals", schemars(with = "BTreeMap<String, TextOrNumber>", example = serde_json::json!({ "octo-data": "123456789012" }), extend("default" = {})))]
    pub google: BTreeMap<String, String>,
    /// Entra tenants by their ids.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "entra_tenants")]
    #[cfg_attr(feature = "internals", schemars(example = ["8b52f2a8-3f5c-4c0e-9a2f-5d1c6f7e0b11"], extend("default" = [])))]
    pub azure: Vec<String>,
    /// SPIFFE trust domains: the team's own and those that it federates with.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "domains")]
    #[cfg_attr(feature = "internals", schemars(example = ["octo.example"], extend("default" = [])))]
    pub trust_domains: Vec<String>,
}

/// Names of tenants with their ids, as far as they are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owners(BTreeMap<String, Option<String>>);

/// `["octo-org"]` or `{ octo-org = 4417 }`.
#[cfg(feature = "internals")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the form, for the schema")]
enum OwnersSchema {
    Names(Vec<String>),
    Ids(BTreeMap<String, TextOrNumber>),
}

/// `"4417"` or `4417`.
#[cfg(feature = "internals")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the form, for the schema")]
enum TextOrNumber {
    Text(String),
    Number(u64),
}

impl Owners {
    /// Nobody is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether a name is listed; letter case does not tell owners apart.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.keys().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// The id of a name.
    #[must_use]
    pub fn id_of(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).and_then(|(_, id)| id.as_deref())
    }

    /// Whose id it is.
    #[must_use]
    pub fn owner_of(&self, id: &str) -> Option<&str> {
        self.0.iter().find(|(_, own)| own.as_deref() == Some(id)).map(|(name, _)| name.as_str())
    }

    /// Each name has its id: another id is another's.
    #[must_use]
    pub fn has_all_ids(&self) -> bool {
        self.0.values().all(Option::is_some)
    }
}

impl Serialize for Owners {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.values().all(Option::is_none) {
            return serializer.collect_seq(self.0.keys());
        }
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, id) in &self.0 {
            map.serialize_entry(name, id.as_deref().unwrap_or_default())?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Owners {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Listed;
        impl<'de> Visitor<'de> for Listed {
            type Value = Owners;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of names (`[\"octo-org\"]`) or a table of names with their ids (`{ octo-org = 4417 }`)")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Owners, A::Error> {
                let mut out = BTreeMap::new();
                while let Some(name) = list.next_element::<String>()? {
                    out.insert(checked(name, is_owner, "the name of a GitHub organisation or user")?, None);
                    few(out.len())?;
                }
                Ok(Owners(out))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Owners, A::Error> {
                let mut out = BTreeMap::new();
                while let Some((name, Number(id))) = table.next_entry::<String, Number>()? {
                    // `fedlint config` writes an id that is not told as an empty text
                    let id = Some(id).filter(|id| !id.is_empty());
                    let id = id.map(|id| checked(id, is_number, "the id of an organisation (`gh api users/NAME --jq .id`)")).transpose()?;
                    out.insert(checked(name, is_owner, "the name of a GitHub organisation or user")?, id);
                    few(out.len())?;
                }
                Ok(Owners(out))
            }
        }
        deserializer.deserialize_any(Listed)
    }
}

/// A number, or a text that holds one.
struct Number(String);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number.to_string()))
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(number.to_string()))
            }

            fn visit_str<E: serde::de::Error>(self, number: &str) -> Result<Number, E> {
                Ok(Number(number.to_owned()))
            }
        }
        deserializer.deserialize_any(Digits)
    }
}

fn few<E: serde::de::Error>(count: usize) -> Result<(), E> {
    if count > MAX_ENTRIES { Err(E::custom(format!("more than {MAX_ENTRIES} entries"))) } else { Ok(()) }
}

fn checked<E: serde::de::Error>(text: String, is_one: fn(&str) -> bool, what: &str) -> Result<String, E> {
    if is_one(&text) { Ok(text) } else { Err(E::custom(format!("`{text}` is not {what}"))) }
}

fn listed<'de, D: Deserializer<'de>>(deserializer: D, is_one: fn(&str) -> bool, what: &str) -> Result<Vec<String>, D::Error> {
    let all = Vec::<String>::deserialize(deserializer)?;
    few(all.len())?;
    all.into_iter().map(|text| checked(text, is_one, what)).collect()
}

fn groups<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    listed(deserializer, is_group, "a top-level group or user of gitlab.com: subgroups are its own")
}

fn accounts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    listed(deserializer, is_account, "the number of an AWS account: twelve digits, as a text")
}

fn entra_tenants<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    listed(deserializer, is_uuid, "the id of an Entra tenant")
}

fn domains<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    listed(deserializer, is_domain, "a SPIFFE trust domain: small letters, without `spiffe://`")
}

fn projects<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let all = BTreeMap::<String, Number>::deserialize(deserializer)?;
    few(all.len())?;
    let entry = |(id, Number(number)): (String, Number)| {
        let id = checked(id, is_project, "the id of a Google Cloud project")?;
        Ok((id, checked::<D::Error>(number, is_number, "the number of a Google Cloud project").map_err(D::Error::custom)?))
    };
    all.into_iter().map(entry).collect()
}

/// <https://docs.github.com/en/get-started/learning-about-github/types-of-github-accounts>: letters, digits and single hyphens; an
/// underscore stands before the short code of a managed user.
fn is_owner(name: &str) -> bool {
    name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && word(name, "-_")
}

/// <https://docs.gitlab.com/user/reserved_names/>: no slash, so that it is a top-level one.
fn is_group(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && word(name, "-_.")
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && is_number(text)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_digit())
}

/// <https://cloud.google.com/resource-manager/docs/creating-managing-projects>; a project of a domain has it before a colon.
fn is_project(id: &str) -> bool {
    id.len() <= 128 && id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(|c| !c.is_ascii_uppercase()) && word(id, "-.:")
}

fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

/// <https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md#21-trust-domain>
fn is_domain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && text.chars().all(|c| !c.is_ascii_uppercase()) && word(text, "-_.")
}

fn word(text: &str, also: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TenantConfig, String> {
        toml::from_str(text).map_err(|e| e.to_string())
    }

    #[test]
    fn names_have_ids_or_none() {
        let config = read("github = { octo-org = 4417, Labs = \"5120\" }\ngoogle = { octo-data = 12 }").unwrap();
        assert_eq!((config.github.id_of("OCTO-ORG"), config.github.owner_of("5120")), (Some("4417"), Some("Labs")));
        assert!(config.github.has_all_ids() && config.google.get("octo-data").is_some_and(|n| n == "12"));
        let names = read("github = [\"octo-org\"]").unwrap();
        assert!(names.github.has("octo-org") && !names.github.has_all_ids());
        for config in [config, names] {
            assert_eq!(read(&toml::to_string(&config).unwrap()).as_ref(), Ok(&config));
        }
    }

    #[test]
    fn what_is_no_tenant_is_refused_with_its_line() {
        for (text, why) in [
            ("github = [\"octo/app\"]", "`octo/app` is not the name"),
            ("github = { octo = \"x\" }", "`x` is not the id"),
            ("github = 3", "a list of names"),
            ("gitlab = [\"a/b\"]", "top-level group"),
            ("aws = [\"1111\"]", "twelve digits"),
            ("google = { Octo = 1 }", "`Octo` is not the id"),
            ("azure = [\"contoso\"]", "the id of an Entra tenant"),
            ("trust-domains = [\"spiffe://octo\"]", "trust domain"),
            ("gcp = []", "unknown field `gcp`"),
        ] {
            let told = read(text).expect_err(text);
            assert!(told.contains(why) && told.contains("line 1"), "{text}: {told}");
        }
    }
}
