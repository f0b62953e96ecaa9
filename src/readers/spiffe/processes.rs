//! Where SPIRE's programs are started, with the arguments that matter
//! (<https://github.com/spiffe/spire/blob/main/doc/spire_agent.md#command-line-options>).

use crate::graph::Origin;
use crate::graph::spiffe::{PodOf, Process, Program};
use crate::partial::{Text, Value, cut};
use crate::readers::context::{Object, Reader};
use crate::readers::kubernetes::{account_of, pods_of};
use crate::readers::shape::{field, listing, text_at};

/// The program that a container runs.
fn program(container: &Value) -> Option<Program> {
    let image = text_at(container, "image").map(|i| cut::flat(&i)).unwrap_or_default();
    let command = listing(container.get("command").or_else(|| container.get("entrypoint"))).texts;
    let first = command.first().map(cut::flat).unwrap_or_default();
    let is = |name: &str| {
        let image = image.split(['@', ':']).next().unwrap_or_default();
        image.rsplit('/').next() == Some(name) || first.rsplit('/').next() == Some(name)
    };
    if is("spire-agent") {
        return Some(Program::Agent);
    }
    is("spire-server").then_some(Program::Server)
}

/// What the arguments say.
pub(super) fn process(reader: &mut Reader, origin: Origin, program: Program, pod: Option<PodOf>, arguments: &[Text]) {
    let (mut insecure, mut join_token) = (None, None);
    for (at, argument) in arguments.iter().enumerate() {
        let (flag, value) = cut::split_once(argument, "=").map_or((argument.clone(), None), |(f, v)| (f, Some(v)));
        let Some(flag) = flag.as_known() else { continue };
        match flag.trim_start_matches('-') {
            "insecureBootstrap" if flag.starts_with('-') && value.as_ref().is_none_or(|v| v.is_str("true")) => insecure = argument.span(),
            "joinToken" if flag.starts_with('-') => join_token = value.or_else(|| arguments.get(at + 1).cloned()),
            _ => {}
        }
    }
    reader.graph.spiffe.processes.push(Process { origin, program, pod, insecure, join_token });
}

/// Pods that run an agent or a server.
pub(super) fn pods(reader: &mut Reader, object: &Object) {
    let Some(pods) = pods_of(object.value) else { return };
    for container in field(pods, "containers").map(Value::items).unwrap_or_default() {
        let Some(program) = program(container) else { continue };
        let (name, namespace, account) = account_of(object, pods);
        let mut arguments = listing(container.get("command")).texts;
        arguments.extend(listing(container.get("args")).texts);
        let pod = account.map(|account| PodOf { namespace, account });
        process(reader, object.origin(name), program, pod, &arguments);
    }
}

/// Services of a compose file.
pub(super) fn compose(reader: &mut Reader, object: &Object) {
    let Some(services) = field(object.value, "services") else { return };
    for entry in services.entries() {
        let Some(program) = program(&entry.value) else { continue };
        let mut arguments = listing(entry.value.get("entrypoint")).texts;
        for text in listing(entry.value.get("command")).texts {
            arguments.extend(words(&text));
        }
        process(reader, object.origin_at(format!("service {}", entry.key), &entry.value), program, None, &arguments);
    }
}

/// A command that is written as one text.
fn words(text: &Text) -> Vec<Text> {
    let flat = cut::flat(text);
    let mut out = Vec::new();
    let mut start = None;
    for (at, c) in flat.char_indices().chain([(flat.len(), ' ')]) {
        match (c.is_whitespace(), start) {
            (true, Some(from)) => {
                out.push(cut::slice(text, from..at));
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::program;
    use crate::graph::spiffe::Program;
    use crate::partial::{Entry, Text, Value};

    fn of_image(image: &str) -> Option<Program> {
        program(&Value::map(vec![Entry { key: Text::known("image"), value: Value::string(image) }], None))
    }

    #[test]
    fn a_program_is_told_by_the_name_of_its_image_without_tag_and_digest() {
        let digest = "@sha256:0f1e";
        for image in
            ["spire-agent", "r.example/spire-agent:1.12", &format!("r.example/spire-agent{digest}"), &format!("spire-agent:1.12{digest}")]
        {
            assert_eq!(of_image(image), Some(Program::Agent), "{image}");
        }
        assert_eq!(of_image("r.example/spire-server:1.12"), Some(Program::Server));
        for image in ["r.example/spire-agent/tools", "my-spire-agent", "spire-agent-tests:1"] {
            assert_eq!(of_image(image), None, "{image}");
        }
    }
}
