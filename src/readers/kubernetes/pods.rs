//! Where the settings of pods stand in the objects that make pods.

use crate::partial::Value;

/// The path to the pod's `spec`; none for kinds that make no pods.
pub(super) fn pod_path(kind: &str) -> Option<&'static [&'static str]> {
    Some(match kind {
        "Deployment"
        | "StatefulSet"
        | "DaemonSet"
        | "ReplicaSet"
        | "ReplicationController"
        | "Job"
        | "Rollout"
        | "Service"
        | "DeploymentConfig" => &["spec", "template", "spec"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
        "CronWorkflow" => &["spec", "workflowSpec"],
        "Pod" | "Workflow" | "WorkflowTemplate" | "ClusterWorkflowTemplate" | "TaskRun" => &["spec"],
        _ => return None,
    })
}

/// The settings of the pods that an object makes.
pub(in crate::readers) fn pod_spec<'v>(value: &'v Value, kind: &str) -> Option<&'v Value> {
    if kind == "PipelineRun" {
        return value.at(&["spec", "taskRunTemplate"]).or_else(|| value.get("spec"));
    }
    value.at(pod_path(kind)?).filter(|v| !v.is_null())
}
