//! A process of the demo: this same program, told to do one thing. It lives as long as the pipe that is its standard input: when
//! the parent ends, however it ends, the pipe closes and the child stops in order.

use crate::commands::failure::{Failure, Trying as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{ChildStdin, Command};

/// For a child to take its first call. A debug build on a busy machine needs some of it.
const READY: Duration = Duration::from_secs(60);
/// For a child to stop in order.
const STOP: Duration = Duration::from_secs(15);
/// Of a child's log, this much is shown when it fails.
const LOG_SHOWN: usize = 2_000;

/// A running child.
pub(crate) struct Child {
    name: String,
    process: tokio::process::Child,
    /// Apart from the process, since waiting for that would close it.
    stdin: Option<ChildStdin>,
    log: PathBuf,
}

impl Child {
    /// Starts this program with these arguments; what it says goes to the file.
    pub(crate) fn spawn(name: &str, arguments: &[&str], log: &Path) -> Result<Self, Failure> {
        let program = std::env::current_exe().trying("finding this program's own path")?;
        let out = std::fs::File::create(log).trying(format!("writing {}", log.display()))?;
        let copy = out.try_clone().trying(format!("writing {}", log.display()))?;
        let mut process = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(copy)
            // Ctrl-C is for the parent, which stops its children in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .trying(format!("starting {name}"))?;
        let stdin = process.stdin.take();
        Ok(Self { name: name.to_owned(), process, stdin, log: log.to_owned() })
    }

    /// Waits until `probe` says so; fails as soon as the child has ended.
    pub(crate) async fn ready<F>(&mut self, probe: impl Fn() -> F) -> Result<(), Failure>
    where
        F: Future<Output = bool>,
    {
        let until = Instant::now() + READY;
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Err(self.failure(&format!("ended: {status}")));
            }
            if probe().await {
                return Ok(());
            }
            if Instant::now() > until {
                return Err(self.failure(&format!("was not ready after {} s", READY.as_secs())));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends when the child ends by itself.
    pub(crate) async fn ended(&mut self) -> Failure {
        match self.process.wait().await {
            Ok(status) => self.failure(&format!("ended: {status}")),
            Err(e) => self.failure(&format!("is lost: {e}")),
        }
    }

    fn failure(&self, what: &str) -> Failure {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let from = said.char_indices().rev().nth(LOG_SHOWN).map_or(0, |(i, _)| i);
        Failure::new(format!("{} {what}\n{}", self.name, said[from..].trim_end()))
            .help(format!("all that it said is in {}", self.log.display()))
    }

    /// Closes its pipe and waits for it; one that does not stop is killed.
    pub(crate) async fn stop(mut self) {
        drop(self.stdin.take());
        if tokio::time::timeout(STOP, self.process.wait()).await.is_err() {
            // It may have ended this very moment.
            let _ = self.process.kill().await;
        }
    }
}
