//! Kustomizations, as far as they are simple: the namespace and the name affixes that one gives to the files it lists
//! (<https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>).

use super::super::Document;
use super::super::shape::{listing, text_at};
use crate::graph::pieces;
use crate::partial::Text;
use std::collections::BTreeMap;

/// How deep kustomizations list kustomizations.
const MAX_DEPTH: usize = 8;
/// Most visits of kustomizations: many may list each other.
const MAX_VISITS: usize = 10_000;

/// What a kustomization does to the objects of a file.
#[derive(Debug, Clone, Default)]
pub(in crate::readers) struct Overlay {
    /// The namespace that the objects get.
    pub(super) namespace: Option<Text>,
    prefix: Option<Text>,
    suffix: Option<Text>,
}

impl Overlay {
    /// The name with prefix and suffix. `default` is no object of the kustomization.
    pub(super) fn rename(&self, name: &Text) -> Text {
        if name.as_known().as_deref() == Some("default") {
            return name.clone();
        }
        let mut out = self.prefix.clone().unwrap_or_default();
        out.push(name);
        out.push(&self.suffix.clone().unwrap_or_default());
        out
    }

    fn key(&self) -> String {
        let part = |t: &Option<Text>| t.as_ref().map(pieces::key).unwrap_or_default();
        format!("{}\n{}\n{}", part(&self.namespace), part(&self.prefix), part(&self.suffix))
    }

    /// This overlay's inside, put under `outer`.
    fn under(&self, outer: &Overlay) -> Overlay {
        let join = |a: &Option<Text>, b: &Option<Text>| match (a, b) {
            (Some(a), Some(b)) => {
                let mut out = a.clone();
                out.push(b);
                Some(out)
            }
            (a, b) => a.clone().or_else(|| b.clone()),
        };
        Overlay {
            namespace: outer.namespace.clone().or_else(|| self.namespace.clone()),
            prefix: join(&outer.prefix, &self.prefix),
            suffix: join(&self.suffix, &outer.suffix),
        }
    }
}

struct Kustomization {
    overlay: Overlay,
    resources: Vec<String>,
}

/// What happens to each file that a kustomization lists. Files that several kustomizations treat differently are left as
/// they are written: which of them a person means is not known.
pub(in crate::readers) fn overlays(documents: &[Document]) -> BTreeMap<String, Overlay> {
    let mut all: BTreeMap<String, Kustomization> = BTreeMap::new();
    for document in documents {
        let (folder, name) = document.file.rsplit_once('/').unwrap_or(("", document.file));
        if matches!(name, "kustomization.yaml" | "kustomization.yml" | "Kustomization") {
            let value = document.value;
            let overlay = Overlay {
                namespace: text_at(value, "namespace"),
                prefix: text_at(value, "namePrefix"),
                suffix: text_at(value, "nameSuffix"),
            };
            let listed = ["resources", "bases"].iter().flat_map(|key| listing(value.get(key)).texts);
            let resources = listed.filter_map(|t| t.as_known()).filter_map(|path| join(folder, &path)).collect();
            all.insert(folder.to_owned(), Kustomization { overlay, resources });
        }
    }
    apply(&all)
}

fn apply(all: &BTreeMap<String, Kustomization>) -> BTreeMap<String, Overlay> {
    // Only roots speak for themselves: a base that an overlay lists is applied through it.
    let listed: std::collections::BTreeSet<&String> = all.values().flat_map(|k| &k.resources).collect();
    let mut found: BTreeMap<String, Vec<Overlay>> = BTreeMap::new();
    let mut visits = 0;
    for (folder, _) in all.iter().filter(|(folder, _)| !listed.contains(folder)) {
        visit(all, folder, &Overlay::default(), MAX_DEPTH, &mut visits, &mut found);
    }
    let same = |overlays: &[Overlay]| overlays.windows(2).all(|w| matches!(w, [a, b] if a.key() == b.key()));
    found
        .into_iter()
        .filter_map(|(file, overlays)| if same(&overlays) { overlays.into_iter().next().map(|o| (file, o)) } else { None })
        .collect()
}

fn visit(
    all: &BTreeMap<String, Kustomization>,
    folder: &str,
    outer: &Overlay,
    depth: usize,
    visits: &mut usize,
    found: &mut BTreeMap<String, Vec<Overlay>>,
) {
    *visits += 1;
    let Some(kustomization) = all.get(folder).filter(|_| depth > 0 && *visits < MAX_VISITS) else { return };
    let overlay = kustomization.overlay.under(outer);
    for resource in &kustomization.resources {
        if all.contains_key(resource) {
            visit(all, resource, &overlay, depth - 1, visits, found);
        } else {
            found.entry(resource.clone()).or_default().push(overlay.clone());
        }
    }
}

/// A relative path as the kustomization writes it; none when it leaves the scan.
fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
