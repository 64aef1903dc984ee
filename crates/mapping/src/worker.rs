//! The worker process: takes its bounds, then compiles and runs mappings one after the other until its input ends. It has no
//! descriptor but the three standard ones, next to no environment, and opens nothing.

use crate::engine::Program;
use crate::frame::{self, Answer, Ask};
use crate::json::{self, WriteError};
use crate::limits::{MAX_COMPILED, MAX_MESSAGE, STACK};
use crate::mapping::CallVars;
use jaq_json::Val;
use rustix::process::{Resource, Rlimit, nice, setrlimit};
use std::io::{self, BufReader};
use std::process::ExitCode;

/// How much a worker gives way to the processes that carry calls.
const NICENESS: i32 = 5;
/// Descriptors of a worker: the standard ones, and a few for the start of the process.
const DESCRIPTORS: u64 = 16;

/// The argument that has a program be a worker, where the pool starts the program that it is in itself.
pub const WORKER_ARGUMENT: &str = "mapping-worker";

/// The whole worker: call it in `main` where the program was started as one. Ends when its input does.
pub fn worker_main() -> ExitCode {
    let thread = std::thread::Builder::new().name("mapping".into()).stack_size(STACK).spawn(serve);
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    let mut input = BufReader::new(io::stdin().lock());
    let mut output = io::stdout().lock();
    let Some((Ask::Start { memory }, ..)) = frame::read(&mut input)? else { return Ok(()) };
    bound(memory)?;
    frame::write(&mut output, &Answer::Ready, &[])?;
    let mut programs: Vec<(String, Program)> = Vec::new();
    while let Some((ask, body, request)) = frame::read(&mut input)? {
        let (answer, body) = match ask {
            Ask::Start { .. } => (Answer::Ready, Vec::new()),
            Ask::Prepare { digest, text, tables } => {
                (prepare(&mut programs, digest, &text, &tables), Vec::new())
            }
            Ask::Run { digest, call, request: has_request, output } => match find(&mut programs, &digest) {
                None => (Answer::Unknown, Vec::new()),
                Some(program) => run(program, &body, &call, has_request.then_some(&request), output),
            },
        };
        frame::write(&mut output, &answer, &body)?;
        if matches!(answer, Answer::Output) {
            // what was made is still there, and may be too deep to be dropped
            return Ok(());
        }
    }
    Ok(())
}

/// Memory beyond what is in use now, no files written, no core dump, low priority.
fn bound(memory: u64) -> io::Result<()> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    // the sixth number is data and stack, which is what RLIMIT_DATA counts; proc(5)
    let data: u64 = pages.split_whitespace().nth(5).and_then(|n| n.parse().ok()).unwrap_or(0);
    let total = data * rustix::param::page_size() as u64 + memory;
    for (resource, most) in
        [(Resource::Data, total), (Resource::Fsize, 0), (Resource::Core, 0), (Resource::Nofile, DESCRIPTORS)]
    {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    nice(NICENESS)?;
    Ok(())
}

fn prepare(
    programs: &mut Vec<(String, Program)>,
    digest: String,
    text: &str,
    tables: &crate::Tables,
) -> Answer {
    match Program::compile(text, tables) {
        Ok(program) => {
            programs.retain(|(kept, _)| *kept != digest);
            if programs.len() >= MAX_COMPILED {
                programs.remove(0);
            }
            programs.push((digest, program));
            Answer::Ready
        }
        Err(problems) => {
            let first = problems.into_iter().next();
            let (line, message) = first.map(|p| (p.line, p.message)).unwrap_or_default();
            Answer::Failed { line, field: String::new(), message }
        }
    }
}

/// Finds a program and makes it the one used last.
fn find<'p>(programs: &'p mut Vec<(String, Program)>, digest: &str) -> Option<&'p Program> {
    let at = programs.iter().position(|(kept, _)| kept == digest)?;
    let program = programs.remove(at);
    programs.push(program);
    programs.last().map(|(_, program)| program)
}

fn run(
    program: &Program,
    body: &[u8],
    call: &CallVars,
    request: Option<&Vec<u8>>,
    output: usize,
) -> (Answer, Vec<u8>) {
    let failed = |line, field, message: String| {
        let message = message.chars().take(MAX_MESSAGE).collect();
        (Answer::Failed { line, field, message }, Vec::new())
    };
    let not_read = |what: &str, e: json::JsonError| {
        failed(0, String::new(), format!("{what} at byte {}: {}", e.at, e.message))
    };
    let input = match json::read(body) {
        Ok(input) => input,
        Err(e) => return not_read("the message", e),
    };
    let request = match request.map(|r| json::read(r)).transpose() {
        Ok(request) => request.unwrap_or_default(),
        Err(e) => return not_read("the request", e),
    };
    let call = serde_json::to_vec(call).ok().and_then(|c| json::read(&c).ok()).unwrap_or_default();
    let value: Val = match program.run(input, call, request) {
        Ok(value) => value,
        Err(failure) => return failed(failure.line, failure.field, failure.message),
    };
    match json::write(&value, output) {
        Ok(bytes) => (Answer::Done, bytes),
        Err(WriteError::NotJson(what)) => failed(0, String::new(), format!("the result has {what}")),
        Err(WriteError::TooLarge) => {
            // dropping what is too deep would overflow the stack before the answer is given
            std::mem::forget(value);
            (Answer::Output, Vec::new())
        }
    }
}
