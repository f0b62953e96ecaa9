//! Credential configurations of workloads outside of Google Cloud (`gcloud iam workload-identity-pools create-cred-config`)
//! (<https://google.aip.dev/auth/4117>).

use super::super::context::{Object, Reader, email_of};
use super::super::shape::{known_at, text_at};
use crate::graph::{CredentialConfig, Login, pieces};

/// A file whose type is `external_account`.
pub(in crate::readers) fn read(reader: &mut Reader, object: &Object) {
    if known_at(object.value, "type").as_deref() != Some("external_account") {
        return;
    }
    let Some(audience) = text_at(object.value, "audience") else { return };
    let url = text_at(object.value, "service_account_impersonation_url");
    let impersonates = url.and_then(|url| pieces::rsplit_once(&email_of(&url), ":").map(|(email, _)| email));
    let origin = object.origin(object.file);
    reader.graph.credential_configs.push(CredentialConfig { origin, audience, impersonates, login: Login::Configuration });
}
