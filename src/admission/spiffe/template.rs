//! Templates of SPIFFE ids as the controller manager fills them in for each pod: Go templates over what is known of the pod
//! (<https://github.com/spiffe/spire-controller-manager/blob/main/docs/clusterspiffeid-crd.md#templates>).

use super::{IdProblem, SpiffeId};
use crate::partial::Text;
use crate::partial::cut::{self, flat, slice};
use crate::place::Span;

/// A piece of a template.
#[derive(Debug, Clone)]
pub enum Piece {
    /// Characters.
    Literal(Text),
    /// `{{ .PodMeta.Namespace }}`, or an expression that reads fields.
    Action {
        /// The fields that it reads: `PodMeta.Namespace`.
        fields: Vec<String>,
        /// It is one field and nothing else.
        plain: bool,
        /// Where.
        span: Option<Span>,
    },
    /// Not known: another template fills it in.
    Unknown,
}

/// A template.
#[derive(Debug, Clone)]
pub struct IdTemplate {
    /// Its pieces in order.
    pub pieces: Vec<Piece>,
}

/// What a field tells of the pod that it is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// The same for every pod: the trust domain, the cluster.
    Constant,
    /// The namespace.
    Namespace,
    /// The ServiceAccount.
    Account,
    /// Another one for each pod, given by the cluster.
    Unique,
    /// Written by whoever writes the pod: labels, annotations, its name.
    Author,
    /// Of the node.
    Node,
    /// Anything else of the pod.
    Other,
    /// There is no such field.
    Missing,
}

/// The fields of the metadata of objects
/// (<https://pkg.go.dev/k8s.io/apimachinery/pkg/apis/meta/v1#ObjectMeta>).
const OBJECT_META: [&str; 15] = [
    "Name",
    "GenerateName",
    "Namespace",
    "SelfLink",
    "UID",
    "ResourceVersion",
    "Generation",
    "CreationTimestamp",
    "DeletionTimestamp",
    "DeletionGracePeriodSeconds",
    "Labels",
    "Annotations",
    "OwnerReferences",
    "Finalizers",
    "ManagedFields",
];

/// Settings of pods that are looked for in their metadata, and the reverse.
const POD_SPEC_ONLY: [&str; 4] = ["ServiceAccountName", "NodeName", "Hostname", "HostNetwork"];

/// What a field is.
#[must_use]
pub fn field_kind(field: &str) -> FieldKind {
    let mut path = field.split('.');
    let (root, name) = (path.next().unwrap_or_default(), path.next());
    match (root, name) {
        ("TrustDomain" | "ClusterName" | "ClusterDomain", None) => FieldKind::Constant,
        ("PodMeta", Some("Namespace")) => FieldKind::Namespace,
        ("PodMeta", Some("UID")) => FieldKind::Unique,
        ("PodMeta", Some("Labels" | "Annotations" | "Name" | "GenerateName")) => FieldKind::Author,
        ("PodMeta" | "NodeMeta", Some(name)) if !OBJECT_META.contains(&name) => FieldKind::Missing,
        ("PodSpec", Some("ServiceAccountName" | "DeprecatedServiceAccount")) => FieldKind::Account,
        // The settings of pods grow with Kubernetes: what certainly is none of them is what the metadata has.
        ("PodSpec", Some(name)) if OBJECT_META.contains(&name) && !POD_SPEC_ONLY.contains(&name) => FieldKind::Missing,
        ("NodeMeta" | "NodeSpec", _) => FieldKind::Node,
        ("PodMeta" | "PodSpec", _) => FieldKind::Other,
        _ => FieldKind::Missing,
    }
}

impl IdTemplate {
    /// Reads a template. Go's delimiters are `{{` and `}}`, with a dash where space is taken off.
    #[must_use]
    pub fn parse(text: &Text) -> Self {
        let whole = flat(text);
        let mut pieces = Vec::new();
        let mut at = 0;
        while let Some(start) = whole.get(at..).and_then(|rest| rest.find("{{")).map(|i| at + i) {
            let Some(end) = whole.get(start..).and_then(|rest| rest.find("}}")).map(|i| start + i) else { break };
            literal(&slice(text, at..start), &mut pieces);
            let inner = whole.get(start + 2..end).unwrap_or_default();
            let (fields, plain) = fields(inner);
            pieces.push(match inner.contains(cut::HOLE) {
                true => Piece::Unknown,
                false => Piece::Action { fields, plain, span: slice(text, start..end + 2).span() },
            });
            at = end + 2;
        }
        literal(&slice(text, at..whole.len()), &mut pieces);
        Self { pieces }
    }

    /// Whether any of the fields is of this kind; none when that is not known.
    #[must_use]
    pub fn reads(&self, kind: FieldKind) -> Option<bool> {
        if self.fields().any(|(field, _)| field_kind(field) == kind) {
            return Some(true);
        }
        let all_known = self.pieces.iter().all(|p| match p {
            Piece::Unknown => false,
            // `{{ template … }}`, `{{ $x }}`: what it reads is not written.
            Piece::Action { fields, .. } => !fields.is_empty(),
            Piece::Literal(_) => true,
        });
        all_known.then_some(false)
    }

