//! Starting other programs: run to the end, ask for output, install a Debian package, kill on drop.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What went wrong, in words for the person at the terminal.
pub type Outcome<T> = Result<T, String>;

/// The project's root folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project's root").to_path_buf()
}

/// Runs a command with this terminal's output; an exit code other than 0 is an error.
pub fn run(command: &mut Command) -> Outcome<()> {
    let status = command.status().map_err(|e| format!("{command:?} does not start: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}")) }
}

/// Runs a command and gives what it printed on standard output.
pub fn output(command: &mut Command) -> Outcome<String> {
    let out =
        command.stderr(Stdio::inherit()).output().map_err(|e| format!("{command:?} does not start: {e}"))?;
    if !out.status.success() {
        return Err(format!("{command:?} ended with {}", out.status));
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// The `cargo` that runs us.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Whether a program is on the path (or in the places where Debian puts servers).
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/sbin", "/usr/local/sbin"])
        .map(|dir| Path::new(dir).join(program))
        .find(|p| p.is_file())
}

/// A program that was built for release.
pub fn release(program: &str) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), std::path::PathBuf::from);
    target.join("release").join(program)
}

/// Whether we are root.
pub fn is_root() -> bool {
    output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Whether this is a continuous-integration run, where leaving something out is a failure.
pub fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|v| v == "true")
}

/// Finds a program, installing its Debian package if it is missing and we may.
pub fn ensure(program: &str, package: &str) -> Outcome<PathBuf> {
    if let Some(path) = find(program) {
        return Ok(path);
    }
    install(package)?;
    find(program).ok_or_else(|| format!("the package {package} brought no {program}"))
}

/// Installs a Debian package without starting what it brings.
pub fn install(package: &str) -> Outcome<()> {
    if !is_root() {
        return Err(format!(
            "{package} is not installed and only root could install it (apt-get install {package})"
        ));
    }
    if find("apt-get").is_none() {
        return Err(format!("{package} is not installed and this is not a Debian system"));
    }
    eprintln!("xtask: installing {package}");
    let apt = |arguments: &[&str]| {
        run(Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("RUNLEVEL", "1")
            .stdout(Stdio::null()))
    };
    apt(&["install", "-y", "-qq", "--no-install-recommends", package]).or_else(|_| {
        apt(&["update", "-qq"])?;
        apt(&["install", "-y", "-qq", "--no-install-recommends", package])
    })
}

/// A process that is killed when this value goes.
pub struct Running(pub Child);

impl Running {
    /// Starts a command.
    pub fn start(command: &mut Command) -> Outcome<Self> {
        command.spawn().map(Self).map_err(|e| format!("{command:?} does not start: {e}"))
    }
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A TCP port of the loopback address that is free now.
pub fn free_port() -> Outcome<u16> {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|l| l.local_addr())
        .map(|a| a.port())
        .map_err(|e| format!("no free port: {e}"))
}
