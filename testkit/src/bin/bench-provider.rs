//! The measuring provider as a program: `bench-provider <port>`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(port) = std::env::args().nth(1).and_then(|p| p.parse::<u16>().ok()) else {
        eprintln!("usage: bench-provider <port>");
        return ExitCode::from(2);
    };
    let run = || -> std::io::Result<()> {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
            lgsp_testkit::provider::serve(listener).await
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
