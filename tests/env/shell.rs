//! A shell that somebody types commands into: what one leaves behind, such as a variable, the next one finds. What is typed is the
//! caller's.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// No command that a person waits for takes longer, on a busy machine either.
const PATIENCE: Duration = Duration::from_mins(3);
/// Follows the output of each command; the exit status follows it.
const END: &str = "~~ this command ended with status";

/// A running bash. Dropped, it is killed.
pub struct Shell {
    _child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Shell {
    /// In a folder, with these programs before all others, and with further variables.
    pub fn start(folder: &Path, programs: &Path, variables: &[(&str, &OsStr)]) -> Self {
        let mut path = programs.as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut child = Command::new("bash")
            .args(["--noprofile", "--norc"])
            .current_dir(folder)
            .env("PATH", path)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("bash is there");
        let stdin = child.stdin.take().expect("stdin was piped");
        let stdout = BufReader::new(child.stdout.take().expect("stdout was piped"));
        Self {
            _child: child,
            stdin,
            stdout,
        }
    }

    /// What a command prints, as a terminal shows it: output and errors. Panics if it fails.
    pub async fn run(&mut self, line: &str) -> String {
        let typed = format!("{{ {line}\n}} </dev/null 2>&1; printf '\\n{END} %s\\n' $?\n");
        self.stdin.write_all(typed.as_bytes()).await.expect("the shell listens");
        let mut printed = String::new();
        let status = tokio::time::timeout(PATIENCE, self.read_output(&mut printed)).await;
        let status = status.unwrap_or_else(|_| panic!("`{line}` does not end; it printed:\n{printed}"));
        assert_eq!(status, "0", "`{line}` failed; it printed:\n{printed}");
        // The line break before the end's mark is not the command's.
        printed.pop();
        printed
    }

    /// Reads up to the end's mark, and gives the status.
    async fn read_output(&mut self, printed: &mut String) -> String {
        loop {
            let mut line = String::new();
            let length = self.stdout.read_line(&mut line).await.expect("the output is text");
            assert_ne!(length, 0, "the shell ended; it printed:\n{printed}");
            if let Some(status) = line.strip_prefix(END) {
                return status.trim().to_owned();
            }
            *printed += &line;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell() -> Shell {
        Shell::start(Path::new("/"), Path::new("/bin"), &[("HALF", OsStr::new("2"))])
    }

    #[tokio::test]
    async fn commands_share_a_session() {
        let mut shell = shell();
        assert_eq!(shell.run("whole=$((HALF * 2)); pwd").await, "/\n");
        assert_eq!(
            shell.run("echo $whole; echo no line break >&2 | cat").await,
            "4\nno line break\n"
        );
        assert_eq!(shell.run("printf 'no end'").await, "no end");
        assert_eq!(shell.run("cat   # from an empty stdin").await, "");
        assert_eq!(shell.run("echo a \\\n  b").await, "a b\n");
    }

    #[tokio::test]
    #[should_panic(expected = "`false` failed")]
    async fn a_command_that_fails_is_told() {
        shell().run("false").await;
    }
}
