//! The end of standard input, as a reason to stop: whoever started this process holds the other end of the pipe, and however that one
//! ends, the pipe closes.

use super::failure::{Failure, Trying as _};
use std::io::Read as _;
use tokio::sync::oneshot;

/// Waits for it.
#[derive(Debug)]
pub enum End {
    /// Nobody asked: standard input is left alone.
    Never,
    /// A thread reads; it says when there is no more.
    Watched(oneshot::Receiver<()>),
}

impl End {
    /// Begins to read standard input; what comes is thrown away.
    pub fn watch() -> Result<Self, Failure> {
        let (reached, watched) = oneshot::channel();
        let read = move || {
            let mut stdin = std::io::stdin().lock();
            while stdin.read(&mut [0; 64]).is_ok_and(|n| n > 0) {}
            // Nobody waits any more: the process is stopping already.
            let _ = reached.send(());
        };
        std::thread::Builder::new().name("stdin".into()).spawn(read).trying("watching standard input")?;
        Ok(Self::Watched(watched))
    }

    /// Returns once it is reached.
    pub async fn reached(&mut self) {
        match self {
            Self::Never => std::future::pending().await,
            Self::Watched(watched) => {
                let _ = watched.await;
            }
        }
    }
}
