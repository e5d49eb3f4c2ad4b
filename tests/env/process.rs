//! A server in a child process that ends with this one, and the folder it runs in.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A start script of this folder, running.
///
/// It obeys the lines of its stdin and ends with it: when this value is dropped, or when this process ends, however it
/// does. Plain threads and blocking I/O serve it, because tokio's would die with the runtime of the test that happened
/// to start it.
pub struct Server {
    folder: PathBuf,
    script: Arc<Mutex<Script>>,
}

struct Script {
    name: String,
    child: Child,
    /// Taken when the script shall end.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts `tests/env/<script>` and waits until it says that its server is ready; the rest of that line comes back.
    pub async fn start(script: &str, arguments: &[&str]) -> (Self, String) {
        Self::start_by(None, script, arguments).await
    }

    /// The same, with the script run by a command such as a node's `enter`.
    pub async fn start_by(command: Option<&Path>, script: &str, arguments: &[&str]) -> (Self, String) {
        static COUNTER: AtomicUsize = AtomicUsize::new(0);
        let counter = COUNTER.fetch_add(1, Ordering::Relaxed);
        let subject = script.replace('/', "-");
        let folder = std::env::temp_dir().join(format!("adsync-{subject}-{}-{counter}", std::process::id()));
        let path = scripts().join(script);
        let mut command = command.map_or_else(
            || Command::new(&path),
            |command| {
                let mut command = Command::new(command);
                command.arg(&path);
                command
            },
        );
        let mut child = command
            .args(arguments)
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start tests/env/{script}: {error}"));
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("stdout was piped"));
        let script = Script {
            name: script.to_owned(),
            child,
            stdin,
            stdout,
        };
        let server = Self {
            folder,
            script: Arc::new(Mutex::new(script)),
        };
        let facts = server.with_script(|script| script.answer("ready")).await;
        (server, facts)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The ports, in what the script said of its server.
    pub fn ports<const N: usize>(facts: &str) -> [u16; N] {
        let ports: Vec<u16> = facts
            .split_whitespace()
            .map(|port| port.parse().expect("a port"))
            .collect();
        ports.try_into().expect("the start script names this many ports")
    }

    /// Starts the server again after `stop` or `kill`, on the same ports and with the same data.
    pub async fn start_again(&self) {
        self.tell("start", "ready").await;
    }

    /// Ends the server as its administrator would.
    pub async fn stop(&self) {
        self.tell("stop", "stopped").await;
    }

    /// Ends the server as a power cut would.
    pub async fn kill(&self) {
        self.tell("kill", "killed").await;
    }

    /// Stops the server in its tracks: its ports still accept connections, and nothing is ever answered.
    pub async fn freeze(&self) {
        self.tell("freeze", "frozen").await;
    }

    pub async fn thaw(&self) {
        self.tell("thaw", "thawed").await;
    }

    async fn tell(&self, command: &'static str, expected: &'static str) {
        self.with_script(move |script| {
            let stdin = script.stdin.as_mut().expect("stdin is open until the drop");
            writeln!(stdin, "{command}").expect("the start script takes commands");
            script.answer(expected)
        })
        .await;
    }

    async fn with_script<T: Send + 'static>(&self, act: impl FnOnce(&mut Script) -> T + Send + 'static) -> T {
        let script = Arc::clone(&self.script);
        let acting = tokio::task::spawn_blocking(move || act(&mut script.lock().expect("no command has panicked")));
        acting
            .await
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }
}

impl Script {
    fn answer(&mut self, expected: &str) -> String {
        let mut line = String::new();
        self.stdout
            .read_line(&mut line)
            .expect("the start script answers in text");
        match line.trim_end().strip_prefix(expected) {
            Some(facts) => facts.trim().to_owned(),
            None => panic!(
                "tests/env/{} did not say {expected:?} but {line:?}; what it said on stderr is above",
                self.name
            ),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A poisoned lock is no reason to leave a server behind.
        let mut script = self.script.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        drop(script.stdin.take());
        let _ = script.child.wait();
    }
}

/// Runs a program to its end and gives its output; panics with what it said on stderr if it failed.
pub async fn run<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: &[S],
    environment: &[(&str, &OsStr)],
    input: &str,
) -> String {
    let program = program.as_ref();
    let output = attempt(program, arguments, environment, input).await;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{} failed: {}\n{}{text}",
        program.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Runs a program to its end, however that is.
pub async fn attempt<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: &[S],
    environment: &[(&str, &OsStr)],
    input: &str,
) -> Output {
    use tokio::io::AsyncWriteExt;

    let program = program.as_ref();
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {}: {error}; has tests/env/setup run?", program.display()));
    let mut stdin = child.stdin.take().expect("stdin was piped");
    // A program that fails early closes its stdin early; its exit status tells.
    let feed = async move { drop(stdin.write_all(input.as_bytes()).await) };
    let ((), output) = tokio::join!(feed, child.wait_with_output());
    output.expect("a child can be waited for")
}

pub fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/env")
}
