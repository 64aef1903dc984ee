//! What each command does, a file each; `run` is the one list of them.

mod apply;
mod audit;
mod backup;
mod config;
mod contract;
mod declare;
pub mod desk;
pub mod directory;
mod explain;
pub mod failure;
mod health;
mod hub;
mod init;
mod items;
mod keys;
pub mod log;
mod mapping;
pub mod member;
pub mod oneself;
pub mod out;
mod serve;
mod standalone;
pub mod stdin;
mod store;
mod token;

use crate::cli::{Cli, Command, LogCommand};
use clap::{CommandFactory as _, Parser as _};
use desk::Desk;
use failure::Failure;
use std::path::Path;
use std::process::ExitCode;

/// The program: reads the command line, runs the command, prints a failure as one block.
pub fn main() -> ExitCode {
    match dispatch(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.code())
        }
    }
}

fn dispatch(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "lgsp", &mut std::io::stdout());
            Ok(())
        }
        Command::Config(command) => config::run(cli.config.as_deref(), &command),
        Command::Serve(args) => serve::run(cli.config.as_deref(), &args),
        Command::Demo(args) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(crate::demo::run(&args))
        }
        Command::Tsa(command) => standalone::tsa(command),
        Command::Witness(command) => standalone::witness(command),
        _ => {
            // Commands wait for one thing at a time; threads for them would only cost memory.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(run(cli))
        }
    }
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let named = cli.config.as_deref();
    match cli.command {
        Command::Init(args) => init::run(named, &args).await,
        Command::Node(command) => member::run(named, command).await,
        Command::Hub(command) => hub::run(named, command).await,
        command => at_desk(named, command).await,
    }
}

/// The commands of a node that is configured.
async fn at_desk(named: Option<&Path>, command: Command) -> Result<(), Failure> {
    // Whoever checks a proof has no node, and needs none.
    if let Command::Log(LogCommand::CheckProof { file, key }) = &command {
        return log::check_proof(file, key);
    }
    if let Command::Contract(command) = &command
        && let Some(done) = contract::alone(command)
    {
        return done;
    }
    if let Command::Mapping(command) = &command
        && let Some(done) = mapping::alone(command).await
    {
        return done;
    }
    let desk = Desk::open(named)?;
    let desk = &desk;
    match command {
        Command::Directory(command) => directory::run(desk, command).await,
        Command::Apply(args) => apply::run(desk, &args).await,
        Command::Get(args) => items::get(desk, &args).await,
        Command::Put(args) => items::put(desk, &args).await,
        Command::Edit(args) => items::edit(desk, &args).await,
        Command::Delete(args) => items::delete(desk, &args).await,
        Command::Agency(command) => declare::agency(desk, command).await,
        Command::System(command) => declare::system(desk, command).await,
        Command::Contract(command) => contract::run(desk, command).await,
        Command::Service(command) => declare::service(desk, command).await,
        Command::Mapping(command) => mapping::run(desk, command).await,
        Command::Grant(command) => declare::grant(desk, command).await,
        Command::Credential(command) => declare::credential(desk, command).await,
        Command::Token(command) => token::run(desk, command).await,
        Command::Keys(command) => keys::run(desk, command).await,
        Command::Store(command) => store::run(desk, command).await,
        Command::Health(args) => {
            let configured = desk.config().listen.admin.0;
            let address = args.address.or(configured);
            health::run(
                address
                    .ok_or_else(|| Failure::new("listen.admin is empty: name the address with --address"))?,
            )
            .await
        }
        Command::Explain(args) => explain::run(desk, &args),
        Command::Log(command) => log::run(desk, command).await,
        Command::Audit(command) => audit::run(desk, command).await,
        Command::Backup(args) => backup::backup(desk, &args).await,
        Command::Restore(args) => backup::restore(desk, &args).await,
        Command::Init(_)
        | Command::Node(_)
        | Command::Hub(_)
        | Command::Demo(_)
        | Command::Tsa(_)
        | Command::Witness(_)
        | Command::Serve(_)
        | Command::Config(_)
        | Command::Completions { .. } => {
            unreachable!("these were dispatched before")
        }
    }
}