    /// The fields with the places of their actions.
    pub fn fields(&self) -> impl Iterator<Item = (&str, Option<Span>)> {
        self.pieces.iter().flat_map(|piece| match piece {
            Piece::Action { fields, span, .. } => fields.iter().map(|f| (f.as_str(), *span)).collect::<Vec<_>>(),
            Piece::Literal(_) | Piece::Unknown => Vec::new(),
        })
    }

    /// The trust domain, when it is written.
    #[must_use]
    pub fn trust_domain(&self) -> Option<String> {
        let Some(Piece::Literal(first)) = self.pieces.first() else { return None };
        let rest = first.as_known()?;
        let rest = rest.strip_prefix("spiffe://")?;
        match rest.split_once('/') {
            Some((domain, _)) => Some(domain.to_owned()),
            None => (self.pieces.len() == 1).then(|| rest.to_owned()),
        }
    }

    /// What is wrong with the id, whatever is filled in; none when nothing is, or when it cannot be told.
    #[must_use]
    pub fn problem(&self) -> Option<IdProblem> {
        let mut sample = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => sample.push_str(&text.as_known()?),
                Piece::Action { plain: true, .. } => sample.push('x'),
                Piece::Action { .. } | Piece::Unknown => return None,
            }
        }
        SpiffeId::parse(&sample).err()
    }

    /// The id of one pod: `value` gives a field of it.
    #[must_use]
    pub fn rendered(&self, value: &dyn Fn(&str) -> String) -> Option<String> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => out.push_str(&text.as_known()?),
                Piece::Action { fields, .. } => out.push_str(&value(fields.first()?)),
                Piece::Unknown => return None,
            }
        }
        Some(out)
    }
}

fn literal(text: &Text, pieces: &mut Vec<Piece>) {
    if cut::is_empty(text) {
        return;
    }
    if text.is_known() {
        pieces.push(Piece::Literal(text.clone()));
        return;
    }
    for part in &text.parts {
        let one = Text { parts: vec![part.clone()] };
        pieces.push(if one.is_known() { Piece::Literal(one) } else { Piece::Unknown });
    }
}

/// The fields that an action reads, and whether it is one field alone.
fn fields(action: &str) -> (Vec<String>, bool) {
    let action = action.trim().trim_start_matches('-').trim_end_matches('-').trim();
    let mut out = Vec::new();
    let mut quoted: Option<char> = None;
    let mut chars = action.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match quoted {
            Some(end) if c == end => quoted = None,
            Some(_) => {}
            None if matches!(c, '"' | '`') => quoted = Some(c),
            None if c == '.' && starts_field(action, at) => {
                let rest = action.get(at + 1..).unwrap_or_default();
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_').unwrap_or(rest.len());
                out.extend(rest.get(..end).filter(|f| !f.is_empty()).map(str::to_owned));
                while chars.next_if(|(i, _)| *i <= at + end).is_some() {}
            }
            None => {}
        }
    }
    let plain = out.len() == 1 && out.first().is_some_and(|f| action.len() == f.len() + 1);
    (out, plain)
}

/// A dot that begins a field, and not one inside of a name, a number or `$x.y`.
fn starts_field(action: &str, at: usize) -> bool {
    let before = action.get(..at).and_then(|b| b.chars().next_back());
    before.is_none_or(|c| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '$' | ')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> IdTemplate {
        IdTemplate::parse(&Text::known(text))
    }

    #[test]
    fn fields_are_found_in_expressions() {
        for (text, found) in [
            ("{{ .PodMeta.Namespace }}", vec!["PodMeta.Namespace"]),
            ("{{- .PodMeta.Namespace -}}", vec!["PodMeta.Namespace"]),
            ("{{ index .PodMeta.Labels \"a.b/c\" }}", vec!["PodMeta.Labels"]),
            ("{{ printf \"%s.x\" .PodMeta.Name | lower }}", vec!["PodMeta.Name"]),
            ("{{ $x.Name }}", vec![]),
        ] {
            assert_eq!(read(text).fields().map(|(f, _)| f.to_owned()).collect::<Vec<_>>(), found, "{text}");
        }
    }

    #[test]
    fn what_is_not_written_is_not_known() {
        let usual = read("spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}");
        assert_eq!(usual.reads(FieldKind::Namespace), Some(true));
        assert_eq!(usual.reads(FieldKind::Author), Some(false));
        assert_eq!(usual.problem(), None);
        assert_eq!(usual.trust_domain(), None);
        assert_eq!(read("{{ template \"id\" . }}").reads(FieldKind::Namespace), None);
        assert_eq!(read("spiffe://a.example/x/{{ .PodMeta.UID }}").trust_domain().as_deref(), Some("a.example"));
        assert!(read("spiffe://a.example//{{ .PodMeta.UID }}").problem().is_some());
    }

    #[test]
    fn fields_that_are_not_there() {
        for field in ["PodMeta.ServiceAccountName", "PodSpec.Namespace", "Pod.Name", "NodeMeta.Spec"] {
            assert_eq!(field_kind(field), FieldKind::Missing, "{field}");
        }
        for field in ["PodMeta.Labels.app", "PodSpec.Anything", "NodeSpec.ProviderID", "NodeMeta.UID", "ClusterName"] {
            assert_ne!(field_kind(field), FieldKind::Missing, "{field}");
        }
    }
}
