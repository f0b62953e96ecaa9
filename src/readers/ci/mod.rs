//! CI systems: the jobs that present tokens, and what is known of their subjects.

mod bitbucket;
mod build;
mod buildkite;
mod circleci;
mod customised;
mod environments;
mod github;
mod gitlab;
mod terraform;
mod variables;

pub(super) use customised::{document, terraform};

use super::context::{Object, Reader};
use crate::graph::OwnRepository;
use crate::terraform::Resource;

/// The jobs of the scan.
pub(super) fn jobs(reader: &mut Reader, objects: &[Object<'_>], resources: &[Resource], own: Option<&OwnRepository>) {
    environments::read(reader, resources);
    github::read(reader, objects, resources);
    gitlab::read(reader, objects);
    for object in objects {
        circleci::read(reader, object);
        bitbucket::read(reader, object);
        buildkite::read(reader, object);
    }
    terraform::read(reader, resources);
    for job in &mut reader.graph.jobs {
        job.repository = own.filter(|own| own.runs(job.system, &job.origin.scope)).cloned();
    }
}
