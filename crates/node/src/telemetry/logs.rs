//! Structured log lines on standard error, their level changeable while the process runs. Secrets never come here: their types do
//! not print, and refusals carry internals apart.

use crate::config::schema::{LogFormat, TelemetrySection};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt, reload};

/// Changes the level of a running process.
#[derive(Clone)]
pub struct LogControl(reload::Handle<EnvFilter, Registry>);

impl LogControl {
    /// Takes a new filter; the text is as in `telemetry.level`.
    pub fn set(&self, level: &str) -> Result<(), String> {
        let filter = parse(level)?;
        self.0.reload(filter).map_err(|e| e.to_string())
    }
}

impl std::fmt::Debug for LogControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogControl")
    }
}

/// Reads a filter.
pub fn parse(level: &str) -> Result<EnvFilter, String> {
    let bad = || {
        format!(
            "{level:?} is not a level or filter: write error, warn, info, debug, trace or \"info,lgsp_provider=debug\""
        )
    };
    // The library takes any word for a module's name; a misspelt level would then silence everything else.
    let last = |part: &str| part.rsplit('=').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !level.split(',').all(|part| LEVELS.contains(&last(part).as_str())) {
        return Err(bad());
    }
    EnvFilter::builder().parse(level).map_err(|_| bad())
}

const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

/// Starts logging for the whole process.
pub fn start(section: &TelemetrySection) -> Result<LogControl, String> {
    let (filter, handle) = reload::Layer::new(parse(&section.level)?);
    let lines = match section.format {
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(std::io::stderr)
            .boxed(),
        LogFormat::Text => fmt::layer().with_ansi(false).with_writer(std::io::stderr).boxed(),
    };
    Registry::default().with(filter).with(lines).try_init().map_err(|e| e.to_string())?;
    Ok(LogControl(handle))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_level_is_a_word_or_a_filter() {
        assert!(parse("info").is_ok() && parse("warn,lgsp_provider=debug").is_ok());
        for bad in ["", "loud", "loud=", "info,x=loud", "info,,debug"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
