//! A Kubernetes cluster of one node that runs real pods, in namespaces of its own (`node/start`), and the tools that reach it. The directory that its
//! pods talk to is `Directory::in_node`.

use std::path::{Path, PathBuf};

use super::kube::AuditLog;
use super::process::{self, Server};

/// A running node; it ends when the value is dropped.
pub struct Node {
    server: Server,
}

impl Node {
    /// The node's own address, which pods reach: the API server's, and that of a directory in the node.
    pub const ADDRESS: &'static str = "10.0.0.1";

    /// Why no node can run on this machine, if so.
    pub async fn impossible() -> Option<String> {
        let output = tokio::process::Command::new(process::scripts().join("node/possible"))
            .output()
            .await
            .expect("tests/env/node/possible can be run");
        let why = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        (!output.status.success()).then_some(why)
    }

    pub async fn start() -> Self {
        let (server, _) = Server::start("node/start", &[]).await;
        Self { server }
    }

    pub fn folder(&self) -> &Path {
        self.server.folder()
    }

    /// What kubectl prints, as the administrator; panics if it fails.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        self.run("kubectl", arguments).await
    }

    /// The command that runs others where the API server and the pods can be reached.
    pub fn enter(&self) -> PathBuf {
        self.folder().join("enter")
    }

    /// Kills the process of a pod's only container, as a crash would: kubelet finds out, and starts it again.
    pub async fn kill_container(&self, namespace: &str, pod: &str) {
        let path = "jsonpath={.status.containerStatuses[0].containerID}";
        let container = self
            .kubectl(&["get", "pod", pod, "--namespace", namespace, "--output", path])
            .await;
        let (_, container) = container.split_once("://").expect("the pod has a running container");
        let socket = self.folder().join("containerd.sock");
        let socket = socket.to_str().expect("the folder's path is UTF-8");
        let kill = [
            "--address",
            socket,
            "--namespace",
            "k8s.io",
            "tasks",
            "kill",
            "--signal",
            "SIGKILL",
            container,
        ];
        process::run("ctr", &kill, &[], "").await;
    }

    /// Everything about our own kinds that was asked of the API server, and the writes to all others.
    pub fn audit_log(&self) -> AuditLog {
        AuditLog::at(self.folder().join("audit.log"))
    }

    async fn run(&self, command: &str, arguments: &[&str]) -> String {
        process::run(self.folder().join(command), arguments, &[], "").await
    }
}
