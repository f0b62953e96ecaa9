//! Whether the trusts of an identity are written as they were. It says nothing of who is admitted: what was not decided and was not
//! touched is told in one line and not in many.

use super::State;
use super::ways::Ways;

pub(super) fn alike(before: &State<'_>, old: &Ways<'_>, after: &State<'_>, new: &Ways<'_>) -> bool {
    let texts = |state: &State<'_>, ways: &Ways<'_>| -> Vec<String> {
        let mut all: Vec<String> = ways.spans.iter().map(|span| state.side.estate.sources.snippet(*span)).collect();
        all.extend(ways.decided.iter().map(|way| super::decide::canonical(&way.formula)));
        all.sort();
        all.dedup();
        all
    };
    texts(before, old) == texts(after, new)
}
