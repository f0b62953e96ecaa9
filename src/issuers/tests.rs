//! Tests of the registry as a whole.
use super::registry::FILES;
use super::*;

#[test]
fn every_file_loads() {
    let mut registry = Registry::default();
    for (name, yaml) in FILES {
        registry = registry.with_extra(yaml).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    assert!(registry.issuers().count() > 35);
    assert_eq!(registry.issuers().count(), super::registry().issuers().count());
}
