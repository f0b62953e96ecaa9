//! Expanded templates are kept: one issuer is asked for them several times per trust, and they depend on its URL and on the claims
//! that are read alone.

use super::Template;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Most questions to one issuer whose templates are kept; past it they are expanded anew each time.
const MAX_KEPT: usize = 256;

/// The variable parts of an issuer's URL.
type Parts = BTreeMap<String, String>;

/// The variable parts of an issuer's URL, and the claims of which its templates differ; none for all.
type Question = (Parts, Option<BTreeSet<String>>);

/// The templates of an issuer by what was asked for.
#[derive(Debug, Default)]
pub(super) struct Memo(Mutex<BTreeMap<Question, Arc<Vec<Template>>>>);

impl Memo {
    /// The templates for these parts and claims, worked out when they were not yet.
    pub(super) fn get(&self, asked: Question, expand: impl FnOnce(&Parts) -> Vec<Template>) -> Arc<Vec<Template>> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&asked) {
            return Arc::clone(known);
        }
        let templates = Arc::new(expand(&asked.0));
        let mut kept = lock();
        if kept.len() < MAX_KEPT {
            kept.insert(asked, Arc::clone(&templates));
        }
        templates
    }
}

/// A copy of an issuer may be changed before it is used, so it begins with nothing kept.
impl Clone for Memo {
    fn clone(&self) -> Self {
        Self::default()
    }
}
