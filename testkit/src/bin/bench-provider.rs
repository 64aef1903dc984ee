//! The measuring provider as a program: `bench-provider <port> [folder of fixed answers]`.

use lgsp_testkit::provider;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(port) = std::env::args().nth(1).and_then(|p| p.parse::<u16>().ok()) else {
        eprintln!("usage: bench-provider <port> [folder]");
        return ExitCode::from(2);
    };
    let folder = std::env::args_os().nth(2);
    let run = || -> std::io::Result<()> {
        let files = folder.map_or_else(|| Ok(provider::Files::new()), |f| provider::files(f.as_ref()))?;
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
            provider::serve(listener, files).await
        })
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("bench-provider: {e}");
            ExitCode::FAILURE
        }
    }
}
