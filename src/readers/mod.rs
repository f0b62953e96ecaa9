//! Dialect to facts: evaluated Terraform, JSON and YAML documents become nodes and edges of the trust graph.
//!
//! Every reader runs in two passes: first everything that *is* (providers, pools, identities, workloads), then everything
//! that *refers* (attachments, bindings), so that the order of files does not matter. What a reader recognises but cannot
//! read goes to [`Graph::undecided`] with its reason; what it does not recognise is none of its business.

mod aws;
mod azure;
mod ci;
mod context;
mod credentials;
mod gcp;
mod kubernetes;
mod repositories;
pub mod scripts;
mod shape;
pub mod spiffe;
#[cfg(test)]
pub(crate) mod tests;

use crate::graph::{Graph, OwnRepository};
use crate::partial::{Text, Value};
use crate::terraform::Resource;
use context::Reader;

/// One document of a file.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// Path of the file relative to the working directory, with `/`.
    pub file: &'a str,
    /// Its tree.
    pub value: &'a Value,
    /// It is a template (Helm): what the template decides is unknown, and the document may not be there at all.
    pub templated: bool,
}

/// Parses JSON that stands in a string (a trust policy in a heredoc), keeping the places and holes of the string.
pub trait EmbeddedJson {
    /// The tree, or why it is none (lower case, no full stop).
    ///
    /// # Errors
    /// When the text is not JSON.
    fn parse(&self, text: &Text) -> Result<Value, String>;
}

/// A function is enough.
impl<F: Fn(&Text) -> Result<Value, String>> EmbeddedJson for F {
    fn parse(&self, text: &Text) -> Result<Value, String> {
        self(text)
    }
}

/// What there is to read.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The evaluated Terraform of all roots.
    pub resources: &'a [Resource],
    /// The documents of all JSON and YAML files.
    pub documents: &'a [Document<'a>],
    /// The parser for JSON in strings.
    pub embedded: &'a dyn EmbeddedJson,
    /// The repository that all of it is in, where its name is known.
    pub repository: Option<&'a OwnRepository>,
}

/// Reads everything into the graph. Order of the facts: as the resources, then as the documents come.
pub fn read(input: &Input, graph: &mut Graph) {
    let mut reader = Reader::new(graph, input.embedded);
    reader.documents = input.documents;
    aws::terraform::given(&mut reader, input.resources);
    let written = context::objects(input.documents);
    let built = kubernetes::kustomize::build(&written);
    let objects = context::applied(&written, &built);
    kubernetes::externals(&mut reader, &written, &built);
    for resource in input.resources {
        aws::terraform::declare(&mut reader, resource);
        aws::anywhere::terraform(&mut reader, resource);
        aws::cognito::terraform(&mut reader, resource);
        aws::instances::terraform(&mut reader, resource);
        gcp::terraform::declare(&mut reader, resource);
        gcp::clusters::terraform(&mut reader, resource);
        gcp::project::terraform(&mut reader, resource);
        azure::terraform(&mut reader, resource);
        azure::ids::terraform(&mut reader, resource);
        azure::clusters::terraform(&mut reader, resource);
        kubernetes::terraform(&mut reader, resource);
        ci::terraform(&mut reader, resource);
        spiffe::terraform(&mut reader, resource);
    }
    repositories::read(&mut reader, input.resources);
    aws::cloudformation::find_nested(&mut reader, &objects);
    for object in &objects {
        aws::documents::declare(&mut reader, object);
        aws::tools::declare(&mut reader, object);
        aws::cognito::printed(&mut reader, object);
        aws::eksctl::declare(&mut reader, object);
        aws::instances::node_class(&mut reader, object);
        aws::cloudformation::declare(&mut reader, object);
        gcp::documents::declare(&mut reader, object);
        gcp::connector::declare(&mut reader, object);
        gcp::clusters::document(&mut reader, object);
        azure::document(&mut reader, object);
        kubernetes::document(&mut reader, object);
        ci::document(&mut reader, object);
        credentials::remember(&mut reader, object);
        spiffe::document(&mut reader, object);
    }
    aws::cloudformation::leftover(&mut reader, &objects);
    aws::attachments::resolve(&mut reader);
    azure::roles::bind(&mut reader, input.resources);
    azure::bicep::bind(&mut reader, &objects);
    for resource in input.resources {
        aws::terraform::attach(&mut reader, resource);
        gcp::terraform::bind(&mut reader, resource);
        gcp::credentials::terraform(&mut reader, resource);
        kubernetes::annotate(&mut reader, resource);
        credentials::resource(&mut reader, resource);
    }
    for object in &objects {
        aws::objects::bind(&mut reader, object);
        gcp::documents::bind(&mut reader, object);
        gcp::credentials::read(&mut reader, object);
        gcp::workflow::read(&mut reader, object);
        gcp::connector::bind(&mut reader, object);
        credentials::document(&mut reader, object);
    }
    ci::jobs(&mut reader, &objects, input.resources, input.repository);
}
