//! Expanded templates are kept: one issuer is asked for them once per trust, and they depend on its URL alone.

use super::Template;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most URLs of one issuer whose templates are kept; past it they are expanded anew each time.
const MAX_KEPT: usize = 256;

/// The variable parts of an issuer's URL.
type Parts = BTreeMap<String, String>;

/// The templates of an issuer by the variable parts of its URL.
#[derive(Debug, Default)]
pub(super) struct Memo(Mutex<BTreeMap<Parts, Arc<Vec<Template>>>>);

impl Memo {
    /// The templates for these parts, expanded when they were not yet.
    pub(super) fn get(&self, parts: Parts, expand: impl FnOnce(&Parts) -> Vec<Template>) -> Arc<Vec<Template>> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&parts) {
            return Arc::clone(known);
        }
        let templates = Arc::new(expand(&parts));
        let mut kept = lock();
        if kept.len() < MAX_KEPT {
            kept.insert(parts, Arc::clone(&templates));
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
